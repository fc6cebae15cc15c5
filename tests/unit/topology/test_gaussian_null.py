"""Gaussian clouds that match a cell: their moments, what two of them share, nasty input."""

import numpy as np
import pytest
from scipy.stats import special_ortho_group

from phcore.errors import Fault
from phcore.topology import gaussian_null
from phcore.topology.clouds import distance_matrix, median_distance
from phcore.topology.distances import wasserstein
from phcore.topology.persistence import diagrams
from phcore.topology.simple_geometry import total_variance
from tests.spaces import circle


@pytest.fixture
def cloud():
    """(40, 6), far from Gaussian and far from the origin."""
    return np.hstack([circle(40, 5.0), 0.1 * np.random.default_rng(0).normal(size=(40, 4))]) + 3


def draw(cloud, kind, count=30, replicate=0, seed=0):
    return gaussian_null.gaussian(cloud, kind, count, replicate=replicate, seed=seed)


def h1(cloud):
    return diagrams(distance_matrix(cloud))[1]


# --- moments ----------------------------------------------------------------------------------------


def test_the_stronger_null_has_the_mean_and_covariance_of_the_cell(cloud):
    many = draw(cloud, "covariance", 200_000)
    np.testing.assert_allclose(many.mean(axis=0), cloud.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(np.cov(many.T), np.cov(cloud.T), atol=0.1)


def test_the_isotropic_null_has_its_total_variance_in_every_direction(cloud):
    many = draw(cloud, "isotropic", 200_000)
    total = np.trace(np.cov(cloud.T))
    np.testing.assert_allclose(many.mean(axis=0), cloud.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(np.cov(many.T), total / 6 * np.eye(6), atol=0.1)


@pytest.mark.parametrize("kind", gaussian_null.KINDS)
def test_a_cloud_of_less_than_full_rank_is_matched_without_its_covariance(kind):
    """12 points in 500 dimensions. The mean total variance over draws is the cell's, within 4 standard errors."""
    cloud = np.random.default_rng(1).normal(size=(12, 500)) * np.geomspace(3, 0.1, 500)
    totals = [total_variance(draw(cloud, kind, 12, replicate)) for replicate in range(400)]
    assert abs(np.mean(totals) - total_variance(cloud)) < 4 * np.std(totals) / 20
    if kind == "covariance":
        assert np.linalg.matrix_rank(draw(cloud, kind, 30) - cloud.mean(axis=0)) == 11  # in the span of the cell


def test_it_is_the_textbook_gaussian_where_that_can_be_drawn(cloud):
    """Median distance and bars against numpy's own multivariate normal, 60 draws each, within 4 standard errors."""
    rng = np.random.default_rng(2)
    ours, theirs = [], []
    for replicate in range(60):
        ours.append(draw(cloud, "covariance", 30, replicate))
        theirs.append(rng.multivariate_normal(cloud.mean(axis=0), np.cov(cloud.T), size=30))
    for number in (lambda x: median_distance(distance_matrix(x)), lambda x: len(h1(x))):
        a, b = ([number(x) for x in each] for each in (ours, theirs))
        assert abs(np.mean(a) - np.mean(b)) < 4 * np.sqrt((np.var(a) + np.var(b)) / 60)


# --- two checkpoints ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", gaussian_null.KINDS)
def test_a_cell_that_does_not_move_has_a_null_that_does_not(cloud, kind):
    np.testing.assert_array_equal(draw(cloud, kind), draw(cloud.copy(), kind))
    assert not np.array_equal(draw(cloud, kind), draw(cloud, kind, replicate=1))
    assert not np.array_equal(draw(cloud, kind), draw(cloud, kind, seed=1))
    assert not np.array_equal(draw(cloud, "covariance")[:, :6], draw(cloud, "isotropic"))


@pytest.mark.parametrize("kind", gaussian_null.KINDS)
def test_a_cell_that_turns_moves_or_grows_has_a_null_that_does_the_same(cloud, kind):
    turn = special_ortho_group.rvs(6, random_state=3)
    before = distance_matrix(draw(cloud, kind))
    np.testing.assert_allclose(distance_matrix(draw(cloud @ turn, kind)), before, atol=1e-9)
    np.testing.assert_allclose(distance_matrix(draw(cloud + 100, kind)), before, atol=1e-9)
    np.testing.assert_allclose(distance_matrix(draw(3 * cloud, kind)), 3 * before, atol=1e-9)


def test_null_points_move_as_far_as_the_real_ones(cloud):
    later = cloud + np.random.default_rng(4).normal(size=cloud.shape)
    step = draw(later, "covariance", 100_000) - draw(cloud, "covariance", 100_000)
    expected = np.square((later - cloud) - (later - cloud).mean(axis=0)).sum() / 39
    drift = np.square((later - cloud).mean(axis=0)).sum()
    assert np.square(step).sum(axis=1).mean() == pytest.approx(expected + drift, rel=0.02)


def test_only_size_moves_the_isotropic_null(cloud):
    """Another shape of the same total variance: the isotropic null stands still, the other one moves."""
    other = cloud[:, ::-1].copy()
    other[:, 5] *= 1.4
    other = (other - other.mean(axis=0)) * np.sqrt(total_variance(cloud) / total_variance(other))
    assert wasserstein(h1(draw(cloud, "isotropic")), h1(draw(other, "isotropic"))) < 1e-9
    assert wasserstein(h1(draw(cloud, "covariance")), h1(draw(other, "covariance"))) > 0.01


def test_the_loop_of_a_circle_is_not_in_its_gaussian(cloud):
    longest = [np.ptp(h1(draw(cloud, "covariance", 40, replicate)), axis=1).max() for replicate in range(20)]
    assert np.ptp(h1(cloud), axis=1).max() > 2 * max(longest)


def test_a_circle_that_appears_from_a_gaussian_moves_farther_than_its_null():
    """Same mean and covariance before and after: the change is one of shape alone, and no null sees it."""
    rng = np.random.default_rng(5)
    gauss, ring = rng.normal(size=(40, 2)), circle(40)

    def white(x):
        x = x - x.mean(axis=0)
        return x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T

    real = wasserstein(h1(white(gauss)), h1(white(ring)))
    nulls = [
        wasserstein(*(h1(draw(white(x), "covariance", 40, replicate)) for x in (gauss, ring)))
        for replicate in range(40)
    ]
    assert real > max(nulls)


# --- nasty input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", gaussian_null.KINDS)
@pytest.mark.parametrize("cloud", [np.full((9, 4), 0.1, np.float32), np.array([[3.0, 4.0]])])
def test_a_cloud_of_one_place_stays_there(kind, cloud):
    drawn = draw(cloud, kind, 5)
    np.testing.assert_array_equal(drawn, np.tile(cloud[0].astype(np.float64), (5, 1)))


@pytest.mark.parametrize(
    ("cloud", "words"),
    [(np.array([[np.nan, 1.0]]), "NaN"), (np.ones(3), "shape"), (np.ones((0, 2)), "shape")],
)
def test_what_is_no_cloud_is_refused(cloud, words):
    with pytest.raises(Fault, match=words):
        draw(cloud, "covariance")


def test_an_unknown_kind_is_refused():
    with pytest.raises(Fault, match="isotropic, covariance"):
        draw(np.ones((3, 2)), "student")
