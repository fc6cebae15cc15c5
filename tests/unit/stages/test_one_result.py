"""Every result computed from its inputs alone, against values made by hand from the mathematics."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from phcore.archive.store import Store
from phcore.stages import (
    cells,
    coordinates,
    diagrams,
    distances,
    divergences,
    edges,
    floors,
    gaussian_nulls,
    gaussian_velocities,
    length_removed,
    next_tokens,
    numerical_noise,
    sensitivity,
    separation,
    summaries,
    variant_loops,
    velocities,
)
from phcore.stages.registry import Missing, files, results
from phcore.topology import clouds, explained, gaussian_null, persistence
from phcore.topology import simple_geometry as geometry
from phcore.topology.distances import wasserstein
from phcore.topology.summaries import FEATURES, summary

SAMPLING = {"subsamples": 4, "subsample_size": 16, "seed": 3}
HOW = {"metric": "euclidean", "engine": "redzed", **SAMPLING}
ORDERS = {"orders": (1.0, 2.0), "norm": 2.0}
ORDER = {"order": 2.0, "norm": 2.0}
DRAWS = HOW | {"replicates": 3}


@pytest.fixture(scope="module")
def two():
    """Two clouds of 40 points in 6 dimensions, the second a little moved."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=(40, 6)).astype(np.float32)
    return first, first + rng.normal(scale=0.02, size=first.shape).astype(np.float32)


def made(name, **given):
    """A result computed from what is given, as other results are given it."""
    return results()[name].decode(results()[name].compute(**given))


def bars(cloud, **changes):
    return made("diagrams", clouds=cloud, **HOW | changes)


def about(cloud, metric="euclidean"):
    return made("cells", clouds=cloud, metric=metric)


def both(a, b, **changes):
    """Diagrams and cells of two clouds, by the names of the needs."""
    return {
        "diagrams": (bars(a, **changes), bars(b, **changes)),
        "cells": tuple(about(one, changes.get("metric", "euclidean")) for one in (a, b)),
    }


def by_hand(cloud):
    matrix = clouds.distance_matrix(cloud)
    sets = clouds.subsamples(len(cloud), count=4, size=16, seed=3)
    return [persistence.diagrams(matrix[np.ix_(rows, rows)]) for rows in sets], clouds.median_distance(matrix)


# --- one cloud ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["clouds", "second_clouds"])
def test_a_cloud_survives_the_archive_bit_for_bit(tmp_path, name):
    store, one = Store(tmp_path), results()[name]
    cloud = np.random.default_rng(1).normal(size=(7, 5)).astype(np.float32)
    store.write(name, "c", one.compute({3: cloud}, layer=3))
    np.testing.assert_array_equal(one.decode(store.read(name, "c")), cloud)


def test_a_cell_holds_the_diagrams_of_its_subsamples(two):
    expected, median = by_hand(two[0])
    found = bars(two[0])
    assert about(two[0]) == cells.Cell(40, 40, pytest.approx(median), "ok", "")
    assert sorted(found) == [0, 1, 2, 3]
    for number, pair in enumerate(expected):
        for degree in (0, 1):
            np.testing.assert_array_equal(found[number][degree], pair[degree])


def test_summaries_are_those_of_the_diagrams(two):
    expected, _ = by_hand(two[0])
    table = summaries.compute(bars(two[0]), about(two[0]), 4, FEATURES).to_pandas()
    assert table["subsample"].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(table[list(FEATURES)].to_numpy(), [summary(one) for one in expected])


def test_floors_compare_disjoint_subsamples_of_one_cloud(two):
    found = floors.compute(two[0], bars(two[0]), about(two[0]), **HOW, **ORDERS).to_pandas()
    moved = velocities.compute(**both(*two), subsamples=4, **ORDERS).to_pandas()
    pick = {"degree": 1, "order": 2.0, "scale": "raw"}
    for column, value in pick.items():
        found, moved = found[found[column] == value], moved[moved[column] == value]
    assert len(found) == 4
    # A fiftieth of a standard deviation moves a paired subsample less than another choice of points does.
    assert found["value"].mean() > 2 * moved["value"].mean() > 0
    sets = clouds.subsamples(40, count=4, size=16, seed=3)
    matrix = clouds.distance_matrix(two[0])
    for number, rows in enumerate(clouds.partners(sets, 40, seed=3)):
        assert not set(rows) & set(sets[number])
        other = persistence.diagrams(matrix[np.ix_(rows, rows)])[1]
        assert found["value"].iloc[number] == pytest.approx(wasserstein(bars(two[0])[number][1], other))


