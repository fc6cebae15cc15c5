"""The interval for another choice of prompts, against hand values and against simulated choices."""

import numpy as np
import pytest

from phcore.analysis.resampling import interval, standard_error

N, M, B = 60, 20, 64


def test_a_value_by_hand():
    # Variance of 1, 2, 6 with ddof 1 is 7; 4 / (10 - 4) + 1 / 3 = 1.
    assert standard_error([1.0, 2.0, 6.0], n=10, m=4) == pytest.approx(np.sqrt(7))
    lo, hi = interval([1.0, 2.0, 6.0], n=10, m=4)
    assert (lo, hi) == pytest.approx((3 - 1.959964 * np.sqrt(7), 3 + 1.959964 * np.sqrt(7)), abs=1e-5)
    lo, hi = interval([1.0, 2.0, 6.0], n=10, m=4, level=0.5)
    assert hi - lo == pytest.approx(2 * 0.6744898 * np.sqrt(7))


def test_columns_are_independent():
    values = np.random.default_rng(0).normal(size=(8, 3, 2))
    found = standard_error(values, 20, 10)
    assert found.shape == (3, 2)
    assert found[2, 1] == pytest.approx(standard_error(values[:, 2, 1], 20, 10), rel=1e-12)
    lo, hi = interval(values, 20, 10)
    np.testing.assert_allclose((lo + hi) / 2, values.mean(axis=0), atol=1e-12)


@pytest.mark.parametrize("factor", [-3.0, 1e-6, 1e6])
def test_it_scales_and_does_not_see_where_the_values_are(factor):
    values = np.random.default_rng(1).normal(size=16)
    expected = abs(factor) * standard_error(values, 20, 10)
    assert standard_error(factor * (values + 5), 20, 10) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("values", "n", "m"), [([1.0], 10, 5), ([], 10, 5), ([1.0, 2.0], 5, 5), ([1.0, 2.0], 4, 5), ([np.nan, 2.0], 10, 5)]
)
def test_too_little_to_vary_gives_no_interval(values, n, m):
    assert np.isnan(standard_error(values, n, m))
    assert np.isnan(interval(values, n, m)).all()


@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_left_out_and_does_not_count(nothing):
    some = np.array([[1.0, nothing], [2.0, 1.0], [nothing, 3.0], [6.0, nothing]])
    np.testing.assert_allclose(
        standard_error(some, 10, 4), [standard_error([1.0, 2.0, 6.0], 10, 4), standard_error([1.0, 3.0], 10, 4)]
    )
    assert interval(some, 10, 4)[0][0] == pytest.approx(interval([1.0, 2.0, 6.0], 10, 4)[0])


def test_equal_values_have_no_error_by_rounding():
    values = np.full(64, 0.1)
    assert standard_error(values, 20, 10) == 0
    assert interval(values, 20, 10) == (0.1, 0.1)


def simulated(statistic, draw, trials=1500):
    """(B, trials): a statistic of B subsamples of M of N points, for other points in every trial."""
    rng = np.random.default_rng(2)
    chosen = np.argsort(rng.random((B, N)), axis=1)[:, :M]
    return np.stack([statistic(draw(rng, N)[chosen]) for _ in range(trials)], axis=1)


def coverage(values, truth):
    lo, hi = interval(values, N, M)
    return ((lo <= truth) & (truth <= hi)).mean()


def close_pairs(points):
    return (np.diff(np.sort(points, axis=1), axis=1) < 0.01).sum(axis=1).astype(float)


def normal(rng, count):
    return rng.normal(size=count)


def exponential(rng, count):
    return rng.exponential(size=count)


def test_the_error_of_a_mean_is_that_of_the_mean_of_all_prompts():
    values = simulated(lambda points: points.mean(axis=1), normal)
    errors = standard_error(values, N, M)
    # 1 / N is that of the mean of all prompts; the rest is for B subsets instead of all of them.
    assert np.sqrt((errors**2).mean()) == pytest.approx(np.sqrt(1 / N + (1 / M - 1 / N) / B), rel=0.02)
    assert coverage(values, 0.0) > 0.91  # a normal interval with an estimated error: 93 % in 1,500 trials


@pytest.mark.parametrize("draw", [normal, exponential])
@pytest.mark.parametrize(
    "statistic", [close_pairs, lambda points: points.max(axis=1), lambda points: points.std(axis=1)]
)
def test_the_error_is_not_too_small_where_the_statistic_is_not_linear(statistic, draw):
    values = simulated(statistic, draw)
    # Both variances are estimated from 1,500 trials; the largest value is nearly linear in this sense (equality).
    assert (standard_error(values, N, M) ** 2).mean() >= 0.9 * values.mean(axis=0).var()


def test_counts_are_covered_at_least_as_often_as_promised():
    truth = close_pairs(np.random.default_rng(3).normal(size=(100_000, M))).mean()
    assert coverage(simulated(close_pairs, normal), truth) > 0.96
    # and not by being endless
    values = simulated(close_pairs, normal)
    assert np.sqrt((standard_error(values, N, M) ** 2).mean()) < 2.5 * values.mean(axis=0).std()
