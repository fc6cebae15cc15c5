"""The Rips complex at a distance: hand values, brute force, GUDHI's complexes and Betti numbers."""

import itertools

import gudhi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phcore.errors import Fault
from phcore.topology.clouds import distance_matrix
from phcore.topology.complexes import (
    betti,
    betti_curve,
    edges_by_length,
    triangle_counts,
    triangles_by_diameter,
)
from phcore.topology.persistence import diagrams
from tests.spaces import circle, high_dimensional, matrices

RECTANGLE = distance_matrix([[0, 0], [4, 0], [4, 3], [0, 3]])


def all_triangles(d):
    """{(i, j, l): diameter}, the plain definition."""
    triples = itertools.combinations(range(len(d)), 3)
    return {(i, j, k): max(d[i, j], d[i, k], d[j, k]) for i, j, k in triples}


# --- hand values ---------------------------------------------------------------------------------


def test_the_edges_of_a_rectangle():
    edges, lengths = edges_by_length(RECTANGLE)
    assert edges.tolist() == [[0, 3], [1, 2], [0, 1], [2, 3], [0, 2], [1, 3]]
    assert lengths.tolist() == [3, 3, 4, 4, 5, 5]


def test_the_triangles_of_a_rectangle_come_with_its_diagonals():
    assert triangle_counts(RECTANGLE).tolist() == [0, 0, 0, 0, 2, 2]
    triangles, diameters = triangles_by_diameter(RECTANGLE, 3)
    assert triangles.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 3]]
    assert diameters.tolist() == [5, 5, 5]


def test_the_betti_numbers_of_a_rectangle():
    bars = diagrams(RECTANGLE)
    assert [betti(bars, at) for at in (0, 2.9, 3, 4, 4.9, 5, 9)] == [
        (4, 0),
        (4, 0),
        (2, 0),
        (1, 1),
        (1, 1),
        (1, 0),
        (1, 0),
    ]
    breakpoints, curve = betti_curve(bars)
    assert breakpoints.tolist() == [0, 3, 4, 5]
    assert curve.tolist() == [[4, 0], [2, 0], [1, 1], [1, 0]]


def test_a_circle_is_a_loop_between_its_gap_and_its_triangle():
    bars = diagrams(distance_matrix(circle(30)))
    assert betti(bars, 0.2) == (30, 0)
    assert betti(bars, 1.0) == (1, 1)
    assert betti(bars, 1.8) == (1, 0)


# --- nasty input ---------------------------------------------------------------------------------


def test_one_point_is_a_complex_without_edges():
    d = np.zeros((1, 1))
    edges, lengths = edges_by_length(d)
    assert edges.shape == (0, 2)
    assert lengths.shape == triangle_counts(d).shape == (0,)
    triangles, diameters = triangles_by_diameter(d, 10)
    assert triangles.shape == (0, 3)
    assert diameters.shape == (0,)
    assert betti(diagrams(d), 0.0) == (1, 0)
    breakpoints, curve = betti_curve(diagrams(d))
    assert breakpoints.tolist() == [0]
    assert curve.tolist() == [[1, 0]]


def test_two_points_have_no_triangle():
    d = distance_matrix([[0.0], [3.0]])
    assert triangle_counts(d).tolist() == [0]
    assert len(triangles_by_diameter(d, 10)[0]) == 0


def test_equal_points_are_one_component_from_the_start():
    points = np.array([[0.0, 0.0], [0.0, 0.0], [5.0, 0.0]])
    bars = diagrams(distance_matrix(points))
    assert betti(bars, 0.0) == (2, 0)
    same = distance_matrix(np.ones((6, 2)))
    assert betti(diagrams(same), 0.0) == (1, 0)
    assert triangle_counts(same).sum() == 20
    assert len(np.unique(triangles_by_diameter(same, 100)[0], axis=0)) == 20


@pytest.mark.parametrize("bad", [np.full((3, 3), np.nan), np.ones((2, 3)), np.zeros((0, 0))])
def test_bad_matrices_are_refused(bad):
    for function in (edges_by_length, triangle_counts, lambda d: triangles_by_diameter(d, 5)):
        with pytest.raises(Fault):
            function(bad)


# --- properties ----------------------------------------------------------------------------------


@settings(max_examples=100)
@given(d=matrices())
def test_edges_are_all_pairs_in_a_strict_order(d):
    edges, lengths = edges_by_length(d)
    assert (edges[:, 0] < edges[:, 1]).all()
    np.testing.assert_array_equal(lengths, d[edges[:, 0], edges[:, 1]])
    keys = list(zip(lengths, *edges.T, strict=True))
    assert keys == sorted(set(keys))
    assert len(keys) == len(d) * (len(d) - 1) / 2


@settings(max_examples=150)
@given(d=matrices(), most=st.integers(0, 250))
def test_triangles_are_the_smallest_each_of_them_once(d, most):
    triangles, diameters = triangles_by_diameter(d, most)
    every = all_triangles(d)
    found = [tuple(row) for row in triangles.tolist()]
    assert len(found) == len(set(found)) == min(most, len(every))
    assert [every[row] for row in found] == diameters.tolist()
    assert diameters.tolist() == sorted(every.values())[:most]


@settings(max_examples=100)
@given(d=matrices())
def test_every_triangle_is_counted_at_its_last_edge(d):
    _, lengths = edges_by_length(d)
    counts = triangle_counts(d)
    every = np.array(list(all_triangles(d).values()))
    last = np.append(lengths[1:] > lengths[:-1], True)[: len(lengths)]  # the last of equal edges
    np.testing.assert_array_equal(np.cumsum(counts)[last], [(every <= at).sum() for at in lengths[last]])


@pytest.mark.parametrize("most", [1, 700, 5000])
def test_many_triangles_are_the_beginning_of_all(most):
    d = distance_matrix(high_dimensional(90, 0))  # more edges than are looked at in one piece
    every = sorted(all_triangles(d).values())
    triangles, diameters = triangles_by_diameter(d, most)
    assert diameters.tolist() == every[:most]
    assert len(np.unique(triangles, axis=0)) == most
    assert triangle_counts(d).sum() == len(every)


# --- GUDHI ---------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(d=matrices(largest=14), seed=st.integers(0, 1000))
def test_gudhi_counts_the_same_simplices_and_betti_numbers(d, seed):
    tree = gudhi.RipsComplex(distance_matrix=d).create_simplex_tree(max_dimension=2)
    tree.compute_persistence(homology_coeff_field=2)
    values = {k: np.array([v for s, v in tree.get_skeleton(2) if len(s) == k]) for k in (1, 2, 3)}
    bars = diagrams(d)
    breakpoints, curve = betti_curve(bars)
    assert breakpoints[0] == 0
    assert (np.diff(breakpoints) > 0).all()
    _, lengths = edges_by_length(d)
    completed = np.concatenate([[0], np.cumsum(triangle_counts(d))])
    rng = np.random.default_rng(seed)
    for at in [0.0, *rng.choice(d.ravel(), 4), *rng.uniform(0, 1.1 * d.max() + 0.1, 4)]:
        b0, b1 = tree.persistent_betti_numbers(at, at)[:2] if len(d) > 2 else betti(bars, at)
        assert betti(bars, at) == (b0, b1)
        assert tuple(curve[np.searchsorted(breakpoints, at, side="right") - 1]) == (b0, b1)
        edges = np.searchsorted(lengths, at, side="right")
        assert edges == (values[2] <= at).sum()
        assert completed[edges] == (values[3] <= at).sum()
