"""Windows of one length: where the grid has them, and what it lacks where it has none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phcore.analysis import windows as w
from phcore.analysis.windows import COVERED, FEWEST_RATES, MOST_RATES, QUARTERS, quarters, rates

LOG = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
SHIPPED = (0, 1, 2, 4, 8, 12, 16, 24, 32, 48, 64)


@pytest.mark.parametrize(
    ("steps", "ends", "missing"),
    [
        (SHIPPED, (0, 16, 32, 48, 64), ()),
        (LOG, (), (384,)),
        (range(0, 190, 10), (0, 40, 80, 120, 160), ()),  # 180 is no multiple of four: the run but for its last steps
        (range(0, 11), (0, 2, 4, 6, 8), ()),
        ((0, 50, 100, 150, 187), (), (46, 92, 138, 184)),
        ((0, 4), (), (1, 2, 3)),
        ((0, 1, 2, 3, 4), (0, 1, 2, 3, 4), ()),
        ((0, 3, 4, 6, 8, 9, 12, 16), (0, 4, 8, 12, 16), ()),  # and not to step 12 alone
        ((0, 28, 32), (), (8, 16, 24)),  # of equally few, those that reach farthest
        ((0, 40, 199), (), (80, 120, 160)),
        ((0, 20, 26), (), (5, 10, 15)),  # a checkpoint at the fourth end
        ((0, 15, 26), (), (5, 10, 20)),  # or at the third
        (
            (0, 4, 9, 15),
            (),
            (3, 6, 12),
        ),  # (0, 2, 4, 6, 8) would be less than three quarters of it
        ((0, 3), (), ()),  # too short for four
        ((1, 2, 3, 4), (), ()),  # no base
        ((0,), (), ()),  # nothing but the base
        ((), (), ()),
    ],
)
def test_quarters_by_hand(steps, ends, missing):
    found = quarters(tuple(steps))
    assert (found.ends, found.missing) == (ends, missing)
    assert bool(found) == bool(ends)


@pytest.mark.parametrize(
    ("steps", "ends", "missing"),
    [
        (SHIPPED, (), (40,)),  # to step 48, in windows of eight
        (range(0, 70, 10), tuple(range(0, 70, 10)), ()),
        ((0, 1, 2, 3, 5, *range(10, 101, 10)), tuple(range(0, 101, 10)), ()),
        (LOG, (), (192, 320, 384)),
        (range(6), (), ()),
        ((), (), ()),
        (range(0, 501, 10), tuple(range(0, 481, 10)), ()),  # no more than 48
    ],
)
def test_rates_by_hand(steps, ends, missing):
    found = rates(tuple(steps))
    assert (found.ends, found.missing) == (ends, missing)


@given(st.sets(st.integers(1, 400), min_size=1, max_size=40), st.sampled_from([quarters, rates]))
def test_windows_are_of_one_length_and_what_is_missing_would_do(steps, cut):
    grid = sorted({0, *steps})
    found = cut(grid)
    if found.ends:
        count = len(found.ends) - 1
        assert count == QUARTERS if cut is quarters else FEWEST_RATES <= count <= MOST_RATES
        assert set(found.ends) <= set(grid)
        assert {b - a for a, b in zip(found.ends, found.ends[1:], strict=False)} == {found.length}
        assert COVERED * grid[-1] <= found.ends[-1] <= grid[-1]
        assert not found.missing
    elif found.missing:
        assert not set(found.missing) & set(grid)
        mended = cut(sorted({*grid, *found.missing}))
        assert mended.ends
        assert mended.length == found.length


# --- equal learning rate ----------------------------------------------------------------------------


def sums(rates):
    """Of each step's rate, from step 0 on."""
    return np.concatenate([[0], np.cumsum(rates)])


TOTAL = 480
STEP = np.arange(1, TOTAL + 1)
RATES = {
    "constant": np.ones(TOTAL),
    "warm-up": np.minimum(1, STEP / 120),
    "linear": 1 - (STEP - 1) / TOTAL,
    "cosine": (1 + np.cos(np.pi * STEP / TOTAL)) / 2,
}


@pytest.mark.parametrize("name", RATES)
def test_windows_of_equal_learning_rate_are_nearly_equal_and_the_first_is_no_longer(name):
    learned = sums(RATES[name])
    steps = list(range(0, TOTAL + 1, 2))
    found = w.by_learning(steps, learned[steps], (4,))
    lengths = np.diff(learned[list(found.ends)])
    assert len(lengths) == 4
    assert (lengths >= lengths[0] * (1 - 1e-6)).all()
    assert (lengths <= lengths[0] * 1.1).all()
    assert learned[found.ends[-1]] >= 0.75 * learned[-1]
    first = found.ends[1] / found.ends[-1]
    assert (first == 0.25) if name == "constant" else (first > 0.25) if name == "warm-up" else (first < 0.25)


def test_a_constant_rate_has_the_windows_of_the_steps():
    steps = list(range(0, 481, 40))
    assert w.by_learning(steps, [5e-4 * step for step in steps], (4,)).ends == w.quarters(steps).ends


@pytest.mark.parametrize(("last", "ends"), [(43, (0, 10, 20, 31, 42)), (46, ())])
def test_no_window_of_learning_rate_is_longer_than_the_first_by_more_than_a_tenth(last, ends):
    steps = [0, 10, 20, 31, last - 1]
    assert w.by_learning(steps, steps, (4,)).ends == ends


@pytest.mark.parametrize("steps", [[0, 480], [0, 1, 2, 4, 8, 16, 480], [0]])
def test_grids_without_windows_of_equal_learning_rate(steps):
    assert not w.by_learning(steps, steps, (4,))
    assert not w.by_learning(steps, [0.0] * len(steps), (4,))
