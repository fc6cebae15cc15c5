"""Separation of objectives: energy distance, effect sizes, mixtures, and permutation of whole runs."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from phcore.analysis.effect_sizes import (
    cliffs_delta,
    effects,
    energy_distance,
    hedges_g,
    mixture,
    separation,
)
from phcore.analysis.objectives import Standardised, objective_distance, split_half_floor, standardise
from phcore.analysis.permanova import LABELINGS, WHOLE, permanova, run_distances, runs
from phcore.analysis.resampling import interval
from phcore.errors import Fault
from phcore.topology.summaries import FEATURES

N, M, B = 320, 160, 64


def of_cells(cells, features=("u", "v", "w")):
    """Standardised with given subsamples {(series, step): (B, F) array}, taken as they are."""
    frames = [
        pd.DataFrame(
            values,
            pd.MultiIndex.from_tuples([(*cell, k) for k in range(len(values))], names=["series", "step", "subsample"]),
            list(features),
        )
        for cell, values in sorted(cells.items())
    ]
    subsamples = pd.concat(frames)
    means = subsamples.groupby(level=["series", "step"]).mean()
    return Standardised(subsamples, means, pd.Series(1.0, list(features)), ())


def points(seed, shape=(B, 3), at=0.0):
    return np.random.default_rng(seed).normal(size=shape) + at


def at(*place):
    """Cells of B subsamples that have exactly this mean."""
    noise = points(17)
    return noise - noise.mean(axis=0) + np.array(place, dtype=float)


# --- energy distance -----------------------------------------------------------------------------


def test_energy_distance_by_hand():
    # 2 * mean(1, 3) - mean(0, 0) - mean(0, 2, 2, 0)
    assert energy_distance([[0.0]], [[1.0], [3.0]]) == pytest.approx(2 * 2 - 0 - 1)
    # pairs i != j: 2 * mean(|0 - 5|, |2 - 1|) - 2 - 4
    assert energy_distance([[0.0], [2.0]], [[1.0], [5.0]], unbiased=True) == pytest.approx(2 * 3 - 2 - 4)


@pytest.mark.parametrize(("k", "many"), [(20, 15), (1, 7), (30, 30)])
def test_energy_distance_on_a_line_is_the_square_of_scipys(k, many):
    x, y = points(0, (k, 1)), points(1, (many, 1), at=0.4)
    expected = stats.energy_distance(x.ravel(), y.ravel()) ** 2
    assert energy_distance(x, y) == pytest.approx(expected, rel=1e-10)


few_points = arrays(float, (5, 3), elements=st.floats(-100, 100, allow_subnormal=False))


@settings(max_examples=60, deadline=None)
@given(few_points, few_points, st.floats(0.01, 100))
def test_energy_distance_is_a_symmetric_distance_of_degree_one(x, y, factor):
    value = energy_distance(x, y)
    assert value >= -1e-9
    assert energy_distance(y, x) == pytest.approx(value, abs=1e-9)
    assert energy_distance(factor * x + 7, factor * y + 7) == pytest.approx(factor * value, rel=1e-6, abs=1e-6)
    assert energy_distance(x, x) == pytest.approx(0, abs=1e-9)
    assert energy_distance(x, x, unbiased=True) == pytest.approx(0, abs=1e-9)
    # The order of the points does not matter, except that of one side of pairs.
    assert energy_distance(x[::-1], y) == pytest.approx(value, abs=1e-9)
    assert energy_distance(x[::-1], y[::-1], unbiased=True) == pytest.approx(
        energy_distance(x, y, unbiased=True), abs=1e-9
    )


def test_the_unbiased_energy_is_the_definition_over_other_subsamples():
    x, y = points(2, (6, 3)), points(3, (6, 3))
    terms = [
        2 * np.linalg.norm(x[i] - y[j]) - np.linalg.norm(x[i] - x[j]) - np.linalg.norm(y[i] - y[j])
        for i, j in itertools.permutations(range(6), 2)
    ]
    assert energy_distance(x, y, unbiased=True) == pytest.approx(np.mean(terms), rel=1e-12)


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_without_a_difference_the_unbiased_energy_is_zero_on_average(shared):
    """Whatever the size, and however much pairs have in common; the V-statistic is not."""
    rng = np.random.default_rng(4)
    for size in (8, 32):
        common, x, y = rng.normal(size=(3, 600, size, 3))
        x, y = (math.sqrt(shared) * common + math.sqrt(1 - shared) * own for own in (x, y))
        found = np.array(
            [[energy_distance(a, b, unbiased=u) for u in (True, False)] for a, b in zip(x, y, strict=True)]
        )
        error = found.std(axis=0) / math.sqrt(len(found))
        assert abs(found[:, 0].mean()) < 3.5 * error[0]
        assert found[:, 1].mean() > 10 * error[1]


def test_energy_of_nothing_and_of_unpaired_samples():
    assert math.isnan(energy_distance(np.zeros((0, 3)), np.zeros((4, 3))))
    assert math.isnan(energy_distance(np.zeros((1, 3)), np.ones((1, 3)), unbiased=True))
    with pytest.raises(Fault, match="3 and 4 points are not paired"):
        energy_distance(np.zeros((3, 1)), np.zeros((4, 1)), unbiased=True)


# --- effect sizes --------------------------------------------------------------------------------


def test_hedges_g_by_hand():
    x, y = [[1.0], [2.0], [3.0]], [[2.0], [4.0], [6.0], [8.0]]
    # Squares around the means 2 and 5: 2 and 20, five degrees of freedom.
    assert hedges_g(x, y) == pytest.approx((1 - 3 / 19) * (2 - 5) / math.sqrt(22 / 5))


def test_hedges_g_shrinks_a_t_statistic():
    x, y = points(5, (9, 4)), points(6, (12, 4), at=1.0)
    t = stats.ttest_ind(x, y).statistic
    np.testing.assert_allclose(hedges_g(x, y), (1 - 3 / (4 * 21 - 9)) * t * math.sqrt(1 / 9 + 1 / 12), rtol=1e-10)
    np.testing.assert_allclose(hedges_g(3 * x - 2, 3 * y - 2), hedges_g(x, y), rtol=1e-9)
    np.testing.assert_allclose(hedges_g(y, x), -hedges_g(x, y))


def test_the_correction_of_hedges_removes_the_bias_of_small_samples():
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(5, 40_000)) + 1, rng.normal(size=(4, 40_000))
    assert hedges_g(x, y).mean() == pytest.approx(1, abs=0.02)


def test_effects_of_constants():
    constant = np.full((7, 3), 0.1)
    other = constant.copy()
    other[:, 1] = 0.2
    other[:, 2] += np.arange(7)
    g = hedges_g(constant, other)
    assert g[0] == 0
    assert hedges_g(constant, constant * (1 + 1e-12))[0] == 0  # not one rounding error over another
    assert np.isnan(g[1])
    assert np.isfinite(g[2])
    nearly = constant + 1e-15 * np.arange(7)[:, None]  # constants but for rounding, of another size than the other
    assert np.isnan(hedges_g(0 * constant, nearly)).all()
    assert np.isnan(hedges_g(nearly, 0 * constant)).all()
    units = np.array([1.0, 1e12, 1.0])  # each feature by its own size
    np.testing.assert_allclose(hedges_g(units * points(1), units * points(2)), hedges_g(points(1), points(2)))
    assert hedges_g(0 * constant, 0 * constant).tolist() == [0, 0, 0]
    np.testing.assert_array_equal(cliffs_delta(constant, other)[:2], [0, -1])


def test_effects_of_too_little_or_missing():
    assert np.isnan(hedges_g(np.zeros((1, 2)), np.ones((1, 2)))).all()
    x, y = points(8), points(9)
    x[3, 1] = np.nan
    for effect in (hedges_g, cliffs_delta):
        assert np.isnan(effect(x, y)).tolist() == [False, True, False]


@pytest.mark.parametrize("rounded", [False, True])
def test_cliffs_delta_is_mann_whitneys_u(rounded):
    x, y = points(10, (13, 5)), points(11, (8, 5), at=0.5)
    if rounded:  # ties
        x, y = np.round(x), np.round(y)
    u = stats.mannwhitneyu(x, y).statistic
    np.testing.assert_allclose(cliffs_delta(x, y), 2 * u / (13 * 8) - 1, atol=1e-12)
    np.testing.assert_allclose(cliffs_delta(y, x), -cliffs_delta(x, y), atol=1e-12)
    assert cliffs_delta([[1.0], [2.0]], [[2.0], [0.0]]) == pytest.approx(0.25)  # -, +, =, +


def test_effects_by_step_and_feature():
    base = points(12)
    cells = {(name, 0): base for name in "ab"} | {(name, 2): points(ord(name)) for name in "ab"} | {("a", 3): base}
    cells["a", 2] = cells["a", 2] + [0, 1, 5]
    found = effects(of_cells(cells), "a", "b", N, M)
    assert found["step"].tolist() == [2, 2, 2]  # not the base both start from, not what one of them lacks
    assert found["feature"].tolist() == ["u", "v", "w"]
    x, y = cells["a", 2], cells["b", 2]
    np.testing.assert_allclose(found["g"], hedges_g(x, y))
    np.testing.assert_allclose(found["delta"], cliffs_delta(x, y))
    for effect in ("g", "delta"):
        assert (found[f"{effect}_lo"] < found[effect]).all()
        assert (found[effect] <= found[f"{effect}_hi"]).all()  # delta ends at 1
    # g moves with the mean difference, everything else held: its interval is that of the difference, rescaled.
    lo, hi = interval(x - y, N, M)
    np.testing.assert_allclose(found["g_lo"] / found["g"], lo / (x - y).mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(found["delta_hi"], cliffs_delta(x + (hi - (x - y).mean(axis=0)), y))
    swapped = effects(of_cells(cells), "b", "a", N, M)
    np.testing.assert_allclose(swapped[["g_lo", "g_hi"]], -found[["g_hi", "g_lo"]], rtol=1e-9)
    np.testing.assert_allclose(swapped[["delta_lo", "delta_hi"]], -found[["delta_hi", "delta_lo"]], atol=1e-3)


def test_base_models_that_differ_are_compared():
    found = effects(of_cells({("a", 0): points(1), ("b", 0): points(2)}), "a", "b", N, M)
    assert found["step"].unique().tolist() == [0]


def test_what_the_prompts_do_to_both_series_does_not_widen_the_interval():
    common = 10 * points(13)
    apart = of_cells({("a", 1): points(14, at=3) + common, ("b", 1): points(15) + common})
    mixed_up = of_cells({("a", 1): points(14, at=3) + common, ("b", 1): (points(15) + common)[::-1]})
    width = [(f["g_hi"] - f["g_lo"]).mean() for f in (effects(s, "a", "b", N, M) for s in (apart, mixed_up))]
    assert width[0] < width[1] / 5


def test_more_subsamples_of_the_same_prompts_do_not_buy_certainty():
    """An interval that took subsamples for replicates would shrink fourfold here."""
    width = []
    for count in (64, 1024):
        found = effects(of_cells({("a", 1): points(1, (count, 3)), ("b", 1): points(2, (count, 3))}), "a", "b", N, M)
        width.append((found["g_hi"] - found["g_lo"]).mean())
    assert width[1] == pytest.approx(width[0], rel=0.15)


def test_effects_without_an_interval():
    cells = {("a", 1): points(1), ("b", 1): points(2)}
    whole = effects(of_cells(cells), "a", "b", 160, 160)
    assert whole[["g", "delta"]].notna().all(axis=None)
    assert whole[["g_lo", "g_hi", "delta_lo", "delta_hi"]].isna().all(axis=None)
    one = effects(of_cells({cell: values[:1] for cell, values in cells.items()}), "a", "b", N, M)
    assert one.drop(columns=["step", "feature", "delta"]).isna().all(axis=None)
    none = effects(of_cells(cells), "a", "nobody", N, M)
    assert none.empty
    assert list(none.columns) == list(whole.columns)


def test_cells_are_paired_by_subsample_and_not_by_place():
    cells = {("a", 1): points(1), ("b", 1): points(2)}
    full = of_cells(cells)
    lost = Standardised(full.subsamples.drop(index=[("a", 1, 0), ("b", 1, 5)]), full.means, full.unit, ())
    both = {cell: np.delete(values, [0, 5], axis=0) for cell, values in cells.items()}
    pd.testing.assert_frame_equal(effects(lost, "a", "b", N, M), effects(of_cells(both), "a", "b", N, M))
    x, y = both.values()
    assert separation(lost, split_half_floor(lost), "a", "b").loc[0, "energy"] == pytest.approx(
        energy_distance(x, y, unbiased=True)
    )


# --- separation by step --------------------------------------------------------------------------


def two_runs(gap, seed=0, count=B):
    """Two runs of independent noise around one base, apart by gap at step 2."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(count, 3))
    cells = {(name, step): rng.normal(size=(count, 3)) for name in "ab" for step in (1, 2)}
    cells["a", 2] = cells["a", 2] + [gap, 0, 0]
    return of_cells({("a", 0): base, ("b", 0): base} | cells)


