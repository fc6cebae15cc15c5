"""The rules by which numbers become verdicts, on tables made for each of them."""

import numpy as np
import pandas as pd
import pytest

from phcore.analysis import findings as f
from phcore.analysis.courses import Model
from phcore.stages.registry import tables as documented

SCALE, ORDER = "raw", 2.0
SERIES = ("helpful", "harmless", "mixed")
LAYERS = (1, 2)


def concentration(p=0.01, share=0.7, lo=0.6, hi=0.8, null_mean=0.33, transitions=10, **per_series):
    """One row per series, layer, reading and null; `per_series` overrides values for a series."""
    rows = []
    for series in SERIES:
        values = {"p_max": p, "concentration": share, "lo": lo, "hi": hi, "null_mean": null_mean}
        values |= per_series.get(series, {})
        rows += [
            {
                "series": series, "layer": layer, "degree": 1, "order": ORDER, "norm": 2.0, "scale": SCALE,
                "per": "transition", "by": by, "with_base": base, "null": null, "transitions": transitions, **values,
            }
            for layer in LAYERS for by in ("index", "step") for base in (True, False)
            for null in ("velocities", "checkpoints", "studentised")
        ]  # fmt: skip
    return pd.DataFrame(rows).reindex(columns=list(documented()["concentration"].columns))


def velocities(curves, subsamples=8, noise=0.0):
    """curves : (series, layer) -> {step: velocity}."""
    rng = np.random.default_rng(0)
    rows = []
    for (series, layer), curve in curves.items():
        previous = 0
        for step, value in curve.items():
            rows += [
                (series, previous, step, layer, b, 1, ORDER, 2.0, SCALE, value * (1 + noise * rng.normal()))
                for b in range(subsamples)
            ]
            previous = step
    return pd.DataFrame(rows, columns=list(documented()["velocities"].columns))


def every(curve):
    return {(series, layer): curve for series in SERIES for layer in LAYERS}


STEPS = (1, 2, 3, 4, 5, 6, 7, 8, 9)
BURST = dict(zip(STEPS, (0.5, 1.0, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1), strict=True))
FLAT = dict.fromkeys(STEPS, 1.0)
LATE = dict(zip(STEPS, (0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.5, 1.0, 0.2), strict=True))


def complete(finding):
    """Never a verdict without n, the null and the interval."""
    assert finding.n
    assert finding.null
    assert finding.interval
    assert (finding.verdict == f.UNKNOWN) == bool(finding.needed)
    assert finding.sentence.endswith(".")
    assert finding.title == f.TITLES[finding.claim]
    return finding


# --- 1: early -------------------------------------------------------------------------------------


def test_early_holds_where_most_series_beat_their_nulls():
    found = complete(f.early(concentration()))
    assert found.verdict == f.HOLDS
    assert "3 of 3 series" in found.sentence
    assert "70 %" in found.sentence
    assert "33%" not in found.sentence


def test_two_of_three_are_most_and_one_of_three_is_not():
    one = {"p_max": 0.4}
    assert f.early(concentration(mixed=one)).verdict == f.HOLDS
    assert complete(f.early(concentration(mixed=one, helpful=one))).verdict == f.UNKNOWN


def test_one_of_two_series_is_not_most_either_way():
    """Neither half of the rule is a verdict at exactly one half."""
    two = concentration(harmless={"p_max": 0.4, "hi": 0.3, "lo": 0.2, "concentration": 0.25})
    assert complete(f.early(two[two["series"] != "mixed"])).verdict == f.UNKNOWN


def test_early_does_not_hold_only_where_the_interval_lies_below_chance():
    low = {"p": 0.9, "share": 0.2, "lo": 0.15, "hi": 0.25}
    assert complete(f.early(concentration(**low))).verdict == f.FAILS
    assert f.early(concentration(**{**low, "hi": 0.4})).verdict == f.UNKNOWN


