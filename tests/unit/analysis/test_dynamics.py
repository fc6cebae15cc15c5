"""Velocity curves, concentration and its two nulls, peak and stabilisation."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from phcore.analysis.dynamics import (
    PERMUTATIONS,
    concentration,
    distance_matrices,
    dynamics,
    early,
    early_share,
    null_shares,
    orders,
    peak_step,
    random_walks,
    stable_step,
    upper_tail,
    velocity_curve,
)

STEPS = np.array([0, 1, 2, 4, 8, 16, 32])


def velocities(values, steps=STEPS, series="helpful", layer=6, degree=1, order=2.0, scale="raw"):
    """A velocities table from (transitions, subsamples) values."""
    return pd.DataFrame(
        [
            (series, a, b, layer, k, degree, order, 2.0, scale, value)
            for (a, b), row in zip(itertools.pairwise(steps), np.atleast_2d(values), strict=True)
            for k, value in enumerate(row)
        ],
        columns=["series", "step_from", "step", "layer", "subsample", "degree", "order", "norm", "scale", "value"],
    )


def distances(points, steps=STEPS, series="helpful", layer=6, degree=1, order=2.0, scale="raw"):
    """A distances table from one position per checkpoint."""
    nodes = [("base", 0) if step == 0 else (series, step) for step in steps]
    return pd.DataFrame(
        [
            (*nodes[i], *nodes[j], layer, degree, order, 2.0, scale, np.linalg.norm(points[i] - points[j]))
            for i, j in itertools.combinations(range(len(steps)), 2)
        ],
        columns=["series_a", "step_a", "series_b", "step_b", "layer", "degree", "order", "norm", "scale", "value"],
    )


# --- curves --------------------------------------------------------------------------------------


def test_a_curve_is_the_mean_over_subsamples():
    values = np.array([[1.0, 3.0, 5.0], [2.0, 2.0, 2.0]])
    curve = velocity_curve(velocities(values, [0, 10, 30]))
    assert curve["step"].tolist() == [10, 30]
    assert curve["mean"].tolist() == [3, 2]
    assert curve["sd"].tolist() == [2, 0]
    np.testing.assert_allclose(curve["q10"], [1.4, 2])
    np.testing.assert_allclose(curve["q90"], [4.6, 2])


def test_per_step_divides_by_the_gap():
    curve = velocity_curve(velocities([[10.0, 30.0], [20.0, 60.0]], [0, 10, 30]), per="step")
    assert curve["mean"].tolist() == [2, 2]
    np.testing.assert_allclose(curve["sd"], np.sqrt(2) * np.array([1, 1]))


def test_one_subsample_has_no_spread():
    curve = velocity_curve(velocities([[1.0], [2.0]], [0, 1, 2]))
    assert curve["sd"].isna().all()
    assert curve["q10"].tolist() == curve["q90"].tolist() == [1, 2]


def test_missing_values_are_left_out_and_curves_kept_apart():
    a = velocities([[1.0, np.nan], [np.nan, np.nan], [3.0, 5.0]], [0, 1, 2, 3])
    b = velocities([[7.0, 7.0]], [0, 1], order=float("inf"))
    curve = velocity_curve(pd.concat([a, b]))
    assert curve[["order", "step", "mean"]].values.tolist() == [[2, 1, 1], [2, 3, 4], [float("inf"), 1, 7]]


# --- the first third -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transitions", "count"), [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (6, 2), (7, 2), (8, 3), (15, 5)]
)
def test_the_first_third_by_index(transitions, count):
    mask = early(np.arange(transitions + 1))
    assert len(mask) == transitions
    assert mask.sum() == count
    assert mask[:count].all()


def test_the_first_third_by_step():
    assert early([0, 1, 2, 4, 8, 16, 32], "step").tolist() == [True] * 4 + [False] * 2  # 32 / 3 = 10.7
    assert early([100, 110, 120, 130], "step").tolist() == [True, False, False]  # exactly one third
    assert not early([0, 50, 75, 100], "step").any()


def test_concentration_by_hand():
    v = [3.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert concentration(v) == 0.5
    assert early_share(v, early(STEPS, "step")) == 6 / 8
    assert concentration(np.ones(9)) == pytest.approx(1 / 3)


@pytest.mark.parametrize("v", [[], [1.0], [1.0, 2.0], [0.0, 0.0, 0.0], [1.0, np.nan, 1.0]])
def test_concentration_is_undefined(v):
    assert np.isnan(concentration(v))


def test_concentration_without_an_early_step_is_undefined():
    assert np.isnan(early_share([1.0, 1.0, 1.0], early([0, 50, 75, 100], "step")))


# --- the nulls, one curve at a time --------------------------------------------------------------


def p_velocities(v, n=PERMUTATIONS, seed=0, *, steps=None, by="index"):
    v = np.asarray(v, dtype=np.float64)
    mask = early(np.arange(len(v) + 1) if steps is None else steps, by)
    return upper_tail(early_share(v, mask), null_shares(v[orders(len(v), n, seed)], mask))


def p_checkpoints(distances, n=PERMUTATIONS, seed=0, *, steps=None, by="index", per="transition"):
    steps = np.arange(len(distances)) if steps is None else steps
    gaps, mask = np.diff(steps) if per == "step" else 1.0, early(steps, by)
    observed = early_share(np.diag(distances, 1) / gaps, mask)
    return upper_tail(observed, null_shares(random_walks(distances, n, seed) / gaps, mask))


# --- the null of shuffled velocities -------------------------------------------------------------


def exact_velocities(v, mask):
    """P(C* >= C) over all orders."""
    shares = [np.array(p)[mask].sum() for p in itertools.permutations(v)]
    return np.mean(np.array(shares) >= np.array(v)[mask].sum() - 1e-12)


@pytest.mark.parametrize("v", [[9.0, 1.0, 2.0, 3.0], [2.0, 9.0, 1.0, 3.0], [5.0, 4.0, 3.0, 2.0, 1.0]])
@pytest.mark.parametrize("by", ["index", "step"])
def test_shuffled_velocities_by_enumeration(v, by):
    steps = np.arange(len(v) + 1)
    expected = exact_velocities(v, early(steps, by))
    p = p_velocities(v, n=40_000, steps=steps, by=by)
    # p is (1 + count) / (1 + n): four standard errors of the count
    assert abs(p - expected) < 4 * np.sqrt(expected * (1 - expected) / 40_000) + 1e-4


def test_equal_velocities_are_ties():
    """Every order gives the same share up to rounding, so nothing can be unusual."""
    for value in (0.1, 1 / 3, 1e-9, 1e12):
        assert p_velocities([value] * 10, n=2000) == 1


def test_p_is_never_zero_and_follows_the_formula():
    v = np.append([1e6] * 6, [1.0] * 12)  # 1 of 18,564 orders is as concentrated
    p = p_velocities(v, n=999)
    assert p * 1000 == pytest.approx(round(p * 1000))
    assert 1 / 1000 <= p <= 3 / 1000


def test_p_depends_on_the_seed_only():
    v = np.random.default_rng(0).random(12)
    assert p_velocities(v, seed=1) == p_velocities(v, seed=1)
    assert p_velocities(v, seed=1) != p_velocities(v, seed=2)
    assert p_velocities(7e5 * v, seed=1) == p_velocities(v, seed=1)


# --- the null of shuffled checkpoints ------------------------------------------------------------


def exact_checkpoints(d, mask, gaps=1.0):
    shares = []
    for p in itertools.permutations(range(len(d))):
        walk = d[list(p[:-1]), list(p[1:])] / gaps
        shares.append(walk[mask].sum() / walk.sum())
    return np.mean(np.array(shares) >= shares[0] - 1e-12)


@pytest.mark.parametrize("per", ["transition", "step"])
@pytest.mark.parametrize("by", ["index", "step"])
def test_shuffled_checkpoints_by_enumeration(per, by):
    rng = np.random.default_rng(1)
    points = np.cumsum(rng.normal(size=(6, 2)) * np.array([3, 1, 1, 1, 1, 1])[:, None], axis=0)
    d = np.linalg.norm(points[:, None] - points[None], axis=2)
    steps = np.array([0, 1, 2, 4, 8, 16])
    gaps = np.diff(steps) if per == "step" else 1.0
    expected = exact_checkpoints(d, early(steps, by), gaps)
    p = p_checkpoints(d, n=40_000, steps=steps, by=by, per=per)
    assert 0 < expected < 1
    assert abs(p - expected) < 4 * np.sqrt(expected * (1 - expected) / 40_000) + 1e-4


def test_checkpoints_all_equally_far_are_ties():
    assert p_checkpoints(0.1 * (1 - np.eye(9)), n=1000) == 1


# --- calibration ---------------------------------------------------------------------------------


def binomial_bound(rate, runs):
    """A count of rejections that a calibrated test exceeds once in a hundred thousand studies."""
    return binom.ppf(1 - 1e-5, runs, rate)


def test_both_nulls_hold_their_level():
    """400 runs with nothing to find: exchangeable velocities, exchangeable checkpoints."""
    rng = np.random.default_rng(2)
    runs, level = 400, 0.05
    by_velocity, by_checkpoint = [], []
    for seed in range(runs):
        by_velocity.append(p_velocities(rng.exponential(size=12), n=499, seed=seed))
        points = rng.normal(size=(13, 5))
        d = np.linalg.norm(points[:, None] - points[None], axis=2)
        by_checkpoint.append(p_checkpoints(d, n=499, seed=seed))
    for p in (np.array(by_velocity), np.array(by_checkpoint)):
        assert np.count_nonzero(p <= level) <= binomial_bound(level, runs)
        assert np.count_nonzero(p >= 1 - level) <= binomial_bound(level, runs)
        assert 0.4 < p.mean() < 0.6


def test_early_movement_is_found():
    v = np.array([8, 7, 6, 5, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], float) + np.random.default_rng(3).random(15)
    assert p_velocities(v) < 0.001
    points = np.cumsum(v)[:, None] * [1.0, 0.0]
    points = np.vstack([[0.0, 0.0], points])
    assert p_checkpoints(np.linalg.norm(points[:, None] - points[None], axis=2)) < 0.1


# --- peak and stabilisation ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("v", "peak", "stable"),
    [
        ([1.0, 8.0, 4.0, 1.0, 1.0, 1.0], 2, 4),  # from step 4 on, less than 2
        ([8.0, 1.0, 1.0, 4.0, 1.0, 1.0], 1, 8),  # a late rise counts
        ([8.0, 2.0, 1.0, 1.0, 1.0, 1.0], 1, 2),  # exactly a quarter is not under it
        ([1.0, 1.0, 1.0, 1.0, 1.0, 8.0], 32, np.nan),
        ([4.0, 4.0, 4.0, 4.0, 4.0, 4.0], 1, np.nan),
        ([0.0, 0.0, 0.0, 0.0, 0.0, 0.0], np.nan, np.nan),
        ([np.nan, 8.0, 1.0, 1.0, 1.0, 1.0], 2, 2),
    ],
)
def test_peak_and_stable_step(v, peak, stable):
    np.testing.assert_equal(peak_step(v, STEPS), peak)
    np.testing.assert_equal(stable_step(v, STEPS), stable)


# --- the table -----------------------------------------------------------------------------------


def test_distance_matrices():
    points = np.arange(7.0)[:, None]
    both = pd.concat([distances(points), distances(2 * points, layer=12).iloc[1:]])
    matrices = distance_matrices(both)
    assert list(matrices) == [(6, 1, 2.0, 2.0, "raw"), (12, 1, 2.0, 2.0, "raw")]
    d = matrices[6, 1, 2.0, 2.0, "raw"]
    assert d.loc[("base", 0), ("helpful", 32)] == 6
    pd.testing.assert_frame_equal(d, d.T, check_names=False)
    assert np.diag(d).tolist() == [0] * 7
    missing = matrices[12, 1, 2.0, 2.0, "raw"]
    assert np.isnan(missing.loc[("base", 0), ("helpful", 1)])
    assert distance_matrices(both.iloc[:0]) == {}


def test_the_table_holds_every_reading_of_a_curve():
    rng = np.random.default_rng(4)
    points = rng.normal(size=(7, 3))
    v = np.linalg.norm(np.diff(points, axis=0), axis=1)
    table = dynamics(velocities(v[:, None] * [0.9, 1.1]), distances(points), n=500)
    assert len(table) == 8
    assert not table.duplicated(["per", "by", "with_base"]).any()
    for row in table.itertuples():
        part, steps = (v, STEPS) if row.with_base else (v[1:], STEPS[1:])
        chosen = points if row.with_base else points[1:]
        if row.per == "step":
            part = part / np.diff(steps)
        assert row.concentration == pytest.approx(early_share(part, early(steps, row.by)))
        assert row.p_velocities == p_velocities(part, n=500, steps=steps, by=row.by)
        assert row.p_checkpoints == p_checkpoints(
            np.linalg.norm(chosen[:, None] - chosen[None], axis=2), n=500, steps=steps, by=row.by, per=row.per
        )
        assert row.peak_step == peak_step(part, steps)
        np.testing.assert_equal(row.stable_step, stable_step(part, steps))


def test_the_table_has_a_p_for_checkpoints_only_with_their_distances():
    points = np.random.default_rng(5).normal(size=(7, 3))
    v = np.ones((6, 2))
    both = pd.concat([velocities(v), velocities(v, scale="median"), velocities(v, series="mixed")])
    table = dynamics(both, distances(points), n=50).set_index(["series", "scale"])
    assert table.loc[("helpful", "raw"), "p_checkpoints"].notna().all()
    assert table.loc[("helpful", "median"), "p_checkpoints"].isna().all()
    assert table.loc[("mixed", "raw"), "p_checkpoints"].isna().all()
    assert dynamics(both, n=50)["p_checkpoints"].isna().all()
    assert table["p_velocities"].notna().all()


def test_a_series_with_its_own_step_0_starts_there():
    """The null walks through (series, 0), and the base, far away, plays no part; other series keep it."""
    rng = np.random.default_rng(7)
    points = np.cumsum(rng.normal(size=(7, 3)), axis=0)
    base = np.full(3, 50.0)
    own = distances(points).replace({"series_a": {"base": "helpful"}})
    to_base = own.iloc[:7].assign(series_a="base", step_a=0, series_b="helpful", step_b=STEPS)
    to_base["value"] = np.linalg.norm(points - base, axis=1)
    mixed = distances(np.vstack([base, points[1:]]), series="mixed")
    v = np.linalg.norm(np.diff(points, axis=0), axis=1)[:, None]
    both = pd.concat([velocities(v), velocities(v, series="mixed")])
    table = dynamics(both, pd.concat([to_base, own, mixed]), n=500).set_index("series")
    alone = dynamics(velocities(v), distances(points), n=500)  # the same walk, its start called "base"
    np.testing.assert_array_equal(table.loc["helpful", "p_checkpoints"], alone["p_checkpoints"])
    shared = dynamics(velocities(v, series="mixed"), mixed, n=500)
    np.testing.assert_array_equal(table.loc["mixed", "p_checkpoints"], shared["p_checkpoints"])
    assert (alone["p_checkpoints"] != shared["p_checkpoints"]).any()


def test_a_series_without_its_base_has_one_reading():
    table = dynamics(velocities(np.ones((5, 2)), STEPS[1:]), n=50)
    assert len(table) == 4
    assert not table["with_base"].any()


def test_a_hole_in_a_curve():
    """A lost checkpoint takes two transitions away: gaps stay right, and no walk is invented."""
    rows = velocities(np.ones((6, 2)) * np.diff(STEPS)[:, None])
    rows = rows[~rows["step"].isin([4, 8])]
    table = dynamics(rows, distances(np.random.default_rng(6).normal(size=(7, 3))), n=50)
    assert table["p_checkpoints"].isna().all()
    per_step = table[(table["per"] == "step") & (table["by"] == "index") & table["with_base"]]
    assert per_step["concentration"].tolist() == [0.25]  # four transitions of the same speed, one of them early


def test_short_series_and_an_empty_table():
    short = dynamics(velocities(np.ones((1, 2)), [0, 5]), n=50)
    assert short["with_base"].tolist() == [True] * 4
    assert short["concentration"].isna().all()
    assert short["peak_step"].tolist() == [5] * 4
    empty = dynamics(velocities(np.ones((1, 2)), [0, 5]).iloc[:0], n=50)
    assert len(empty) == 0
    assert "p_checkpoints" in empty.columns
