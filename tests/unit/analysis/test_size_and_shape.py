"""How far a run is from where it began, on clouds whose size or shape alone changed."""

import numpy as np
import pandas as pd
import pytest

from phcore.analysis.displacements import Course, courses
from phcore.analysis.size_and_shape import COLUMNS, net_change
from phcore.topology.clouds import distance_matrix, median_distance
from phcore.topology.clouds import subsamples as draw
from phcore.topology.persistence import diagrams
from phcore.topology.summaries import FEATURES, summary

N, M = 60, 30


def tables(clouds):
    """Summaries and cells of one series, raw."""
    sets, summaries, cells = draw(N, count=8, size=M, seed=0), [], []
    for step, cloud in clouds.items():
        cell = {"series": "a", "step": step, "layer": 3}
        cells.append(cell | {"median_distance": median_distance(distance_matrix(cloud))})
        for number, rows in enumerate(sets):
            values = dict(zip(FEATURES, summary(diagrams(distance_matrix(cloud[rows]))), strict=True))
            summaries.append(cell | {"subsample": number} | values)
    return pd.DataFrame(summaries), pd.DataFrame(cells)


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(N, 5))
    angle = rng.uniform(0, 2 * np.pi, N)
    ring = np.column_stack([np.cos(angle), np.sin(angle), 0.05 * rng.normal(size=(N, 3))])
    summaries, cells = tables({0: start, 1: start, 2: start / 2, 3: ring})
    return net_change(courses(summaries, cells, "raw", N, M), cells).set_index("step")


def test_nothing_moved_is_nothing(found):
    assert found.loc[1, "size"] == 1
    assert found.loc[1, ["moved", "shape", "groups", "loops"]].eq(0).all()


def test_half_the_size_is_no_change_of_shape(found):
    half = found.loc[2]
    assert half["size"] == pytest.approx(0.5)
    assert half["moved"] > half["moved_floor"] > 0
    assert half[["shape", "groups", "loops"]].max() < 1e-9


def test_another_shape_is_one_in_groups_and_loops(found):
    ring = found.loc[3]
    for name in ("moved", "shape", "groups", "loops"):
        assert ring[name] > ring[f"{name}_floor"] > 0
    assert np.hypot(ring["groups"], ring["loops"]) == pytest.approx(ring["shape"])


# --- by hand ------------------------------------------------------------------------------------------


def by_hand(series, layer, scale, places, steps=(2, 5, 9)):
    """A course of two features, the second of H1, at ``places`` (S, 2); its two subsamples lie 1 to either side."""
    each = np.asarray(places, float)[:, None] + np.array([[-1.0, 0.0], [1.0, 0.0]])
    each[1:, :, 1] += np.array([-0.5, 0.5])  # so that what they lie apart differs from step to step
    return Course(series, layer, scale, np.array(steps), each, np.array([False, True]), factor=1.5)


@pytest.fixture(scope="module")
def table():
    runs = [
        by_hand("a", 3, "raw", [(1, 1), (4, 5), (1, 13)]), by_hand("a", 3, "median", [(0, 0), (6, 8), (0, 2)]),
        by_hand("b", 3, "raw", [(0, 0), (0, 1), (0, 2)]), by_hand("b", 3, "median", [(0, 0), (3, 0), (0, 4)]),
        by_hand("b", 7, "raw", [(0, 0), (9, 0), (1, 0)]), by_hand("b", 7, "median", [(0, 0), (2, 0), (0, 1)]),
    ]  # fmt: skip
    medians = {("a", 3): (4, 2, 1), ("b", 3): (1, 3, 5), ("b", 7): (2, 5, 7)}
    cells = pd.DataFrame([
        {"series": series, "step": step, "layer": layer, "median_distance": float(median)}
        for (series, layer), own in medians.items() for step, median in zip((2, 5, 9), own, strict=True)
    ])  # fmt: skip
    return net_change(runs, cells)


def test_all_are_from_the_first_step_of_their_own_series_and_layer(table):
    assert list(table.columns) == COLUMNS
    own = table.set_index(["series", "layer", "step"])
    assert own["size"].to_dict() == {
        ("a", 3, 2): 1.0, ("a", 3, 5): 0.5, ("a", 3, 9): 0.25, ("b", 3, 2): 1.0, ("b", 3, 5): 3.0, ("b", 3, 9): 5.0,
        ("b", 7, 2): 1.0, ("b", 7, 5): 2.5, ("b", 7, 9): 3.5,
    }  # fmt: skip
    assert own.loc["a", "moved"].tolist() == pytest.approx([0, 5, 12])
    assert own.loc[("b", 3), "moved"].tolist() == pytest.approx([0, 1, 2])
    assert own.loc[("b", 7), "moved"].tolist() == pytest.approx([0, 9, 1])


def test_shape_is_at_median_scale_and_of_groups_and_loops(table):
    own = table.set_index(["series", "layer", "step"])
    assert own.loc["a", "shape"].tolist() == pytest.approx([0, 10, 2])
    assert own.loc["a", "groups"].tolist() == pytest.approx([0, 6, 0])
    assert own.loc["a", "loops"].tolist() == pytest.approx([0, 8, 2])
    assert own.loc[("b", 7), "groups"].tolist() == pytest.approx([0, 2, 0])
    assert own.loc[("b", 7), "loops"].tolist() == pytest.approx([0, 0, 1])


def test_each_measure_has_its_own_floor_and_the_first_step_none(table):
    floors = table[[name for name in COLUMNS if name.endswith("_floor")]]
    assert floors[table["step"] == 2].eq(0).all(axis=None)
    later = table[table["step"] > 2]
    # Two subsamples that differ by 1 in the second feature alone: variance 1/2, times 1.5; 1.96 is the 95 % quantile.
    assert later["moved_floor"].to_numpy() == pytest.approx(1.959964 * 0.75**0.5)
    assert later["shape_floor"].to_numpy() == pytest.approx(1.959964 * 0.75**0.5)
    assert later["loops_floor"].to_numpy() == pytest.approx(1.959964 * 0.75**0.5)
    assert later["groups_floor"].eq(0).all()


def test_a_study_without_courses_has_the_columns_all_the_same():
    cells = pd.DataFrame(columns=["series", "step", "layer", "median_distance"])
    assert list(net_change([], cells).columns) == COLUMNS
