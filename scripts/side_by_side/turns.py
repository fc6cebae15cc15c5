"""Times of several ways of doing one thing, taken in turns, so that a busy machine slows all of them."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Times:
    """Seconds of one way, one for each turn."""

    seconds: tuple[float, ...]
    per: int = 1  # units of work in each

    @property
    def median(self) -> float:
        return float(np.median(self.seconds)) / self.per

    @property
    def words(self) -> str:
        low, high = (value / self.per for value in (min(self.seconds), max(self.seconds)))
        return f"{in_units(self.median)} ({in_units(low)} to {in_units(high)})"


def in_units(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"


def in_turns(
    ways: dict[str, Callable],
    repeats: int,
    per: int | dict[str, int] = 1,
    clock: Callable = time.perf_counter,
) -> dict[str, Times]:
    """Name -> `Times` of each way.

    Parameters
    ----------
    per : units of work in one call, of all ways or by name.
    clock : `time.process_time` for what runs on one core, where others would not wait for it anyway.
    """
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            start = clock()
            way()
            spent[name].append(clock() - start)
    units = per if isinstance(per, dict) else dict.fromkeys(ways, per)
    return {name: Times(tuple(seconds), units[name]) for name, seconds in spent.items()}


@dataclass
class Report:
    """What was measured: printed as it comes, and kept as a file."""

    rows: list[dict] = field(default_factory=list)

    def title(self, words: str) -> None:
        print(f"\n{words}", flush=True)

    def compare(self, what: str, times: dict[str, Times], targets: dict[str, float] | None = None) -> None:
        """The first way is ours; the others are told as how many times as long they take.

        targets : name of a way -> how many times as long it should take.
        """
        ours = next(iter(times.values()))
        print(f"  {what}")
        for name, one in times.items():
            ratio = one.median / ours.median
            wanted = (targets or {}).get(name)
            verdict = "" if wanted is None else f"  wanted {wanted:g}: {'met' if ratio >= wanted else 'MISSED'}"
            print(f"    {name:34}{one.words:38}{ratio:8.2f}x{verdict}", flush=True)
            self.rows.append({"what": what, "way": name, "seconds": one.median, "turns": one.seconds, "ratio": ratio})

    def say(self, what: str, value: float, words: str) -> None:
        print(f"  {what}: {words}", flush=True)
        self.rows.append({"what": what, "value": value, "words": words})

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.rows, indent=1))
        print(f"\nAll figures: {path}")


def exponent(sizes: list[float], seconds: list[float]) -> float:
    """k of seconds = c * size^k: the slope of a line through the logarithms, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
