"""Steps with a checkpoint: what can be said, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phcore.errors import Fault
from phcore.training.schedule import steps_of


@pytest.mark.parametrize(
    ("text", "last", "steps"),
    [
        ("1", 4, (1, 4)),
        ("4, 1,2", 4, (1, 2, 4)),
        ("1..4", 9, (1, 2, 3, 4, 9)),
        ("0..16/2, 24..40/8", 48, (2, 4, 6, 8, 10, 12, 14, 16, 24, 32, 40, 48)),
        ("0", 3, (3,)),  # the base model is no checkpoint
        ("every 8", 20, (8, 16, 20)),
        ("every8", 8, (8,)),
        ("every 30", 20, (20,)),
        ("log 1", 20, (20,)),
        ("log 2", 20, (1, 20)),
        ("log 7", 64, (1, 2, 4, 8, 16, 32, 64)),
        ("log 5", 1, (1,)),
        ("log 3, every 10, 15..17/2", 20, (1, 4, 10, 15, 17, 20)),
        (" 2 ..  ".replace(" ", "") + "6/4", 6, (2, 6)),
    ],
)
def test_steps(text, last, steps):
    assert steps_of(text, last) == steps


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "'' is no part"),
        ("1,,2", "'' is no part"),
        ("-1", "'-1' is no part"),
        ("1.5", "'1.5' is no part"),
        ("every", "'every' is no part"),
        ("every 0", "asks for no step"),
        ("log 0", "asks for no step"),
        ("8..2", "leads nowhere"),
        ("2..8/0", "leads nowhere"),
        ("21", "step 21 of the schedule is after the last, 20"),
        ("1..21/20", "step 21 of the schedule is after the last, 20"),
    ],
)
def test_what_is_no_schedule(text, fault):
    with pytest.raises(Fault, match=fault):
        steps_of(text, 20)


def test_no_end_of_checkpoints():
    with pytest.raises(Fault, match="more than 10,000 checkpoints"):
        steps_of("every 1", 10_001)
    with pytest.raises(Fault, match="0 training steps are none"):
        steps_of("1", 0)


@given(st.integers(1, 60), st.integers(1, 5000))
def test_log_spaced_steps_are_few_and_reach_both_ends(count, last):
    steps = steps_of(f"log {count}", last)
    assert len(steps) <= count
    assert steps[-1] == last
    assert steps[0] == (1 if count > 1 else last)
    assert all(0 < one <= last for one in steps)
    assert list(steps) == sorted(set(steps))


@pytest.mark.parametrize("text", ["every 1", "0..999999999", "log 999999999"])
def test_what_would_fill_the_memory_is_refused_before_it_does(text):
    with pytest.raises(Fault, match="more than 10,000 checkpoints"):
        steps_of(text, 10**12)
