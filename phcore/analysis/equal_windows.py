"""What happened in each equal window of a run: how far it went in mean summaries, and in diagrams beside it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import pandas as pd

from phcore.analysis.displacements import ALL, LOOPS, Course
from phcore.analysis.dynamics import distance_matrices
from phcore.analysis.windows import FEWEST_RATES, MOST_RATES, Windows, by_learning, quarters, rates
from phcore.analysis.windows import QUARTERS as FOUR

QUARTERS, RATES, TRANSITIONS = "quarters", "rates", "transitions"
LEARNED_QUARTERS, LEARNED_RATES = "learned quarters", "learned rates"
STEPS, LEARNING = "steps", "learning rate"
"""What windows are of equal length in: training steps, or the sum of their learning rates."""
QUARTERS_OF = {STEPS: QUARTERS, LEARNING: LEARNED_QUARTERS}
"""Those that are gone by first: see `readings.by_clock`."""
USES = {QUARTERS: quarters, RATES: rates, TRANSITIONS: lambda steps: Windows(tuple(steps))}
"""How a run is cut: see `windows`. Transitions, from checkpoint to checkpoint, are of no one length."""
_BY_LEARNING = {LEARNED_QUARTERS: (FOUR,), LEARNED_RATES: range(MOST_RATES, FEWEST_RATES - 1, -1)}
DIAGRAMS = "diagrams"
MEASURES = (ALL, LOOPS, DIAGRAMS)
COLUMNS = [
    "series", "layer", "scale", "use", "clock", "window", "step_from", "step", "measure", "order", "value", "floor",
]  # fmt: skip
_H1 = 1
_DISTANCE = ["layer", "scale", "order"]


def table(
    courses: Sequence[Course], distances: pd.DataFrame, velocities: pd.DataFrame, floors: pd.DataFrame,
    uses: Sequence[str] = tuple(USES), learned: Mapping[str, Mapping[int, float]] = MappingProxyType({}),
) -> pd.DataFrame:  # fmt: skip
    """The ``windows`` table.

    Parameters
    ----------
    courses : of every series at every layer and scale.
    distances, velocities, floors : the tables of those names. Between diagrams of H1 only those of the study's own
        order are known for any two checkpoints; of other orders those of consecutive ones.
    uses : of `USES`.
    learned : series -> step -> sum of the learning rates up to there; of the others only windows of steps are known.

    Returns
    -------
    The columns of `COLUMNS`, ``window`` from 1 on. ``value`` is the net displacement between the two ends: in mean
    summaries (all, or the loops' own), or the mean Wasserstein distance between diagrams of H1, of ``order`` (0 for
    summaries). ``floor`` is what it has to be read against: for summaries the 95 % quantile of what another choice of
    prompts makes of no displacement, for diagrams the larger resampling floor of both ends.
    """
    apart = _Diagrams(distances, velocities, floors)
    rows = [row for course in courses for row in _rows(course, apart, uses, learned.get(course.series, {}))]
    return pd.DataFrame(rows, columns=COLUMNS)


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """What each window holds of a run's displacement, as a share of that in all of them, mean over layers.

    Parameters
    ----------
    table : rows of the ``windows`` table, of one use, scale and measure.

    Returns
    -------
    series, window, step_from, step, value, share, floor (as a share), beyond (layers in which it is beyond its
    floor), layers.
    """
    whole = table.groupby(["series", "layer"], sort=False)["value"].transform("sum")
    known = table[whole > 0].assign(
        share=table["value"] / whole, floor=table["floor"] / whole, beyond=table["value"] > table["floor"]
    )
    return known.groupby(["series", "window", "step_from", "step"], sort=False, as_index=False).agg(
        value=("value", "mean"), share=("share", "mean"), floor=("floor", "mean"), beyond=("beyond", "sum"),
        layers=("layer", "nunique"),
    )  # fmt: skip


def _rows(course: Course, apart: "_Diagrams", uses: Sequence[str], learned: Mapping[int, float]) -> Iterator[tuple]:
    steps = tuple(int(step) for step in course.steps)
    known = bool(steps) and steps[0] == 0 and all(step in learned for step in steps)
    for use, clock, windows in _cut(steps, tuple(learned[step] for step in steps) if known else (), tuple(uses)):
        for number, (start, end) in enumerate(pairwise(windows.ends), start=1):
            label = (course.series, course.layer, course.scale, use, clock, number, start, end)
            for of in (ALL, LOOPS):
                yield (*label, of, 0.0, *course.moved(start, end, of))
            for order, value, floor in apart.between(course, start, end):
                yield (*label, DIAGRAMS, order, value, floor)


@lru_cache(maxsize=64)
def _cut(steps: tuple[int, ...], sums: tuple[float, ...], uses: tuple[str, ...]) -> list[tuple[str, str, Windows]]:
    """(use, clock, windows) of a run, which are the same at all its layers.

    sums : of the learning rates up to each step; empty where they are not known.
    """
    cut = [(use, STEPS, USES[use](steps)) for use in uses]
    if sums:
        cut += [(use, LEARNING, by_learning(steps, sums, counts)) for use, counts in _BY_LEARNING.items()]
    return cut


class _Diagrams:
    """Distances between the H1 diagrams of two checkpoints of a series, and their floors."""

    def __init__(self, distances: pd.DataFrame, velocities: pd.DataFrame, floors: pd.DataFrame):
        own, consecutive, cells = (one[one["degree"] == _H1] for one in (distances, velocities, floors))
        self._matrices = {
            (layer, scale, order): _looked_up(square)
            for (layer, _, order, _, scale), square in distance_matrices(own).items()
        }
        moves = consecutive.groupby([*_DISTANCE, "series", "step_from", "step"], sort=False)["value"].mean()
        self._moves: Mapping = moves.to_dict()
        self._floors: Mapping = cells.groupby([*_DISTANCE, "series", "step"], sort=False)["value"].mean().to_dict()
        self._orders = sorted({*own["order"], *consecutive["order"]})

    def between(self, course: Course, start: int, end: int) -> Iterator[tuple[float, float, float]]:
        """Order, distance and floor, of each order that it is known for."""
        for order in self._orders:
            of = (course.layer, course.scale, order)
            value = self._moves.get((*of, course.series, start, end))
            if value is None and (matrix := self._matrices.get(of)):
                value = matrix(course.series, start, end)
            if value is not None and np.isfinite(value):
                ends = [self._floors.get((*of, course.series, step), np.nan) for step in (start, end)]
                yield order, float(value), float(np.fmax(*ends))


def _looked_up(square: pd.DataFrame):
    """Distances by series and steps; a series that has no step 0 of its own starts at the base."""
    place, values = {name: number for number, name in enumerate(square.index)}, square.to_numpy()

    def found(series: str, start: int, end: int) -> float | None:
        at = [place.get((series, step), place.get(("base", 0)) if step == 0 else None) for step in (start, end)]
        return None if None in at else float(values[at[0], at[1]])

    return found
