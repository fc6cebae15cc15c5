"""Which points make a bar: merges of the spanning tree, loops, the triangles that fill them.

Equal distances leave open which simplices pair up. Here they are told apart by the strict order of
`phcore.topology.complexes.edges_by_length`, the same for the tree, the pairs, the loops and the cocycles; so what one
of them says of a bar fits what the others say. Diagrams do not depend on how ties are broken.
"""

from dataclasses import dataclass

import numpy as np
import redzed_tda

from phcore.errors import Fault
from phcore.topology.clouds import validated_distance_matrix
from phcore.topology.complexes import edge_ranks, edges_by_length
from phcore.topology.persistence import Diagrams, check_complete, check_ranks


@dataclass(frozen=True)
class Generators:
    """Diagrams with the points behind every bar.

    Attributes
    ----------
    diagrams : [h0, h1] exactly as `phcore.topology.persistence.diagrams` gives them.
    merges : (k0, 2) int, for each row of h0 the points of the edge that ends it: an edge of the minimum spanning tree.
    birth_edges : (k1, 2) int, for each row of h1 the points of the edge that closes the loop; its length is the birth.
    death_triangles : (k1, 3) int, for each row of h1 the triangle that fills the loop; its diameter is the death.
    """

    diagrams: Diagrams
    merges: np.ndarray
    birth_edges: np.ndarray
    death_triangles: np.ndarray


def generators(distances: np.ndarray) -> Generators:
    """The diagrams of a distance matrix and the simplices that begin and end their bars.

    Parameters
    ----------
    distances : (n, n), n >= 1; see `validated_distance_matrix` for what is checked.
    """
    edges, lengths = edges_by_length(distances)
    merges, deaths = _tree(edges, lengths)
    merges, deaths = merges[deaths > 0], deaths[deaths > 0]
    h0 = np.column_stack([np.zeros(len(deaths)), deaths])

    check_ranks(len(edges) + 1, len(distances))
    (components, pairs), (_, simplices) = redzed_tda.rips(edge_ranks(edges), simplex_pairs=True)
    check_complete(components, pairs)
    rows = _lasting(pairs, lengths)
    birth_edges = np.array([simplices[row][0] for row in rows], dtype=np.intp).reshape(-1, 2)
    death_triangles = np.array([simplices[row][1] for row in rows], dtype=np.intp).reshape(-1, 3)
    h1 = lengths[pairs[rows].astype(np.intp) - 1]
    return Generators([h0, h1], merges, np.sort(birth_edges, axis=1), np.sort(death_triangles, axis=1))


