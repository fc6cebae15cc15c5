"""p-values of several layers at once: the maximum of a statistic over them, and the false discovery rate."""

import numpy as np

from phcore.analysis.dynamics import lowest_tie
from phcore.errors import Fault

# A null whose spread is below this share of its size is rounding of a constant.
_CONSTANT = 1e-9


def max_statistic(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """p of each layer against the largest statistic over all layers (single-step maxT, Westfall & Young 1993).

    Every layer is standardised by the mean and standard deviation of its null, so that layers whose
    statistic varies more do not decide the maximum alone. A layer whose null is constant has nothing to be
    standardised by: it is judged by itself and left out of the maximum.

    Parameters
    ----------
    observed : (L,) statistics, large ones against the null; NaN where a layer has none.
    null : (N, L) the same under the null, row by row from one and the same permutation of all layers,
        which is what keeps the dependence between them.

    Returns
    -------
    (L,) p = (1 + #{max* >= t}) / (1 + N), never below the p of the layer alone; NaN for a layer with any NaN.

    Raises
    ------
    Fault : the shapes do not fit, or the null has no row.
    """
    observed, null = np.asarray(observed, dtype=np.float64), np.asarray(null, dtype=np.float64)
    if observed.ndim != 1 or null.ndim != 2 or null.shape[1] != len(observed) or not len(null):
        raise Fault(
            f"statistics of the shape {observed.shape} do not fit a null of the shape {null.shape}",
            "give (L,) statistics and an (N, L) null",
        )
    p = np.full(len(observed), np.nan)
    known = np.isfinite(observed) & np.isfinite(null).all(axis=0)
    lowest = lowest_tie(observed)  # what counts as a tie alone counts as one here, so that p is never smaller
    centre, spread = null.mean(axis=0), null.std(axis=0)
    varies = known & (spread > _CONSTANT * np.abs(null).max(axis=0))
    alone = known & ~varies
    p[alone] = (1 + (null[:, alone] >= lowest[alone]).sum(axis=0)) / (1 + len(null))
    if varies.any():
        largest = np.sort(((null[:, varies] - centre[varies]) / spread[varies]).max(axis=1))
        reached = len(null) - np.searchsorted(largest, (lowest[varies] - centre[varies]) / spread[varies], side="left")
        p[varies] = (1 + reached) / (1 + len(null))
    return p


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """p-values adjusted so that those below q have a false discovery rate of at most q (Benjamini & Hochberg 1995).

    Parameters
    ----------
    p : (k,) p-values, independent or positively dependent; NaN where there is none.

    Returns
    -------
    (k,) adjusted, in the same order, never below p; NaN where p is, and NaN counts as no test.

    Raises
    ------
    Fault : a p-value outside [0, 1].
    """
    p = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    if ((p[known] < 0) | (p[known] > 1)).any():
        raise Fault("a p-value lies outside 0 to 1", "give p-values, not statistics")
    adjusted = np.full(p.shape, np.nan)
    falling = known[np.argsort(-p[known], kind="stable")]
    ranks = np.arange(len(known), 0, -1)
    adjusted[falling] = np.minimum.accumulate(np.minimum(p[falling] * (len(known) / ranks), 1.0))
    return adjusted
