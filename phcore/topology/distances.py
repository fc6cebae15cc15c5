"""Exact distances between persistence diagrams.

W_{p,q}: order p, ground metric l_q on the plane, every point may go to the diagonal, which is
``(death - birth) * 2**(1/q - 1)`` away (q = inf: half the persistence). persim computes p = 1, q = 2;
GUDHI defaults to p = 1, q = inf. p = inf is the bottleneck distance.
"""

from bisect import bisect_left
from collections.abc import Sequence
from math import fsum

import numpy as np

from phcore.errors import Fault
from phcore.topology.persistence import Diagrams

EXPONENTS = (1.0, 2.0, float("inf"))
_SMALL = 10_000  # entries of an adjacency, up to which the dense solver is quicker than making a sparse matrix of it
_CANCELLED = 1e-2  # share that may be left of a sum: then its rounding is 1e-13 of what is left at the most


def wasserstein(a: np.ndarray, b: np.ndarray, *, order: float = 2, norm: float = 2) -> float:
    """Exact Wasserstein distance of order ``order`` with ground metric l_``norm``.

    With A_i, B_j the p-th powers of the distances to the diagonal and c_ij those between points,

        W^p = sum A + sum B + cheapest partial assignment of min(0, c_ij - A_i - B_j),

    an n x n' problem with the same optimum as the usual (n + n') x (n + n') one. The value is summed
    from the terms of the optimal matching, all of them nonnegative, so nothing cancels.

    Parameters
    ----------
    a, b : (k, 2) finite [birth, death] rows, any order, possibly empty.
    order, norm : 1, 2 or inf.

    Returns
    -------
    The distance in the units of the diagrams; exactly 0 for equal diagrams.
    """
    return of_each([a], [b], order=order, norm=norm)[0]


def of_each(a: Sequence[np.ndarray], b: Sequence[np.ndarray], *, order: float = 2, norm: float = 2) -> list[float]:
    """`wasserstein` of a[i] and b[i] for every i, to the bit: H0 diagrams with as many bars go through numpy together.

    Parameters
    ----------
    a, b : as many diagrams of either, such as those of the subsamples of two cells.
    """
    pairs = [_checked(*both, order, norm) for both in zip(a, b, strict=True)]
    found: dict[int, float] = {}
    alike: dict[int, list[int]] = {}
    for number, both in enumerate(pairs):
        if len(both[0]) == len(both[1]) > 0:
            alike.setdefault(len(both[0]), []).append(number)
    for numbers in alike.values():
        deaths, settled = _by_sorted_deaths(np.array([pairs[number] for number in numbers]), order, norm)
        moves = deaths[:, 0] - deaths[:, 1]
        found |= {number: float(np.linalg.norm(moves[k], ord=order)) for k, number in enumerate(numbers) if settled[k]}
    return [found[number] if number in found else _solved(*both, order, norm) for number, both in enumerate(pairs)]


def at_every_scale(
    a: Sequence[Diagrams],
    b: Sequence[Diagrams],
    medians_a: Sequence[float],
    medians_b: Sequence[float],
    orders: Sequence[float],
    norm: float,
) -> list[list[tuple[int, float, float, str, float]]]:
    """For each pair of clouds, (degree, order, norm, scale, distance) between their diagrams, raw and divided by their
    medians.

    Parameters
    ----------
    a, b : diagrams of as many clouds.
    medians_a, medians_b : median pairwise distances of the clouds. One of 0 leaves no unit to measure in, and then only
        empty diagrams have a distance at that scale.
    """
    found: list[list] = [[] for _ in a]
    for scale in ("raw", "median"):
        units = [(x or np.nan, y or np.nan) if scale == "median" else (1.0, 1.0)
                 for x, y in zip(medians_a, medians_b, strict=True)]  # fmt: skip
        measured = [k for k, (x, y) in enumerate(units) if np.isfinite(x * y) or not any(map(len, (*a[k], *b[k])))]
        for degree in range(len(a[0]) if measured else 0):
            ones, others = ([of[k][degree] / units[k][side] for k in measured] for side, of in enumerate((a, b)))
            for order in orders:
                for k, value in zip(measured, of_each(ones, others, order=order, norm=norm), strict=True):
                    found[k].append((degree, order, norm, scale, value))
    return found


def matching(a: np.ndarray, b: np.ndarray, *, order: float = 2, norm: float = 2) -> np.ndarray:
    """Index pairs (k, 2) of an optimal matching, by row of a, for order 1 or 2; all others go to the diagonal."""
    pairs, *_ = matched(a, b, order=order, norm=norm)
    pairs = pairs[(pairs >= 0).all(axis=1)]
    return pairs[pairs[:, 0].argsort()]


