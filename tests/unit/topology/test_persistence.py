"""Persistence diagrams: hand values, known spaces, theorems, a second and a third engine."""

import warnings

import gudhi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ripser import ripser
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import pdist, squareform

from phcore.errors import Fault
from phcore.topology.clouds import distance_matrix, subsamples
from phcore.topology.distances import wasserstein
from phcore.topology.persistence import cell_diagrams, diagrams
from tests.spaces import circle, matrices

ENGINES = ("redzed", "ripser")


@pytest.fixture(autouse=True)
def _no_ripser_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# --- hand values ---------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_two_points_make_one_bar(engine):
    h0, h1 = diagrams(distance_matrix([[0.0], [3.0]]), engine=engine)
    assert h0.tolist() == [[0, 3]]
    assert h1.shape == (0, 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_square_is_a_loop_from_side_to_diagonal(engine):
    h0, h1 = diagrams(distance_matrix([[0, 0], [3, 0], [3, 3], [0, 3]]), engine=engine)
    assert h0.tolist() == [[0, 3]] * 3
    np.testing.assert_allclose(h1, [[3, 3 * np.sqrt(2)]], rtol=1e-15)


def test_a_rectangle_of_pythagoras():
    h0, h1 = diagrams(distance_matrix([[0, 0], [4, 0], [4, 3], [0, 3]]))
    assert h0.tolist() == [[0, 3], [0, 3], [0, 4]]
    assert h1.tolist() == [[4, 5]]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_loop_of_an_equilateral_triangle_has_no_length(engine):
    h0, h1 = diagrams(1.0 - np.eye(3), engine=engine)
    assert h0.tolist() == [[0, 1]] * 2
    assert h1.shape == (0, 2)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n", [1, 5])
def test_one_place_has_empty_diagrams(engine, n):
    h0, h1 = diagrams(np.zeros((n, n)), engine=engine)
    assert h0.shape == h1.shape == (0, 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_duplicate_adds_no_bar(engine):
    # Float32 points far from the origin: any rounding between equal rows would show up as tiny loops.
    points = np.random.default_rng(6).normal(size=(40, 300)).astype(np.float32) + 50
    alone = diagrams(distance_matrix(points), engine=engine)
    doubled = diagrams(distance_matrix(np.concatenate([points, points[[0, 4, 4, 30]]])), engine=engine)
    assert len(alone[1]) > 10
    for a, b in zip(alone, doubled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_a_tiny_diagonal_changes_nothing():
    # ripser.py itself turns such a matrix into a sparse one and invents bars.
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 3))
    points[1] = points[0]
    exact = distance_matrix(points)
    for engine in ENGINES:
        noisy = exact + np.diag(np.full(30, 1e-8))
        for a, b in zip(diagrams(exact, engine=engine), diagrams(noisy, engine=engine), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("bad", [np.full((3, 3), np.nan), np.ones((2, 3)), np.ones((3, 3)), np.zeros((0, 0))])
def test_bad_matrices_are_refused(bad):
    with pytest.raises(Fault):
        diagrams(bad)


def test_an_unknown_engine_is_refused():
    with pytest.raises(Fault, match="javaplex"):
        diagrams(np.zeros((1, 1)), engine="javaplex")


# --- known spaces --------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n", [30, 60])
def test_a_circle_has_one_long_loop(engine, n):
    h0, h1 = diagrams(distance_matrix(circle(n)), engine=engine)
    np.testing.assert_allclose(h0, [[0, 2 * np.sin(np.pi / n)]] * (n - 1), rtol=1e-12)
    h1 = h1[np.diff(h1).ravel() > 1e-9]  # equal chords differ in the last bit, which leaves specks
    assert len(h1) == 1
    birth, death = h1[0]
    np.testing.assert_allclose(birth, 2 * np.sin(np.pi / n), rtol=1e-12)
    # Adamaszek and Adams (2017): n points spaced evenly, n divisible by 3, fill in at the triangle.
    np.testing.assert_allclose(death, np.sqrt(3), rtol=1e-12)


def test_a_figure_eight_has_two_long_loops():
    eight = np.concatenate([circle(24) - np.array([1, 0]), circle(24, 0.5) + np.array([0.5, 0])])
    persistence = np.sort(np.diff(diagrams(distance_matrix(eight))[1]).ravel())
    assert np.count_nonzero(persistence > 0.4) == 2
    np.testing.assert_allclose(persistence[-1], np.sqrt(3) - 2 * np.sin(np.pi / 24), rtol=0.02)


def test_a_sphere_has_no_long_loop():
    k = np.arange(150) + 0.5  # Fibonacci lattice
    polar, turn = np.arccos(1 - 2 * k / 150), np.pi * (1 + np.sqrt(5)) * k
    sphere = np.column_stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)])
    _, h1 = diagrams(distance_matrix(sphere))
    assert np.diff(h1).max(initial=0) < 0.25  # a loop of the circle lasts 1.7


def test_two_clusters_leave_one_long_component():
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(size=(20, 3)) * 0.1, rng.normal(size=(20, 3)) * 0.1 + [10, 0, 0]])
    h0, _ = diagrams(distance_matrix(points))
    deaths = np.sort(h0[:, 1])
    assert deaths[-1] == distance_matrix(points)[:20, 20:].min()
    assert deaths[-2] < 1


