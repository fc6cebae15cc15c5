"""A cloud looked at closely: the right prompts come back, and the bars are the archive's."""

import numpy as np
import pandas as pd
import pytest

from phcore import Study
from phcore.errors import Fault
from phcore.stages.registry import Place, keys_of
from phcore.topology import explore
from phcore.topology.clouds import index_sets
from phcore.topology.explore import WHOLE, Lens
from tests.studies import copy_archive


def circle(n: int, radius: float, centre=(0.0, 0.0), noise: float = 0.02, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    turn = 2 * np.pi * np.arange(n) / n
    return np.column_stack([np.cos(turn), np.sin(turn)]) * radius + centre + rng.normal(0, noise, (n, 2))


def blob(n: int, centre, spread: float = 0.15, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, (n, 2)) + centre


def seen(points: np.ndarray, lens: Lens | None = None) -> explore.Explored:
    """The whole cloud in an orthonormal frame of twelve dimensions, so that nothing lies in a plane by accident."""
    frame, _ = np.linalg.qr(np.random.default_rng(7).normal(size=(12, 2)))
    matrix, unit = explore.distances(points @ frame.T, lens or Lens())
    return explore.explore(matrix, unit, np.arange(len(points)), lens or Lens())


def place(explored: explore.Explored, degree: int, rank: int = 1) -> int:
    table = explored.table
    return int(table[(table["degree"] == degree) & (table["rank"] == rank)]["place"].iloc[0])


# --- known spaces, with labels planted --------------------------------------------------------------


def test_the_longest_loop_of_a_circle_among_clusters_lies_on_the_circle():
    points = np.vstack([blob(20, (6, 0)), circle(24, 2), blob(20, (0, 7), seed=2)])
    explored = seen(points)
    loop = explored.loop(place(explored, 1))
    assert set(loop.cycle) <= set(range(20, 44))
    assert set(loop.edge) <= set(range(20, 44))
    assert len(loop.cycle) >= 20  # all the way round, not a shortcut


def test_a_figure_eight_has_two_loops_one_on_each_lobe():
    points = np.vstack([circle(24, 2, (-3, 0)), circle(24, 2, (3, 0), seed=3)])
    explored = seen(points)
    lobes = {min(explored.loop(place(explored, 1, rank)).cycle) // 24 for rank in (1, 2)}
    assert lobes == {0, 1}
    for rank in (1, 2):
        assert len({point // 24 for point in explored.loop(place(explored, 1, rank)).cycle}) == 1
    third = explored.table.query("degree == 1 and rank == 3")["persistence"]
    assert third.empty or third.iloc[0] < 0.3 * explored.table.query("degree == 1 and rank == 2")["persistence"].iloc[0]


def test_the_last_merge_joins_the_two_clusters():
    explored = seen(np.vstack([blob(15, (0, 0)), blob(25, (5, 0))]))
    merge = explored.merge(place(explored, 0))
    groups = {frozenset(merge.first.tolist()), frozenset(merge.second.tolist())}
    assert groups == {frozenset(range(15)), frozenset(range(15, 40))}
    assert merge.edge[0] in merge.first
    assert merge.edge[1] in merge.second
    assert merge.distance == explored.distances[merge.edge] == explored.bars.diagrams[0].max()


@pytest.mark.parametrize("seed", range(5))
def test_every_bar_begins_and_ends_where_its_simplices_say(seed):
    cloud = np.random.default_rng(seed).normal(size=(40, 8))
    matrix, unit = explore.distances(cloud, Lens())
    explored = explore.explore(matrix, unit, np.arange(40), Lens(scale="median"))
    d = explored.distances
    for number, (birth, death) in enumerate(explored.bars.diagrams[1]):
        loop = explored.loop(number)
        assert d[loop.edge] == birth == loop.birth
        a, b, c = loop.triangle
        assert max(d[a, b], d[b, c], d[a, c]) == death == loop.death
        steps = d[loop.cycle, np.roll(loop.cycle, -1)]
        assert len(set(loop.cycle)) == len(loop.cycle) >= 4
        assert steps.max() == birth  # closed by the birth edge, no edge is longer
        assert {int(loop.cycle[0]), int(loop.cycle[-1])} == set(map(int, loop.edge))
    for number, (_, death) in enumerate(explored.bars.diagrams[0]):
        merge = explored.merge(number)
        assert merge.distance == death == d[np.ix_(merge.first, merge.second)].min()


def test_equal_points_merge_before_the_first_bar():
    points = blob(12, (0, 0))
    explored = seen(np.vstack([points, points[:3]]))
    assert len(explored.bars.diagrams[0]) == 11
    for number, (_, death) in enumerate(explored.bars.diagrams[0]):
        assert explored.merge(number).distance == death


def test_touched_bars_are_those_that_begin_or_end_at_a_point():
    explored = seen(circle(16, 1.0))
    loop = explored.loop(place(explored, 1))
    rows = explored.touched({int(loop.edge[0])})
    assert (1, place(explored, 1)) in set(map(tuple, rows.to_numpy()))
    ends = set()
    for degree, number in rows.to_numpy():
        ends |= {degree}
        own = (
            explored.merge(number).edge
            if degree == 0
            else (*explored.loop(number).edge, *explored.loop(number).triangle)
        )
        assert int(loop.edge[0]) in set(map(int, own))
    assert ends == {0, 1}
    assert explored.touched(set()).empty


# --- which prompts ----------------------------------------------------------------------------------


@pytest.fixture
def prompts() -> pd.DataFrame:
    texts = [f"{'Bake' if k % 3 else 'Sell'} (a) cake {k}" for k in range(30)]
    return pd.DataFrame({"prompt": range(30), "text": texts, "category": ["a", "b", None] * 10})


def test_filters_choose_by_category_and_words(prompts):
    every = np.arange(30)
    assert explore.chosen(prompts, every, Lens()).tolist() == list(range(30))
    assert set(explore.chosen(prompts, every, Lens(categories=("a",)))) == set(range(0, 30, 3))
    assert set(explore.chosen(prompts, every, Lens(text=" sELL "))) == set(range(0, 30, 3))
    assert len(explore.chosen(prompts, every, Lens(text="(a)"))) == 30  # words, not a pattern
    assert len(explore.chosen(prompts, every, Lens(categories=("b",), text="sell"))) == 0
    assert explore.chosen(prompts, np.array([4, 9, 2]), Lens()).tolist() == [2, 4, 9]


def test_fewer_points_are_among_the_more(prompts):
    every, half = np.arange(30), np.arange(0, 30, 2)
    few, more = (set(explore.chosen(prompts, every, Lens(points=k))) for k in (5, 12))
    assert len(few) == 5
    assert few < more
    assert set(explore.chosen(prompts, half, Lens(points=5))) <= set(half)


def test_no_more_than_can_be_measured_while_one_waits(monkeypatch, prompts):
    monkeypatch.setattr(explore, "MOST", 8)
    assert len(explore.chosen(prompts, np.arange(30), Lens())) == 8
    assert len(explore.chosen(prompts, np.arange(30), Lens(points=20))) == 8


def test_too_few_prompts_are_a_fault(prompts):
    matrix, unit = explore.distances(np.random.default_rng(0).normal(size=(30, 4)), Lens())
    for few in (0, 1):
        with pytest.raises(Fault, match="left to look at"):
            explore.explore(matrix, unit, np.arange(few), Lens())


def test_a_median_of_zero_is_a_fault():
    matrix, unit = explore.distances(np.repeat(np.eye(2), [9, 1], axis=0), Lens())
    with pytest.raises(Fault, match="median"):
        explore.explore(matrix, unit, np.arange(10), Lens(scale="median"))


# --- against the archive ----------------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["raw", "median"])
def test_live_bars_are_the_archives_to_the_bit(computed, scale):
    study = Study.open("tiny", computed[1])
    asked = study.study
    sets = index_sets(study.record.n_prompts, asked.subsamples, asked.subsample_size, asked.seed)
    compared = 0
    for series, step, layer in (("helpful", 2, 1), ("harmless", 1, 2), ("full", 2, 2)):
        bars = study.bars(series, step, layer)
        for number in (0, 5):
            lens = Lens(subsample=number, metric=asked.metric, scale=scale)
            assert lens.archived(asked.metric)
            matrix, unit = explore.distances(study.cloud(series, step, layer), lens)
            rows = explore.chosen(study.prompts, sets[number], lens)
            live = explore.explore(matrix, unit, rows, lens).table
            for degree in (0, 1):
                own = bars[(bars["subsample"] == number) & (bars["degree"] == degree)][["birth", "death"]].to_numpy()
                wanted = own / unit if scale == "median" else own
                np.testing.assert_array_equal(live[live["degree"] == degree][["birth", "death"]].to_numpy(), wanted)
                compared += len(own)
    assert compared > 100


@pytest.mark.parametrize(
    "changed", [{"points": 10}, {"categories": ("a",)}, {"text": "x"}, {"metric": "cosine"}, {"dimension": 3}]
)
def test_any_other_look_is_not_the_archives(changed):
    assert Lens(subsample=3, scale="median").archived("euclidean")
    assert not Lens(subsample=3, **changed).archived("euclidean")


def test_fewer_dimensions_keep_a_flat_clouds_distances():
    cloud = np.pad(circle(20, 1.0), ((0, 0), (0, 5)))
    full, _ = explore.distances(cloud, Lens())
    np.testing.assert_allclose(explore.distances(cloud, Lens(dimension=2))[0], full, atol=1e-12)
    assert not np.allclose(explore.distances(cloud, Lens(dimension=1))[0], full)


def test_ranks_count_the_most_persistent_first():
    table = explore.ranked([np.array([[0.0, 1.0], [0.0, 3.0]]), np.array([[1.0, 1.5], [1.2, 4.0], [2.0, 2.5]])])
    assert table["rank"].tolist() == [2, 1, 2, 1, 3]  # equal ones in the order of the diagram
    assert table["place"].tolist() == [0, 1, 0, 1, 2]
    assert explore.ranked([np.empty((0, 2)), np.empty((0, 2))]).empty
    assert WHOLE == -1


def test_from_a_notebook(computed):
    study = Study.open("tiny", computed[1])
    seen = study.explore("helpful", 2, 1, Lens(subsample=3))
    bars = study.bars("helpful", 2, 1)
    assert len(seen.rows) == study.study.subsample_size
    assert len(seen.table) == (bars["subsample"] == 3).sum()
    assert len(study.explore("helpful", 2, 1).rows) == study.record.n_prompts
    with pytest.raises(Fault, match="no subsample 99"):
        study.explore("helpful", 2, 1, Lens(subsample=99))


def test_a_cloud_that_did_not_travel_is_a_fault(computed, tmp_path):
    store = copy_archive(computed[1], tmp_path / "cache")
    study = Study.open("tiny", store.root)
    key = keys_of(study.record).of("clouds", Place((study.node("helpful", 2),), 1))
    store.path("clouds", key).unlink()
    with pytest.raises(Fault, match="not in this archive"):
        study.explore("helpful", 2, 1)
