"""The direction between two categories of prompts: the difference of their means, and how it turns in training.

For harmful and harmless requests it is the refusal direction of Arditi et al. (2024, arXiv:2406.11717).
"""

from collections.abc import Mapping
from itertools import combinations, pairwise

import numpy as np
import pandas as pd

MOST = 4  # categories that are compared, those with most prompts: six pairs
COLUMNS = [
    "series", "step", "layer", "first", "second", "first_at", "second_at", "gap", "cosine_base", "cosine_before",
    "halves", "n_first", "n_second",
]  # fmt: skip
MOVES = ["series", "step_from", "step", "layer", "first", "second", "category", "value"]
Means = dict[str, tuple[int, np.ndarray, np.ndarray, np.ndarray]]  # category -> n, mean, means of its halves


def directions(rows: pd.DataFrame, series_steps: Mapping[str, list[int]]) -> pd.DataFrame:
    """The ``directions`` table.

    Parameters
    ----------
    rows : series, step, layer, category, half (0 or 1), n, mean (d numbers): means of two halves of each category.
    series_steps : series -> ascending steps of its checkpoints. A series whose first is not among the rows has no base
        to be measured against, and no row.

    Returns
    -------
    `COLUMNS`, a row per checkpoint, layer and pair of categories (in alphabetical order). Places are along the
    direction at the series' first checkpoint, from -1/2 (where the first category's mean was) to +1/2 (the second's);
    gap is how far apart they are now, 1 at the base. halves: cosine of the directions from either half of the prompts.
    """
    found = []
    for (series, layer), own in rows.groupby(["series", "layer"], sort=False, observed=True):
        cells = {step: _means(cell) for step, cell in own.groupby("step", observed=True)}
        steps = series_steps.get(series, [])
        if not steps or steps[0] not in cells:
            continue
        base = cells[steps[0]]
        largest = sorted(base, key=lambda one: (-base[one][0], one))[:MOST]
        for first, second in combinations(sorted(largest), 2):
            for before, step in zip([None, *steps], steps, strict=False):
                if step in cells:
                    moved = _moved(base, cells.get(before), cells[step], first, second)
                    found.append((series, step, layer, first, second, *moved))
    return pd.DataFrame(found, columns=COLUMNS)


def moves(directions: pd.DataFrame, series_steps: Mapping[str, list[int]]) -> pd.DataFrame:
    """The ``projection_moves`` table: how far the mean projections on the base's direction go between consecutive
    checkpoints, for the two categories with most prompts.

    Parameters
    ----------
    directions : the table of that name.

    Returns
    -------
    series, step_from, step, layer, first, second, category, value (absolute change of the mean projection of that
    category's prompts, or of those of both where it is ""), where both ends are known.
    """
    if directions.empty:
        return pd.DataFrame(columns=MOVES)
    prompts = directions.groupby(["first", "second"])[["n_first", "n_second"]].max().sum(axis=1)
    first, second = prompts.idxmax()
    own = directions[(directions["first"] == first) & (directions["second"] == second)]
    n = own["n_first"] + own["n_second"]
    both = (own["n_first"] * own["first_at"] + own["n_second"] * own["second_at"]) / n
    cell = ["series", "step", "layer"]
    places = {first: own["first_at"], second: own["second_at"], "": both}
    parts = [own[cell].assign(category=category, at=at) for category, at in places.items()]
    here = pd.concat(parts, ignore_index=True).dropna(subset="at")
    pairs = [(series, a, b) for series, steps in series_steps.items() for a, b in pairwise(steps)]
    grid = pd.DataFrame(pairs, columns=["series", "step_from", "step"])
    starts = here.rename(columns={"step": "step_from", "at": "before"})
    found = grid.merge(here, on=["series", "step"]).merge(starts, on=["series", "step_from", "layer", "category"])
    return found.assign(value=(found["at"] - found["before"]).abs(), first=first, second=second)[MOVES]


def _means(cell: pd.DataFrame) -> Means:
    found = {}
    for category, rows in cell.groupby("category", observed=True):
        halves = np.stack(rows.sort_values("half")["mean"].tolist()).astype(np.float64)
        n = rows.sort_values("half")["n"].to_numpy()
        found[category] = (int(n.sum()), n @ halves / n.sum(), halves[0], halves[-1])
    return found


def _moved(base: Means, before: Means | None, now: Means, first: str, second: str) -> tuple[float, ...]:
    direction = base[second][1] - base[first][1]
    middle, length = (base[second][1] + base[first][1]) / 2, direction @ direction
    own = now[second][1] - now[first][1]
    places = [(now[one][1] - middle) @ direction / length if length > 0 else np.nan for one in (first, second)]
    earlier = np.nan if before is None else cosine(own, before[second][1] - before[first][1])
    halves = cosine(now[second][2] - now[first][2], now[second][3] - now[first][3])
    turned = (cosine(own, direction), earlier, halves)
    return (*places, places[1] - places[0], *turned, now[first][0], now[second][0])


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of the angle between two vectors; NaN where one is zero."""
    size = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.clip(a @ b / size, -1, 1)) if size > 0 else float("nan")
