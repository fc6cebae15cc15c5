"""How far each objective has moved from its base, from tables made by hand."""

import pandas as pd
import pytest

from phcore.analysis import readings
from phcore.analysis.claims import Judged
from phcore.errors import Fault
from phcore.figures import net_change
from tests.unit.figures.hand_made import PLAIN, Tables, among_others, read, record_of, rows


def moved(**changed):
    """At step 4 a moved 6 of 2 and b 3 of 1; with size divided out both moved 5 of 4."""
    names = "series step size moved moved_floor shape shape_floor groups groups_floor loops loops_floor"
    values = [
        (name, step, 1 + size * step, own * step, floor, 1.25 * step, 4.0, 1.0, 2.0, 1.0, 2.0) if step else
        (name, 0, 1.0, *[0.0] * 8)
        for name, own, floor, size in (("b", 0.75, 1.0, 0.05), ("a", 1.5, 2.0, -0.1)) for step in (4, 0, 1)
    ]  # fmt: skip
    return rows(names, *values, **PLAIN | {"layer": 6}).assign(**changed)


@pytest.fixture
def results():
    quarters = rows("series window value", ("a", 1, 3.0), ("a", 2, 1.0), ("b", 1, 2.0), ("b", 2, 2.0), degree=None,
                    norm=None, use="quarters", measure="summaries").assign(order=0.0)  # fmt: skip
    quarters = pd.concat([quarters.assign(**one, value=99.0 - quarters["window"] * 49)
                          for one in ({"use": "rates"}, {"measure": "loops"}, {"scale": "median"}, {"layer": 12})]
                         + [quarters])  # fmt: skip
    tables = {"net_change": among_others(moved(), "moved"), "windows": quarters}
    return Tables(tables, record_of({"a": "helpful", "b": "harmless"}))


def test_displacements_are_told_in_times_of_their_floors(results):
    data = read("net_change", results)
    assert data.rows[["series", "objective", "step", "times"]].to_numpy().tolist() == [
        ["a", "helpful", 4, 3.0], ["a", "helpful", 0, 0.0], ["a", "helpful", 1, 0.75],
        ["b", "harmless", 4, 3.0], ["b", "harmless", 0, 0.0], ["b", "harmless", 1, 0.75],
    ]  # fmt: skip
    assert read("net_change", results, scale="median").rows["times"].tolist()[:3] == [1.25, 0.0, 0.3125]
    without = Tables({"net_change": moved(moved_floor=float("nan"))}, results.record)
    assert read("net_change", without).rows["times"].notna().sum() == 2  # the base alone
    still = Tables({"net_change": moved(moved_floor=0.0)}, results.record)  # a move beside no noise at all has no ratio
    assert read("net_change", still).rows["times"].dropna().tolist() == [0.0, 0.0]
    for table in (moved().query("step == 0"), moved(moved=None, shape=None), moved().head(0)):
        with pytest.raises(Fault, match="no checkpoint of this layer can be compared"):
            read("net_change", Tables({"net_change": table}))


def test_the_headline_is_of_this_layer_and_of_its_first_quarters(results):
    data = read("net_change", results)
    assert data.headline.kind == "size"
    assert "helpful" in data.headline.title
    assert "40 %" in data.headline.title
    assert "75 %" in data.headline.words
    assert net_change.answer(data) == f"{data.headline.title}."
    assert net_change.FIGURE.more(data) == data.headline.words


def test_a_run_that_does_not_move_has_no_first_quarter(results):
    """The share of the objective is that of its other run."""
    still = rows("series window value", ("a2", 1, 0.0), ("a2", 2, 0.0), use="quarters", measure="summaries")
    windows = pd.concat([results.given["windows"], still])
    two = Tables(results.given | {"windows": windows}, record_of({"a": "helpful", "a2": "helpful", "b": "harmless"}))
    assert "75 %" in read("net_change", two).headline.words


@pytest.mark.parametrize(("p", "said"), [(0.04, "0.04"), (0.3, "0.3"), (float("nan"), "")])
def test_several_runs_of_an_objective_are_told_apart_as_the_verdict_does(results, monkeypatch, p, said):
    """By claim 3, at the study's scale and in mean summaries."""

    def apart(subject, scale, order):
        return Judged(p=p if (subject, scale, order) == ("the study", "raw", readings.MEANS) else 0.99)

    monkeypatch.setattr(net_change, "subjects", lambda *studies: ["the study" for _ in studies])
    monkeypatch.setattr(net_change.readings, "apart", apart)
    tables = {"net_change": pd.concat([moved(), moved(series="a2")])}
    words = read("net_change", Tables(tables)).headline.words
    assert f"p = {said}" in words if said else "p = " not in words
    assert "p = " not in read("net_change", results).headline.words
    one = Tables(tables, record_of({"a": "helpful", "a2": "helpful"}))  # nothing to be told apart from
    assert "p = " not in read("net_change", one).headline.words


def test_what_moved_in_words_and_numbers(results):
    data = read("net_change", results)
    start = "The displacement of the mean summaries from the first step, at layer 6, over what another choice"
    assert net_change.caption(data).startswith(start)
    assert net_change.caption(read("net_change", results, scale="median")).startswith("The same with every distance")
    found = net_change.numbers(data)
    assert found.caption == "How far each run has moved, at layer 6"
    assert found.rows[0] == ["a", "4", "-40.0 %", "6.00", "2.00", "5.00", "4.00"]
    assert [row[2] for row in found.rows[1:]] == ["0.0 %", "-10.0 %", "+20.0 %", "0.0 %", "+5.0 %"]