def test_the_null_that_keeps_its_level_decides():
    table = concentration()
    table.loc[table["null"] != "studentised", "p_max"] = 0.9
    assert f.early(table).verdict == f.HOLDS
    table["p_max"] = 1 - table["p_max"]
    assert f.early(table).verdict == f.UNKNOWN


def test_too_few_transitions_cannot_tell():
    found = complete(f.early(concentration(transitions=6)))
    assert found.verdict == f.UNKNOWN
    assert "7 transitions; there are 6" in found.needed


def test_a_series_without_the_base_is_judged_without_it():
    table = concentration()
    table = table[(table["series"] != "mixed") | ~table["with_base"].astype(bool)]
    assert "3 of 3 series" in f.early(table).sentence


def test_without_subsamples_the_interval_is_said_to_be_none():
    found = complete(f.early(concentration(lo=np.nan, hi=np.nan)))
    assert found.verdict == f.HOLDS
    assert found.interval.startswith("none")


def test_what_is_said_of_early_by_hand():
    table = concentration(
        transitions=10,
        helpful={"p_max": 0.01, "concentration": 0.7, "lo": 0.6, "hi": 0.8},
        harmless={"p_max": 0.03, "concentration": 0.5, "lo": 0.4, "hi": 0.6},
        mixed={"p_max": 0.4, "concentration": 0.3, "lo": 0.2, "hi": 0.35},
    )
    table.loc[table["by"] == "step", ["concentration", "null_mean"]] = 0.9, 0.8
    table.loc[~table["with_base"].astype(bool), ["concentration", "null_mean", "transitions"]] = 0.1, 0.2, 9
    assert f.early(table) == f.Finding(
        claim=1,
        title="Most topological change comes early",
        verdict="holds",
        sentence="2 of 3 series put more of their velocity into the first third of the checkpoints than chance would; "
        "that third holds 30 % to 70 % of it, where a random order gives 33 %. Counted by training step, the first "
        "third holds 90 %, but has so many of the checkpoints that a random order gives 80 %: the grid decides.",
        n="3 series, 6 series at layers, 10 transitions each",
        null="moves in random order, neighbours may correlate (studentised); p adjusted over the layers of a series "
        "(max-statistic): 0.01 to 0.4",
        interval="95 %: 20 % to 80 % (middle layer, for another choice of prompts)",
    )


# --- 2: peak and stabilisation --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("curve", "verdict"), [(BURST, f.HOLDS), (FLAT, f.FAILS), (LATE, f.FAILS)], ids=["burst", "flat", "late"]
)
def test_a_transient_early_peak_is_told_from_a_flat_and_a_late_course(curve, verdict):
    assert complete(f.peak(velocities(every(curve)))).verdict == verdict


def test_an_early_peak_that_the_subsamples_do_not_agree_on_cannot_be_told():
    """Two equal peaks, one early and one late: each subsample prefers another."""
    twice = dict(zip(STEPS, (1.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.99, 0.1, 0.1), strict=True))
    found = complete(f.peak(velocities(every(twice), subsamples=40, noise=0.1)))
    assert found.verdict == f.UNKNOWN


def test_two_transitions_are_no_course():
    found = complete(f.peak(velocities(every({1: 1.0, 2: 0.1}))))
    assert found.verdict == f.UNKNOWN
    assert "at least 3 transitions" in found.needed


def test_the_grid_alone_is_said_to_settle_per_step():
    doubling = dict.fromkeys((1, 2, 4, 8, 16, 32, 64, 128), 1.0)
    found = f.peak(velocities(every(doubling)))
    assert found.verdict == f.FAILS
    assert "under a quarter in 6 of 6; equal moves on this grid would do so in 6." in found.sentence


def test_what_never_moves_has_no_peak():
    found = complete(f.peak(velocities(every(dict.fromkeys(STEPS, 0.0)))))
    assert (found.verdict, found.n) == (f.UNKNOWN, "0")


