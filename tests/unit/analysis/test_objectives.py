"""Standardised summaries, split-half floors, paths on a plane, distances between objectives."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist

from phcore.analysis.objectives import (
    objective_distance,
    objective_wasserstein,
    paths_landscapes,
    paths_mds,
    paths_means,
    paths_vectors,
    split_half_floor,
    standardise,
    standardised_layers,
    summary_distance,
)
from phcore.errors import Fault
from phcore.topology.summaries import FEATURES

B = 16
KEY = {"layer": 6, "degree": 1, "order": 2.0, "norm": 2.0, "scale": "raw"}


def table(means, *, noise=1.0, layer=6, count=B, seed=0, varying=FEATURES):
    """Summaries with given cell means {(series, step): (len(FEATURES),) or number}; base noise is shared by series."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(count, len(FEATURES)))
    frames = []
    for (series, step), mean in means.items():
        spread = base if step == 0 else rng.normal(size=(count, len(FEATURES)))
        spread = spread * np.isin(FEATURES, varying) * noise
        frame = pd.DataFrame(100 + spread - spread.mean(axis=0) + mean, columns=list(FEATURES))
        frames.append(frame.assign(series=series, step=step, layer=layer, subsample=np.arange(count)))
    return pd.concat(frames, ignore_index=True)


def line(series, steps, direction, speed=1.0):
    return {(series, step): step * speed * direction for step in steps}


E0, E1 = np.eye(len(FEATURES))[0], np.eye(len(FEATURES))[1]
TWO = line("helpful", [0, 1, 2, 4], E0) | line("harmless", [0, 2, 4, 8], E1)


def paths_pca(summaries, layer):
    one = standardise(summaries, layer)
    return paths_means(one, split_half_floor(one))


# --- standardising -------------------------------------------------------------------------------


def test_the_unit_is_the_pooled_resampling_deviation_and_counts_a_shared_base_once():
    rows = table(TWO)
    found = standardise(rows, 6)
    distinct = rows[~((rows["series"] == "harmless") & (rows["step"] == 0))]
    variances = distinct.groupby(["series", "step"])[FEATURES[5]].var()
    assert len(variances) == 7
    np.testing.assert_allclose(found.unit[FEATURES[5]], np.sqrt(variances.mean()), rtol=1e-12)
    np.testing.assert_allclose(found.means.loc[("helpful", 2)], (100 + 2 * E0) / found.unit, rtol=1e-12)
    assert found.subsamples.shape == (8 * B, len(FEATURES))


def test_bases_that_differ_are_all_counted():
    rows = table({("a", 0): 0.0, ("a", 1): 1.0}, seed=1)
    other = table({("b", 0): 5.0, ("b", 1): 6.0}, seed=2, noise=3.0)
    unit = standardise(pd.concat([rows, other]), 6).unit
    cells = pd.concat([rows, other]).groupby(["series", "step"])[list(FEATURES)].var()
    np.testing.assert_allclose(unit, np.sqrt(cells.mean()), rtol=1e-12)


def test_constant_features_are_dropped():
    constant = {"h0_count", "h1_ratio_max"}
    rows = table(TWO, varying=[name for name in FEATURES if name not in constant])
    rows.loc[rows["step"] == 4, "h0_count"] += 1  # differs between cells, but has no unit all the same
    found = standardise(rows, 6)
    assert set(FEATURES) - set(found.means.columns) == constant
    assert np.isfinite(found.means.to_numpy()).all()


def test_the_scale_of_a_feature_does_not_matter():
    rows = table(TWO)
    scaled = rows.assign(**{name: rows[name] * 10.0 ** (k % 7) for k, name in enumerate(FEATURES)})
    pd.testing.assert_frame_equal(standardise(rows, 6).means, standardise(scaled, 6).means, rtol=1e-9)


@pytest.mark.parametrize("kind", ["empty", "nan"])
def test_cells_that_say_nothing_are_left_out(kind):
    rows = table(TWO)
    lost = (rows["series"] == "helpful") & (rows["step"] == 2)
    if kind == "empty":
        rows.loc[lost, list(FEATURES)] = 0.0
    else:
        rows.loc[lost & (rows["subsample"] == 3), "h1_count"] = np.nan
    found = standardise(rows, 6)
    assert found.left_out == (("helpful", 2),)
    assert ("helpful", 2) not in found.means.index
    pd.testing.assert_series_equal(found.unit, standardise(rows[~lost], 6).unit)
    assert paths_pca(rows, 6).left_out == (("helpful", 2),)


