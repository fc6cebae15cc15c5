"""Maximum statistic and false discovery rate: hand values, an oracle, and what must always hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom, false_discovery_control

from phcore.analysis.multiplicity import benjamini_hochberg, max_statistic
from phcore.errors import Fault


def alone(observed, null):
    return (1 + (null >= observed).sum(axis=0)) / (1 + len(null))


# --- the maximum over layers ---------------------------------------------------------------------


def test_one_layer_is_its_own_maximum():
    null = np.random.default_rng(0).random((500, 1))
    for observed in (0.0, 0.3, 0.97, 2.0):
        assert max_statistic([observed], null)[0] == alone(observed, null)[0]


def test_the_maximum_by_hand():
    """Both nulls have mean 2 and deviation 1; the row-wise maxima are 3, 3, 3, 1."""
    null = np.array([[3.0, 1.0], [1.0, 3.0], [3.0, 3.0], [1.0, 1.0]])
    assert max_statistic([2.5, 0.5], null).tolist() == [4 / 5, 1]
    assert max_statistic([3.5, 1.0], null).tolist() == [1 / 5, 1]


def test_a_loud_layer_does_not_decide_the_maximum():
    """Layers are standardised: another unit, or another origin, changes nothing."""
    rng = np.random.default_rng(1)
    null = rng.random((400, 3))
    observed = np.array([0.9, 0.5, 0.99])
    unit, origin = np.array([1.0, 1000.0, 2.0]), np.array([5.0, 0.0, 70.0])
    np.testing.assert_array_equal(
        max_statistic(observed, null), max_statistic(observed * unit + origin, null * unit + origin)
    )


def test_layers_that_move_together_cost_nothing():
    null = np.random.default_rng(2).random((300, 1))
    observed = np.array([0.95])
    np.testing.assert_array_equal(
        max_statistic(observed.repeat(5), null.repeat(5, axis=1)), alone(observed, null).repeat(5)
    )


def test_a_constant_null_is_judged_alone_and_left_out():
    rng = np.random.default_rng(3)
    null = rng.random((200, 2))
    flat = 1 / 3 + 1e-16 * rng.integers(-3, 4, size=(200, 1))  # what permuting equal velocities gives
    p = max_statistic([0.9, 1 / 3, 0.4], np.hstack([null[:, :1], flat, null[:, 1:]]))
    assert p[1] == 1
    np.testing.assert_array_equal(p[[0, 2]], max_statistic([0.9, 0.4], null))
    for constant in (0.25, 0.0):
        assert max_statistic([0.5], np.full((9, 1), constant)).tolist() == [0.1]


def test_a_layer_without_a_statistic_has_no_p():
    null = np.random.default_rng(4).random((100, 3))
    null[5, 2] = np.nan
    p = max_statistic([0.8, np.nan, 0.9], null)
    assert np.isnan(p[1:]).all()
    assert p[0] == max_statistic([0.8], null[:, :1])[0]


@given(
    arrays(np.float64, (30, 4), elements=st.floats(0, 1)),
    arrays(np.float64, 4, elements=st.floats(0, 1)),
    st.permutations(range(4)),
)
def test_never_below_the_layer_alone_and_blind_to_the_order_of_layers(null, observed, order):
    p = max_statistic(observed, null)
    assert (p >= alone(observed, null)).all()
    assert (p <= 1).all()
    np.testing.assert_array_equal(max_statistic(observed[order], null[:, order]), p[order])


def test_the_family_keeps_its_level():
    """2,000 families of five layers that correlate by 0.8: any p below 0.05 in no more than 5 % of them."""
    rng = np.random.default_rng(5)
    draws = np.sqrt(0.8) * rng.normal(size=(2000, 200, 1)) + np.sqrt(0.2) * rng.normal(size=(2000, 200, 5))
    found = sum((max_statistic(draw[0], draw[1:]) <= 0.05).any() for draw in np.exp(draws))
    assert binom.ppf(1e-5, 2000, 0.05) <= found <= binom.ppf(1 - 1e-5, 2000, 0.05)


@pytest.mark.parametrize(
    ("observed", "null"), [([1.0], np.ones((3, 2))), ([1.0], np.ones((0, 1))), (1.0, np.ones((3, 1)))]
)
def test_shapes_that_do_not_fit(observed, null):
    with pytest.raises(Fault, match="do not fit"):
        max_statistic(observed, null)


# --- the false discovery rate --------------------------------------------------------------------


def test_benjamini_hochberg_by_hand():
    np.testing.assert_allclose(benjamini_hochberg([0.01, 0.04, 0.03, 0.5]), [0.04, 0.16 / 3, 0.16 / 3, 0.5])


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1)))
def test_benjamini_hochberg_is_the_oracles(p):
    adjusted = benjamini_hochberg(p)
    np.testing.assert_allclose(adjusted, false_discovery_control(p), rtol=1e-12)
    assert (adjusted >= p).all()


@given(st.lists(st.floats(0, 1) | st.just(np.nan), max_size=20))
def test_a_missing_p_is_no_test(p):
    p = np.array(p)
    known = ~np.isnan(p)
    adjusted = benjamini_hochberg(p)
    np.testing.assert_array_equal(np.isnan(adjusted), ~known)
    np.testing.assert_array_equal(adjusted[known], benjamini_hochberg(p[known]))


def test_what_is_no_p():
    with pytest.raises(Fault, match="outside 0 to 1"):
        benjamini_hochberg([0.1, 1.2])