def test_what_is_said_of_peaks_by_hand():
    """Three of six settle and three do not: most do neither. The late one peaks at 8 of 9 and is slow after it."""
    curves = every(BURST) | {("harmless", layer): LATE for layer in LAYERS}
    curves["mixed", 2] = dict.fromkeys(range(1, 13), 1.0)
    assert f.peak(velocities(curves)) == f.Finding(
        claim=2,
        title="H1 activity peaks early and then settles",
        verdict="cannot be told",
        sentence="4 of 6 series at layers have their largest move in the first third of their checkpoints, and in 5 "
        "velocity then stays under a quarter of it. Per training step, velocity peaks and falls under a quarter in "
        "5 of 6; equal moves on this grid would do so in 0.",
        n="6 series at layers, 9 transitions each",
        null="a peak anywhere is as likely: 33 % of them would fall into the first third",
        interval="peaks end at steps 1 to 8 (10 to 90 % of the subsamples, all series and layers)",
        needed="more prompts or checkpoints: the subsamples disagree on the peak",
    )


# --- 3: objectives --------------------------------------------------------------------------------


def separation(distance=5.0, floor=1.0, since=4):
    pairs = (("helpful", "harmless"), ("helpful", "mixed"), ("harmless", "mixed"))
    rows = [
        {"series_a": a, "series_b": b, "step": step, "layer": layer, "scale": SCALE,
         "distance": distance if step >= since else floor / 2, "distance_floor_hi": floor}
        for a, b in pairs for layer in LAYERS for step in (0, *STEPS)
    ]  # fmt: skip
    return pd.DataFrame(rows).reindex(columns=list(documented()["separation"].columns))


def runs(p=0.01, within=1.0, between=3.0, permutations=280):
    rows = [
        {"layer": layer, "scale": SCALE, "step": step, "objectives": 3, "runs": 9, "within": within,
         "between": between, "pseudo_f": 4.0, "p": p, "permutations": permutations}
        for layer in LAYERS for step in (-1, 9)
    ]  # fmt: skip
    return pd.DataFrame(rows).reindex(columns=list(documented()["runs"].columns))


NO_RUNS = pd.DataFrame(columns=list(documented()["runs"].columns))
OWN = {name: name for name in SERIES}


def test_one_run_per_objective_cannot_tell_objectives_apart():
    found = complete(f.apart(separation(), NO_RUNS, velocities(every(BURST)), OWN, SCALE))
    assert found.verdict == f.UNKNOWN
    assert "6 of 6 pairs" in found.sentence
    assert "6 of 6 part at or after" in found.sentence
    assert "runs per objective" in found.needed
    assert "p " not in found.null


def test_with_replicate_runs_whole_runs_decide():
    curves = velocities(every(BURST))
    held = complete(f.apart(separation(), runs(), curves, OWN, SCALE))
    assert held.verdict == f.HOLDS
    assert "no smaller p than 0.0036" in held.null
    assert f.apart(separation(), runs(p=0.3), curves, OWN, SCALE).verdict == f.UNKNOWN
    assert f.apart(separation(), runs(p=0.9, within=3.0, between=2.9), curves, OWN, SCALE).verdict == f.FAILS


def by_layer(**columns):
    """The rows of `runs` with values by layer, as many as are given."""
    layers = pd.DataFrame(columns)
    return pd.concat([runs().iloc[[0, 1]].assign(layer=k, **row) for k, row in enumerate(layers.to_dict("records"))])