def test_nothing_to_standardise_is_said():
    rows = table(TWO)
    with pytest.raises(Fault, match="the summaries of layer 12 have not been measured yet"):
        standardise(rows, 12)
    with pytest.raises(Fault, match="no cell"):
        standardise(rows.assign(**dict.fromkeys(FEATURES, 0.0)), 6)
    with pytest.raises(Fault, match="one subsample"):
        standardise(rows[rows["subsample"] == 0].assign(subsample=-1), 6)


def test_summary_distance_by_hand():
    found = standardise(table(TWO), 6)
    expected = np.hypot(4 / found.unit[FEATURES[0]], 8 / found.unit[FEATURES[1]])
    assert summary_distance(found, ("helpful", 4), ("harmless", 8)) == pytest.approx(expected, rel=1e-12)
    assert summary_distance(found, ("helpful", 0), ("harmless", 0)) == 0


# --- floors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [64, 33])
def test_the_split_half_floor_of_independent_noise(count):
    found = standardise(table(TWO, count=count), 6)
    floors = split_half_floor(found, repeats=300)
    assert len(floors) == 8
    # Unit variance: |difference of half means|^2 has the mean len(FEATURES) (1/h + 1/(count - h)).
    expected = np.sqrt(len(FEATURES) * (1 / (count // 2) + 1 / (count - count // 2)))
    np.testing.assert_allclose(floors["median"].mean(), expected, rtol=0.05)
    assert (floors["q95"] > floors["median"]).all()


def test_the_floor_is_seeded_and_blind_to_where_a_cell_lies():
    near, far = (split_half_floor(standardise(table(line("a", [0, 1, 2], E0, speed)), 6)) for speed in (0.0, 9.0))
    pd.testing.assert_frame_equal(near, far)
    with pytest.raises(AssertionError):
        pd.testing.assert_frame_equal(near, split_half_floor(standardise(table(line("a", [0, 1, 2], E0)), 6), seed=1))


def test_the_floor_of_a_cell_with_one_subsample_is_unknown():
    rows = table(TWO)
    rows = rows[(rows["step"] != 1) | (rows["subsample"] == 0)]
    floors = split_half_floor(standardise(rows, 6))
    assert floors.loc[("helpful", 1)].isna().all()
    assert floors.drop(index=[("helpful", 1)]).notna().all(axis=None)


# --- paths by principal components ---------------------------------------------------------------


def test_a_plane_of_summaries_is_found_in_floor_units():
    rows = table(TWO)
    found, paths = standardise(rows, 6), paths_pca(rows, 6)
    assert sum(paths.explained) == pytest.approx(1)
    assert paths.unit == split_half_floor(found)["median"].median()
    places = paths.points.set_index(["series", "step"])
    for a, b in itertools.combinations(places.index, 2):
        assert np.linalg.norm(places.loc[a] - places.loc[b]) * paths.unit == pytest.approx(
            summary_distance(found, a, b), rel=1e-9, abs=1e-9
        )
    np.testing.assert_allclose(places.loc[("helpful", 0)], 0, atol=1e-12)
    np.testing.assert_allclose(places.loc[("harmless", 0)], 0, atol=1e-12)
    np.testing.assert_allclose(paths.loadings.T @ paths.loadings, np.eye(2), atol=1e-12)
    assert set(paths.loadings.abs().idxmax()) == set(FEATURES[:2])


def test_a_shared_base_does_not_pull_the_axes():
    """Three series repeat the base; the axes are those of the distinct cells."""
    many = TWO | {("mixed", 0): 0.0, ("mixed", 3): 2 * E0 + 3 * E1}
    paths = paths_pca(table(many), 6)
    assert len(paths.points) == 10
    means = standardise(table(many), 6).means
    distinct = means.drop(index=[("harmless", 0), ("mixed", 0)]).to_numpy()
    spectrum = np.linalg.svd(distinct - distinct.mean(axis=0), compute_uv=False) ** 2
    np.testing.assert_allclose(paths.explained, spectrum[:2] / spectrum.sum())


def test_rows_in_another_order_give_the_same_picture():
    rows = table(TWO)
    a, b = paths_pca(rows, 6), paths_pca(rows.sample(frac=1, random_state=0), 6)
    pd.testing.assert_frame_equal(a.points, b.points, rtol=1e-6)


@pytest.mark.parametrize(
    ("means", "explained"),
    [({("a", 0): 0.0}, (np.nan, np.nan)), (line("a", [0, 1], E0), (1.0, 0.0)), (line("a", [0, 1, 5], E0), (1.0, 0.0))],
)
def test_too_little_for_a_plane(means, explained):
    paths = paths_pca(table(means), 6)
    assert len(paths.points) == len(means)
    np.testing.assert_allclose(paths.explained, explained, atol=1e-12)
    np.testing.assert_allclose(paths.points["pc2"], 0, atol=1e-9)


def test_series_without_a_base_are_placed_around_their_mean():
    paths = paths_pca(table(line("a", [1, 2, 3], E0)), 6)
    np.testing.assert_allclose(paths.points[["pc1", "pc2"]].mean(), 0, atol=1e-9)


def test_paths_of_landscapes():
    cells = pd.MultiIndex.from_tuples([("a", 0), ("a", 1), ("b", 0), ("b", 1), ("b", 2)], names=["series", "step"])
    vectors = np.zeros((5, 3, 4))  # cells, depth, grid
    vectors[1, 0, 1], vectors[3, 2, 2] = 3, 4
    vectors[4] = np.nan
    paths = paths_vectors(vectors, cells, unit=2.0)
    assert list(paths.loadings.columns) == ["pc1", "pc2"]
    assert paths.left_out == (("b", 2),)
    places = paths.points.set_index(["series", "step"])
    assert np.linalg.norm(places.loc[("a", 1)] - places.loc[("b", 1)]) == pytest.approx(5 / 2)
    assert np.linalg.norm(places.loc[("a", 1)]) == pytest.approx(3 / 2)
    with pytest.raises(Fault, match="no checkpoint"):
        paths_vectors(np.full((5, 2), np.nan), cells)


def test_landscapes_are_measured_by_halves_of_a_cell():
    """One bar in each of four subsamples, from 0 to 4, 4, 8 and 8: the first and third are one half."""
    bars = [("a", step, b, 0.0, death * (1 + step)) for step in (0, 1) for b, death in enumerate((4, 4, 8, 8))]
    table = pd.DataFrame(bars, columns=["series", "step", "subsample", "birth", "death"])
    grid = np.linspace(0, 16, 120)

    def tent(death):
        return np.clip(np.minimum(grid, death - grid), 0, None)

    swapped = table.assign(subsample=[0, 2, 1, 3] * 2).sort_values(["step", "subsample"])  # 4, 8, 4, 8
    found = paths_landscapes(swapped)
    unit = np.median([np.linalg.norm(tent(4 * k) - tent(8 * k)) for k in (1, 2)])
    assert found.unit == pytest.approx(unit)
    between = np.linalg.norm((tent(4) + tent(8)) / 2 - (tent(8) + tent(16)) / 2) / unit
    assert np.ptp(found.points["pc1"]) == pytest.approx(between)
    assert found.points["pc2"].abs().max() < 1e-9
    assert paths_landscapes(table).unit == 1.0  # halves that are alike are no unit
    single = paths_landscapes(table[table["subsample"] == 0])
    assert (single.unit, len(single.points)) == (1.0, 2)
    with pytest.raises(Fault, match="no checkpoint has a bar"):
        paths_landscapes(table.head(0))


def test_two_subsamples_are_a_spread():
    assert len(standardise(table(TWO, count=2), 6).means) == len(TWO)
    with pytest.raises(Fault, match="one subsample per cell"):
        standardise(table(TWO, count=2).query("subsample == 0"), 6)


def test_layers_at_both_scales_are_measured_where_there_is_a_spread():
    """A layer without bars is passed over; at the other scale each cell is divided by its own median distance."""
    rows = pd.concat([table(TWO), table(TWO, layer=7).assign(**dict.fromkeys(FEATURES, 0.0))])
    cells = rows[["series", "step", "layer"]].drop_duplicates().assign(median_distance=2.0)
    found = list(standardised_layers(rows, cells, "raw", (6, 7), B))
    assert [label for label, _, _ in found] == [{"layer": 6, "scale": "raw"}, {"layer": 6, "scale": "median"}]
    (_, raw, floors), (_, median, _) = found
    pd.testing.assert_frame_equal(raw.means, standardise(rows, 6).means)
    pd.testing.assert_frame_equal(floors, split_half_floor(raw))
    np.testing.assert_allclose(median.means, raw.means)  # units, too, are half as large
    assert list(standardised_layers(rows, cells, "raw", (6,), 1)) == []
    assert list(standardised_layers(rows.head(0), cells, "raw", (6,), B)) == []


def test_vectors_of_a_step_0_of_its_own_count_and_keep_their_place():
    cells = pd.MultiIndex.from_tuples([("a", 0), ("a", 1), ("b", 0), ("b", 1), ("c", 0)], names=["series", "step"])
    vectors = np.array([[0.0, 0], [3, 0], [5, 5], [0, 4], [0, 0]])  # a and c start at the base, b does not
    paths = paths_vectors(vectors, cells)
    np.testing.assert_allclose(pdist(paths.points[["pc1", "pc2"]]), pdist(vectors), atol=1e-9)
    np.testing.assert_allclose(paths.points.loc[:3, ["pc1", "pc2"]].mean(), 0, atol=1e-9)  # the base counts once


# --- paths by distances --------------------------------------------------------------------------

PLACES = {("base", 0): (0, 0), ("a", 1): (3, 0), ("a", 2): (5, 1), ("b", 1): (0, 4), ("b", 2): (-1, 7)}


def distance_table(places=PLACES, **key):
    return pd.DataFrame(
        [
            {"series_a": a[0], "step_a": a[1], "series_b": b[0], "step_b": b[1]}
            | KEY
            | key
            | {"value": np.linalg.norm(np.subtract(places[a], places[b]))}
            for a, b in itertools.combinations(places, 2)
        ]
    )


OWN = PLACES | {("b", 0): (2, 2)}


def test_the_base_starts_only_the_series_without_a_step_0_of_their_own():
    points = paths_mds(distance_table(OWN), 6).points
    assert points[["series", "step"]].values.tolist() == [[s, k] for s in "ab" for k in range(3)]
    places = [OWN[key] for key in [("base", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1), ("b", 2)]]
    np.testing.assert_allclose(pdist(points[["pc1", "pc2"]]), pdist(places), atol=1e-9)
    every = paths_mds(distance_table(OWN | {("a", 0): (1, 1)}), 6).points  # nobody starts at the base
    assert every[["series", "step"]].values.tolist() == [[s, k] for s in "ab" for k in range(3)]


def test_the_base_does_not_stand_in_for_a_step_0_without_a_place():
    rows = distance_table(OWN)
    lost = ((rows["series_a"] == "b") & (rows["step_a"] == 0)) | ((rows["series_b"] == "b") & (rows["step_b"] == 0))
    paths = paths_mds(rows.assign(value=rows["value"].mask(lost)), 6)
    assert paths.left_out == (("b", 0),)
    assert paths.points[["series", "step"]].values.tolist() == [["a", 0], ["a", 1], ["a", 2], ["b", 1], ["b", 2]]


def test_points_of_a_plane_are_found_from_their_distances():
    paths = paths_mds(distance_table(), 6)
    assert sum(paths.explained) == pytest.approx(1)
    assert paths.unit == 1
    assert paths.points[["series", "step"]].values.tolist() == [
        ["a", 0],
        ["a", 1],
        ["a", 2],
        ["b", 0],
        ["b", 1],
        ["b", 2],
    ]
    places = paths.points.drop(index=3)[["pc1", "pc2"]]
    np.testing.assert_allclose(pdist(places), pdist([(0, 0), (3, 0), (5, 1), (0, 4), (-1, 7)]), atol=1e-9)
    np.testing.assert_allclose(paths.points.loc[[0, 3], ["pc1", "pc2"]], 0, atol=1e-9)


def test_distances_that_fit_no_plane_say_so():
    """Four checkpoints equally far apart fill three dimensions evenly."""
    simplex = dict(zip([("base", 0), ("a", 1), ("a", 2), ("a", 3)], np.eye(4), strict=True))
    np.testing.assert_allclose(paths_mds(distance_table(simplex), 6).explained, [1 / 3, 1 / 3])


def test_checkpoints_without_distances_are_left_out():
    rows = distance_table()
    rows.loc[(rows["series_a"] == "b") & (rows["step_a"] == 1), "value"] = np.nan
    rows.loc[(rows["series_b"] == "b") & (rows["step_b"] == 1), "value"] = np.nan
    paths = paths_mds(rows, 6)
    assert paths.left_out == (("b", 1),)
    places = paths.points.set_index(["series", "step"])
    assert np.linalg.norm(places.loc[("a", 1)] - places.loc[("b", 2)]) == pytest.approx(np.hypot(4, 7))


def test_one_distance_that_is_missing_costs_one_checkpoint():
    rows = distance_table()
    lost = (rows["series_a"] == "a") & (rows["step_a"] == 1) & (rows["series_b"] == "b") & (rows["step_b"] == 2)
    assert lost.sum() == 1
    paths = paths_mds(rows.assign(value=rows["value"].mask(lost)), 6)
    assert len(paths.left_out) == 1
    assert set(paths.left_out) < {("a", 1), ("b", 2)}
    assert np.isfinite(paths.points[["pc1", "pc2"]]).all(axis=None)


def test_other_settings_are_asked_for_in_words():
    with pytest.raises(Fault, match="layer 6, H0, order inf, norm 2, median"):
        paths_mds(distance_table(), 6, degree=0, order=float("inf"), scale="median")


def test_the_settings_are_kept_apart():
    both = pd.concat(
        [distance_table(), distance_table({k: np.multiply(2, v) for k, v in PLACES.items()}, scale="median")]
    )
    raw, median = (paths_mds(both, 6, scale=scale).points[["pc1", "pc2"]] for scale in ("raw", "median"))
    np.testing.assert_allclose(2 * raw, median, atol=1e-9)


# --- objectives by step --------------------------------------------------------------------------


def test_objectives_by_summaries_on_common_steps_only():
    found = standardise(table(TWO), 6)
    floors = split_half_floor(found)
    result = objective_distance(found, floors, "helpful", "harmless")
    assert result["step"].tolist() == [0, 2, 4]
    for row in result.itertuples():
        assert row.value == pytest.approx(
            summary_distance(found, ("helpful", row.step), ("harmless", row.step)), abs=1e-12
        )
        pair = floors.loc[[("helpful", row.step), ("harmless", row.step)]]
        assert (row.floor, row.floor_q95) == (pair["median"].max(), pair["q95"].max())
    assert result["value"].is_monotonic_increasing
    assert objective_distance(found, floors, "helpful", "nobody").empty


def test_objectives_by_wasserstein_with_their_floors():
    floors = pd.DataFrame(
        [
            {"series": series, "step": step, "subsample": k, "value": value + k} | KEY
            for (series, step), value in {("a", 1): 10.0, ("b", 1): 20.0, ("a", 2): 30.0}.items()
            for k in range(3)
        ]
    )
    noise = distance_table(degree=0).assign(value=99.0)
    result = objective_wasserstein(pd.concat([noise, distance_table()]), floors, "a", "b", **KEY)
    assert result["step"].tolist() == [1, 2]
    np.testing.assert_allclose(result["value"], [5, np.hypot(6, 6)])
    np.testing.assert_allclose(result["floor"], [16, 31])
    np.testing.assert_allclose(result["floor_q10"], [10.5, 30.2])
    np.testing.assert_allclose(result["floor_q90"], [21.5, 31.8])
    pd.testing.assert_frame_equal(result, objective_wasserstein(distance_table(), floors, "b", "a", **KEY))


def test_wasserstein_without_floors_or_pairs():
    none = pd.DataFrame(columns=["series", "step", "subsample", *KEY, "value"])
    result = objective_wasserstein(distance_table(), none, "a", "b", **KEY)
    assert result["floor"].isna().all()
    assert len(result) == 2
    assert objective_wasserstein(distance_table(), none, "a", "c", **KEY).empty


def test_wasserstein_at_a_step_0_of_its_own():
    none = pd.DataFrame(columns=["series", "step", "subsample", *KEY, "value"])
    for a, b in (("a", "b"), ("b", "a")):
        one = objective_wasserstein(distance_table(OWN), none, a, b, **KEY)  # a starts at the base
        assert one["step"].tolist() == [0, 1, 2]
        np.testing.assert_allclose(one["value"], [np.hypot(2, 2), 5, np.hypot(6, 6)])
        two = objective_wasserstein(distance_table(OWN | {("a", 0): (2, 3)}), none, a, b, **KEY)
        assert two["step"].tolist() == [0, 1, 2]
        np.testing.assert_allclose(two["value"], [1, 5, np.hypot(6, 6)])
    assert objective_wasserstein(distance_table(OWN), none, "b", "c", **KEY).empty
