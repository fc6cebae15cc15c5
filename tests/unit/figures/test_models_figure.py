import numpy as np
import pandas as pd
import pytest

from phcore.figures.models import answer
from tests.unit.figures.hand_made import drawn, given

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
    assert spec["facet"]["sort"] == [f"depth {depth}%" for depth in (20, 40, 60, 80, 100)]
    table = next(iter(spec["datasets"].values()))
    for panel in spec["facet"]["sort"]:
        assert {row["study"] for row in table if row["name"] == panel} == {"small", "large"}


def test_colour_is_the_objective_and_dash_the_study(rows, render):
    chart = models(rows, objectives=["helpful", "harmless", "mixed"])
    line = chart.to_dict()["spec"]["layer"][0]["encoding"]
    assert line["color"]["scale"]["range"] == ["#0072B2", "#D55E00"]
    assert line["strokeDash"]["scale"]["domain"] == ["large", "small"]
    first, second = line["strokeDash"]["scale"]["range"]
    assert first != second
    svg = render(chart)
    for words in (">helpful<", ">small<", ">large<", ">depth 20%<", "share of the run"):
        assert words in svg


def test_runs_of_different_lengths_are_compared_by_share(rows, render):
    spec = models(rows).to_dict()
    assert spec["spec"]["layer"][0]["encoding"]["x"]["field"] == "share"
    assert "share of the run" in render(models(rows.drop(columns="step")))


def test_the_answer_names_the_largest_of_each_study(rows):
    assert answer(given(rows=rows)) == (
        "Largest: large 1.33 at 100% of the run, depth 20% (helpful); "
        "small 2.00 at 100% of the run, depth 17% (helpful)."
    )
    assert "yet" in answer(given(rows=rows.assign(value=np.nan)))


def test_models_of_none_one_and_nasty_names(rows, render):
    for part in (
        rows.head(0),
        rows.set_axis([0] * len(rows)),
        rows.assign(study="<b>", objective="a'\"\\"),
        rows.assign(value=np.nan),
    ):
        assert "<b>" not in render(models(part), dark=True)
