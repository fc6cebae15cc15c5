"""What every figure is made of: choices, looks, tables as words, titles."""

from dataclasses import fields
from types import SimpleNamespace

import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.figures import registry
from phcore.figures.behaviour import NAMES
from phcore.figures.figure import Choice, Figure, Look, by_step, fixed, listed, sentence, title
from phcore.figures.reading import labelled
from phcore.figures.registry import FIGURES
from phcore.figures.shown import shown
from tests.unit.figures.hand_made import Tables, record_of, rows


def test_a_choice_is_the_studys_own_but_for_what_is_asked():
    results = Tables(record=record_of(order=1.0, scale="median"))
    own = Choice.of(results)
    assert (own.degree, own.order, own.scale, own.layer) == (1, 1.0, "median", 12)  # of two layers the deeper
    asked = Choice.of(results, degree=0, order=2.0, scale="raw", layer=6, step=4)
    assert (asked.degree, asked.order, asked.scale, asked.layer, asked.step) == (0, 2.0, "raw", 6, 4)
    assert Choice.of(results, layer=None).layer == 12


@pytest.mark.parametrize(
    ("asked", "fault", "hint"),
    [
        ({"shape": 1}, "there is nothing called 'shape' to choose", "Choose from: across, behaviour, beside, between"),
        ({"layer": 7}, "layer 7 is not in this study", "Choose one of: 6, 12"),
        ({"degree": 2}, "there is no degree 2", "Choose one of: 0, 1"),
        ({"scale": "log"}, "there is no scale 'log'", "Choose one of: raw, median"),
    ],
)
def test_what_does_not_exist_cannot_be_chosen(asked, fault, hint):
    with pytest.raises(Fault) as raised:
        Choice.of(Tables(), **asked)
    assert raised.value.fault == fault
    assert raised.value.hint.startswith(hint)


def test_a_figure_keeps_what_it_uses_alone():
    results = Tables()
    kept = Choice.of(results, layer=6, step=4, per="step").only(("layer",))
    assert (kept.layer, kept.step, kept.per) == (6, None, "transition")
    assert kept == Choice.of(results, layer=6, order=1.0, degree=0).only(("layer",))


def test_objectives_that_are_left_out_are_in_no_table_and_no_series():
    kept = Choice.of(Tables(), without=("harmless",)).only(("layer",))
    assert kept.without == ("harmless",)  # whatever a figure uses
    own = Tables(
        {"velocities": rows("series step_from step subsample value", ("a", 0, 1, 0, 1.0), ("b", 0, 1, 0, 2.0))}
    )
    assert set(FIGURES["velocity"].data(own, Choice.of(own, layer=6)).curve["series"]) == {"a", "b"}
    part = FIGURES["velocity"].data(own, Choice.of(own, layer=6, without=("harmless",)))
    assert set(part.curve["series"]) == {"a"}
    seen = shown(own, ("harmless",))
    assert [one.name for one in seen.record.series] == ["a", "a2"]
    table = seen.table("velocities")
    assert (list(table), list(table.index)) == (list(own.table("velocities")), [0])
    assert seen.study is seen.record.study
    assert shown(own, ()) is own
    assert shown(own, ("helpful", "harmless")) is own  # nothing would be left


def test_the_answer_of_a_figure_stands_in_large_letters_below_its_question():
    for width, size in ((1100, 22), (540, 17)):
        chart = Look.of(Tables(), width=width).framed("How far?", "So far.")
        title = chart["title"].to_dict()
        assert (title["text"], title["subtitle"]) == (["How far?"], ["So far."])
        assert (title["fontSize"], title["subtitleFontSize"]) == (13, size)
        assert (title["fontWeight"], title["subtitleFontWeight"]) == ("normal", "bold")
        assert chart["autosize"].to_dict() == {"type": "pad", "contains": "padding"}  # plots keep their size
    words = " ".join(["a long answer"] * 12)
    assert len(Look.of(Tables(), width=1100).framed("How?", words)["title"].to_dict()["subtitle"]) == 2
    assert chart["config"]["axis"]["labelFontSize"] == 14
    assert Look.of(Tables()).framed("How?", "So.", small=True)["config"]["axis"]["labelFontSize"] == 12


