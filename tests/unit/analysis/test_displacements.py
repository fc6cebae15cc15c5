"""Displacements in mean summaries, and their floors: by hand, against `standardise`, and where nothing happens."""

import numpy as np
import pandas as pd
import pytest

from phcore.analysis.displacements import ALL, LOOPS, courses, displacement
from phcore.analysis.objectives import standardise
from phcore.topology.summaries import FEATURES, rescale


def study(series=("a", "b"), steps=(0, 1, 2), layers=(3, 5), count=6, seed=0):
    """Summaries of random numbers; all series share their base. Cells with a median distance of their own."""
    rng = np.random.default_rng(seed)
    rows, cells = [], []
    for layer in layers:
        base = rng.uniform(1, 2, (count, len(FEATURES)))
        for name in series:
            for step in steps:
                values = base if step == 0 else rng.uniform(1, 2, (count, len(FEATURES)))
                rows += [(name, step, layer, b, *values[b]) for b in range(count)]
                cells.append((name, step, layer, 2.0 if step == 0 else 3.0 + step))
    table = pd.DataFrame(rows, columns=["series", "step", "layer", "subsample", *FEATURES])
    return table, pd.DataFrame(cells, columns=["series", "step", "layer", "median_distance"])


def test_courses_are_those_that_standardise_gives():
    table, cells = study()
    found = {(one.series, one.layer, one.scale): one for one in courses(table, cells, "raw", 320, 160)}
    assert set(found) == {(s, k, scale) for s in "ab" for k in (3, 5) for scale in ("raw", "median")}
    medians = table[["series", "step", "layer"]].merge(cells)["median_distance"].to_numpy()
    median = table.copy()
    median[list(FEATURES)] = rescale(table[list(FEATURES)].to_numpy(), medians)
    for scale, frame in (("raw", table), ("median", median)):
        one = standardise(frame, 5)
        mine = found["b", 5, scale]
        assert mine.steps.tolist() == [0, 1, 2]
        np.testing.assert_allclose(mine.each.mean(axis=1), one.means.loc["b"].to_numpy())
    back = {(one.series, one.layer, one.scale): one for one in courses(median, cells, "median", 320, 160)}
    for name, one in found.items():
        np.testing.assert_allclose(back[name].each, one.each)


def test_the_order_is_that_of_the_study_and_the_factor_that_of_a_mean():
    table, cells = study(series=("z", "a"))
    found = courses(table, cells, "raw", 320, 160)
    assert [(one.series, one.layer, one.scale) for one in found[:4]] == [
        ("z", 3, "raw"), ("a", 3, "raw"), ("z", 5, "raw"), ("a", 5, "raw")
    ]  # fmt: skip
    assert found[0].factor == pytest.approx(160 / 160 + 1 / 6)
    assert courses(table, cells, "raw", 750, 160)[0].factor == pytest.approx(160 / 590 + 1 / 6)


def test_loops_are_the_summaries_of_h1_alone():
    table, cells = study(count=4)
    one = courses(table, cells, "raw", 320, 160)[0]
    names = [name for name in FEATURES if name.startswith("h1")]
    assert one.loops.sum() == len(names)
    moved = one.each[2] - one.each[0]
    assert one.moved(0, 2, ALL)[0] == pytest.approx(np.linalg.norm(moved.mean(axis=0)))
    assert one.moved(0, 2, LOOPS)[0] == pytest.approx(np.linalg.norm(moved[:, one.loops].mean(axis=0)))
    for step in (7, 1.5, -1):
        with pytest.raises(KeyError):
            one.at(step)


def test_one_number_that_is_none_leaves_a_cell_out_and_zeros_do_not():
    table, cells = study()
    bad = table.index[(table["series"] == "a") & (table["step"] == 1) & (table["layer"] == 3)]
    for value, steps in ((np.nan, [0, 2]), (0.0, [0, 1, 2])):
        changed = table.copy()
        changed.loc[bad[0], FEATURES[3]] = value
        assert courses(changed, cells, "raw", 320, 160)[0].steps.tolist() == steps


