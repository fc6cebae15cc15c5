"""Which points make a bar: hand values, planted labels, scipy's clustering, GUDHI's generators, ripser's cocycles."""

import itertools
import warnings

import gudhi
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.cluster import hierarchy
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import squareform

from phcore.errors import Fault
from phcore.topology.clouds import distance_matrix
from phcore.topology.generators import (
    cocycle,
    dendrogram,
    generators,
    linkage,
    loop,
    merge_groups,
    spanning_tree,
)
from phcore.topology.persistence import diagrams
from tests.spaces import circle, high_dimensional, matrices

RECTANGLE = distance_matrix([[0, 0], [4, 0], [4, 3], [0, 3]])


@pytest.fixture(autouse=True)
def _no_ripser_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def noisy(points, seed, noise=0.03):
    return points + noise * np.random.default_rng(seed).normal(size=points.shape)


def by_persistence(h1):
    """Rows from the longest bar to the shortest."""
    return np.argsort(h1[:, 0] - h1[:, 1], kind="stable")


def closed(path):
    """(k, 2) edges of a cycle, the closing one last."""
    return np.column_stack([path, np.roll(path, -1)])


def crossings(cut, edges):
    """How many of the edges are in the cut."""
    cut = {frozenset(edge) for edge in cut.tolist()}
    return sum(frozenset(edge) in cut for edge in edges.tolist())


# --- hand values ---------------------------------------------------------------------------------


def test_two_points_are_joined_by_their_edge():
    found = generators(distance_matrix([[0.0], [3.0]]))
    assert found.diagrams[0].tolist() == [[0, 3]]
    assert found.merges.tolist() == [[0, 1]]
    assert found.birth_edges.shape == (0, 2)
    assert found.death_triangles.shape == (0, 3)


def test_a_rectangle_of_pythagoras():
    found = generators(RECTANGLE)
    assert found.merges.tolist() == [[0, 3], [1, 2], [0, 1]]
    assert found.diagrams[1].tolist() == [[4, 5]]
    assert found.birth_edges.tolist() == [[2, 3]]
    assert len(set(found.death_triangles[0].tolist())) == 3
    assert loop(RECTANGLE, found.birth_edges[0]).tolist() == [2, 1, 0, 3]
    assert loop(RECTANGLE, [3, 2]).tolist() == [3, 0, 1, 2]
    assert cocycle(RECTANGLE, 4, 5).tolist() == [[2, 3]]


def test_any_side_of_a_square_can_close_it():
    square = distance_matrix([[0, 0], [1, 0], [1, 1], [0, 1]])
    for edge in ([0, 1], [1, 2], [2, 3], [3, 0]):
        path = loop(square, edge)
        assert [path[0], path[-1]] == edge
        assert sorted(path) == [0, 1, 2, 3]
        assert (square[*closed(path).T] == 1).all()


def test_the_groups_a_rectangle_merges():
    edges, lengths = spanning_tree(RECTANGLE)
    assert lengths.tolist() == [3, 3, 4]
    assert [group.tolist() for group in merge_groups(edges, 0)] == [[0], [3]]
    assert [group.tolist() for group in merge_groups(edges, 2)] == [[0, 3], [1, 2]]


def test_a_line_of_points_as_a_dendrogram():
    edges, lengths = spanning_tree(distance_matrix([[0.0], [1.0], [3.0], [7.0]]))
    merges = linkage(edges, lengths)
    assert merges.tolist() == [[0, 1, 1, 2], [2, 4, 2, 3], [3, 5, 4, 4]]
    order, drawn = dendrogram(merges)
    assert order.tolist() == [3, 2, 0, 1]
    assert drawn.tolist() == [[0, 2, 0, 3], [0, 1, 1, 2.5], [0, 0, 2, 1.75]]


def test_the_way_round_is_the_shortest():
    # From 0 to 1 by way of 2 and 3 (length 6) or of 4 and 5 (length 7).
    d = 10.0 * (1 - np.eye(6))
    for i, j, length in [(0, 1, 4), (0, 2, 2), (2, 3, 2), (3, 1, 2), (0, 4, 2), (4, 5, 3), (5, 1, 2)]:
        d[i, j] = d[j, i] = length
    assert loop(d, [0, 1]).tolist() == [0, 2, 3, 1]
    d[2, 3] = d[3, 2] = 3.5
    assert loop(d, [0, 1]).tolist() == [0, 4, 5, 1]


