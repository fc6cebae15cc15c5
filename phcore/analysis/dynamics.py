"""When the topology moves: velocity curves, their concentration in the early part, peak and stabilisation.

A series of T + 1 checkpoints at ``steps`` (T + 1,) has T transitions with velocities v (T,). Concentration is the share
of the total velocity that falls in the first third of training. Two nulls say whether that share is large: shuffled
velocities, and shuffled checkpoints (Malhotra et al., arXiv:2606.19542, leave open which one they used).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

CURVE = ["series", "layer", "degree", "order", "norm", "scale"]
"""The columns that name one velocity curve; `DISTANCE` those that name one matrix of distances."""
DISTANCE = CURVE[1:]
PER = ("transition", "step")
BY = ("index", "step")
PERMUTATIONS = 10_000
# Permuting equal numbers changes the last bits of their sum; such a tie counts as >=.
TIE = 1e-10


def velocity_curve(velocities: pd.DataFrame, per: str = "transition") -> pd.DataFrame:
    """Velocity of each transition over its subsamples.

    Parameters
    ----------
    velocities : the ``velocities`` table.
    per : "transition" (W between consecutive checkpoints) or "step" (the same over their step gap).

    Returns
    -------
    One row per curve and transition: the columns of `CURVE`, step_from, step, mean, sd (over subsamples,
    ddof 1; NaN for one), q10, q90. NaN values are left out; a transition without any value is no row.
    """
    table = velocities.astype({"value": np.float64}).dropna(subset="value")
    if per == "step":
        table = table.assign(value=table["value"] / (table["step"] - table["step_from"]))
    grouped = table.groupby([*CURVE, "step_from", "step"], sort=True, observed=True)["value"]
    curve = grouped.agg(mean="mean", sd="std")
    return curve.assign(q10=grouped.quantile(0.1), q90=grouped.quantile(0.9)).reset_index()


def early(steps: np.ndarray, by: str = "index") -> np.ndarray:
    """(T,) bool: which transitions belong to the first third.

    Parameters
    ----------
    steps : (T + 1,) training steps of the checkpoints, ascending.
    by : "index": the first round(T / 3) transitions; "step": those that end within the first third of
        the range of steps. With fewer than 3 transitions there is no third, and nothing is early.
    """
    steps = np.asarray(steps, dtype=np.float64)
    transitions = len(steps) - 1
    if transitions < 3:
        return np.zeros(max(transitions, 0), dtype=bool)
    if by == "index":
        return np.arange(transitions) < round(transitions / 3)
    # Multiplied out, so that a step at exactly one third is inside in floating point too.
    return 3 * (steps[1:] - steps[0]) <= steps[-1] - steps[0]


def concentration(v: np.ndarray) -> float:
    """Share of the velocities (T,) in the first third by index, about 1/3 for a flat curve; NaN as `early_share`."""
    return early_share(v, early(np.arange(len(v) + 1)))


def peak_step(v: np.ndarray, steps: np.ndarray) -> float:
    """Step at which the fastest transition ends; NaN if nothing moves."""
    v = np.asarray(v)
    if not np.nanmax(v, initial=0.0) > 0:
        return float("nan")
    return float(np.asarray(steps)[1:][np.nanargmax(v)])


def stable_step(v: np.ndarray, steps: np.ndarray, share: float = 0.25) -> float:
    """First step after which every velocity stays under ``share`` of the peak; NaN if none does."""
    v = np.asarray(v)
    peak = np.nanmax(v, initial=0.0)
    if not peak > 0:
        return float("nan")
    last_fast = np.flatnonzero(v >= share * peak)[-1]
    return float(np.asarray(steps)[1:][last_fast]) if last_fast < len(v) - 1 else float("nan")


def distance_matrices(distances: pd.DataFrame) -> dict[tuple, pd.DataFrame]:
    """The ``distances`` table as square symmetric frames.

    Returns
    -------
    {(layer, degree, order, norm, scale): frame} with (series, step) tuples as index and columns, zero
    diagonal, NaN where a pair is missing. The base model is ("base", 0).
    """
    if distances.empty:
        return {}
    first = pd.MultiIndex.from_frame(distances[["series_a", "step_a"]])
    second = pd.MultiIndex.from_frame(distances[["series_b", "step_b"]])
    nodes = pd.MultiIndex.from_tuples(sorted({*first, *second}), names=["series", "step"])
    i, j, values = nodes.get_indexer(first), nodes.get_indexer(second), distances["value"].to_numpy(np.float64)
    matrices = {}
    for key, rows in distances.groupby(DISTANCE, observed=True).indices.items():
        square = np.full((len(nodes), len(nodes)), np.nan)
        square[i[rows], j[rows]] = square[j[rows], i[rows]] = values[rows]
        np.fill_diagonal(square, 0.0)
        matrices[key] = pd.DataFrame(square, index=nodes, columns=nodes)
    return matrices


@dataclass(frozen=True)
class Curve:
    """The velocities of one series at one layer, measured in one way.

    Attributes
    ----------
    label : the columns of `CURVE` and with_base.
    steps : (T + 1,) from the start of the first transition to the end of the last.
    gaps : (T,) steps between the two checkpoints of a transition.
    v : (T,) mean over subsamples.
    own : (T, B) the subsamples' own velocities, NaN where missing.
    between : (T + 1, T + 1) distances between its checkpoints; NaN throughout where one is unknown.
    """

    label: dict
    steps: np.ndarray
    gaps: np.ndarray
    v: np.ndarray
    own: np.ndarray
    between: np.ndarray

    def gaps_per(self, per: str) -> np.ndarray:
        """(T,) what its velocities are divided by for one of `PER`."""
        return self.gaps if per == "step" else np.ones(len(self.v))


def curves(
    velocities: pd.DataFrame, distances: pd.DataFrame | None = None, *, whole_only: bool = False
) -> Iterator[Curve]:
    """Every curve, also without the transition from the base model where there is one, unless `whole_only`."""
    matrices = {} if distances is None else distance_matrices(distances)
    table, transition = velocity_curve(velocities), [*CURVE, "step_from", "step"]
    own = velocities.astype({"value": np.float64}).pivot(index=transition, columns="subsample", values="value")
    own = own.reindex(pd.MultiIndex.from_frame(table[transition])).to_numpy()
    for name, whole in table.groupby(CURVE, sort=True, observed=True):
        from_base = bool(whole["step_from"].iloc[0] == 0)
        for with_base, curve in ((from_base, whole), (False, whole.iloc[1:] if from_base else whole[:0])):
            if len(curve) and (curve is whole or not whole_only):
                starts, ends = curve["step_from"].to_numpy(), curve["step"].to_numpy()
                steps = np.append(starts[0], ends)
                # A curve with a hole in it is no walk through the checkpoints.
                matrix = matrices.get(name[1:]) if (starts == steps[:-1]).all() else None
                yield Curve(
                    dict(zip(CURVE, name, strict=True)) | {"with_base": with_base},
                    steps,
                    ends - starts,
                    curve["mean"].to_numpy(),
                    own[curve.index],
                    _distances_of(matrix, name[0], steps),
                )


def _distances_of(matrix: pd.DataFrame | None, series: str, steps: np.ndarray) -> np.ndarray:
    """Distances between the checkpoints of a series, of which step 0 is the base where it has none of its own."""
    unknown = np.full((len(steps), len(steps)), np.nan)
    if matrix is None:
        return unknown
    start = (series, 0) if (series, 0) in matrix.index else ("base", 0)
    nodes = [start if step == 0 else (series, step) for step in steps]
    found = matrix.reindex(index=nodes, columns=nodes).to_numpy()
    return found if np.isfinite(found).all() else unknown


def dynamics(
    velocities: pd.DataFrame, distances: pd.DataFrame | None = None, *, n: int = PERMUTATIONS, seed: int = 0
) -> pd.DataFrame:
    """The ``dynamics`` table: every curve, per transition and per step, by index and by step, with and
    without the transition from the base model (series that do not start at step 0 have only the latter).

    Parameters
    ----------
    velocities, distances : the tables of those names; p_checkpoints is NaN where ``distances`` lacks the
        layer, degree, order, norm and scale of a curve or one of its pairs.
    n, seed : permutations per null; the same ones serve all curves of a length.
    """
    rows = [curve.label | row for curve in curves(velocities, distances) for row in _figures(curve, n, seed)]
    figures = ["concentration", "p_velocities", "p_checkpoints", "peak_step", "stable_step"]
    return pd.DataFrame(rows, columns=[*CURVE, "per", "by", "with_base", *figures])


def _figures(curve: Curve, n: int, seed: int) -> Iterator[dict]:
    """One curve's figures for each of `PER` and `BY`; both nulls are drawn once and reused."""
    shuffled, walks = orders(len(curve.v), n, seed), random_walks(curve.between, n, seed)
    for per in PER:
        gaps = curve.gaps_per(per)
        speed = curve.v / gaps
        once = {"per": per, "peak_step": peak_step(speed, curve.steps), "stable_step": stable_step(speed, curve.steps)}
        for by in BY:
            mask = early(curve.steps, by)
            yield once | {
                "by": by,
                "concentration": early_share(speed, mask),
                "p_velocities": upper_tail(*share_and_null(speed, speed[shuffled], mask)),
                "p_checkpoints": upper_tail(*share_and_null(np.diag(curve.between, 1) / gaps, walks / gaps, mask)),
            }


