import pandas as pd
import pytest

from phcore.figures.charts.heatmap import heatmap


@pytest.fixture
def cells(curve):
    return curve.rename(columns={"mean": "value"})


@pytest.mark.parametrize("log", [True, False])
def test_none_one_and_many_cells(cells, render, log, steps):
    missing = cells.assign(value=float("nan"))
    for part in (cells.head(0), cells.head(1), missing, cells):
        assert "Where and when" in render(heatmap(part, steps=steps, selected_step=4, log=log))


def test_one_panel_per_series_with_one_colour_scale(cells, render, steps):
    chart = heatmap(cells, steps=steps, selected_step=4)
    svg = render(chart)
    for name in ("helpful", "harmless", "mixed"):
        assert name in svg
    domains = {str(panel["layer"][0]["encoding"]["color"]["scale"]["domain"]) for panel in chart.to_dict()["concat"]}
    assert len(domains) == 1


def test_a_transition_reaches_from_one_step_to_the_other(cells, steps):
    spec = heatmap(cells, steps=steps).to_dict()
    rows = next(rows for rows in spec["datasets"].values() if rows and "value" in rows[0])
    assert all((row["begin"], row["end"]) == (row["step_from"], row["step"]) for row in rows)


def test_playing_the_steps_changes_data_only(cells, shape, steps):
    short = cells[(cells["series"] != "mixed") | (cells["step"] < 4)]
    assert len({shape(heatmap(short, steps=steps, selected_step=step)) for step in (None, *steps)}) == 1


def test_colours_start_at_zero_unless_the_values_are_far_from_it(cells, steps):
    def domain(values):
        table = cells.head(2).assign(value=values)
        return heatmap(table, steps=steps).to_dict()["concat"][0]["layer"][0]["encoding"]["color"]["scale"]["domain"]

    assert domain([0.1, 1.0]) == [0.0, 1.0]
    assert domain([9.0, 10.0]) == [9.0, 10.0]
    assert domain([-1.0, 1.0]) == [-1.0, 1.0]
    assert domain([0.0, 0.0]) == [0.0, 1.0]


def test_a_click_in_any_panel_chooses_a_step(cells, steps):
    spec = heatmap(pd.concat([cells]), steps=steps).to_dict()
    (param,) = spec["params"]
    assert param["name"] == "step"
    assert param["views"] == [panel["layer"][0]["name"] for panel in spec["concat"]]
