import numpy as np
import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.figures.figure import Choice
from phcore.figures.mixture import _lines, _words, answer, more, numbers
from phcore.figures.registry import FIGURES
from tests.unit.figures import hand_made
from tests.unit.figures.hand_made import Tables, among_others, drawn, given, record_of, rows

STEPS = [0, 1, 2, 4]


def between(rows: pd.DataFrame, **look):
    return drawn("mixture", given(rows=rows), **{"steps": STEPS} | look)


@pytest.fixture
def mixture():
    """Parts that cannot be told apart at step 1; then between them, then beyond part b."""
    return pd.DataFrame(
        {
            "series": "both", "part_a": "run a", "part_b": "run b",
            "objective": "mixed", "objective_a": "helpful", "objective_b": "harmless",
            "step": STEPS,
            "along": [np.nan, -7.0, 0.25, 1.5],
            "off": [np.nan, 0.1, 1.0, 2.0],
            "to_a": [0.0, 0.7, 2.7, 15.1],
            "to_b": [0.0, 0.8, 7.6, 5.4],
            "a_to_b": [0.0, 0.1, 10.0, 10.0],
            "floor": [1.0, 1.0, 1.0, 1.0],
        }
    )  # fmt: skip


def test_the_answer_counts_only_steps_at_which_the_parts_are_apart(mixture):
    assert answer(given(rows=mixture)) == (
        "both ends outside of them, 150 % of the way from run a to run b (50 % in the middle)."
    )
    assert more(given(rows=mixture)) == (
        "At step 4 both lies 2.00 off the line between its parts, which is 10.0 long (floor 1.00). It lies between "
        "them at 1 of the 2 steps at which they are farther apart than their floor (the filled dots)."
    )
    far_off = mixture.assign(off=30.0, to_a=30.1, to_b=30.9)
    assert "at 0 of the 2 steps" in more(given(rows=far_off))
    assert more(given(rows=mixture.assign(floor=99.0))) == ""
    assert "cannot be told" in answer(given(rows=mixture.assign(floor=99.0)))


def test_both_panels_share_the_step_and_its_selection(mixture, shape):
    spec = between(mixture, step=2).to_dict()
    params = {param["name"]: param for param in spec["params"]}
    names = [layer["name"] for panel in spec["hconcat"] for layer in panel["layer"] if "name" in layer]
    assert params["step"]["views"] == names
    assert len(set(names)) == 2
    shapes = {shape(between(mixture, step=step)) for step in (None, *STEPS)}
    assert len(shapes) == 1


def test_parts_and_distances_have_their_names(mixture, render):
    svg = render(between(mixture, step=2))
    for words in ("Does both lie between run a and run b?", ">run a<", ">run b<", ">to run a<", ">off the line<",
                  ">floor<", ">run a to run b<"):  # fmt: skip
        assert words in svg
    assert "NaN" not in svg


def test_distances_are_curves_where_they_are_known(mixture):
    names = {"to_a": ("to the first", "#111"), "off": ("off the line", "#222")}
    found = _lines(mixture.assign(along=np.nan), names)
    assert found[["series", "colour", "key", "step", "mean"]].to_numpy().tolist() == [
        *(["to the first", "#111", "to_a", step, far] for step, far in zip(STEPS, mixture["to_a"], strict=True)),
        ["off the line", "#222", "off", 1, 0.1], ["off the line", "#222", "off", 2, 1.0],
        ["off the line", "#222", "off", 4, 2.0],
    ]  # fmt: skip


def test_mixture_of_one_and_nasty_names(mixture, render):
    for part in (
        mixture.set_axis([0] * len(mixture)),
        mixture.tail(1),
        mixture.assign(series="<b>", part_a="a'\"\\"),
    ):
        assert "<b>" not in render(between(part), dark=True)


# --- what is read -----------------------------------------------------------------------------------


def table():
    """Every series between the two others, at the base and at two steps."""
    names = "series part_a part_b step to_a to_b a_to_b floor along off"
    between = [("a", "a2", "b"), ("a2", "a", "b"), ("b", "a", "a2")]
    values = [(*names, step, 1.0, 2.0, 3.0, 0.5, 0.25, 0.75) for names in between for step in (0, 1, 2)]
    return rows(names, *values, degree=None, order=None, norm=None)


@pytest.fixture
def results():
    return Tables({"mixture": among_others(table(), "along")})


def test_what_calls_itself_a_mixture_is_shown_and_else_the_last(results):
    data = hand_made.read("mixture", results)
    assert data.rows[["series", "part_a", "part_b", "objective", "objective_a", "objective_b"]].iloc[0].tolist() == [
        "b", "a", "a2", "harmless", "helpful", "helpful"
    ]  # fmt: skip
    assert data.rows[["step", "along"]].to_numpy().tolist() == [[1, 0.25], [2, 0.25]]
    mixed = Tables(results.given, record_of({"a": "helpful", "a2": "Mixed", "b": "harmless"}))
    assert hand_made.read("mixture", mixed).rows["series"].unique().tolist() == ["a2"]
    chosen = hand_made.read("mixture", results, series="a", first="a2", second="b").rows
    assert chosen[["series", "part_a", "part_b"]].drop_duplicates().to_numpy().tolist() == [["a", "a2", "b"]]
    both = pd.concat([table(), table().replace({"part_b": {"a2": "c"}}).assign(along=0.5)])  # b between a and c, too
    others = hand_made.read("mixture", Tables({"mixture": both}), series="b", first="a", second="a2").rows
    assert others[["part_a", "part_b", "along"]].drop_duplicates().to_numpy().tolist() == [["a", "a2", 0.25]]
    with pytest.raises(Fault, match="a shares no step with both b and a2"):
        hand_made.read("mixture", results, series="a", first="b", second="a2")
    with pytest.raises(Fault, match="three series that share a step"):
        hand_made.read("mixture", Tables({"mixture": table().query("step == 0")}))


def test_mixtures_and_parts_that_can_be_chosen(results):
    name, parts = FIGURES["mixture"].controls
    choice = Choice.of(results, layer=6, series="b")
    assert name.options(results, choice) == ["a", "a2", "b"]
    assert name.default(results, choice, ["a", "a2", "b"]) == "b"
    assert parts.options(results, choice) == [("a", "a2")]


def test_a_mixture_in_numbers(mixture):
    found = numbers(given(rows=mixture))
    assert found.caption == "Where both lies"
    assert found.header == ["step", "along", "off the line", "to run a", "to run b", "run a to run b"]
    assert found.rows[2] == ["2", "0.25", "1.00", "2.70", "7.60", "10.0"]


def test_what_is_told_of_a_step(mixture):
    words = _words(mixture)
    assert {name: one[2] for name, one in words.items()} == {
        "off_words": "1.00", "a_words": "2.70", "b_words": "7.60", "parts_words": "10.0", "floor_words": "1.00",
        "along_words": "25 %", "step_words": "2",
    }  # fmt: skip
    assert words["along_words"][0] == "–"


def test_a_mixture_at_an_end_is_not_between(mixture):
    for along, to_a, to_b, inside in ((0.0, 1.0, 9.0, 0), (1.0, 9.0, 1.0, 0), (0.5, 10.0, 9.0, 0), (0.5, 9.9, 9.9, 1)):
        one = mixture.tail(1).assign(along=along, to_a=to_a, to_b=to_b)
        assert f"at {inside} of the 1 steps" in more(given(rows=one))
        assert ("ends between them" in answer(given(rows=one))) == bool(inside)
    assert "cannot be told" in answer(given(rows=mixture.assign(floor=mixture["a_to_b"])))