@pytest.mark.parametrize(
    ("columns", "verdict"),
    [
        ({"p": [0.01, 0.9]}, f.UNKNOWN),
        ({"p": [0.01, 0.01, 0.9]}, f.HOLDS),
        ({"p": [0.9, 0.9], "within": [3.0, 1.0], "between": [2.9, 2.0]}, f.UNKNOWN),
        ({"p": [0.9, 0.9, 0.9], "within": [3.0, 3.0, 1.0], "between": [2.9, 2.9, 2.0]}, f.FAILS),
    ],
    ids=["half beat", "most beat", "half are equal", "most are equal"],
)
def test_half_of_the_layers_are_not_most(columns, verdict):
    found = complete(f.apart(separation(), by_layer(**columns), velocities(every(BURST)), OWN, SCALE))
    assert found.verdict == verdict


def test_half_of_the_pairs_after_the_peak_are_not_most():
    """At layer 1 they part at step 1, before the peak at step 2; at layer 2 after it."""
    early, late = separation(since=1), separation(since=4)
    half = pd.concat([early[early["layer"] == 1], late[late["layer"] == 2]])
    found = complete(f.apart(half, runs(), velocities(every(BURST)), OWN, SCALE))
    assert "3 of 6 part at or after" in found.sentence
    assert found.verdict == f.FAILS
    most = pd.concat([half, late[late["layer"] == 2].assign(layer=3)])
    curves = velocities(every(BURST) | {(series, 3): BURST for series in SERIES})
    assert f.apart(most, runs(), curves, OWN, SCALE).verdict == f.HOLDS


def test_what_is_said_of_objectives_by_hand():
    """One pair parts after the peak at step 2, one before it, one never."""
    before, never = separation(distance=2.0, since=1), separation(distance=0.5, since=0)
    parts = [
        separation().query("series_a == 'helpful' and series_b == 'harmless'"),
        before.query("series_a == 'helpful' and series_b == 'mixed'"),
        never.query("series_a == 'harmless'"),
    ]
    curves = velocities(every(BURST))
    assert f.apart(pd.concat(parts), by_layer(p=[0.01, 0.9]), curves, OWN, SCALE) == f.Finding(
        claim=3,
        title="Objectives take distinguishable paths, and part after the peak",
        verdict="cannot be told",
        sentence="At their last common step 4 of 6 pairs of runs at layers are farther apart than resampling explains, "
        "0.5 to 5.0 times the floor; 2 of 4 part at or after the peak of their velocity. Whole runs of different "
        "objectives are told apart at 1 of 2 layers.",
        n="6 pairs at layers; 9 runs of 3 objectives",
        null="PERMANOVA over whole runs, adjusted over layers (Benjamini-Hochberg): p 0.02 to 0.9 "
        "(no smaller p than 0.0036 is possible)",
        interval="0.5 to 5.0 times that floor; resampling of these prompts only",
        needed="more runs per objective",
    )
    alone = f.apart(pd.concat(parts), NO_RUNS, curves, OWN, SCALE)
    assert alone.n == "6 pairs of runs at layers, one run per objective"
    assert alone.null == "95 % of the distances between two random halves of one cell's subsamples"


def test_parting_before_the_peak_refutes_the_second_half_of_the_claim():
    found = complete(f.apart(separation(since=1), runs(), velocities(every(LATE)), OWN, SCALE))
    assert found.verdict == f.FAILS
    assert "0 of 6 part at or after" in found.sentence


def test_pairs_that_come_together_again_have_not_parted():
    table = separation(since=1)
    table.loc[table["step"] == STEPS[-1], "distance"] = 0.1
    assert "0 of 6 pairs" in f.apart(table, NO_RUNS, velocities(every(BURST)), OWN, SCALE).sentence


def test_two_seeds_of_one_objective_are_no_pair():
    found = complete(f.apart(separation(), NO_RUNS, velocities(every(BURST)), dict.fromkeys(SERIES, "one"), SCALE))
    assert (found.verdict, found.n) == (f.UNKNOWN, "0")


# --- 4: models ------------------------------------------------------------------------------------


