"""Clocks that are wrong."""

import os
import runpy
import time
from pathlib import Path

from scripts.torture.how import How
from scripts.torture.scene import ENVIRONMENT, Place, Scene, check
from scripts.torture.tally import Tally

CLOCK = Path(__file__).resolve().parent / "clock"


def clocks(scene: Scene, tally: Tally, how: How) -> None:
    """The time of day jumps by a day at every look, in the run and its workers; and the times of all files, weights
    included, are set a day back and forward between runs and during them."""
    for number in range(2 if how.quick else 6):
        if not how.time_left:
            break
        place, jumps = scene.place(), number % 2 == 0
        with tally.trial("the clock jumps" if jumps else "times of files") as trouble:
            paths = f"{CLOCK}:{ENVIRONMENT['PYTHONPATH']}"
            for shift in (-86_400, 86_400):
                if jumps:
                    run = place.start(before=lambda: runpy.run_path(str(CLOCK / "sitecustomize.py")), PYTHONPATH=paths)
                else:
                    _set_times(place, shift)
                    run = place.start()
                at = how.dice.uniform(0.3, 0.9) * scene.seconds
                for passed in run.running():
                    if not jumps and passed > at:
                        _set_times(Place(place.folder / "cache"), -shift)  # not of the weights: that is another attack
                        at = 1e9
                check(run, trouble, "the run")
                if run.code:
                    trouble.add("lost", f"it gave up: {run.said[-500:]}")
            scene.judge(place, trouble)
        place.remove()


def _set_times(place: Place, shift: float) -> None:
    then = time.time() + shift
    for one in place.folder.rglob("*"):
        try:
            os.utime(one, (then, then))
        except FileNotFoundError:
            continue
