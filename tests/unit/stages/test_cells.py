"""The work units: archive files in, archive files out."""

import numpy as np
import pytest

from phcore.archive.store import Store
from phcore.stages import cells
from phcore.topology import clouds, distances, persistence, summaries

HOW = {"metric": "euclidean", "engine": "redzed", "subsamples": 4, "subsample_size": 16, "seed": 3,
       "orders": [1.0, 2.0], "order": 2.0, "norm": 2.0, "nulls": 3}  # fmt: skip


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def two(store):
    """Two cells of 40 points in 6 dimensions, the second a little moved."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=(40, 6)).astype(np.float32)
    second = first + rng.normal(scale=0.02, size=first.shape).astype(np.float32)
    for name, cloud in (("a", first), ("b", second)):
        cells.write_cloud(store, name, cloud)
        cells.measure_cell(str(store.root), name, name, name, HOW)
    return first, second


def by_hand(cloud, how=HOW):
    matrix = clouds.distance_matrix(cloud)
    sets = clouds.subsamples(len(cloud), count=how["subsamples"], size=how["subsample_size"], seed=how["seed"])
    return [persistence.diagrams(matrix[np.ix_(rows, rows)]) for rows in sets], clouds.median_distance(matrix)


def test_a_cloud_survives_the_archive_bit_for_bit(store):
    cloud = np.random.default_rng(1).normal(size=(7, 5)).astype(np.float32)
    cells.write_cloud(store, "c", cloud)
    np.testing.assert_array_equal(cells.read_cloud(store, "c"), cloud)
    assert cells.read_cloud(store, "none") is None


def test_a_cell_holds_the_diagrams_of_its_subsamples(store, two):
    diagrams, unit = by_hand(two[0])
    cell = cells.read_cell(store, "a")
    assert cell.unit == pytest.approx(unit)
    assert sorted(cell.diagrams) == [0, 1, 2, 3]
    for number, expected in enumerate(diagrams):
        for degree in (0, 1):
            np.testing.assert_array_equal(cell.diagrams[number][degree], expected[degree])


def test_summaries_are_those_of_the_diagrams(store, two):
    diagrams, _ = by_hand(two[0])
    table = store.read("summaries", "a").to_pandas()
    expected = np.array([summaries.summary(one) for one in diagrams])
    np.testing.assert_allclose(table[list(summaries.FEATURES)].to_numpy(), expected)


def test_velocities_are_distances_subsample_by_subsample(store, two):
    cells.measure_velocity(str(store.root), ("a", "b"), "v", HOW)
    table = store.read("velocities", "v").to_pandas()
    assert len(table) == 4 * 2 * 2 * 2  # subsamples, degrees, orders, scales
    (first, unit_a), (second, unit_b) = by_hand(two[0]), by_hand(two[1])
    for row in table.itertuples():
        a, b = first[row.subsample][row.degree], second[row.subsample][row.degree]
        if row.scale == "median":
            a, b = a / unit_a, b / unit_b
        assert row.value == pytest.approx(distances.wasserstein(a, b, order=row.order, norm=2.0), rel=1e-12)


def test_distances_are_means_over_subsamples(store, two):
    cells.measure_velocity(str(store.root), ("a", "b"), "v", HOW)
    cells.measure_distances(str(store.root), "b", ["a", "b"], "d", HOW)
    velocity = store.read("velocities", "v").to_pandas()
    expected = velocity[velocity["order"] == 2.0].groupby(["degree", "scale"])["value"].mean()
    table = store.read("distances", "d").to_pandas()
    got = table[table["other"] == 0].set_index(["degree", "scale"])["value"]
    for key, value in expected.items():
        assert got[key] == pytest.approx(value)
    assert (table.loc[table["other"] == 1, "value"] == 0).all()


def test_floors_compare_disjoint_subsamples_of_one_cloud(store, two):
    floors = store.read("floors", "a").to_pandas()
    cells.measure_velocity(str(store.root), ("a", "b"), "v", HOW)
    moved = store.read("velocities", "v").to_pandas()
    pick = [("degree", 1), ("order", 2.0), ("scale", "raw")]
    for column, value in pick:
        floors, moved = floors[floors[column] == value], moved[moved[column] == value]
    assert len(floors) == 4
    # A fiftieth of a standard deviation moves a paired subsample less than another choice of points does.
    assert floors["value"].mean() > 2 * moved["value"].mean() > 0


def test_the_whole_cloud_has_one_diagram_and_no_floor(store, two):
    how = HOW | {"subsamples": 0}
    cells.measure_cell(str(store.root), "a", "w", "w", how)
    cell = cells.read_cell(store, "w")
    assert list(cell.diagrams) == [cells.WHOLE]
    assert len(cell.diagrams[cells.WHOLE][0]) == 39
    assert store.read("floors", "w").num_rows == 0


def test_one_repeated_point_is_said_in_words(store):
    cells.write_cloud(store, "c", np.ones((20, 4)))
    cells.measure_cell(str(store.root), "c", "c", "c", HOW)
    about = store.read("summaries", "c").to_pylist()[0]
    assert about["status"] == "degenerate"
    assert "All 20 prompts" in about["words"]
    assert about["h0_count"] == about["h1_count"] == 0
    cells.measure_velocity(str(store.root), ("c", "c"), "v", HOW)
    assert set(store.read("velocities", "v")["value"].to_pylist()) == {0.0}


def test_repeated_points_are_counted(store):
    cloud = np.random.default_rng(2).normal(size=(30, 4)).astype(np.float32)
    cloud[1] = cloud[0]
    cells.write_cloud(store, "c", cloud)
    cells.measure_cell(str(store.root), "c", "c", "c", HOW)
    about = store.read("summaries", "c").to_pylist()[0]
    assert (about["status"], about["n_distinct"]) == ("ok", 29)
    assert "1 of 30" in about["words"]


def test_a_cloud_with_nan_is_marked_and_everything_else_goes_on(store, two):
    cloud = np.random.default_rng(2).normal(size=(40, 6)).astype(np.float32)
    cloud[3, 2] = np.nan
    cells.write_cloud(store, "c", cloud)
    cells.measure_cell(str(store.root), "c", "c", "c", HOW)
    about = store.read("summaries", "c").to_pylist()
    assert about[0]["status"] == "nonfinite"
    assert "1 of 40" in about[0]["words"]
    assert store.read("diagrams", "c").num_rows == 0
    cells.measure_velocity(str(store.root), ("a", "c"), "v", HOW)
    assert store.read("velocities", "v").num_rows == 0
    cells.measure_distances(str(store.root), "c", ["a", "b"], "d", HOW)
    assert store.read("distances", "d").num_rows == 0


def test_a_vector_without_an_angle_marks_the_cell(store):
    cloud = np.random.default_rng(2).normal(size=(30, 4)).astype(np.float32)
    cloud[5] = 0
    cells.write_cloud(store, "c", cloud)
    cells.measure_cell(str(store.root), "c", "c", "c", HOW | {"metric": "cosine"})
    about = store.read("summaries", "c").to_pylist()[0]
    assert about["status"] == "nonfinite"
    assert "no topology" in about["words"]


def test_a_missing_cloud_is_named(store):
    with pytest.raises(cells.Missing, match="missing or was damaged"):
        cells.measure_cell(str(store.root), "none", "x", "x", HOW)


def test_the_same_cell_gives_the_same_bytes(store, two, tmp_path):
    other = Store(tmp_path / "other")
    cells.write_cloud(other, "a", two[0])
    cells.measure_cell(str(other.root), "a", "a", "a", HOW)
    for stage in ("clouds", "diagrams", "summaries", "floors"):
        assert other.path(stage, "a").read_bytes() == store.path(stage, "a").read_bytes()


def test_ripser_gives_the_same_cell(store, two):
    cells.measure_cell(str(store.root), "a", "r", "r", HOW | {"engine": "ripser"})
    ours, theirs = cells.read_cell(store, "a"), cells.read_cell(store, "r")
    for number, pair in ours.diagrams.items():
        for degree in (0, 1):
            np.testing.assert_allclose(pair[degree], theirs.diagrams[number][degree], rtol=1e-6)