def test_a_shorter_way_over_edges_as_long_is_the_last_resort():
    # From 0 to 1 by way of 2 (two edges of the length of the closing one) or of 3, 4, 5, 6 (all shorter).
    d = 10.0 * (1 - np.eye(7))
    for i, j, length in [(0, 1, 4), (0, 2, 4), (2, 1, 4), (0, 3, 3), (3, 4, 3), (4, 5, 3), (5, 6, 3), (6, 1, 3)]:
        d[i, j] = d[j, i] = length
    assert loop(d, [0, 1]).tolist() == [0, 3, 4, 5, 6, 1]
    d[4, 5] = d[5, 4] = 9
    assert loop(d, [0, 1]).tolist() == [0, 2, 1]


# --- known spaces with planted labels ------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_the_longest_loop_lies_on_the_circle_and_goes_round_it(seed):
    rng = np.random.default_rng(seed)
    clusters = [rng.normal(size=(20, 2)) * 0.2 + centre for centre in ([0, 4], [4, 0])]
    points = np.concatenate([*clusters, noisy(circle(40), seed)])
    order = rng.permutation(len(points))
    points, on_circle = points[order], order >= 40
    d = distance_matrix(points)
    found = generators(d)
    first = by_persistence(found.diagrams[1])[0]
    path = loop(d, found.birth_edges[first])
    assert on_circle[path].all()
    assert on_circle[found.death_triangles[first]].all()
    angles = np.arctan2(*points[path].T[::-1])
    turns = (np.diff(np.append(angles, angles[0])) + np.pi) % (2 * np.pi) - np.pi
    assert abs(turns.sum()) == pytest.approx(2 * np.pi)


@pytest.mark.parametrize("seed", range(4))
def test_each_of_the_two_longest_loops_of_a_figure_eight_stays_on_its_lobe(seed):
    lobes = np.repeat([0, 1], [30, 22])
    eight = np.concatenate([circle(30) - [1.08, 0], circle(22, 0.7) - [-0.78, 0]])
    d = distance_matrix(noisy(eight, seed, 0.01))
    found = generators(d)
    paths = [loop(d, found.birth_edges[row]) for row in by_persistence(found.diagrams[1])[:2]]
    assert {tuple(np.unique(lobes[path])) for path in paths} == {(0,), (1,)}
    assert all(len(path) > 10 for path in paths)


@pytest.mark.parametrize("seed", range(4))
def test_the_last_merges_join_the_clusters(seed):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat([0, 1, 2], [30, 20, 10]))
    centres = np.array([[0.0, 0, 0], [10, 0, 0], [0, 30, 0]])
    d = distance_matrix(centres[labels] + rng.normal(size=(60, 3)))
    edges, lengths = spanning_tree(d)
    clusters = [np.flatnonzero(labels == label).tolist() for label in range(3)]
    assert lengths[-2] == d[np.ix_(labels == 0, labels == 1)].min()
    assert lengths[-1] == d[np.ix_(labels < 2, labels == 2)].min()
    first, second = (group.tolist() for group in merge_groups(edges, 57))
    assert sorted([first, second]) == sorted(clusters[:2])
    assert edges[57, 0] in first
    assert edges[57, 1] in second
    groups = [group.tolist() for group in merge_groups(edges, 58)]
    assert sorted(groups) == sorted([sorted(clusters[0] + clusters[1]), clusters[2]])
    np.testing.assert_array_equal(generators(d).merges, edges)


# --- theorems and properties ---------------------------------------------------------------------


@settings(max_examples=250)
@given(d=matrices(largest=25))
def test_every_bar_begins_and_ends_with_its_simplices(d):
    found = generators(d)
    for ours, plain in zip(found.diagrams, diagrams(d), strict=True):
        np.testing.assert_array_equal(ours, plain)
    (h0, h1), n = found.diagrams, len(d)
    assert found.merges.shape == (len(h0), 2)
    assert found.birth_edges.shape == (len(h1), 2)
    assert found.death_triangles.shape == (len(h1), 3)
    np.testing.assert_array_equal(d[*found.merges.T], h0[:, 1])
    np.testing.assert_array_equal(d[*found.birth_edges.T], h1[:, 0])
    i, j, k = found.death_triangles.T
    assert (i < j).all()
    assert (j < k).all()
    np.testing.assert_array_equal(np.maximum(np.maximum(d[i, j], d[i, k]), d[j, k]), h1[:, 1])
    # A simplex begins or ends one bar at most, and an edge does not do both.
    edges = np.concatenate([found.merges, found.birth_edges])
    assert len(np.unique(edges @ [n, 1])) == len(edges)
    assert len(np.unique(found.death_triangles @ [n * n, n, 1])) == len(h1)


@settings(max_examples=250)
@given(d=matrices(largest=25))
def test_every_loop_is_a_cycle_no_longer_than_its_birth(d):
    found = generators(d)
    for edge, (birth, _) in zip(found.birth_edges, found.diagrams[1], strict=True):
        path = loop(d, edge)
        assert [path[0], path[-1]] == edge.tolist()
        assert len(np.unique(path)) == len(path)
        assert len(path) >= 4  # a triangle of this diameter would fill it at once
        lengths = d[*closed(path).T]
        assert lengths[-1] == birth
        assert lengths.max() == birth


