"""The concentration table: the figures of dynamics, enumeration, intervals, multiplicity, nasty input."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

from phcore.analysis.concentration import COLUMNS, NULLS, READING, concentration_table, standard_error
from phcore.analysis.dynamics import CURVE, dynamics, early

STEPS = (0, 1, 2, 4, 8, 16, 32)
N, M = 100, 60


def study(points, steps=STEPS, series="helpful", layer=6, scale="raw", noise=0.1, subsamples=5, seed=0):
    """velocities and distances of checkpoints at `points`, every subsample with a factor of its own."""
    rng = np.random.default_rng(seed)
    d = np.linalg.norm(points[:, None] - points[None], axis=2)
    pairs = list(itertools.combinations(range(len(steps)), 2))
    nodes = [("base", 0) if step == 0 else (series, step) for step in steps]
    factors = {pair: np.exp(noise * rng.normal(size=subsamples)) for pair in pairs}
    name = (1, 2.0, 2.0, scale)
    velocities = [
        (series, steps[i], steps[i + 1], layer, b, *name, d[i, i + 1] * factors[i, i + 1][b])
        for i in range(len(steps) - 1)
        for b in range(subsamples)
    ]
    distances = [(*nodes[i], *nodes[j], layer, *name, d[i, j] * factors[i, j].mean()) for i, j in pairs]
    return (
        pd.DataFrame(velocities, columns=["series", "step_from", "step", "layer", "subsample", *CURVE[2:], "value"]),
        pd.DataFrame(distances, columns=["series_a", "step_a", "series_b", "step_b", *CURVE[1:], "value"]),
    )


def many(layers=(6, 12, 18), series=("helpful", "mixed"), steps=STEPS):
    """One study of several series and layers, the same base."""
    parts = [
        study(np.random.default_rng((layer, k)).normal(size=(len(steps), 3)), steps, name, layer, seed=layer)
        for k, name in enumerate(series)
        for layer in layers
    ]
    return tuple(pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True))


def walk(seed=0, steps=STEPS):
    return np.cumsum(np.random.default_rng(seed).normal(size=(len(steps), 3)), axis=0)


# --- the figures ---------------------------------------------------------------------------------


def test_the_figures_of_dynamics_to_the_bit():
    velocities, distances = many()
    key = [*CURVE, "per", "by", "with_base"]
    table = concentration_table(velocities, distances, N, M, n=300)
    other = dynamics(velocities, distances, n=300).set_index(key)
    for null in ("velocities", "checkpoints"):
        part = table[table["null"] == null].set_index(key)
        assert len(part) == len(other)
        for ours, theirs in (("concentration", "concentration"), ("p", f"p_{null}")):
            pd.testing.assert_series_equal(
                part[ours], other.loc[part.index, theirs], check_names=False, check_exact=True
            )


def test_one_row_per_reading_and_null():
    table = concentration_table(*many(), N, M, n=50)
    assert list(table.columns) == COLUMNS
    assert len(table) == 2 * 3 * 2 * 2 * 2 * len(NULLS)
    assert not table.duplicated([*CURVE, "per", "by", "with_base", "null"]).any()
    assert table["transitions"].tolist() == [6 if base else 5 for base in table["with_base"]]
    assert set(table["permutations"]) == {50}
    assert table.notna().all(axis=None)


@pytest.mark.parametrize("per", ["transition", "step"])
@pytest.mark.parametrize("by", ["index", "step"])
def test_both_nulls_by_enumeration(per, by):
    """All 720 orders of six checkpoints, all 120 of five velocities."""
    steps = STEPS[:6]
    velocities, distances = study(walk(1, steps), steps, noise=0)
    d = np.linalg.norm(walk(1, steps)[:, None] - walk(1, steps)[None], axis=2)
    gaps = np.diff(steps) if per == "step" else np.ones(5)
    mask = early(np.array(steps), by)
    v = np.diag(d, 1) / gaps
    walks = np.array([d[list(o[:-1]), list(o[1:])] / gaps for o in itertools.permutations(range(6))])
    exact = {"velocities": np.array(list(itertools.permutations(v))), "checkpoints": walks}
    n = 20_000
    table = concentration_table(velocities, distances, N, M, n=n)
    table = table[(table["per"] == per) & (table["by"] == by) & table["with_base"]].set_index("null")
    for null, drawn in exact.items():
        shares, row = drawn @ mask / drawn.sum(axis=1), table.loc[null]
        p = np.mean(shares >= row["concentration"] - 1e-12)
        assert abs(row["p"] - p) < 4 * np.sqrt(p * (1 - p) / n) + 1 / n
        assert abs(row["null_mean"] - shares.mean()) < 4 * shares.std() / np.sqrt(n)
        for column, level in (("null_lo", 0.05), ("null_hi", 0.95)):
            assert np.quantile(shares, level - 0.02) - 1e-9 <= row[column] <= np.quantile(shares, level + 0.02) + 1e-9


# --- the interval --------------------------------------------------------------------------------


def test_the_standard_error_by_hand():
    assert standard_error([1.0, 2.0, 3.0], 10, 8) == pytest.approx(np.sqrt(1 * (8 / 2 + 1 / 3)))
    assert standard_error([1.0, np.nan, 2.0, 3.0], 10, 8) == standard_error([1.0, 2.0, 3.0], 10, 8)
    assert np.isnan(standard_error([1.0], 10, 8))
    assert np.isnan(standard_error([1.0, 2.0], 8, 8))


def test_the_interval_is_that_of_the_subsamples_own_curves():
    velocities, distances = study(walk(), noise=0.3)
    table = concentration_table(velocities, distances, N, M, n=50)
    own = velocities.pivot(index="step", columns="subsample", values="value").to_numpy()
    shares = own[:2].sum(axis=0) / own.sum(axis=0)
    row = table[(table["per"] == "transition") & (table["by"] == "index") & table["with_base"]].iloc[0]
    half = 1.96 * np.sqrt(shares.var(ddof=1) * (M / (N - M) + 1 / 5))
    assert row["concentration"] == pytest.approx(own[:2].mean(axis=1).sum() / own.mean(axis=1).sum())
    assert [row["lo"], row["hi"]] == pytest.approx([row["concentration"] - half, row["concentration"] + half])


def test_no_interval_from_one_subsample_or_the_whole_cloud():
    one = concentration_table(*study(walk(), subsamples=1), N, M, n=50)
    whole = concentration_table(*study(walk()), N, N, n=50)
    for table in (one, whole):
        assert table[["lo", "hi"]].isna().all(axis=None)
        assert table[["concentration", "p", "p_max", "p_bh"]].notna().all(axis=None)


# --- multiplicity --------------------------------------------------------------------------------


def test_p_over_layers_and_over_the_study():
    table = concentration_table(*many(), N, M, n=400)
    assert (table["p_max"] >= table["p"]).all()
    assert (table["p_bh"] >= table["p"]).all()
    for _, rows in table.groupby(READING):
        assert len(rows) == 6
        np.testing.assert_allclose(rows["p_bh"], false_discovery_control(rows["p"]))


def test_the_same_layer_twice_costs_nothing():
    """Permutations are shared, so what depends completely is counted once."""
    points = walk(2)
    same = [study(points, layer=layer) for layer in (1, 2, 3)]
    table = concentration_table(*(pd.concat(t) for t in zip(*same, strict=True)), N, M, n=400)
    np.testing.assert_array_equal(table["p_max"], table["p"])


def test_the_names_of_layers_do_not_matter():
    velocities, distances = many()
    names = {6: 18, 12: 6, 18: 12}
    key = ["series", "layer", "per", "by", "with_base", "null"]
    there = concentration_table(velocities, distances, N, M, n=200).set_index(key).sort_index()
    renamed = (frame.assign(layer=frame["layer"].map(names)) for frame in (velocities, distances))
    back = concentration_table(*renamed, N, M, n=200)
    back = back.assign(layer=back["layer"].map({new: old for old, new in names.items()})).set_index(key).sort_index()
    pd.testing.assert_frame_equal(there, back, rtol=1e-12)


def test_layers_with_other_checkpoints_have_a_maximum_of_their_own():
    """Layer 12 lost its last checkpoint: an order of seven says nothing of an order of six."""
    velocities, distances = many(layers=(6, 12), series=("helpful",))
    velocities = velocities[(velocities["layer"] == 6) | (velocities["step"] < 32)]
    table = concentration_table(velocities, distances, N, M, n=300)
    np.testing.assert_array_equal(table["p_max"], table["p"])
    assert set(table.loc[table["with_base"], "transitions"]) == {5, 6}


def test_distances_of_one_layer_alone_are_its_own_maximum():
    velocities, distances = many(series=("helpful",))
    table = concentration_table(velocities, distances[distances["layer"] == 6], N, M, n=300)
    known = (table["layer"] == 6) | (table["null"] == "velocities")
    figures = ["null_mean", "null_lo", "null_hi", "p", "p_max", "p_bh"]
    assert table.loc[~known, figures].isna().all(axis=None)
    assert table.loc[known, figures].notna().all(axis=None)
    own = table[(table["layer"] == 6) & (table["null"] == "checkpoints")]
    np.testing.assert_array_equal(own["p_max"], own["p"])


# --- nasty input ---------------------------------------------------------------------------------


def test_without_distances_one_null_is_left():
    table = concentration_table(study(walk())[0], None, N, M, n=50)
    assert table.loc[table["null"] == "checkpoints", ["p", "p_max", "p_bh"]].isna().all(axis=None)
    assert table.loc[table["null"] == "velocities", ["p", "p_max", "p_bh"]].notna().all(axis=None)


def test_nothing_moves():
    velocities, distances = study(np.zeros((7, 3)))
    table = concentration_table(velocities, distances, N, M, n=50)
    figures = ["concentration", "lo", "hi", "null_mean", "p", "p_max", "p_bh"]
    assert table[figures].isna().all(axis=None)


def test_a_flat_curve_is_no_news():
    """Equal velocities: every order gives the same share, up to rounding."""
    velocities, distances = study(np.arange(7.0)[:, None] * 0.1, steps=tuple(range(7)), noise=0)
    table = concentration_table(velocities, distances, N, M, n=300)
    shuffled = table[table["null"] == "velocities"]
    assert (shuffled[["p", "p_max", "p_bh"]] == 1).all(axis=None)
    np.testing.assert_allclose(shuffled["hi"] - shuffled["lo"], 0, atol=1e-12)


def test_too_few_transitions_and_an_empty_table():
    steps = STEPS[:3]
    short = concentration_table(*study(walk(3, steps), steps), N, M, n=50)
    assert short["concentration"].isna().all()
    assert short["p_bh"].isna().all()
    empty = concentration_table(short.reindex(columns=study(walk())[0].columns).iloc[:0], None, N, M)
    assert list(empty.columns) == COLUMNS
    assert len(empty) == 0


def test_a_hole_in_a_curve_and_a_missing_subsample():
    velocities, distances = study(walk())
    table = concentration_table(velocities[~velocities["step"].isin([4, 8])], distances, N, M, n=50)
    assert table.loc[table["null"] == "checkpoints", "p"].isna().all()
    assert table.loc[table["null"] == "velocities", "p"].notna().all()
    lost = velocities.assign(value=velocities["value"].where((velocities["step"] > 1) | (velocities["subsample"] > 0)))
    rest = concentration_table(lost, distances, N, M, n=50)
    without = concentration_table(velocities[velocities["subsample"] > 0], distances, N, M, n=50)
    width = rest["hi"] - rest["lo"]
    np.testing.assert_allclose(width[rest["with_base"]], (without["hi"] - without["lo"])[without["with_base"]])
