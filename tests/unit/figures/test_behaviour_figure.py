import numpy as np
import pandas as pd
import pytest

from phcore.figures.behaviour import answer
from tests.unit.figures.hand_made import STEPS, drawn, given


def behaviour(moves: pd.DataFrame, velocity: pd.DataFrame, **look):
    return drawn("behaviour", given(moves=moves, velocity=velocity, name="js"), **look)


def told(moves: pd.DataFrame, velocity: pd.DataFrame) -> str:
    return answer(given(moves=moves, velocity=velocity))


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
    assert told(moves, velocity) == (
        "Of 3 series, topology peaks first in 1, at the same checkpoint in 1, last in 1. Steps of the two peaks "
        "(ringed): harmless 2 against 2, helpful 2 against 4, mixed 8 against 1."
    )
    many = [pd.concat([t.assign(series=t["series"] + f" {k}") for k in (1, 2)]) for t in (moves, velocity)]
    assert told(*many).endswith("last in 2. Median step of the peaks: 2 against 2.")
    assert told(moves[moves["series"] == "helpful"], velocity).startswith("Of 1 series")
    for part in (moves.head(0), moves.assign(value=0.0), moves.assign(value=np.nan)):
        assert "yet" in told(part, velocity)


def test_the_lines_from_the_peaks_of_topology_reach_both_panels_and_take_turns(moves, velocity):
    spec = behaviour(moves, velocity).to_dict()
    upper, lower = (panel["layer"][0] for panel in spec["vconcat"])
    assert upper["mark"]["type"] == lower["mark"]["type"] == "rule"
    rows = spec["datasets"][lower["data"]["name"]]
    found = {row["series"]: (row["step"], row["before"], row["pause"]) for row in rows}
    assert found == {"harmless": (2, 0, 6), "helpful": (2, 6, 6), "mixed": (8, 0, 6)}
    assert upper["data"] == lower["data"]


def test_both_panels_share_the_step_and_playing_changes_data_only(moves, velocity, shape):
    spec = behaviour(moves, velocity, step=2).to_dict()
    params = {param["name"]: param for param in spec["params"]}
    names = [layer["name"] for panel in spec["vconcat"] for layer in panel["layer"] if "name" in layer]
    assert params["step"]["views"] == names
    assert len(set(names)) == 2
    shapes = {shape(behaviour(moves, velocity, step=step)) for step in (None, *STEPS)}
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
        svg = render(behaviour(a, b), dark=True)
        assert "<b>" not in svg
        assert "next tokens (Jensen-Shannon divergence, nats)" in svg
    assert "run" in render(behaviour(*seeds))
