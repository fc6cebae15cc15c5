"""Clouds in two dimensions: hand values, planted planes, invariance, clouds without a second dimension."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from scipy.stats import ortho_group

from phcore.errors import Fault
from phcore.topology import maps
from phcore.topology.clouds import distance_matrix
from phcore.topology.maps import align, classical_mds, joint_basis, project, reduce
from tests.spaces import circle, high_dimensional


def plane_in_noise(n, hidden, seed, spread=(5.0, 2.0), noise=0.1):
    """A cloud with two directions of its own, and those directions."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(hidden, 2)))[0].T
    return (rng.normal(size=(n, 2)) * spread) @ axes + noise * rng.normal(size=(n, hidden)), axes


def rotation(dimension, seed):
    return ortho_group.rvs(dimension, random_state=seed)


# --- a basis for several clouds ------------------------------------------------------------------


def test_a_cross_by_hand():
    cross = np.array([[3.0, 0, 0], [-3, 0, 0], [0, 1, 0], [0, -1, 0]])
    basis = joint_basis([cross])
    np.testing.assert_allclose(basis.axes, [[1, 0, 0], [0, 1, 0]], atol=1e-12)
    np.testing.assert_allclose(basis.explained, (0.9, 0.1))
    np.testing.assert_allclose(project(cross, basis), cross[:, :2], atol=1e-12)


def test_drift_is_not_on_the_map():
    cross = np.array([[3.0, 0, 0], [-3, 0, 0], [0, 1, 0], [0, -1, 0]])
    drift = np.array([0, 0, 1000])
    basis = joint_basis([cross, cross + drift])
    np.testing.assert_allclose(basis.axes, [[1, 0, 0], [0, 1, 0]], atol=1e-9)
    np.testing.assert_allclose(project(cross + drift, basis), project(cross, basis), atol=1e-9)


# One for each way of computing: by the hidden side, by the points' side, and by products with vectors.
@pytest.mark.parametrize(("n", "hidden"), [(200, 40), (30, 300), (60, 40)])
@pytest.mark.parametrize("small", [1024, 10])
def test_axes_are_those_of_the_pooled_cloud(monkeypatch, n, hidden, small):
    monkeypatch.setattr(maps, "_SMALL", small)
    clouds = [plane_in_noise(n, hidden, 3)[0] + 50, 2 * plane_in_noise(n // 2, hidden, 4)[0]]
    basis = joint_basis(clouds)
    pooled = np.concatenate([cloud - cloud.mean(axis=0) for cloud in clouds])
    _, singular, axes = np.linalg.svd(pooled, full_matrices=False)
    # Beyond the small sizes it is done in float32.
    atol = 1e-9 if small == 1024 else 1e-5
    np.testing.assert_allclose(np.abs(np.sum(basis.axes * axes[:2], axis=1)), 1, atol=atol)
    np.testing.assert_allclose(basis.explained, singular[:2] ** 2 / np.sum(singular**2), atol=atol)
    np.testing.assert_allclose(basis.axes @ basis.axes.T, np.eye(2), atol=1e-12)
    assert (np.max(basis.axes, axis=1) == np.max(np.abs(basis.axes), axis=1)).all()
    again = joint_basis([cloud.copy() for cloud in clouds])
    np.testing.assert_array_equal(again.axes, basis.axes)


def test_a_planted_plane_is_found_in_many_dimensions():
    cloud, planted = plane_in_noise(1200, 1300, 0)  # more of both than the small sizes
    basis = joint_basis([cloud])
    assert np.linalg.svd(basis.axes @ planted.T)[1].min() > 0.99
    spread = project(cloud, basis).std(axis=0)
    np.testing.assert_allclose(spread, [5, 2], rtol=0.1)


def test_clouds_whose_rows_sum_to_zero_have_axes():
    """Layer normalisation makes them: a search must not start with the vector of ones."""
    cloud, _ = plane_in_noise(1100, 1100, 1)
    cloud = cloud - cloud.mean(axis=1, keepdims=True)
    assert sum(joint_basis([cloud]).explained) > 0.5


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), hidden=st.integers(2, 30))
def test_a_joint_rotation_changes_no_map(seed, hidden):
    clouds = [plane_in_noise(40, hidden, seed)[0], plane_in_noise(30, hidden, seed + 1)[0]]
    turn = rotation(hidden, seed)
    basis, turned = joint_basis(clouds), joint_basis([cloud @ turn for cloud in clouds])
    np.testing.assert_allclose(turned.explained, basis.explained, atol=1e-9)
    for cloud in clouds:
        ours, theirs = project(cloud, basis), project(cloud @ turn, turned)
        # The same up to the signs of the axes; a nearly round cloud may turn within its plane.
        np.testing.assert_allclose(pdist(theirs), pdist(ours), atol=1e-6)
        np.testing.assert_allclose(align(theirs, ours), ours, atol=1e-6)