def test_as_many_panels_stand_in_a_row_as_have_room():
    look = Look.of(Tables(), width=900)
    assert (look.columns(5, 5), look.columns(3, 5), look.columns(9, 4)) == (5, 3, 4)
    assert Look.of(Tables(), width=340).columns(5, 5) == 2
    assert Look.of(Tables(), width=280).columns(5, 5, 300) == 1


def test_studies_side_by_side_share_steps_and_colours():
    own, other = Tables(), Tables(record=record_of({"c": "other", "d": "helpful"}, (3, 4)))
    look = Look.of(own, other, width=500)
    assert look.steps == (0, 1, 2, 3, 4)
    assert look.objectives == ("helpful", "harmless", "other")
    assert (look.width, look.log) == (500, True)
    assert look.said("own?", "own.") == ("own?", "own.")
    assert Look.of(own, question="Q?").said("own?", "own.") == ("Q?", "own.")
    assert Look.of(own, answer="").said("own?", "own.") == ("own?", "")
    paper = FIGURES["velocity"].look(own)
    assert (paper.step, paper.height, paper.width) == (4, 230, 900)


def test_tables_as_words():
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    found = listed("C", table, {"one": lambda row: f"{row.a}!", "two": lambda row: row.b})
    assert (found.caption, found.header, found.rows) == ("C", ["one", "two"], [["1!", "x"], ["2!", "y"]])


def test_steps_stand_across_in_their_order_and_rows_in_that_of_the_table():
    table = pd.DataFrame({"series": ["b", "a", "b"], "layer": [6, 12, 6], "step": [1000, 2, 2]})
    found = by_step("C", table, ["series", "layer"], ["p", "q", "r"])
    assert found.header == ["series", "layer", "2", "1,000"]
    assert found.rows == [["b", "6", "r", "p"], ["a", "12", "q", "–"]]
    assert by_step("C", table.head(2), ["series"], ["p", "q"]).rows == [["b", "–", "p"], ["a", "q", "–"]]


def test_the_title_of_a_chart_and_a_fault_in_words():
    assert title({"title": {"text": ["How", "far?"], "subtitle": "So far."}}) == ("How far?", "So far.")
    assert title({"title": "Alone"}) == ("Alone", "")
    assert title({}) == ("", "")
    assert sentence(Fault("nothing is there", "look elsewhere")) == "Nothing is there. Look elsewhere."
    assert sentence(Fault("nothing is there", "")) == "Nothing is there."
    assert fixed(1, 2)(None, None) == (1, 2)


def test_a_figure_is_told_how_many_prompts_there_are():
    data = FIGURES["loops"].data(
        Tables({
            "summaries": rows("series step layer subsample h1_count", ("a", 0, 6, 0, 1.0)),
            "gaussian_nulls": rows("series step layer kind replicate h1_count", ("a", 0, 6, "covariance", 0, 1.0)),
        }), Choice.of(Tables()),
    )  # fmt: skip
    assert (data.prompts, data.sampling) == (40, "n = 40 prompts, m = 12 in a subsample")