def test_the_whole_cloud_has_one_diagram_and_no_floor(two):
    whole = bars(two[0], subsamples=0)
    assert list(whole) == [clouds.WHOLE]
    assert len(whole[clouds.WHOLE][0]) == 39
    assert floors.compute(two[0], whole, about(two[0]), **HOW | {"subsamples": 0}, **ORDERS).num_rows == 0


def test_one_repeated_point_is_said_in_words():
    cloud = np.ones((20, 4))
    cell = about(cloud)
    assert (cell.status, cell.n_distinct) == ("degenerate", 1)
    assert "All 20 prompts" in cell.words
    table = summaries.compute(bars(cloud), cell, 4, FEATURES).to_pandas()
    assert table[["h0_count", "h1_count"]].to_numpy().tolist() == [[0, 0]] * 4
    moved = velocities.compute(**both(cloud, cloud), subsamples=4, **ORDERS)
    assert set(moved["value"].to_pylist()) == {0.0}


def test_repeated_points_are_counted():
    cloud = np.random.default_rng(2).normal(size=(30, 4)).astype(np.float32)
    cloud[1] = cloud[0]
    cell = about(cloud)
    assert (cell.status, cell.n_distinct) == ("ok", 29)
    assert "1 of 30" in cell.words


def test_a_cloud_with_nan_is_marked_and_everything_else_goes_on(two):
    cloud = np.random.default_rng(2).normal(size=(40, 6)).astype(np.float32)
    cloud[3, 2] = np.nan
    cell = about(cloud)
    assert (cell.status, cell.has_topology) == ("nonfinite", False)
    assert "1 of 40" in cell.words
    assert bars(cloud) == {}
    assert summaries.compute({}, cell, 4, FEATURES).num_rows == 0
    assert floors.compute(cloud, {}, cell, **HOW, **ORDERS).num_rows == 0
    assert velocities.compute(**both(two[0], cloud), subsamples=4, **ORDERS).num_rows == 0
    assert distances.compute(**both(cloud, two[1]), subsamples=4, **ORDER).num_rows == 0


def test_a_vector_without_an_angle_marks_the_cell():
    cloud = np.random.default_rng(2).normal(size=(30, 4)).astype(np.float32)
    cloud[5] = 0
    cell = about(cloud, "cosine")
    assert cell.status == "nonfinite"
    assert "no topology" in cell.words
    assert bars(cloud, metric="cosine") == {}


@pytest.mark.parametrize("empty", [0, 1], ids=["no H0", "no H1"])
def test_diagrams_survive_the_archive_where_a_degree_has_no_bars(empty):
    pair = [np.array([[0.0, 0.5], [0.0, 2.0]]), np.array([[1.0, 1.5]])]
    pair[empty] = np.empty((0, 2))
    found = diagrams.decode(diagrams.to_table({7: pair, 2: pair}))
    assert sorted(found) == [2, 7]
    for number in (2, 7):
        for degree in (0, 1):
            np.testing.assert_array_equal(found[number][degree], pair[degree])


def test_ripser_gives_the_same_cell(two):
    ours, theirs = bars(two[0]), bars(two[0], engine="ripser")
    for number, pair in ours.items():
        for degree in (0, 1):
            np.testing.assert_allclose(pair[degree], theirs[number][degree], rtol=1e-6)


# --- two clouds -----------------------------------------------------------------------------------


def test_velocities_are_distances_subsample_by_subsample(two):
    table = velocities.compute(**both(*two), subsamples=4, **ORDERS).to_pandas()
    assert len(table) == 4 * 2 * 2 * 2  # subsamples, degrees, orders, scales
    (first, median_a), (second, median_b) = by_hand(two[0]), by_hand(two[1])
    for row in table.itertuples():
        a, b = first[row.subsample][row.degree], second[row.subsample][row.degree]
        if row.scale == "median":
            a, b = a / median_a, b / median_b
        assert row.value == pytest.approx(wasserstein(a, b, order=row.order, norm=2.0), rel=1e-12)


