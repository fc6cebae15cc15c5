"""Gaussian clouds that match a cell: what bars, and what velocities, look like where there is no shape.

Rows of a Gaussian cloud are independent, so that a subsample of a large one is a small one: m rows are drawn afresh
for each replicate. The standard normal draws depend on the seed, the replicate and the kind alone. Consecutive
checkpoints therefore share them, and the Gaussian cloud moves because its parameters do and for no other reason.
"""

from functools import lru_cache

import numpy as np

from phcore.errors import Fault
from phcore.topology.clouds import checked_cloud
from phcore.topology.words import WORDS

KIND_WORDS = WORDS["gaussian"]
KINDS: tuple[str, ...] = tuple(KIND_WORDS)
_KEPT = 2**20  # bytes of draws that are kept at the most: all replicates of a study of 750 prompts are 30 MB


def gaussian(cloud: np.ndarray, kind: str, count: int, *, replicate: int, seed: int = 0) -> np.ndarray:
    """A Gaussian cloud that matches a given one.

    With Xc the centred cloud and Z standard normal, the rows of Z Xc / sqrt(n - 1) have the (unbiased) covariance of
    the cloud's, whatever its rank, and no (d, d) matrix is needed. Two clouds X, Y of the same n points and the same Z
    give two Gaussian clouds with the cross-covariance Xc' Yc / (n - 1), too: point by point they move as far as the
    real points do on average, and where Y is X turned, moved or scaled, so are they.

    Parameters
    ----------
    cloud : (n, d).
    kind : one of `KINDS`.
    count : rows to draw, m.
    replicate, seed : of the draws.

    Returns
    -------
    (count, d) float64.

    Raises
    ------
    Fault : the cloud is empty, not two-dimensional or not finite.
    """
    x = checked_cloud(cloud)
    if kind not in KINDS:
        raise Fault(f"there is no Gaussian null {kind!r}", f"Choose one of: {', '.join(KINDS)}")
    n, d = x.shape
    mean = x[0] + (x - x[0]).mean(axis=0)  # of equal points: themselves, to the bit
    centred = (x - mean) / np.sqrt(max(1, n - 1))
    asked = seed, replicate, KINDS.index(kind), count, d if kind == "isotropic" else n
    drawn = (_kept if 8 * count * asked[-1] <= _KEPT else _drawn)(*asked)
    if kind == "isotropic":
        return mean + np.sqrt(np.square(centred).sum() / d) * drawn
    return mean + drawn @ centred


def _drawn(seed: int, replicate: int, kind: int, rows: int, columns: int) -> np.ndarray:
    """(rows, columns) standard normal, not to be written to."""
    found = np.random.default_rng([seed, replicate, kind]).standard_normal((rows, columns))
    found.setflags(write=False)
    return found


_kept = lru_cache(maxsize=32)(_drawn)  # the same at every checkpoint and layer, and dearer to draw than to use
