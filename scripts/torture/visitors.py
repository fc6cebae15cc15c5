"""Many readers for a long time."""

import contextlib
import io
import shutil
from pathlib import Path

import numpy as np

from scripts.torture.how import How
from scripts.torture.scene import Scene
from scripts.torture.tally import Tally

READERS = 20
MOST = 1.0  # MB a minute that the server's memory may grow by, once it is warm
ROOT = Path(__file__).resolve().parents[2]


def visitors(scene: Scene, tally: Tally, how: How) -> None:
    """Twenty readers turn the pages of the study that ships for ten minutes (`--minutes`). No page may fail, and the
    server's memory may not grow in the second half."""
    from scripts import bench_room

    place = scene.folder / "room"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(ROOT / "cache", place / "cache")
    server = bench_room.Server(place / "cache", place, serve=["--read-only"])
    try:
        readers, memory = bench_room.visit(server, READERS, how.minutes * 60)
    finally:
        server.stop()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        bench_room.report(readers, memory)
    print(said.getvalue(), flush=True)
    slope = growth([(one.seconds, one.own) for one in memory])
    with tally.trial("memory") as trouble:
        if how.minutes >= 5 and slope > MOST:  # before, the server is still warming up
            trouble.add("leaked", f"{slope:.2f} MB a minute in the second half")
    for one in readers:
        with tally.trial("a reader") as trouble:
            for error in one.errors:
                trouble.add("uncaught", error)
    pages = sum(len(one.times) for one in readers)
    end = f"{memory[-1].whole:.0f} MB at the end"
    tally.note(f"{pages} pages; memory grows by {slope:.2f} MB a minute in the second half, {end}")


def growth(memory: list[tuple[float, float]]) -> float:
    """MB a minute in the second half of (seconds, MB), from the median of each tenth of it to that of the next, without
    the largest and the smallest of these steps.

    Pages that are being drawn hold memory for a moment, which a median passes over. One step may be an arena more or a
    cache that has filled; a leak goes on.
    """
    end = memory[-1][0]
    late = [one for one in memory if one[0] >= end / 2]
    medians = [np.median(part) for part in np.array_split([mb for _, mb in late], 10) if part.size]
    steps = sorted(np.diff(medians))[1:-1]
    return float(np.mean(steps)) / (end / 20 / 60) if steps else 0.0
