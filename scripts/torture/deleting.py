"""What is in the archive disappears while it is used."""

import shutil

from phcore.archive.store import SCHEMA
from scripts.torture.how import How
from scripts.torture.scene import Scene, check
from scripts.torture.tally import Tally


def deleting(scene: Scene, tally: Tally, how: How) -> None:
    """The archive's whole folder deleted during a run, at random moments and when tables are put together; single files
    deleted during a run, and from a finished study."""
    kinds = ("folder", "tables", "files", "finished")
    for number in range(2 if how.quick else 12):
        if not how.time_left:
            break
        kind = kinds[number % 4]
        place = scene.place(finished=kind == "finished")
        with tally.trial(kind) as trouble:
            if kind == "finished":
                files = list((place.cache / SCHEMA).rglob("*.parquet"))
                for path in how.dice.sample(files, 10):
                    path.unlink()
            run = place.start()
            at, times = how.dice.uniform(0.1, 0.9) * scene.seconds, 1
            for passed in run.running():
                if kind == "tables" and times and any((place.cache / SCHEMA / "tables").glob("*.parquet")):
                    shutil.rmtree(place.cache, ignore_errors=True)
                    times -= 1
                if kind == "folder" and times and passed > at:
                    shutil.rmtree(place.cache, ignore_errors=True)
                    times -= 1
                if kind == "files" and passed > at and (files := list((place.cache / SCHEMA).rglob("*.parquet"))):
                    how.dice.choice(files).unlink(missing_ok=True)
                    at = passed + how.dice.uniform(0.1, 2)
            check(run, trouble, "the run")
            if kind != "files" and run.code:
                trouble.add("lost", f"it gave up: {run.said[-500:]}")
            scene.judge(place, trouble)
        place.remove()
