"""The tiny study that is attacked, and what it gives when it is left in peace."""

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from phcore.archive.store import SCHEMA
from scripts.torture.process import Process
from scripts.torture.tally import Trouble
from tests import models, studies

NAME = "study.toml"
COMPUTE = ("compute", NAME, "--workers", "1", "--device", "cpu")
HERE = Path(__file__).resolve().parent
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "PYTHONPATH": str(HERE.parents[1]),
    "PYTHONFAULTHANDLER": "1",
}
Contents = dict[str, str]  # name of an archive file -> digest of its bytes


def contents(cache: Path) -> Contents:
    """Every result and table of an archive."""
    found = {}
    for path in sorted((cache / SCHEMA).rglob("*.parquet")):
        try:
            found[str(path.relative_to(cache / SCHEMA))] = hashlib.sha256(path.read_bytes()).hexdigest()
        except FileNotFoundError:  # while somebody deletes
            continue
    return found


@dataclass
class Place:
    """A copy of the study with an archive of its own."""

    folder: Path

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def contents(self) -> Contents:
        return contents(self.cache)

    def start(
        self, *arguments: str, before: Callable[[], object] = lambda: None, work: Callable | None = None, **more: str
    ) -> Process:
        """A command (computing, by default) in a process of its own; or other work there.

        Parameters
        ----------
        before : called in that process first.
        more : of its environment.
        """

        def command() -> int:
            import sys

            from phcore.cli.main import main

            before()
            sys.argv = ["phcore", *(arguments or COMPUTE)]
            return main(sys.argv[1:])

        return Process(work or command, self.folder, ENVIRONMENT | {"PHCORE_CACHE": str(self.cache)} | more)

    def run(self, *arguments: str, **how) -> Process:
        process = self.start(*arguments, **how)
        process.wait()
        return process

    def age(self) -> None:
        """Let half-written files look as if the writer had been killed hours ago."""
        for one in self.cache.rglob(".*.tmp"):
            then = time.time() - 7200
            os.utime(one, (then, then))

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


class Scene:
    """Base model, series, probe set and study file, made once; and what undisturbed runs give.

    Attributes
    ----------
    right : results of the study.
    known : the same, and those of the study with other weights in `helpful/checkpoint-2` and with two checkpoints
        swapped: whatever an attack leaves in an archive under one of these names has to be this.
    """

    def __init__(self, folder: Path):
        self.folder, self._count = folder, 0
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "made" / NAME).exists():
            shutil.rmtree(folder / "made", ignore_errors=True)
            made = Process(lambda: self._build(folder / "made"), folder, ENVIRONMENT)  # in a fork: it starts threads
            if made.wait():
                raise SystemExit(f"the study cannot be built: {made.said}")
        self.right = self._undisturbed("right", lambda place: None)
        self.seconds = float((folder / "right" / "seconds").read_text())
        self.known = self.right | self._undisturbed("other", other_weights) | self._undisturbed("swapped", swap)

    def _build(self, made: Path) -> int:
        base = models.build_model(made / "base", "llama")
        few = studies.build_few(made, base, "helpful", "full")
        study = few.with_(tokens=(0, 7), answers=(0, 3))  # which asks for every result
        shutil.rmtree(made / "runs" / "harmless")
        models.build_adapter(made / "other", base, seed=99)
        text = study.to_toml().replace(f"{made}/", "")  # the study file may travel with its folder
        (made / NAME).write_text(text)
        return 0

    def _undisturbed(self, name: str, change: Callable[[Place], object]) -> Contents:
        place = Place(self.folder / name)
        if not (place.folder / "seconds").exists():
            place.remove()
            shutil.copytree(self.folder / "made", place.folder)
            change(place)
            started = time.monotonic()
            done = place.run()
            if done.code:
                raise SystemExit(f"the undisturbed study does not finish: {done.said}")
            (place.folder / "seconds").write_text(str(time.monotonic() - started))
        return place.contents

    def place(self, finished: bool = False) -> Place:
        """A fresh copy of the study, not computed; or finished."""
        self._count += 1
        place = Place(self.folder / f"try-{os.getpid()}-{self._count}")
        shutil.copytree(self.folder / "made", place.folder)
        if finished:
            shutil.copytree(self.folder / "right" / "cache", place.cache)
        return place

    def restore(self, place: Place) -> None:
        """Checkpoints, base and probe set as they were."""
        for name in ("base", "runs", "other"):
            shutil.rmtree(place.folder / name, ignore_errors=True)
            shutil.copytree(self.folder / "made" / name, place.folder / name)
        for name in ("probes.jsonl", NAME):
            shutil.copy2(self.folder / "made" / name, place.folder / name)

    def judge(self, place: Place, trouble: Trouble, same: Callable[[Path, Path], bool] | None = None) -> None:
        """One or two plain runs after an attack, and what they lead to.

        Parameters
        ----------
        same : whether a file whose bytes differ holds the same nevertheless.
        """
        place.age()
        for _ in range(2):
            done = place.run()
            check(done, trouble, "the run afterwards")
            wrong = self.differences(place, same)
            if done.code == 0 and not wrong:
                break
        if done.code:
            trouble.add("lost", f"the study does not finish: {done.said[-500:]}")
        elif wrong:
            trouble.add("wrong", f"{len(wrong)} files, the first: {wrong[0]}")
        hidden = [one for one in place.cache.rglob(".*") if one.is_file()]
        # A lock is empty, and stays.
        left = [one.name for one in hidden if not one.name.endswith(".lock") or one.stat().st_size]
        if left:
            trouble.add("leaked", f"{len(left)} half-written files, the first: {left[0]}")

    def differences(self, place: Place, same: Callable[[Path, Path], bool] | None = None) -> list[str]:
        """In words, what an archive has otherwise than one that was left in peace."""
        here, found, right = place.contents, [], self.folder / "right" / "cache" / SCHEMA
        for name in sorted(self.right.keys() - here.keys()):
            if not may_be_gone(name):
                found.append(f"{name} is missing")
        for name in sorted(self.known.keys() & here.keys()):
            if here[name] != self.known[name] and not (same and same(place.cache / SCHEMA / name, right / name)):
                found.append(f"{name} has other bytes")
        return found

    def lost(self, before: Contents, place: Place, trouble: Trouble) -> None:
        """What was finished before and is gone now, or is another."""
        after = place.contents
        gone = [name for name, digest in before.items() if after.get(name) != digest]
        if gone:
            trouble.add("lost", f"{len(gone)} finished files, the first: {gone[0]}")


def check(process: Process, trouble: Trouble, what: str) -> None:
    """How a process ended, and what it left running."""
    if wrong := process.uncaught:
        trouble.add("uncaught", f"{what}: {wrong}")
    if left := process.left_over():
        trouble.add("leaked", f"{what} left {len(left)} processes")


def may_be_gone(name: str) -> bool:
    """What is kept only while something is made from it."""
    from phcore.stages.registry import results

    one = results().get(name.split("/")[0])
    return one is not None and one.intermediate and not one.shown


def other_weights(place: Place) -> None:
    shutil.copy2(place.folder / "other" / "adapter_model.safetensors", place.folder / "runs/helpful/checkpoint-2")


def swap(place: Place) -> None:
    one, two = (place.folder / f"runs/helpful/checkpoint-{step}" / "adapter_model.safetensors" for step in (1, 4))
    kept = one.with_name("kept")
    os.rename(one, kept)
    os.rename(two, one)
    os.rename(kept, two)
