"""The concentration table: the figures of dynamics, enumeration, intervals, multiplicity, nasty input."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, false_discovery_control

from phcore.analysis.dynamics import CURVE, dynamics, early, orders
from phcore.analysis.early_change import COLUMNS, NULLS, READING, concentration_table, contrast_error, student
from scripts.simulate import simulate

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


def test_a_series_that_does_not_start_at_the_base_has_no_row_that_includes_it():
    steps = STEPS[1:]
    table = concentration_table(*study(walk(5, steps), steps), N, M, n=50)
    assert len(table) == 2 * 2 * len(NULLS)
    assert table["with_base"].tolist() == [False] * len(table)
    assert set(table["transitions"]) == {len(steps) - 1}  # and loses no transition to it


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


# --- the studentised null ------------------------------------------------------------------------


def test_the_error_of_a_contrast_by_hand():
    """Around the mean 3: -2, -1, 1, 2; g0 = 10 / 4, lag 1: (2 - 1 + 2) / 4 = 3 / 4."""
    v, contrast = np.array([1.0, 2.0, 4.0, 5.0]), np.array([1.0, 0.0, 0.0, -1.0])
    assert contrast_error(v, contrast) == pytest.approx(np.sqrt(2.5 * 2))
    contrast = np.array([1.0, -1 / 3, -1 / 3, -1 / 3])
    variance = 2.5 * (1 + 1 / 3) + 2 * 0.75 * (-1 / 3 + 2 / 9)
    assert contrast_error(v, contrast) == pytest.approx(np.sqrt(variance))
    assert student(v, contrast) == pytest.approx((1 - 11 / 3) / np.sqrt(variance))


def test_correlation_of_neighbours_is_kept_below_one_half():
    """Alternating and stepped velocities would else have no error, or too much of one."""
    contrast = np.array([1.0, 1.0, 1.0, -1.0, -1.0, -1.0])
    stepped, alternating = np.array([2.0, 2, 2, 1, 1, 1]), np.array([2.0, 1, 2, 1, 2, 1])
    assert contrast_error(stepped, contrast) == pytest.approx(np.sqrt(0.25 * (6 + 2 * 0.45 * 3)))
    assert contrast_error(alternating, contrast) == pytest.approx(np.sqrt(0.25 * (6 - 2 * 0.45 * 3)))


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_velocities_that_differ_by_rounding_are_equal(size):
    """By less than a billionth of their mean, whatever it is."""
    contrast = np.array([1.0, 1.0, -1.0, -1.0])
    for spread, told in ((1e-10, False), (1e-8, True)):
        v = size * (1 + spread * np.array([1.0, 1.0, -1.0, -1.0]))
        assert (contrast_error(v, contrast) > 0) == (student(v, contrast) > 0) == told


def test_each_course_has_its_own_error():
    contrast = np.array([1.0, 0.0, 0.0, -1.0])
    some = np.array([[1.0, 2.0, 4.0, 5.0], [10.0, 30.0, 20.0, 90.0], [7.0, 7.0, 7.0, 7.0]])
    np.testing.assert_allclose(contrast_error(some, contrast), [contrast_error(one, contrast) for one in some])
    np.testing.assert_allclose(student(some, contrast), [student(one, contrast) for one in some])


@given(st.lists(st.floats(0.01, 100), min_size=4, max_size=12), st.floats(0.001, 1000))
def test_the_studentised_share_has_no_unit(v, factor):
    v = np.array(v)
    contrast = early(np.arange(len(v) + 1)) - round(len(v) / 3) / len(v)
    np.testing.assert_allclose(student(factor * v, contrast), student(v, contrast), atol=1e-6)
    assert np.isfinite(student(v, contrast))
    assert student(np.full(len(v), factor), contrast) == 0


@pytest.mark.parametrize("per", ["transition", "step"])
def test_studentised_by_enumeration(per):
    """All 120 orders of five moves, each divided by the gap it falls on; and the null told as a concentration."""
    steps = STEPS[:6]
    points = walk(4, steps)
    v, gaps = np.linalg.norm(np.diff(points, axis=0), axis=1), np.diff(steps) if per == "step" else np.ones(5)
    mask = early(np.array(steps))
    flat = (mask / gaps).sum() / (1 / gaps).sum()
    contrast = (mask - flat) / gaps
    t = student(np.array(list(itertools.permutations(v))), contrast)
    expected = np.mean(t >= student(v, contrast) - 1e-9)
    n = 20_000
    table = concentration_table(*study(points, steps, noise=0), N, M, n=n)
    row = table[
        (table["per"] == per) & (table["by"] == "index") & table["with_base"] & (table["null"] == "studentised")
    ].iloc[0]
    assert abs(row["p"] - expected) < 4 * np.sqrt(expected * (1 - expected) / n) + 1 / n
    unit = (row["concentration"] - flat) / student(v, contrast)
    assert row["null_mean"] == pytest.approx(flat + unit * t.mean(), abs=0.02 * abs(unit))
    drawn = student(v[orders(5, n, 0)], contrast)
    assert row["null_hi"] == pytest.approx(flat + unit * np.quantile(drawn, 0.95))


def test_an_uneven_grid_alone_is_no_concentration():
    """Equal moves on a log grid: per step the first third is fast, by nothing but the gaps."""
    table = concentration_table(*study(np.arange(7.0)[:, None] * 0.1, noise=0), N, M, n=500)
    p = table[(table["per"] == "step") & (table["by"] == "index") & table["with_base"]].set_index("null")["p"]
    assert p["studentised"] == 1
    assert p["velocities"] < 0.1


def test_a_null_is_told_as_shares():
    table = concentration_table(*many(), N, M, n=200)
    band = table[["null_lo", "null_mean", "null_hi"]]
    assert band.min(axis=None) >= 0
    assert band.max(axis=None) <= 1
    assert (np.diff(band, axis=1) >= 0).all()
    dense = (0, 1, 2, 300, 600, 900)  # nearly all velocity per step is early in any order
    table = concentration_table(*study(walk(3, dense), dense), N, M, n=200)
    own = table[(table["per"] == "step") & (table["null"] == "studentised")]
    assert own["null_hi"].max() == 1


def test_a_shared_checkpoint_does_not_make_concentration():
    """Velocities of checkpoints that are odd by chance, a_(t-1) + a_t: of 400 curves no more than 5 % are news.

    Shuffling them as if they shared nothing says so far too often.
    """
    odd = 1 + np.random.default_rng(0).exponential(size=(400, 13))
    rows = [
        ("a", t, t + 1, curve, 0, 1, 2.0, 2.0, "raw", value)
        for curve, v in enumerate(odd[:, 1:] + odd[:, :-1])
        for t, value in enumerate(v)
    ]
    velocities = pd.DataFrame(rows, columns=["series", "step_from", "step", "layer", "subsample", *CURVE[2:], "value"])
    table = concentration_table(velocities, None, N, M, n=199)
    table = table[(table["per"] == "transition") & (table["by"] == "index") & table["with_base"]]
    found = (table["p"] <= 0.05).groupby(table["null"]).sum()
    assert binom.ppf(0.001, 400, 0.05) <= found["studentised"] <= binom.ppf(0.999, 400, 0.05)
    assert found["velocities"] > binom.ppf(0.999, 400, 0.05)


@pytest.mark.parametrize("kind", ["fresh", "walk"])
def test_simulated_studies_without_change(kind):
    """60 studies, clouds to p-values: more rejections than a test of level 5 % has once in 100,000 times fail."""
    small = {"prompts": 30, "size": 20, "subsamples": 2, "dimension": 3, "checkpoints": 9, "degrees": (1,)}
    studies = [simulate(kind, seed=seed, scales=("median",), **small) for seed in range(60)]
    # As if they were layers, which share nothing but the permutations.
    velocities, distances = (
        pd.concat([getattr(one, name).assign(layer=k) for k, one in enumerate(studies)])
        for name in ("velocities", "distances")
    )
    table = concentration_table(velocities, distances, 30, 20, n=199)
    rejected = (table["p"] <= 0.05).groupby([table[name] for name in READING]).sum()
    assert rejected.max() <= binom.ppf(1 - 1e-5, 60, 0.05)
    if kind == "fresh":  # a null that never rejects where it is exact would be as wrong
        assert rejected.xs("checkpoints", level="null").max() > 0


# --- the interval --------------------------------------------------------------------------------


@pytest.mark.parametrize("per", ["transition", "step"])
def test_the_interval_is_that_of_the_subsamples_own_curves(per):
    velocities, distances = study(walk(), noise=0.3)
    table = concentration_table(velocities, distances, N, M, n=50)
    own = velocities.pivot(index="step", columns="subsample", values="value").to_numpy()
    own = own / (np.diff(STEPS)[:, None] if per == "step" else 1)
    shares = own[:2].sum(axis=0) / own.sum(axis=0)
    row = table[(table["per"] == per) & (table["by"] == "index") & table["with_base"]].iloc[0]
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


@pytest.mark.parametrize(
    ("null", "p", "p_max"), [("velocities", [3 / 7, 1], [5 / 7, 1]), ("studentised", [2 / 7, 1], [4 / 7, 1])]
)
def test_the_maximum_over_two_layers_by_hand(monkeypatch, null, p, p_max):
    """All six orders of three velocities, (3, 2, 1) at one layer and (1, 1, 4) at the other.

    Shares of the first under the null, less 1/3 and over their deviation: 1.22, 1.22, 0, 0, -1.22, -1.22 and
    -0.71 four times, 1.41, 1.41. Larger of the two: 1.22, 1.22, 0, 0, 1.41, 1.41; four of them reach 1.22.

    Studentised, with g1 kept within 0.45 g0: 1.5, 1.40, 0, 0, -1.40, -1.5 and -0.84, -0.81, -0.84, -0.81, 1.69, 1.69;
    standardised 1.27, 1.18, 0, ... and -0.72, ..., 1.41, 1.41: the observed 1.27 and two more reach it.
    """

    def every(length, n, seed):
        return np.array(list(itertools.permutations(range(length))))

    monkeypatch.setattr("phcore.analysis.early_change.orders", every)
    rows = [
        ("a", t, t + 1, layer, 0, 1, 2.0, 2.0, "raw", value)
        for layer, v in ((6, (3.0, 2.0, 1.0)), (12, (1.0, 1.0, 4.0)))
        for t, value in enumerate(v)
    ]
    velocities = pd.DataFrame(rows, columns=["series", "step_from", "step", "layer", "subsample", *CURVE[2:], "value"])
    table = concentration_table(velocities, None, N, M, n=6)
    own = table[(table["per"] == "transition") & (table["by"] == "index") & table["with_base"]]
    own = own[own["null"] == null].set_index("layer").loc[[6, 12]]
    assert own["p"].tolist() == pytest.approx(p)
    assert own["p_max"].tolist() == pytest.approx(p_max)


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
    known = (table["layer"] == 6) | (table["null"] != "checkpoints")
    figures = ["null_mean", "null_lo", "null_hi", "p", "p_max", "p_bh"]
    assert table.loc[~known, figures].isna().all(axis=None)
    assert table.loc[known, figures].notna().all(axis=None)
    own = table[(table["layer"] == 6) & (table["null"] == "checkpoints")]
    np.testing.assert_array_equal(own["p_max"], own["p"])


# --- nasty input ---------------------------------------------------------------------------------


def test_without_distances_one_null_is_left():
    table = concentration_table(study(walk())[0], None, N, M, n=50)
    assert table.loc[table["null"] == "checkpoints", ["p", "p_max", "p_bh"]].isna().all(axis=None)
    assert table.loc[table["null"] != "checkpoints", ["p", "p_max", "p_bh"]].notna().all(axis=None)


def test_nothing_moves():
    velocities, distances = study(np.zeros((7, 3)))
    table = concentration_table(velocities, distances, N, M, n=50)
    figures = ["concentration", "lo", "hi", "null_mean", "p", "p_max", "p_bh"]
    assert table[figures].isna().all(axis=None)


def test_a_flat_curve_is_no_news():
    """Equal velocities: every order gives the same share, up to rounding."""
    velocities, distances = study(np.arange(7.0)[:, None] * 0.1, steps=tuple(range(7)), noise=0)
    table = concentration_table(velocities, distances, N, M, n=300)
    shuffled = table[table["null"] != "checkpoints"]
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
    assert table.loc[table["null"] != "checkpoints", "p"].notna().all()
    lost = velocities.assign(value=velocities["value"].where((velocities["step"] > 1) | (velocities["subsample"] > 0)))
    rest = concentration_table(lost, distances, N, M, n=50)
    without = concentration_table(velocities[velocities["subsample"] > 0], distances, N, M, n=50)
    width = rest["hi"] - rest["lo"]
    np.testing.assert_allclose(width[rest["with_base"]], (without["hi"] - without["lo"])[without["with_base"]])


def test_the_studentised_share_is_centred_on_that_of_equal_moves():
    """Over gaps of 1, 2 and 4 steps equal moves are fast at first: 1 of 1 + 1/2 + 1/4."""
    from phcore.analysis.early_change import _studentised

    v, gaps, mask = np.array([3.0, 2.0, 1.0]), np.array([1, 2, 4]), np.array([True, False, False])
    null = _studentised(v, gaps, mask, np.array([[0, 1, 2], [2, 1, 0]]))
    assert null.centre == pytest.approx(1 / 1.75)
    assert null.observed * null.unit + null.centre == pytest.approx(3 / (3 + 1 + 0.25))
    assert null.drawn[0] == null.observed
    assert null.drawn[1] < 0 < null.observed
