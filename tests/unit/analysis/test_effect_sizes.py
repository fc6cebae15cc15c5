"""How far apart two series are: energy distance, effect sizes, mixtures."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from phcore.analysis.effect_sizes import cliffs_delta, effects, energy_distance, hedges_g, mixture, separation
from phcore.analysis.objectives import Standardised, objective_distance, split_half_floor, standardise
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
    return Standardised(subsamples, means, pd.Series(1.0, list(features)), (), ())


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
    lost = Standardised(full.subsamples.drop(index=[("a", 1, 0), ("b", 1, 5)]), full.means, full.unit, (), ())
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
