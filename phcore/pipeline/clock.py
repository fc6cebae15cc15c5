"""What is done of a run, and how long the rest will take."""

from collections import defaultdict
from collections.abc import Iterable

from phcore.pipeline.plan import Plan, Unit


class Clock:
    """How many units of each result there are, how many are done, and what they cost.

    Parameters
    ----------
    known : seconds per unit by result, from before.
    """

    def __init__(self, known: dict[str, float]):
        self._known = known
        self._total: dict[str, int] = defaultdict(int)
        self._done: dict[str, int] = defaultdict(int)
        self._spent: dict[str, float] = defaultdict(float)
        self._label: dict[str, str] = {}
        self._reads: set[str] = set()

    def expect(self, todo: Plan) -> None:
        """What is still to be done, beside what is done."""
        self._total = defaultdict(int, self._done)
        for unit in todo.units:
            self._total[unit.kind] += 1
            self._label[unit.kind] = unit.label
            if unit.reads_a_model:
                self._reads.add(unit.kind)

    def done(self, unit: Unit, seconds: float) -> None:
        self._done[unit.kind] += 1
        self._spent[unit.kind] += seconds

    def drop(self, units: Iterable[Unit]) -> None:
        for unit in units:
            self._total[unit.kind] -= 1

    @property
    def spent(self) -> dict[str, float]:
        return dict(self._spent)

    @property
    def speeds(self) -> dict[str, float]:
        return self._known | {kind: self._spent[kind] / count for kind, count in self._done.items() if count}

    def counts(self, label: str) -> tuple[int, int]:
        """Units done and in all that progress calls by this label."""
        kinds = [kind for kind in self._total if self._label[kind] == label]
        return sum(self._done[kind] for kind in kinds), sum(self._total[kind] for kind in kinds)

    def left(self, parallel: int, readers: int) -> tuple[float, float | None]:
        """Share of the run that is done, and the seconds left; None where a result has no known speed.

        Parameters
        ----------
        parallel, readers : how many units are computed, and how many models are read, at once.
        """
        speeds = self.speeds
        cost = {kind: speeds.get(kind, 1.0) / (readers if kind in self._reads else parallel) for kind in self._total}
        spent = sum(self._done[kind] * cost[kind] for kind in self._total)
        left = {kind: count - self._done[kind] for kind, count in self._total.items() if count > self._done[kind]}
        seconds = sum(count * cost[kind] for kind, count in left.items())
        share = spent / (spent + seconds) if spent + seconds else 1.0
        return share, seconds if left.keys() <= speeds.keys() else None
