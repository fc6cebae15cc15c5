"""What is read changes while it is read."""

import os
import shutil
from collections.abc import Callable, Iterator

from scripts.torture.how import How
from scripts.torture.scene import Place, Scene, check, other_weights, swap
from scripts.torture.tally import Tally

Steps = Iterator[Callable[[], object]]


def changing(scene: Scene, tally: Tally, how: How) -> None:
    """Checkpoints and the base replaced, deleted, half-written, touched and swapped during a run, and put back some of
    the times; the probe set edited. Everything is as it was before the runs afterwards."""
    kinds = [one for one in CHANGES if not how.quick or one in ("replaced", "swapped")]
    for number in range(len(kinds) * (1 if how.quick else 3)):
        if not how.time_left:
            break
        kind = kinds[number % len(kinds)]
        place = scene.place()
        with tally.trial(kind) as trouble:
            run = place.start()
            steps = CHANGES[kind](scene, place)
            # Models are read in the first third of a run.
            at = how.dice.uniform(0, 0.5) * scene.seconds
            for passed in run.running(0.005):
                if passed > at and (step := next(steps, None)):
                    step()
                    at = passed + how.dice.uniform(0, 0.15) * scene.seconds
            check(run, trouble, "the run")
            scene.restore(place)
            scene.judge(place, trouble)
        place.remove()


def _adapter(place: Place):
    return place.folder / "runs/helpful/checkpoint-2/adapter_model.safetensors"


def _replaced(scene: Scene, place: Place) -> Steps:
    while True:
        yield lambda: other_weights(place)
        yield lambda: shutil.copy2(
            scene.folder / "made/runs/helpful/checkpoint-2/adapter_model.safetensors", _adapter(place)
        )


def _deleted(scene: Scene, place: Place) -> Steps:
    yield lambda: shutil.rmtree(_adapter(place).parent)
    yield lambda: scene.restore(place)


def _half(scene: Scene, place: Place) -> Steps:
    data = _adapter(place).read_bytes()
    for _ in range(5):
        yield lambda: _adapter(place).write_bytes(data[: len(data) // 2])
        yield lambda: _adapter(place).write_bytes(data)


def _touched(scene: Scene, place: Place) -> Steps:
    while True:
        yield lambda: os.utime(_adapter(place))
        yield lambda: os.utime(place.folder / "runs/full/checkpoint-2/config.json")


def _swapped(scene: Scene, place: Place) -> Steps:
    while True:
        yield lambda: swap(place)


def _base_replaced(scene: Scene, place: Place) -> Steps:
    base, other = place.folder / "base/model.safetensors", place.folder / "runs/full/checkpoint-2/model.safetensors"
    data = base.read_bytes()
    yield lambda: shutil.copy2(other, base)
    yield lambda: base.write_bytes(data)


def _base_deleted(scene: Scene, place: Place) -> Steps:
    yield lambda: shutil.rmtree(place.folder / "base")
    yield lambda: scene.restore(place)


def _base_touched(scene: Scene, place: Place) -> Steps:
    yield lambda: os.utime(place.folder / "base/model.safetensors")
    yield lambda: os.utime(place.folder / "base/tokenizer.json")


def _probes(scene: Scene, place: Place) -> Steps:
    path = place.folder / "probes.jsonl"
    text = path.read_text()
    yield lambda: path.write_text(text.replace("river", "lake"))
    yield lambda: path.write_text(text[: len(text) // 2])
    yield lambda: path.write_text(text)


CHANGES = {
    "replaced": _replaced,
    "deleted": _deleted,
    "half-written": _half,
    "touched": _touched,
    "swapped": _swapped,
    "base replaced": _base_replaced,
    "base deleted": _base_deleted,
    "base touched": _base_touched,
    "probes edited": _probes,
}
