from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.figures.models import answer, course, more, sentence, warning
from phcore.figures.registry import FIGURES
from tests.unit.figures import hand_made
from tests.unit.figures.hand_made import Tables, among_others, drawn, given, record_of

STEPS = [0, 1, 2, 4]


def models(rows: pd.DataFrame, objectives=()):
    return drawn("models", given(rows=rows, objectives=list(objectives)))


@pytest.fixture
def rows():
    """A model of 12 layers beside one of 30, both read at five even depths."""
    layers = {"small": (12, (2, 5, 7, 10, 12)), "large": (30, (6, 12, 18, 24, 30))}
    found = [
        (study, objective, objective, layer / number, step, step / 4, step * (1 + (study == "large")) / layer)
        for study, (number, chosen) in layers.items()
        for objective in ("helpful", "harmless")
        for layer in chosen
        for step in STEPS[1:]
    ]
    return pd.DataFrame(found, columns=["study", "series", "objective", "depth", "step", "share", "value"])


def test_layers_of_one_depth_share_a_panel(rows):
    spec = models(rows).to_dict()
    assert spec["facet"]["sort"] == [f"depth {depth} %" for depth in (20, 40, 60, 80, 100)]
    table = next(iter(spec["datasets"].values()))
    for panel in spec["facet"]["sort"]:
        assert {row["study"] for row in table if row["name"] == panel} == {"small", "large"}


def test_colour_is_the_objective_and_dash_the_study(rows, render):
    chart = models(rows, objectives=["helpful", "harmless", "mixed"])
    runs, line, *_ = (layer["encoding"] for layer in chart.to_dict()["spec"]["layer"])
    assert runs["color"]["scale"]["range"] == ["#0072B2", "#D55E00"]
    assert line["strokeDash"]["scale"]["domain"] == ["small", "large"]  # this study is the first
    first, second = line["strokeDash"]["scale"]["range"]
    assert first != second
    svg = render(chart)
    for words in (">helpful<", ">small<", ">large<", ">depth 20 %<", "share of the run"):
        assert words in svg


def test_runs_of_different_lengths_are_compared_by_share(rows, render):
    spec = models(rows).to_dict()
    assert spec["spec"]["layer"][0]["encoding"]["x"]["field"] == "share"
    assert "share of the run" in render(models(rows.drop(columns="step")))


def test_the_answer_names_the_largest_of_each_study(rows):
    assert more(given(rows=rows)) == "Largest: large 1.33 (helpful); small 2.00 (helpful)."
    assert more(given(rows=rows.assign(value=np.nan))) == ""
    assert "yet" in answer(given(rows=rows.assign(value=np.nan)))


def test_runs_are_averaged_where_their_shares_are_the_same_to_a_thousandth():
    of_runs = pd.DataFrame({"study": "s", "series": ["a", "b", "a", "b"], "objective": "x", "depth": 1.0,
                            "share": [0.3332, 0.3334, 0.666, 0.667], "value": [1.0, 3.0, 4.0, 5.0]})  # fmt: skip
    found = course(of_runs)
    assert found[["share", "value"]].to_numpy().tolist() == [[0.333, 2.0], [0.666, 4.0], [0.667, 5.0]]
    none = course(of_runs.assign(value=np.nan))
    assert (len(none), sorted(none)) == (0, sorted(found))


def test_models_of_none_one_and_nasty_names(rows, render):
    for part in (
        rows.head(0),
        rows.set_axis([0] * len(rows)),
        rows.assign(study="<b>", objective="a'\"\\"),
        rows.assign(value=np.nan),
    ):
        assert "<b>" not in render(models(part), dark=True)


# --- what is read -----------------------------------------------------------------------------------


def moving(*curves, **same):
    """(series, velocities of consecutive steps from 0 on) at layer 6 of 12."""
    values = [(name, k, k + 1, 0, value) for name, moved in curves for k, value in enumerate(moved)]
    return hand_made.rows("series step_from step subsample value", *values, **same)


def study(name, base, *curves, series=("a", "b"), order=2.0):
    record = record_of(dict.fromkeys(series, f"of {name}"), beside=("other",))
    record = replace(record, study=record.study.with_(name=name, model=base))
    nodes = (replace(record.base, fingerprint=base), *record.nodes[1:])
    table = moving(*curves, order=order).rename(columns={"layer": "at"})  # all layers are read
    table = among_others(table, "value").rename(columns={"at": "layer"})
    return Tables({"velocities": table}, replace(record, nodes=nodes))


@pytest.fixture
def results():
    own = study("own", "small", ("b", (2.0, 1.0, 1.0)), ("a", (1.0, 1.0, 2.0)))
    own.beside = {
        "other": study("other", "large", ("a", (3.0, 0.0, 0.0))),
        "twin": study("twin", "small", ("a", (1.0, 1.0, 1.0))),
        "order": study("order", "large", ("a", (1.0, 1.0, 1.0)), order=1.0),
    }  # fmt: skip
    return own


def test_courses_of_this_study_and_of_those_beside_it(results):
    alone = hand_made.read("models", results).rows
    assert alone["series"].unique().tolist() == ["a", "b"]
    table = FIGURES["models"].table(given(rows=alone))
    assert len(table) == len(alone)
    assert set(alone) - set(table) == {"objective"}
    one = alone.query("series == 'b' and depth == 1.0")
    assert one["value"].tolist() == pytest.approx([1.5, 0.75, 0.75])
    assert one["share"].tolist() == pytest.approx([1 / 3, 2 / 3, 1.0])
    passed = hand_made.read("models", results, course="share passed", beside=("other", "lost", "order"))
    assert passed.rows.query("series == 'b' and depth == 1.0")["value"].tolist() == pytest.approx([0.5, 0.75, 1.0])
    assert passed.rows["study"].unique().tolist() == ["own", "other"]
    assert passed.objectives == ["of own", "of other", "of order"]
    assert (passed.lacking, passed.faults) == (["order"], ["There is no study lost. Look again."])
    assert warning(passed) == (
        "There is no study lost. Look again. No velocities of order 2 in: order. Compute them with this study's order."
    )
    assert warning(hand_made.read("models", results)) == ""
    with pytest.raises(Fault, match="nothing moves yet"):
        hand_made.read("models", Tables())


def test_models_that_differ_are_judged(results):
    assert sentence(hand_made.read("models", results)).startswith("Choose a study of another base model")
    assert sentence(hand_made.read("models", results, beside=("twin",))) == ""
    said = sentence(hand_made.read("models", results, beside=("other",)))
    assert said.startswith("This study lacks runs of two base models")
    assert "n: ." not in said


def test_studies_that_can_stand_beside_are_those_that_are_there(results):
    beside, _ = FIGURES["models"].controls
    others = beside.options(results, None)
    assert others == ["other", "twin", "order"]
    assert beside.default(results, None, others) == ["other"]
    assert beside.default(results, None, ["twin"]) == []


def test_where_each_study_moves_most(rows):
    assert answer(given(rows=rows)) == ("small moves most 100 % through its run, large 100 %.")
    assert answer(given(rows=rows.assign(progress=np.nan))) == answer(given(rows=rows))
    assert answer(given(rows=rows.assign(value=np.nan))) == "No study has a value yet."