def test_separation_by_step_with_its_floors():
    found = two_runs(gap=2.0)
    floors = split_half_floor(found)
    table = separation(found, floors, "a", "b")
    assert list(table.columns) == [
        "step",
        "energy",
        "energy_floor",
        "energy_floor_hi",
        "distance",
        "distance_floor",
        "distance_floor_hi",
    ]
    assert table["step"].tolist() == [0, 1, 2]
    distances = objective_distance(found, floors, "a", "b")
    np.testing.assert_array_equal(table[["distance", "distance_floor", "distance_floor_hi"]], distances.iloc[:, 1:])
    assert table.loc[0, ["energy", "distance"]].tolist() == [0, 0]
    assert table.loc[1, "energy"] < table.loc[1, "energy_floor_hi"]
    assert table.loc[2, "energy"] > 5 * table.loc[2, "energy_floor_hi"]
    x, y = (found.subsamples.loc[(name, 2)].to_numpy() for name in "ab")
    assert table.loc[2, "energy"] == pytest.approx(energy_distance(x, y, unbiased=True))
    pd.testing.assert_frame_equal(table.abs(), separation(found, floors, "b", "a").abs())


@pytest.mark.parametrize("count", [64, 33])
def test_the_energy_floor_is_that_of_random_halves(count):
    found = two_runs(gap=0.0, count=count)
    table = separation(found, split_half_floor(found), "a", "b", repeats=2000)
    rng = np.random.default_rng(5)

    def halves(cell):
        x = rng.permutation(found.subsamples.loc[cell].to_numpy())
        x, y = x[: count // 2], x[count // 2 :]
        k, many = len(x), len(y)
        pairs = [[np.linalg.norm(p - q) for p in s for q in t] for s, t in ((x, y), (x, x), (y, y))]
        return 2 * np.mean(pairs[0]) - sum(pairs[1]) / (k * (k - 1)) - sum(pairs[2]) / (many * (many - 1))

    both = np.array([[halves((name, 1)) for _ in range(60)] for name in "ab"])
    row = table.loc[1]
    assert row["energy_floor"] == pytest.approx(np.median(both, axis=1).max(), abs=0.03)
    assert row["energy_floor_hi"] == pytest.approx(np.quantile(both, 0.95, axis=1).max(), abs=0.06)


def test_without_a_difference_runs_lie_at_their_floor():
    """Independent subsamples of one population: at the floor's middle on average, and rarely above its 95 %."""
    rows = []
    for seed in range(60):
        found = two_runs(0.0, seed)
        rows.append(separation(found, split_half_floor(found, 60), "a", "b", repeats=100).iloc[1:])
    table = pd.concat(rows)
    spread = table["energy"].std()
    assert abs(table["energy"].mean()) < 3.5 * spread / math.sqrt(len(table))
    assert abs(table["energy_floor"].mean()) < spread
    assert (table["energy"] > table["energy_floor_hi"]).mean() < 0.05
    assert (table["distance"] > table["distance_floor_hi"]).mean() < 0.05
    # The floor is that of halves, wider than what it judges, but not by much more than their size says.
    assert table["energy_floor_hi"].mean() < 5 * spread


@pytest.mark.filterwarnings("error")
def test_separation_with_few_subsamples_or_no_common_step():
    pair = {("a", 1): points(1), ("b", 1): points(2, at=1)}
    three = of_cells({cell: values[:3] for cell, values in pair.items()})
    row = separation(three, split_half_floor(three), "a", "b").loc[0]
    assert np.isfinite(row["energy"])
    assert np.isnan(row[["energy_floor", "energy_floor_hi"]].to_numpy(float)).all()
    one = of_cells({("a", 1): points(1)[:1], ("b", 1): points(2)})
    row = separation(one, split_half_floor(one), "a", "b").loc[0]
    assert np.isnan(row["energy"])
    assert np.isfinite(row["energy_floor"])  # of the other cell
    assert separation(one, split_half_floor(one), "a", "nobody").empty
    apart = of_cells({("a", 1): points(1), ("b", 2): points(2)})
    assert separation(apart, split_half_floor(apart), "a", "b").empty


def test_separation_from_a_summaries_table():
    """Constant features have no unit and are dropped; a cell with a NaN is no row."""
    rng = np.random.default_rng(0)
    rows = []
    for series, step in itertools.product("ab", (1, 2)):
        values = rng.normal(size=(B, len(FEATURES))) * (np.array(FEATURES) != "h0_count") + 5 + (series == "a")
        frame = pd.DataFrame(values, columns=list(FEATURES))
        rows.append(frame.assign(series=series, step=step, layer=6, subsample=range(B)))
    table = pd.concat(rows, ignore_index=True)
    table.loc[(table["series"] == "b") & (table["step"] == 2) & (table["subsample"] == 3), "h1_count"] = np.nan
    found = standardise(table, 6)
    result = separation(found, split_half_floor(found), "a", "b")
    assert result["step"].tolist() == [1]
    assert result["energy"].iloc[0] > result["energy_floor_hi"].iloc[0]
    sizes = effects(found, "a", "b", N, M)
    assert len(sizes) == 40
    assert np.isfinite(sizes.drop(columns="feature")).all(axis=None)


# --- mixtures ------------------------------------------------------------------------------------


def test_a_mixture_by_hand():
    found = of_cells({("a", 1): at(1, 0, 0), ("b", 1): at(11, 0, 0), ("m", 1): at(4, 4, 0)})
    table = mixture(found, split_half_floor(found), "m", "a", "b")
    row = table.loc[0]
    np.testing.assert_allclose(row[["to_a", "to_b", "a_to_b"]].to_numpy(float), [5, math.hypot(7, 4), 10])
    assert (row["along"], row["off"]) == pytest.approx((0.3, 4))
    other = mixture(found, split_half_floor(found), "m", "b", "a").loc[0]
    assert (other["along"], other["off"]) == pytest.approx((0.7, 4))


def test_parts_that_are_no_farther_apart_than_the_floor_or_one_place():
    found = of_cells({("a", 1): at(0, 0, 0), ("b", 1): at(0.1, 0, 0), ("m", 1): at(0.05, 0, 0)})
    floors = split_half_floor(found)
    row = mixture(found, floors, "m", "a", "b").loc[0]
    assert row["floor"] == floors["median"].max() > 0.1
    one = of_cells({(name, 0): at(0, 0, 0) for name in "abm"} | {("a", 1): at(0, 0, 0)})
    table = mixture(one, split_half_floor(one), "m", "a", "b")
    assert table["step"].tolist() == [0]
    assert table[["along", "off"]].isna().all(axis=None)
    assert mixture(one, split_half_floor(one), "m", "a", "nobody").empty


# --- whole runs ----------------------------------------------------------------------------------


def distances_of(places):
    return run_distances({str(k): np.atleast_2d(place) for k, place in enumerate(places)})


def test_one_run_is_no_distance_from_itself():
    assert run_distances({"a": np.ones((2, 3))}).tolist() == [[0.0]]


def test_an_empty_sample_has_no_distance():
    with np.errstate(all="raise"):
        for x, y in ((np.ones((3, 2)), np.ones((0, 2))), (np.ones((0, 2)), np.ones((3, 2)))):
            assert math.isnan(energy_distance(x, y))
        assert math.isnan(energy_distance(np.ones((1, 2)), np.ones((1, 2)), unbiased=True))


@pytest.mark.parametrize("count", [4, 5])
def test_the_energy_floor_by_hand(count):
    """Median and 95 % quantile of the energy distance between the halves that are drawn."""
    from phcore.analysis.effect_sizes import _energy_floor, _halves

    x = np.random.default_rng(3).normal(size=(count, 2))
    drawn = [one.astype(bool) for one in _halves(count, 50, 7)]
    assert {int(one.sum()) for one in drawn} == {count // 2}

    def energy(first, rest):
        def mean(a, b, same):
            distances = [np.linalg.norm(p - q) for i, p in enumerate(a) for j, q in enumerate(b) if not same or i != j]
            return np.mean(distances)

        return 2 * mean(first, rest, False) - mean(first, first, True) - mean(rest, rest, True)

    found = [energy(x[one], x[~one]) for one in drawn]
    assert _energy_floor(x, 50, 7) == pytest.approx((np.median(found), np.quantile(found, 0.95)))
    assert _energy_floor(x[:3], 50, 7) == pytest.approx((np.nan, np.nan), nan_ok=True)


def test_run_distances_by_hand():
    found = run_distances({"a": [[0.0, 0], [0, 0]], "b": [[3.0, 4], [0, 0]], "c": [[0.0, 0], [0, 1]]})
    np.testing.assert_allclose(found[0], [0, math.sqrt(25 / 2), math.sqrt(1 / 2)])
    np.testing.assert_array_equal(found, found.T)
    for means in ({}, {"a": np.zeros((2, 3)), "b": np.zeros((1, 3))}, {"a": np.zeros((0, 3))}):
        with pytest.raises(Fault, match="do not share their steps"):
            run_distances(means)


def reference_permanova(distances, labels):
    """That of scikit-bio, which takes long to load: where it is called only, not wherever tests are collected."""
    from skbio.stats.distance import DistanceMatrix
    from skbio.stats.distance import permanova as theirs

    return theirs(DistanceMatrix(distances), labels, permutations=9999, seed=1)


@pytest.mark.parametrize("labels", ["aabb", "aaabbbccc", "aaaabbc", "abbbbbbb", "bacbacba"])
def test_permanova_is_that_of_scikit_bio(labels):
    distances = distances_of(points(len(labels), (len(labels), 4)) + np.outer([ord(c) % 3 for c in labels], np.ones(4)))
    found = permanova(distances, list(labels))
    expected = reference_permanova(distances, list(labels))
    assert found.pseudo_f == pytest.approx(expected["test statistic"], rel=1e-10)
    assert found.permutations <= LABELINGS
    # scikit-bio draws labelings at random: three standard errors of a share of 9,999.
    assert found.p == pytest.approx(expected["p-value"], abs=3 * math.sqrt(0.25 / 9999) + 1e-4)


def test_permanova_by_random_labelings_is_that_of_scikit_bio():
    labels = list("aaaaaabbbbbbcccccc")
    distances = distances_of(points(3, (18, 4)) + 0.35 * np.repeat(np.arange(3), 6)[:, None])
    found = permanova(distances, labels)
    expected = reference_permanova(distances, labels)
    assert found.permutations == 9999
    assert found.pseudo_f == pytest.approx(expected["test statistic"], rel=1e-10)
    assert found.p == pytest.approx(expected["p-value"], abs=0.01)
    assert found == permanova(distances, labels)
    assert found.p != permanova(distances, labels, seed=1).p
    apart = permanova(distances_of(points(3, (18, 4)) + 50 * np.repeat(np.arange(3), 6)[:, None]), labels)
    assert apart.p == 1e-4


@pytest.mark.parametrize(
    ("labels", "distinct"),
    [("aabb", 3), ("aaabbb", 10), ("aaabb", 10), ("aabc", 6), ("aaabbbccc", 280), ("ab" * 7, 1716)],
)
def test_every_distinct_labeling_is_looked_at_once(labels, distinct):
    """Clear separation is the most extreme labeling: p is the smallest possible one."""
    places = points(4, (len(labels), 2)) * 0.01 + np.outer([ord(c) for c in labels], [10, 0])
    found = permanova(distances_of(places), list(labels))
    assert found.permutations == distinct
    assert found.p == pytest.approx(1 / distinct)
    assert distinct <= LABELINGS


def test_the_exact_p_by_brute_force():
    labels, places = "aaabbcc", points(6, (7, 3))
    distances = distances_of(places)
    found = permanova(distances, list(labels))
    observed = permanova_f(distances, labels)
    every = np.array([permanova_f(distances, order) for order in set(itertools.permutations(labels))])
    assert found.pseudo_f == pytest.approx(observed)
    assert found.p == pytest.approx((every >= observed - 1e-9).mean())


def permanova_f(distances, labels):
    """Pseudo-F from points' distances, written out."""
    count, names = len(labels), sorted(set(labels))
    total = sum(distances[i, j] ** 2 for i, j in itertools.combinations(range(count), 2)) / count
    inside = 0.0
    for name in names:
        members = [k for k in range(count) if labels[k] == name]
        inside += sum(distances[i, j] ** 2 for i, j in itertools.combinations(members, 2)) / len(members)
    return (total - inside) / (len(names) - 1) / (inside / (count - len(names)))


def test_mean_distances_within_and_between():
    found = permanova(distances_of([[0.0], [2.0], [10.0], [16.0]]), list("aabb"))
    assert (found.within, found.between) == (4, 12)
    assert (found.runs, found.objectives, found.words) == (4, 2, "")


def test_without_a_difference_p_is_not_too_small():
    rng = np.random.default_rng(8)
    p = np.array([permanova(distances_of(rng.normal(size=(9, 5))), list("aaabbbccc")).p for _ in range(400)])
    for level in (0.05, 0.2, 0.5):
        assert (p <= level).mean() == pytest.approx(level, abs=3.5 * math.sqrt(level * (1 - level) / 400))


def test_labelings_that_are_equally_extreme_count_whatever_their_last_bits():
    """Of the three ways to halve the corners of a square, two are the same up to a quarter turn."""
    for angle in np.linspace(0, 1, 40):
        corners = 0.1 + np.exp(1j * (angle + np.arange(4) * np.pi / 2))
        distances = np.abs(np.subtract.outer(corners, corners))
        assert permanova(distances, list("aabb")).p == pytest.approx(2 / 3)
        assert permanova(distances, list("abba")).p == pytest.approx(2 / 3)
        assert permanova(distances, list("abab")).p == 1


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_the_unit_of_distances_does_not_matter(unit):
    corners = 0.1 + np.exp(1j * (0.3 + np.arange(4) * np.pi / 2))
    square = permanova(unit * np.abs(np.subtract.outer(corners, corners)), list("aabb"))
    assert square.p == pytest.approx(2 / 3)
    apart = distances_of([[0.0], [1.0], [5.0], [6.5]])
    one, other = (permanova(factor * apart, list("aabb")) for factor in (1.0, unit))
    assert (other.pseudo_f, other.p) == pytest.approx((one.pseudo_f, one.p))
    assert (other.within, other.between) == pytest.approx((unit * one.within, unit * one.between))


@pytest.mark.parametrize("rounding", [0.0, 1e-13])
def test_equal_runs_of_an_objective_are_as_close_as_can_be(rounding):
    found = permanova(distances_of([[0.0], [rounding], [1.0], [1.0]]), list("aabb"))
    assert found.pseudo_f == math.inf
    assert found.p == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("places", "labels", "words"),
    [
        ([[0.0], [1.0]], "aa", "one objective"),
        ([], "", "one objective"),
        ([[0.0], [1.0], [2.0]], "abc", "one run per objective"),
        ([[0.0], [np.nan], [2.0]], "aab", "missing"),
        ([[1.0], [1.0], [1.0]], "aab", "all runs are equal"),
    ],
)
def test_runs_that_cannot_tell_say_why(places, labels, words):
    distances = distances_of(places) if places else np.zeros((0, 0))
    found = permanova(distances, list(labels))
    assert words in found.words
    assert np.isnan([found.p, found.pseudo_f]).all()
    assert found.permutations == 0


def test_labels_that_do_not_fit():
    with pytest.raises(Fault, match="3 labels do not fit"):
        permanova(np.zeros((2, 2)), ["a", "a", "b"])


def seeds(gap, steps=(0, 1, 2), lost=()):
    """Three runs of each of two objectives; gap between the objectives at step 2 only."""
    base, rng, cells = points(0), np.random.default_rng(1), {}
    for objective, k, step in itertools.product("ab", range(3), steps):
        place = rng.normal(size=3) + np.array([gap * (objective == "a") * (step == 2), 0, 0])
        cells[f"{objective}{k}", step] = base if step == 0 else at(*place)
    return of_cells({cell: values for cell, values in cells.items() if cell not in lost})


OBJECTIVE_OF = {f"{objective}{k}": objective for objective in "ab" for k in range(3)}


def test_runs_by_step_and_as_a_whole():
    found = seeds(gap=30.0)
    table = runs(found, OBJECTIVE_OF)
    assert table["step"].tolist() == [WHOLE, 1, 2]  # the base they share tells nothing
    assert (table[["objectives", "runs", "permutations"]] == [2, 6, 10]).all(axis=None)
    by_step = table.set_index("step")
    assert by_step.loc[2, "p"] == by_step.loc[WHOLE, "p"] == pytest.approx(1 / 10)
    assert by_step.loc[2, "between"] > 5 * by_step.loc[2, "within"]
    assert by_step.loc[1, "between"] < 2 * by_step.loc[1, "within"]
    means = {name: found.means.loc[[(name, 1), (name, 2)]].to_numpy() for name in OBJECTIVE_OF}
    whole = permanova(run_distances(means), list("aaabbb"))
    assert by_step.loc[WHOLE, "pseudo_f"] == pytest.approx(whole.pseudo_f)


def test_runs_with_missing_steps():
    table = runs(seeds(30.0, lost={("a0", 2)}), OBJECTIVE_OF).set_index("step")
    assert table["runs"].to_dict() == {WHOLE: 6, 1: 6, 2: 5}
    assert table.loc[WHOLE, "pseudo_f"] == table.loc[1, "pseudo_f"]  # step 1 is all that all runs have
    nothing_shared = runs(seeds(30.0, lost={("a0", 2), ("b0", 1)}), OBJECTIVE_OF)
    assert nothing_shared["step"].tolist() == [1, 2]
    without_a = runs(seeds(30.0, lost={(f"a{k}", 2) for k in range(3)}), OBJECTIVE_OF)
    assert without_a["step"].tolist() == [WHOLE, 1]


def test_runs_of_other_base_models_differ_from_the_start():
    found = seeds(0.0)
    moved = found.means.copy()
    moved.loc[("a0", 0)] += 1.0
    other = Standardised(found.subsamples, moved, found.unit, ())
    assert runs(other, OBJECTIVE_OF)["step"].tolist() == [WHOLE, 0, 1, 2]


@pytest.mark.parametrize(
    "objective_of",
    [{}, {"a0": "a", "b0": "b"}, {"a0": "a", "a1": "a"}, {"a0": "a", "b0": "b", "b9": "b"}],
    ids=["none", "one run each", "one objective", "a run without cells"],
)
def test_one_run_per_objective_is_no_table(objective_of):
    table = runs(seeds(30.0), objective_of)
    assert table.empty
    assert list(table.columns) == ["step", "objectives", "runs", "within", "between", "pseudo_f", "p", "permutations"]


def test_series_of_no_objective_are_left_out():
    chosen = {name: objective for name, objective in OBJECTIVE_OF.items() if name != "b2"}
    assert (runs(seeds(30.0), chosen)["runs"] == 5).all()
    gone = OBJECTIVE_OF | {"without a cell": "another"}
    pd.testing.assert_frame_equal(runs(seeds(30.0), gone), runs(seeds(30.0), OBJECTIVE_OF))