def test_distances_are_means_over_subsamples(two):
    velocity = velocities.compute(**both(*two), subsamples=4, **ORDERS).to_pandas()
    expected = velocity[velocity["order"] == 2.0].groupby(["degree", "scale"])["value"].mean()
    table = distances.compute(**both(*two), subsamples=4, **ORDER).to_pandas().set_index(["degree", "scale"])
    assert table["value"].to_dict() == pytest.approx(expected.to_dict())
    same = distances.compute(**both(two[0], two[0]), subsamples=4, **ORDER)
    assert set(same["value"].to_pylist()) == {0.0}


def test_another_reading_that_is_equal_is_nowhere_apart(two):
    same = numerical_noise.compute(two[0], two[0], **HOW, **ORDER).to_pandas()
    assert len(same) == 4 * 2 * 2  # subsamples, degrees, scales; the study's own order
    assert set(same["value"]) == {0.0}
    moved = numerical_noise.compute(*two, **HOW, **ORDER).to_pandas()
    velocity = velocities.compute(**both(*two), subsamples=4, orders=(2.0,), norm=2.0).to_pandas()
    np.testing.assert_allclose(moved["value"], velocity["value"], rtol=1e-12)
    gone = np.full_like(two[0], np.nan)
    assert numerical_noise.compute(two[0], gone, **HOW, **ORDER).num_rows == 0


# --- geometry -------------------------------------------------------------------------------------


def test_geometry_is_that_of_the_clouds(two):
    assert results()["geometry"].compute(two[0]).to_pylist() == [geometry.describe(two[0])]
    assert results()["moves"].compute(two).to_pylist() == [geometry.compare(*two)]


def test_geometry_of_a_cloud_with_nan_is_unknown(two):
    gone = np.full((40, 6), np.nan, np.float32)
    assert np.isnan(list(results()["geometry"].compute(gone).to_pylist()[0].values())).all()
    assert np.isnan(list(results()["moves"].compute((two[0], gone)).to_pylist()[0].values())).all()


# --- Gaussian clouds ------------------------------------------------------------------------------


def test_gaussian_velocities_compare_the_same_draws_at_two_checkpoints(two):
    table = gaussian_nulls.compute(two[0], **DRAWS)
    nulls = gaussian_nulls.decode(table)
    assert {kind: list(each) for kind, each in nulls.items()} == {"isotropic": [0, 1, 2], "covariance": [0, 1, 2]}
    matrix = clouds.distance_matrix(gaussian_null.gaussian(two[0], "covariance", 16, replicate=2, seed=3))
    found, median = nulls["covariance"][2]
    assert median == clouds.median_distance(matrix)
    for degree, expected in enumerate(persistence.diagrams(matrix)):
        np.testing.assert_array_equal(found[degree], expected)
    told = table.to_pylist()[-1]
    assert (told["kind"], told["replicate"], told["h1_count"]) == ("covariance", 2, len(found[1]))
    same = gaussian_velocities.compute((nulls, nulls), **ORDER)
    assert set(same["value"].to_pylist()) == {0.0}
    moved = gaussian_velocities.compute((nulls, made("gaussian_nulls", clouds=two[1], **DRAWS)), **ORDER).to_pandas()
    assert len(moved) == 2 * 3 * 2 * 2  # kinds, draws, degrees, scales
    assert moved.loc[moved["kind"] == "covariance", "value"].min() > 0


@pytest.mark.parametrize("cloud", [np.full((40, 6), np.nan), np.zeros((40, 6))], ids=["nan", "zero"])
def test_a_cell_without_topology_has_no_gaussian_null(two, cloud):
    how = DRAWS | {"metric": "cosine"}
    assert gaussian_nulls.compute(cloud, **how).num_rows == 0
    nulls = [made("gaussian_nulls", clouds=one, **how) for one in (two[0], cloud)]
    table = gaussian_velocities.compute(tuple(nulls), **ORDER)
    assert table.num_rows == 0
    assert table.schema.field("kind").type == "string"


def test_a_cloud_of_one_place_has_gaussian_nulls_without_bars():
    table = gaussian_nulls.compute(np.ones((20, 4)), **DRAWS)
    assert set(table["h0_count"].to_pylist()) == {0}
    nulls = gaussian_nulls.decode(table)
    assert set(gaussian_velocities.compute((nulls, nulls), **ORDER)["value"].to_pylist()) == {0.0}


def test_the_gaussian_null_of_a_whole_cloud_is_as_large_as_the_cloud(two):
    assert set(gaussian_nulls.compute(two[0], **DRAWS | {"subsamples": 0})["h0_count"].to_pylist()) == {39}


