"""Colours of objectives on both backgrounds, however a chart is given them."""

import re

import altair as alt
import pandas as pd
import pytest
import vl_convert

from phcore.figures.charts.standing import plain
from phcore.figures.charts.theme import DARK, OBJECTIVES, objective_scale, on_dark

BLUE, GREEN = OBJECTIVES["helpful"], OBJECTIVES["mixed"]
TABLE = pd.DataFrame({"objective": ["helpful", "mixed"], "x": [0, 1], "ink": [BLUE, GREEN]})


def by_scale() -> alt.Chart:
    colour = alt.Color("objective:N", scale=objective_scale(["helpful", "mixed"]))
    return alt.Chart(TABLE).mark_point().encode(x="x:Q", color=colour)


def by_column() -> alt.Chart:
    return alt.Chart(TABLE).mark_point().encode(x="x:Q", color=alt.Color("ink:N", scale=None))


def by_mark() -> alt.LayerChart:
    one = alt.Chart(TABLE).encode(x="x:Q")
    return alt.layer(one.mark_line(color=BLUE), one.mark_point(color=GREEN), title=alt.Title("helpful", color=BLUE))


def drawn(build, background: str) -> str:
    """Its strokes and fills."""
    chart = plain(build)
    whole = chart.spec | {"datasets": {name: table.to_dict("records") for name, table in chart.tables.items()}}
    svg = vl_convert.vegalite_to_svg(whole | {"config": {"background": background}}).lower()
    return " ".join(re.findall(r'(?:stroke|fill)="(#\w+)"', svg))


@pytest.mark.parametrize("build", [by_scale, by_column, by_mark])
def test_the_background_chooses(build):
    """On white as it was defined; on dark what is hard to read is lighter, and nothing else."""
    white, dark = drawn(build, "#ffffff"), drawn(build, DARK)
    assert BLUE.lower() in white
    assert on_dark(BLUE) not in white
    assert BLUE.lower() not in dark
    assert on_dark(BLUE) in dark
    assert GREEN.lower() in white
    assert GREEN.lower() in dark
