"""Processes that are killed."""

import random
import signal
import time

from phcore.archive.store import SCHEMA
from phcore.stages.registry import results
from scripts.torture.how import How
from scripts.torture.process import Process
from scripts.torture.scene import Place, Scene, check
from scripts.torture.tally import Tally


def kills(scene: Scene, tally: Tally, how: How) -> None:
    """SIGKILL to a computation and its workers at random moments, several times before it may finish; and at the first
    file of every result and of the tables. One in eight is Ctrl-C."""
    stages = [*results(), "tables"]
    with tally.trial("at the first file of every stage") as trouble:
        place = scene.place()
        for stage in stages[:: 4 if how.quick else 1]:
            run = place.start()
            _until(run, lambda stage=stage: any((place.cache / SCHEMA / stage).glob("*.parquet")))
            run.kill()
            run.wait()
            check(run, trouble, f"killed at {stage}")
            if run.code == 0:  # it was finished before this one came
                break
        scene.judge(place, trouble)
        place.remove()
    done = 0
    while done < how.kills and how.time_left:
        place = scene.place()
        with tally.trial(f"chain after {done} kills, seed {how.seed}") as trouble:
            before = {}
            for _ in range(how.dice.randint(1, 8)):
                number = signal.SIGINT if how.dice.random() < 0.125 else signal.SIGKILL
                run = place.start()
                _strike(run, place, number, scene.seconds, how.dice)
                run.wait()
                done += 1
                check(run, trouble, f"signal {number}")
                scene.lost(before, place, trouble)
                before = place.contents
                if run.code == 0:
                    break
            scene.judge(place, trouble)
            scene.lost(before, place, trouble)
        place.remove()
    tally.note(f"{done} kills")


def _strike(run: Process, place: Place, number: int, seconds: float, dice: random.Random) -> None:
    """After a random time, or after a random number of new files: whatever comes first."""
    at, there = dice.uniform(0, 1.2 * seconds), len(list(place.cache.rglob("*.parquet")))
    files = there + dice.randint(1, 60)
    for passed in run.running():
        if passed > at or len(list(place.cache.rglob("*.parquet"))) >= files:
            time.sleep(dice.uniform(0, 0.1))
            run.kill(number)
            return


def _until(run: Process, true) -> None:
    for _ in run.running(0.005):
        if true():
            return


def workers(scene: Scene, tally: Tally, how: How) -> None:
    """One worker killed, several one after another, each as soon as it is there; and the main process alone, as the
    system does where memory ends: its workers must not outlive it."""
    for number in range(2 if how.quick else 12):
        if not how.time_left:
            break
        kind = ("once", "thrice", "always", "main")[number % 4]
        place = scene.place()
        with tally.trial(f"workers, {kind}") as trouble:
            run = place.start()
            _kill_workers(run, kind, scene.seconds, how.dice)
            run.wait()
            check(run, trouble, kind)
            if kind == "once" and run.code:
                trouble.add("lost", f"one killed worker ended the run: {run.said[-300:]}")
            scene.judge(place, trouble)
        place.remove()


def _kill_workers(run: Process, kind: str, seconds: float, dice: random.Random) -> None:
    often = {"once": 1, "thrice": 3, "always": 10_000, "main": 1}[kind]
    wait = dice.uniform(0.2, 0.9) * seconds if kind != "always" else 0
    for passed in run.running(0.05):
        if passed < wait:
            continue
        if kind == "main":
            run.kill(group=False)
            return
        for one in run.workers():
            one.kill()
            often -= 1
            wait = passed + dice.uniform(0.2, 2) if kind == "thrice" else wait
        if often <= 0:
            return