def model(name, curve, seeds=4, noise=0.05, seed=0):
    rng = np.random.default_rng(seed)
    curves = {
        (f"run-{k}", layer): {step: value * (1 + noise * rng.normal()) for step, value in curve.items()}
        for k in range(seeds) for layer in (2, 4)
    }  # fmt: skip
    return Model(name, 4, velocities(curves))


def test_one_base_model_cannot_tell():
    found = complete(f.models([model("base", BURST)]))
    assert found.verdict == f.UNKNOWN
    assert "beside" in found.needed


def test_models_that_move_at_other_times_are_told_apart():
    assert complete(f.models([model("base", BURST), model("chat", LATE, seed=1)])).verdict == f.HOLDS


def test_the_same_course_is_not_different():
    found = complete(f.models([model("base", BURST, noise=0.3), model("chat", BURST, noise=0.3, seed=7)]))
    assert found.verdict in (f.FAILS, f.UNKNOWN)
    same = model("base", BURST)
    assert f.models([same, Model("chat", 4, same.velocities)]).verdict == f.FAILS


def test_too_few_runs_of_models_that_differ_cannot_be_told():
    """Two runs each: the labels have three orders, and one alone puts equal courses together.

    The course of equal moves lies x, then 1 - x, below that of a single move in the first half: over the 21 shares of
    training the root mean square of it is sqrt(1.675 / 21).
    """
    models = [model("base", {5: 1.0, 10: 1.0}, seeds=2, noise=0), model("chat", {5: 1.0, 10: 0.0}, seeds=2, noise=0)]
    assert f.models(models) == f.Finding(
        claim=4,
        title="Different base models evolve in different ways",
        verdict="cannot be told",
        sentence="Courses of runs of different base models differ by 0.282 of all velocity, those of one model by 0.",
        n="4 runs of 2 base models",
        null="PERMANOVA over whole runs, grouped by base model: p = 0.33 of 3 orders",
        interval="from 0 to 0.282 over all pairs of runs",
        needed="more runs per base model",
    )
    alone = f.models(models[:1])
    assert (alone.sentence, alone.n) == ("This study has one base model, base.", "2 runs of 1 base model")


def test_one_run_per_model_has_no_p_value():
    found = complete(f.models([model("base", BURST, seeds=1), model("chat", LATE, seeds=1)]))
    assert found.verdict == f.UNKNOWN
    assert "one run per model" in found.null


def test_a_study_without_velocities_has_no_course():
    assert complete(f.models([Model("base", 4, velocities({}))])).verdict == f.UNKNOWN


# --- 5: lag ---------------------------------------------------------------------------------------


def lags(topology=2.0, behaviour=4.0, low=None, high=None):
    rows = [
        {"series": series, "layer": layer, "degree": 1, "scale": SCALE, "per": "transition", "name": "js",
         "peak_topology": topology, "peak_lo": topology if low is None else low,
         "peak_hi": topology if high is None else high, "peak_behaviour": behaviour,
         "lag_steps": behaviour - topology, "lag_checkpoints": behaviour - topology, "resolution_steps": 1.0,
         "transitions": 9}
        for series in SERIES for layer in LAYERS
    ]  # fmt: skip
    return pd.DataFrame(rows).reindex(columns=list(documented()["lags"].columns))


@pytest.mark.parametrize(
    ("table", "verdict"),
    [
        (lags(), f.HOLDS),
        (lags(topology=4.0), f.HOLDS),  # together is not later
        (lags(topology=5.0), f.FAILS),
        (lags(topology=5.0, low=3.0), f.UNKNOWN),
    ],
    ids=["first", "together", "later", "perhaps later"],
)
def test_one_clear_exception_refutes_never(table, verdict):
    assert complete(f.lag(table, SCALE)).verdict == verdict


def test_a_single_series_that_lags_is_enough():
    table = lags()
    table.loc[0, ["peak_topology", "peak_lo", "peak_hi"]] = 6.0
    found = f.lag(table, SCALE)
    assert found.verdict == f.FAILS
    assert "later in 1 (1 of them" in found.sentence


