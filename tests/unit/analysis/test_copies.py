"""Copies of a run are no further runs."""

from phcore.analysis.copies import distinct


def test_series_with_equal_weights_at_a_step_are_one_run():
    weights = {
        "a": {0: "base", 1: "x", 2: "y"},
        "copy": {0: "base", 1: "x", 2: "y"},
        "branch": {0: "base", 1: "x", 2: "other"},
        "own": {0: "base", 1: "z", 2: "w"},
    }
    assert distinct(weights) == {"a": "a", "copy": "a", "branch": "a", "own": "own"}


def test_the_base_and_the_same_weights_at_another_step_make_no_copy():
    assert distinct({"a": {0: "base", 2: "x"}, "b": {0: "base", 4: "x"}}) == {"a": "a", "b": "b"}
    assert distinct({"a": {0: "base"}, "b": {0: "base"}}) == {"a": "a", "b": "b"}


def test_unknown_weights_equal_none():
    assert distinct({"a": {1: ""}, "b": {1: ""}}) == {"a": "a", "b": "b"}
    assert distinct({}) == {}


def test_two_runs_are_one_through_a_third():
    weights = {"a": {1: "x", 2: "p"}, "b": {1: "y", 2: "q"}, "c": {1: "x", 2: "q"}, "d": {2: "q"}}
    assert distinct(weights) == {"a": "a", "b": "a", "c": "a", "d": "a"}
