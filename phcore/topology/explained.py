"""How much of a cloud is said by something plain about its points: how long the prompts are, what kind, how far out.

Everything is Euclidean and linear, about the mean.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phcore.topology.clouds import about_mean, checked_cloud


def share_explained(cloud: np.ndarray, columns: np.ndarray) -> float:
    """R^2 of the multivariate linear regression of a cloud on some numbers of its points: 1 - residual SS / total SS.

    Numbers that have nothing to do with the cloud explain k / (n - 1) of it on average, k their rank.

    Parameters
    ----------
    cloud : (n, d).
    columns : (n,) or (n, k). A constant is always among them.

    Returns
    -------
    From 0 to 1. NaN for a cloud of one place, or where no column varies.

    Raises
    ------
    Fault : the cloud is empty, not two-dimensional or not finite.
    """
    x, about = about_mean(checked_cloud(cloud)), _varying(columns)
    if not x.any() or not about.shape[1]:
        return float("nan")
    fitted = about @ np.linalg.lstsq(about, x, rcond=None)[0]
    return float(np.clip(1 - np.square(x - fitted).sum() / np.square(x).sum(), 0, 1))


def share_between(cloud: np.ndarray, labels: Sequence[str]) -> float:
    """The share of a cloud's variance that lies between groups of its points; errors as `share_explained`.

    Parameters
    ----------
    labels : n of them; "" is no group, and such points are left out.
    """
    names = np.asarray(labels)
    there = names != ""
    kinds = np.unique(names[there])
    if len(kinds) < 2:
        return float("nan")
    return share_explained(np.asarray(cloud)[there], names[there][:, None] == kinds[None, :])


def without(cloud: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The cloud (n, d) float64 with these numbers regressed out: its mean stays, and what they do not explain."""
    x, about = checked_cloud(cloud), _varying(columns)
    if not about.shape[1]:
        return x
    return x - about @ np.linalg.lstsq(about, about_mean(x), rcond=None)[0]


def along_first_component(cloud: np.ndarray, values: np.ndarray) -> float:
    """|Spearman's rho| of the points' places on the first principal component and some number of theirs.

    NaN for a cloud of one place, or where the number is the same for all.
    """
    x = about_mean(checked_cloud(cloud))
    values = np.asarray(values, np.float64)
    if not x.any() or np.ptp(values) == 0:
        return float("nan")
    _, vectors = np.linalg.eigh(x @ x.T)
    return float(abs(np.corrcoef(_ranks(vectors[:, -1]), _ranks(values))[0, 1]))


def _ranks(values: np.ndarray) -> np.ndarray:
    """From 1; equal values share the mean of theirs."""
    return pd.Series(values).rank().to_numpy()  # scipy.stats, which has the same, takes half a second to load


def _varying(columns: np.ndarray) -> np.ndarray:
    """(n, k) float64 about their means, without those that do not vary."""
    given = np.asarray(columns, np.float64)
    about = about_mean(given.reshape(len(given), -1))
    return about[:, np.ptp(about, axis=0) > 0]
