"""The rules by which numbers become verdicts, on tables made for each of them."""

import numpy as np
import pandas as pd
import pytest

from phcore.analysis import findings as f
from phcore.analysis.courses import Model
from phcore.stages.tables.columns import COLUMNS

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
    return pd.DataFrame(rows).reindex(columns=list(COLUMNS["concentration"]))


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
    return pd.DataFrame(rows, columns=list(COLUMNS["velocities"]))


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


# --- 3: objectives --------------------------------------------------------------------------------


def separation(distance=5.0, floor=1.0, since=4):
    pairs = (("helpful", "harmless"), ("helpful", "mixed"), ("harmless", "mixed"))
    rows = [
        {"series_a": a, "series_b": b, "step": step, "layer": layer, "scale": SCALE,
         "distance": distance if step >= since else floor / 2, "distance_floor_hi": floor}
        for a, b in pairs for layer in LAYERS for step in (0, *STEPS)
    ]  # fmt: skip
    return pd.DataFrame(rows).reindex(columns=list(COLUMNS["separation"]))


def runs(p=0.01, within=1.0, between=3.0, permutations=280):
    rows = [
        {"layer": layer, "scale": SCALE, "step": step, "objectives": 3, "runs": 9, "within": within,
         "between": between, "pseudo_f": 4.0, "p": p, "permutations": permutations}
        for layer in LAYERS for step in (-1, 9)
    ]  # fmt: skip
    return pd.DataFrame(rows).reindex(columns=list(COLUMNS["runs"]))


NO_RUNS = pd.DataFrame(columns=list(COLUMNS["runs"]))
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
    return pd.DataFrame(rows).reindex(columns=list(COLUMNS["lags"]))


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


# --- all ------------------------------------------------------------------------------------------


def test_an_empty_study_says_what_it_lacks():
    empty = {name: pd.DataFrame(columns=list(columns)) for name, columns in COLUMNS.items()}
    found = f.findings(empty.__getitem__, OWN, scale=SCALE, order=ORDER, model=Model("m", 4, empty["velocities"]))
    assert [one.claim for one in found] == [1, 2, 3, 4, 5]
    for one in found:
        assert complete(one).verdict == f.UNKNOWN


def test_other_scales_degrees_and_orders_are_left_out():
    tables = {name: pd.DataFrame(columns=list(columns)) for name, columns in COLUMNS.items()}
    tables |= {"concentration": concentration(), "velocities": velocities(every(BURST)), "lags": lags()}
    tables["separation"] = separation()
    of = {"model": Model("m", 4, tables["velocities"])}
    alone = f.findings(tables.__getitem__, OWN, scale=SCALE, order=ORDER, **of)
    for column, value in (("scale", "median"), ("degree", 0), ("order", 1.0)):
        spoiled = dict(tables)
        for name in ("concentration", "velocities", "lags", "separation"):
            if column in tables[name]:
                other = tables[name].assign(**{column: value})
                places = [column, "layer", "step", "step_from", "subsample"]
                numbers = other.select_dtypes("number").columns.difference(places)
                other[numbers] = other[numbers] * 7.0
                spoiled[name] = pd.concat([tables[name], other], ignore_index=True)
        assert f.findings(spoiled.__getitem__, OWN, scale=SCALE, order=ORDER, **of) == alone, column
