"""The units of the evidence: archive files in, archive files out."""

from types import SimpleNamespace

import numpy as np
import pytest

from phcore.archive.store import Store
from phcore.stages import cells, evidence
from phcore.topology import clouds, gaussian_null, geometry, persistence
from phcore.topology.distances import wasserstein

HOW = {"metric": "euclidean", "engine": "redzed", "subsamples": 4, "subsample_size": 16, "seed": 3,
       "orders": [1.0, 2.0], "order": 2.0, "norm": 2.0, "nulls": 3}  # fmt: skip


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def two(store):
    """Two clouds of 40 points in 6 dimensions, the second a little moved."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=(40, 6)).astype(np.float32)
    second = first + rng.normal(scale=0.02, size=first.shape).astype(np.float32)
    for name, cloud in (("a", first), ("b", second)):
        cells.write_cloud(store, name, cloud)
    return first, second


def test_geometry_is_that_of_the_clouds(store, two):
    evidence.measure_geometry(str(store.root), "a", "g")
    assert store.read("geometry", "g").to_pylist() == [geometry.describe(two[0])]
    evidence.measure_move(str(store.root), ("a", "b"), "m")
    assert store.read("moves", "m").to_pylist() == [geometry.compare(*two)]


def test_geometry_of_a_cloud_with_nan_is_unknown_and_of_a_missing_one_an_error(store, two):
    cells.write_cloud(store, "c", np.full((40, 6), np.nan, np.float32))
    evidence.measure_geometry(str(store.root), "c", "g")
    assert np.isnan(list(store.read("geometry", "g").to_pylist()[0].values())).all()
    evidence.measure_move(str(store.root), ("a", "c"), "m")
    assert np.isnan(list(store.read("moves", "m").to_pylist()[0].values())).all()
    with pytest.raises(cells.Missing, match="missing or was damaged"):
        evidence.measure_geometry(str(store.root), "none", "x")
    with pytest.raises(cells.Missing, match="missing or was damaged"):
        evidence.measure_move(str(store.root), ("a", "none"), "x")


def test_controls_compare_the_same_draws_at_two_checkpoints(store, two):
    for name in "ab":
        evidence.measure_null(str(store.root), name, name, HOW)
    nulls = evidence.read_nulls(store, "a")
    assert {kind: list(each) for kind, each in nulls.items()} == {"isotropic": [0, 1, 2], "covariance": [0, 1, 2]}
    matrix = clouds.distance_matrix(gaussian_null.gaussian(two[0], "covariance", 16, replicate=2, seed=3))
    diagrams, unit = nulls["covariance"][2]
    assert unit == clouds.median_distance(matrix)
    for degree, expected in enumerate(persistence.diagrams(matrix)):
        np.testing.assert_array_equal(diagrams[degree], expected)
    told = store.read("nulls", "a").to_pylist()[-1]
    assert (told["kind"], told["replicate"], told["h1_count"]) == ("covariance", 2, len(diagrams[1]))
    evidence.measure_control(str(store.root), ("a", "a"), "same", HOW)
    assert set(store.read("controls", "same")["value"].to_pylist()) == {0.0}
    evidence.measure_control(str(store.root), ("a", "b"), "moved", HOW)
    moved = store.read("controls", "moved").to_pandas()
    assert len(moved) == 2 * 3 * 2 * 2  # kinds, draws, degrees, scales
    assert moved.loc[moved["kind"] == "covariance", "value"].min() > 0


@pytest.mark.parametrize("cloud", [np.full((40, 6), np.nan), np.zeros((40, 6))], ids=["nan", "zero"])
def test_a_cell_without_topology_has_no_controls(store, two, cloud):
    cells.write_cloud(store, "c", cloud)
    how = HOW | {"metric": "cosine"}
    evidence.measure_null(str(store.root), "c", "c", how)
    assert store.read("nulls", "c").num_rows == store.read("null_diagrams", "c").num_rows == 0
    evidence.measure_null(str(store.root), "a", "a", how)
    evidence.measure_control(str(store.root), ("a", "c"), "v", how)
    assert store.read("controls", "v").num_rows == 0
    assert store.read("controls", "v").schema.field("kind").type == "string"


def test_a_cloud_of_one_place_has_controls_without_bars(store):
    cells.write_cloud(store, "c", np.ones((20, 4)))
    evidence.measure_null(str(store.root), "c", "c", HOW)
    assert set(store.read("nulls", "c")["h0_count"].to_pylist()) == {0}
    evidence.measure_control(str(store.root), ("c", "c"), "v", HOW)
    assert set(store.read("controls", "v")["value"].to_pylist()) == {0.0}


def test_the_control_of_a_whole_cloud_is_as_large_as_the_cloud(store, two):
    evidence.measure_null(str(store.root), "a", "w", HOW | {"subsamples": 0})
    assert set(store.read("nulls", "w")["h0_count"].to_pylist()) == {39}


def test_missing_nulls_are_named(store, two):
    with pytest.raises(cells.Missing, match="controls of this cell"):
        evidence.measure_control(str(store.root), ("none", "a"), "v", HOW)


# --- sensitivity --------------------------------------------------------------------------------


def test_each_variant_differs_in_one_thing_and_the_own_setting_is_among_them():
    how = HOW | {"subsample_size": 160}
    found = evidence.variants(320, how)
    own = {"prompts": 320, "size": 160, "metric": "euclidean", "order": 2.0}
    for one in found:
        plain = {name: getattr(one, name) for name in own}
        assert sum(plain[name] != own[name] for name in own) <= 1, one
    settings = {what: [one.setting for one in found if one.varied == what] for what in ("subsample size", "prompts")}
    assert settings == {"subsample size": ["40", "80", "160", "240"], "prompts": ["200", "260", "320"]}
    assert [one.setting for one in found if one.varied == "order"] == ["1", "2", "inf"]


@pytest.mark.parametrize("n_prompts", [4, 5, 8, 20, 21, 30, 200])
def test_variants_fit_into_few_prompts(n_prompts):
    for one in evidence.variants(n_prompts, HOW):
        assert 3 <= one.size < one.prompts <= n_prompts
        clouds.subsamples(one.prompts, count=2, size=one.size, seed=0)


def test_sensitivity_follows_from_the_clouds(store, two):
    evidence.measure_sensitivity(str(store.root), ("a", "b", "a"), (0, 2, 5), "s", HOW)
    table = store.read("sensitivity", "s").to_pandas()
    assert set(zip(table["step_from"], table["step"], strict=True)) == {(0, 2), (2, 5)}
    sets = clouds.subsamples(40, count=4, size=8, seed=3)
    matrices = [clouds.distance_matrix(cloud) for cloud in two]
    units = [clouds.median_distance(matrix) for matrix in matrices]
    for scale, (ua, ub) in {"raw": (1, 1), "median": units}.items():
        by_hand = [
            wasserstein(
                *(persistence.diagrams(m[np.ix_(rows, rows)])[1] / u for m, u in zip(matrices, (ua, ub), strict=True))
            )
            for rows in sets
        ]
        mine = table[(table["varied"] == "subsample size") & (table["setting"] == "8") & (table["scale"] == scale)]
        # There and back is the same way.
        np.testing.assert_allclose(mine["value"], [np.mean(by_hand)] * 2, rtol=1e-9)
    own = table[(table["setting"].isin(["16", "40", "euclidean", "2"])) & (table["scale"] == "raw")]
    assert own.groupby("step")["value"].nunique().tolist() == [1, 1]  # the study's own setting, four times over
    orders = table[(table["varied"] == "order") & (table["scale"] == "raw") & (table["step"] == 2)]
    values = orders.set_index("setting")["value"]
    assert values["1"] >= values["2"] >= values["inf"]  # norms of the same costs, and then the best matching


def test_a_cloud_without_topology_has_no_sensitivity_but_the_rest_has(store, two):
    cells.write_cloud(store, "c", np.full((40, 6), np.nan, np.float32))
    evidence.measure_sensitivity(str(store.root), ("a", "c", "b", "a"), (0, 1, 2, 3), "s", HOW)
    table = store.read("sensitivity", "s").to_pandas()
    known = table.groupby("step")["value"].apply(lambda values: values.notna().all())
    assert known.to_dict() == {1: False, 2: False, 3: True}


# --- the numerical floor, and what the model would say ------------------------------------------


def test_another_reading_that_is_equal_is_nowhere_apart(store, two):
    evidence.measure_numerics(store, "a", two[0], "n", HOW)
    table = store.read("numerics", "n").to_pandas()
    assert len(table) == 4 * 2 * 2  # subsamples, degrees, scales; the study's own order
    assert set(table["value"]) == {0.0}
    evidence.measure_numerics(store, "a", two[1], "m", HOW)
    moved = store.read("numerics", "m").to_pandas()
    assert moved["value"].min() > 0
    evidence.measure_numerics(store, "a", np.full_like(two[0], np.nan), "o", HOW)
    assert store.read("numerics", "o").num_rows == 0


def test_next_tokens_survive_the_archive(store):
    rng = np.random.default_rng(0)
    ids = np.argsort(rng.random((5, 9)), axis=1)[:, :4]
    logprobs = np.log(np.sort(rng.dirichlet(np.ones(5), 5)[:, :4], axis=1)[:, ::-1])
    rest = 1 - np.exp(logprobs).sum(axis=1)
    taken = SimpleNamespace(next_ids=ids, next_logprobs=logprobs, rest_mass=rest)
    store.write("next_tokens", "a", evidence.next_table(taken))
    for ours, theirs in zip(evidence.read_next(store, "a"), (ids, logprobs, rest), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    evidence.measure_divergence(str(store.root), ("a", "a"), "d")
    table = store.read("divergences", "d").to_pandas()
    assert table["prompt"].tolist() == list(range(5))
    assert table["value"].max() < 1e-12
    with pytest.raises(cells.Missing, match="next-token"):
        evidence.measure_divergence(str(store.root), ("a", "none"), "x")
