"""Vietoris-Rips persistence diagrams in degrees 0 and 1 over Z/2.

The filtration value of a simplex is its diameter: births and deaths are distances between points
(some libraries report radii, which are half of that).
"""

from collections.abc import Callable

import numpy as np
import redzed_tda

from phcore.errors import Fault
from phcore.topology.clouds import validated_distance_matrix

Diagrams = list[np.ndarray]  # degree 0 and degree 1, each (k, 2) float64 [birth, death]

EMPTY: Diagrams = [np.empty((0, 2)), np.empty((0, 2))]  # of points that are all in one place

# Both engines compute in float32, which counts exactly up to here.
_LARGEST_RANK = 2**24


def diagrams(distances: np.ndarray, *, engine: str = "redzed") -> Diagrams:
    """H0 and H1 of a distance matrix: finite pairs of nonzero persistence.

    Every H0 birth is 0. The one class that never dies is left out, here and nowhere else.

    Parameters
    ----------
    distances : (n, n), n >= 1; see `validated_distance_matrix` for what is checked.
    engine : "redzed" (arXiv:2606.06310) or "ripser" (arXiv:1908.02518); both give the same numbers.

    Returns
    -------
    [h0, h1], each (k, 2) float64 sorted by (birth, death), in units of the distances. Every birth and
    death is an entry of the matrix, to the last bit.
    """
    distances = np.asarray(distances)
    return cell_diagrams(distances, np.arange(len(distances))[None, :], engine)[0]


def cell_diagrams(distances: np.ndarray, indices: np.ndarray, engine: str = "redzed") -> list[Diagrams]:
    """Diagrams of each subsample: slices of one distance matrix, checked and ranked once.

    The engines see the ranks of the distances instead of the distances: which simplices pair up
    depends on nothing but their order, ranks are exact in the engines' float32, and reading the
    births and deaths back from the list of distances gives them in float64.

    Parameters
    ----------
    distances : (n, n) distances of the whole cloud.
    indices : (count, m) index sets, as from `phcore.topology.clouds.subsamples`.
    """
    subset = subset_diagrams(distances, engine)
    return [subset(row) for row in indices]


def subset_diagrams(distances: np.ndarray, engine: str = "redzed") -> Callable[[np.ndarray], Diagrams]:
    """A function from point indices (m,), m >= 1, to the diagrams of those points, for many subsets of one cloud.

    The matrix is checked and ranked here, once, whatever the number of subsets.
    """
    if engine not in _ENGINES:
        raise Fault(f"unknown engine {engine!r}", "use 'redzed' or 'ripser'")
    ranks, values = _ranked(validated_distance_matrix(distances))
    return lambda row: [values[pairs] for pairs in _rank_pairs(ranks.take(row, 0).take(row, 1), _ENGINES[engine])]


def _ranked(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, n) ranks, 0 for distance zero, and the distances in rank order."""
    above = ~np.tri(len(distances), dtype=bool)  # the diagonal
    values, inverse = np.unique(np.append(distances[above], 0.0), return_inverse=True)
    check_ranks(len(values), len(distances))
    ranks = np.zeros(distances.shape)
    ranks[above] = inverse[:-1]
    ranks += ranks.T
    return ranks, values


def check_ranks(count: int, n_points: int) -> None:
    """Raise `Fault` where the engines cannot count up to ``count`` different ranks."""
    if count > _LARGEST_RANK:
        raise Fault(
            f"{n_points} points have more different distances than the engines can tell apart",
            "use at most 5,700 prompts",
        )


def _rank_pairs(ranks: np.ndarray, compute: Callable[[np.ndarray], Diagrams]) -> list[np.ndarray]:
    """H0 and H1 as int pairs of ranks: finite, of nonzero persistence, sorted by (birth, death)."""
    h0, h1 = compute(ranks)
    check_complete(h0, h1)
    return [_tidy(h0[np.isfinite(h0[:, 1])]), _tidy(h1)]


def check_complete(h0: np.ndarray, h1: np.ndarray) -> None:
    """A Rips complex ends as one full simplex: exactly one component lives on, and no loop."""
    components, loops = np.isinf(h0[:, 1]).sum(), np.isinf(h1).sum()
    if components != 1 or loops:
        raise AssertionError(f"{components} endless H0 classes, {loops} endless loops")


def _tidy(pairs: np.ndarray) -> np.ndarray:
    pairs = pairs[pairs[:, 1] > pairs[:, 0]]
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].astype(np.intp)


def _ripser(distances: np.ndarray) -> Diagrams:
    from ripser import ripser  # loads scikit-learn, which the default engine does not need

    if len(distances) == 1:  # ripser.py refuses a single point
        return [np.array([[0.0, np.inf]]), np.empty((0, 2))]
    return ripser(distances, distance_matrix=True, maxdim=1)["dgms"]


_ENGINES: dict[str, Callable[[np.ndarray], Diagrams]] = {"redzed": redzed_tda.rips, "ripser": _ripser}
