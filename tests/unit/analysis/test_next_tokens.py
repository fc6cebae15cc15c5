"""Divergence of next-token distributions against oracles, by hand, nasty input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from phcore.analysis.next_tokens import divergence, most_probable
from phcore.analysis.next_tokens import jensen_shannon as both

LN2 = np.log(2)


def jensen_shannon(*listed):
    return both(listed[:3], listed[3:])[0]


def jensen_shannon_slack(*listed):
    return both(listed[:3], listed[3:])[1]


def listed(distributions, k):
    """ids, logp, rest of the k most probable tokens of each row."""
    ids = np.argsort(-distributions, axis=1, kind="stable")[:, :k].astype(np.int32)
    p = np.take_along_axis(distributions, ids, axis=1)
    with np.errstate(divide="ignore"):
        return ids, np.log(p), np.maximum(0, 1 - p.sum(axis=1))


def dirichlet(rng, n, vocabulary, sharpness):
    return rng.dirichlet(np.full(vocabulary, sharpness), size=n)


@pytest.mark.parametrize("sharpness", [0.02, 0.3, 5.0])
def test_whole_vocabularies_give_the_divergence_of_scipy(sharpness):
    rng = np.random.default_rng(0)
    p, q = dirichlet(rng, 30, 50, sharpness), dirichlet(rng, 30, 50, sharpness)
    found = jensen_shannon(*listed(p, 50), *listed(q, 50))
    np.testing.assert_allclose(found, jensenshannon(p, q, axis=1) ** 2, atol=1e-12)
    np.testing.assert_allclose(jensen_shannon_slack(*listed(p, 50), *listed(q, 50)), 0, atol=1e-9)


def test_by_hand():
    # a: tokens 5 (1/2), 7 (1/4); b: tokens 7 (3/4), 9 (1/8). Token 7 is common; the rest is 3/4 against 1/4.
    args = [[[5, 7]], np.log([[0.5, 0.25]]), [0.25], [[9, 7]], np.log([[0.125, 0.75]]), [0.125]]
    half = 0.25 * np.log(0.25 / 0.5) + 0.75 * np.log(0.75 / 0.5)
    assert jensen_shannon(*args)[0] == pytest.approx(half)
    # one outcome of 3/4 and 1/4: half of their sum, times the entropy of those shares
    entropy = -0.25 * np.log(0.25) - 0.75 * np.log(0.75)
    assert jensen_shannon_slack(*args)[0] == pytest.approx(entropy / 2)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000), k=st.integers(1, 40), l=st.integers(1, 40), sharpness=st.sampled_from([0.05, 0.5, 3])
)
def test_the_truth_lies_between_bound_and_slack(seed, k, l, sharpness):  # noqa: E741
    rng = np.random.default_rng(seed)
    p = dirichlet(rng, 5, 40, sharpness)
    q = 0.5 * p + 0.5 * dirichlet(rng, 5, 40, sharpness)
    args = (*listed(p, k), *listed(q, l))
    low, slack = jensen_shannon(*args), jensen_shannon_slack(*args)
    exact = jensenshannon(p, q, axis=1) ** 2
    assert (low <= exact + 1e-9).all()
    assert (exact <= low + slack + 1e-9).all()
    assert ((low >= 0) & (low <= LN2)).all()
    back = (*listed(q, l), *listed(p, k))
    np.testing.assert_allclose(jensen_shannon(*back), low, atol=1e-12)
    np.testing.assert_allclose(jensen_shannon_slack(*back), slack, atol=1e-12)


def test_equal_and_disjoint_and_the_order_of_tokens():
    rng = np.random.default_rng(1)
    p = dirichlet(rng, 20, 100, 0.1)
    ids, logp, rest = listed(p, 30)
    assert (jensen_shannon(ids, logp, rest, ids, logp, rest) == 0).all()
    order = rng.permuted(np.tile(np.arange(30), (20, 1)), axis=1)
    shuffled = np.take_along_axis(ids, order, axis=1), np.take_along_axis(logp, order, axis=1), rest
    np.testing.assert_allclose(jensen_shannon(ids, logp, rest, *shuffled), 0, atol=1e-12)
    sure = [[[3]], [[0.0]], [0.0]], [[[4]], [[0.0]], [0.0]]
    # Nothing in common, but all of it lies in one outcome: all that is known is that ln 2 may be missing.
    assert jensen_shannon(*sure[0], *sure[1])[0] == 0
    assert jensen_shannon_slack(*sure[0], *sure[1])[0] == pytest.approx(LN2)
    both = [[[3, 4]], [[0.0, -np.inf]], [0.0]], [[[3, 4]], [[-np.inf, 0.0]], [0.0]]
    assert jensen_shannon(*both[0], *both[1])[0] == pytest.approx(LN2)


def test_probabilities_that_are_no_numbers():
    ids, logp, rest = listed(dirichlet(np.random.default_rng(2), 3, 9, 1.0), 5)
    broken = logp.copy()
    broken[1, 0] = np.nan
    for function in (jensen_shannon, jensen_shannon_slack):
        assert np.isnan(function(ids, broken, rest, ids[:, ::-1], logp[:, ::-1], rest)).tolist()[::2] == [False, False]
    assert np.isnan(jensen_shannon(ids, broken, rest, ids, logp, rest)).tolist() == [False, True, False]


@pytest.mark.parametrize(
    "args",
    [
        (np.zeros((2, 3)), np.zeros((2, 2)), np.zeros(2), np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(2)),
        (np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(2), np.zeros((1, 3)), np.zeros((1, 3)), np.zeros(1)),
        (np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 1)), np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(2)),
        (np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3)),
        (np.zeros((3, 1)), np.zeros((3, 1)), np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3)),
        (np.zeros(3), np.zeros(3), np.zeros(3), np.zeros((3, 1)), np.zeros((3, 1)), np.zeros(3)),
    ],
)
def test_shapes_that_do_not_belong_together(args):
    for function in (jensen_shannon, jensen_shannon_slack):
        with pytest.raises(ValueError):
            function(*args)


def test_no_prompts_and_no_tokens():
    none = np.zeros((0, 4), int), np.zeros((0, 4)), np.zeros(0)
    assert jensen_shannon(*none, *none).shape == (0,)
    empty = np.zeros((2, 0), int), np.zeros((2, 0)), np.ones(2)
    assert (jensen_shannon(*empty, *empty) == 0).all()
    np.testing.assert_allclose(jensen_shannon_slack(*empty, *empty), LN2)
    some = np.array([[4, 5], [5, 9]]), np.log([[0.3, 0.2], [0.1, 0.4]]), np.full(2, 0.5)
    for pair in ((empty, some), (some, empty)):  # where one lists nothing, all tokens are one outcome
        assert jensen_shannon(*pair[0], *pair[1]).tolist() == pytest.approx([0, 0], abs=1e-12)
        np.testing.assert_allclose(jensen_shannon_slack(*pair[0], *pair[1]), LN2)


@pytest.mark.parametrize("sharpness", [0.02, 0.3, 5.0])
def test_roots_of_whole_distributions_give_the_divergence_and_leave_nothing_open(sharpness):
    """Distributions that hardly differ too: rounding to 16 bits is far below the least that is read."""
    rng = np.random.default_rng(0)
    p, other = dirichlet(rng, 40, 900, sharpness), dirichlet(rng, 40, 900, sharpness)
    for share in (1e-2, 0.1, 1.0):
        q = (1 - share) * p + share * other
        found, slack = divergence(*(np.sqrt(one).astype(np.float16) for one in (p, q)))
        exact = jensenshannon(p, q, axis=1) ** 2
        np.testing.assert_allclose(found, exact, rtol=0.01, atol=1e-6)
        assert (found >= 0).all()
        assert not slack.any()
    assert divergence(*[np.sqrt(p).astype(np.float16)] * 2)[0].max() == 0


def test_what_was_listed_is_read_as_it_was():
    rng = np.random.default_rng(1)
    p, q = dirichlet(rng, 5, 30, 0.5), dirichlet(rng, 5, 30, 0.5)
    for ours, theirs in zip(divergence(listed(p, 8), listed(q, 8)), both(listed(p, 8), listed(q, 8)), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_tokens_that_one_model_lacks_have_no_probability_in_it():
    rng = np.random.default_rng(0)
    p, q = dirichlet(rng, 5, 30, 0.5), dirichlet(rng, 5, 38, 0.5)
    small, large = (np.sqrt(one).astype(np.float16) for one in (p, q))
    padded = np.pad(small, ((0, 0), (0, 8)))
    np.testing.assert_array_equal(divergence(small, large), divergence(padded, large))
    np.testing.assert_array_equal(divergence(large, small), divergence(large, padded))


def test_distributions_of_other_numbers_of_prompts_are_refused():
    with pytest.raises(ValueError, match="shape"):
        divergence(np.ones((2, 3), np.float16), np.ones((3, 3), np.float16))


def test_the_slack_is_half_of_what_is_left_times_the_entropy_of_its_parts():
    """0.2 of one and 0.6 of the other are not listed: parts of 1/4 and 3/4."""
    token = np.zeros((1, 1), int)
    one, other = (token, np.log([[0.8]]), np.array([0.2])), (token, np.log([[0.4]]), np.array([0.6]))
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    np.testing.assert_allclose(jensen_shannon_slack(*one, *other), 0.8 / 2 * entropy)
    assert jensen_shannon_slack(*one, *one).tolist() == pytest.approx([0.2 * LN2])


@pytest.mark.parametrize("place", [0, 1, 2])
def test_either_side_has_to_fit_itself_and_the_other(place):
    listed_one = (np.zeros((2, 1), int), np.zeros((2, 1)), np.zeros(2))
    short = [one[:1] if number == place else one for number, one in enumerate(listed_one)]
    for pair in ((listed_one, short), (short, listed_one)):
        with pytest.raises(ValueError):
            both(*pair)


def test_the_most_probable_tokens_come_first():
    roots = np.sqrt(np.array([[0.1, 0.6, 0.3], [0.25, 0.25, 0.5]])).astype(np.float16)
    tokens, probabilities = most_probable(roots, 2)
    assert tokens.tolist() == [[1, 2], [2, 0]]
    assert probabilities == pytest.approx(np.array([[0.6, 0.3], [0.5, 0.25]]), rel=2e-3)
    listed = (np.array([[7, 9, 4]]), np.log([[0.2, 0.5, 0.1]]), np.array([0.2]))
    tokens, probabilities = most_probable(listed, 5)
    assert tokens.tolist() == [[9, 7, 4]]
    assert probabilities == pytest.approx(np.array([[0.5, 0.2, 0.1]]))