# --- theorems and properties ---------------------------------------------------------------------


@settings(max_examples=150)
@given(d=matrices())
def test_h0_deaths_are_the_weights_of_the_minimum_spanning_tree(d):
    # scipy reads 0 as "no edge", so the weights are moved away from it; the tree stays the same.
    tree = minimum_spanning_tree(d + 1 - np.eye(len(d))).data - 1
    np.testing.assert_allclose(diagrams(d)[0][:, 1], np.sort(tree[tree > 1e-9]), rtol=1e-9)


@settings(max_examples=150)
@given(d=matrices())
def test_every_birth_and_death_is_an_entry_of_the_matrix(d):
    h0, h1 = diagrams(d)
    assert not h0[:, 0].any()
    assert np.isin(np.concatenate([h0, h1]), d).all()
    for h in (h0, h1):
        assert (h[:, 0] < h[:, 1]).all()
        assert (np.diff(h[:, 0]) >= 0).all()


@settings(max_examples=100)
@given(d=matrices(), seed=st.integers(0, 100))
def test_the_order_of_points_does_not_matter(d, seed):
    order = np.random.default_rng(seed).permutation(len(d))
    for a, b in zip(diagrams(d), diagrams(d[np.ix_(order, order)]), strict=True):
        np.testing.assert_array_equal(a, b)


@settings(max_examples=60)
@given(d=matrices(), power=st.integers(-20, 20))
def test_bars_scale_with_the_distances(d, power):
    for a, b in zip(diagrams(d), diagrams(d * 2.0**power), strict=True):
        np.testing.assert_array_equal(a * 2.0**power, b)  # powers of two: no rounding


@settings(max_examples=100)
@given(d=matrices(), noise=st.floats(1e-6, 2), seed=st.integers(0, 100))
def test_stability(d, noise, seed):
    """Chazal et al. (2014): the bottleneck distance is at most max |D - D'|."""
    upper = np.triu(np.random.default_rng(seed).random(d.shape) * noise, 1)
    moved = d + upper + upper.T
    for a, b in zip(diagrams(d), diagrams(moved), strict=True):
        assert wasserstein(a, b, order=np.inf, norm=np.inf) <= np.abs(d - moved).max() * (1 + 1e-12)


# --- other engines -------------------------------------------------------------------------------


@settings(max_examples=250)
@given(d=matrices(largest=25))
def test_redzed_equals_ripser_bar_for_bar(d):
    for a, b in zip(diagrams(d), diagrams(d, engine="ripser"), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("seed", range(12))
def test_plain_ripser_and_gudhi_agree_on_high_dimensional_clouds(seed):
    rng = np.random.default_rng(seed)
    rank, noise = rng.integers(2, 30), rng.choice([0.01, 0.3])
    cloud = rng.normal(size=(90, rank)) @ rng.normal(size=(rank, 400)) + noise * rng.normal(size=(90, 400))
    d = distance_matrix(cloud)
    ours = diagrams(d)
    # gudhi's RipsComplex takes diameters as filtration values too (its alpha complex takes squared radii).
    tree = gudhi.RipsComplex(distance_matrix=d).create_simplex_tree(max_dimension=2)
    tree.compute_persistence(homology_coeff_field=2)
    for degree, bars in enumerate(ours):
        np.testing.assert_array_equal(bars, finite(tree.persistence_intervals_in_dimension(degree)))
        # Without the ranks ripser.py rounds to float32: the values agree, but only so far.
        theirs = finite(ripser(d, distance_matrix=True)["dgms"][degree])
        np.testing.assert_allclose(np.sort(bars, axis=0), np.sort(theirs, axis=0), rtol=1e-6)
    assert len(ours[1]) > 10


def finite(bars):
    bars = bars[np.isfinite(bars[:, 1])]
    return bars[np.lexsort((bars[:, 1], bars[:, 0]))]


def test_distances_closer_than_float32_can_tell_are_told_apart():
    d = 1.4 * (1 - np.eye(4))
    for k, side in enumerate([(0, 1), (1, 2), (2, 3), (3, 0)]):
        d[side] = d[side[::-1]] = 1 + k * 1e-12
    h0, h1 = diagrams(d)
    assert h0[:, 1].tolist() == [1, 1 + 1e-12, 1 + 2e-12]
    assert h1.tolist() == [[1 + 3e-12, 1.4]]


# --- cells ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cell_is_its_subsamples_one_by_one(engine):
    cloud = np.random.default_rng(2).normal(size=(40, 6))
    indices = subsamples(40, count=5, size=18)
    found = cell_diagrams(distance_matrix(cloud), indices, engine=engine)
    for row, (h0, h1) in zip(indices, found, strict=True):
        alone = diagrams(squareform(pdist(cloud[row])), engine=engine)
        np.testing.assert_allclose(h0, alone[0], rtol=1e-12)
        np.testing.assert_allclose(h1, alone[1], rtol=1e-12)


def test_a_cell_is_checked_once_and_as_a_whole():
    with pytest.raises(Fault, match="symmetric"):
        cell_diagrams(np.triu(np.ones((5, 5)), 1), subsamples(5, count=2, size=3))
