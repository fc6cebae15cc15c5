"""The geometry that topology has to beat: what is known of a cloud, and of its move, without any homology.

Everything is Euclidean, whatever metric the bars are of. Nothing here needs more than (n, n) matrices.
"""

import numpy as np

from phcore.errors import Fault
from phcore.topology.clouds import about_mean, checked_cloud, distance_matrix, median_distance
from phcore.topology.words import WORDS

CELL_WORDS, MOVE_WORDS = WORDS["cell"], WORDS["move"]
LENGTH_DEGREE: dict[str, int] = {
    "mean_norm": 1, "total_variance": 2, "mean_distance": 1, "median_distance": 1, "effective_rank": 0, "two_nn": 0,
    "centroid_drift": 1, "cka_distance": 0,
}  # fmt: skip
"""How each number grows as both clouds do: c times the cloud gives c to this power times the number."""

# Eigenvalues of a Gram matrix up to this share of the largest are rounding: singular values up to a millionth.
_FLAT = 1e-12


def describe(cloud: np.ndarray) -> dict[str, float]:
    """The numbers of `CELL_WORDS` of one cloud.

    Parameters
    ----------
    cloud : (n, d).

    Returns
    -------
    NaN where a number is not defined: distances of a single point, the effective rank of a cloud of one place.

    Raises
    ------
    Fault : the cloud is empty, not two-dimensional or not finite.
    """
    x = checked_cloud(cloud)
    distances = distance_matrix(x)
    pairs = distances[np.triu_indices(len(x), 1)]
    return {
        "mean_norm": float(np.linalg.norm(x, axis=1).mean()),
        "total_variance": total_variance(x),
        "mean_distance": float(pairs.mean()) if len(pairs) else float("nan"),
        "median_distance": median_distance(distances) if len(pairs) else float("nan"),
        "effective_rank": effective_rank(x),
        "two_nn": two_nn(distances),
    }


def compare(earlier: np.ndarray, later: np.ndarray) -> dict[str, float]:
    """The numbers of `MOVE_WORDS` of two clouds of the same points.

    Parameters
    ----------
    earlier, later : (n, d); row i of both is the same prompt.

    Raises
    ------
    Fault : as `describe`, and where the shapes differ.
    """
    a, b = checked_cloud(earlier), checked_cloud(later)
    if a.shape != b.shape:
        raise Fault(
            f"clouds of the shapes {a.shape} and {b.shape} are not of the same points",
            "compare two checkpoints of one model on the same prompts",
        )
    return {
        # The mean of the differences: means of equal clouds are exactly 0 apart.
        "centroid_drift": float(np.linalg.norm((b - a).mean(axis=0))),
        "cka_distance": cka_distance(a, b),
    }


def total_variance(cloud: np.ndarray) -> float:
    """Trace of the population covariance: the mean squared distance from the mean."""
    return float(np.square(about_mean(cloud)).sum() / len(cloud))


def effective_rank(cloud: np.ndarray) -> float:
    """exp(-sum p ln p), p the singular values of the centred cloud over their sum (Roy & Vetterli, EUSIPCO 2007).

    Between 1 and min(n - 1, d). NaN for a cloud of one place, which has no singular values.
    """
    x = about_mean(cloud)
    gram = x @ x.T if len(x) <= x.shape[1] else x.T @ x
    values = np.linalg.eigvalsh(gram)
    if not values[-1] > 0:
        return float("nan")
    singular = np.sqrt(values[values > _FLAT * values[-1]])
    p = singular / singular.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def two_nn(distances: np.ndarray, discard: float = 0.1) -> float:
    """Intrinsic dimension by TwoNN (Facco, d'Errico, Rodriguez, Laio 2017, doi:10.1038/s41598-017-11873-y).

    With mu the distance of a point's second neighbour over that of its first, -ln(1 - F(mu)) = d ln mu where
    the density is about constant up to the second neighbour. d is the slope of the least-squares line through the
    origin over the empirical F(mu_(i)) = i / n, without the share ``discard`` of the largest mu.

    Parameters
    ----------
    distances : (n, n). Points that repeat another exactly are left out: they have no ratio.

    Returns
    -------
    NaN for fewer than three different points, or where every point has two equally near neighbours. scikit-dimension
    gives the same numbers, to rounding.
    """
    first = (distances == 0).argmax(axis=1) == np.arange(len(distances))
    d = distances[np.ix_(first, first)]
    n = len(d)
    if n < 3:
        return float("nan")
    np.fill_diagonal(d, np.inf)
    nearest = np.partition(d, 1, axis=1)[:, :2]
    kept = max(1, int((1 - discard) * n))
    x = np.sort(np.log(nearest[:, 1] / nearest[:, 0]))[:kept]
    y = -np.log1p(-np.arange(1, kept + 1) / n)
    return float(x @ y / (x @ x)) if x.any() else float("nan")


def two_nn_spread(n: int) -> float:
    """Standard deviation of `two_nn` as a share of it, for n points of one cloud: of Gaussian clouds of 1 to 5
    dimensions and 15 to 300 points, simulated."""
    return 1.4 / float(np.sqrt(n))


def cka_distance(a: np.ndarray, b: np.ndarray) -> float:
    """1 - linear CKA (Kornblith, Norouzi, Lee, Hinton 2019, arXiv:1905.00414), from centred (n, n) Gram matrices.

    CKA = <K, L> / (|K| |L|), so that 1 - CKA is half the squared distance between K / |K| and L / |L|: nothing
    cancels, and clouds that are equal are exactly 0 apart.

    Parameters
    ----------
    a, b : (n, d), (n, d'); row i of both is the same prompt.

    Returns
    -------
    From 0 to 1. NaN where a cloud is one place.
    """
    grams = []
    for cloud in (a, b):
        x = about_mean(cloud)
        size = np.abs(x).max(initial=0.0)
        if not size:
            return float("nan")
        gram = (x / size) @ (x / size).T  # its squares could leave the range of float64
        grams.append(gram / np.linalg.norm(gram))
    return float(np.square(grams[0] - grams[1]).sum() / 2)