FLAT = {
    "one place": np.full((6, 5), 0.1),
    "one place of width 1": np.full((6, 1), 0.1),
    "one point": np.array([[1.0, 2.0, 3.0]]),
    "width 1": np.arange(6.0)[:, None],
    "a line": np.outer(np.arange(6.0), [1.0, 2.0, 2.0]),
    "a line in many dimensions": np.outer(np.arange(6.0), np.arange(40)),
    "two points": np.array([[0.0, 0, 0], [3, 4, 0]]),
}


@pytest.mark.parametrize("small", [1024, 0])
@pytest.mark.parametrize("name", FLAT)
def test_clouds_without_a_second_dimension(monkeypatch, name, small):
    cloud = FLAT[name]
    if min(cloud.shape) > 2:  # the large method is for large clouds
        monkeypatch.setattr(maps, "_SMALL", small)
    basis = joint_basis([cloud])
    expected = np.eye(2) if cloud.shape[1] > 1 else np.diag([1, 0])
    np.testing.assert_allclose(basis.axes @ basis.axes.T, expected, atol=1e-9)
    points = project(cloud, basis)
    assert points.shape == (len(cloud), 2)
    np.testing.assert_allclose(squareform(pdist(points)), distance_matrix(cloud), atol=1e-4 if small == 0 else 1e-9)
    np.testing.assert_allclose(points[:, 1], 0, atol=1e-4 if small == 0 else 1e-9)
    varies = len(np.unique(cloud, axis=0)) > 1
    np.testing.assert_allclose(basis.explained, (float(varies), 0), atol=1e-9)


@pytest.mark.parametrize(
    ("clouds", "words"),
    [
        ([], "0 clouds"),
        ([np.ones((3, 2)), np.ones((3, 4))], "different widths"),
        ([np.ones((0, 2))], "shape"),
        ([np.ones(3)], "shape"),
        ([np.array([[1.0, np.nan]])], "NaN"),
    ],
)
def test_unusable_clouds_are_refused(clouds, words):
    with pytest.raises(Fault, match=words):
        joint_basis(clouds)


def test_a_cloud_of_another_width_is_refused():
    with pytest.raises(Fault, match="width 3"):
        project(np.ones((4, 3)), joint_basis([np.eye(4)]))


# --- principal components ------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "hidden"), [(60, 8), (8, 60), (20, 20)])
def test_components_are_those_of_the_singular_value_decomposition(n, hidden):
    cloud = np.random.default_rng(0).normal(size=(n, hidden)) * np.linspace(3, 1, hidden) + 100
    u, singular, _ = np.linalg.svd(cloud - cloud.mean(axis=0), full_matrices=False)
    found = reduce(cloud, 3)
    np.testing.assert_allclose(np.abs(found), np.abs(u * singular)[:, :3], atol=1e-9)
    assert (found.max(axis=0) == np.abs(found).max(axis=0)).all()
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-9)


@settings(max_examples=40)
@given(n=st.integers(1, 30), hidden=st.integers(1, 30), more=st.integers(0, 3), seed=st.integers(0, 1000))
def test_as_many_components_as_the_rank_keep_all_distances(n, hidden, more, seed):
    cloud = np.random.default_rng(seed).integers(-3, 4, size=(n, hidden)).astype(float)  # with equal points at times
    rank = int(np.linalg.matrix_rank(cloud - cloud.mean(axis=0)))
    found = reduce(cloud, max(1, rank + more))
    assert found.shape == (n, max(1, rank + more))
    np.testing.assert_allclose(pdist(found), pdist(cloud), atol=1e-8)
    assert np.isfinite(found).all()


def test_equal_points_stay_together():
    cloud = high_dimensional(30, 2)
    cloud[[4, 21]] = cloud[9]
    found = reduce(cloud, 30)
    assert pdist(found[[4, 9, 21]]).max() < 1e-11 * pdist(found).max()


