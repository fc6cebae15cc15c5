"""Early against final: over all runs, among runs of one objective, and by the behaviour itself."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata, spearmanr

from phcore.analysis import foretelling as f
from tests.unit.analysis.test_against_behaviour import STEPS, behaviour_rows, velocities


def alone(runs) -> dict[str, str]:
    """Each run with an objective of its own."""
    return {run: run for run in runs}


# --- over all runs ----------------------------------------------------------------------------------


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
    tables = (
        concentration_rows(early, (6, 12, 18)),
        velocities([[1.0]] * 4)[:0],
        behaviour_rows(*rows),
        steps_of,
        alone(runs),
    )
    found = f.early_final(*tables)
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
    short = f.early_final(*tables, n=200).iloc[0]
    first = np.random.default_rng(0).integers(5, size=(200, 5))
    assert (first == drawn[:200]).all()
    np.testing.assert_allclose([short["lo"], short["hi"]], np.percentile(each, [2.5, 97.5]), atol=1e-12)


def test_concentration_counts_the_base_where_a_series_has_it():
    rows = concentration_rows({"r1": [0.1], "r2": [0.3]})
    without = rows[(rows["series"] == "r1") | ~rows["with_base"]]  # r2 does not start at the base
    found = f._concentrations(without).set_index("series")["early"]
    assert found.to_dict() == pytest.approx({"r1": 0.1, "r2": 2.3})


def test_early_velocity_by_hand():
    # 4 transitions: the first round(4 / 3) = 1 is early. Per step it is divided by 1.
    v = pd.concat(
        [velocities([[k, k + 2], [9, 9], [9, 9], [9, 9]], series=f"r{k}", steps=[0, 2, 4, 8, 9]) for k in (1, 2, 3)]
    )
    ends = behaviour_rows(*[(f"r{k}", 9, "acc", -float(k)) for k in (1, 2, 3)])
    steps_of = {f"r{k}": [0, 2, 4, 8, 9] for k in (1, 2, 3)}
    early = f._early_velocities(v).set_index(["series", "per"])["early"]
    assert early["r1", "transition"] == 2
    assert early["r3", "step"] == 2
    found = f.early_final(
        concentration_rows({})[:0].reindex(columns=concentration_rows({"r": [1]}).columns),
        v,
        ends,
        steps_of,
        alone(steps_of),
    )
    assert found["rho"].tolist() == [-1.0, -1.0]
    assert found["predictor"].unique().tolist() == ["early_velocity"]


def test_two_runs_have_no_interval_and_one_no_correlation():
    empty = velocities([[1.0]] * 4)[:0]
    for runs, rho in ((["r1", "r2"], 1.0), (["r1"], np.nan)):
        ends = behaviour_rows(*[(run, 8, "acc", float(k)) for k, run in enumerate(runs)])
        early = concentration_rows({run: [k / 10] for k, run in enumerate(runs)})
        found = f.early_final(early, empty, ends, dict.fromkeys(runs, STEPS), alone(runs)).iloc[0]
        assert found["rho"] == pytest.approx(rho, nan_ok=True)
        assert np.isnan(found["lo"])
        assert np.isnan(found["hi"])
        assert found["runs"] == len(runs)


def test_runs_with_missing_layers_or_ends():
    early = concentration_rows({"r1": [0.1, np.nan], "r2": [0.2, 0.3], "r3": [0.4, 0.5], "r4": [9, 9]}, (6, 12))
    ends = behaviour_rows(("r1", 8, "acc", 1.0), ("r2", 8, "acc", 2.0), ("r3", 8, "acc", 0.0), ("r4", 4, "acc", 0.0))
    found = f.early_final(
        early,
        velocities([[1.0]] * 4)[:0],
        ends,
        dict.fromkeys(["r1", "r2", "r3", "r4"], STEPS),
        alone(["r1", "r2", "r3", "r4"]),
    ).iloc[0]
    assert (found["points"], found["runs"]) == (5, 3)
    assert found["rho"] == pytest.approx(spearmanr([0.1, 0.2, 0.3, 0.4, 0.5], [1, 2, 2, 0, 0])[0])
    assert np.isfinite(found["lo"])


# --- among runs of one objective --------------------------------------------------------------------


def planted(x, y, objectives, layers=(6,), **how):
    """The row of the table for runs with these early concentrations (runs, layers), ends and objectives."""
    runs = [f"r{k:02d}" for k in range(len(y))]
    early = concentration_rows(dict(zip(runs, np.reshape(x, (len(y), -1)), strict=True)), layers)
    ends = behaviour_rows(*[(run, 8, "acc", float(end)) for run, end in zip(runs, y, strict=True)])
    own = dict(zip(runs, objectives, strict=True))
    return f.early_final(early, velocities([[1.0]] * 4)[:0], ends, dict.fromkeys(runs, STEPS), own, **how).iloc[0]


@pytest.mark.long
def test_what_objectives_alone_differ_in_is_not_seen_among_their_runs():
    """Three objectives with another level each of both; within each, seeds move and end by chance."""
    rng = np.random.default_rng(0)
    objectives = np.repeat(["a", "b", "c"], 8)
    level = np.repeat([0.0, 1.0, 2.0], 8)
    p = []
    for _ in range(60):
        one = planted(
            level + 0.1 * rng.standard_normal(24), level + 0.1 * rng.standard_normal(24), objectives, n=99, shuffles=399
        )
        assert one["rho"] > 0.7
        assert one["lo"] > 0
        assert one["runs_within"] == 24
        p.append(one["p_within"])
    assert sum(value <= 0.05 for value in p) <= 8  # 3 are expected, more than 8 once in a hundred
    assert np.mean(p) == pytest.approx(0.5, abs=0.12)


def test_what_early_movement_tells_is_seen_among_runs_of_one_objective():
    """Levels go the other way round than runs within an objective do."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal(24)
    level = np.repeat([0.0, 10.0, 20.0], 8)
    one = planted(level + x, -level + x + 0.2 * rng.standard_normal(24), np.repeat(["a", "b", "c"], 8))
    assert one["rho"] < -0.7
    assert one["within"] > 0.8
    assert one["p_within"] < 0.001


