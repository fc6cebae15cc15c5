"""Subsamples, partners and distance matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, pdist, squareform

from phcore.errors import Fault
from phcore.topology.clouds import (
    distance_matrix,
    distinct_points,
    median_distance,
    overlap,
    overlap_words,
    partners,
    subsample_size,
    subsamples,
    validated_distance_matrix,
)


@pytest.mark.parametrize(
    ("n_prompts", "size", "m"),
    [(320, 160, 160), (161, 160, 160), (160, 160, 128), (100, 160, 80), (3, 160, 2), (1, 160, 1), (10, 4, 4)],
)
def test_subsample_size(n_prompts, size, m):
    assert subsample_size(n_prompts, size) == m
    assert subsamples(n_prompts, count=3, size=size).shape == (3, m)


def test_an_overlap_is_said_with_what_it_does():
    assert overlap_words(320, 160) == overlap_words(320, 4) == ""
    words = overlap_words(320, 240)
    assert "share at least 160" in words
    assert "= 3.00 times" in words
    rows = subsamples(320, count=20, size=240)
    assert min(len(np.intersect1d(a, b)) for a in rows for b in rows if a is not b) >= 160


def test_subsamples_are_sorted_distinct_seeded_and_differ():
    rows = subsamples(40, count=20, size=15, seed=3)
    assert (np.diff(rows, axis=1) > 0).all()  # strictly: no prompt twice in a row
    assert rows.min() >= 0
    assert rows.max() < 40
    assert len(np.unique(rows, axis=0)) == 20
    np.testing.assert_array_equal(rows, subsamples(40, count=20, size=15, seed=3))
    assert not np.array_equal(rows, subsamples(40, count=20, size=15, seed=4))


def test_more_subsamples_keep_the_first_ones():
    np.testing.assert_array_equal(subsamples(50, count=8, size=10), subsamples(50, count=16, size=10)[:8])


@pytest.mark.parametrize(("n_prompts", "size"), [(0, 160), (10, 0)])
def test_an_empty_subsample_is_refused(n_prompts, size):
    with pytest.raises(Fault, match="empty"):
        subsamples(n_prompts, size=size)


@given(n=st.integers(2, 60), size=st.integers(1, 60), seed=st.integers(0, 5))
def test_partners_overlap_as_little_as_possible(n, size, seed):
    rows = subsamples(n, count=4, size=size, seed=seed)
    others = partners(rows, n, seed=seed)
    assert others.shape == rows.shape
    for row, other in zip(rows, others, strict=True):
        assert (np.diff(other) > 0).all()
        assert len(np.intersect1d(row, other)) == max(0, 2 * len(row) - n)


def test_overlap_by_hand():
    assert overlap(40, 20) == overlap(41, 20) == 0
    assert overlap(40, 30) == 2 / 3
    assert overlap(7, 7) == 1


@given(n=st.integers(2, 60), size=st.integers(1, 60), seed=st.integers(0, 5))
def test_overlap_of_partners_is_what_the_prompts_leave_no_way_around(n, size, seed):
    rows = subsamples(n, count=4, size=size, seed=seed)
    m = rows.shape[1]
    shares = [np.isin(row, other).mean() for row, other in zip(rows, partners(rows, n, seed=seed), strict=True)]
    assert shares == pytest.approx([overlap(n, m)] * 4)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_distances_agree_with_scipy(metric, offset):
    cloud = np.random.default_rng(0).normal(size=(40, 64)).astype(np.float32) + np.float32(offset)
    # scipy's cosine cancels near 0, so the absolute slack is its rounding, not ours.
    np.testing.assert_allclose(
        distance_matrix(cloud, metric), cdist(*[cloud.astype(float)] * 2, metric), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_matrix_is_symmetric_to_the_bit_with_a_zero_diagonal(metric):
    d = distance_matrix(np.random.default_rng(1).normal(size=(50, 30)), metric)
    assert d.dtype == np.float64
    np.testing.assert_array_equal(d, d.T)
    assert not d.diagonal().any()
    assert (d[np.triu_indices(50, 1)] > 0).all()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_duplicates_are_exactly_zero_apart(metric):
    cloud = np.random.default_rng(2).normal(size=(20, 100)).astype(np.float32) + 1000
    cloud[7] = cloud[3]
    cloud[15] = cloud[3]
    d = distance_matrix(cloud, metric)
    assert d[3, 7] == d[7, 15] == d[3, 15] == 0
    assert np.count_nonzero(d == 0) == 20 + 6
    np.testing.assert_array_equal(d[3], d[7])  # and equally far from all others, to the bit
    np.testing.assert_array_equal(d[3], d[15])


def test_a_cloud_of_one_place_has_no_distances():
    assert not distance_matrix(np.full((9, 33), 0.1, np.float32)).any()


def test_near_duplicates_keep_their_digits():
    # The plain Gram formula leaves 1e-9 / 1000 below its rounding: it would give 0 or noise.
    rng = np.random.default_rng(3)
    cloud = 1000 * rng.normal(size=(10, 50))
    cloud[1] = cloud[0]
    cloud[1, 4] += 2**-20
    np.testing.assert_allclose(distance_matrix(cloud)[0, 1], abs(cloud[1, 4] - cloud[0, 4]), rtol=1e-12)


@given(scale=st.floats(1e-6, 1e6), shift=st.floats(-100, 100))
def test_euclidean_distance_scales_and_ignores_shifts(scale, shift):
    cloud = np.random.default_rng(4).normal(size=(12, 5))
    np.testing.assert_allclose(distance_matrix(scale * (cloud + shift)), scale * distance_matrix(cloud), rtol=1e-8)


def test_cosine_ignores_the_length_of_a_point():
    cloud = np.random.default_rng(5).normal(size=(12, 5))
    lengths = np.linspace(0.1, 9, 12)[:, None]
    np.testing.assert_allclose(distance_matrix(lengths * cloud, "cosine"), distance_matrix(cloud, "cosine"), atol=1e-13)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nonfinite_points_are_counted_and_refused(bad):
    cloud = np.ones((6, 3))
    cloud[[1, 4], 2] = bad
    with pytest.raises(Fault, match="2 of 6 points"):
        distance_matrix(cloud)


@pytest.mark.parametrize(
    ("cloud", "metric", "words"),
    [
        (np.ones((2, 3, 4)), "euclidean", "shape"),
        (np.zeros((3, 4)), "cosine", "no direction"),
        (np.ones((3, 4)), "manhattan", "unknown metric"),
    ],
)
def test_unusable_clouds_are_refused(cloud, metric, words):
    with pytest.raises(Fault, match=words):
        distance_matrix(cloud, metric)


def test_median_distance():
    points = np.array([[0.0], [1.0], [3.0]])  # distances 1, 2, 3
    assert median_distance(distance_matrix(points)) == 2.0
    assert median_distance(np.zeros((1, 1))) == 0.0
    cloud = np.random.default_rng(6).normal(size=(30, 4))
    np.testing.assert_allclose(median_distance(distance_matrix(cloud)), np.median(pdist(cloud)))


def test_distinct_points():
    assert distinct_points(np.array([[0.0, 1.0], [-0.0, 1.0], [2.0, 1.0], [2.0, 1.0]], np.float32)) == 2
    assert distinct_points(np.zeros((1, 4))) == 1


def test_rounding_in_a_distance_matrix_is_mended():
    exact = squareform(pdist(np.random.default_rng(7).normal(size=(9, 3))))
    assert validated_distance_matrix(exact) is exact  # nothing to mend, nothing copied
    rough = exact + 1e-9 * np.random.default_rng(8).random((9, 9))  # diagonal and asymmetry of rounding
    mended = validated_distance_matrix(rough)
    np.testing.assert_array_equal(mended, mended.T)
    assert not mended.diagonal().any()
    np.testing.assert_allclose(mended, exact, atol=2e-9)


def _matrix(**entries):
    d = 1.0 - np.eye(3)
    for place, value in entries.items():
        d[int(place[1]), int(place[2])] = value
    return d


@pytest.mark.parametrize(
    ("distances", "words"),
    [
        (np.zeros((2, 3)), "square"),
        (np.zeros((0, 0)), "not empty"),
        (np.zeros(3), "square"),
        (_matrix(d01=np.nan, d10=np.nan), "NaN"),
        (_matrix(d01=np.inf, d10=np.inf), "infinity"),
        (_matrix(d01=-1, d10=-1), "negative"),
        (_matrix(d01=1.1), "symmetric"),
        (_matrix(d11=0.1), "diagonal"),
    ],
)
def test_invalid_matrices_are_refused(distances, words):
    with pytest.raises(Fault, match=words):
        validated_distance_matrix(distances)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_distances_obey_the_triangle_inequality(seed):
    rng = np.random.default_rng(seed)
    d = distance_matrix(rng.integers(0, 4, size=(8, 3)))  # many ties and duplicates
    assert (d[:, None, :] <= d[:, :, None] + d[None, :, :] + 1e-12).all()
