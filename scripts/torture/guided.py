"""Readers of foreign files, given files that reach ever more of their code: `python -m scripts.torture.guided`.

A process of its own, because the modules of phcore are instrumented as they are imported. libFuzzer, through atheris,
keeps each file that reaches a branch which none before it reached, and goes on from there; half of the changes are its
own, of bytes, and half those of `mutations`, which know the formats.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from scripts.torture.mutations import spoilt

LARGEST = 2**20  # bytes of a file
EVERY = 1.0  # seconds between two notes of how many were tried
HERE = Path(__file__).resolve().parents[2]


def available() -> bool:
    """Whether atheris is installed: it has no build for some machines."""
    return find_spec("atheris") is not None


def attack(folder: Path, name: str, seed: int, seconds: float, found: Path, environment: dict[str, str]) -> str:
    """Spoil the files of one reader until the time is up; what it let through is written to `found` as
    {"tried": count, "uncaught": {words: count}}.

    Returns
    -------
    What the process said where it died, of a crash or of a file that takes longer than `fuzzing.LONGEST`; else "".
    """
    arguments = [folder, name, seed, int(seconds), found]
    command = [sys.executable, "-m", "scripts.torture.guided", *map(str, arguments)]
    done = subprocess.run(command, env=environment, cwd=HERE, capture_output=True, text=True, errors="replace")
    return done.stderr[-1500:] or f"exit code {done.returncode}" if done.returncode else ""


def _inside(folder: Path, name: str, seed: int, seconds: int, found: Path) -> None:
    import atheris

    with atheris.instrument_imports(include=["phcore"], enable_loader_override=False):
        from phcore.errors import Fault
        from scripts.torture import fuzzing, readers

    one = next(one for one in readers.READERS if one.name == name)
    paths = [readers.first(folder, file) for file in one.files]
    told = Notes(found)
    with suppress(Fault):
        one.read(folder)  # what is imported at the first call is no slow file

    def read(data: bytes) -> None:
        """The first byte says which file this is, the others what it holds."""
        path = paths[data[0] % len(paths)] if data else paths[0]
        told.add(fuzzing.told(folder, one, path, data[1:]))

    def change(data: bytes, largest: int, number: int) -> bytes:
        dice = random.Random(number)
        if data and dice.random() < 0.5:
            with suppress(Exception):  # it is no JSON any more, no table, ...
                return (data[:1] + spoilt(data[1:], dice, paths[data[0] % len(paths)].name))[:largest]
        return atheris.Mutate(data, largest)

    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        for number, path in enumerate(paths):
            Path(place, str(number)).write_bytes(bytes([number]) + path.read_bytes())
        options = {"max_total_time": seconds, "seed": seed or 1, "max_len": LARGEST, "timeout": fuzzing.LONGEST,
                   "rss_limit_mb": 0, "len_control": 0, "artifact_prefix": f"{found}-"}  # fmt: skip
        atheris.Setup([sys.argv[0], *(f"-{key}={value}" for key, value in options.items()), place], read,
                      custom_mutator=change)  # fmt: skip
        atheris.Fuzz()


class Notes:
    """What was tried and what was let through, written down now and then: libFuzzer ends the process itself."""

    def __init__(self, found: Path):
        self._found, self._tried, self._uncaught, self._written = found, 0, Counter(), 0.0

    def add(self, error: str) -> None:
        self._tried += 1
        if error:
            self._uncaught[error] += 1
        if error or time.monotonic() - self._written > EVERY:
            self._found.write_text(json.dumps({"tried": self._tried, "uncaught": self._uncaught}))
            self._written = time.monotonic()


if __name__ == "__main__":
    place, which, dice, limit, notes = sys.argv[1:]
    _inside(Path(place), which, int(dice), int(limit), Path(notes))
