"""Displacement in equal windows: shares by hand, floors, and what is said where there are no windows."""

import pandas as pd
import pytest

from phcore.analysis.equal_windows import shares
from phcore.errors import Fault
from phcore.figures import equal_windows
from phcore.figures.charts.standing import plain
from phcore.figures.figure import title
from phcore.figures.registry import FIGURES
from tests.unit.figures import hand_made
from tests.unit.figures.hand_made import Tables, among_others, drawn, given, looking, record_of


def table():
    """Two layers of a series that moves 8, 1, 1, 0 and 2, 2, 2, 2; floors of 1."""
    values = {6: (8.0, 1.0, 1.0, 0.0), 12: (2.0, 2.0, 2.0, 2.0)}
    rows = [
        (series, layer, k + 1, 4 * k, 4 * k + 4, value, 1.0)
        for series in ("helpful", "mixed") for layer, moved in values.items() for k, value in enumerate(moved)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["series", "layer", "window", "step_from", "step", "value", "floor"])


@pytest.fixture
def data():
    rows = shares(table())
    return given(rows=rows.assign(objective=rows["series"]), every=table(), clock="steps")


def test_the_answer_says_the_share_and_what_an_even_course_would_give(data):
    said = equal_windows.answer(data)
    assert said == "The first quarter of training holds 52 % of the change, 25 % if even."
    assert equal_windows.more(data) == "4 of 4 first quarters (2 runs at each layer) are beyond the floor."
    assert "scale raw" in equal_windows.caption(data)


def test_a_bar_per_quarter_before_its_floor_and_the_line_of_an_even_course(data, render):
    drawing = plain(lambda: FIGURES["windows"].chart(data, looking(objectives=("helpful", "mixed"))))
    rows = drawing.tables["table0"] if "table0" in drawing.tables else next(iter(drawing.tables.values()))
    assert len(rows) == 8
    assert set(rows["even"]) == {0.25}
    assert title(drawing.spec)[0] == "Does most of the change come early?"
    svg = render(drawn("windows", data, objectives=("helpful", "mixed")))
    for words in (">helpful<", ">mixed<", ">52 %<", "quarter of the steps"):
        assert words in svg


def test_numbers_in_words(data):
    rows = equal_windows._told(data.rows)
    assert rows["quarter"].tolist() == ["0 to 4", "4 to 8", "8 to 12", "12 to 16"] * 2
    said = [rows[f"{name}words"][0] for name in ("", "floor_", "value_", "beyond_")]
    assert said == ["52 %", "11 %", "5.00", "2 of 2 layers"]
    found = equal_windows.numbers(data)
    assert found.rows[0] == ["helpful", "0 to 4", "5.00", "52 %", "11 %", "2 of 2 layers"]


def test_a_study_without_windows_says_which_steps_it_lacks(computed):
    from phcore.archive.store import Store
    from phcore.export.results import Results
    from phcore.figures.figure import Choice

    study, cache = computed
    results = Results.open(study.name, Store(cache))
    with pytest.raises(Fault, match="four windows of one length") as fault:
        FIGURES["windows"].data(results, Choice.of(results))
    assert fault.value.hint == "save checkpoints at these steps: 3"


def test_no_label_lies_across_the_line_of_an_even_course():
    rows = pd.DataFrame({"series": "one", "objective": "one", "window": [1, 2, 3, 4], "share": [0.5, 0.24, 0.16, 0.1],
                         "floor": [0.1, 0.1, 0.22, 0.1]})  # fmt: skip
    assert equal_windows._above(rows, rows).tolist() == [0.5, 0.25, 0.25, 0.1]


def test_quarters_of_one_scale_and_measure_are_read():
    own = table().rename(columns={"layer": "at"})  # all layers are read
    names = own["series"].map({"helpful": "b", "mixed": "a"})
    own = own.assign(scale="raw", use="quarters", measure="summaries", series=names)
    found = among_others(own, "value", use="rates", measure="loops").rename(columns={"at": "layer"}).assign(order=0.0)
    data = hand_made.read("windows", Tables({"windows": found}))
    assert data.rows["series"].unique().tolist() == ["a", "b"]
    assert data.rows["value"].tolist() == [5.0, 1.5, 1.5, 1.0] * 2
    assert len(data.every) == 16


def test_quarters_of_the_learning_rate_are_shown_where_there_are_none_of_the_steps():
    steps = table().assign(scale="raw", measure="summaries", use="quarters", order=0.0)
    learned = steps.assign(use="learned quarters", value=steps["value"] + 1)
    found = hand_made.read("windows", Tables({"windows": learned}))
    assert found.clock == "learning rate"
    assert equal_windows.answer(found).startswith("The first quarter of all learning rate holds ")
    assert found.rows["value"].tolist() == [6.0, 2.5, 2.5, 2.0] * 2
    assert equal_windows.caption(found).startswith("Net displacement over each quarter of the learning rate, in mean")
    assert equal_windows.caption(found).endswith(
        "Windows are of one length in learning rate, wherever checkpoints lie: no run falls into such of equal steps."
    )
    assert equal_windows.numbers(found).caption == "Displacement by quarter of the learning rate"
    both = hand_made.read("windows", Tables({"windows": pd.concat([learned, steps])}))
    assert both.clock == "steps"
    assert both.rows["value"].tolist() == [5.0, 1.5, 1.5, 1.0] * 2
    assert equal_windows.caption(both).endswith("Windows are of one length in steps, wherever checkpoints lie.")


def test_the_steps_that_windows_lack_are_named():
    with pytest.raises(Fault) as fault:
        hand_made.read("windows", Tables(record=record_of(path=(1, 2, 8))))
    assert fault.value.hint == "save checkpoints at these steps: 4, 6"
    with pytest.raises(Fault) as fault:
        hand_made.read("windows", Tables(record=record_of(path=(2, 4, 6, 8))))
    assert fault.value.hint == "compute the study where its checkpoints are"


def test_runs_that_differ_have_a_range(data):
    rows = data.rows
    rows.loc[(rows["series"] == "mixed") & (rows["window"] == 1), ["share", "beyond"]] = 0.25, 1
    assert equal_windows.answer(given(rows=rows, clock="steps")) == (
        "The first quarter of training holds 25 % to 52 % of the change, 25 % if even."
    )
    assert "3 of 4 first quarters" in equal_windows.more(given(rows=rows))
    assert equal_windows.numbers(given(rows=rows, clock="steps")).rows[-1] == [
        "mixed",
        "12 to 16",
        "1.00",
        "12 %",
        "11 %",
        "1 of 2 layers",
    ]


def test_of_several_runs_the_bar_is_the_mean_and_each_run_a_dot(data):
    same = data.rows.assign(objective="one")
    same.loc[same["series"] == "mixed", "share"] = 0.25
    chart = plain(lambda: FIGURES["windows"].chart(given(rows=same, every=table(), clock="steps"), looking()))
    rows = next(iter(chart.tables.values()))
    bars, dots = rows[~rows["runs"]], rows[rows["runs"]]
    assert bars["share"].iloc[0] == pytest.approx((0.25 + data.rows["share"].iloc[0]) / 2)
    assert (len(bars), len(dots)) == (4, 8)
    assert (bars["above"].to_numpy() >= dots.groupby("window")["share"].max().to_numpy() - 1e-9).all()