def test_fewer_components_bring_points_closer():
    cloud = high_dimensional(40, 0)
    distances = [pdist(reduce(cloud, dimension)) for dimension in (2, 5, 20, 39)]
    for less, more in zip(distances, [*distances[1:], pdist(cloud)], strict=True):
        assert (less <= more + 1e-9).all()


def test_the_same_cloud_turned_has_the_same_components():
    cloud, _ = plane_in_noise(50, 12, 5)
    np.testing.assert_allclose(reduce(cloud @ rotation(12, 0), 2), reduce(cloud, 2), atol=1e-9)


def test_no_dimension_is_refused():
    with pytest.raises(Fault, match="0 dimensions"):
        reduce(np.eye(3), 0)


# --- classical scaling ---------------------------------------------------------------------------


def test_a_rectangle_from_its_distances():
    corners = np.array([[-2.0, -1.5], [2, -1.5], [2, 1.5], [-2, 1.5]])
    points, explained = classical_mds(distance_matrix(corners))
    np.testing.assert_allclose(np.abs(points), np.abs(corners), atol=1e-12)
    np.testing.assert_allclose(explained, (16 / 25, 9 / 25))
    np.testing.assert_allclose(squareform(pdist(points)), distance_matrix(corners), atol=1e-12)


@settings(max_examples=40)
@given(n=st.integers(1, 20), seed=st.integers(0, 1000))
def test_points_of_a_plane_are_recovered(n, seed):
    plane = np.random.default_rng(seed).normal(size=(n, 2))
    points, explained = classical_mds(distance_matrix(plane))
    np.testing.assert_allclose(align(points, plane), plane, atol=1e-6)
    assert n == 1 or sum(explained) == pytest.approx(1)


def test_what_fits_into_no_euclidean_space_is_unexplained():
    # Three points each 2 from one another and 1 from a fourth "between" them all.
    d = np.array([[0, 2, 2, 1], [2, 0, 2, 1], [2, 2, 0, 1], [1, 1, 1, 0]], dtype=float)
    points, explained = classical_mds(d)
    # Eigenvalues of the doubly centred matrix: 2, 2, 0 and -1/4 (trace 15/4).
    np.testing.assert_allclose(explained, (2 / 4.25, 2 / 4.25))
    np.testing.assert_allclose(pdist(points[:3]), 2)


def test_one_place_has_no_shares():
    points, explained = classical_mds(np.zeros((3, 3)))
    assert not points.any()
    assert np.isnan(explained).all()


def test_a_bad_matrix_is_refused():
    with pytest.raises(Fault, match="symmetric"):
        classical_mds(np.triu(np.ones((3, 3)), 1))


# --- alignment -----------------------------------------------------------------------------------


@settings(max_examples=60)
@given(n=st.integers(1, 20), seed=st.integers(0, 1000))
def test_points_turned_reflected_and_moved_are_brought_back(n, seed):
    rng = np.random.default_rng(seed)
    reference = rng.normal(size=(n, 2))
    moved = reference @ rotation(2, seed) @ np.diag([1, rng.choice([-1, 1])]) + rng.normal(size=2) * 100
    np.testing.assert_allclose(align(moved, reference), reference, atol=1e-9)


def test_alignment_does_not_scale():
    reference = circle(12)
    np.testing.assert_allclose(align(3 * reference, reference), 3 * reference, atol=1e-12)


@settings(max_examples=30)
@given(seed=st.integers(0, 1000))
def test_no_other_turn_comes_closer(seed):
    rng = np.random.default_rng(seed)
    points, reference = rng.normal(size=(2, 15, 2))
    best = np.square(align(points, reference) - reference).sum()
    centred, centre = points - points.mean(axis=0), reference.mean(axis=0)
    for angle in np.linspace(0, 2 * np.pi, 73):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        for mirror in (1, -1):
            assert best <= np.square(centred @ turn @ np.diag([1, mirror]) + centre - reference).sum() + 1e-9


def test_degenerate_points_are_only_moved():
    np.testing.assert_allclose(align(np.ones((4, 2)), np.arange(8.0).reshape(4, 2)), [[3, 4]] * 4)
    with pytest.raises(Fault, match="pair up"):
        align(np.ones((4, 2)), np.ones((5, 2)))