def test_a_number_that_is_the_same_everywhere_measures_nothing():
    """One that is 0 throughout, as those of loops are where there are none, and one that is not."""
    table, cells = study()
    for value in (0.0, 0.1):
        one = courses(table.assign(**{FEATURES[3]: value}), cells, "raw", 320, 160)[0]
        assert (one.each.shape[2], len(one.loops)) == (len(FEATURES) - 1, len(FEATURES) - 1)
        assert np.isfinite(one.each).all()


def test_two_subsamples_are_enough():
    table, cells = study(count=2)
    first = courses(table, cells, "raw", 320, 160)[0]
    assert first.factor == pytest.approx(160 / 160 + 1 / 2)


def test_in_whatever_order_the_rows_come():
    table, cells = study(series=("z", "a"))
    mixed = pd.concat([table.head(1), table.iloc[1:].sample(frac=1, random_state=0)])  # z is still the first
    for one, other in zip(courses(table, cells, "raw", 320, 160), courses(mixed, cells, "raw", 320, 160), strict=True):
        assert (one.series, one.layer, one.scale, one.steps.tolist()) == (
            other.series, other.layer, other.scale, other.steps.tolist()
        )  # fmt: skip
        np.testing.assert_allclose(one.each, other.each)


def test_a_base_that_is_not_the_same_to_the_last_bits_counts_once():
    table, cells = study()
    nearly = table.copy()
    nearly.loc[(table["series"] == "b") & (table["step"] == 0), list(FEATURES)] *= 1 + 1e-15
    for one, other in zip(courses(table, cells, "raw", 320, 160), courses(nearly, cells, "raw", 320, 160), strict=True):
        np.testing.assert_allclose(one.each, other.each, rtol=1e-12)


def test_cells_that_say_nothing_are_left_out():
    table, cells = study()
    bad = (table["series"] == "a") & (table["step"] == 1) & (table["layer"] == 3)
    for value in (0.0, np.nan, np.inf):
        changed = table.copy()
        changed.loc[bad, list(FEATURES)] = value
        first = courses(changed, cells, "raw", 320, 160)[0]
        assert (first.series, first.layer, first.steps.tolist()) == ("a", 3, [0, 2])
    short = table.drop(table.index[bad][:1])
    assert courses(short, cells, "raw", 320, 160)[0].steps.tolist() == [0, 2]


def test_without_subsamples_there_is_no_course():
    table, cells = study()
    assert courses(table.head(0), cells, "raw", 320, 160) == []
    assert courses(table[table["subsample"] == 0], cells, "raw", 320, 160) == []
    assert courses(table.assign(subsample=-1), cells, "raw", 320, 160) == []
    assert courses(table, cells, "raw", 160, 160) == []


def test_the_floor_is_what_other_prompts_make_of_no_displacement():
    """Means of m of n prompts whose moves have no mean: beyond the floor in some 5 % of the studies, hardly more."""
    rng = np.random.default_rng(1)
    beyond = []
    for _ in range(400):
        moves = rng.normal(size=(80, 5)) * [3, 1, 1, 0.5, 0.1]
        sets = np.array([rng.choice(80, 40, replace=False) for _ in range(32)])
        value, floor = displacement(moves[sets].mean(axis=1), 40 / 40 + 1 / 32)
        beyond.append(value > floor)
    assert 0.02 < np.mean(beyond) < 0.09


def test_a_displacement_by_hand():
    """One feature: chi-square of one degree of freedom, so the floor is 1.96 standard errors."""
    value, floor = displacement(np.array([[1.0], [2.0], [3.0]]), 0.5)
    assert value == 2.0
    assert floor == pytest.approx(1.95996 * np.sqrt(0.5 * 1.0), rel=1e-4)
    assert displacement(np.full((3, 2), 2.0), 0.5) == (pytest.approx(np.sqrt(8)), 0.0)
    assert np.isnan(displacement(np.ones((1, 2)), 0.5)[1])
