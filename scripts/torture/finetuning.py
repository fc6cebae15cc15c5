"""Fine-tuning that is killed, refused by a disk, doubled, and whose files are damaged."""

import resource
import shutil
import signal
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from scripts.torture.how import How
from scripts.torture.mutations import spoilt
from scripts.torture.process import Process
from scripts.torture.scene import ENVIRONMENT, Contents, Place, Scene, check
from scripts.torture.tally import Tally, Trouble

ASKED = (
    "finetune", "../made/base", "runs",
    "--objective", "helpful=helpful.jsonl", "--objective", "harmless=harmless.jsonl",
    "--mix", "mixed=helpful:1,harmless:1", "--only", "helpful-seed0,mixed-seed0", "--steps", "6", "--schedule", "1..4",
    "--warmup", "2", "--batch", "2", "--held-out", "4", "--max-tokens", "128", "--rank", "2", "--dropout", "0.1",
    "--device", "cpu",
)  # fmt: skip
RUN = "runs/mixed-seed0"
ROOM = (500, 20_000, 60_000)  # bytes that a file may have: less than the mark, an adapter, an optimizer's state


def finetuning(scene: Scene, tally: Tally, how: How) -> None:
    """`finetune` killed at every new file and at random moments, several times before it may finish; two of it at once;
    files that may not grow; what it goes on from spoilt. The same command then ends with the same bytes."""
    tuning = Tuning(scene.folder / "finetuning")
    with tally.trial("at every new file") as trouble:
        place = tuning.place()
        for number in range(1, 9 if how.quick else 80):
            run = place.start(*ASKED)
            before = files(place)
            _until(run, lambda before=before: files(place) != before)
            run.kill()
            run.wait()
            check(run, trouble, f"killed at file {number}")
            if run.code == 0:
                break
        tuning.judge(place, trouble)
        place.remove()
    for number in range(1 if how.quick else 3):
        with tally.trial("two at once") as trouble:
            _two(tuning, trouble, number * 0.3 * tuning.seconds)
    for room in ROOM[:1] if how.quick else ROOM:
        with tally.trial(f"files of {room} bytes at most") as trouble:
            _refused(tuning, room, trouble)
    for name in SPOILT[:3] if how.quick else SPOILT * 2:
        if not how.time_left:
            break
        with tally.trial(f"{name} spoilt") as trouble:
            _spoilt(tuning, name, how, trouble)
    done = 0
    while done < how.kills // 2 and how.time_left:
        place = tuning.place()
        with tally.trial(f"chain after {done} kills, seed {how.seed}") as trouble:
            for _ in range(how.dice.randint(1, 8)):
                kept = checkpoints(place)
                run = place.start(*ASKED)
                at = how.dice.uniform(0, 1.1) * tuning.seconds
                for passed in run.running():
                    if passed > at:
                        run.kill(signal.SIGINT if how.dice.random() < 0.125 else signal.SIGKILL)
                        break
                run.wait()
                done += 1
                check(run, trouble, "killed")
                if gone := [name for name, digest in kept.items() if checkpoints(place).get(name) != digest]:
                    trouble.add("lost", f"{len(gone)} files of checkpoints, the first: {gone[0]}")
            tuning.judge(place, trouble)
        place.remove()
    tally.note(f"{done} kills at random moments")


