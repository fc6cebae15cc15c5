"""Readers of foreign files, given spoilt ones."""

import json
import random
import shutil
import signal
import time
import traceback
from collections import Counter
from pathlib import Path

from phcore.errors import Fault
from scripts.torture import files, readers
from scripts.torture.how import How
from scripts.torture.mutations import spoilt
from scripts.torture.process import Process
from scripts.torture.scene import ENVIRONMENT, Scene
from scripts.torture.tally import Tally

LONGEST = 30  # seconds that one file may take


def fuzzing(scene: Scene, tally: Tally, how: How) -> None:
    """Thousands of spoilt files for every reader: bytes flipped, cut, inserted; values of JSON, TOML, CSV, safetensors
    headers and packs replaced, removed, nested deeply. All but a Fault is uncaught, and so is a crash or a hang."""
    folder = scene.folder / "readers"
    shutil.rmtree(folder, ignore_errors=True)
    made = Process(lambda: bool(not files.prepare(folder, scene.folder / "right")), scene.folder, ENVIRONMENT)
    if made.wait():
        raise RuntimeError(made.said)
    if lacking := [file for one in readers.READERS for file in one.files if not any(folder.glob(file))]:
        raise RuntimeError(f"there is nothing to spoil at {', '.join(lacking)}")
    names = [one.name for one in readers.READERS]
    seconds = how.seconds / len(names)
    found, last = scene.folder / "found.json", scene.folder / "last"
    for name in names:
        found.unlink(missing_ok=True)
        arguments = folder, name, how.seed, seconds, found, last
        work = Process(lambda given=arguments: attack(*given), scene.folder, ENVIRONMENT)
        work.wait()
        with tally.trial(name) as trouble:
            if not found.exists():
                kept = scene.folder / f"crash-{name.replace(' ', '-')}"
                shutil.copy2(last, kept)
                trouble.add("uncaught", f"the process died ({work.code}) of the file {kept}: {work.said[-1500:]}")
                continue
            told = json.loads(found.read_text())
            for what, count in told["uncaught"].items():
                trouble.add("uncaught", f"{count} times: {what}")
        tally.tried += told["tried"] - 1
        tally.survived += told["tried"] - sum(told["uncaught"].values()) - (not told["uncaught"])


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
    whole = path.read_bytes()
    data = spoilt(whole, dice, path.name)
    if last:
        last.write_bytes(data)
    path.unlink()  # it may be a link to the file of an archive
    path.write_bytes(data)
    signal.alarm(LONGEST if last else 0)
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
        signal.alarm(0)
        path.unlink(missing_ok=True)
        path.write_bytes(whole)
    return ""


class Hangs(Exception):
    """No TimeoutError: to a reader that is one of the file system, and a whole file would count as damaged."""


def _hangs(*_) -> None:
    raise Hangs(f"it takes longer than {LONGEST} s")