@settings(max_examples=80)
@given(d=matrices(largest=16))
def test_cocycles_cut_the_loops(d):
    """A cocycle vanishes on every triangle before the death and is odd on the loop, so nothing fills it earlier."""
    found = generators(d)
    seen = set()
    for edge, (birth, death) in zip(found.birth_edges, found.diagrams[1], strict=True):
        cut = cocycle(d, birth, death)
        lengths = d[*cut.T]
        assert lengths.min() == birth
        assert lengths.max() < death
        if (birth, death) not in seen:  # of equal bars the cocycle is that of the first
            assert crossings(cut, closed(loop(d, edge))) % 2 == 1
        seen.add((birth, death))
        for triangle in itertools.combinations(range(len(d)), 3):
            sides = np.array(list(itertools.combinations(triangle, 2)))
            if d[*sides.T].max() < death:
                assert crossings(cut, sides) % 2 == 0


@settings(max_examples=150)
@given(d=matrices(largest=20))
def test_the_spanning_tree_is_a_shortest_one(d):
    edges, lengths = spanning_tree(d)
    assert edges.shape == (len(d) - 1, 2)
    np.testing.assert_array_equal(lengths, d[*edges.T])
    assert (np.diff(lengths) >= 0).all()
    np.testing.assert_array_equal(lengths[lengths > 0], diagrams(d)[0][:, 1])
    # scipy reads 0 as "no edge", so the weights are moved away from it; the tree stays the same.
    theirs = minimum_spanning_tree(d + 1 - np.eye(len(d))).data - 1
    np.testing.assert_allclose(lengths.sum(), theirs.sum(), atol=1e-9)
    np.testing.assert_allclose(lengths, np.sort(theirs), atol=1e-9)


@settings(max_examples=150)
@given(d=matrices(largest=20))
def test_the_linkage_is_that_of_scipy(d):
    merges = linkage(*spanning_tree(d))
    if len(d) == 1:
        assert merges.shape == (0, 4)
        return
    theirs = hierarchy.linkage(squareform(d), method="single")
    assert hierarchy.is_valid_linkage(merges)
    assert (merges[:, 0] < merges[:, 1]).all()
    np.testing.assert_array_equal(merges[:, 2], theirs[:, 2])
    np.testing.assert_array_equal(hierarchy.cophenet(merges), hierarchy.cophenet(theirs))


@settings(max_examples=100)
@given(d=matrices(largest=20))
def test_a_merge_joins_the_two_clusters_of_the_linkage(d):
    edges, lengths = spanning_tree(d)
    members = [{point} for point in range(len(d))]
    for k, (a, b) in enumerate(linkage(edges, lengths)[:, :2].astype(int)):
        groups = merge_groups(edges, k)
        assert {frozenset(group.tolist()) for group in groups} == {frozenset(members[a]), frozenset(members[b])}
        assert edges[k, 0] in groups[0]
        assert edges[k, 1] in groups[1]
        assert all((np.diff(group) > 0).all() for group in groups)
        members.append(members[a] | members[b])


@settings(max_examples=100)
@given(d=matrices(largest=20))
def test_the_dendrogram_is_drawn_as_scipy_draws_it(d):
    merges = linkage(*spanning_tree(d))
    order, drawn = dendrogram(merges)
    assert sorted(order) == list(range(len(d)))
    if len(d) == 1:
        assert drawn.shape == (0, 4)
        return
    assert order.tolist() == hierarchy.leaves_list(merges).tolist()
    theirs = hierarchy.dendrogram(merges, no_plot=True)
    left, _, right, _ = (np.transpose(theirs["icoord"]) - 5) / 10  # scipy's points stand at 5, 15, 25, ...
    low_left, high, _, low_right = np.transpose(theirs["dcoord"])
    expected = np.column_stack([high, low_left, left, low_right, right])
    assert sorted(map(tuple, expected)) == sorted(map(tuple, np.column_stack([merges[:, 2], drawn])))


@pytest.mark.parametrize("seed", range(4))
def test_gudhi_finds_the_same_simplices(seed):
    """Where no two distances are equal, the edges that begin and end bars are unique."""
    d = distance_matrix(high_dimensional(50, seed))
    found = generators(d)
    tree = gudhi.RipsComplex(distance_matrix=d).create_simplex_tree(max_dimension=2)
    tree.compute_persistence(homology_coeff_field=2)
    components, loops, *_ = tree.flag_persistence_generators()
    merges = {frozenset(edge) for edge in components[:, 1:].tolist()}
    assert merges == {frozenset(edge) for edge in found.merges.tolist()}
    ours = set()
    for birth, triangle in zip(found.birth_edges.tolist(), found.death_triangles.tolist(), strict=True):
        death = max(itertools.combinations(triangle, 2), key=lambda edge: d[edge])
        ours.add((frozenset(birth), frozenset(death)))
    assert len(ours) == len(found.birth_edges) > 10
    assert ours == {(frozenset(row[:2]), frozenset(row[2:])) for row in loops[0].tolist()}


