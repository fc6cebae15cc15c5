"""Readers of foreign files, given spoilt ones."""

import json
import os
import random
import shutil
import signal
import time
import traceback
from collections import Counter
from pathlib import Path

from phcore.errors import Fault
from scripts.torture import files, guided, readers
from scripts.torture.how import How
from scripts.torture.mutations import spoilt
from scripts.torture.process import Process
from scripts.torture.scene import ENVIRONMENT, Scene
from scripts.torture.tally import Tally

LONGEST = 30  # seconds that one file may take


def fuzzing(scene: Scene, tally: Tally, how: How) -> None:
    """Thousands of spoilt files for every reader: bytes flipped, cut, inserted; values of JSON, TOML, CSV, safetensors
    headers and packs replaced, removed, nested deeply. Half of the time at random, half from files that reached ever
    more of the code, where atheris is installed. All but a Fault is uncaught, and so is a crash or a hang."""
    folder = scene.folder / "readers"
    shutil.rmtree(folder, ignore_errors=True)
    made = Process(lambda: bool(not files.prepare(folder, scene.folder / "right")), scene.folder, ENVIRONMENT)
    if made.wait():
        raise RuntimeError(made.said)
    if lacking := [file for one in readers.READERS for file in one.files if not any(folder.glob(file))]:
        raise RuntimeError(f"there is nothing to spoil at {', '.join(lacking)}")
    ways = (at_random, by_coverage) if guided.available() else (at_random,)
    if len(ways) == 1:
        tally.notes.append("atheris is not installed: files were spoilt at random only")
    for one in readers.READERS:
        whole = {path: path.read_bytes() for path in (readers.first(folder, file) for file in one.files)}
        for way in ways:
            found = scene.folder / f"found-{one.name.replace(' ', '-')}-{way.__name__}.json"
            found.unlink(missing_ok=True)
            with tally.trial(f"{one.name}, {way.__name__.replace('_', ' ')}") as trouble:
                died = way(scene, folder, one.name, how.seed, how.seconds / len(readers.READERS) / len(ways), found)
                if died:
                    trouble.add("uncaught", died)
                told = json.loads(found.read_text()) if found.exists() else {"tried": 1, "uncaught": {}}
                for what, count in told["uncaught"].items():
                    trouble.add("uncaught", f"{count} times: {what}")
            tally.tried += told["tried"] - 1
            tally.survived += told["tried"] - sum(told["uncaught"].values()) - (not told["uncaught"])
            for path, data in whole.items():  # a process that died left one spoilt
                path.write_bytes(data)


def at_random(scene: Scene, folder: Path, name: str, seed: int, seconds: float, found: Path) -> str:
    """Of what file the process died; else ""."""
    last = scene.folder / "last"
    work = Process(lambda: attack(folder, name, seed, seconds, found, last), scene.folder, ENVIRONMENT)
    work.wait()
    if found.exists():
        return ""
    kept = scene.folder / f"crash-{name.replace(' ', '-')}"
    shutil.copy2(last, kept)
    return f"the process died ({work.code}) of the file {kept}: {work.said[-1500:]}"


def by_coverage(scene: Scene, folder: Path, name: str, seed: int, seconds: float, found: Path) -> str:
    """What the process said before it died; else ""."""
    return guided.attack(folder, name, seed, seconds, found, os.environ | ENVIRONMENT)


def attack(folder: Path, name: str, seed: int, seconds: float, found: Path, last: Path, most: int = 10**9) -> int:
    """Spoil the files of one reader until the time is up, and write down what it let through."""
    one = next(one for one in readers.READERS if one.name == name)
    until, uncaught, tried = time.monotonic() + seconds, Counter(), 0
    signal.signal(signal.SIGALRM, _hangs)
    while time.monotonic() < until and tried < most:
        error = once(folder, one, random.Random(f"{seed} {name} {tried}"), last)
        tried += 1
        if error:
            uncaught[error] += 1
    found.write_text(json.dumps({"tried": tried, "uncaught": uncaught}))
    return 0


def once(folder: Path, one: readers.Reader, dice: random.Random, last: Path | None = None) -> str:
    """One spoilt file; the end of the traceback where it raises anything but a Fault, else ""."""
    path = readers.first(folder, dice.choice(one.files))
    data = spoilt(path.read_bytes(), dice, path.name)
    if last:
        last.write_bytes(data)
    signal.alarm(LONGEST if last else 0)
    try:
        return told(folder, one, path, data)
    finally:
        signal.alarm(0)


def told(folder: Path, one: readers.Reader, path: Path, data: bytes) -> str:
    """What a reader says of a file with other contents, as `once` does. The file is put back as it was."""
    whole = path.read_bytes()
    path.unlink()  # it may be a link to the file of an archive
    path.write_bytes(data)
    try:
        one.read(folder)
    except Fault as fault:
        try:
            str(fault).encode()
        except UnicodeEncodeError:
            return f"{path.name}: a sentence that cannot be printed: {str(fault)[:200]!r}"
        return ""
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "/phcore/" in frame.filename] or frames
        places = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in ours[:-5:-1])
        return f"{path.name}: {type(error).__name__}: {str(error)[:120]} at {places}"
    finally:
        path.unlink(missing_ok=True)
        path.write_bytes(whole)
    return ""


class Hangs(Exception):
    """No TimeoutError: to a reader that is one of the file system, and a whole file would count as damaged."""


def _hangs(*_) -> None:
    raise Hangs(f"it takes longer than {LONGEST} s")
