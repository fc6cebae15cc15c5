import numpy as np
import pandas as pd
import pytest

from phcore.figures.charts.mixture import mixture_answer, mixture_chart
from phcore.figures.charts.separation import effects_answer, effects_chart, separation_answer, separation_chart
from phcore.topology.summaries import FEATURE_WORDS, FEATURES

STEPS = [0, 1, 2, 4]


@pytest.fixture
def pairs():
    """helpful and harmless part at step 2, helpful and mixed never."""
    far = {"helpful": [0.0, 0.5, 3.0, 8.0], "mixed": [0.0, 0.5, 0.9, 0.7]}
    rows = [(a, "harmless", a, "harmless", step, far[a][at]) for a in far for at, step in enumerate(STEPS)]
    columns = ["series_a", "series_b", "objective_a", "objective_b", "step", "value"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def floor(pairs):
    return pairs[["series_a", "series_b", "step"]].assign(lo=0.5, hi=1.0)


def test_each_pair_is_judged_by_its_own_floor(pairs, floor):
    assert separation_answer(pairs, floor) == (
        "At step 4 helpful and harmless are 8.00 apart (beyond the floor since step 2); "
        "mixed and harmless are 0.700 apart (no farther than resampling)."
    )
    low = floor.assign(hi=np.where(floor["series_a"] == "mixed", 0.6, 9.0))
    other = separation_answer(pairs, low)
    assert "8.00 apart (no farther than resampling)" in other
    assert "0.700 apart (beyond the floor since step 2)" in other
    assert "floor" not in separation_answer(pairs)
    assert "apart at step 1." in separation_answer(pairs[(pairs["series_a"] == "mixed") | (pairs["step"] < 2)])
    assert "yet" in separation_answer(pairs.head(0), floor)


def test_of_many_pairs_the_farthest_and_the_nearest(pairs, floor):
    many = pd.concat([pairs.assign(series_b=f"run {k}", value=pairs["value"] * k) for k in (1, 2)])
    answer = separation_answer(many)
    assert answer.startswith("Of 4 pairs at step 4, the farthest: helpful and run 2 are 16.0 apart")
    assert answer.endswith("the nearest: mixed and run 1 are 0.700 apart.")


def test_a_line_has_the_colours_of_both_and_its_name(pairs, floor, render):
    chart = separation_chart(pairs, floor, steps=STEPS, selected_step=2)
    rows = next(rows for rows in chart.to_dict()["datasets"].values() if "kind" in rows[0])
    colours = {(row["colour_a"], row["colour_b"]) for row in rows if row["kind"] == "curve"}
    assert colours == {("#0072B2", "#D55E00"), ("#009E73", "#D55E00")}
    svg = render(chart)
    for words in ("helpful – harmless", "mixed – harmless", ">floor<", "step 2", "resampling SDs", "training step"):
        assert words in svg


def test_long_names_have_two_lines_and_many_pairs_none(pairs, render):
    long = pairs.assign(series_a=pairs["series_a"] + " of a long run", series_b="another long run")
    svg = render(separation_chart(long, steps=STEPS, answer="."))
    assert ">helpful of a long run –<" in svg
    assert ">another long run<" in svg
    many = pd.concat([pairs.assign(series_b=f"run {k}") for k in range(5)])
    assert ">helpful – run 1<" not in render(separation_chart(many, steps=STEPS, answer="."))
    few = pd.concat([pairs.assign(series_b=f"run {k}") for k in range(4)])
    assert ">helpful – run 1<" in render(separation_chart(few, steps=STEPS, answer="."))


def test_the_band_covers_the_floors_of_all_pairs(pairs, floor):
    wide = floor.assign(hi=np.where(floor["series_a"] == "mixed", 2.0, 1.0))
    rows = next(r for r in separation_chart(pairs, wide, steps=STEPS).to_dict()["datasets"].values() if "kind" in r[0])
    assert {(row["lo"], row["hi"]) for row in rows if row["kind"] == "floor"} == {(0.5, 2.0)}


def test_playing_the_steps_changes_data_only(pairs, floor, shape):
    shapes = {shape(separation_chart(pairs, floor, steps=STEPS, selected_step=step)) for step in (None, *STEPS)}
    assert len(shapes) == 1


def test_separation_of_none_one_and_nasty_names(pairs, floor, render):
    for part in (
        pairs.head(0),
        pairs.set_axis([0] * len(pairs)),
        pairs.assign(value=np.nan),
        pairs.assign(series_a="<b>&"),
    ):
        for below in (None, floor):
            svg = render(separation_chart(part, below, steps=STEPS), dark=True)
            assert "<b>" not in svg


# --- features ---------------------------------------------------------------------------------------------


@pytest.fixture
def effects():
    """All 41 features: g falls from 20, alternating in sign; only those beyond 5 are clear."""
    g = np.linspace(20, 0, len(FEATURES)) * np.where(np.arange(len(FEATURES)) % 2, -1, 1)
    table = pd.DataFrame({"feature": FEATURES, "g": g, "g_lo": g - 5, "g_hi": g + 5, "delta": g / 20})
    table = table.assign(delta_lo=table["delta"] - 0.1, delta_hi=table["delta"] + 0.1)
    return table.assign(series_a="run a", series_b="run b", objective_a="helpful", objective_b="harmless")


def test_the_strongest_features_stand_on_top_in_the_colour_of_the_higher(effects, render):
    shuffled = effects.sample(frac=1, random_state=0)
    chart = effects_chart(shuffled)
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
    answer = effects_answer(effects)
    assert answer.startswith(f"{clear} of 41 features")
    assert answer.endswith("H0 death, mean, higher in run a, g\u00a0=\u00a020.0 (15.0 to 25.0).")
    assert "higher in run b" in effects_answer(effects.tail(-1))
    assert "delta" in effects_answer(effects, "delta")
    assert "yet" in effects_answer(effects.head(0))


def test_zero_is_on_the_axis_and_all_whiskers_are_inside(effects):
    for part in (effects, effects[effects["g"] > 0], effects[effects["g"] < 0]):
        low, high = effects_chart(part).to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"]
        shown = part.head(12)
        assert low < min(0, shown["g_lo"].min())
        assert high > max(0, shown["g_hi"].max())
    assert effects_chart(effects, size="delta").to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"] == [-1, 1]


def test_effects_of_none_one_and_nothing_known(effects, render):
    for part in (
        effects.head(0),
        effects.set_axis([0] * len(effects)),
        effects.assign(g=np.nan),
        effects.assign(g=0.0, g_lo=0.0, g_hi=0.0),
    ):
        render(effects_chart(part), dark=True)


# --- mixture ----------------------------------------------------------------------------------------------


@pytest.fixture
def mixture():
    """Parts that cannot be told apart at step 1; then between them, then beyond part b."""
    return pd.DataFrame(
        {
            "series": "both", "part_a": "run a", "part_b": "run b",
            "objective": "mixed", "objective_a": "helpful", "objective_b": "harmless",
            "step": STEPS,
            "along": [np.nan, -7.0, 0.25, 1.5],
            "off": [np.nan, 0.1, 1.0, 2.0],
            "to_a": [0.0, 0.7, 2.7, 15.1],
            "to_b": [0.0, 0.8, 7.6, 5.4],
            "a_to_b": [0.0, 0.1, 10.0, 10.0],
            "floor": [1.0, 1.0, 1.0, 1.0],
        }
    )  # fmt: skip


def test_the_answer_counts_only_steps_at_which_the_parts_are_apart(mixture):
    assert mixture_answer(mixture) == (
        "At step 4 both lies 150% of the way from run a to run b, 2.00 off the line between them, which is 10.0 long "
        "(floor 1.00). It lies between them at 1 of the 2 steps at which they are farther apart than their floor (the "
        "filled dots)."
    )
    far_off = mixture.assign(off=30.0, to_a=30.1, to_b=30.9)
    assert "at 0 of the 2 steps" in mixture_answer(far_off)
    assert "cannot be told" in mixture_answer(mixture.assign(floor=99.0))
    assert "cannot be told" in mixture_answer(mixture.head(0))


def test_both_panels_share_the_step_and_its_selection(mixture, shape):
    spec = mixture_chart(mixture, steps=STEPS, selected_step=2).to_dict()
    params = {param["name"]: param for param in spec["params"]}
    names = [layer["name"] for panel in spec["hconcat"] for layer in panel["layer"] if "name" in layer]
    assert params["step"]["views"] == names
    assert len(set(names)) == 2
    shapes = {shape(mixture_chart(mixture, steps=STEPS, selected_step=step)) for step in (None, *STEPS)}
    assert len(shapes) == 1


def test_parts_and_distances_have_their_names(mixture, render):
    svg = render(mixture_chart(mixture, steps=STEPS, selected_step=2))
    for words in ("Does both lie between run a and run b?", ">run a<", ">run b<", ">to run a<", ">off the line<",
                  ">floor<", ">run a to run b<"):  # fmt: skip
        assert words in svg
    assert "NaN" not in svg


def test_mixture_of_none_one_and_nasty_names(mixture, render):
    for part in (
        mixture.head(0),
        mixture.set_axis([0] * len(mixture)),
        mixture.tail(1),
        mixture.assign(series="<b>", part_a="a'\"\\"),
    ):
        assert "<b>" not in render(mixture_chart(part, steps=STEPS), dark=True)
