"""A moved chart is the chart that would have been built at that step."""

from itertools import pairwise

import altair as alt
import pandas as pd
import pytest

from phcore.figures.charts.standing import Moving, at_step, moving
from tests.unit.figures.hand_made import distances, drawn, given, velocities

STEPS = [0, 1, 2, 4, 8]


def curve() -> pd.DataFrame:
    rows = [
        (series, series, layer, a, b, 1.0 + b / 10 + layer / 100, 0.9, 2.5)
        for series in ("helpful", "harmless")
        for layer in (3, 6)
        for a, b in pairwise(STEPS)
    ]
    return pd.DataFrame(rows, columns=["series", "objective", "layer", "step_from", "step", "mean", "lo", "hi"])


def paths() -> pd.DataFrame:
    rows = [(name, name, step, step * k, -step * k) for k, name in ((1, "helpful"), (-1, "mixed")) for step in STEPS]
    return pd.DataFrame(rows, columns=["series", "objective", "step", "x", "y"])


def pairs() -> pd.DataFrame:
    table = pd.DataFrame({"step": STEPS, "value": range(5), "series_a": "helpful", "series_b": "harmless"})
    return table.assign(objective_a="helpful", objective_b="harmless", lo=float("nan"), hi=float("nan"))


def mixture() -> pd.DataFrame:
    names = {"series": "mixed", "part_a": "helpful", "part_b": "harmless"}
    objectives = {"objective": "mixed", "objective_a": "helpful", "objective_b": "harmless"}
    table = pd.DataFrame({"step": STEPS, "along": 0.5, "off": 1.0, "to_a": 2.0, "to_b": 3.0, "a_to_b": 4.0})
    return table.assign(floor=1.0, **names, **objectives)


CHARTS = {
    "separation": lambda step: drawn("separation", given(rows=pairs()), step=step),
    "mixture": lambda step: drawn("mixture", given(rows=mixture()), step=step),
    "behaviour": lambda step: drawn(
        "behaviour", given(moves=curve().rename(columns={"mean": "value"}), velocity=curve(), name="js"), step=step
    ),
    "velocity": lambda step: velocities(curve(), steps=STEPS, step=step),
    "heatmap": lambda step: drawn("heatmap", given(curve=curve()), step=step),
    "path": lambda step: drawn("paths", given(points=paths(), titles=["a", "b"], floor=None), step=step),
    "distance": lambda step: distances(pd.DataFrame({"step": STEPS, "value": range(5)}), steps=STEPS, step=step),
}


def taken_apart(chart) -> tuple[dict, dict[str, pd.DataFrame]]:
    tables = {}

    def keep(data):
        name, _ = tables.setdefault(id(data), (f"table{len(tables)}", data))
        return {"name": name}

    alt.data_transformers.register("kept", keep)
    with alt.data_transformers.enable("kept"):
        return chart.to_dict(), dict(tables.values())


@pytest.mark.parametrize("step", [0, 1, 4, 8])
@pytest.mark.parametrize("name", CHARTS)
def test_only_the_tables_of_the_step_change(name, step):
    spec, tables = taken_apart(CHARTS[name](8))
    wanted_spec, wanted = taken_apart(CHARTS[name](step))
    moved = at_step(tables, step)
    assert spec == wanted_spec
    assert list(moved) == list(wanted)
    for key, table in wanted.items():
        pd.testing.assert_frame_equal(moved[key], table, check_dtype=False)
        assert (moved[key] is not tables[key]) == isinstance(table, Moving)


def test_what_is_made_of_a_table_that_moves_stands():
    table = moving(lambda step: pd.DataFrame({"step": [step, 1]}), 3)
    for made in (table[table["step"] == 1], table.assign(one=1), table.copy(), table.head(1)):
        assert not isinstance(made, Moving)
    assert at_step({"a": table}, 5)["a"]["step"].tolist() == [5, 1]