def matched(
    a: np.ndarray, b: np.ndarray, *, order: float = 2, norm: float = 2
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An optimal matching with what every pair pays of the distance.

    Parameters
    ----------
    a, b : (k, 2) finite [birth, death] rows, any order, possibly empty.
    order : 1 or 2.
    norm : 1, 2 or inf.

    Returns
    -------
    pairs : (k, 2) int, row of a and row of b, -1 for the diagonal; every point of either is there exactly once.
    costs : (k,) falling, ``order``-th powers of the lengths of the moves; their sum is the distance to that power.
    shares : (k,) costs divided by their sum; 0 throughout where the distance is 0.

    Raises
    ------
    Fault : order inf, whose matching is far from unique; and as `wasserstein`.
    """
    a, b = _checked(a, b, order, norm)
    if np.isinf(order):
        raise Fault("a bottleneck matching is far from unique", "ask for the matching of order 1 or 2")
    if _same(a, b):  # rounding must not part what is equal
        return np.column_stack([np.lexsort(a.T), np.lexsort(b.T)]), np.zeros(len(a)), np.zeros(len(a))
    rows, columns, cost, to_a, to_b = _assignment(a, b, order, norm)
    left_a, left_b = np.delete(np.arange(len(a)), rows), np.delete(np.arange(len(b)), columns)
    to_diagonal = np.full(len(left_a), -1), np.full(len(left_b), -1)
    pairs = np.column_stack([np.r_[rows, left_a, to_diagonal[1]], np.r_[columns, to_diagonal[0], left_b]])
    costs = np.r_[cost[rows, columns], to_a[left_a], to_b[left_b]]
    falling = np.argsort(-costs, kind="stable")
    pairs, costs, total = pairs[falling], costs[falling], costs.sum()
    return pairs, costs, costs / total if total > 0 else np.zeros(len(costs))


def _checked(a: np.ndarray, b: np.ndarray, order: float, norm: float) -> tuple[np.ndarray, np.ndarray]:
    if order not in EXPONENTS or norm not in EXPONENTS:
        raise Fault(f"order {order} with norm {norm} is not offered", "use 1, 2 or inf for each")
    a = np.asarray(a, dtype=np.float64).reshape(-1, 2)
    b = np.asarray(b, dtype=np.float64).reshape(-1, 2)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise Fault("a diagram holds NaN or infinity", "drop the class that never dies before comparing")
    return a, b


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal as multisets: then the distance is 0 with no rounding whatever the order of rows."""
    if len(a) != len(b):
        return False
    return np.array_equal(a[np.lexsort(a.T)], b[np.lexsort(b.T)])


def _to_diagonal(diagram: np.ndarray, norm: float) -> np.ndarray:
    """(k,) distances to the diagonal."""
    return (diagram[:, 1] - diagram[:, 0]) * 2 ** (1 / norm - 1)


def _ground(a: np.ndarray, b: np.ndarray, norm: float, squared: bool = False) -> np.ndarray:
    """(n, n') distances (or their squares) between points, from differences: no dot-product rounding."""
    birth = np.subtract.outer(a[:, 0], b[:, 0])
    death = np.subtract.outer(a[:, 1], b[:, 1])
    if norm == 2:
        birth *= birth
        death *= death
        birth += death
        return birth if squared else np.sqrt(birth, out=birth)
    np.abs(birth, out=birth)
    np.abs(death, out=death)
    ground = birth + death if norm == 1 else np.maximum(birth, death)
    return ground * ground if squared else ground


def _by_sorted_deaths(pairs: np.ndarray, order: float, norm: float) -> tuple[np.ndarray, np.ndarray]:
    """Deaths of pairs of diagrams, sorted, and for which pairs the sorted matching is optimal without any solver.

    The case is H0: all births equal (say 0) and equally many bars. Then two points with deaths x >= y
    are x - y apart under every norm, and s x and s y from the diagonal, s = 2^(1/q - 1).
    With r = y / x, the diagonal is no cheaper for the two if (1 - r)^p <= s^p (1 + r^p), or for
    p = inf if 1 - r <= s. The left side falls in r and the right side does not: if it holds for the
    smallest death over the largest, it holds for all pairs. Then any partial matching can be completed
    at no extra cost, so a full matching is optimal; and among the full matchings on a line, for convex
    costs (and for the largest gap), the sorted one is the cheapest. Where some pairs are too far apart for that,
    `_is_best` looks at those that are matched.

    Parameters
    ----------
    pairs : (count, 2, k, 2) [birth, death] rows, k >= 1.

    Returns
    -------
    (count, 2, k) deaths from the birth on, and (count,) bool.
    """
    births = pairs[..., 0]
    together = (births == births[:, :1, :1]).all(axis=(1, 2))
    deaths = np.sort(pairs[..., 1], axis=-1) - births[:, :1, :1]
    s = 2 ** (1 / norm - 1)
    with np.errstate(divide="ignore", invalid="ignore"):  # of what is no H0, or of bars of length 0
        r = deaths[..., 0].min(axis=1) / deaths[..., -1].max(axis=1)
        if np.isinf(order):
            return deaths, together & (1 - r <= s)
        settled = together & ((1 - r) ** order <= s**order * (1 + r**order))
    left = np.flatnonzero(together & ~settled)
    settled[left] = _is_best(deaths[left, 0], deaths[left, 1], order, s)
    return deaths, settled


def _is_best(x: np.ndarray, y: np.ndarray, order: float, s: float) -> np.ndarray:
    """Whether matching x with y (count, k), both sorted, place by place is as cheap as anything, the diagonal included.

    By duality of linear programs it is if, and only if, there are prices u, v with u_i <= (s x_i)^p, v_j <= (s y_j)^p,
    u_i + v_j <= c_ij = |x_i - y_j|^p everywhere and u_i + v_i = c_ii. For convex costs on a line (a Monge array) the
    neighbours' c_ij imply all others', so that what is left is: u_i lies between c_ii - (s y_i)^p and (s x_i)^p, and
    u_(i+1) - u_i between c_(i+1,i+1) - c_(i,i+1) and c_(i+1,i) - c_ii. The lowest and highest values that the u so far
    leave to u_i are running extremes of sums; there are such u if the lowest is never above the highest.
    """
    cost = np.abs(x - y) ** order
    least, most = np.zeros(x.shape), np.zeros(x.shape)
    np.cumsum(cost[:, 1:] - np.abs(x[:, :-1] - y[:, 1:]) ** order, axis=1, out=least[:, 1:])
    np.cumsum(np.abs(x[:, 1:] - y[:, :-1]) ** order - cost[:, :-1], axis=1, out=most[:, 1:])
    lowest = least + np.maximum.accumulate(cost - (s * y) ** order - least, axis=1)
    highest = most + np.minimum.accumulate((s * x) ** order - most, axis=1)
    return (lowest <= highest).all(axis=1)


def _solved(a: np.ndarray, b: np.ndarray, order: float, norm: float) -> float:
    """The distance where sorting does not settle it."""
    if _same(a, b):
        return 0.0
    if np.isinf(order):
        return _bottleneck(a, b, norm)
    if _one_birth(a, b):
        found = (_on_a_line if order == 1 else _aligned)(a[:, 1] - a[0, 0], b[:, 1] - a[0, 0], 2 ** (1 / norm - 1))
        if found is not None:
            return found
    rows, columns, cost, to_a, to_b = _assignment(a, b, order, norm)
    to_a[rows] = to_b[columns] = 0.0  # these are matched
    total = cost[rows, columns].sum() + to_a.sum() + to_b.sum()
    return float(total if order == 1 else np.sqrt(total))


def _on_a_line(x: np.ndarray, y: np.ndarray, s: float) -> float:
    """W1 of H0: between x and y on a half-line, where a point at z is |z - z'| from another and s z from the diagonal.

    By duality of linear programs it is the most that sum f(x) - sum f(y) can be over all f with |f(z)| <= s z and
    |f(z) - f(z')| <= |z - z'|. Up to a place on the line, that most as a function of f there is concave, and its slopes
    are whole numbers, so that the values of f where it bends say all. To the next place, bends below its top move down
    by the distance and those above it move up, none beyond s z. A point of x adds f, by which the first bend above
    becomes the top, and its value is what the point is worth; one of y takes f away: likewise with the first below.
    """
    places = np.concatenate([x, y])
    along = places.argsort(kind="stable")
    below: list[float] = []  # bends on either side of the top, the nearest last. What is kept of one below is its value
    above: list[float] = []  # plus the place, and of one above minus the place: so they move, and nothing is done
    terms = []
    for place, of_x in zip(places[along].tolist(), (along < len(x)).tolist(), strict=True):
        if of_x:
            top = min(above.pop() + place, s * place) if above else s * place
            below.append(top + place)
            terms.append(top)
        else:
            top = max(below.pop() - place, -s * place) if below else -s * place
            above.append(top - place)
            terms.append(-top)
    return fsum(terms)


def _aligned(x: np.ndarray, y: np.ndarray, s: float) -> float | None:
    """W2 of H0, by what the best alignment gains over sending all to the diagonal; `_alignment` says which.

    None where so much of the two cancels that digits would be lost.
    """
    x, y = np.sort(x), np.sort(y)
    to_x, to_y = (s * x) ** 2, (s * y) ** 2
    gain = np.subtract.outer(x, y)
    gain *= gain
    gain -= to_x[:, None]
    gain -= to_y
    best = np.zeros(len(y) + 1)  # of the rows so far, by how many columns may be used
    for row in gain[gain.min(axis=1) < 0]:
        longer = best[:-1] + row
        np.minimum(longer, best[1:], out=longer)
        np.minimum.accumulate(longer, out=best[1:])
    apart = to_x.sum() + to_y.sum()
    total = apart + best[-1]
    return float(np.sqrt(total)) if total > _CANCELLED * apart else None


def _assignment(a: np.ndarray, b: np.ndarray, order: float, norm: float):
    """Matched rows and columns, the cost matrix and the costs to the diagonal (p-th powers)."""
    cost = _ground(a, b, norm, squared=order == 2)
    to_a, to_b = _to_diagonal(a, norm) ** order, _to_diagonal(b, norm) ** order
    gain = cost - to_a[:, None]
    gain -= to_b
    np.minimum(gain, 0.0, out=gain)
    if _one_birth(a, b):
        # A row or column without a negative entry is best left to the diagonal: it need not be aligned.
        rows, columns = np.flatnonzero(gain.min(axis=1) < 0), np.flatnonzero(gain.min(axis=0) < 0)
        rows, columns = rows[np.argsort(a[rows, 1])], columns[np.argsort(b[columns, 1])]
        i, j = _alignment(gain[np.ix_(rows, columns)])
        return rows[i], columns[j], cost, to_a, to_b
    from scipy.optimize import linear_sum_assignment  # half a second to load, which a page does without

    i, j = linear_sum_assignment(gain)
    worth = gain[i, j] < 0
    return i[worth], j[worth], cost, to_a, to_b


def _alignment(gain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cheapest partial assignment for H0: rows and columns sorted by death, gain (n, n') <= 0.

    Points on a line with convex costs are matched in order, whichever of them go to the diagonal. So the
    optimum is an alignment of two sequences, found by dynamic programming several times faster than by a solver.
    """
    n, m = gain.shape
    best = np.zeros((n + 1, m + 1))  # best[i, j]: total gain of the first i rows and j columns
    for i, row in enumerate(best[1:]):
        np.add(best[i, :-1], gain[i], out=row[1:])
        np.minimum(row, best[i], out=row)
        np.minimum.accumulate(row, out=row)
    pairs = []
    i, j = n, m
    while i and j:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    i, j = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    return i, j


def _one_birth(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether all points of both diagrams are born together, as those of H0 are."""
    return bool(len(a) and len(b) and (a[:, 0] == a[0, 0]).all() and (b[:, 0] == a[0, 0]).all())


def _bottleneck(a: np.ndarray, b: np.ndarray, norm: float) -> float:
    """The smallest t at which every point farther than t from the diagonal finds a partner within t.

    The answer is one of the distances between points or to the diagonal: binary search over those
    between what the worst-placed point needs on its own and what sending all to the diagonal costs.
    """
    cost, to_a, to_b = _ground(a, b, norm), _to_diagonal(a, norm), _to_diagonal(b, norm)
    diagonal = np.concatenate([to_a, to_b])
    nearest = np.concatenate([cost.min(axis=1, initial=np.inf), cost.min(axis=0, initial=np.inf)])
    values = np.concatenate([cost.ravel(), diagonal])
    values = np.unique(values[(values >= np.minimum(diagonal, nearest).max()) & (values <= diagonal.max())])

    def feasible(t: float) -> bool:
        """One matching for both sides exists as soon as each can be covered on its own (Mendelsohn, Dulmage 1958)."""
        return _covers(cost[to_a > t] <= t) and _covers(cost.T[to_b > t] <= t)

    return float(values[bisect_left(values, True, key=feasible)])


def _covers(edges: np.ndarray) -> bool:
    """Whether a matching covers every row of a boolean (rows, columns) adjacency."""
    if not edges.any(axis=1).all() or edges.any(axis=0).sum() < len(edges):
        return False
    if edges.size <= _SMALL:
        from scipy.optimize import linear_sum_assignment

        return bool(edges[linear_sum_assignment(edges, maximize=True)].all())
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    return bool((maximum_bipartite_matching(csr_array(edges), perm_type="column") >= 0).all())