def _lasting(pairs: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Rows of (k, 2) pairs of edge ranks that last for some distance, in the order of their diagram.

    Pairs of different ranks and equal lengths exist for a strict order only; the diagram does not know them.
    """
    birth, death = lengths[pairs.astype(np.intp) - 1].T
    order = np.lexsort((*pairs.T[::-1], death, birth))
    return order[birth[order] < death[order]]


# --- components ----------------------------------------------------------------------------------


def spanning_tree(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The minimum spanning tree, whose edges are the merges of H0.

    Returns
    -------
    (n - 1, 2) int edges i < j and (n - 1,) their lengths: entries of the matrix, rising. Edges of length zero, between
    equal points, are there too: they are merges without a bar. Ties are broken by (i, j).
    """
    return _tree(*edges_by_length(distances))


def _tree(edges: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Prim's algorithm on the ranks of the edges: as no two are equal, there is one tree only.

    scipy's would take 0 for "no edge" and distances up to 1e-8 for 0 (scipy issues 18892 and 11391), and is slower.
    """
    ranks = edge_ranks(edges)
    reached = np.zeros(len(ranks), dtype=bool)
    reached[0] = True
    nearest = ranks[0].copy()  # rank of the shortest edge from the tree to each point
    kept = []
    while len(kept) < len(ranks) - 1:
        nearest[reached] = len(edges) + 1
        point = nearest.argmin()
        kept.append(nearest[point] - 1)
        reached[point] = True
        np.minimum(nearest, ranks[point], out=nearest)
    kept = np.sort(np.array(kept, dtype=np.intp))
    return edges[kept], lengths[kept]


def linkage(edges: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Single linkage from a spanning tree.

    Parameters
    ----------
    edges, lengths : as from `spanning_tree`.

    Returns
    -------
    (n - 1, 4) float64 as in `scipy.cluster.hierarchy`: the two clusters joined (below n: points; n + k: that of
    merge k), the smaller number first, the height, the number of points.
    """
    n = len(edges) + 1
    cluster, rows = np.arange(n), []  # the cluster of each point before the next merge
    for k, (i, j) in enumerate(edges):
        a, b = sorted((cluster[i], cluster[j]))
        joined = (cluster == a) | (cluster == b)
        cluster[joined] = n + k
        rows.append((a, b, lengths[k], joined.sum()))
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def dendrogram(linkage: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where to draw a tree of merges.

    A merge at height h is drawn as two lines that rise from its children to h, each at the place of the child, and a
    bar between them.

    Parameters
    ----------
    linkage : (n - 1, 4) as from `linkage` or from scipy.

    Returns
    -------
    (n,) int points from left to right, the first cluster of every merge on the left; and (n - 1, 4) height and place
    of the left child, height and place of the right child. A point stands at height 0 at its place in that order, a
    merge in the middle of its children. No branches cross.
    """
    n = len(linkage) + 1
    children, heights = linkage[:, :2].astype(np.intp), np.concatenate([np.zeros(n), linkage[:, 2]])
    size = np.concatenate([np.ones(n), linkage[:, 3]])
    place = np.zeros(2 * n - 1)  # at first where the leftmost point of a cluster stands
    for k in reversed(range(n - 1)):
        left, right = children[k]
        place[left] = place[n + k]
        place[right] = place[n + k] + size[left]
    order = np.argsort(place[:n])
    for k in range(n - 1):
        place[n + k] = place[children[k]].mean()
    left, right = children.T
    return order, np.column_stack([heights[left], place[left], heights[right], place[right]])


def merge_groups(edges: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The two groups of points that edge ``k`` of a spanning tree joins.

    Parameters
    ----------
    edges : (n - 1, 2) as from `spanning_tree`.

    Returns
    -------
    Two sorted int arrays of points: the components, before the merge, of ``edges[k, 0]`` and of ``edges[k, 1]``.

    Raises
    ------
    Fault : no edge of that number.
    """
    if not 0 <= k < len(edges):
        raise Fault(f"the spanning tree has no edge {k}", f"give a number from 0 to {len(edges) - 1}")
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(edges) + 1
    _, label = connected_components(coo_array((np.ones(k), edges[:k].T), shape=(n, n)), directed=False)
    first, second = (np.flatnonzero(label == label[end]) for end in edges[k])
    return first, second


# --- loops ---------------------------------------------------------------------------------------


def loop(distances: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """A cycle of points that an edge closes: the shortest way round from one end to the other.

    The way takes edges shorter than the closing one only; if these do not connect its ends, also those of the same
    length that come before it, and last any of the same length. So a birth edge of `generators` is the last edge of
    its cycle, whose class is born with the bar and lives at least as long. It is one of many such cycles: the shortest
    that uses the edge, which need not be the shortest of its class.

    Parameters
    ----------
    distances : (n, n).
    edge : (2,) int points, such as a row of ``Generators.birth_edges``.

    Returns
    -------
    (k,) int different points in order, k >= 3, from ``edge[0]`` to ``edge[1]``.

    Raises
    ------
    Fault : no such way, so the edge closes no loop.
    """
    d = validated_distance_matrix(distances)
    start, end = (int(point) for point in edge)
    i, j = np.indices(d.shape, sparse=True)
    place = np.minimum(i, j) * len(d) + np.maximum(i, j)  # the order of `edges_by_length` among equals
    length, own = d[start, end], place[start, end]
    shorter = d < length
    for allowed in (shorter, shorter | ((d == length) & (place < own)), (d <= length) & (place != own)):
        path = _shortest_path(d, allowed & (i != j), start, end)
        if len(path) > 1:
            return path
    raise Fault(f"the edge between points {start} and {end} closes no loop", "give the edge at which a loop is born")


def _shortest_path(d: np.ndarray, allowed: np.ndarray, start: int, end: int) -> np.ndarray:
    """(k,) points from start to end; the end alone where there is no way."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    i, j = np.nonzero(allowed)
    # Stored zeros of a sparse graph are edges of length zero, whereas a dense one would lose them.
    _, previous = dijkstra(csr_array((d[i, j], (i, j)), shape=d.shape), indices=start, return_predecessors=True)
    path = [end]
    while previous[path[-1]] >= 0:  # -9999 at the start, and where nothing leads
        path.append(int(previous[path[-1]]))
    return np.array(path[::-1], dtype=np.intp)


def cocycle(distances: np.ndarray, birth: float, death: float) -> np.ndarray:
    """Edges of a representative cocycle over Z/2 of a bar of H1, as ripser finds it (arXiv:1908.02518).

    A cocycle is a cut across the loop, not the loop itself: every cycle of the bar's class crosses it an odd number of
    times. ripser holds the interpreter's lock while it computes, so callers keep this to a few hundred points.

    Parameters
    ----------
    distances : (n, n).
    birth, death : a row of the H1 diagram, to the bit; the first of them where several bars are equal.

    Returns
    -------
    (k, 2) int edges i < j, the birth edge among them, the others at least as long and shorter than the death: a
    cocycle of the complex just before the bar ends.

    Raises
    ------
    Fault : no such bar.
    """
    from ripser import ripser  # loads scikit-learn

    edges, lengths = edges_by_length(distances)
    check_ranks(len(edges) + 1, len(distances))
    ranks = edge_ranks(edges)
    if len(ranks) >= 4:  # the smallest loop; ripser refuses a single point
        found = ripser(ranks, distance_matrix=True, maxdim=1, do_cocycles=True)
        pairs, cocycles = found["dgms"][1], found["cocycles"][1]
        for row in _lasting(pairs, lengths):
            if (lengths[pairs[row].astype(np.intp) - 1] == (birth, death)).all():
                cut = np.sort(cocycles[row][:, :2].astype(np.intp), axis=1)
                return cut[lengths[ranks[*cut.T] - 1] < death]  # ties with the death come before it in the order
    raise Fault(f"no loop lives from {birth!r} to {death!r}", "give a row of the H1 diagram of these distances")