def test_what_is_said_of_lags_by_hand():
    table = lags().assign(resolution_steps=3.0)
    table.loc[0, ["peak_topology", "peak_lo", "peak_hi", "lag_checkpoints"]] = 5.0, 3.0, 7.0, -1.0
    table.loc[1, ["peak_topology", "peak_lo", "peak_hi", "lag_checkpoints"]] = 6.0, 5.0, 8.0, -2.0
    table.loc[2, ["resolution_steps", "transitions"]] = 2.0, 7
    assert f.lag(table, SCALE) == f.Finding(
        claim=5,
        title="Topological peaks never lag behavioural peaks",
        verdict="does not hold",
        sentence="The topological peak comes first or together in 4 of 6 series at layers, and later in 2 (1 of them "
        "in 90 % of the subsamples); the lag of behaviour is -2 to 2 checkpoints.",
        n="6 series at layers, 7 transitions each",
        null="the peak of the Jensen-Shannon velocity of next-token distributions, same grid; no p-value is made of it",
        interval="peaks at steps 2 to 8 (10 to 90 % of the subsamples); the grid resolves no less than 2 steps",
    )


# --- all ------------------------------------------------------------------------------------------


def test_an_empty_study_says_what_it_lacks():
    empty = {name: pd.DataFrame(columns=list(one.columns)) for name, one in documented().items()}
    found = f.findings(empty.__getitem__, OWN, scale=SCALE, order=ORDER, model=Model("m", 4, empty["velocities"]))
    assert [one.claim for one in found] == [1, 2, 3, 4, 5]
    for one in found:
        assert complete(one).verdict == f.UNKNOWN


def all_of(tables):
    """Findings of a study beside another; its own velocities and both models' are tables of their own here."""
    empty = {name: pd.DataFrame(columns=list(one.columns)) for name, one in documented().items()}
    return f.findings(
        (empty | tables).__getitem__, OWN, scale=SCALE, order=ORDER,
        model=Model("m", 4, tables["of the model"]), beside=[Model("other", 4, tables["beside"])],
    )  # fmt: skip


ASKED = {
    "concentration": concentration(), "velocities": velocities(every(BURST)), "separation": separation(),
    "runs": runs(), "lags": lags(), "of the model": velocities(every(BURST)), "beside": velocities(every(FLAT)),
}  # fmt: skip
CONTRARY = {
    "concentration": concentration(p=0.9, share=0.2, lo=0.15, hi=0.25), "velocities": velocities(every(LATE)),
    "separation": separation(distance=0.2), "runs": runs(p=0.9, within=3.0, between=2.9), "lags": lags(topology=6.0),
    "of the model": velocities(every(LATE)), "beside": velocities(every(LATE)),
}  # fmt: skip
OTHERS = {"scale": "median", "degree": 0, "order": 1.0}


def between(table, column, value):
    """The rows asked for between contrary ones of another value in one column, so that neither first nor last helps."""
    other = CONTRARY[table].assign(**{column: value})
    return pd.concat([other, ASKED[table], other], ignore_index=True)


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table in ASKED for column in OTHERS if column in ASKED[table]]
)
def test_another_scale_degree_or_order_alone_is_left_out(table, column):
    """Rows that say the contrary, and differ from those asked for in one column."""
    assert all_of(ASKED | {table: between(table, column, OTHERS[column])}) == all_of(ASKED)
    assert all_of(ASKED | {table: CONTRARY[table]}) != all_of(ASKED)  # or there would be nothing to see


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("concentration", "per", "step"),
        ("concentration", "null", "checkpoints"),
        ("runs", "step", 9),
        ("lags", "per", "step"),
        ("lags", "name", "refusal"),
    ],
)
def test_another_reading_is_left_out(table, column, value):
    assert all_of(ASKED | {table: between(table, column, value)}) == all_of(ASKED)
