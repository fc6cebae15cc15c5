import numpy as np
import pandas as pd
import pytest

from phcore.figures.charts.behaviour import (
    behaviour_answer,
    behaviour_chart,
    early_final_answer,
    early_final_chart,
    lag_answer,
    lag_chart,
)

STEPS = [0, 1, 2, 4, 8]


def table(column: str, **by_series) -> pd.DataFrame:
    rows = [
        (name, name, step, value)
        for name, values in by_series.items()
        for step, value in zip(STEPS[1:], values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["series", "objective", "step", column])


@pytest.fixture
def velocity():
    return table("mean", helpful=[1, 5, 3, 2], harmless=[1, 5, 3, 2], mixed=[1, 2, 3, 5])


@pytest.fixture
def moves():
    """Topology peaks before behaviour in helpful, with it in harmless, after it in mixed."""
    return table("value", helpful=[0.1, 0.2, 0.5, 0.1], harmless=[0.1, 0.5, 0.2, 0.1], mixed=[0.5, 0.2, 0.1, 0.1])


def test_the_answer_counts_which_peak_is_first(moves, velocity):
    assert behaviour_answer(moves, velocity) == (
        "Of 3 series, topology peaks first in 1, at the same checkpoint in 1, last in 1. Steps of the two peaks "
        "(ringed): harmless 2 against 2, helpful 2 against 4, mixed 8 against 1."
    )
    many = [pd.concat([t.assign(series=t["series"] + f" {k}") for k in (1, 2)]) for t in (moves, velocity)]
    assert behaviour_answer(*many).endswith("last in 2. Median step of the peaks: 2 against 2.")
    assert behaviour_answer(moves[moves["series"] == "helpful"], velocity).startswith("Of 1 series")
    for part in (moves.head(0), moves.assign(value=0.0), moves.assign(value=np.nan)):
        assert "yet" in behaviour_answer(part, velocity)


def test_the_lines_from_the_peaks_of_topology_reach_both_panels_and_take_turns(moves, velocity):
    spec = behaviour_chart(moves, velocity, steps=STEPS).to_dict()
    upper, lower = (panel["layer"][0] for panel in spec["vconcat"])
    assert upper["mark"]["type"] == lower["mark"]["type"] == "rule"
    rows = spec["datasets"][lower["data"]["name"]]
    found = {row["series"]: (row["step"], row["before"], row["pause"]) for row in rows}
    assert found == {"harmless": (2, 0, 6), "helpful": (2, 6, 6), "mixed": (8, 0, 6)}
    assert upper["data"] == lower["data"]


def test_both_panels_share_the_step_and_playing_changes_data_only(moves, velocity, shape):
    spec = behaviour_chart(moves, velocity, steps=STEPS, selected_step=2).to_dict()
    params = {param["name"]: param for param in spec["params"]}
    names = [layer["name"] for panel in spec["vconcat"] for layer in panel["layer"] if "name" in layer]
    assert params["step"]["views"] == names
    assert len(set(names)) == 2
    shapes = {shape(behaviour_chart(moves, velocity, steps=STEPS, selected_step=step)) for step in (None, *STEPS)}
    assert len(shapes) == 1


def test_behaviour_of_none_one_seeds_and_nasty_names(moves, velocity, render):
    seeds = [pd.concat([t, t.assign(series=t["series"] + " 2")]) for t in (moves, velocity)]
    for a, b in (
        (moves.head(0), velocity.head(0)),
        (moves.head(0), velocity),
        (moves.head(1), velocity.head(1)),
        (moves.set_axis([0] * len(moves)), velocity.set_axis([0] * len(velocity))),
        (moves.assign(series="<b>", objective="<b>"), velocity.assign(lo=velocity["mean"] - 1, hi=np.nan)),
        seeds,
    ):
        svg = render(behaviour_chart(a, b, steps=STEPS), dark=True)
        assert "<b>" not in svg
        assert "Jensen-Shannon divergence (nats)" in svg
    assert "run" in render(behaviour_chart(*seeds, steps=STEPS))


# --- lags -------------------------------------------------------------------------------------------------


@pytest.fixture
def lags():
    columns = ["series", "objective", "layer", "peak_topology", "peak_lo", "peak_hi", "peak_behaviour"]
    table = pd.DataFrame(
        [
            ("a", "helpful", 6, 2, 1.0, 4.0, 8),
            ("b", "harmless", 6, 4, 4.0, 4.0, 4),
            ("a", "helpful", 12, 4, 3.0, 8.0, 2),
        ],
        columns=columns,
    )
    return table.assign(lag_checkpoints=[2, 0, -1], lag_steps=[6, 0, -2])


def rows_of(chart) -> list[dict]:
    return next(rows for rows in chart.to_dict()["datasets"].values() if "lag_words" in rows[0])


def test_whiskers_are_counted_in_checkpoints(lags):
    """A peak of topology at step 4 instead of 2 is one checkpoint nearer to behaviour; step 3 is between two."""
    found = [(row["lag_lo"], row["lag_checkpoints"], row["lag_hi"]) for row in rows_of(lag_chart(lags, steps=STEPS))]
    assert found == [(1.0, 2, 3.0), (0.0, 0, 0.0), (-2.0, -1, -0.5)]


def test_whiskers_hold_the_dot(lags):
    """The peak of the mean need not lie among the middle 80 % of the subsamples' own."""
    off = lags.assign(peak_lo=4.0, peak_hi=4.0)
    for row in rows_of(lag_chart(off, steps=STEPS)):
        assert row["lag_lo"] <= row["lag_checkpoints"] <= row["lag_hi"]


def test_the_lag_answer(lags):
    assert lag_answer(lags) == (
        "Of 3 (series, layer), topology peaks first in 1, at the same checkpoint in 1, behaviour first in 1. "
        "Median: +0 checkpoints."
    )
    assert "yet" in lag_answer(lags.assign(lag_checkpoints=np.nan))


def test_zero_is_in_the_middle_and_the_sides_have_names(lags, render):
    spec = lag_chart(lags, steps=STEPS).to_dict()
    low, high = spec["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert low == -high
    assert high > 3
    svg = render(lag_chart(lags, steps=STEPS, behaviour="refusal"))
    for words in ("topology first →", "← behaviour first", "refusal", "2 checkpoints (6 steps) after topology"):
        assert words in svg


def test_series_stand_in_the_order_of_the_legend(lags):
    offset = lag_chart(lags, steps=STEPS).to_dict()["layer"][-1]["encoding"]["yOffset"]["scale"]["domain"]
    assert offset == ["a", "b"]
    other = lags.assign(objective=lags["objective"].map({"helpful": "harmless", "harmless": "helpful"}))
    offset = lag_chart(other, steps=STEPS).to_dict()["layer"][-1]["encoding"]["yOffset"]["scale"]["domain"]
    assert offset == ["b", "a"]


def test_lags_of_none_one_and_without_spread(lags, render):
    for part in (lags.head(0), lags.head(1), lags.set_axis([0] * 3), lags.assign(lag_checkpoints=np.nan),
                 lags.assign(peak_lo=np.nan),
                 lags.assign(peak_lo=np.nan, peak_hi=np.nan, series="<b>")):  # fmt: skip
        assert "<b>" not in render(lag_chart(part, steps=STEPS), dark=True)


# --- early against final ------------------------------------------------------------------------------------


@pytest.fixture
def points():
    return pd.DataFrame(
        {
            "series": ["a"] * 3 + ["b"] * 3,
            "objective": ["helpful"] * 3 + ["harmless"] * 3,
            "layer": [6, 12, 18] * 2,
            "x": [0.2, 0.2, 0.21, 0.3, 0.5, 0.4],
            "y": [1.5] * 3 + [2.5] * 3,
        }
    )


def test_colour_is_the_objective_and_shape_the_layer(points, render):
    mark = early_final_chart(points, x_title="C", y_title="nll").to_dict()["layer"][0]["encoding"]
    assert mark["shape"]["scale"]["domain"] == [6, 12, 18]
    assert len(set(mark["shape"]["scale"]["range"])) == 3
    assert mark["color"]["scale"]["domain"] == ["helpful", "harmless"]
    svg = render(early_final_chart(points, x_title="C", y_title="nll"))
    for words in (">helpful<", ">layer<", ">18<"):
        assert words in svg


def test_the_answer_tells_how_many_runs(points):
    known = pd.Series({"rho": 0.5, "lo": -0.25, "hi": 0.75, "points": 6, "runs": 2})
    assert early_final_answer(known) == (
        "Spearman's rho 0.50 (-0.25 to 0.75), n = 6 layers of 2 runs; the layers of a run share its end."
    )
    assert "no interval" in early_final_answer(known.replace({-0.25: np.nan}))
    for unknown in (None, known.replace({0.5: np.nan})):
        assert early_final_answer(unknown) == "Too few runs end with a known behaviour."


def test_early_final_of_none_one_and_nasty_names(points, render):
    for part in (points.head(0), points.set_axis([0] * 6), points.assign(y=np.nan), points.assign(objective="<b>")):
        svg = render(early_final_chart(part, x_title="concentration", y_title="nll (nats)"), dark=True)
        assert "<b>" not in svg
        assert "nll (nats)" in svg or part["y"].isna().all()
