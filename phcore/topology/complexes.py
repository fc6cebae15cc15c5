"""The Vietoris-Rips complex at a distance: its edges, its triangles and its Betti numbers.

The complex at distance r holds every simplex whose diameter is at most r; points at distance zero are joined from
the start. Edges have one strict order, by length and then by pair, and a triangle belongs to its last edge in it:
so each triangle is met exactly once, however many distances are equal.
"""

from collections.abc import Iterator

import numpy as np

from phcore.topology.clouds import validated_distance_matrix
from phcore.topology.persistence import Diagrams

# Entries of an (edges, points) table that are held at a time: small enough for the processor's cache.
_CHUNK = 2**15


def edges_by_length(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of points from the closest to the farthest.

    Parameters
    ----------
    distances : (n, n); see `validated_distance_matrix` for what is checked.

    Returns
    -------
    (e, 2) int pairs i < j with e = n (n - 1) / 2, and (e,) their lengths: entries of the matrix, rising. Equal
    lengths are ordered by (i, j).
    """
    d = validated_distance_matrix(distances)
    i, j = np.triu_indices(len(d), 1)
    lengths = d[i, j]
    order = np.argsort(lengths, kind="stable")
    return np.column_stack([i[order], j[order]]), lengths[order]


def edge_ranks(edges: np.ndarray) -> np.ndarray:
    """(n, n) int32: the place of every edge in the order of `edges_by_length`, from 1; 0 on the diagonal."""
    n = round((1 + np.sqrt(1 + 8 * len(edges))) / 2)  # e = n (n - 1) / 2
    ranks = np.zeros((n, n), dtype=np.int32)
    i, j = edges.T
    ranks[i, j] = ranks[j, i] = np.arange(1, len(edges) + 1)
    return ranks


def triangles_by_diameter(distances: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``most`` triangles of smallest diameter.

    Returns
    -------
    (k, 3) int points i < j < l and (k,) diameters, rising, k = min(most, number of triangles). Equal diameters are
    ordered by the triangle's last edge, then by the point opposite.
    """
    edges, lengths = edges_by_length(distances)
    found, last, missing = [np.empty((0, 3), dtype=np.intp)], [np.empty(0, dtype=np.intp)], most
    for start, completed in _apexes(edges):
        if missing <= 0:
            break
        edge, apex = np.nonzero(completed)
        edge, apex = start + edge[:missing], apex[:missing]
        found.append(np.sort(np.column_stack([edges[edge], apex]), axis=1))
        last.append(edge)
        missing -= len(edge)
    return np.concatenate(found), lengths[np.concatenate(last)]


def _apexes(edges: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Some edges at a time, in order: the first one's place, and (edges, n) whether it completes a triangle there."""
    ranks = edge_ranks(edges)
    step = max(1, _CHUNK // len(ranks))
    for start in range(0, len(edges), step):
        i, j = edges[start : start + step].T
        # At its own two ends stands the edge itself, which is not below itself: no end passes for an apex.
        yield start, np.maximum(ranks[i], ranks[j]) < ranks[i, j][:, None]


def triangle_counts(distances: np.ndarray) -> np.ndarray:
    """How many triangles each edge completes.

    Returns
    -------
    (e,) int in the order of `edges_by_length`: triangles of which the edge is the last. The cumulative sum is the
    number of triangles up to each edge, n (n - 1) (n - 2) / 6 in the end.
    """
    counts = [np.count_nonzero(completed, axis=1) for _, completed in _apexes(edges_by_length(distances)[0])]
    return np.concatenate([np.empty(0, dtype=np.intp), *counts])


def betti(diagrams: Diagrams, at: float) -> tuple[int, int]:
    """Numbers of components and of loops of the complex at a distance: bars with birth <= at < death.

    Parameters
    ----------
    diagrams : [h0, h1] as from `phcore.topology.persistence.diagrams`, without the component that never dies, which
        is counted here.
    at : distance >= 0.
    """
    h0, h1 = (int(np.count_nonzero((bars[:, 0] <= at) & (at < bars[:, 1]))) for bars in diagrams)
    return 1 + h0, h1


def betti_curve(diagrams: Diagrams) -> tuple[np.ndarray, np.ndarray]:
    """`betti` at every distance.

    Returns
    -------
    (g,) distances at which a bar begins or ends, rising from 0.0, and (g, 2) int Betti numbers that hold from each of
    them (included) to the next (excluded), the last for ever.
    """
    breakpoints = np.unique(np.concatenate([[0.0], *(bars.ravel() for bars in diagrams)]))
    h0, h1 = (_alive(bars, breakpoints) for bars in diagrams)
    return breakpoints, np.column_stack([1 + h0, h1])


def _alive(bars: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(g,) bars born and not dead at each distance."""
    born, dead = (np.searchsorted(np.sort(ends), at, side="right") for ends in bars.T)
    return born - dead