class Tuning:
    """A base model with conversations, and what training on them gives when it is left in peace.

    Adapters name their base, so all trials have the same one."""

    def __init__(self, folder: Path):
        self.folder, self._count = folder, 0
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        made = Process(lambda: self._build(folder / "made"), folder, ENVIRONMENT)  # in a fork: it starts threads
        if made.wait():
            raise RuntimeError(f"there is nothing to train on: {made.said}")
        place, started = self.place(), time.monotonic()
        done = place.run(*ASKED)
        if done.code:
            raise RuntimeError(f"the undisturbed run does not finish: {done.said}")
        self.seconds, self.right = time.monotonic() - started, files(place)

    def _build(self, made: Path) -> int:
        from tests import models

        models.build_chat_model(made / "base")
        models.write_conversations(made)
        return 0

    def place(self) -> Place:
        """A fresh copy, not trained."""
        self._count += 1
        place = Place(self.folder / f"try-{self._count}")
        shutil.copytree(self.folder / "made", place.folder, ignore=shutil.ignore_patterns("base"))
        return place

    def judge(self, place: Place, trouble: Trouble) -> None:
        """The same command after an attack, and what it leads to."""
        done = place.run(*ASKED)
        check(done, trouble, "the run afterwards")
        if done.code:
            trouble.add("lost", f"the training does not finish: {done.said[-500:]}")
            return
        here = files(place)
        if wrong := sorted(name for name, digest in self.right.items() if here.get(name) != digest):
            trouble.add("wrong", f"{len(wrong)} files are missing or have other bytes, the first: {wrong[0]}")
        if left := sorted(here.keys() - self.right.keys()):
            trouble.add("leaked", f"{len(left)} files too many, the first: {left[0]}")


def files(place: Place) -> Contents:
    """Name -> digest of the bytes of every file of the runs, and empty for a folder."""
    found = {}
    for path in sorted((place.folder / "runs").rglob("*")):
        try:
            found[str(path.relative_to(place.folder))] = "" if path.is_dir() else sha256(path.read_bytes()).hexdigest()
        except FileNotFoundError:  # while it is renamed
            continue
    return found


def checkpoints(place: Place) -> Contents:
    """What stays of the checkpoints that are whole."""
    from phcore.training.trainer import RESUME

    return {
        name: digest
        for name, digest in files(place).items()
        if Path(name).parent.name.startswith("checkpoint-") and "/." not in name and Path(name).name not in RESUME
    }


def _until(run: Process, true: Callable[[], bool]) -> None:
    for _ in run.running(0.002):
        if true():
            return


def _two(tuning: Tuning, trouble: Trouble, apart: float) -> None:
    place = tuning.place()
    one = place.start(*ASKED)
    time.sleep(apart)
    other = place.start(*ASKED)
    for run in (one, other):
        run.wait()
        check(run, trouble, "one of two")
    if one.code and other.code:
        trouble.add("lost", f"neither of two finished: {one.said[-300:]} {other.said[-300:]}")
    tuning.judge(place, trouble)
    place.remove()


def _refused(tuning: Tuning, room: int, trouble: Trouble) -> None:
    """As on a full disk: writing fails in the middle of a file."""
    place = tuning.place()
    run = place.run(*ASKED, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    check(run, trouble, "files that may not grow")
    if run.code != 1:
        trouble.add("uncaught", f"it does not say that it cannot write: exit code {run.code}")
    tuning.judge(place, trouble)
    place.remove()


SPOILT = (
    "recipe.json", "optimizer.pt", "exact.safetensors", "resume.json", "scheduler.pt", "rng_state.pth",
    "trainer_state.json", "adapter_config.json", "adapter_model.safetensors",
)  # fmt: skip


def _spoilt(tuning: Tuning, name: str, how: How, trouble: Trouble) -> None:
    """One file of a run that was stopped: what is said of it, and the end once it is whole again."""
    place = tuning.place()
    run = place.start(*ASKED)
    _until(run, lambda: (place.folder / RUN / "checkpoint-2" / "resume.json").exists())
    run.kill()
    run.wait()
    newest = max((place.folder / RUN).glob("checkpoint-*"))
    path = place.folder / RUN / name if name == "recipe.json" else newest / name
    whole = path.read_bytes()
    path.write_bytes(spoilt(whole, how.dice, name))
    run = place.run(*ASKED)
    check(run, trouble, f"{name} spoilt")
    path.write_bytes(whole)
    tuning.judge(place, trouble)
    place.remove()
