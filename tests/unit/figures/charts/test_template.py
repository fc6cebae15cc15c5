"""What differs between two choices is in the tables a chart is sent with, not in its spec."""

import json
import re
from dataclasses import replace

import altair as alt
import pandas as pd
import pytest
import vl_convert

from phcore.figures.charts.curves import velocity_chart
from phcore.figures.charts.standing import Moving, Plain, moving, plain
from phcore.figures.charts.template import NOW, template
from phcore.figures.figure import Look

LOOK = Look(steps=(0, 1, 2, 4), objectives=("harmless", "helpful"), width=500, height=200)


def curve(times: float = 1.0, objectives=LOOK.objectives, layers=(3,)) -> pd.DataFrame:
    """Two runs per objective."""
    return pd.DataFrame(
        [
            {"series": f"{one}{run}", "objective": one, "layer": layer, "step": step, "mean": times * (run + step),
             "lo": times * step, "hi": times * (step + 2)}
            for one in objectives for run in (1, 2) for layer in layers for step in LOOK.steps[1:]
        ]
    )  # fmt: skip


def drawn(rows: pd.DataFrame, y_title: str = "velocity", **more):
    return template(plain(lambda: velocity_chart(rows, None, LOOK, y_title=y_title, answer="as found", **more)))


@pytest.mark.parametrize("layers", [(3,), (3, 6)])
def test_a_chart_with_other_values_and_words_has_the_same_spec(layers):
    first, second = drawn(curve(layers=layers)), drawn(curve(7.0, layers=layers), "another quantity")
    assert first.spec == second.spec
    assert first.tables.keys() == second.tables.keys()
    assert "another quantity" in second.tables[NOW].iloc[0].tolist()


def test_other_panels_are_no_other_chart():
    share = {"share_y": False}
    assert drawn(curve(layers=(3, 6)), **share).spec == drawn(curve(layers=(6, 9)), **share).spec


@pytest.mark.parametrize("left", LOOK.objectives)
def test_an_objective_that_is_switched_off_is_no_other_chart(left):
    assert drawn(curve()).spec == drawn(curve(objectives=(left,))).spec


def coloured(most: float, title) -> Plain:
    """Two panels that share their colours, and the legend."""
    legend = alt.Legend(title=title, values=[0, most], format=".3~r")
    colour = alt.Color("value:Q", scale=alt.Scale(domain=[0, most]), legend=legend)
    tables = [pd.DataFrame({"x": [1, 2], "value": [most / 4, share * most]}) for share in (0.5, 1.0)]
    panels = [alt.layer(alt.Chart(one).mark_rect().encode(x="x:O", color=colour)) for one in tables]
    return plain(lambda: alt.concat(*panels))


def test_other_colours_are_no_other_chart():
    first, second = template(coloured(3.0, ["velocity", "(distance)"])), template(coloured(80.0, "another quantity"))
    assert first.spec == second.spec
    for most, title in ((3.0, ["velocity", "(distance)"]), (80.0, "another quantity")):
        before = words_and_lines(coloured(most, title))
        assert before == words_and_lines(template(coloured(most, title)))
        assert f"{most:g}" in before


def test_panels_with_colours_of_their_own_keep_them():
    table = pd.DataFrame({"x": [1], "value": [2]})
    colours = [alt.Color("value:Q", scale=alt.Scale(domain=[0, most])) for most in (3, 4)]
    panels = [alt.layer(alt.Chart(table).mark_rect().encode(x="x:O", color=one)) for one in colours]
    spec = template(plain(lambda: alt.concat(*panels).resolve_scale(color="independent"))).spec
    ends = [one["layer"][0]["encoding"]["color"]["scale"]["domain"][1] for one in spec["concat"]]
    assert ends == [3, 4]


@pytest.mark.parametrize("layers", [(3,), (3, 6)])
def test_it_looks_as_it_did(layers):
    chart = plain(lambda: velocity_chart(curve(layers=layers), None, LOOK, answer="as found", share_y=False))
    before, now = words_and_lines(chart), words_and_lines(template(chart))
    assert before == now
    assert any("training step" in one for one in now)


def words_and_lines(chart: Plain) -> list[str]:
    """What is written and what is drawn in a picture of a chart; but for marks of no size."""
    tables = {name: json.loads(table.to_json(orient="records")) for name, table in chart.tables.items()}
    svg = vl_convert.vegalite_to_svg(chart.spec | {"datasets": tables})
    drawn = re.findall(r'<text [^>]*>([^<]*)<|<path [^>]*d="([^"]+)"', svg)
    empty = re.compile(r"M0,0([hvAZ ]|0|,)*")
    return sorted("".join(one) for one in drawn if one[0] or not empty.fullmatch(one[1]))


def test_rows_and_columns_that_no_mark_looks_at_are_left_out():
    rows = curve().assign(norm="inf")
    sent = drawn(rows).tables
    assert not any("norm" in table for table in sent.values())
    kinds = [table["kind"].unique().tolist() for table in sent.values() if "kind" in table]
    assert all(len(kind) == 1 for kind in kinds)


def test_what_moves_with_the_step_still_does():
    table = moving(lambda step: pd.DataFrame({"x": [step]}), 1)
    mark = alt.Chart(table).mark_point().encode(x=alt.X("x:Q", scale=alt.Scale(domain=[0, 4]), title="step"))
    sent = template(plain(lambda: alt.layer(mark)))
    (own,) = (one for one in sent.tables.values() if isinstance(one, Moving))
    assert own is table


def test_axes_that_are_not_shared_keep_their_ends():
    """Two views of one plot that name different ends: the chart says so itself, and is left as it is."""
    table = pd.DataFrame({"x": [1, 2]})
    one, two = (
        alt.Chart(table).mark_point().encode(x=alt.X("x:Q", scale=alt.Scale(domain=[0, end]))) for end in (3, 4)
    )
    views = template(plain(lambda: one + two)).spec["layer"][:2]
    assert [view["encoding"]["x"]["scale"]["domain"][1] for view in views] == [3, 4]


def test_a_chart_without_layers_is_sent_as_it_is():
    chart = plain(lambda: alt.Chart(pd.DataFrame({"x": [1]})).mark_point().encode(x="x:Q"))
    assert template(chart) == chart


def test_another_width_is_another_chart():
    wide = replace(LOOK, width=700)
    assert template(plain(lambda: velocity_chart(curve(), None, wide))).spec != drawn(curve()).spec
