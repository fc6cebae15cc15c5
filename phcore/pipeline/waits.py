"""What a run waited for: said at its end, so that somebody knows whether more workers or a faster device would help."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection

from phcore.pipeline.plan import Unit


class Waits:
    """Sums up the seconds of a run by what went on in them.

    Parameters
    ----------
    clock : seconds since whenever.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock, self._since, self._state = clock, clock(), ""
        self._spent: dict[str, float] = defaultdict(float)
        self._reads = False

    def reading(self, reads: bool, pending: Collection[Unit]) -> None:
        """From now on models are read, or none any more."""
        self._reads = reads
        self.working(pending)

    def working(self, pending: Collection[Unit]) -> None:
        """From now on this is what the workers have to do."""
        now = self._clock()
        self._spent[self._state] += now - self._since
        self._since = now
        if self._reads:
            self._state = "reading" if pending else "idle"
        else:
            self._state = "results" if any(unit.place for unit in pending) else "tables" if pending else ""

    @property
    def words(self) -> str:
        """A sentence; empty where nothing took a second."""
        spent = {name: round(seconds) for name, seconds in self._spent.items()}
        reading, idle = spent.get("reading", 0) + spent.get("idle", 0), spent.get("idle", 0)
        told = (
            [f"reading models {reading} s" + (f", {idle} s of it with idle workers" if idle else "")] if reading else []
        )
        if results := spent.get("results", 0):
            told.append(f"results {results} s" + (" after the last model" if reading else ""))
        if tables := spent.get("tables", 0):
            told.append(f"tables {tables} s")
        return f"Time went to: {'; '.join(told)}." if told else ""
