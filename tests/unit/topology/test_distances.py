"""Wasserstein and bottleneck distances against hand values, brute force, persim, GUDHI and POT."""

import itertools
import warnings

import gudhi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phcore import Study
from phcore.errors import Fault
from phcore.topology import distances
from phcore.topology.distances import matched, matching, of_each, wasserstein

INF = float("inf")
ORDERS = NORMS = (1, 2, INF)


def wasserstein_distance(*pair, **how) -> float:
    """GUDHI's, which loads POT and torch: where it is called only, not wherever tests are collected."""
    from gudhi.wasserstein import wasserstein_distance as theirs

    return theirs(*pair, **how)


PAIRS = list(itertools.product(ORDERS, NORMS))
EMPTY = np.empty((0, 2))


@st.composite
def pairs_of_diagrams(draw, largest=8, count=2):
    """Diagrams as they come: general ones, ones with ties, H0 (births 0), very uneven bar lengths."""
    kind = draw(st.sampled_from(["free", "tied", "h0", "uneven"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    made = []
    for _ in range(count):
        n = draw(st.integers(0, largest))
        if kind == "tied":
            birth, length = rng.integers(0, 3, n), rng.integers(1, 4, n)
        elif kind == "h0":
            birth, length = np.zeros(n), rng.random(n) + draw(st.sampled_from([1e-3, 1.0]))
        elif kind == "uneven":
            birth, length = rng.random(n), 10.0 ** rng.uniform(-6, 1, n)
        else:
            birth, length = rng.random(n), rng.random(n) + 1e-3
        made.append(np.column_stack([birth, birth + length]).astype(float))
    return made


def brute_force(a, b, order, norm):
    """Every partial matching, the plain definition."""
    best = INF
    size = max(len(a), len(b))
    for k in range(min(len(a), len(b)) + 1):
        for rows in itertools.combinations(range(len(a)), k):
            for columns in itertools.permutations(range(len(b)), k):
                costs = [np.linalg.norm(a[i] - b[j], ord=norm) for i, j in zip(rows, columns, strict=True)]
                left = [a[i] for i in range(len(a)) if i not in rows]
                left += [b[j] for j in range(len(b)) if j not in columns]
                costs += [np.linalg.norm(p - p.mean(), ord=norm) for p in left]
                best = min(best, np.linalg.norm(costs, ord=order) if costs else 0.0)
    assert size == 0 or np.isfinite(best)
    return best


# --- hand values ---------------------------------------------------------------------------------

TO_DIAGONAL = {1: 1.0, 2: 2**-0.5, INF: 0.5}  # of a bar of length 1


@pytest.mark.parametrize(("order", "norm"), PAIRS)
def test_everything_goes_to_the_diagonal_of_an_empty_diagram(order, norm):
    bars = np.array([[0.0, 3.0], [1.0, 5.0]])  # lengths 3 and 4
    expected = {1: 7.0, 2: 5.0, INF: 4.0}[order] * TO_DIAGONAL[norm]
    np.testing.assert_allclose(wasserstein(bars, EMPTY, order=order, norm=norm), expected, rtol=1e-15)
    np.testing.assert_allclose(wasserstein(EMPTY, bars, order=order, norm=norm), expected, rtol=1e-15)
    assert wasserstein(EMPTY, EMPTY, order=order, norm=norm) == 0


@pytest.mark.parametrize(("norm", "expected"), [(1, 7.0), (2, 5.0), (INF, 4.0)])
@pytest.mark.parametrize("order", ORDERS)
def test_one_bar_moved_by_3_and_4(order, norm, expected):
    a, b = np.array([[100.0, 200.0]]), np.array([[103.0, 204.0]])
    assert wasserstein(a, b, order=order, norm=norm) == expected


@pytest.mark.parametrize(("order", "expected"), [(1, 12.0), (2, np.sqrt(80)), (INF, 8.0)])
def test_two_bars_moved(order, expected):
    a = np.array([[0.0, 100.0], [50.0, 150.0]])
    b = np.array([[50.0, 158.0], [0.0, 104.0]])
    np.testing.assert_allclose(wasserstein(a, b, order=order), expected, rtol=1e-15)


def test_a_short_bar_stays_with_the_diagonal():
    a = np.array([[0.0, 10.0], [5.0, 5.2]])
    b = np.array([[0.0, 10.5]])
    np.testing.assert_allclose(wasserstein(a, b, order=1, norm=INF), 0.5 + 0.1)
    np.testing.assert_array_equal(matching(a, b, order=1, norm=INF), [[0, 0]])


@pytest.mark.parametrize(("order", "norm"), PAIRS)
def test_the_note_on_conventions(order, norm):
    """The defaults are order 2 over l_2; persim's is order 1 over l_2."""
    a, b = np.array([[0.0, 2.0]]), np.array([[1.0, 3.0], [0.0, 1.0]])
    np.testing.assert_allclose(wasserstein(a, b, order=order, norm=norm), brute_force(a, b, order, norm))
    assert wasserstein(a, b) == wasserstein(a, b, order=2, norm=2)


# --- brute force and other libraries -------------------------------------------------------------


@settings(max_examples=120)
@given(pair=pairs_of_diagrams(largest=5))
def test_brute_force(pair):
    if len(pair[0]) + len(pair[1]) > 8:  # 1,546 matchings for 5 with 5: too many to repeat nine times
        pair[0] = pair[0][:3]
    for order, norm in PAIRS:
        np.testing.assert_allclose(
            wasserstein(*pair, order=order, norm=norm),
            brute_force(*pair, order, norm),
            rtol=1e-12,
            atol=1e-14,
        )


@settings(max_examples=100)
@given(pair=pairs_of_diagrams(largest=40))
def test_gudhi_and_pot(pair):
    for order, norm in itertools.product((1, 2), NORMS):
        theirs = wasserstein_distance(*pair, order=order, internal_p=norm)
        # POT sums p-th powers, so order 2 has a rounding of about the root of its own.
        np.testing.assert_allclose(wasserstein(*pair, order=order, norm=norm), theirs, rtol=1e-9, atol=1e-9)


@settings(max_examples=100)
@given(pair=pairs_of_diagrams(largest=40))
def test_gudhi_bottleneck(pair):
    a, b = pair
    # GUDHI issue 1367: its exact bottleneck can be asymmetric; the smaller of both is the distance.
    theirs = min(gudhi.bottleneck_distance(a, b), gudhi.bottleneck_distance(b, a))
    np.testing.assert_allclose(wasserstein(a, b, order=INF, norm=INF), theirs, rtol=1e-12)


@settings(max_examples=60)
@given(pair=pairs_of_diagrams(largest=30))
def test_persim(pair):
    import persim  # loads Matplotlib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about empty diagrams
        theirs = persim.wasserstein(*pair)
    np.testing.assert_allclose(wasserstein(*pair, order=1, norm=2), theirs, rtol=1e-6, atol=1e-6)


def test_large_h1_diagrams_agree_with_pot():
    rng = np.random.default_rng(0)
    birth = 10 + rng.random((2, 150))
    diagrams = [np.column_stack([b, b + rng.exponential(0.1, 150)]) for b in birth]
    for order, norm in itertools.product((1, 2), NORMS):
        theirs = wasserstein_distance(*diagrams, order=order, internal_p=norm)
        np.testing.assert_allclose(wasserstein(*diagrams, order=order, norm=norm), theirs, rtol=1e-9)


# --- metric properties ---------------------------------------------------------------------------


@settings(max_examples=100)
@given(pair=pairs_of_diagrams(), seed=st.integers(0, 100))
def test_equal_diagrams_are_exactly_zero_apart(pair, seed):
    a = pair[0] + 1000  # births where dot products would leave 1e-4
    shuffled = np.random.default_rng(seed).permutation(a)
    for order, norm in PAIRS:
        assert wasserstein(a, a, order=order, norm=norm) == 0
        assert wasserstein(a, shuffled, order=order, norm=norm) == 0


@settings(max_examples=100)
@given(pair=pairs_of_diagrams(largest=15))
def test_symmetry_and_separation(pair):
    a, b = pair
    equal = sorted(a.tolist()) == sorted(b.tolist())
    for order, norm in PAIRS:
        w = wasserstein(a, b, order=order, norm=norm)
        np.testing.assert_allclose(w, wasserstein(b, a, order=order, norm=norm), rtol=1e-12)
        assert (w == 0) == equal


@settings(max_examples=100)
@given(three=pairs_of_diagrams(largest=10, count=3))
def test_triangle_inequality(three):
    a, b, c = three
    for order, norm in PAIRS:
        ab, bc, ac = (wasserstein(x, y, order=order, norm=norm) for x, y in [(a, b), (b, c), (a, c)])
        assert ac <= (ab + bc) * (1 + 1e-9) + 1e-12


@settings(max_examples=60)
@given(pair=pairs_of_diagrams(largest=15), scale=st.floats(1e-6, 1e6), seed=st.integers(0, 100))
def test_scaling_and_order_of_rows(pair, scale, seed):
    a, b = pair
    shuffled = np.random.default_rng(seed).permutation(a)
    for order, norm in PAIRS:
        w = wasserstein(a, b, order=order, norm=norm)
        np.testing.assert_allclose(wasserstein(scale * a, scale * b, order=order, norm=norm), scale * w, rtol=1e-9)
        np.testing.assert_allclose(wasserstein(shuffled, b, order=order, norm=norm), w, rtol=1e-12)


@settings(max_examples=60)
@given(pair=pairs_of_diagrams(largest=12))
def test_orders_and_norms_are_ordered(pair):
    """l_inf <= l_2 <= l_1 on the plane and on the list of costs, hence for the distances."""
    for norm in NORMS:
        values = [wasserstein(*pair, order=order, norm=norm) for order in (INF, 2, 1)]
        assert values[0] <= values[1] * (1 + 1e-12) <= values[2] * (1 + 1e-11)
    for order in ORDERS:
        values = [wasserstein(*pair, order=order, norm=norm) for norm in (INF, 2, 1)]
        assert values[0] <= values[1] * (1 + 1e-12) <= values[2] * (1 + 1e-11)


def test_a_small_move_far_from_the_origin_keeps_its_digits():
    a = 1000 + np.sort(np.random.default_rng(1).random((30, 2)), axis=1)
    b = a + 2.0**-30
    np.testing.assert_allclose(wasserstein(a, b, order=1, norm=INF), 30 * 2.0**-30, rtol=1e-12)
    np.testing.assert_allclose(wasserstein(a, b, order=2, norm=INF), np.sqrt(30) * 2.0**-30, rtol=1e-12)


@pytest.mark.parametrize(("order", "norm"), PAIRS)
def test_h0_with_and_without_the_sorted_shortcut(order, norm):
    """The shortcut's answer must not change when one point of another birth forces the general way."""
    rng = np.random.default_rng(2)
    for smallest in (0.5, 0.01):  # 0.5: every pair beats the diagonal; 0.01: some do not
        a, b = (np.column_stack([np.zeros(25), rng.uniform(smallest, 1, 25)]) for _ in range(2))
        far = np.array([[1e3, 1e3 + 50]])  # identical in both, so it adds nothing
        general = wasserstein(np.vstack([a, far]), np.vstack([b, far]), order=order, norm=norm)
        np.testing.assert_allclose(wasserstein(a, b, order=order, norm=norm), general, rtol=1e-9)


@settings(max_examples=300)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 12), spread=st.sampled_from([0.0, 0.01, 0.3, 1.0, 3.0]))
def test_the_sorted_matching_is_called_best_where_it_is_and_nowhere_else(seed, count, spread):
    """The certificate against every partial matching in order, which is what the dynamic program goes through."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.exponential(size=count))
    y = np.sort(x * np.exp(spread * rng.normal(size=count)))
    a, b = (np.column_stack([np.zeros(count), deaths]) for deaths in (x, y))
    for order, norm in itertools.product((1, 2), NORMS):
        costs = np.abs(x - y) ** order
        best = matched(a, b, order=order, norm=norm)[1].sum()
        apart = costs.sum() - best
        if not 0 < abs(apart) <= 1e-12 * costs.sum():  # closer than that, rounding decides
            assert distances._is_best(x[None], y[None], order, 2 ** (1 / norm - 1))[0] == (apart <= 0)


@settings(max_examples=100)
@given(
    seed=st.integers(0, 2**32 - 1), counts=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    spread=st.sampled_from([0.01, 0.3, 1.0, 3.0]), apart=st.sampled_from([1, 8]), decimals=st.sampled_from([0, 1, 15]),
)  # fmt: skip
def test_h0_without_a_matching_is_what_the_best_matching_costs(seed, counts, spread, apart, decimals):
    """Also of unlike numbers of bars, of equal and of empty ones, and where nearly all go to the diagonal."""
    rng = np.random.default_rng(seed)
    x, y = (np.round(np.exp(spread * rng.normal(size=count)), decimals) for count in counts)
    y *= apart
    a, b = (np.column_stack([np.full(len(deaths), 2.0), 2 + deaths]) for deaths in (x, y))
    for norm in NORMS:
        best = matched(a, b, order=1, norm=norm)[1].sum()
        found = distances._on_a_line(a[:, 1] - 2, b[:, 1] - 2, 2 ** (1 / norm - 1))
        np.testing.assert_allclose(found, best, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(wasserstein(a, b, order=1, norm=norm), best, rtol=1e-12, atol=1e-12)
        best = np.sqrt(matched(a, b, order=2, norm=norm)[1].sum())
        np.testing.assert_allclose(wasserstein(a, b, order=2, norm=norm), best, rtol=1e-12, atol=1e-12)
        found = distances._aligned(a[:, 1] - 2, b[:, 1] - 2, 2 ** (1 / norm - 1))
        if found is not None:
            np.testing.assert_allclose(found, best, rtol=1e-12)


def test_where_all_but_nothing_cancels_what_is_matched_is_added_up():
    """x and y differ in one tiny death, which goes to the diagonal, as its partner's does not pay."""
    x = np.array([1e-9, 1.0, 2.0, 3.0])
    a, b = np.column_stack([np.zeros(4), x]), np.column_stack([np.zeros(3), x[1:]])
    assert distances._aligned(x, x[1:], 0.5) is None
    np.testing.assert_allclose(wasserstein(a, b, order=2, norm=INF), 0.5e-9, rtol=1e-12)


def test_h0_as_large_as_real_ones_agrees_with_pot_whether_the_sorted_matching_is_best_or_not():
    rng = np.random.default_rng(3)
    ways = set()
    for spread in (0.01, 0.1, 0.5, 1.0):
        a, b = (np.column_stack([np.zeros(159), np.exp(spread * rng.normal(size=159))]) for _ in range(2))
        for order, norm in itertools.product((1, 2), NORMS):
            theirs = wasserstein_distance(a, b, order=order, internal_p=norm)
            np.testing.assert_allclose(wasserstein(a, b, order=order, norm=norm), theirs, rtol=1e-9)
            ways.add(bool(distances._by_sorted_deaths(np.array([(a, b)]), order, norm)[1][0]))
    assert ways == {True, False}


def test_of_real_h0_diagrams_hardly_any_needs_more_than_sorting():
    bars = Study.open("smollm2-135m-instruct").table("bars", layer=18, degree=0)
    a, b = (bars[(bars["series"] == name) & (bars["step"] == 128)] for name in ("helpful", "harmless"))
    pairs = [
        [one.loc[one["subsample"] == number, ["birth", "death"]].to_numpy() for one in (a, b)] for number in (-1, 0)
    ]
    settled = [distances._by_sorted_deaths(np.array([pair]), 2, 2)[1] for pair in pairs if len(pair[0])]
    assert sum(map(np.sum, settled)) >= len(settled) - 1
    for pair in pairs:
        np.testing.assert_allclose(wasserstein(*pair), wasserstein_distance(*pair, order=2, internal_p=2), rtol=1e-9)


@settings(max_examples=60)
@given(drawn=st.lists(pairs_of_diagrams(largest=9), max_size=6), seed=st.integers(0, 2**32 - 1))
def test_many_pairs_at_once_have_the_distances_that_each_has_alone(drawn, seed):
    """To the bit: what is in the archive must not depend on how many subsamples a study has."""
    rng = np.random.default_rng(seed)
    for spread in (0.01, 0.3, 2.0):  # sorting settles all, most, hardly any of these
        x = np.exp(spread * rng.normal(size=(3, 2, 17)))
        drawn += [tuple(np.column_stack([np.zeros(17), deaths]) for deaths in both) for both in x]
    drawn.append((drawn[-1][0], drawn[-1][0][::-1]))
    for order, norm in PAIRS:
        alone = [wasserstein(*pair, order=order, norm=norm) for pair in drawn]
        assert of_each(*zip(*drawn, strict=True), order=order, norm=norm) == alone
        assert alone[-1] == 0.0
    assert of_each([], []) == []


def test_many_pairs_that_sorting_settles_are_not_gone_through_one_by_one(monkeypatch):
    """Of real H0 diagrams nearly all: in a loop the calls of numpy take ten times what they compute."""
    x = np.exp(0.1 * np.random.default_rng(0).normal(size=(64, 2, 159)))
    a, b = np.stack([np.zeros_like(x), x], axis=-1).swapaxes(0, 1)
    solved = []
    monkeypatch.setattr(distances, "_solved", lambda *given: solved.append(given))
    assert len(of_each(a, b)) == 64
    assert not solved


# --- the matching --------------------------------------------------------------------------------


@settings(max_examples=80)
@given(pair=pairs_of_diagrams(largest=15))
def test_the_matching_costs_what_the_distance_says(pair):
    a, b = pair
    for order, norm in itertools.product((1, 2), NORMS):
        pairs = matching(a, b, order=order, norm=norm)
        assert len(np.unique(pairs[:, 0])) == len(np.unique(pairs[:, 1])) == len(pairs)
        left = np.concatenate([np.delete(a, pairs[:, 0], axis=0), np.delete(b, pairs[:, 1], axis=0)])
        moves = np.concatenate([a[pairs[:, 0]] - b[pairs[:, 1]], left - left.mean(axis=1, keepdims=True)])
        cost = np.linalg.norm(np.linalg.norm(moves, ord=norm, axis=1), ord=order) if len(moves) else 0.0
        np.testing.assert_allclose(cost, wasserstein(a, b, order=order, norm=norm), rtol=1e-9, atol=1e-12)


def test_a_bottleneck_matching_is_not_offered():
    for function in (matching, matched):
        with pytest.raises(Fault, match="unique"):
            function(EMPTY, EMPTY, order=INF)


def test_what_each_pair_pays_by_hand():
    a = np.array([[5.0, 5.2], [0.0, 10.0], [20.0, 30.0]])
    b = np.array([[20.0, 33.0], [0.0, 10.0]])
    pairs, costs, shares = matched(a, b, order=2, norm=INF)
    assert pairs.tolist() == [[2, 0], [0, -1], [1, 1]]
    np.testing.assert_allclose(costs, [9, 0.01, 0], atol=1e-12)
    np.testing.assert_allclose(shares, [9 / 9.01, 0.01 / 9.01, 0], atol=1e-12)
    pairs, costs, shares = matched(EMPTY, b[:1], order=1, norm=INF)
    assert pairs.tolist() == [[-1, 0]]
    assert costs.tolist() == [6.5]
    assert shares.tolist() == [1]
    assert [len(part) for part in matched(EMPTY, EMPTY)] == [0, 0, 0]


@settings(max_examples=80)
@given(pair=pairs_of_diagrams(largest=15))
def test_what_the_pairs_pay_adds_up_to_the_distance(pair):
    a, b = pair
    for order, norm in itertools.product((1, 2), NORMS):
        pairs, costs, shares = matched(a, b, order=order, norm=norm)
        distance = wasserstein(a, b, order=order, norm=norm)
        np.testing.assert_allclose(costs.sum() ** (1 / order), distance, rtol=1e-9, atol=1e-12)
        for side, diagram in enumerate(pair):
            assert sorted(pairs[pairs[:, side] >= 0, side]) == list(range(len(diagram)))
        assert (pairs >= 0).any(axis=1).all()
        assert (np.diff(costs) <= 0).all()
        assert shares.sum() == pytest.approx(float(distance > 0))
        for (i, j), cost in zip(pairs, costs, strict=True):
            near = a[i] if i >= 0 else np.repeat(b[j].mean(), 2)
            far = b[j] if j >= 0 else np.repeat(a[i].mean(), 2)
            assert cost == pytest.approx(np.linalg.norm(near - far, ord=norm) ** order, rel=1e-9, abs=1e-14)


@settings(max_examples=80)
@given(pair=pairs_of_diagrams(), seed=st.integers(0, 100))
def test_equal_diagrams_are_matched_at_no_cost(pair, seed):
    a = pair[0] + 1000
    b = np.random.default_rng(seed).permutation(a)
    pairs, costs, shares = matched(a, b)
    np.testing.assert_array_equal(a[pairs[:, 0]], b[pairs[:, 1]])
    assert sorted(pairs[:, 0]) == sorted(pairs[:, 1]) == list(range(len(a)))
    assert costs.tolist() == shares.tolist() == [0] * len(a)


def test_equal_bars_are_matched_where_costs_cannot_tell_them_from_their_neighbours():
    births = 1000 + 2.0**-43 * np.arange(6)  # neighbours in floating point
    a = np.column_stack([births, 1001 + 0 * births])
    for b in (a, a[::-1]):
        pairs, costs, _ = matched(a, b)
        np.testing.assert_array_equal(a[pairs[:, 0]], b[pairs[:, 1]])
        assert not costs.any()


def test_a_distance_too_small_to_square_has_no_shares():
    pairs, costs, shares = matched(np.array([[0.0, 1e-300]]), EMPTY)
    assert pairs.tolist() == [[0, -1]]
    assert costs.tolist() == shares.tolist() == [0]


# --- nasty input ---------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [[[0.0, INF]], [[np.nan, 1.0]]])
def test_infinite_and_nan_bars_are_refused(bad):
    with pytest.raises(Fault, match="never dies"):
        wasserstein(np.array(bad), EMPTY)
    with pytest.raises(Fault, match="never dies"):
        wasserstein(EMPTY, np.array(bad))


@pytest.mark.parametrize(("order", "norm"), [(0.5, 2), (3, 2), (2, 3), (np.nan, 2), (2, 0)])
def test_other_exponents_are_refused(order, norm):
    with pytest.raises(Fault, match="not offered"):
        wasserstein(EMPTY, EMPTY, order=order, norm=norm)


@pytest.mark.parametrize(("order", "norm"), PAIRS)
def test_bars_of_very_different_length(order, norm):
    a = np.array([[0.0, 1e-300], [0.0, 1e-9], [0.0, 1.0], [5.0, 1e6]])
    b = np.array([[0.0, 2e-9], [0.0, 1.0], [5.0, 1e6 + 1]])
    w = wasserstein(a, b, order=order, norm=norm)
    np.testing.assert_allclose(w, brute_force(a, b, order, norm), rtol=1e-12)