# --- sensitivity ----------------------------------------------------------------------------------


def test_each_variant_differs_in_one_thing_and_the_own_setting_is_among_them():
    found = sensitivity.variants(320, 160, "euclidean", 2.0)
    own = {"prompts": 320, "size": 160, "metric": "euclidean", "order": 2.0}
    for one in found:
        plain = {name: getattr(one.drawing, name, one.order) for name in own}
        assert sum(plain[name] != own[name] for name in own) <= 1, one
    settings = {what: [one.setting for one in found if one.varied == what] for what in ("subsample size", "prompts")}
    assert settings == {"subsample size": ["40", "80", "160", "240"], "prompts": ["200", "260", "320"]}
    assert [one.setting for one in found if one.varied == "order"] == ["1", "2", "inf"]


@pytest.mark.parametrize("n_prompts", [4, 5, 8, 20, 21, 30, 200])
def test_variants_fit_into_few_prompts(n_prompts):
    for one in sensitivity.variants(n_prompts, clouds.subsample_size(n_prompts, 16), "euclidean", 2.0):
        assert 3 <= one.drawing.size < one.drawing.prompts <= n_prompts
        clouds.subsamples(one.drawing.prompts, count=2, size=one.drawing.size, seed=0)


@pytest.mark.parametrize("n_prompts", [5, 21, 320])
def test_every_variant_is_drawn(n_prompts):
    size = variant_loops.own_size(n_prompts, 4, 16)
    drawn = variant_loops.drawings(n_prompts, size, "euclidean")
    asked = {one.drawing for one in sensitivity.variants(n_prompts, size, "euclidean", 2.0)}
    assert asked | {drawn[0]._replace(freed=True)} == set(drawn)
    assert len(drawn) == len(set(drawn))


STUDIED = {name: HOW[name] for name in ("metric", "subsamples", "subsample_size")} | ORDER


def varied(stage, two, lengths):
    """The rows of a transition between two clouds."""
    loops = [made("variant_loops", clouds=one, prompt_lengths=lengths, few=16, **HOW) for one in two]
    about = [cells.describe(one, HOW["metric"]) for one in two]
    return stage.compute(tuple(loops), tuple(about), **STUDIED).to_pandas()


def sensitive(*two):
    return varied(sensitivity, two, np.arange(1, 41))


def test_sensitivity_follows_from_the_clouds(two):
    table = sensitive(*two)
    sets = clouds.subsamples(40, count=4, size=8, seed=3)
    matrices = [clouds.distance_matrix(cloud) for cloud in two]
    medians = [clouds.median_distance(matrix) for matrix in matrices]
    for scale, divisors in {"raw": (1, 1), "median": medians}.items():
        expected = [
            wasserstein(
                *(persistence.diagrams(m[np.ix_(rows, rows)])[1] / u for m, u in zip(matrices, divisors, strict=True))
            )
            for rows in sets
        ]
        mine = table[(table["varied"] == "subsample size") & (table["setting"] == "8") & (table["scale"] == scale)]
        np.testing.assert_allclose(mine["value"], [np.mean(expected)], rtol=1e-9)
    np.testing.assert_allclose(table["value"], sensitive(*two[::-1])["value"], rtol=1e-9)  # there and back
    own = table[(table["setting"].isin(["16", "40", "euclidean", "2"])) & (table["scale"] == "raw")]
    assert len(own) == 4
    assert own["value"].nunique() == 1  # the study's own setting, four times over
    values = table[(table["varied"] == "order") & (table["scale"] == "raw")].set_index("setting")["value"]
    assert values["1"] >= values["2"] >= values["inf"]  # norms of the same costs, and then the best matching


def test_a_cloud_without_topology_has_no_sensitivity_but_the_rest_has(two):
    a, b = two
    gone = np.full((40, 6), np.nan, np.float32)
    assert sensitive(a, b)["value"].notna().all()
    for pair in ((a, gone), (gone, b)):
        table = sensitive(*pair)
        assert len(table) == len(sensitive(a, b))
        assert table["value"].isna().all()


def test_a_cloud_of_one_place_has_raw_velocities_of_loops_alone(two):
    table = sensitive(two[0], np.ones((40, 6), np.float32))
    euclidean = table[(table["varied"] == "subsample size") & (table["setting"] == "16")].set_index("scale")["value"]
    assert euclidean["raw"] > 0
    assert np.isnan(euclidean["median"])


