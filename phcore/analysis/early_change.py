"""Concentration with everything it has to be read against: its nulls, its interval, and how often it was asked.

The figures of `phcore.analysis.dynamics` are the same to the bit. Added are the distribution under each null, the
p-value over the layers of a series (max-statistic) and over the study (false discovery rate), an interval, and a null
that holds its level where the other two do not. What each promises on simulated studies is in docs/method.md, from
scripts/calibrate.py:

- *velocities* takes consecutive velocities for exchangeable, though they share a checkpoint: an odd one makes two
  neighbours fast. Per step it asks, in effect, whether the grid is uneven.
- *checkpoints* takes the checkpoints themselves for exchangeable. A model that drifts has near neighbours and far
  strangers, so that random walks are long and vary more: p is then far too large.
- *studentised* shuffles how far each transition went, then divides by the gap where it stands, and compares the early
  share in units of its own standard error, which knows of the shared checkpoint.
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
    Curve,
    curves,
    early,
    early_share,
    orders,
    random_walks,
    share_and_null,
    upper_tail,
)
from phcore.analysis.multiplicity import benjamini_hochberg, max_statistic
from phcore.analysis.resampling import standard_error

NULLS = ("velocities", "checkpoints", "studentised")
TRUSTED = "studentised"  # the one that keeps its level: docs/method.md, Calibration
READING = [*DISTANCE[1:], "per", "by", "with_base", "null"]
"""What two p-values share that answer one question at different layers or series."""
COLUMNS = [
    *CURVE, "per", "by", "with_base", "concentration", "lo", "hi", "null", "null_mean", "null_lo", "null_hi", "p",
    "p_max", "p_bh", "transitions", "permutations",
]  # fmt: skip
_NORMAL = 1.96  # 97.5 % of the standard normal distribution
# Sharing a checkpoint makes neighbours correlate by 1/2 at most; below that, no standard error can vanish.
_MOST = 0.45
# A spread below this share of the mean is rounding of equal velocities.
_FLAT = 1e-9


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
    groups: dict[tuple, list[Curve]] = {}
    for curve in curves(velocities, distances):
        label = curve.label
        together = tuple(label[name] for name in (*CURVE, "with_base") if name != "layer")
        groups.setdefault((*together, *curve.steps, *curve.gaps), []).append(curve)
    rows = [row for layers in groups.values() for row in _layers(layers, n_prompts, subsample_size, n, seed)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    if len(table):
        table["p_bh"] = table.groupby(READING, observed=True)["p"].transform(lambda p: benjamini_hochberg(p.to_numpy()))
    by_curve = table.sort_values([*CURVE, "with_base"], ascending=[True] * len(CURVE) + [False], kind="stable")
    return by_curve.reset_index(drop=True)


def _layers(layers: list[Curve], n_prompts: int, size: int, n: int, seed: int) -> Iterator[dict]:
    """Rows of curves that differ in nothing but their layer: one permutation serves them all."""
    first = layers[0]
    order = orders(len(first.v), n, seed)
    walks = [random_walks(c.between, n, seed) for c in layers]
    for per in PER:
        gaps = first.gaps_per(per)
        for by in BY:
            mask = early(first.steps, by)
            shares = [early_share(c.v / gaps, mask) for c in layers]
            of_subsamples = [np.array([early_share(v, mask) for v in (c.own / gaps[:, None]).T]) for c in layers]
            errors = [standard_error(values, n_prompts, size) for values in of_subsamples]
            found = {
                "velocities": [_Null(*share_and_null(c.v / gaps, (c.v / gaps)[order], mask)) for c in layers],
                # The walk in training order, so that both sides of the comparison are read from one matrix.
                "checkpoints": [
                    _Null(*share_and_null(np.diag(c.between, 1) / gaps, walk / gaps, mask))
                    for c, walk in zip(layers, walks, strict=True)
                ],
                "studentised": [_studentised(c.v, gaps, mask, order) for c in layers],
            }
            for null in NULLS:
                observed = np.array([one.observed for one in found[null]])
                p_max = max_statistic(observed, np.column_stack([one.drawn for one in found[null]]))
                for k, curve in enumerate(layers):
                    yield curve.label | {
                        "per": per,
                        "by": by,
                        "concentration": shares[k],
                        "lo": shares[k] - _NORMAL * errors[k],
                        "hi": shares[k] + _NORMAL * errors[k],
                        "null": null,
                        **_described(found[null][k]),
                        "p_max": p_max[k],
                        "transitions": len(curve.v),
                        "permutations": n,
                    }


@dataclass(frozen=True)
class _Null:
    """One layer's statistic and its values under a null.

    Attributes
    ----------
    observed : NaN where there is none.
    drawn : (n,), NaN throughout where there is none.
    centre, unit : drawn * unit + centre is a concentration.
    """

    observed: float
    drawn: np.ndarray
    centre: float = 0.0
    unit: float = 1.0


def _studentised(v: np.ndarray, gaps: np.ndarray, mask: np.ndarray, order: np.ndarray) -> _Null:
    """Early share less that of equal moves, over its standard error; v (T,) per transition whatever the gaps.

    With w = 1 / gaps and C0 the share of equal v, C - C0 = sum c v / sum w v for c = (mask - C0) w. So C grows
    with t = sum c v / SE, and t is what is compared: a permutation test of a studentised statistic keeps its level
    (asymptotically) where neighbours correlate, too, and exactly where they are exchangeable (Romano & Tirlea
    2020, arXiv:2009.03170).
    """
    if np.isnan(early_share(v / gaps, mask)):
        return _Null(np.nan, np.full(len(order), np.nan))
    flat = (mask / gaps).sum() / (1 / gaps).sum()
    contrast = (mask - flat) / gaps
    t = student(v[order], contrast)
    return _Null(float(student(v, contrast)), t, flat, float(contrast_error(v, contrast) / (v / gaps).sum()))


def student(v: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """(...,) sum of contrast * v over its `contrast_error`, v (..., T); 0 for equal velocities."""
    error = contrast_error(v, contrast)
    t = np.divide(v @ contrast, error, out=np.zeros(error.shape), where=error > 0)
    return np.round(t, 9)  # orders that are equal but for rounding are ties


def contrast_error(v: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Standard error (...,) of sum of contrast * v, v (..., T), if neighbours correlate and nothing else does.

    Variance g0 sum c_t^2 + 2 g1 sum c_t c_(t+1), with the autocovariances g0 and g1 of v around its mean; g1 is
    kept within 0.45 g0, so that the variance stays positive.
    """
    mean = v.mean(axis=-1, keepdims=True)
    rest = v - mean
    g0 = (rest**2).mean(axis=-1)
    g0 = np.where(g0 > (_FLAT * mean[..., 0]) ** 2, g0, 0.0)
    g1 = np.clip((rest[..., 1:] * rest[..., :-1]).sum(axis=-1) / v.shape[-1], -_MOST * g0, _MOST * g0)
    return np.sqrt(g0 * (contrast**2).sum() + 2 * g1 * (contrast[1:] * contrast[:-1]).sum())


def _described(null: _Null) -> dict:
    """Where the null lies, as a concentration, and the p-value of one layer alone."""
    if np.isnan(null.observed):
        return dict.fromkeys(("null_mean", "null_lo", "null_hi", "p"), np.nan)
    middle = [null.drawn.mean(), *np.quantile(null.drawn, [0.05, 0.95])]
    # A studentised share is turned into one by a straight line, which knows no largest share.
    mean, lo, hi = np.clip(null.centre + null.unit * np.array(middle), 0.0, 1.0)
    return {"null_mean": mean, "null_lo": lo, "null_hi": hi, "p": upper_tail(null.observed, null.drawn)}
