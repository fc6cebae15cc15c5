"""How far a run has moved between two of its checkpoints: in mean summaries, beside what other prompts would change.

Unlike paired Wasserstein distances, means of summaries do not saturate. A displacement is never negative, so that one
in which nothing happened is not 0: it is told from its floor or not at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import gammaincinv

from phcore.study import SCALES
from phcore.topology.summaries import FEATURES, at_other_scale

ALL, GROUPS, LOOPS = "summaries", "groups", "loops"
"""What is measured: all summaries, those of H0 alone, or those of H1."""
LEVEL = 0.95  # quantile of a displacement of which nothing is left with other prompts
_CONSTANT = 1e-9  # a spread below this share of a feature's size is rounding


@dataclass(frozen=True)
class Course:
    """One series at one layer and scale.

    Attributes
    ----------
    steps : (S,) of its checkpoints, ascending; those without bars are left out.
    each : (S, B, F) the summaries of each subsample in resampling standard deviations of the layer.
    loops : (F,) which of them are of H1.
    factor : how much larger than the variance over subsamples that of a mean is for another choice of prompts: see
        `resampling.standard_error`.
    """

    series: str
    layer: int
    scale: str
    steps: np.ndarray
    each: np.ndarray
    loops: np.ndarray
    factor: float

    def at(self, step: int) -> np.ndarray:
        """(B, F) of one checkpoint.

        Raises
        ------
        KeyError
            where it has none, or one without bars.
        """
        place = np.searchsorted(self.steps, step)
        if place == len(self.steps) or self.steps[place] != step:
            raise KeyError(step)
        return self.each[place]

    def moved(self, start: int, end: int, of: str = ALL) -> tuple[float, float]:
        """Displacement from one step to another and its floor, both in resampling standard deviations.

        Raises
        ------
        KeyError
            as for `at`.
        """
        paired = self.at(end) - self.at(start)
        which = {ALL: slice(None), GROUPS: ~self.loops, LOOPS: self.loops}[of]
        return displacement(paired[:, which], self.factor)


def displacement(paired: np.ndarray, factor: float) -> tuple[float, float]:
    """Length of the mean difference, and its 95 % quantile where another choice of prompts has none.

    Parameters
    ----------
    paired : (B, F) differences of the same subsamples between two checkpoints.
    factor : as of `Course`.

    Returns
    -------
    The squared length of a normal error of covariance S is about a chi-square of (tr S)^2 / tr S^2 degrees of freedom,
    scaled to the mean tr S (Box 1954, doi:10.1214/aoms/1177728786). NaN with fewer than two subsamples.
    """
    mean = paired.mean(axis=0)
    rest = paired - mean
    if len(paired) < 2:
        return float(np.linalg.norm(mean)), float("nan")
    gram = rest @ rest.T / (len(paired) - 1)
    trace, squares = np.trace(gram), (gram**2).sum()
    if squares <= 0:
        return float(np.linalg.norm(mean)), 0.0
    freedom = trace**2 / squares
    quantile = 2 * gammaincinv(freedom / 2, LEVEL)  # of the chi-square; scipy.stats is a hundred times as slow
    return float(np.linalg.norm(mean)), float(np.sqrt(factor * trace * quantile / freedom))


def courses(
    summaries: pd.DataFrame, cells: pd.DataFrame, scale: str, n_prompts: int, subsample_size: int
) -> list[Course]:
    """Every series at every layer and at both scales, in their order; none where there are no subsamples.

    The unit of a feature is its standard deviation over the subsamples of a checkpoint, pooled over those of the layer;
    a base model that several series share counts once (as in `objectives.standardise`).

    Parameters
    ----------
    summaries : the table of that name, at `scale`.
    cells : series, step, layer and median_distance of each.
    n_prompts, subsample_size : n and m.
    """
    keys = ["series", "step", "layer"]
    if summaries.empty or n_prompts <= subsample_size or summaries["subsample"].min() < 0:
        return []
    table = summaries.sort_values([*keys, "subsample"], kind="stable", ignore_index=True)
    sizes = table.groupby(keys, sort=False)["subsample"].transform("size").to_numpy()
    table, count = table[sizes == sizes.max()], int(sizes.max())
    labels = table.iloc[::count][keys]
    values = table[list(FEATURES)].to_numpy(np.float64).reshape(len(labels), count, len(FEATURES))
    says = np.isfinite(values).all(axis=(1, 2)) & (values != 0).any(axis=(1, 2))
    labels, values = labels[says].reset_index(drop=True), values[says]
    if count < 2 or labels.empty:
        return []
    medians = labels.merge(cells[[*keys, "median_distance"]], "left")["median_distance"].to_numpy(np.float64)
    factor = subsample_size / (n_prompts - subsample_size) + 1 / count
    order = {name: place for place, name in enumerate(dict.fromkeys(summaries["series"]))}
    found = []
    for other in SCALES:
        there = values if other == scale else at_other_scale(values, medians[:, None], other)
        found += _at_scale(there, labels, other, factor, order)
    return found


def _at_scale(
    values: np.ndarray, labels: pd.DataFrame, scale: str, factor: float, order: dict[str, int]
) -> Iterator[Course]:
    loops = np.array([name.startswith("h1") for name in FEATURES])
    for layer, own in labels.groupby("layer"):
        here = values[own.index]
        once = np.unique(here.mean(axis=1).round(12), axis=0, return_index=True)[1]  # the base of several series
        unit = np.sqrt(here[once].var(axis=1, ddof=1).mean(axis=0))
        varies = unit > _CONSTANT * np.abs(here).max(axis=(0, 1))
        here = here[:, :, varies] / unit[varies]
        places = own.reset_index(drop=True).groupby("series", sort=False).indices
        for series in sorted(places, key=order.__getitem__):
            rows = places[series]
            yield Course(series, int(layer), scale, own["step"].to_numpy()[rows], here[rows], loops[varies], factor)
