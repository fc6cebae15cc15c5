"""When half of the way is behind a run: in topology, and in what the model would say next.

Both are distances from the base: of mean summaries, and the square root of the mean Jensen-Shannon divergence, which is
a distance as the divergence is not. So a model that moves straight ahead is halfway in both at the same step, and one
that walks at random, too.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phcore.analysis.claims import crossing
from phcore.analysis.displacements import Course, displacement

COLUMNS = [
    "series", "layer", "scale", "topology", "behaviour", "error", "slack", "resolution", "last", "moved", "checkpoints",
]  # fmt: skip
FEWEST = 4  # checkpoints after the base


def table(courses: Sequence[Course], departures: pd.DataFrame) -> pd.DataFrame:
    """The ``halfway`` table, on the steps that both are known for.

    Parameters
    ----------
    departures : series, step, prompt, value, slack: the Jensen-Shannon divergence of each prompt's next tokens from the
        base model's, and how much more it can be.

    Returns
    -------
    The columns of `COLUMNS`. ``topology`` and ``behaviour`` are the steps at which half of the final displacement is
    first reached, straight between checkpoints; ``error`` is the standard error of their difference for other prompts,
    ``slack`` how much farther apart the truncated divergence lets them be, ``resolution`` the wider gap of the grid
    that they fall into, ``moved`` whether both ends lie beyond their floors. Courses of fewer than four checkpoints
    after the base are left out.
    """
    behaviours = {series: _behaviour(rows) for series, rows in departures.groupby("series", sort=False)}
    rows = [row for course in courses if course.series in behaviours for row in _row(course, behaviours[course.series])]
    return pd.DataFrame(rows, columns=COLUMNS)


Behaviour = tuple[np.ndarray, np.ndarray, np.ndarray]  # steps (S,), divergences and slacks (S, n) by prompt


def _behaviour(rows: pd.DataFrame) -> Behaviour:
    values, slack = (rows.pivot(index="step", columns="prompt", values=one) for one in ("value", "slack"))
    return values.index.to_numpy(), values.to_numpy(np.float64), slack.to_numpy(np.float64)


def _row(course: Course, behaviour: Behaviour):
    steps = np.intersect1d(course.steps, behaviour[0])
    if len(steps) < FEWEST or 0 not in course.steps:
        return
    moves = np.stack([course.at(step) - course.at(0) for step in steps])  # (S, B, F)
    here = np.isin(behaviour[0], steps)
    divergence, slack = (one[here] for one in behaviour[1:])
    grid = np.concatenate([[0], steps])
    topology, gap, of_topology = _left_out(grid, moves.transpose(1, 0, 2), _lengths)
    behave, other, of_behaviour = _left_out(grid, divergence.T, np.sqrt)
    if not np.isfinite(topology + behave):
        return
    # Each left-out value counts as of one draw: B of them vary as B subsamples do, n as n prompts.
    error = np.sqrt(of_topology * course.factor * moves.shape[1] + of_behaviour)
    end, floor = displacement(moves[-1], course.factor)
    mean, most = divergence.mean(axis=1), (divergence + slack).mean(axis=1)
    spread = divergence[-1].std(ddof=1) / np.sqrt(divergence.shape[1])
    moved = end > floor and mean[-1] > 2 * spread
    yield (
        course.series, course.layer, course.scale, topology, behave, float(error), _open(grid, mean, most, behave),
        max(gap, other), int(steps[-1]), bool(moved), len(steps),
    )  # fmt: skip


def _lengths(means: np.ndarray) -> np.ndarray:
    return np.linalg.norm(means, axis=-1)


def _left_out(grid: np.ndarray, each: np.ndarray, distance) -> tuple[float, float, float]:
    """The half-way step of the mean over the first axis, its gap, and its variance by leaving out one in turn.

    Parameters
    ----------
    each : (N, S, ...) of each subsample, or of each prompt, at the steps after the base.
    """
    count, total = len(each), each.sum(axis=0)
    whole = _half(grid, distance(total / count))
    if count < 2:
        return *whole, np.nan
    without = [_half(grid, distance((total - one) / (count - 1)))[0] for one in each]
    return *whole, float((count - 1) * np.var(without))


def _half(grid: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    return crossing(grid, np.concatenate([[0.0], values]), values[-1] / 2)


def _open(grid: np.ndarray, least: np.ndarray, most: np.ndarray, found: float) -> float:
    """How far the half-way step can be from where it is found, the divergences anywhere between both bounds."""
    low, high = (np.concatenate([[0.0], np.sqrt(one)]) for one in (least, most))
    earliest, _ = crossing(grid, high, low[-1] / 2)
    latest, _ = crossing(grid, low, high[-1] / 2)
    return float(np.nan_to_num(max(found - earliest, latest - found), nan=np.inf))
