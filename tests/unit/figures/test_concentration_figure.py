import re

import numpy as np
import pandas as pd
import pytest

from phcore.figures.concentration import answer
from tests.unit.figures.hand_made import drawn, given


def told(rows: pd.DataFrame, correction: str = "none") -> str:
    return answer(given({"correction": correction}, rows=rows))


def concentration(rows: pd.DataFrame, **look):
    return drawn("concentration", given({"correction": "none"}, rows=rows), **look)


@pytest.fixture
def rows():
    """Two runs at three layers: one exceeds its null at layers 12 and 18, the other nowhere."""
    table = pd.DataFrame(
        {
            "series": ["late"] * 3 + ['<b>"burst"</b>'] * 3,
            "objective": ["harmless"] * 3 + ["helpful"] * 3,
            "layer": [6, 12, 18] * 2,
            "concentration": [0.2, 0.25, 0.3, 0.4, 0.6, 0.812],
            "p": [0.9, 0.8, 0.4, 0.05, 0.0312, 0.00011],
        }
    )
    around = {"lo": -0.05, "hi": 0.05, "null_lo": -0.1, "null_hi": 0.1}
    table["null_mean"] = 0.33
    for name, by in around.items():
        table[name] = table["null_mean" if "null" in name else "concentration"] + by
    return table


def test_the_answer_counts_those_beyond_chance_and_names_the_largest(rows):
    assert told(rows, "Benjamini-Hochberg over series and layers") == (
        "2 of 6 (series, layer) exceed the null at 5% (Benjamini-Hochberg over series and layers): the filled dots. "
        'Largest: 81% (76% to 86%), <b>"burst"</b>, layer 18; null 33% (23% to 43%), p\u00a0=\u00a00.00011.'
    )
    assert told(rows.assign(p=1.0)).startswith("0 of 6")
    alone = told(rows.assign(lo=np.nan, hi=np.nan))
    assert "Largest: 81%, " in alone
    assert "yet" in told(rows.assign(p=np.nan))


def test_a_panel_per_series_in_the_order_of_the_legend_deep_layers_on_top(rows):
    spec = concentration(rows).to_dict()
    assert spec["facet"]["sort"] == ['<b>"burst"</b>', "late"]
    for layer in spec["spec"]["layer"]:
        assert layer["encoding"]["y"]["scale"]["domain"] == [18, 12, 6]
        assert layer["encoding"]["x"]["scale"]["domain"] == [0, 1]


def test_rows_of_panels_are_full(rows):
    for number, columns in ((1, 1), (3, 3), (4, 4), (5, 3), (6, 3), (7, 4), (8, 4), (9, 3)):
        runs = pd.concat([rows.head(3).assign(series=f"run {k}") for k in range(number)])
        assert concentration(runs).to_dict()["columns"] == columns


def test_only_what_exceeds_its_null_is_filled(rows, render):
    """Each ring is a small disc on a full one; rows without p are never filled."""

    def discs(part):
        svg = render(concentration(part))
        return [len(re.findall(rf'd="M{radius}\d*,0A', svg)) for radius in (r"2\.9", r"4\.8")]  # pixels

    assert discs(rows) == [4, 6]
    assert discs(rows.assign(p=np.nan)) == [6, 6]
    assert discs(rows.assign(p=0.01)) == [0, 6]


def test_names_are_text_and_the_null_has_its_name(rows, render):
    svg = render(concentration(rows), dark=True)
    assert "<b>" not in svg
    assert svg.count(">null<") == 2
    for words in ("Does most of the movement come early?", "late", "share of H1 velocity"):
        assert words in svg


def test_other_numbers_change_data_only(rows, shape):
    shapes = {shape(concentration(part, answer="It does.")) for part in (rows, rows.assign(concentration=0.9))}
    assert len(shapes) == 1


def test_colours_do_not_depend_on_the_choice(rows):
    study = ["helpful", "harmless", "other"]
    for part, colour in ((rows.head(3), "#D55E00"), (rows.tail(3), "#0072B2")):
        spec = concentration(part, objectives=study).to_dict()
        scale = spec["spec"]["layer"][-2]["encoding"]["color"]["scale"]
        assert scale["range"] == [colour]


def test_one_and_nothing_known(rows, render):
    for part in (rows.head(1), rows.assign(p=np.nan), rows.assign(lo=np.nan, hi=np.nan)):
        render(concentration(part))
