"""The clouds of chosen prompts, a point per token: planted shapes with known answers, and those of a study."""

import numpy as np
import pandas as pd
import pytest

from phcore.archive.store import Store
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.pipeline.plan import plan
from phcore.stages import token_bars, token_clouds, token_shapes
from phcore.stages.registry import files, results
from phcore.stages.registry.places import labelled, places
from phcore.stages.registry.result import CELL, TOKEN_CELL
from phcore.study.resolve import resolve
from tests import studies

SQUARE = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 3.0], [0.0, 3.0]])


def shapes(clouds, metric="euclidean"):
    """Rows of the table by prompt."""
    bars = token_bars.decode(token_bars.compute(clouds, metric, "redzed"))
    rows = token_shapes.compute(clouds, bars, metric).to_pylist()
    return {row["prompt"]: row for row in rows}


def turned(points, width=24, seed=0):
    """The points in a space of `width` dimensions, turned and moved."""
    rng = np.random.default_rng(seed)
    frame = np.linalg.qr(rng.normal(size=(width, width)))[0][: points.shape[1]]
    return points @ frame + rng.normal(size=width)


def torus(n, rng):
    a, b = rng.uniform(0, 2 * np.pi, (2, n))
    return np.column_stack([np.cos(a), np.sin(a), np.cos(b), np.sin(b)])


# --- planted shapes -------------------------------------------------------------------------------


def test_a_square_by_hand():
    row = shapes({4: SQUARE})[4]
    assert (row["tokens"], row["n_distinct"], row["h1_count"]) == (4, 4, 1)
    assert row["h0_total"] == pytest.approx(9)  # three edges of length 3
    assert row["h1_total"] == pytest.approx(3 * np.sqrt(2) - 3)  # from the side to the diagonal
    assert row["median_distance"] == pytest.approx(3)
    assert np.isnan(row["two_nn"])  # both neighbours of a corner are equally near


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_gaussians_have_their_dimension(dimension):
    rng = np.random.default_rng(dimension)
    found = shapes({k: turned(rng.normal(size=(400, dimension)), seed=k) for k in range(8)})
    assert np.mean([row["two_nn"] for row in found.values()]) == pytest.approx(dimension, rel=0.08)


def test_a_circle_has_one_long_loop_and_a_torus_two_dimensions():
    rng = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False) + rng.uniform(-0.02, 0.02, 40)
    circle = turned(np.column_stack([np.cos(angles), np.sin(angles)]))
    found = shapes({0: circle, 1: turned(torus(500, rng))})
    assert found[0]["h1_count"] == 1
    assert found[0]["h1_total"] == pytest.approx(np.sqrt(3), abs=0.25)  # dies when a triangle spans the circle
    assert found[1]["two_nn"] == pytest.approx(2, rel=0.15)
    assert found[1]["h1_count"] > 2  # the two loops of the torus, and short ones of sampling


def test_a_token_that_comes_twice_counts_once():
    rng = np.random.default_rng(2)
    cloud = turned(rng.normal(size=(60, 3)))
    once, twice = shapes({0: cloud, 1: np.vstack([cloud, cloud[:25]])}).values()
    assert (twice["tokens"], twice["n_distinct"]) == (85, 60)
    for name in ("h0_total", "h1_total", "h1_count", "two_nn"):
        assert twice[name] == pytest.approx(once[name]), name


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_tokens_have_no_dimension(n):
    row = shapes({0: SQUARE[:n]})[0]
    assert row["tokens"] == n
    assert np.isnan(row["two_nn"])
    assert np.isnan(row["h0_total"]) == (n == 1)


def test_all_tokens_in_one_place():
    row = shapes({0: np.ones((5, 3))})[0]
    assert (row["n_distinct"], row["h0_total"], row["h1_total"], row["median_distance"]) == (1, 0, 0, 0)
    assert np.isnan(row["two_nn"])


@pytest.mark.parametrize(("value", "metric"), [(np.nan, "euclidean"), (0.0, "cosine")])
def test_a_cloud_without_distances_is_marked_and_the_next_is_measured(value, metric):
    bad = SQUARE + 1
    bad[2] = value
    found = shapes({0: bad, 1: SQUARE + 1}, metric)
    assert np.isnan([found[0][name] for name in token_shapes.NUMBERS]).all()
    assert found[0]["tokens"] == 4
    assert found[1]["h0_total"] > 0


def test_the_far_first_token_would_be_one_long_bar():
    """Why it is left out: its bar is nearly all persistence there is, and says nothing of the others."""
    cloud = np.random.default_rng(3).normal(size=(20, 8))
    far = np.vstack([cloud, 170 * np.ones(8) / np.sqrt(8) * np.linalg.norm(cloud, axis=1).mean()])
    row, other = shapes({0: cloud, 1: far}).values()
    assert other["h0_total"] > 5 * row["h0_total"]
    assert other["h1_total"] == pytest.approx(row["h1_total"])


