"""Many readers at once: sessions that turn pages of the study that ships, on a read-only server of its own.

    python scripts/bench_room.py                       20 sessions, five minutes
    python scripts/bench_room.py --sessions 5 --seconds 30

Each session asks for a page with other choices, waits until the server has said all of it, reads for a while, and asks
for the next. No browser: what is measured is the server. Prints how long pages took, errors, and the server's memory.
"""

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.bench import SECTIONS  # noqa: E402
from tests.browser.conftest import Server  # noqa: E402
from tests.protocol import Client  # noqa: E402

READING = (5.0, 15.0)  # seconds between two pages of a session
TARGET = 1.0  # seconds of the median page
STEPS = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64)
PAGES = (
    *(("study", {}),) * 2,
    *(("barcodes", {"b_step": step}) for step in (4, 16, 64)),
    *(("trajectories", {"t_step": step, "t_scale": scale}) for step in (4, 64) for scale in ("raw", "median")),
    *(("evidence", {"e_section": section}) for section in SECTIONS),
)  # fmt: skip


class Reader(threading.Thread):
    """One session."""

    def __init__(self, port: int, seed: int, until: float):
        super().__init__(daemon=True)
        self.port, self.random, self.until = port, random.Random(seed), until
        self.times: list[tuple[str, float]] = []
        self.errors: list[str] = []

    def run(self) -> None:
        try:
            with Client(self.port) as client:
                while time.monotonic() < self.until:
                    self._turn(client)
                    # Reading in steps, so that a session ends when the time is up.
                    time.sleep(min(self.random.uniform(*READING), max(0.0, self.until - time.monotonic())))
        except Exception as error:  # whatever ends a session is an error of the server's
            self.errors.append(f"{type(error).__name__}: {error}")

    def _turn(self, client: Client) -> None:
        page, choices = self.random.choice(PAGES)
        started = time.perf_counter()
        client.run(page, urlencode(choices))
        self.times.append((page, time.perf_counter() - started))
        self.errors += [
            f"{page} {choices}: {element.message}" for kind, element in client.elements if kind == "exception"
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(ROOT / "cache", Path(place) / "cache")
        server = Server(Path(place) / "cache", Path(place), serve=["--read-only"])
        try:
            report(*visit(server, options.sessions, options.seconds))
        finally:
            server.stop()


class Memory(NamedTuple):
    """Of the server and its processes: MB in all, and without files that it maps (libraries), which the system reads in
    and drops as it likes."""

    seconds: float
    whole: float
    own: float


def visit(server: Server, sessions: int, seconds: float) -> tuple[list[Reader], list[Memory]]:
    """The readers when they are done, and the server's memory every two seconds."""
    process = psutil.Process(server.process.pid)
    started = time.monotonic()
    readers = [Reader(server.port, seed, started + seconds) for seed in range(sessions)]
    for reader in readers:
        reader.start()
    memory: list[Memory] = []
    while any(reader.is_alive() for reader in readers):
        family = (process, *process.children(recursive=True))
        found = [one.memory_info() for one in family]
        whole, shared = sum(one.rss for one in found), sum(getattr(one, "shared", 0) for one in found)
        memory.append(Memory(time.monotonic() - started, whole / 1e6, (whole - shared) / 1e6))
        time.sleep(2)
    return readers, memory


def report(readers: list[Reader], memory: list[Memory]) -> None:
    times = [one for reader in readers for one in reader.times]
    errors = [error for reader in readers for error in reader.errors]
    low, high = READING
    print(f"{len(readers)} sessions, {memory[-1][0]:.0f} s, {low:g} to {high:g} s of reading between pages")
    for page in sorted({page for page, _ in times}):
        own = [seconds for name, seconds in times if name == page]
        print(f"  {page:14}{len(own):6} pages   {_milliseconds(own)}")
    every = [seconds for _, seconds in times]
    verdict = "met" if statistics.median(every) <= TARGET else "MISSED"
    print(f"  {'all':14}{len(every):6} pages   {_milliseconds(every)}   target for the median {TARGET:g} s: {verdict}")
    first, last, most = memory[0].whole, memory[-1].whole, max(one.whole for one in memory)
    minute = next((one.whole for one in memory if one.seconds >= 60), last)
    print(f"  memory: {first:.0f} MB at first, {minute:.0f} after a minute, {last:.0f} at the end, {most:.0f} at most")
    print(f"  errors: {len(errors)}")
    for error in errors[:10]:
        print(f"    {error}")


def _milliseconds(seconds: list[float]) -> str:
    high = statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
    median, most = statistics.median(seconds), max(seconds)
    return f"median {median * 1e3:5.0f} ms   95 % {high * 1e3:5.0f} ms   most {most * 1e3:5.0f} ms"


if __name__ == "__main__":
    main()
