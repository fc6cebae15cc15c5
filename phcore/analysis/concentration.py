"""Concentration with everything it has to be read against: its nulls, its interval, and how often it was asked.

The figures of `phcore.analysis.dynamics` are the same to the bit. Added are the distribution under each null, the
p-value over the layers of a series (max-statistic) and over the study (false discovery rate), and an interval.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phcore.analysis.dynamics import (
    BY,
    CURVE,
    DISTANCE,
    PER,
    PERMUTATIONS,
    curve_steps,
    distance_matrices,
    distances_of,
    early,
    early_share,
    null_shares,
    orders,
    random_walks,
    upper_tail,
    velocity_curve,
)
from phcore.analysis.multiplicity import benjamini_hochberg, max_statistic

NULLS = ("velocities", "checkpoints")
READING = [*DISTANCE[1:], "per", "by", "with_base", "null"]
"""What two p-values share that answer one question at different layers or series."""
COLUMNS = [
    *CURVE,
    "per",
    "by",
    "with_base",
    "concentration",
    "lo",
    "hi",
    "null",
    "null_mean",
    "null_lo",
    "null_hi",
    "p",
    "p_max",
    "p_bh",
    "transitions",
    "permutations",
]
_NORMAL = 1.96  # 97.5 % of the standard normal distribution


@dataclass(frozen=True)
class _Curve:
    """One layer's curve.

    Attributes
    ----------
    label : the columns of `CURVE` and with_base.
    steps : (T + 1,).
    gaps : (T,) steps between the two checkpoints of a transition.
    v : (T,) mean over subsamples.
    own : (T, B) the subsamples' own velocities, NaN where missing.
    between : (T + 1, T + 1) distances between its checkpoints, NaN where unknown.
    """

    label: dict
    steps: np.ndarray
    gaps: np.ndarray
    v: np.ndarray
    own: np.ndarray
    between: np.ndarray


def concentration_table(
    velocities: pd.DataFrame,
    distances: pd.DataFrame | None,
    n_prompts: int,
    subsample_size: int,
    *,
    n: int = PERMUTATIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """The ``concentration`` table: every curve against every null, per transition and per step, by index and by step.

    Parameters
    ----------
    velocities, distances : the tables of those names, of one order. The null of checkpoints is NaN where
        ``distances`` lacks the layer, degree, order, norm and scale of a curve or one of its pairs.
    n_prompts, subsample_size : n and m; the interval covers another choice of n prompts.
    n, seed : permutations per null; the same ones serve all layers of a series.

    Returns
    -------
    One row per curve, reading and null, with the columns of `COLUMNS`. p_max goes over the layers of a series
    that have the same checkpoints, p_bh over all series and layers of the same `READING`. Where
    concentration is undefined (fewer than three transitions, nothing moves) all that follows from it is NaN.
    """
    matrices = {} if distances is None else distance_matrices(distances)
    groups: dict[tuple, list[_Curve]] = {}
    for curve in _curves(velocities, matrices):
        label = curve.label
        together = tuple(label[name] for name in (*CURVE, "with_base") if name != "layer")
        groups.setdefault((*together, *curve.steps, *curve.gaps), []).append(curve)
    rows = [row for layers in groups.values() for row in _layers(layers, n_prompts, subsample_size, n, seed)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    if len(table):
        table["p_bh"] = table.groupby(READING, observed=True)["p"].transform(lambda p: benjamini_hochberg(p.to_numpy()))
    by_curve = table.sort_values([*CURVE, "with_base"], ascending=[True] * len(CURVE) + [False], kind="stable")
    return by_curve.reset_index(drop=True)


def _curves(velocities: pd.DataFrame, matrices: dict[tuple, pd.DataFrame]) -> Iterator[_Curve]:
    """Every curve, with and without the transition from the base model where there is one."""
    transition = ["step_from", "step"]
    own = velocities.astype({"value": np.float64}).groupby(CURVE, observed=True)
    for name, whole in velocity_curve(velocities).groupby(CURVE, sort=True, observed=True):
        of_subsamples = own.get_group(name).pivot(index=transition, columns="subsample", values="value")
        has_base = whole["step_from"].iloc[0] == 0
        for with_base in (True, False) if has_base else (False,):
            curve = whole if with_base or not has_base else whole.iloc[1:]
            if len(curve):
                yield _Curve(
                    dict(zip(CURVE, name, strict=True)) | {"with_base": with_base},
                    curve_steps(curve),
                    (curve["step"] - curve["step_from"]).to_numpy(),
                    curve["mean"].to_numpy(),
                    of_subsamples.reindex(pd.MultiIndex.from_frame(curve[transition])).to_numpy(),
                    distances_of(matrices.get(name[1:]), name[0], curve),
                )


def _layers(layers: list[_Curve], n_prompts: int, size: int, n: int, seed: int) -> Iterator[dict]:
    """Rows of curves that differ in nothing but their layer: one permutation serves them all."""
    first = layers[0]
    shuffled = orders(len(first.v), n, seed)
    walks = [random_walks(c.between, n, seed) if np.isfinite(c.between).all() else None for c in layers]
    for per in PER:
        gaps = first.gaps if per == "step" else np.ones(len(first.v))
        speeds = {
            "velocities": [c.v / gaps for c in layers],
            # The walk in training order, so that both sides of the comparison are read from one matrix.
            "checkpoints": [np.diag(c.between, 1) / gaps for c in layers],
        }
        drawn = {
            "velocities": [speed[shuffled] for speed in speeds["velocities"]],
            "checkpoints": [None if walk is None else walk / gaps for walk in walks],
        }
        for by in BY:
            mask = early(first.steps, by)
            concentration = [early_share(c.v / gaps, mask) for c in layers]
            errors = [standard_error(_own_shares(c.own / gaps[:, None], mask), n_prompts, size) for c in layers]
            for null in NULLS:
                observed = np.array([early_share(speed, mask) for speed in speeds[null]])
                shares = _null_table(drawn[null], mask, observed, n)
                p_max = max_statistic(observed, shares)
                for k, curve in enumerate(layers):
                    yield curve.label | {
                        "per": per,
                        "by": by,
                        "concentration": concentration[k],
                        "lo": concentration[k] - _NORMAL * errors[k],
                        "hi": concentration[k] + _NORMAL * errors[k],
                        "null": null,
                        **_described(observed[k], shares[:, k]),
                        "p_max": p_max[k],
                        "transitions": len(curve.v),
                        "permutations": n,
                    }


def _null_table(drawn: list[np.ndarray | None], mask: np.ndarray, observed: np.ndarray, n: int) -> np.ndarray:
    """(n, L) early shares under the null; NaN for a layer without a null, or without a concentration."""
    missing = np.full(n, np.nan)
    columns = [
        missing if walks is None or np.isnan(share) else null_shares(walks, mask)
        for walks, share in zip(drawn, observed, strict=True)
    ]
    return np.column_stack(columns)


def _described(observed: float, null: np.ndarray) -> dict:
    """Where the null lies, and the p-value of one layer alone."""
    if np.isnan(null[0]):
        return dict.fromkeys(("null_mean", "null_lo", "null_hi", "p"), np.nan)
    lo, hi = np.quantile(null, [0.05, 0.95])
    return {"null_mean": null.mean(), "null_lo": lo, "null_hi": hi, "p": upper_tail(observed, null)}


def _own_shares(own: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(B,) concentration of each subsample's own curve, own (T, B)."""
    return np.array([early_share(v, mask) for v in own.T])


# To be replaced by phcore.analysis.resampling.standard_error, which is the same formula.
def standard_error(values: np.ndarray, n: int, m: int) -> float:
    """Standard error, over another choice of n prompts, of the mean of a statistic measured on subsamples of m.

    SE^2 = Var_b(values) (m / (n - m) + 1 / B). A mean over random subsets of m of n points is an incomplete
    U-statistic with a kernel of m points, and Hoeffding (1948) bounds its variance by m / n of the kernel's: the
    interval is not too narrow in expectation.

    Parameters
    ----------
    values : (B,) the statistic on each subsample; NaN values are left out.

    Returns
    -------
    NaN for fewer than two values, or where a subsample is the whole set.
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    if len(values) < 2 or m >= n:
        return float("nan")
    return float(np.sqrt(values.var(ddof=1) * (m / (n - m) + 1 / len(values))))
