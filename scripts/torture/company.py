"""Others at work in the same archive."""

import time
from collections.abc import Callable
from pathlib import Path

from scripts.torture.how import How
from scripts.torture.scene import Scene, check
from scripts.torture.tally import Tally


def company(scene: Scene, tally: Tally, how: How) -> None:
    """Two computations of one study at once, begun some seconds apart; and one beside a reader who asks for every table
    and finding over and over."""
    for number in range(2 if how.quick else 8):
        if not how.time_left:
            break
        place, second = scene.place(), number % 2
        with tally.trial("a reader" if second else "two writers") as trouble:
            writer = place.start()
            if second:
                other = place.start(work=reader(place.cache, place.folder / "enough"))
            else:
                time.sleep(how.dice.uniform(0, 0.6) * scene.seconds)
                other = place.start()
            writer.wait()
            (place.folder / "enough").touch()
            other.wait()
            for one in (writer, other):
                check(one, trouble, "reader" if second and one is other else "writer")
                if one.code:
                    trouble.add("lost", f"it did not finish beside another: {one.said[-500:]}")
            if wrong := scene.differences(place):
                trouble.add("wrong", f"{len(wrong)} files, the first: {wrong[0]}")
            scene.judge(place, trouble)
        place.remove()


def reader(cache: Path, enough: Path) -> Callable[[], int]:
    """What the pages ask, until there is the file `enough`."""

    def work() -> int:
        from phcore.archive.permissions import Permissions
        from phcore.archive.store import Store
        from phcore.errors import Fault
        from phcore.export.results import Results
        from phcore.stages.registry import tables

        stores = (Store(cache), Store(cache, Permissions(read_only=True)))
        while not enough.exists():
            for store in stores:
                try:
                    study = Results.open("tiny", store)
                    for name in tables():
                        study.table(name)
                    study.findings()
                except Fault:
                    continue
            time.sleep(0.05)
        return 0

    return work