# --- in the archive ---------------------------------------------------------------------------------


def test_clouds_survive_the_archive_bit_for_bit(tmp_path):
    store, rng = Store(tmp_path), np.random.default_rng(1)
    clouds = {number: rng.normal(size=(k, 5)).astype(np.float32) for number, k in ((2, 3), (7, 1), (9, 0))}
    part = {4: {number: (6 + number, cloud) for number, cloud in clouds.items()}}
    store.write("token_clouds", "c", token_clouds.compute(part, layer=4))
    found = token_clouds.decode(store.read("token_clouds", "c"))
    assert list(found) == [2, 7]  # a prompt without tokens has no row
    for number, cloud in found.items():
        np.testing.assert_array_equal(cloud, clouds[number])
    assert store.read("token_clouds", "c")["position"].to_pylist() == [8, 9, 10, 13]


def test_bars_survive_the_archive():
    table = token_bars.compute({5: SQUARE, 2: SQUARE[:1]}, "euclidean", "redzed")
    found = token_bars.decode(table)
    assert list(found) == [5]
    np.testing.assert_allclose(found[5][1], [[3, 3 * np.sqrt(2)]])
    assert found[5][0].shape == (3, 2)


def test_prompts_have_the_categories_of_their_numbers_and_others_none():
    rows = pd.DataFrame({"prompt": [7, 0, 3], "tokens": [1, 2, 3]})
    named = token_shapes.by_prompt(rows, {0: "a", 7: "b", 1: "c"})
    assert named["category"].tolist() == ["b", "a", ""]
    assert "category" not in token_shapes.by_prompt(rows.head(0), {})


# --- in a study -------------------------------------------------------------------------------------


def test_a_study_measures_every_checkpoint_and_layer(computed):
    study = Results.open("tiny", computed[1])
    table = study.table("token_shapes")
    record = study.record
    cells = {label for label, _ in labelled(record, CELL)}
    for number in record.study.tokens:
        own = table[table["prompt"] == number]
        assert set(own[["series", "step", "layer"]].itertuples(index=False, name=None)) == cells
        assert own["tokens"].nunique() == 1
    # Numbers of prompts are those of the probe set: 0 and 7 are of different categories, and of these lengths.
    lengths = files.read(record, study.store, "prompt_lengths", next(places(record, "checkpoint")))
    assert table.groupby("prompt")["category"].first().to_dict() == {0: "a", 7: "b"}
    # A token across the border of template and prompt counts to the prompt.
    counted = table.groupby("prompt")["tokens"].first()
    assert all(abs(counted[number] - lengths[number]) <= 1 for number in (0, 7))
    bars = study.table("token_bars")
    totals = bars.assign(length=bars["death"] - bars["birth"]).groupby(["series", "step", "layer", "prompt", "degree"])
    whole = totals["length"].sum().rename("total").reset_index()
    for degree, name in enumerate(("h0_total", "h1_total")):
        both = table.merge(whole[whole["degree"] == degree], "left", on=["series", "step", "layer", "prompt"])
        np.testing.assert_allclose(both["total"].fillna(0), both[name])


def test_the_last_token_is_the_prompts_row_without_a_template(computed, llama, tmp_path):
    """Raw text ends in the prompt's own last token: one point is in both clouds."""
    store = Store(tmp_path / "cache")
    study = studies.build_few(tmp_path, llama, "helpful", chat=False, tokens=(3,))
    record, _ = studies.compute(study, store)
    for place in places(record, TOKEN_CELL):
        own = files.read(record, store, "token_clouds", place)[3]
        np.testing.assert_array_equal(own[-1], files.read(record, store, "clouds", place)[3])


def test_a_study_that_names_no_prompt_has_no_such_file(computed, llama, tmp_path):
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    record = resolve(study.with_(tokens=()), store, keep=False)
    assert not list(places(record, TOKEN_CELL))
    assert plan(record, store).empty
    assert record.digest != resolve(study, store, keep=False).digest
    for name in ("token_shapes", "token_bars"):
        assert Results(record, store).table(name).empty
    of_tokens = {one.name for one in results().values() if one.per == TOKEN_CELL}
    assert of_tokens == {"token_clouds", "token_bars", "token_shapes"}


def test_a_prompt_that_there_is_not_is_named(llama, tmp_path):
    study = studies.build_few(tmp_path, llama, "helpful", tokens=(3, 40))
    with pytest.raises(Fault, match=r"tokens names prompt 40, and the probe set has 40.*from 0 to 39"):
        resolve(study, Store(tmp_path / "cache"))