def early_share(v: np.ndarray, mask: np.ndarray) -> float:
    """Sum of v (T,) where mask (T,) over its sum; NaN where nothing is early, a value is missing or nothing moves."""
    v = np.asarray(v)
    total = v.sum()
    return float(v[mask].sum() / total) if mask.any() and total > 0 else float("nan")


def share_and_null(v: np.ndarray, walks: np.ndarray, mask: np.ndarray) -> tuple[float, np.ndarray]:
    """Early share of v (T,) and those (n,) of walks (n, T) under the null; all NaN where the former is undefined."""
    observed = early_share(v, mask)
    return observed, np.full(len(walks), np.nan) if np.isnan(observed) else null_shares(walks, mask)


def null_shares(walks: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(n,) early shares of the velocities (n, T) of a null."""
    return (walks @ mask) / walks.sum(axis=1)


def upper_tail(observed: float, null: np.ndarray) -> float:
    """p = (1 + #{null >= observed}) / (1 + n), NaN where there is nothing observed; null (n,)."""
    reached = np.count_nonzero(null >= lowest_tie(observed))
    return float("nan") if np.isnan(observed) else float((1 + reached) / (1 + len(null)))


def lowest_tie(observed: float | np.ndarray) -> float | np.ndarray:
    """The smallest value that counts as equal to ``observed``."""
    return observed * (1 - TIE * np.sign(observed))


@lru_cache(maxsize=16)
def orders(length: int, n: int, seed: int) -> np.ndarray:
    """(n, length) random permutations; do not write into the result, it is shared."""
    return np.random.default_rng(seed).random((n, length)).argsort(axis=1)


def random_walks(distances: np.ndarray, n: int, seed: int) -> np.ndarray:
    """(n, T) steps of random walks through all checkpoints, each visited once."""
    order = orders(len(distances), n, seed)
    return distances[order[:, :-1], order[:, 1:]]
