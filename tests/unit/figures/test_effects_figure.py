import numpy as np
import pandas as pd
import pytest

from phcore.figures.effects import answer
from phcore.topology.summaries import FEATURE_WORDS, FEATURES
from tests.unit.figures.hand_made import drawn, given


def read(rows: pd.DataFrame, size: str = "g"):
    return given({"size": size}, rows=rows, first="run a", second="run b", step=4)


def effect(rows: pd.DataFrame, size: str = "g"):
    return drawn("effects", read(rows, size))


def told(rows: pd.DataFrame, size: str = "g") -> str:
    return answer(read(rows, size))


@pytest.fixture
def effects():
    """All features: g falls from 20, alternating in sign; only those beyond 5 are clear."""
    g = np.linspace(20, 0, len(FEATURES)) * np.where(np.arange(len(FEATURES)) % 2, -1, 1)
    table = pd.DataFrame({"feature": FEATURES, "g": g, "g_lo": g - 5, "g_hi": g + 5, "delta": g / 20})
    table = table.assign(delta_lo=table["delta"] - 0.1, delta_hi=table["delta"] + 0.1)
    return table.assign(series_a="run a", series_b="run b", objective_a="helpful", objective_b="harmless")


def test_the_strongest_features_stand_on_top_in_the_colour_of_the_higher(effects, render):
    shuffled = effects.sample(frac=1, random_state=0)
    chart = effect(shuffled)
    spec = chart.to_dict()
    dots = spec["layer"][-1]
    assert dots["encoding"]["y"]["scale"]["domain"] == [FEATURE_WORDS[name] for name in FEATURES[:12]]
    rows = next(rows for rows in spec["datasets"].values() if "feature" in rows[0])
    assert [row["colour"] for row in rows[:2]] == ["#0072B2", "#D55E00"]
    svg = render(chart)
    for words in ("← higher in run b", "higher in run a →", "Hedges", FEATURE_WORDS[FEATURES[0]]):
        assert words in svg
    assert FEATURE_WORDS[FEATURES[20]] not in svg


def test_the_answer_counts_features_whose_interval_leaves_zero_out(effects):
    clear = int((effects["g"].abs() > 5).sum())
    answer = told(effects)
    assert answer.startswith(f"{clear} of {len(FEATURES)} features")
    assert answer.endswith("H0 death, mean, higher in run a, g\u00a0=\u00a020.0 (15.0 to 25.0).")
    assert "higher in run b" in told(effects.tail(-1))
    assert "delta" in told(effects, "delta")
    assert "yet" in told(effects.head(0))


def test_zero_is_on_the_axis_and_all_whiskers_are_inside(effects):
    for part in (effects, effects[effects["g"] > 0], effects[effects["g"] < 0]):
        low, high = effect(part).to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"]
        shown = part.head(12)
        assert low < min(0, shown["g_lo"].min())
        assert high > max(0, shown["g_hi"].max())
    assert effect(effects, "delta").to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"] == [-1, 1]


def test_effects_of_none_one_and_nothing_known(effects, render):
    for part in (
        effects.head(0),
        effects.set_axis([0] * len(effects)),
        effects.assign(g=np.nan),
        effects.assign(g=0.0, g_lo=0.0, g_hi=0.0),
    ):
        render(effect(part), dark=True)