# --- nasty input ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 5])
def test_one_place_has_no_bars(n):
    found = generators(np.zeros((n, n)))
    assert [bars.shape for bars in found.diagrams] == [(0, 2), (0, 2)]
    assert found.merges.shape == found.birth_edges.shape == (0, 2)
    assert found.death_triangles.shape == (0, 3)
    edges, lengths = spanning_tree(np.zeros((n, n)))
    assert edges.shape == (n - 1, 2)
    assert lengths.tolist() == [0] * (n - 1)
    order, drawn = dendrogram(linkage(edges, lengths))
    assert sorted(order) == list(range(n))
    assert drawn.shape == (n - 1, 4)


def test_duplicates_are_merges_without_a_bar():
    points = high_dimensional(30, 1)
    d = distance_matrix(np.concatenate([points, points[[3, 3, 17]]]))
    edges, lengths = spanning_tree(d)
    assert lengths[:3].tolist() == [0, 0, 0]
    assert lengths[3] > 0
    assert edges[:3].tolist() == [[3, 30], [3, 31], [17, 32]]
    np.testing.assert_array_equal(generators(d).merges, edges[3:])


def test_a_way_round_may_lead_over_edges_of_length_zero():
    d = 9.0 * (1 - np.eye(4))
    for i, j, length in [(0, 1, 0), (0, 2, 1), (1, 3, 1), (2, 3, 2)]:
        d[i, j] = d[j, i] = length
    assert loop(d, [2, 3]).tolist() == [2, 0, 1, 3]


def test_distances_that_scipy_takes_for_zero():
    d = RECTANGLE * 2.0**-40
    assert spanning_tree(d)[1].tolist() == [3 * 2.0**-40, 3 * 2.0**-40, 2.0**-38]
    found = generators(d)
    assert found.diagrams[1].tolist() == [[2.0**-38, 5 * 2.0**-40]]
    assert loop(d, found.birth_edges[0]).tolist() == [2, 1, 0, 3]


def test_a_grid_has_equal_bars_each_with_its_own_simplices():
    d = distance_matrix(np.stack(np.meshgrid(range(5), range(4)), axis=-1).reshape(-1, 2))
    found = generators(d)
    np.testing.assert_array_equal(found.diagrams[1], [[1, np.sqrt(2)]] * 12)
    cells = [frozenset(loop(d, edge).tolist()) for edge in found.birth_edges]
    assert len(set(cells)) == 12  # a basis: 12 different cycles


def test_a_chain_of_1500_points_is_no_recursion():
    n = 1500
    edges = np.column_stack([np.arange(n - 1), np.arange(1, n)])
    lengths = np.arange(1.0, n)
    merges = linkage(edges, lengths)
    order, drawn = dendrogram(merges)
    assert sorted(order) == list(range(n))
    assert merges[-1].tolist() == [n - 1, 2 * n - 3, n - 1, n]
    assert drawn[-1, 0] == drawn[-1, 1] == 0  # the last point, on the very left
    assert drawn[-1, 2] == n - 2


def test_the_edge_of_a_tree_closes_no_loop():
    d = distance_matrix([[0.0], [1.0], [3.0], [7.0]])
    with pytest.raises(Fault, match="closes no loop"):
        loop(d, [0, 1])
    with pytest.raises(Fault, match="closes no loop"):
        loop(d, [1, 2])


@pytest.mark.parametrize(("birth", "death"), [(3, 5), (4, 4), (4, 5 + 1e-12)])
def test_a_cocycle_needs_a_bar(birth, death):
    with pytest.raises(Fault, match="no loop lives"):
        cocycle(RECTANGLE, birth, death)
    with pytest.raises(Fault, match="no loop lives"):
        cocycle(np.zeros((1, 1)), birth, death)


@pytest.mark.parametrize("k", [-1, 3])
def test_a_merge_needs_an_edge(k):
    with pytest.raises(Fault, match="no edge"):
        merge_groups(spanning_tree(RECTANGLE)[0], k)


@pytest.mark.parametrize("bad", [np.full((3, 3), np.nan), np.ones((2, 3)), np.ones((3, 3)), np.zeros((0, 0))])
def test_bad_matrices_are_refused(bad):
    for function in (generators, spanning_tree, lambda d: loop(d, [0, 1]), lambda d: cocycle(d, 0, 1)):
        with pytest.raises(Fault):
            function(bad)
