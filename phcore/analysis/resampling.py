"""How far a number measured on subsamples would move with another choice of prompts.

A study draws B index sets of m prompts out of n and measures a statistic on each. The sets overlap, so the spread
of the B values is not that of B replicates: it is turned into a standard error here, in one place.
"""

from statistics import NormalDist

import numpy as np


def standard_error(values: np.ndarray, n: int, m: int) -> np.ndarray:
    """Standard error of the mean over subsamples, for another choice of prompts from the same population.

    ``SE^2 = var(values) * (m / (n - m) + 1 / B)``. The mean over all subsets of m of n prompts is a U-statistic U with
    a kernel of m points, of variance zeta_m for a single one. Hoeffding (1948, *A class of statistics with
    asymptotically normal distribution*): Var(U) <= (m / n) zeta_m, with equality where the statistic is linear in
    the points. Given the prompts, subsamples vary by zeta_m - Var(U) >= (1 - m / n) zeta_m, so m / (n - m) times
    their variance is in expectation at least Var(U); 1 / B of it is for drawing B subsets instead of all. It says
    nothing about another training seed.

    It is SE^2 that is never too small on average. Where a few prompts decide the value, SE itself is noisy and the
    error is skewed: in 600 simulated clouds each (n = 320, m = 160, B = 64, normal and exponential
    points) 95 % intervals held the truth in 94-95 % for means and medians, 92-96 % for standard deviations, 98 % and
    more for counts of close pairs, but in 79-92 % only for the largest, the smallest and the largest gap. Numbers of
    bars are farther from linear than any of these: see `separation.effects` for how wide their intervals are.

    Parameters
    ----------
    values : (B, ...) the statistic of each subsample. What is not finite is no measurement: it is left out, and B
        counts the others.
    n, m : number of prompts in all, and in a subsample.

    Returns
    -------
    (...) in the unit of the values; NaN with fewer than two values, or where m >= n leaves nothing to vary.
    """
    values, count, centre = _measured(values)
    if m >= n:
        return np.full(count.shape, np.nan)[()]
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.nansum((values - centre) ** 2, axis=0) / np.maximum(count - 1, 0)  # 0 / 0: NaN
        return np.sqrt(variance * (m / (n - m) + 1 / count))[()]


def interval(values: np.ndarray, n: int, m: int, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Normal interval around the mean over subsamples, for another choice of prompts.

    Parameters
    ----------
    values, n, m : as for `standard_error`.
    level : coverage, between 0 and 1.

    Returns
    -------
    lo, hi : (...) each, in the unit of the values; NaN where the standard error is.
    """
    _, _, centre = _measured(values)
    reach = NormalDist().inv_cdf((1 + level) / 2) * standard_error(values, n, m)
    return centre - reach, centre + reach


def _measured(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values (B, ...) with NaN for all that is not finite; how many are, and their mean (...), NaN where none is."""
    values = np.asarray(values, dtype=np.float64)
    measured = np.isfinite(values)
    values, count = np.where(measured, values, np.nan), measured.sum(axis=0)
    # Around the first measured value, so that equal numbers have exactly that mean and no spread by rounding.
    first = np.take_along_axis(values, measured.argmax(axis=0)[None], axis=0)[0] if len(values) else np.nan
    centre = first + np.nansum(values - first, axis=0) / np.where(count, count, np.nan)
    return values, count, centre[()]
