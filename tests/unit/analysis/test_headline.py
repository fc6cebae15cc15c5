"""What is said of planted studies: the kind of change, whose, by how much, and what is never said."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from phcore.analysis.headline import (
    EMPTY,
    MOVED,
    NOTHING,
    SHAPE,
    SIZE,
    Change,
    by_objective,
    headline,
)

STILL = {"moved": 0.0, "shape": 0.0, "groups": 0.0, "loops": 0.0}


def change(objective, size=0.0, **values):
    return Change(objective, size, **STILL | values)


def test_size_of_three_objectives():
    found = headline(
        [
            change("helpful", 0.052, moved=2),
            change("harmless", -0.305, moved=9, first=0.68),
            change("mixed", -0.12, moved=5),
        ],
        runs=3,
    )
    assert found.kind == SIZE
    assert found.title == (
        "Training for harmless pulled the prompts 30 % closer together, mixed 12 %; "
        "helpful pushed them 5 % further apart"
    )
    assert found.second == (
        "68 % of that movement came in the first quarter of training, 25 % if even.",
        "Divide out the size and nothing is left beyond the noise.",
        "One run per objective: whether another run would do the same cannot be told.",
    )


def test_what_is_left_when_size_is_divided_out():
    found = headline([change("a", 0.2, moved=4, shape=1.2), change("b", 0.1, moved=4, shape=3.04)])
    assert found.title == "Training for a pushed the prompts 20 % further apart, b 10 %"
    assert found.second == ("Divide out the size and 3.0 times the noise is left, most of it for b.",)


def test_a_change_of_size_within_the_noise_is_none():
    """The median distance changed by a third, but so it would with other prompts."""
    assert headline([change("a", -0.3)]).kind == NOTHING
    found = headline([change("a", -0.3), change("b", 0.1, moved=2)])
    assert found.title == "Training for b pushed the prompts 10 % further apart; a moved them no further than the noise"
    found = headline([change("a", 0.002, moved=2), change("b", 0.1, moved=2)])
    assert found.title.endswith("; a hardly changed how far apart they are")


@pytest.mark.parametrize(
    ("groups", "loops", "words"),
    [(1.1, 4.0, ", most of all its loops, and"), (4.0, 1.1, ", most of all how its groups hang together, and")],
)
def test_shape_alone(groups, loops, words):
    found = headline([change("a", 0.004, moved=3, shape=14.3, groups=groups, loops=loops), change("b")])
    assert found.kind == SHAPE
    assert words in found.title
    assert "for a " in found.title
    assert found.second == ("It is 14 times what another choice of prompts would change.",)


def test_a_shape_that_neither_loops_nor_groups_have_alone_is_said_to_be_neither():
    found = headline([change("a", 0.004, moved=3, shape=1.1), change("b")])
    assert found.title == "Training for a changed the shape of the cloud of prompts and hardly its size"


def test_one_objective_is_not_named_against_others():
    assert headline([change("run", -0.1, moved=2)]).title == "Training pulled the prompts 10 % closer together"


def test_movement_that_is_neither():
    found = headline([change("a", 0.001, moved=1.4)])
    assert (found.kind, found.second) == (MOVED, ())
    assert found.title == (
        "Training for a moved the prompts, by more than another choice of them would, but hardly their size or shape"
    )
    most = headline([change("a", 0.001, moved=1.4), change("b", moved=1.6), change("c", moved=1.5)])
    assert most.title.startswith("Training for b moved the prompts")


def test_a_change_of_size_is_one_from_a_hundredth_on():
    assert headline([change("a", 0.01, moved=1.4)]).kind == SIZE
    assert headline([change("a", -0.01, moved=1.4)]).kind == SIZE
    assert headline([change("a", 0.0099, moved=1.4)]).kind == MOVED


def test_nothing_moved_and_nothing_there():
    assert headline([change("a"), change("b")]).kind == NOTHING
    assert headline([]).kind == EMPTY


@pytest.mark.parametrize(
    ("apart", "words"), [(True, "objectives can be told apart (p = 0.0036)"), (False, "is open (p = 0.0036)")]
)
def test_whole_runs_have_the_last_word(apart, words):
    found = headline([change("a", -0.2, moved=3), change("b", moved=0)], runs=6, p=0.0036, apart=apart)
    assert words in found.words
    assert "Over 6 runs" in found.words
    assert "One run" not in found.words


# --- from the table ---------------------------------------------------------------------------------


def rows(series, last, moved=5.0, floor=1.0, size=0.7):
    steps = [0, 4, last]
    values = {name: [0.0, moved / 2, moved] for name in ("moved", "shape", "groups", "loops")}
    floors = {f"{name}_floor": [0.0, floor, floor] for name in values}
    return pd.DataFrame({"series": series, "step": steps, "size": [1.0, 0.9, size], **values, **floors})


def test_runs_of_an_objective_are_averaged_at_their_last_step():
    table = pd.concat([rows("a", 12), rows("a2", 16, moved=3, size=0.9), rows("b", 8, size=1.1)])
    first, second = by_objective(table, {"a": "A", "a2": "A", "b": "B"}, {"a": 0.5, "a2": 0.7, "b": 0.1})
    assert (first.objective, second.objective) == ("A", "B")
    assert first.size == pytest.approx(-0.2)
    assert (first.moved, first.first) == pytest.approx((4, 0.6))
    assert second.size == pytest.approx(0.1)
    third = pd.concat([table, rows("a3", 14)])
    runs = by_objective(third, {"a": "A", "a2": "A", "a3": "A"}, {"a": 0.5, "a2": 0.7, "a3": 0.9, "b": 0.1})
    assert runs[0].first == pytest.approx(0.7)
    shares = {"a": 0.3, "a2": 0.3, "a3": 0.9}
    assert by_objective(third, dict.fromkeys(shares, "A"), shares)[0].first == pytest.approx(0.5)


def test_a_run_under_way_says_nothing_of_the_end():
    whole = by_objective(rows("a", 16, moved=3), {"a": "A"}, {"a": 0.4})
    for step in (1, 8, 11):
        table = pd.concat([rows("a", 16, moved=3), rows("a2", step, moved=0.1, size=1.5)])
        assert by_objective(table, {"a": "A", "a2": "A"}, {"a": 0.4, "a2": 0.9}) == whole
    of_others = pd.concat([rows("a", 16, moved=3), rows("b", 2, moved=0.1)])
    assert [one.objective for one in by_objective(of_others, {"a": "A", "b": "B"})] == ["A", "B"]


def test_one_run_within_the_noise_leaves_its_objective_there():
    table = pd.concat([rows("a", 8), rows("a2", 8, moved=0.9)])
    assert by_objective(table, {"a": "A", "a2": "A"})[0].moved == 0
    at_it = pd.concat([rows("a", 8), rows("a2", 8, moved=1.0)])  # at its floor is within it
    assert by_objective(at_it, {"a": "A", "a2": "A"})[0].moved == 0


def test_runs_of_one_objective_that_disagree_are_said_to():
    """Not that nothing moved where a chart shows that something did."""
    b = [rows("b", 8), rows("b2", 8)]
    runs = {"a": "A", "a2": "A", "b": "B", "b2": "B"}
    split, whole = by_objective(pd.concat([rows("a", 8), rows("a2", 8, moved=0.9), *b]), runs)
    assert split.split == {"moved", "shape", "groups", "loops"}
    assert whole.split == frozenset()
    assert "A moved them beyond the noise in some runs only" in headline([split, whole], 4).title
    assert headline([split], 2).title == "No objective moved the prompts beyond the noise in all of its runs"
    still = by_objective(pd.concat([rows("a", 8, moved=0.5), rows("a2", 8, moved=0.9)]), runs)[0]
    assert still.split == frozenset()
    assert headline([still], 2).title.startswith("Training moved nothing here")
    assert "A moved them no further than the noise" in headline([still, whole], 4).title
    shape = replace(whole, shape=0.0, groups=0.0, loops=0.0, split=frozenset({"shape"}))
    assert "what is left is beyond the noise in some runs only" in headline([shape], 2).words
    assert "nothing is left beyond the noise" in headline([replace(shape, split=frozenset())], 2).words


def test_what_is_not_finite_is_not_spoken_of():
    assert by_objective(rows("a", 8, size=np.nan), {"a": "A"}) == []
    assert by_objective(rows("a", 8, floor=np.nan), {"a": "A"})[0].moved == 0
    assert by_objective(rows("a", 8).iloc[:1], {"a": "A"}) == []
