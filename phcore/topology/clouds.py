"""Point clouds: which prompts to look at, and how far apart they are."""

import numpy as np

from phcore.errors import Fault
from phcore.formatting import three

# Distances from inner products lose digits when two points are much closer to each other than to
# the centroid. Below this share of the squared norms the pair is computed from its difference, so
# that the relative error of every distance stays under 1e-9.
_CLOSE = 1e-6
# Asymmetry and diagonal up to this share of the largest distance are rounding, and are mended.
_ROUNDING = 1e-6

WHOLE = -1  # the subsample number of the whole cloud


def subsample_size(n_prompts: int, size: int = 160) -> int:
    """Prompts in one subsample: ``size``, or floor(0.8 n) where the cloud has no more than ``size``.

    With ``n_prompts == size`` every subsample would be the whole cloud, so that case shrinks too.
    """
    if n_prompts < 1 or size < 1:
        raise Fault(f"a subsample of {size} out of {n_prompts} prompts is empty", "give at least one prompt")
    return size if n_prompts > size else max(1, int(0.8 * n_prompts))


def overlap_words(n: int, m: int) -> str:
    """What it means that a subsample holds more than half of the prompts, in a sentence; empty where it does not.

    Parameters
    ----------
    n, m : prompts in all, and in a subsample.
    """
    if 2 * m <= n:
        return ""
    return (
        f"Subsamples of {m:,} out of {n:,} prompts overlap: two share at least {2 * m - n:,}, so that resampling "
        "floors, which compare two, are too low. For another choice of prompts, a squared standard error is "
        f"m / (n - m) = {three(m / (n - m))} times the variance over subsamples; at half of the prompts it is 1."
    )


def subsamples(n_prompts: int, *, count: int = 64, size: int = 160, seed: int = 0) -> np.ndarray:
    """Index sets drawn once per study and used for every cell, so that comparisons are paired.

    Returns
    -------
    (count, m) int array; rows sorted, without replacement inside a row; m from `subsample_size`.
    """
    m = subsample_size(n_prompts, size)
    rng = np.random.default_rng(seed)
    return np.stack([np.sort(rng.choice(n_prompts, m, replace=False)) for _ in range(count)])


def numbers(count: int) -> list[int]:
    """Numbers of the subsamples; 0 of them means the whole cloud alone."""
    return list(range(count)) or [WHOLE]


def index_sets(n_prompts: int, count: int, size: int, seed: int) -> dict[int, np.ndarray]:
    """Subsample number -> indices of its prompts; of the whole cloud where ``count`` is 0."""
    if count == 0:
        return {WHOLE: np.arange(n_prompts)}
    return dict(enumerate(subsamples(n_prompts, count=count, size=size, seed=seed)))


def partners(indices: np.ndarray, n_prompts: int, *, seed: int = 0) -> np.ndarray:
    """For each subsample another of the same size with as little overlap as possible.

    The distance between a subsample's diagram and its partner's is the resampling floor. The pair
    is disjoint when n_prompts >= 2 m; otherwise the partner holds every prompt left out of the
    subsample and is filled up from the subsample itself.

    Parameters
    ----------
    indices : (count, m) int array, as from `subsamples`.

    Returns
    -------
    (count, m) int array, rows sorted.
    """
    rng, every, m = np.random.default_rng(seed), np.arange(n_prompts), indices.shape[1]
    shuffled = ([rng.permutation(np.setdiff1d(every, row)), rng.permutation(row)] for row in indices)
    return np.stack([np.sort(np.concatenate(both)[:m]) for both in shuffled])


def overlap(n: int, m: int) -> float:
    """Share (0 to 1) of a subsample's prompts that its partner repeats.

    Prompts in common make the two diagrams more alike, and so lower the resampling floor.

    Parameters
    ----------
    n, m : prompts in all, and in a subsample.
    """
    return max(0, 2 * m - n) / m


def checked_cloud(cloud: np.ndarray) -> np.ndarray:
    """The cloud as float64; a Fault where it is empty, not two-dimensional or not finite."""
    x = np.asarray(cloud, dtype=np.float64)
    if x.ndim != 2 or not x.size:
        raise Fault(f"a cloud has the shape (prompts, hidden), not {x.shape}", "pass one layer at a time")
    if not np.isfinite(x).all():
        raise Fault("the cloud holds NaN or infinity", "look for overflow in the activations")
    return x


def about_mean(cloud: np.ndarray) -> np.ndarray:
    """The cloud as float64 about its mean; a cloud of one place is exactly 0."""
    x = np.asarray(cloud, dtype=np.float64)
    x = x - x[0]  # equal points leave no rounding
    return x - x.mean(axis=0)


