"""How far each run is from where it began, at every step: its size, and what is left of it with size divided out."""

from collections.abc import Iterator, Sequence

import pandas as pd

from phcore.analysis.displacements import ALL, GROUPS, LOOPS, Course

MEASURES = {"moved": ("raw", ALL), "shape": ("median", ALL), "groups": ("median", GROUPS), "loops": ("median", LOOPS)}
"""Column -> at which scale, and of which summaries. At median scale a cloud that only grew has not moved."""
COLUMNS = ["series", "step", "layer", "size", *(f"{name}{end}" for name in MEASURES for end in ("", "_floor"))]


def net_change(courses: Sequence[Course], cells: pd.DataFrame) -> pd.DataFrame:
    """A row for each step of each series and layer; `COLUMNS`.

    Parameters
    ----------
    courses : of `displacements.courses`.
    cells : series, step, layer and median_distance of each.

    Returns
    -------
    size : median distance over that at the first step. The measures are displacements of the mean summaries from the
    first step, in resampling standard deviations, each with its floor: what other prompts make of no displacement.
    """
    medians = cells.set_index(["series", "step", "layer"])["median_distance"]
    by_cell: dict[tuple, dict[str, float]] = {}
    for course in courses:
        for name, of in ((name, of) for name, (scale, of) in MEASURES.items() if scale == course.scale):
            for step, value, floor in _from_first(course, of):
                row = by_cell.setdefault((course.series, step, course.layer), {})
                row |= {name: value, f"{name}_floor": floor}
    first = {(one.series, one.layer): int(one.steps[0]) for one in courses}
    rows = [
        {"series": series, "step": step, "layer": layer, **values}
        | {"size": medians[series, step, layer] / medians[series, first[series, layer], layer]}
        for (series, step, layer), values in by_cell.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _from_first(course: Course, of: str) -> Iterator[tuple[int, float, float]]:
    first = int(course.steps[0])
    for step in map(int, course.steps):
        yield step, *((0.0, 0.0) if step == first else course.moved(first, step, of))