def test_without_length_is_the_study_of_the_freed_clouds(two):
    lengths = np.arange(1, 41)
    table = varied(length_removed, two, lengths)
    freed = tuple(explained.without(one, np.log(lengths)) for one in two)
    for setting, found in (("as it is", two), ("regressed out", freed)):
        own = sensitive(*found)
        own = own[(own["varied"] == "subsample size") & (own["setting"] == "16")].set_index("scale")["value"]
        mine = table[table["setting"] == setting].set_index("scale")["value"]
        np.testing.assert_allclose(mine[["raw", "median"]], own[["raw", "median"]], rtol=1e-6)
    gone = varied(length_removed, (two[0], np.full((40, 6), np.nan)), lengths)
    assert np.isnan(gone["value"].to_numpy()).all()


# --- confounds ------------------------------------------------------------------------------------


def test_confounds_are_those_of_the_cloud(two):
    lengths, kinds = np.arange(1, 41), {k: "ab"[k < 10] for k in range(40)}
    (row,) = results()["confounds"].compute(two[0], lengths, kinds).to_pylist()
    assert row["length_share"] == explained.share_explained(two[0], np.log(lengths))
    assert row["category_share"] == explained.share_between(two[0], list(kinds.values()))
    assert (row["prompts"], row["categories"], row["fewest"], row["most"]) == (40, 2, 10, 30)
    (gone,) = results()["confounds"].compute(np.full((40, 6), np.nan), lengths, {}).to_pylist()
    assert np.isnan(gone["length_share"])
    assert gone["categories"] == 0


def test_means_of_halves_make_the_mean_of_a_category(two):
    kinds = {k: "ab"[k < 11] for k in range(39)} | {39: "alone"}
    found = results()["category_means"].compute(two[0], kinds).to_pandas()
    assert found["category"].tolist() == ["a", "a", "b", "b"]  # one prompt makes no halves
    assert found["n"].tolist() == [14, 14, 6, 5]
    b = found[found["category"] == "b"]
    mean = np.average(np.stack(b["mean"]), axis=0, weights=b["n"])
    np.testing.assert_allclose(mean, two[0][:11].mean(axis=0), rtol=1e-5)
    nothing = results()["category_means"].compute(two[0], {})
    assert nothing.num_rows == 0
    assert nothing.schema.equals(results()["category_means"].compute(two[0], kinds).schema)


# --- what the model would say ---------------------------------------------------------------------


def test_next_tokens_survive_the_archive_and_are_nowhere_from_themselves(tmp_path):
    roots = np.sqrt(np.random.default_rng(0).dirichlet(np.ones(9), 5)).astype(np.float16)
    store = Store(tmp_path)
    store.write("next_tokens", "a", next_tokens.compute(SimpleNamespace(next_roots=roots)))
    likely = next_tokens.decode(store.read("next_tokens", "a"))
    np.testing.assert_array_equal(likely, roots)
    assert likely.dtype == np.float16
    table = divergences.compute((likely, likely)).to_pandas()
    assert table["prompt"].tolist() == list(range(5))
    assert table["value"].max() < 1e-12


# --- as archive files -----------------------------------------------------------------------------


def test_an_archive_file_is_made_of_those_it_needs(tmp_path, two):
    """As a worker is given it: names, keys and plain values."""
    store, root = Store(tmp_path), str(tmp_path)
    for key, cloud in zip("ab", two, strict=True):
        store.write("clouds", key, results()["clouds"].compute({0: cloud}, layer=0))
        files.compute(root, "cells", key, {"clouds": [key]}, {"metric": "euclidean"})
        files.compute(root, "diagrams", key, {"clouds": [key]}, HOW)
    needs = {"diagrams": ["a", "b"], "cells": ["a", "b"]}
    files.compute(root, "velocities", "v", needs, {"subsamples": 4, **ORDERS})
    assert store.read("velocities", "v").equals(velocities.compute(**both(*two), subsamples=4, **ORDERS))


def test_a_missing_need_is_named(tmp_path):
    with pytest.raises(Missing, match=r"\(hidden states\) is missing or was damaged"):
        files.compute(str(tmp_path), "cells", "x", {"clouds": ["none"]}, {"metric": "euclidean"})


