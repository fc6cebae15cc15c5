import pandas as pd
import pytest

from phcore.figures.charts.standing import plain
from phcore.figures.charts.template import template
from phcore.figures.heatmap import answer, caption
from tests.unit.figures.hand_made import drawn, given


def heatmap(curve: pd.DataFrame, **look):
    return drawn("heatmap", given(curve=curve), **look)


@pytest.mark.parametrize("log", [True, False])
def test_one_and_many_cells(curve, render, log, steps):
    missing = curve.assign(mean=float("nan"))
    for part in (curve.head(1), missing, curve):
        assert "Where and when" in render(heatmap(part, steps=steps, step=4, log=log))


def test_one_panel_per_series_with_one_colour_scale(curve, render, steps):
    chart = heatmap(curve, steps=steps, step=4)
    svg = render(chart)
    for name in ("helpful", "harmless", "mixed"):
        assert name in svg
    domains = {str(panel["layer"][0]["encoding"]["color"]["scale"]["domain"]) for panel in chart.to_dict()["concat"]}
    assert len(domains) == 1


def test_a_transition_reaches_from_one_step_to_the_other(curve, steps):
    spec = heatmap(curve, steps=steps).to_dict()
    rows = next(rows for rows in spec["datasets"].values() if rows and "value" in rows[0])
    assert all((row["begin"], row["end"]) == (row["step_from"], row["step"]) for row in rows)


def test_a_panel_of_several_runs_is_their_mean_from_the_latest_begin():
    """Runs of an objective at step 8 that come from steps 4 and 2: the field is as wide as the shorter transition."""
    runs = pd.DataFrame({"series": ["a", "a2", "a"], "objective": "helpful", "layer": 6, "step_from": [4, 2, 2],
                         "step": [8, 8, 4], "mean": [1.0, 3.0, 5.0], "lo": 0.0, "hi": 9.0})  # fmt: skip
    spec = heatmap(runs).to_dict()
    table = next(rows for rows in spec["datasets"].values() if rows and "value" in rows[0])
    told = [(row["series"], row["begin"], row["end"], row["value"], row["when"], row["words"]) for row in table]
    assert told == [("helpful", 4, 8, 2.0, "4 to 8", "2.00"), ("helpful", 2, 4, 5.0, "2 to 4", "5.00")]
    mean = " A panel is the mean over an objective's runs."
    assert caption(given(curve=runs)).endswith(f"to the later.{mean}")
    assert caption(given(curve=runs[runs["series"] == "a"])).endswith("to the later.")


def test_playing_the_steps_changes_data_only(curve, shape, steps):
    short = curve[(curve["series"] != "mixed") | (curve["step"] < 4)]
    assert len({shape(heatmap(short, steps=steps, step=step)) for step in (None, *steps)}) == 1


def test_colours_start_at_zero_unless_the_values_are_far_from_it(curve, steps):
    def domain(values):
        table = curve.head(2).assign(mean=values)
        return heatmap(table, steps=steps).to_dict()["concat"][0]["layer"][0]["encoding"]["color"]["scale"]["domain"]

    assert domain([0.1, 1.0]) == [0.0, 1.0]
    assert domain([9.0, 10.0]) == [9.0, 10.0]
    assert domain([-1.0, 1.0]) == [-1.0, 1.0]
    assert domain([0.0, 0.0]) == [0.0, 1.0]


def test_an_objective_that_is_switched_off_keeps_its_place_and_the_chart(curve, steps, render):
    objectives = ("helpful", "harmless", "mixed")

    def sent(part):
        return template(plain(lambda: heatmap(part, steps=steps, step=4, objectives=objectives))).spec

    left = curve[curve["series"] != "harmless"].assign(mean=lambda table: 3 * table["mean"])
    one, other = sent(curve), sent(left)
    assert [panel["title"]["text"] for panel in other["concat"]] == list(objectives)
    assert one["concat"] == other["concat"]
    assert "harmless" in render(heatmap(left, steps=steps, objectives=objectives))
    runs = left.assign(series=left["series"] + " 1")  # which run an objective has is not known where it is off
    assert len(heatmap(runs, steps=steps, objectives=objectives).to_dict()["concat"]) == 2


def test_a_click_in_any_panel_chooses_a_step(curve, steps):
    spec = heatmap(pd.concat([curve]), steps=steps).to_dict()
    (param,) = spec["params"]
    assert param["name"] == "step"
    assert param["views"] == [panel["layer"][0]["name"] for panel in spec["concat"]]


def test_the_answer_names_the_largest_cell():
    table = pd.DataFrame({"series": ["a", "b", "b"], "layer": [6, 6, 12], "step": [4, 8, 8], "mean": [0.1, 0.5, None]})
    assert answer(given(curve=table)) == "The largest move is 0.500, at layer 6, step 8 (b)."
    assert answer(given(curve=table.assign(mean=None))) == "No cell has a value yet."
