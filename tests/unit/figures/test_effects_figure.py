import numpy as np
import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.figures.effects import _around_zero, answer, caption, more, numbers
from phcore.figures.figure import Choice
from phcore.figures.registry import FIGURES
from phcore.topology.summaries import FEATURE_WORDS, FEATURES
from tests.unit.figures import hand_made
from tests.unit.figures.hand_made import Tables, among_others, drawn, given, rows


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
    assert answer == (
        f"{clear} of {len(FEATURES)} features differ, most of all H0 death, mean: Hedges' g 20.0, higher in run a."
    )
    assert more(read(effects)).endswith("Strongest: g\u00a0=\u00a020.0 (15.0 to 25.0).")
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


@pytest.mark.parametrize(
    ("values", "domain"),
    [
        ([np.nan, -1.0, 3.0, np.nan], (-1.12, 3.12)),  # 3 % of what there is on both sides
        ([1.0, 4.0], (-0.4, 4.12)),  # room for zero: a tenth
        ([-4.0], (-4.12, 0.4)),
        ([], (-0.1, 0.1)),
    ],
)
def test_a_domain_around_zero(values, domain):
    assert _around_zero(values) == pytest.approx(domain)


def test_an_effect_whose_interval_ends_at_zero_is_not_clear(effects):
    one = effects.head(3).assign(g_lo=[0.0, -1.0, 0.1], g_hi=[1.0, 0.0, 1.0])
    assert told(one).startswith("1 of 3 features")
    assert "higher in run b" in told(effects.head(1).assign(g=-1.0, g_lo=-2.0, g_hi=-0.5))


def test_effects_of_none_one_and_nothing_known(effects, render):
    for part in (
        effects.head(0),
        effects.set_axis([0] * len(effects)),
        effects.assign(g=np.nan),
        effects.assign(g=0.0, g_lo=0.0, g_hi=0.0),
    ):
        render(effect(part), dark=True)


# --- what is read -----------------------------------------------------------------------------------


def table():
    """Of three pairs at two steps, a2 and b end farthest apart in g (though a and b are farther in one feature)."""
    sizes = {("a", "a2"): (0.1, 0.1), ("a", "b"): (3.0, 0.0), ("a2", "b"): (-2.5, 1.5)}
    names = "series_a series_b step feature g g_lo g_hi delta delta_lo delta_hi"
    values = [
        (a, b, step, feature, g * step, g * step - 1, g * step + 1, 0.5, 0.4, 0.6)
        for (a, b), both in sizes.items() for step in (1, 2)
        for feature, g in zip(("h0_death_mean", "h1_count"), both, strict=True)
    ]  # fmt: skip
    earlier = ("a", "a2", 1, "h1_count", 99.0, 98.0, 100.0, 0.5, 0.4, 0.6)
    return rows(names, earlier, *values, degree=None, order=None, norm=None)


@pytest.fixture
def results():
    return Tables({"effects": among_others(table(), "g")})


def test_the_pair_that_ends_farthest_apart_is_shown_unless_another_is_chosen(results):
    data = hand_made.read("effects", results)
    assert (data.first, data.second, data.step) == ("a2", "b", 2)
    assert data.rows["g"].tolist() == [-5.0, 3.0]
    assert data.rows[["objective_a", "objective_b"]].drop_duplicates().to_numpy().tolist() == [["helpful", "harmless"]]
    other = hand_made.read("effects", results, first="a", second="b", step=1)
    assert (other.first, other.second, other.step, other.rows["g"].tolist()) == ("a", "b", 1, [3.0, 0.0])
    with pytest.raises(Fault, match="two series and at least two subsamples"):
        hand_made.read("effects", Tables(record=hand_made.record_of({"a": "helpful"})))
    with pytest.raises(Fault, match="not been measured at this layer yet"):
        hand_made.read("effects", Tables())


def test_pairs_and_steps_that_can_be_chosen(results):
    pair, step, size = FIGURES["effects"].controls
    choice = Choice.of(results, layer=6, first="a", second="b")
    assert pair.options(results, choice) == [("a", "a2"), ("a", "b"), ("a2", "b")]
    assert step.options(results, choice) == [1, 2]
    later = pd.concat([table(), table().query("series_b == 'a2'").assign(step=4)])
    one, other = (Choice.of(results, layer=6, first="a", second=second) for second in ("a2", "b"))
    assert step.options(Tables({"effects": later}), one) == [1, 2, 4]
    assert step.options(Tables({"effects": later}), other) == [1, 2]
    assert step.default(results, choice, [1, 2]) == 2
    assert size.options(results, choice) == ("g", "delta")


def test_effects_in_words(results):
    data = hand_made.read("effects", results)
    assert caption(data) == (
        "Positive: a2 has more. The unit is the spread over subsamples of one cell. Whiskers: 95 % for another choice "
        "of prompts (n = 40 prompts, m = 12 in a subsample), from the paired differences; another training run is not "
        "covered."
    )
    found = numbers(data)
    assert [row[0] for row in found.rows] == ["H0 death, mean", FEATURE_WORDS["h1_count"]]
    assert found.rows[0][1:] == ["-5.00", "-6.00 to -4.00", "0.50"]
    unknown = data.rows.assign(g=data.rows["g"].where(data.rows["feature"] == "h1_count"))
    left = numbers(type(data)(**vars(data) | {"rows": unknown}))
    assert [row[0] for row in left.rows] == [FEATURE_WORDS["h1_count"]]
    alone = numbers(type(data)(**vars(data) | {"rows": data.rows.assign(delta=float("nan"))}))
    assert [row[1] for row in alone.rows] == [row[1] for row in found.rows]