@pytest.mark.parametrize("name", ["cells", "diagrams", "gaussian_nulls"])
def test_the_same_cloud_gives_the_same_bytes(tmp_path, two, name):
    given = {"cells": {"metric": "euclidean"}, "diagrams": HOW, "gaussian_nulls": DRAWS}[name]
    stores = [Store(tmp_path / place) for place in "ab"]
    for store in stores:
        store.write("clouds", "a", results()["clouds"].compute({0: two[0]}, layer=0))
        files.compute(str(store.root), name, "k", {"clouds": ["a"]}, given)
    assert stores[0].path(name, "k").read_bytes() == stores[1].path(name, "k").read_bytes()


# --- a map of the prompts ---------------------------------------------------------------------------


def test_coordinates_stand_on_the_axes_of_the_first_cloud(two):
    first, _ = two
    wide = first * np.array([9, 4, 1, 1, 1, 1], np.float32)
    later = 2 * wide + 5  # twice the size, and elsewhere: size shows, place does not
    own, grown = (coordinates.compute((wide, cloud)).to_pandas() for cloud in (wide, later))
    centred = wide - wide.mean(axis=0)
    _, spread, axes = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(own[["x", "y"]]), np.abs(centred @ axes[:2].T), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(grown[["x", "y"]], 2 * own[["x", "y"]], rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(own["share"], (spread[:2] ** 2).sum() / (spread**2).sum(), rtol=1e-5)
    assert own["prompt"].tolist() == list(range(40))


def test_a_cloud_that_is_not_finite_has_no_coordinates(two):
    broken = two[0].copy()
    broken[3, 1] = np.nan
    for pair in ((broken, two[0]), (two[0], broken)):
        table = coordinates.compute(pair).to_pandas()
        assert len(table) == 40
        assert table[["x", "y", "share"]].isna().all().all()


# --- series against each other ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("objectives", "pairs"),
    [
        ({"a": "A", "b": "B", "c": "C"}, ["ab", "ac", "bc"]),
        ({"a": "A", "b": "B", "x": "A", "y": "B"}, ["ab", "xy"]),
        ({"a": "A", "b": "B", "x": "A"}, ["ab", "xb"]),
        ({"a": "A", "x": "A", "z": "A"}, ["ax", "az", "xz"]),
        ({"a": "A"}, []),
    ],
)
def test_runs_are_compared_seed_by_seed(objectives, pairs):
    assert separation.together(objectives, 2) == [tuple(pair) for pair in pairs]
    assert [tuple(sorted(objectives[name] for name in three)) for three in separation.together(objectives, 3)] == (
        [("A", "B", "C")] if "c" in objectives else [("A", "A", "A")] if "z" in objectives else []
    )


def test_edges_are_the_shortest_distances(two):
    table = edges.compute(two[0], "euclidean", 30).to_pandas()
    distance = squareform(pdist(two[0].astype(np.float64)))
    np.testing.assert_allclose(table["length"], np.sort(distance[np.triu_indices(40, 1)])[:30], rtol=1e-6)
    np.testing.assert_allclose(table["length"], distance[table["a"], table["b"]], rtol=1e-6)
    assert len(edges.compute(np.full((4, 2), np.nan), "euclidean", 30)) == 0


def test_what_was_needed_last_is_not_read_again_unless_its_file_changed(tmp_path, monkeypatch):
    store, one = Store(tmp_path), results()["clouds"]
    recent = files._Recent(2**15)

    def write(key: str, fill: float) -> None:
        store.write("clouds", key, one.compute({0: np.full((10, 8), fill, np.float32)}, layer=0))

    write("a", 1.0)
    first = recent.value(store, one, "a")
    with pytest.raises(ValueError, match="read-only"):
        first += 1
    monkeypatch.setattr(Store, "read", None)
    assert recent.value(store, one, "a") is first
    monkeypatch.undo()
    store.path("clouds", "a").unlink()
    write("a", 2.0)
    assert recent.value(store, one, "a")[0, 0] == 2.0
    for number in range(120):  # as much as is kept, and a little: the oldest is let go
        write(f"b{number}", number)
        recent.value(store, one, f"b{number}")
    assert recent._held <= recent._most
    held = len(recent._values)
    assert 80 < held < 110
    store.path("clouds", "b119").unlink()
    with pytest.raises(Missing):
        recent.value(store, one, "b119")
    large = np.zeros((1_000, 8), np.float32)
    store.write("clouds", "large", one.compute({0: large}, layer=0))
    recent.value(store, one, "large")
    assert len(recent._values) == held