# Figure -> section, what its reader may choose, and its parts beside what it reads and its table.
DECLARED = {
    "maps": ("", 0, "caption chart numbers"),
    "net_change": ("", 0, "caption chart more numbers"),
    "velocity": ("", 0, "caption chart more numbers paper"),
    "layers": ("", 0, "caption chart"),
    "heatmap": ("", 0, "caption chart numbers"),
    "windows": ("Early?", 1, "caption chart more numbers"),
    "concentration": ("Early?", 5, "below caption chart more numbers warning"),
    "gaussian": ("More than noise?", 0, "below caption chart more numbers paper"),
    "loops": ("More than noise?", 0, "caption sentence"),
    "paths": ("", 3, "caption chart more numbers paper"),
    "apart": ("", 0, "caption chart"),
    "separation": ("Apart?", 1, "caption chart more numbers"),
    "replicates": ("Apart?", 0, "below caption sentence"),
    "effects": ("Apart?", 3, "caption chart more numbers"),
    "mixture": ("Apart?", 2, "caption chart more numbers"),
    "geometry": ("More than geometry?", 0, "below caption chart more numbers warning"),
    "unexplained": ("More than geometry?", 0, "below caption sentence"),
    "spectra": ("More than geometry?", 1, "below caption chart numbers"),
    "behaviour": ("Before behaviour?", 3, "caption chart half more numbers paper"),
    "lags": ("Before behaviour?", 0, "caption chart follows half more numbers"),
    "early_final": ("Before behaviour?", 3, "caption chart half more warning"),
    "directions": ("Before behaviour?", 1, "below caption chart more numbers"),
    "halfway": ("Before behaviour?", 0, "below caption chart half more numbers"),
    "token_clouds": ("More than geometry?", 2, "below caption chart numbers"),
    "confounds": ("Robust?", 1, "below caption chart numbers warning"),
    "settings": ("Robust?", 1, "caption chart more numbers"),
    "models": ("Other models?", 2, "caption chart more sentence warning"),
    "barcode": ("", 0, "at caption cells chart numbers paper"),
}


def test_each_figure_has_the_parts_that_make_it():
    plain = {one.name: one.default for one in fields(Figure)} | {"paper": {}}
    parts = [
        "at",
        "below",
        "caption",
        "cells",
        "chart",
        "follows",
        "half",
        "more",
        "numbers",
        "paper",
        "sentence",
        "warning",
    ]
    found = {
        name: (one.section, len(one.controls),
               " ".join(part for part in parts if getattr(one, part) != plain[part]))
        for name, one in FIGURES.items()
    }  # fmt: skip
    assert found == DECLARED
    assert FIGURES["lags"].follows == "behaviour"


def test_what_is_chosen_has_words():
    words = {control.key: control.words for one in FIGURES.values() for control in one.controls}
    assert words["e_pair"](("a", "b")) == words["e_parts"](("a", "b")) == words["e_between"](("a", "b")) == "a – b"
    assert (words["e_size"]("delta"), words["e_spectrum"]("rank_me")) == ("Cliff's delta", "RankMe")
    assert (words["e_windows"]("loops"), words["e_way"]("Wasserstein distance")) == (
        "summaries of H1 alone",
        "Wasserstein",
    )
    assert words["e_confound"]("norm_share") == "norm of the hidden states"
    assert words["e_predictor"]("early_velocity") == "velocity in the first third"
    assert words["e_final"]("nll") == words["e_name"]("nll") == NAMES["nll"]


def test_only_what_has_a_chart_is_drawn():
    with pytest.raises(Fault) as raised:
        registry.drawn(Tables(), "loops")
    assert "velocity" in raised.value.hint
    assert "loops" not in raised.value.hint
    assert list(FIGURES)[:3] == ["net_change", "maps", "velocity"]
    assert SimpleNamespace(**registry.PRINTED).velocity.numbers


def test_rows_come_in_the_order_of_the_study_and_know_their_objective():
    results = Tables(record=record_of({"z": "helpful", "m": "mixed", "a": "harmless"}))
    table = pd.DataFrame({"series": ["a", "z", "m", "z"], "value": [1, 2, 3, 4]})
    assert labelled(results, table).to_numpy().tolist() == [
        ["z", 2, "helpful"], ["z", 4, "helpful"], ["m", 3, "mixed"], ["a", 1, "harmless"]
    ]  # fmt: skip
