"""Displacement in equal windows: shares by hand, floors, and what is said where there are no windows."""

import pandas as pd
import pytest

from phcore.analysis.equal_windows import shares
from phcore.errors import Fault
from phcore.figures import equal_windows
from phcore.figures.charts.standing import plain
from phcore.figures.figure import title
from phcore.figures.registry import FIGURES
from tests.unit.figures.hand_made import drawn, given, looking


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
    return given(rows=rows.assign(objective=rows["series"]), every=table())


def test_shares_are_means_over_layers_of_shares(data):
    own = data.rows[data.rows["series"] == "mixed"]
    assert own["share"].tolist() == pytest.approx([(0.8 + 0.25) / 2, (0.1 + 0.25) / 2, (0.1 + 0.25) / 2, 0.125])
    assert own["floor"].tolist() == pytest.approx([(0.1 + 0.125) / 2] * 4)
    assert own["value"].tolist() == [5.0, 1.5, 1.5, 1.0]
    assert own["beyond"].tolist() == [2, 1, 1, 1]
    assert own["layers"].tolist() == [2] * 4


def test_what_does_not_move_has_no_share():
    still = table().assign(value=0.0)
    assert shares(still).empty
    moved = pd.concat([still[still["layer"] == 12], table()[table()["layer"] == 6]])
    assert shares(moved)["share"].tolist() == [0.8, 0.1, 0.1, 0.0] * 2


def test_the_answer_says_the_share_and_what_an_even_course_would_give(data):
    said = equal_windows.answer(data)
    assert said == (
        "The first quarter holds 52% of the displacement of 2 runs; an even course would give 25%. 4 of 4 first "
        "quarters (series at layers) are beyond the floor."
    )
    assert "scale raw" in equal_windows.caption(data)


def test_a_bar_per_quarter_before_its_floor_and_the_line_of_an_even_course(data, render):
    drawing = plain(lambda: FIGURES["windows"].chart(data, looking(objectives=("helpful", "mixed"))))
    rows = drawing.tables["table0"] if "table0" in drawing.tables else next(iter(drawing.tables.values()))
    assert len(rows) == 8
    assert set(rows["even"]) == {0.25}
    assert title(drawing.spec)[0] == "Does most of the change come early?"
    svg = render(drawn("windows", data, objectives=("helpful", "mixed")))
    for words in (">helpful<", ">mixed<", ">52%<", "quarter of the steps"):
        assert words in svg


def test_numbers_in_words(data):
    found = equal_windows.numbers(data)
    assert found.rows[0] == ["helpful", "0 to 4", "5.00", "52%", "11%", "2 of 2 layers"]


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
    rows = pd.DataFrame({"series": "one", "window": [1, 2, 3, 4], "share": [0.5, 0.24, 0.16, 0.1],
                         "floor": [0.1, 0.1, 0.22, 0.1]})  # fmt: skip
    assert equal_windows._above(rows).tolist() == [0.5, 0.25, 0.25, 0.1]
