"""The geometry that topology has to beat: hand values, invariances, oracles, nasty input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import subspace_angles
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist
from scipy.stats import entropy, special_ortho_group

from phcore.errors import Fault
from phcore.topology import simple_geometry as geometry
from phcore.topology.clouds import distance_matrix


def moved_pair(n, d, step, seed=0):
    """(n, d) twice: Gaussian points, and the same ones a random step of the size `step` later."""
    rng = np.random.default_rng(seed)
    cloud = rng.normal(size=(n, d)) + 2
    return cloud, cloud + step * rng.normal(size=(n, d))


SQUARE = np.array([[1.0, 1.0], [1.0, 3.0], [3.0, 1.0], [3.0, 3.0]])


# --- by hand ----------------------------------------------------------------------------------------


def test_a_square_by_hand():
    found = geometry.describe(SQUARE)
    assert found["mean_norm"] == pytest.approx((np.sqrt(2) + 2 * np.sqrt(10) + np.sqrt(18)) / 4)
    assert found["total_variance"] == pytest.approx(2)  # every corner is sqrt(2) from the middle
    assert found["mean_distance"] == pytest.approx((4 * 2 + 2 * np.sqrt(8)) / 6)
    assert found["median_distance"] == pytest.approx(2)
    assert found["effective_rank"] == pytest.approx(2)  # two equal singular values
    assert np.isnan(found["two_nn"])  # both neighbours of a corner are equally near: no ratio to go by


def test_two_nn_by_hand():
    # Points 0, 1, 3: ratios 3/1, 2/1, 3/2. The largest is discarded; F = 1/3 and 2/3.
    low, high = np.log(1.5), np.log(2)
    expected = (low * np.log(1.5) + high * np.log(3)) / (low**2 + high**2)
    assert geometry.two_nn(distance_matrix(np.array([[0.0], [1.0], [3.0]]))) == pytest.approx(expected)


def test_effective_rank_by_hand():
    # Singular values 3 and 1 about a mean of 0: shares 3/4 and 1/4.
    cloud = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    p = np.array([0.75, 0.25])
    assert geometry.effective_rank(cloud) == pytest.approx(np.exp(-(p * np.log(p)).sum()))
    assert geometry.effective_rank(cloud[:, :1]) == pytest.approx(1)


def test_cka_by_hand():
    # Centred Gram matrices of (1, -1, 0) and (1, 0, -1): <K, L> = (x.y)^2 = 1, |K| = |L| = 2.
    a, b = np.array([[1.0], [-1.0], [0.0]]), np.array([[1.0], [0.0], [-1.0]])
    assert geometry.cka_distance(a, b) == pytest.approx(1 - 1 / 4)
    # Uncorrelated directions have nothing in common.
    assert geometry.cka_distance(np.array([[1.0], [-1.0], [0.0]]), np.array([[1.0], [1.0], [-2.0]])) == pytest.approx(1)


def test_centroid_drift_by_hand():
    assert geometry.compare(SQUARE, SQUARE + np.array([3.0, 4.0]))["centroid_drift"] == pytest.approx(5)
    assert geometry.compare(SQUARE, SQUARE) == {"centroid_drift": 0.0, "cka_distance": 0.0}  # exactly


# --- oracles ----------------------------------------------------------------------------------------


def test_against_independent_ways_to_compute_them():
    rng = np.random.default_rng(0)
    cloud = (rng.normal(size=(60, 90)) * np.geomspace(5, 0.1, 90) + 3).astype(np.float32)
    x = cloud.astype(np.float64)
    found = geometry.describe(cloud)
    assert found["total_variance"] == pytest.approx(np.trace(np.cov(x.T, ddof=0)))
    assert found["mean_distance"] == pytest.approx(pdist(x).mean())
    assert found["median_distance"] == pytest.approx(np.median(pdist(x)))
    singular = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)[:-1]  # the last is 0: the cloud is centred
    assert found["effective_rank"] == pytest.approx(np.exp(entropy(singular)), rel=1e-9)
    r = cKDTree(x).query(x, 3)[0]
    mu = np.sort(r[:, 2] / r[:, 1])[:54]
    line = np.linalg.lstsq(np.log(mu)[:, None], -np.log(1 - np.arange(1, 55) / 60), rcond=None)[0]
    assert found["two_nn"] == pytest.approx(line[0], rel=1e-9)


def test_linear_cka_is_the_feature_space_formula():
    a, b = moved_pair(40, 12, 0.5)
    x, y = a - a.mean(axis=0), b - b.mean(axis=0)
    plain = np.linalg.norm(x.T @ y) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert geometry.cka_distance(a, b) == pytest.approx(1 - plain)


def test_cka_of_orthonormal_bases_is_the_mean_squared_cosine_between_them():
    rng = np.random.default_rng(1)
    ones = np.ones((50, 1))
    a, b = (np.linalg.qr(np.hstack([ones, rng.normal(size=(50, 4))]))[0][:, 1:] for _ in range(2))  # centred
    expected = np.square(np.cos(subspace_angles(a, b))).mean()
    assert geometry.cka_distance(a, b) == pytest.approx(1 - expected)


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_two_nn_finds_the_dimension_of_a_known_space(dimension):
    rng = np.random.default_rng(dimension)
    flat = rng.uniform(size=(1500, dimension)) @ special_ortho_group.rvs(20, random_state=2)[:dimension]
    assert geometry.two_nn(distance_matrix(flat)) == pytest.approx(dimension, rel=0.1)


@pytest.mark.parametrize("n", [15, 30, 60])
def test_few_points_tell_a_dimension_as_roughly_as_is_said(n):
    for dimension in (1, 2, 5):
        clouds = np.random.default_rng([dimension, n]).normal(size=(200, n, dimension))
        found = np.array([geometry.two_nn(distance_matrix(cloud)) for cloud in clouds]) / dimension
        assert found.mean() == pytest.approx(1, abs=0.15)
        assert found.std() == pytest.approx(geometry.two_nn_spread(n), rel=0.25)


# --- laws -------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 50), scale=st.floats(1e-3, 1e3))
def test_scaling_turning_and_moving(seed, scale):
    a, b = moved_pair(25, 6, 0.3, seed)
    turn = special_ortho_group.rvs(6, random_state=seed)
    before = geometry.describe(a) | geometry.compare(a, b)
    grown = geometry.describe(scale * a @ turn) | geometry.compare(scale * a @ turn, scale * b @ turn)
    for name, degree in geometry.LENGTH_DEGREE.items():
        assert grown[name] == pytest.approx(scale**degree * before[name], rel=1e-6), name
    shift = np.full(6, 7.0)
    after = geometry.describe(a + shift) | geometry.compare(a + shift, b + shift)
    for name in set(before) - {"mean_norm"}:  # the one that knows where the origin is
        assert after[name] == pytest.approx(before[name], rel=1e-6), name
    order = np.random.default_rng(seed).permutation(25)
    shuffled = geometry.describe(a[order]) | geometry.compare(a[order], b[order])
    for name, value in shuffled.items():
        assert value == pytest.approx(before[name], rel=1e-9), name


def test_a_turned_moved_and_scaled_cloud_is_the_same_to_cka():
    a, _ = moved_pair(30, 8, 0.1)
    turn = special_ortho_group.rvs(8, random_state=0)
    assert geometry.cka_distance(a, 3 * a @ turn + 5) < 1e-14
    assert geometry.cka_distance(a, a) == 0


@given(seed=st.integers(0, 50), step=st.floats(0, 3))
def test_bounds(seed, step):
    a, b = moved_pair(12, 9, step, seed)
    assert 1 <= geometry.effective_rank(a) <= 9 + 1e-9
    assert 0 <= geometry.cka_distance(a, b) <= 1
    assert geometry.cka_distance(a, b) == pytest.approx(geometry.cka_distance(b, a))
    # The drift of the mean is no longer than the points move on average.
    assert geometry.compare(a, b)["centroid_drift"] <= np.linalg.norm(b - a, axis=1).mean() + 1e-12


# --- nasty input ------------------------------------------------------------------------------------


def test_one_point_has_a_length_and_nothing_else():
    found = geometry.describe(np.array([[3.0, 4.0]]))
    assert (found["mean_norm"], found["total_variance"]) == (5, 0)
    assert all(np.isnan(found[name]) for name in ("mean_distance", "median_distance", "effective_rank", "two_nn"))
    assert np.isnan(geometry.cka_distance(np.ones((1, 2)), np.ones((1, 2))))


def test_a_cloud_of_one_place():
    same = np.full((9, 4), 0.1, np.float32)
    found = geometry.describe(same)
    assert found["total_variance"] == found["mean_distance"] == found["median_distance"] == 0
    assert np.isnan(found["effective_rank"])
    assert np.isnan(found["two_nn"])
    moved = geometry.compare(same, same + 1)
    assert moved["centroid_drift"] == pytest.approx(2)
    assert np.isnan(moved["cka_distance"])


def test_repeated_points_do_not_change_the_intrinsic_dimension():
    cloud = np.random.default_rng(3).normal(size=(50, 3))
    twice = np.concatenate([cloud, cloud[:20]])
    assert geometry.two_nn(distance_matrix(twice)) == pytest.approx(geometry.two_nn(distance_matrix(cloud)))


def test_two_nn_leaves_its_matrix_alone():
    d = distance_matrix(np.random.default_rng(4).normal(size=(10, 3)))
    before = d.copy()
    geometry.two_nn(d)
    np.testing.assert_array_equal(d, before)


@pytest.mark.parametrize("size", [1e-160, 1e160])
def test_cka_of_clouds_whose_squares_leave_float64(size):
    a, b = moved_pair(20, 5, 0.4)
    assert geometry.cka_distance(size * a, size * b) == pytest.approx(geometry.cka_distance(a, b))


@pytest.mark.parametrize(
    ("cloud", "words"),
    [
        (np.array([[1.0, np.nan], [0.0, 1.0]]), "NaN"),
        (np.array([[1.0, np.inf], [0.0, 1.0]]), "infinity"),
        (np.ones(3), "shape"),
        (np.ones((0, 3)), "shape"),
    ],
)
def test_what_is_no_cloud_is_refused(cloud, words):
    with pytest.raises(Fault, match=words):
        geometry.describe(cloud)
    with pytest.raises(Fault, match=words):
        geometry.compare(cloud, cloud)


def test_clouds_of_different_points_are_not_compared():
    with pytest.raises(Fault, match="same points"):
        geometry.compare(np.ones((3, 2)), np.ones((4, 2)))


def test_every_number_has_words_and_a_law():
    assert {**geometry.CELL_WORDS, **geometry.MOVE_WORDS}.keys() == geometry.LENGTH_DEGREE.keys()
    assert geometry.describe(SQUARE).keys() == geometry.CELL_WORDS.keys()
    assert geometry.compare(SQUARE, SQUARE).keys() == geometry.MOVE_WORDS.keys()
