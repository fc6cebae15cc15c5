import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from phcore.analysis import claims
from phcore.errors import Fault
from phcore.figures import half_way_steps
from phcore.figures.charts.standing import plain
from phcore.figures.half_way_steps import FIGURE, answer, caption, more, numbers
from tests.unit.figures.hand_made import drawn, given

# Two runs at two layers: early, in time, surely later, and later without having moved.
TABLE = pd.DataFrame(
    {
        "series": ["a", "b", "a", "b"], "layer": [6, 6, 12, 12], "scale": "raw", "topology": [10.0, 22.0, 60.0, 60.0],
        "behaviour": [20.0, 20.0, 20.0, 20.0], "error": 1.0, "slack": 0.5, "resolution": 4.0, "last": 100,
        "moved": [True, True, True, False], "checkpoints": 9,
    }
)  # fmt: skip


def study(table, copies=()):
    """A study of the runs a and b; copies have the weights of a."""
    nodes = {
        name: [SimpleNamespace(step=0, fingerprint="0"), SimpleNamespace(step=9, fingerprint=name)] for name in "ab"
    }
    nodes |= dict.fromkeys(copies, nodes["a"])
    series = [SimpleNamespace(name=name, objective=name.upper()) for name in nodes]
    record = SimpleNamespace(series=series, path_of=nodes.get)

    def read(name, **where):
        assert name == "halfway"
        return table[np.logical_and.reduce([table[column] == value for column, value in where.items()])]

    return SimpleNamespace(record=record, table=read)


def data(table=TABLE, **choice):
    asked = given(choice)
    return given(choice, **FIGURE.read(study(table), asked.choice))


def test_the_interval_is_that_of_the_claim():
    judged = claims.lag(*(TABLE[name].to_numpy() for name in (
        "topology", "behaviour", "error", "slack", "resolution", "last", "moved")))  # fmt: skip
    found = data().rows
    assert sorted(found["later"]) == [-10, 2, 40, 40]
    assert (found["low"].min(), found["high"].max()) == (judged.values["lo"], judged.values["hi"])
    reach = 2.2414 + 0.5  # one in eighty in a tail: 5 % over four rows; and the slack
    np.testing.assert_allclose(found["high"] - found["later"], reach, atol=1e-3)


def test_what_is_said_of_it_by_hand():
    assert answer(data()) == ("Topology is halfway no later than behaviour in 2 of 4 cases, surely later in 1.")
    assert more(data()).endswith("Difference of the two steps: -10.0 to +40.0.")
    said = caption(data())
    assert "(scale raw, steps 10.0 to 60.0)" in said
    assert "Checkpoints are 4 steps apart there" in said
    assert said.endswith("no evidence (1 of 4).")
    assert "Rings" not in caption(data(TABLE.assign(moved=True)))
    rows = {tuple(row[:2]): row[2:] for row in numbers(data()).rows}
    assert rows["a", "6"] == ["10.0", "20.0", "-10.0 (-12.7 to -7.26)", "4", "both"]
    assert rows["b", "12"][-1] == "not both"
    assert set(data().rows) - set(FIGURE.table(data())) == {"scale", "objective"}


def test_what_the_truncated_divergence_leaves_open_is_said_where_it_leaves_anything():
    said = ", for other prompts, and for what the truncated divergence leaves open."
    assert said in caption(data())
    exact = caption(data(TABLE.assign(slack=0.0)))
    assert ", for other prompts. " in exact
    assert "truncated" not in exact


def test_the_words_beside_the_dots():
    rows = half_way_steps._told(data(TABLE.assign(behaviour=[20.0, 22.0, 20.0, 20.0])).rows)
    told = rows.set_index(["series", "layer"])
    assert told.loc[("a", 6), ["topology_words", "behaviour_words", "gap_words", "moved_words"]].tolist() == [
        "10.0", "20.0", "4", "both"
    ]  # fmt: skip
    assert told.loc[("a", 6), "later_words"] == "-10.0 (-12.7 to -7.26)"
    assert told.loc[("b", 6), "later_words"] == "+0 (-2.74 to +2.74)"  # at the same step: neither earlier nor later
    assert told.loc[("b", 12), "moved_words"] == "not both"
    assert told.loc[("a", 12), ["left", "right"]].tolist() == pytest.approx([60 - 2.7414, 60 + 2.7414], abs=1e-3)


def test_copies_of_a_run_and_unknown_steps_are_left_out():
    table = pd.concat([TABLE, TABLE.assign(series="c"), TABLE.assign(series="b", layer=18, topology=np.nan)])
    found = FIGURE.read(study(table, copies=("c",)), given().choice)["rows"]
    assert len(found) == 4
    with pytest.raises(Fault, match="four checkpoints"):
        data(TABLE.assign(topology=np.nan))
    with pytest.raises(Fault, match="four checkpoints"):
        FIGURE.read(study(TABLE), dataclasses.replace(given().choice, scale="median"))


def test_strokes_dots_and_whiskers_stand_at_their_steps(render):
    chart = drawn("halfway", data(), objectives=("A", "B"))
    (rows,) = plain(lambda: chart).tables.values()
    first = next(row for row in rows.to_dict("records") if (row["series"], row["layer"]) == ("a", 6))
    assert first["topology"] - first["left"] == pytest.approx(first["right"] - first["topology"])
    assert first["right"] - first["left"] == pytest.approx(first["high"] - first["low"])
    assert chart.to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"] == pytest.approx(
        [0, 1.04 * rows["right"].max()]
    )
    for dark in (False, True):
        svg = render(chart, dark)
        assert "Which is halfway first, topology or behaviour?" in svg