def distance_matrix(cloud: np.ndarray, metric: str = "euclidean") -> np.ndarray:
    """All pairwise distances of a cloud.

    Parameters
    ----------
    cloud : (n, d) array, any float type.
    metric : "euclidean", or "cosine" (1 - cosine of the angle; not a metric, but fit for Rips).

    Returns
    -------
    (n, n) float64, symmetric, diagonal exactly 0; identical rows are exactly 0 apart.

    Raises
    ------
    Fault : not two-dimensional, non-finite values, a zero row under "cosine", an unknown metric.
    """
    x = np.asarray(cloud, dtype=np.float64)
    if x.ndim != 2:
        raise Fault(f"a cloud has the shape (prompts, hidden), not {x.shape}", "pass one layer at a time")
    if not np.isfinite(x).all():
        raise Fault(
            f"{np.count_nonzero(~np.isfinite(x).all(axis=1))} of {len(x)} points hold NaN or infinity",
            "look for overflow in the activations, for example by extracting them in float32",
        )
    if metric == "euclidean":
        return np.sqrt(_squared_distances(x))
    if metric == "cosine":
        norms = np.linalg.norm(x, axis=1, keepdims=True)
        if not norms.all():
            raise Fault("a point is the zero vector, which has no direction", "use the euclidean metric")
        # 1 - cos = |u - v|^2 / 2 for unit vectors: no cancellation, and exactly 0 for equal rows.
        return _squared_distances(x / norms) / 2
    raise Fault(f"unknown metric {metric!r}", "use 'euclidean' or 'cosine'")


def _squared_distances(x: np.ndarray) -> np.ndarray:
    """(n, n) squared Euclidean distances from the centred Gram matrix, close pairs directly."""
    centred = x - x.mean(axis=0)  # distances do not change, rounding shrinks
    gram = centred @ centred.T
    norms = np.diag(gram)
    sums = norms[:, None] + norms[None, :]
    squared = sums - 2 * gram
    close = np.triu(squared <= _CLOSE * sums, 1)
    for i in np.flatnonzero(close.any(axis=1)):
        j = np.flatnonzero(close[i])
        squared[i, j] = np.square(x[j] - x[i]).sum(axis=1)
    upper = np.triu(squared, 1)  # the upper triangle decides, so the result is symmetric to the bit
    squared = upper + upper.T
    # Equal rows must be equally far from all others, to the bit: rounding would make loops of them.
    first = (squared == 0).argmax(axis=1)
    return squared[np.ix_(first, first)] if (first != np.arange(len(x))).any() else squared


def median_distance(distances: np.ndarray) -> float:
    """Median of the strict upper triangle; 0.0 for fewer than two points."""
    if len(distances) < 2:
        return 0.0
    above = ~np.tri(len(distances), dtype=bool)  # the diagonal; a third of what lists of indices take
    return float(np.median(distances[above]))


def distinct_points(cloud: np.ndarray) -> int:
    """Number of different rows of a cloud (-0.0 and 0.0 are the same)."""
    return len(np.unique(np.asarray(cloud) + 0.0, axis=0))


def validated_distance_matrix(distances: np.ndarray) -> np.ndarray:
    """The matrix as float64, exactly symmetric, with an exactly zero diagonal.

    Rips engines check none of this: ripser.py turns a matrix with any nonzero diagonal entry into a
    sparse one and then drops its zero distances. Rounding (1e-6 of the largest entry) is mended.

    Raises
    ------
    Fault : not square, empty, non-finite, negative, or asymmetric or with a diagonal beyond rounding.
    """
    d = np.ascontiguousarray(distances, dtype=np.float64)
    mend = "pass a symmetric matrix of distances with a zero diagonal"
    if d.ndim != 2 or d.shape[0] != d.shape[1] or not len(d):
        raise Fault(f"a distance matrix is square and not empty, this one has the shape {d.shape}", mend)
    if not np.isfinite(d).all():
        raise Fault("the distance matrix holds NaN or infinity", mend)
    if d.min() < 0:
        raise Fault("the distance matrix holds negative entries", mend)
    if np.array_equal(d, d.T) and not d.diagonal().any():
        return d
    slack = _ROUNDING * d.max()
    if np.abs(d - d.T).max() > slack:
        raise Fault("the distance matrix is not symmetric", mend)
    if d.diagonal().max() > slack:
        raise Fault("the distance matrix has a nonzero diagonal", mend)
    upper = np.triu(d, 1)
    return upper + upper.T
