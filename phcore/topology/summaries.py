"""The 41 numbers that summarise the two diagrams of a cloud (Fay et al., arXiv:2505.20435)."""

import numpy as np

from phcore.topology.persistence import Diagrams
from phcore.topology.words import WORDS

FEATURE_WORDS: dict[str, str] = {
    f"{quantity}_{statistic}": f"{words}, {statistic_words}"
    for quantity, words in WORDS["quantity"].items()
    for statistic, statistic_words in WORDS["statistic"].items()
} | {f"h{k}_{total}": f"H{k} {words}" for k in (0, 1) for total, words in WORDS["total"].items()}
"""Name of each feature -> its label, in the order of the columns."""

FEATURES: tuple[str, ...] = tuple(FEATURE_WORDS)

SCALE_DEGREE: dict[str, int] = {
    name: 0 if name.startswith("h1_ratio") or name.endswith(("count", "entropy")) else 1 for name in FEATURES
}
"""1 for features that grow in proportion to the cloud, 0 for those that do not change."""


def summary(diagrams: Diagrams) -> np.ndarray:
    """(41,) float64 in the order of `FEATURES`; an empty diagram gives 0 everywhere.

    Quartiles interpolate linearly, std is the population one, entropy is -sum p ln p with
    p = persistence / total persistence.
    """
    h0, h1 = diagrams
    birth, death = h1.T
    quantities = np.concatenate(
        [_statistics(h0[None, :, 1]), _statistics(np.stack([birth, death, death - birth, birth / death]))]
    )
    return np.concatenate([quantities.ravel(), _totals(h0), _totals(h1)])


def _statistics(rows: np.ndarray) -> np.ndarray:
    """(r, k) -> (r, 7): mean, min, Q1, median, Q3, max, std of each row."""
    if not rows.shape[1]:
        return np.zeros((len(rows), 7))
    quartiles = np.quantile(rows, [0, 0.25, 0.5, 0.75, 1], axis=1)
    return np.column_stack([rows.mean(axis=1), *quartiles, rows.std(axis=1)])


def _totals(diagram: np.ndarray) -> np.ndarray:
    """(3,): total persistence, number of bars, persistent entropy."""
    if not len(diagram):
        return np.zeros(3)
    persistence = diagram[:, 1] - diagram[:, 0]
    p = persistence / persistence.sum()
    return np.array([persistence.sum(), len(diagram), -(p * np.log(p)).sum()])


def rescale(summaries: np.ndarray, median_distance: float | np.ndarray) -> np.ndarray:
    """Summaries of raw diagrams as if every birth and death were divided by ``median_distance``.

    Parameters
    ----------
    summaries : (..., 41).
    median_distance : of the cell; a number, or an array of the shape (...). 0 (a cloud of one place,
        whose diagrams are empty) leaves the summaries as they are.
    """
    degree = np.array([SCALE_DEGREE[name] for name in FEATURES])
    median_distance = np.asarray(median_distance, dtype=np.float64)
    divisor = np.where(median_distance > 0, median_distance, 1.0)[..., None] ** degree
    return summaries / divisor


def at_other_scale(summaries: np.ndarray, median_distance: np.ndarray, scale: str) -> np.ndarray:
    """Summaries of the one scale as they are at the other.

    Parameters
    ----------
    summaries : (..., 41).
    median_distance : (...) of the cells, as for `rescale`.
    scale : the one they shall have: "median", or "raw".
    """
    if scale == "median":
        return rescale(summaries, median_distance)
    known = np.asarray(median_distance, dtype=np.float64)
    return rescale(summaries, np.divide(1, known, out=np.zeros_like(known), where=known > 0))  # 0: a cloud of one place
