"""Behaviour tables, lags, early against final."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from phcore.analysis import against_behaviour as b

STEPS = [0, 1, 2, 4, 8]


# --- tables -------------------------------------------------------------------------------------


def test_means_by_category():
    found = b.by_category([1.0, 3.0, np.nan, 8.0], ["x", "x", "y", None])
    assert found.to_dict("list") == {"category": ["", "x"], "value": [4.0, 2.0]}
    assert b.by_category([np.nan], ["x"]).empty


SCALARS = ["series", "step", "name", "value", "source"]


def scalar_frame(*rows):
    return pd.DataFrame(rows, columns=SCALARS)


def test_behaviour_table():
    scores = pd.DataFrame(
        [
            ("s", 0, 0, "x", -1.0, np.nan),
            ("s", 0, 1, None, -3.0, np.nan),
            ("s", 4, 0, "x", -2.0, 1.5),
            ("s", 4, 1, None, -6.0, np.nan),
        ],
        columns=["series", "step", "prompt", "category", "refusal", "nll"],
    )
    scalars = scalar_frame(
        ("s", 1, "loss", 2.0, "trainer"),
        ("s", 1, "acc", 9.0, "trainer"),
        ("s", 4, "acc", 0.5, "file"),
        ("t", 1, "acc", 7.0, "trainer"),
    )
    found = b.behaviour_table(scores, scalars)
    assert list(found) == b.BEHAVIOUR
    assert set(found.itertuples(index=False, name=None)) == {
        ("s", 0, "refusal", "", -2.0, "model"),
        ("s", 0, "refusal", "x", -1.0, "model"),
        ("s", 4, "refusal", "", -4.0, "model"),
        ("s", 4, "refusal", "x", -2.0, "model"),
        ("s", 4, "nll", "", 1.5, "model"),
        ("s", 4, "nll", "x", 1.5, "model"),
        ("s", 1, "loss", "", 2.0, "trainer"),
        ("s", 4, "acc", "", 0.5, "file"),
        ("t", 1, "acc", "", 7.0, "trainer"),
    }
    assert len(found) == 9
    with pytest.raises(ValueError, match="nll"):
        b.behaviour_table(scores, scalar_frame(("s", 1, "nll", 2.0, "file")))
    empty = b.behaviour_table(scores[:0], scalars[:0])
    assert list(empty) == b.BEHAVIOUR
    assert empty.empty


def behaviour_rows(*rows):
    """(series, step, name, value) -> behaviour rows about all prompts."""
    return pd.DataFrame([(*row[:3], "", row[3], "trainer") for row in rows], columns=b.BEHAVIOUR)


NO_JS = pd.DataFrame(columns=["series", "step_from", "step", "category", "value"])


def test_logged_values_since_the_checkpoint_before():
    logged = [("s", step, "loss", float(step)) for step in range(1, 12)]
    found = b.at_checkpoints(behaviour_rows(*logged, ("other", 1, "loss", 1.0)), {"s": [0, 1, 4, 8]})
    # 1; 2 to 4; 5 to 8. Nothing at 0, and what comes after the last checkpoint counts for none.
    assert list(zip(found["step"], found["value"], strict=True)) == [(1, 1.0), (4, 3.0), (8, 6.5)]
    late = b.at_checkpoints(behaviour_rows(*logged), {"s": [4, 8]})
    assert late["value"].tolist() == [4.0, 6.5]


def test_moves():
    js = pd.DataFrame([("s", 0, 1, "", 0.1), ("s", 0, 1, "x", 0.2)], columns=list(NO_JS))
    known = behaviour_rows(
        *[("s", step, "loss", value) for step, value in ((1, 5.0), (2, 3.0), (3, 2.0), (4, 1.0), (8, 4.0))],
        *[("s", step, "acc", value) for step, value in ((0, 0.5), (1, 0.75), (4, 0.0), (8, 1.0))],
    )
    found = b.moves(known, js, {"s": STEPS})
    assert list(found) == b.MOVES
    rows = {(r.name, r.category, r.step_from, r.step): r.value for r in found.itertuples(index=False)}
    assert rows == {
        ("js", "", 0, 1): 0.1,
        ("js", "x", 0, 1): 0.2,
        ("loss", "", 1, 2): 2.0,
        ("loss", "", 2, 4): 1.5,  # 3 to the mean of 2 and 1
        ("loss", "", 4, 8): 2.5,
        ("acc", "", 0, 1): 0.25,  # unknown at 2: no move there, nor from there
        ("acc", "", 4, 8): 1.0,
    }
    assert len(found) == len(rows)
    assert list(b.moves(known[:0], NO_JS, {})) == b.MOVES


# --- lags ---------------------------------------------------------------------------------------


def velocities(values, steps=STEPS, series="s", layer=6, degree=1, scale="raw"):
    """A velocities table from (transitions, subsamples) values."""
    return pd.DataFrame(
        [
            (series, start, end, layer, k, degree, 2.0, 2.0, scale, value)
            for (start, end), row in zip(itertools.pairwise(steps), values, strict=True)
            for k, value in enumerate(row)
        ],
        columns=["series", "step_from", "step", "layer", "subsample", "degree", "order", "norm", "scale", "value"],
    )


def move_rows(name, values, steps=STEPS, series="s", category=""):
    pairs = itertools.pairwise(steps)
    rows = [(series, i, j, name, category, v) for (i, j), v in zip(pairs, values, strict=True) if not np.isnan(v)]
    return pd.DataFrame(rows, columns=b.MOVES)


def test_lag_by_hand():
    # Means 2, 5, 3, 4: the peak ends at step 2. The subsamples' own peaks end at 2, 2 and 8.
    v = velocities([[1, 2, 3], [6, 7, 2], [3, 3, 3], [1, 1, 10]])
    found = b.lags(v, pd.concat([move_rows("js", [0.1, 0.2, 0.3, 0.4]), move_rows("js", [9, 0, 0, 0], category="x")]))
    once = found[found["per"] == "transition"].iloc[0]
    assert (once["peak_topology"], once["peak_behaviour"]) == (2, 8)
    assert (once["peak_lo"], once["peak_hi"]) == (2, 8)
    assert (once["lag_steps"], once["lag_checkpoints"], once["resolution_steps"]) == (6, 2, 4)
    assert once["transitions"] == 4
    # Per step: 2, 5, 1.5, 1 against 0.1, 0.2, 0.15, 0.1.
    step = found[found["per"] == "step"].iloc[0]
    assert (step["peak_topology"], step["peak_behaviour"], step["lag_steps"]) == (2, 2, 0)
    assert step["resolution_steps"] == 1
    assert len(found) == 2


def test_peaks_are_sought_where_both_are_known():
    v = velocities([[9.0], [1.0], [4.0], [2.0]])
    found = b.lags(v, move_rows("loss", [np.nan, 1.0, 0.5, 0.2])).iloc[0]
    assert (found["peak_topology"], found["peak_behaviour"]) == (4, 2)
    assert (found["lag_steps"], found["lag_checkpoints"], found["transitions"]) == (-2, -1, 3)


def test_what_does_not_move_has_no_lag():
    v = pd.concat([velocities([[1.0], [2.0], [1.0], [1.0]]), velocities([[0.0]] * 4, layer=12)])
    found = b.lags(v, pd.concat([move_rows("rate", [0.0] * 4), move_rows("js", [1.0, 0, 0, 0])]))
    lag = found[found["per"] == "step"].set_index(["layer", "name"])["lag_steps"]
    assert lag[6, "js"] == -1
    assert lag[[(6, "rate"), (12, "js"), (12, "rate")]].isna().all()
    assert b.lags(v, move_rows("js", [1.0] * 4, series="another")).empty
    assert b.lags(v[:0], move_rows("js", [1.0] * 4)).empty


def test_missing_velocities_are_left_out():
    v = velocities([[1, np.nan], [np.nan, np.nan], [3, 5], [2, 2]])
    found = b.lags(v, move_rows("js", [1.0, 9.0, 2.0, 1.0])).iloc[0]
    assert (found["transitions"], found["peak_topology"], found["peak_behaviour"]) == (3, 4, 4)


def test_a_subsample_that_does_not_move_has_no_peak():
    v = velocities([[0.0, 1.0, 1.0], [0.0, 5.0, 2.0], [0.0, 1.0, 1.0], [0.0, 1.0, 9.0]])
    found = b.lags(v, move_rows("js", [1.0, 9.0, 2.0, 1.0])).iloc[0]
    assert (found["peak_lo"], found["peak_hi"]) == (2, 8)


def test_lags_take_one_order():
    v = velocities([[1.0]] * 4)
    with pytest.raises(ValueError, match="2 values of order"):
        b.lags(pd.concat([v, v.assign(order=1.0)]), move_rows("js", [1.0] * 4))


@given(st.lists(st.floats(0.01, 100), min_size=4, max_size=4))
def test_behaviour_that_is_topology_has_no_lag(values):
    found = b.lags(velocities([[v, v] for v in values]), move_rows("js", values))
    assert (found[["lag_steps", "lag_checkpoints"]] == 0).all(axis=None)


# --- early against final ------------------------------------------------------------------------


def concentration_rows(values, layers=(6,), **more):
    rows = [
        {"series": s, "layer": layer, "degree": 1, "order": 2.0, "norm": 2.0, "scale": "raw", "per": "transition",
         "by": by, "with_base": with_base, "null": null, "concentration": value + (by == "step") + 2 * (not with_base)}
        for s, of_layers in values.items()
        for layer, value in zip(layers, of_layers, strict=True)
        for by in ("step", "index")
        for with_base in (False, True)
        for null in ("velocities", "checkpoints")
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(**more)


def test_early_final_against_scipy():
    rng = np.random.default_rng(3)
    runs = [f"r{k}" for k in range(5)]
    early = {run: rng.random(3) for run in runs}
    final = dict(zip(runs, [0.1, 0.9, 0.4, 0.5, 0.5], strict=True))
    rows = [(run, step, "acc", final[run] if step == 8 else rng.random()) for run in runs for step in STEPS]
    steps_of = dict.fromkeys(runs, STEPS)
    tables = concentration_rows(early, (6, 12, 18)), velocities([[1.0]] * 4)[:0], behaviour_rows(*rows), steps_of
    found = b.early_final(*tables)
    assert len(found) == 1
    one = found.iloc[0]
    wanted = spearmanr(np.concatenate([early[r] for r in runs]), np.repeat([final[r] for r in runs], 3))[0]
    assert one["rho"] == pytest.approx(wanted)
    assert (one["points"], one["runs"], one["name"], one["predictor"]) == (15, 5, "acc", "concentration")
    assert one["lo"] <= one["rho"] <= one["hi"]
    # Oracle of the interval: the same resamples of whole runs, one by one.
    drawn = np.random.default_rng(0).integers(5, size=(1000, 5))
    each = [
        spearmanr(np.concatenate([early[runs[k]] for k in draw]), np.repeat([final[runs[k]] for k in draw], 3))[0]
        for draw in drawn[:200]
        if len({final[runs[k]] for k in draw}) > 1
    ]
    short = b.early_final(*tables, n=200).iloc[0]
    first = np.random.default_rng(0).integers(5, size=(200, 5))
    assert (first == drawn[:200]).all()
    np.testing.assert_allclose([short["lo"], short["hi"]], np.percentile(each, [2.5, 97.5]), atol=1e-12)


def test_concentration_counts_the_base_where_a_series_has_it():
    rows = concentration_rows({"r1": [0.1], "r2": [0.3]})
    without = rows[(rows["series"] == "r1") | ~rows["with_base"]]  # r2 does not start at the base
    found = b._concentrations(without).set_index("series")["early"]
    assert found.to_dict() == pytest.approx({"r1": 0.1, "r2": 2.3})


def test_early_velocity_by_hand():
    # 4 transitions: the first round(4 / 3) = 1 is early. Per step it is divided by 1.
    v = pd.concat(
        [velocities([[k, k + 2], [9, 9], [9, 9], [9, 9]], series=f"r{k}", steps=[0, 2, 4, 8, 9]) for k in (1, 2, 3)]
    )
    ends = behaviour_rows(*[(f"r{k}", 9, "acc", -float(k)) for k in (1, 2, 3)])
    steps_of = {f"r{k}": [0, 2, 4, 8, 9] for k in (1, 2, 3)}
    early = b._early_velocities(v).set_index(["series", "per"])["early"]
    assert early["r1", "transition"] == 2
    assert early["r3", "step"] == 2
    found = b.early_final(
        concentration_rows({})[:0].reindex(columns=concentration_rows({"r": [1]}).columns), v, ends, steps_of
    )
    assert found["rho"].tolist() == [-1.0, -1.0]
    assert found["predictor"].unique().tolist() == ["early_velocity"]


def test_two_runs_have_no_interval_and_one_no_correlation():
    empty = velocities([[1.0]] * 4)[:0]
    for runs, rho in ((["r1", "r2"], 1.0), (["r1"], np.nan)):
        ends = behaviour_rows(*[(run, 8, "acc", float(k)) for k, run in enumerate(runs)])
        early = concentration_rows({run: [k / 10] for k, run in enumerate(runs)})
        found = b.early_final(early, empty, ends, dict.fromkeys(runs, STEPS)).iloc[0]
        assert found["rho"] == pytest.approx(rho, nan_ok=True)
        assert np.isnan(found["lo"])
        assert np.isnan(found["hi"])
        assert found["runs"] == len(runs)


def test_runs_with_missing_layers_or_ends():
    early = concentration_rows({"r1": [0.1, np.nan], "r2": [0.2, 0.3], "r3": [0.4, 0.5], "r4": [9, 9]}, (6, 12))
    ends = behaviour_rows(("r1", 8, "acc", 1.0), ("r2", 8, "acc", 2.0), ("r3", 8, "acc", 0.0), ("r4", 4, "acc", 0.0))
    found = b.early_final(
        early, velocities([[1.0]] * 4)[:0], ends, dict.fromkeys(["r1", "r2", "r3", "r4"], STEPS)
    ).iloc[0]
    assert (found["points"], found["runs"]) == (5, 3)
    assert found["rho"] == pytest.approx(spearmanr([0.1, 0.2, 0.3, 0.4, 0.5], [1, 2, 2, 0, 0])[0])
    assert np.isfinite(found["lo"])
