"""How far a run is from where it began, on clouds whose size or shape alone changed."""

import numpy as np
import pandas as pd
import pytest

from phcore.analysis.displacements import courses
from phcore.analysis.size_and_shape import net_change
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