def test_within_against_scipy_with_layers_and_ties():
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((9, 2)), np.array([0.0, 0, 0, 2, 5, 4, 3, 9, 9])
    objectives = np.array(["a"] * 4 + ["b"] * 3 + ["c"] + ["d"])
    one = planted(x, y, objectives, layers=(6, 12))
    centred = lambda values: rankdata(values) - (len(values) + 1) / 2  # noqa: E731
    pairs = [
        (centred(x[objectives == name, layer]), centred(y[objectives == name])) for name in "ab" for layer in (0, 1)
    ]
    a, b = (np.concatenate(side) for side in zip(*pairs, strict=True))
    assert one["within"] == pytest.approx(a @ b / np.sqrt((a @ a) * (b @ b)))
    assert one["runs_within"] == 7  # c and d have one run each


def test_p_is_exact_for_a_few_runs():
    """Four runs of one objective in order: of their 24 orders, this one and its reverse are as far off."""
    one = planted([1.0, 2, 3, 4], [1.0, 2, 3, 4], ["a"] * 4)
    assert one["within"] == pytest.approx(1)
    assert one["p_within"] == pytest.approx(2 / 24, abs=0.015)
    many = list(range(12))  # of 12! orders two are as far off: none of 4,999 drawn ones is, and p is at its least
    assert planted(many, many, ["a"] * 12)["p_within"] == 1 / 5_000


def test_nothing_is_said_within_where_each_objective_has_one_run_or_ends_are_alike():
    one = planted([1.0, 2, 3], [3.0, 2, 1], "abc")
    assert np.isnan(one["within"])
    assert np.isnan(one["p_within"])
    assert one["runs_within"] == 0
    alike = planted([1.0, 2, 3, 4], [7.0, 7, 9, 9], "aabb")
    assert np.isnan(alike["within"])
    assert np.isnan(alike["p_within"])


def test_a_layer_that_a_run_lacks_is_left_out_for_its_objective():
    x = np.array([[1.0, 9.0], [2.0, np.nan], [3.0, 1.0]])
    one = planted(x, [1.0, 2, 3], "aaa", layers=(6, 12))
    assert one["within"] == pytest.approx(1)


def test_nothing_known_makes_an_empty_table_with_all_columns():
    empty = concentration_rows({"r1": [0.1]})[:0]
    found = f.early_final(empty, velocities([[1.0]] * 4)[:0], behaviour_rows(("r1", 8, "acc", 1.0)), {"r1": STEPS}, {})
    assert list(found) == f.COLUMNS
    assert found.empty


def test_copies_of_a_run_are_left_out():
    runs = ["r1", "r2", "r3", "copy"]
    early = concentration_rows(dict(zip(runs, [[0.1], [0.2], [0.3], [9.0]], strict=True)))
    ends = behaviour_rows(*[(run, step, "acc", float(k)) for k, run in enumerate(runs) for step in (1, 8)])
    own = {"r1": "a", "r2": "a", "r3": "a"}
    one = f.early_final(early, velocities([[1.0]] * 4)[:0], ends, dict.fromkeys(runs, STEPS), own).iloc[0]
    assert (one["runs"], one["points"], one["runs_within"]) == (3, 3, 3)


# --- the behaviour itself ---------------------------------------------------------------------------


def test_the_behaviour_after_the_first_third_against_its_own_end():
    """Four transitions: the first is early, and so step 1 is where the first third ends."""
    runs = ["r1", "r2", "r3"]
    early = concentration_rows(dict(zip(runs, [[0.1], [0.2], [0.3]], strict=True)))
    rows = [
        ("r1", 1, 5.0),
        ("r2", 1, 7.0),
        ("r3", 1, 6.0),
        ("r1", 4, 0.0),
        ("r1", 8, 1.0),
        ("r2", 8, 2.0),
        ("r3", 8, 9.0),
    ]
    ends = behaviour_rows(*[(run, step, "acc", value) for run, step, value in rows])
    one = f.early_final(early, velocities([[1.0]] * 4)[:0], ends, dict.fromkeys(runs, STEPS), alone(runs)).iloc[0]
    assert one["itself"] == pytest.approx(spearmanr([5, 7, 6], [1, 2, 9])[0])
    other = ends.assign(category="careful", value=-ends["value"])  # of some prompts only
    steps_of = dict.fromkeys(runs, STEPS) | {"empty": []}
    with_more = pd.concat([other, ends, other])
    more = f.early_final(early, velocities([[1.0]] * 4)[:0], with_more, steps_of, alone([*runs, "empty"])).iloc[0]
    assert more["itself"] == one["itself"]
    late = ends[ends["step"] == 8]
    one = f.early_final(early, velocities([[1.0]] * 4)[:0], late, dict.fromkeys(runs, STEPS), alone(runs)).iloc[0]
    assert np.isnan(one["itself"])


def test_no_correlation_among_alike_is_no_news():
    """Every order of the ends correlates at least as much as none."""
    points = pd.DataFrame(
        {"series": list("abcd"), "layer": 6, "objective": "x", "x": [1.0, 2, 3, 4], "y": [3.0, 1, 4, 2]}
    )
    found = f._among_alike(points, 50, 0)
    assert (found["within"], found["p_within"], found["runs_within"]) == (0, 1, 4)
