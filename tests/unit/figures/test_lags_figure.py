import numpy as np
import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.figures.lags import FIGURE, answer, caption, more, numbers
from tests.unit.figures import hand_made
from tests.unit.figures.hand_made import PLAIN, Tables, among_others, drawn, given, rows


def lag(rows: pd.DataFrame, behaviour: str = "refusal"):
    return drawn("lags", given(rows=rows, behaviour=behaviour))


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
    found = [(row["lag_lo"], row["lag_checkpoints"], row["lag_hi"]) for row in rows_of(lag(lags))]
    assert found == [(1.0, 2, 3.0), (0.0, 0, 0.0), (-2.0, -1, -0.5)]


def test_whiskers_hold_the_dot(lags):
    """The peak of the mean need not lie among the middle 80 % of the subsamples' own."""
    off = lags.assign(peak_lo=4.0, peak_hi=4.0)
    for row in rows_of(lag(off)):
        assert row["lag_lo"] <= row["lag_checkpoints"] <= row["lag_hi"]


def test_the_lag_answer(lags):
    assert answer(given(rows=lags)) == ("Topology peaks first in 1 of 3 cases, behaviour in 1, both at once in 1.")
    assert more(given(rows=lags)).endswith("Median lag: +0 checkpoints.")
    ahead = lags.assign(lag_checkpoints=[2, 1, 0])
    assert answer(given(rows=ahead)).endswith("first in 2 of 3 cases, behaviour in 0, both at once in 1.")
    behind = lags.assign(lag_checkpoints=[-2, -1, -1])
    assert answer(given(rows=behind)) == "Topology peaks first in 0 of 3 cases, behaviour in 3."


def test_peaks_are_told_with_their_steps(lags):
    """Where topology's peaks over the middle 80 % of the subsamples, too."""
    first, same, behind = rows_of(lag(lags))
    assert (first["topology_words"], first["behaviour_words"]) == ("step 2 (1.00 to 4.00)", "step 8")
    assert [one["lag_words"] for one in (first, same, behind)] == [
        "2 checkpoints (6 steps) after topology", "at the same checkpoint", "1 checkpoint (2 steps) before topology"
    ]  # fmt: skip


def test_zero_is_in_the_middle_and_the_sides_have_names(lags, render):
    spec = lag(lags).to_dict()
    low, high = spec["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert low == -high
    assert high > 3
    svg = render(lag(lags))
    for words in ("topology first →", "← behaviour first", "refusal", "2 checkpoints (6 steps) after topology"):
        assert words in svg


def test_series_stand_in_the_order_of_the_legend(lags):
    offset = lag(lags).to_dict()["layer"][-1]["encoding"]["yOffset"]["scale"]["domain"]
    assert offset == ["a", "b"]
    other = lags.assign(objective=lags["objective"].map({"helpful": "harmless", "harmless": "helpful"}))
    offset = lag(other).to_dict()["layer"][-1]["encoding"]["yOffset"]["scale"]["domain"]
    assert offset == ["b", "a"]


def test_lags_of_one_and_without_spread(lags, render):
    for part in (lags.head(1), lags.set_axis([0] * 3), lags.assign(peak_lo=np.nan),
                 lags.assign(peak_lo=np.nan, peak_hi=np.nan, series="<b>")):  # fmt: skip
        assert "<b>" not in render(lag(part), dark=True)


# --- what is read -----------------------------------------------------------------------------------


@pytest.fixture
def results(lags):
    own = lags.drop(columns="objective").rename(columns={"layer": "at"})  # all layers are read
    own = own.assign(name="refusal", per="transition", resolution_steps=[2.0, 1000.0, 4.0], degree=1, scale="raw")
    own = own.assign(series=["b", "a", "a"])
    table = pd.concat([among_others(own, "lag_checkpoints", per="step"), own.assign(name="acc", lag_checkpoints=9)])
    table = table.rename(columns={"at": "layer"})
    unknown = table.query("name == 'refusal'").tail(1).assign(lag_checkpoints=np.nan)
    moves = rows("series step_from step name category value", ("a", 0, 1, "refusal", "", 0.5),
                 ("a", 0, 1, "acc", "", 0.5), **PLAIN)  # fmt: skip
    return Tables({"lags": pd.concat([unknown, table]), "behaviour_moves": moves})


def test_lags_of_the_first_behaviour_unless_another_is_chosen(results):
    data = hand_made.read("lags", results)
    assert data.behaviour == "refusal score"
    assert set(data.rows) - set(FIGURE.table(data)) == {"degree", "scale", "per", "name", "objective"}
    assert data.rows[["series", "objective", "lag_checkpoints"]].to_numpy().tolist() == [
        ["a", "helpful", 0], ["a", "helpful", -1], ["b", "harmless", 2]
    ]  # fmt: skip
    other = hand_made.read("lags", results, behaviour="acc")
    assert (other.behaviour, set(other.rows["lag_checkpoints"])) == ("acc", {9})
    assert "2 to 1,000 steps; a lag within that is none." in caption(data)
    assert "peak of refusal score minus peak of H1 velocity, both per transition, in checkpoints" in caption(data)
    assert numbers(data).rows[-1] == ["b", "6", "2", "1 to 4", "8", "+2"]
    with pytest.raises(Fault, match="no series has a peak in both"):
        hand_made.read("lags", results, behaviour="other")
    with pytest.raises(Fault, match="has not been measured"):
        hand_made.read("lags", Tables({"lags": results.given["lags"]}))
