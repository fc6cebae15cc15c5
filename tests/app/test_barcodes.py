"""The Barcodes page, headless: bars lead to prompts, and all that is said agrees with what is in the archive."""

import base64
import json
import re

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pages.parts import data
from phcore import Study
from phcore.formatting import count, three
from phcore.stages.registry import Place, keys_of
from phcore.study import kept
from phcore.topology import complexes
from tests import studies
from tests.app.conftest import ROOT, charts, component, picture, run, told, unfold, words

SHIPPED = "smollm2-135m-instruct"
CELL = {"b_series": "harmless", "b_step": 8, "b_layer": 18}  # a cell of the shipped study whose cloud is at hand


def texts(app) -> str:
    """The prompts that are listed beside the map, each behind its mark."""
    return "\n".join(f"{mark} {text}" for part in picture(app)["said"] for mark, text, _ in part["prompts"])


def floats(packed: str, kind=np.float64) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed), kind)


def archived(series="harmless", step=8, layer=18, subsample=0) -> list[np.ndarray]:
    bars = Study.open(SHIPPED, ROOT / "cache").bars(series, step, layer)
    bars = bars[bars["subsample"] == subsample]
    return [bars.loc[bars["degree"] == degree, ["birth", "death"]].to_numpy() for degree in (0, 1)]


# --- bars and prompts -------------------------------------------------------------------------------


def test_the_longest_loop_is_selected_with_its_prompts(start):
    app = start(ROOT / "cache", "barcodes", **CELL)
    (_, loops), said = archived(), told(app)
    birth, death = loops[np.argmax(loops[:, 1] - loops[:, 0])]
    assert app.selectbox(key="b_bar").value == picture(app)["bar"] == "H1 loop 1"
    assert f"appears at {three(birth)} and is filled at {three(death)}" in said
    number = int(re.search(r"A cycle of (\d+) prompts", said).group(1))
    assert len(picture(app)["held"]["cycle"]) == number >= 4
    listed, prompts = texts(app), Study.open(SHIPPED, ROOT / "cache").prompts["text"]
    assert sum(f"{k} " in listed for k in range(1, number + 1)) == number
    assert sum(text[:25] in listed for text in prompts) >= number


def test_a_merge_names_both_groups(start):
    app = start(ROOT / "cache", "barcodes", **CELL, b_bar="H0 merge 1")
    said, (components, _) = told(app), archived()
    assert f"merges into another one at {three(components[:, 1].max())}" in said
    groups = [int(one) for one in re.findall(r"Group [AB], (\d+) prompt", said)]
    assert len(groups) == 2
    assert sum(groups) == 160  # the last merge joins all there is
    held = picture(app)["held"]
    assert sorted([len(held["first"]), len(held["second"])]) == sorted(groups)
    assert (held["edge"][held["names"].index("A")] in held["first"]) == (len(held["first"]) <= len(held["second"]))


def test_the_bar_that_never_ends(start):
    app = start(ROOT / "cache", "barcodes", **CELL, b_bar="H0 endless")
    assert "never ends" in told(app)
    assert "everyday" in told(app)


@pytest.mark.parametrize("bar", ["H1 loop 1", "H1 loop 40", "H0 merge 12"])
def test_the_page_opens_where_the_selected_bar_is_alive(start, bar):
    app = start(ROOT / "cache", "barcodes", **CELL, b_bar=bar)
    degree, rank = int(bar[1]), int(bar.split()[2])
    bars = archived()[degree]
    birth, death = bars[np.argsort(-(bars[:, 1] - bars[:, 0]), kind="stable")[rank - 1]]
    assert birth <= picture(app)["at"] == app.slider(key="b_at").value < death


def test_the_browser_has_all_bars_lines_and_places_of_the_cell(start):
    app = start(ROOT / "cache", "barcodes", **CELL)
    scene, bars = component(app, "cell_scene"), archived()
    own = scene["frames"][scene["here"]]
    assert own["step"] == 8
    for degree in (0, 1):  # computed here, by a processor that may round in its own way
        np.testing.assert_allclose(floats(own[f"h{degree}"]).reshape(-1, 2), bars[degree], rtol=1e-9)
    assert len(floats(own["points"], np.int16)) == 2 * 160 == 2 * len(scene["texts"])
    lengths = floats(scene["own"]["lengths"], np.float32)
    assert (np.diff(lengths) >= 0).all()
    for at in (30.0, 40.0):  # what is joined at a distance leaves as many pieces as the bars say
        joined = floats(scene["own"]["edges"], np.uint16).reshape(-1, 2)[lengths <= np.float32(at)]
        graph = coo_array((np.ones(len(joined)), joined.T), shape=(160, 160))
        assert connected_components(graph, directed=False)[0] == complexes.betti(bars, at)[0]


def test_all_steps_of_the_series_are_sent_with_their_bars(start):
    scene = component(start(ROOT / "cache", "barcodes", **CELL), "cell_scene")
    study = Study.open(SHIPPED, ROOT / "cache")
    steps = [node.step for node in study.record.path_of("harmless")]
    assert [one["step"] for one in scene["frames"]] == steps
    assert all("points" in one and "h1" in one and "edges" in one for one in scene["frames"])
    for step in (0, 64, 128):
        frame = scene["frames"][steps.index(step)]
        assert (floats(frame["h1"]).reshape(-1, 2) == archived(step=step)[1]).all()


def test_what_a_click_changes_is_sent_without_the_scene(start):
    app = start(ROOT / "cache", "barcodes", **CELL)
    before = component(app, "cell_scene")
    app.selectbox(key="b_bar").set_value("H1 loop 5")
    app.text_input(key="b_marked").set_value("3,7")
    assert component(run(app), "cell_scene") == before
    assert picture(app)["bar"] == "H1 loop 5"
    assert len(json.dumps(picture(app))) < 20_000


def test_another_checkpoint_changes_bars_and_words_together(start):
    app = start(ROOT / "cache", "barcodes", **CELL)
    app.select_slider(key="b_step").set_value(1)
    said, (_, loops) = told(run(app)), archived(step=1)
    birth, death = loops[np.argmax(loops[:, 1] - loops[:, 0])]
    assert f"{count(len(loops), 'loop')}, the longest from {three(birth)} to {three(death)}" in said
    assert f"appears at {three(birth)} and is filled at {three(death)}" in said


def test_ripsers_cocycle_is_a_second_view(start):
    app = start(ROOT / "cache", "barcodes", **CELL)
    app.toggle(key="b_cut").set_value(True)
    assert "a cut across the loop" in told(run(app))
    assert picture(app)["held"]["cut"]


@pytest.mark.parametrize(("layer", "lines"), [(12, False), (18, True)])
def test_no_layer_is_blank_without_hidden_states(start, layer, lines):
    app = start(ROOT / "cache", "barcodes", b_layer=layer, b_step=24)
    scene = component(app, "cell_scene")
    own = scene["frames"][scene["here"]]
    assert "own" not in scene
    assert len(floats(own["points"], np.int16)) == 2 * 160
    assert ("edges" in own) == lines
    assert ("Points only" in words(app)) != lines
    assert "hidden states, which are not in the archive" in told(app)
    assert "layer 18" in told(app)
    assert picture(app)["noise"].startswith("Nothing is pale")
    assert scene["noise"] is None


def test_bars_longer_than_those_of_gaussian_clouds_stand_out(start):
    app = start(ROOT / "cache", "barcodes", **CELL)
    scene, (_, loops) = component(app, "cell_scene"), archived()
    number = int((loops[:, 1] - loops[:, 0] > scene["noise"][1]).sum())
    assert f"{number} of {count(len(loops), 'loop')}" in picture(app)["noise"]
    assert 0 < number < len(loops) / 4
    app.selectbox(key="b_scale").set_value("median")  # the rule is the same at either scale
    assert f"{number} of {count(len(loops), 'loop')}" in picture(run(app))["noise"]


# --- live -------------------------------------------------------------------------------------------


def test_what_is_live_and_what_is_from_the_archive_is_said(start):
    app = start(ROOT / "cache", "barcodes", **CELL)
    assert "From the archive" in words(app)
    app.selectbox(key="b_metric").set_value("cosine")
    app.select_slider(key="b_points").set_value(60)
    app.select_slider(key="b_dim").set_value(10)
    said = words(run(app))
    assert "60 of 320 prompts, from subsample 0, cosine, 10 principal components" in said
    assert "From the archive" not in said
    next(one for one in app.button if one.label.startswith("Back to the archive")).click()
    assert "From the archive" in words(run(app))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("b_cat", ["careful"], "prompts, from subsample 0"),
        ("b_text", "friend", "prompts, from subsample 0"),
        ("b_text", "no prompt says this", "No prompts left to look at"),
    ],
)
def test_filters(start, key, value, said):
    app = start(ROOT / "cache", "barcodes", **CELL)
    widget = app.multiselect(key=key) if key == "b_cat" else app.text_input(key=key)
    widget.set_value(value)
    assert said in words(run(app))
    assert "From the archive" not in words(app)


@pytest.mark.parametrize(
    ("key", "value", "frames"), [("b_sub", "whole cloud", 24), ("b_scale", "median", 24), ("b_map", "MDS", 1)]
)
def test_every_other_look_draws(start, key, value, frames):
    app = start(ROOT / "cache", "barcodes", **CELL)
    app.selectbox(key=key).set_value(value)
    scene = component(run(app), "cell_scene")
    assert len(scene["frames"]) == frames
    assert "own" in scene


def test_what_is_folded_is_made_when_it_is_opened(start):
    app = start(ROOT / "cache", "barcodes", **CELL)
    assert charts(app) == 0
    for number, key in enumerate(("fold-b-tree", "fold-b-diagram"), 1):
        app.session_state[key] = True
        assert charts(run(app)) == number
    assert "Single linkage" in words(app)


def test_a_distance_from_elsewhere_never_breaks_the_slider(start):
    """The distance outlives its slider; another layer, scale or metric has another axis."""
    app = start(ROOT / "cache", "barcodes", **CELL, b_at=60)
    for key, value in (("b_layer", 6), ("b_scale", "median"), ("b_metric", "cosine")):
        app.selectbox(key="b_view").set_value("What changed")
        run(app)
        app.selectbox(key=key).set_value(value)
        run(app)
        app.selectbox(key="b_view").set_value("Barcode and diagram")
        slider = run(app).slider(key="b_at")
        assert 0 < slider.value < slider.max
        app.selectbox(key="b_layer").set_value(18)
        run(app)


@pytest.mark.parametrize("at", ["banana", -5, 1e9, "nan"])
def test_a_distance_that_cannot_be_falls_back(start, at):
    app = start(ROOT / "cache", "barcodes", **CELL, b_at=at)
    assert 0 < app.slider(key="b_at").value < app.slider(key="b_at").max


def test_another_view_offers_what_the_archive_has(start):
    app = start(ROOT / "cache", "barcodes", **CELL, b_view="Landscape", b_sub=40)
    assert "has no bars of subsample 40 here" in words(app)
    assert "whole cloud" not in app.selectbox(key="b_sub").options
    assert not [one for one in app.select_slider if one.key == "b_points"]


def test_a_study_that_is_being_computed_opens_on_what_is_finished(start, computed, monkeypatch):
    about = data.about
    monkeypatch.setattr(data, "about", lambda study, series, step, layer: (
        None if step > 1 else about(study, series, step, layer)))  # fmt: skip
    app = start(computed[1], "barcodes", study="tiny")
    assert app.select_slider(key="b_step").value == 1


# --- the tour ---------------------------------------------------------------------------------------


def test_the_tour_goes_through_five_steps_and_can_be_left(start):
    app = start(ROOT / "cache", "barcodes")
    app.button(key="tour-start").click()
    said, places = [told(run(app))], [picture(app)["at"]]
    for _ in range(4):
        app.button(key="tour-next").click()
        said.append(told(run(app)))
        places.append(picture(app)["at"])
    assert [f"{k} of 5" in one for k, one in enumerate(said, 1)] == [True] * 5
    assert places[0] == 0 < places[1]
    assert "A component that merges" in said[1]
    assert "A loop that appears" in said[2]
    app.button(key="tour-back").click()
    assert "4 of 5" in words(run(app))
    app.button(key="tour-close").click()
    assert "4 of 5" not in words(run(app))
    assert app.select_slider(key="b_points").value == "all"


def test_the_tour_gives_back_what_was_looked_at(start):
    app = start(ROOT / "cache", "barcodes", **CELL, b_dim=5, b_points=60, b_fixed="false", b_bar="H0 merge 2")
    before = told(app)
    app.button(key="tour-start").click()
    assert "40 of 320 prompts, from the whole cloud, euclidean" in words(run(app))
    for _ in range(3):
        app.button(key="tour-next").click()
        run(app)
    app.button(key="tour-close").click()
    after = told(run(app))
    assert "60 of 320 prompts, from subsample 0, euclidean, 5 principal components" in after
    assert re.search("merges into another one at .*", before)[0] == re.search("merges into another one at .*", after)[0]


# --- what changed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("degree", "words_"), [(1, "H1 loops"), (0, "H0 components")])
@pytest.mark.parametrize("order", [1, 2])
def test_the_matched_distance_is_the_velocity_of_the_archive(start, computed, degree, words_, order):
    app = start(computed[1], "barcodes", study="tiny", b_view="What changed", b_series="helpful", b_step=4, b_layer=1,
                b_sub=2, c_degree=words_, c_order=order)  # fmt: skip
    velocities = Study.open("tiny", computed[1]).table("velocities", series="helpful", step=4, layer=1, subsample=2)
    row = velocities[(velocities["degree"] == degree) & (velocities["order"] == order) & (velocities["scale"] == "raw")]
    assert f"(W{order}, ground norm 2): {three(row['value'].iloc[0])} (distance)" in words(app)
    assert "from helpful, step 2 to helpful, step 4" in words(app)


def test_prompts_before_and_after(start):
    app = start(ROOT / "cache", "barcodes", **CELL, b_view="What changed")
    assert charts(app) == 3
    assert words(app).count("The cycle, ") == 2
    assert "matched by their births and deaths alone" in words(app)


def test_a_checkpoint_without_hidden_states_is_stepped_over_in_words(start):
    app = start(ROOT / "cache", "barcodes", b_view="What changed", b_series="helpful", b_step=128)
    assert app.selectbox(key="c_from").value == "the latest before with hidden states"
    assert "from helpful, step 8 to helpful, step 128" in words(app)
    app.selectbox(key="c_from").set_value("the previous checkpoint")
    told = words(run(app))
    assert "from helpful, step 120 to helpful, step 128" in told
    assert "hidden states of both cells are needed" in told


def test_a_checkpoint_does_not_differ_from_itself(start, computed):
    query = {"study": "tiny", "b_view": "What changed", "b_series": "helpful", "b_step": 4, "b_layer": 1}
    app = start(computed[1], "barcodes", **query, c_from="full, step 2")
    assert "helpful, step 4" not in app.selectbox(key="c_from").options
    app.select_slider(key="b_step").set_value(0)
    assert "Wasserstein distance" in words(run(app))


def test_without_loops_there_is_nothing_to_match(start):
    app = start(ROOT / "cache", "barcodes", **CELL, b_view="What changed", b_text="museum")  # two prompts
    assert "Neither has a loop in these prompts" in words(app)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"b_step": 0}, "Step 0 has no earlier checkpoint"),
        ({"b_sub": "all"}, "matched within one subsample"),
        ({"b_layer": 0}, "same hidden state"),
    ],
)
def test_what_cannot_be_compared_is_said(start, computed, query, said):
    assert said in words(start(computed[1], "barcodes", study="tiny", b_view="What changed", **query))


MOVED = {"study": "tiny", "b_view": "What changed", "b_series": "helpful", "b_step": 4, "b_layer": 1}


def test_the_prompts_that_moved_the_subsample_shown_are_there_at_once(start, computed):
    app = start(computed[1], "barcodes", **MOVED, b_sub=2)
    assert re.search("most influential prompt|No single prompt", words(app))
    table = next(one.value for one in unfold(app).dataframe if "lost" in one.value)
    sets = Study.open("tiny", computed[1]).table("subsamples", subsample=2)
    assert set(table["prompt"]) == set(sets["prompt"])
    velocities = Study.open("tiny", computed[1]).table("velocities", series="helpful", step=4, layer=1, subsample=2)
    row = velocities[(velocities["degree"] == 1) & (velocities["order"] == 2) & (velocities["scale"] == "raw")]
    assert table["distance"].iloc[0] == pytest.approx(row["value"].iloc[0])  # what is left out of is what is shown


def test_the_prompts_that_moved_the_topology_are_ranked(start, computed):
    app = start(computed[1], "barcodes", **MOVED)
    app.select_slider(key="c_subsamples").set_value(6)
    assert "Not measured yet" in words(run(app))
    app.button(key="c_measure").click()
    assert re.search("most influential prompt|No single prompt", words(run(app)))
    table = next(one.value for one in unfold(app).dataframe if "lost" in one.value)
    assert table["lost"].is_monotonic_decreasing
    sets = Study.open("tiny", computed[1]).table("subsamples")
    assert len(table) == sets["prompt"].nunique()
    assert table["subsamples"].sum() == 20 * 6  # every prompt of every subsample was left out once


def test_what_the_model_would_say_stands_beside_a_prompt(start, computed):
    bodies = [one.proto.body for one in start(computed[1], "barcodes", **MOVED).get("html")]
    said = "\n".join(one for one in bodies if 'class="prompts wide"' in one)
    assert len(re.findall(r"<em>helpful, step [24]:</em>", said)) == 2 * 5
    shares = [int(one) for one in re.findall(r"</q> (\d+) %", said)]
    assert len(shares) == 2 * 5 * 4
    assert shares[:4] == sorted(shares[:4], reverse=True)


def test_what_the_model_answers_stands_side_by_side(start, computed):
    app = start(computed[1], "barcodes", **MOVED)
    assert "What does it answer?" in words(app)
    (told,) = (one.proto.body for one in app.get("html") if 'class="prompts answers"' in one.proto.body)
    assert len(re.findall(r"<em>helpful, step [24]:</em>", told)) == 2 * 2


def test_without_next_tokens_one_line_says_so(start):
    said = words(start(ROOT / "cache", "barcodes", **CELL | {"b_step": 128}, b_view="What changed"))
    assert said.count("What the model would say next is not in the archive") == 1


# --- one cell, two cells ----------------------------------------------------------------------------


def test_a_cell_from_a_link(start, computed):
    app = start(computed[1], "barcodes", study="tiny", b_series="harmless", b_step=1, b_layer=2, b_sub="all")
    assert app.selectbox(key="b_series").value == "harmless"
    assert app.select_slider(key="b_step").value == 1
    assert app.selectbox(key="b_layer").value == 2
    assert app.selectbox(key="b_sub").value == "all"
    assert charts(app) == 1


def test_a_wrong_link_falls_back(start, computed):
    app = start(computed[1], "barcodes", study="gone", b_series="nobody", b_step=77, b_layer="x")
    assert app.selectbox(key="b_series").value == "helpful"
    assert component(app, "cell_scene")["frames"]


def test_a_degenerate_cell_is_said_in_words(start, computed):
    app = start(computed[1], "barcodes", study="tiny", b_layer=0)
    assert "same hidden state" in words(app)
    assert charts(app) == 0


@pytest.mark.parametrize("view", ["Persistence image", "Landscape"])
def test_further_views(start, computed, view):
    app = start(computed[1], "barcodes", study="tiny")
    app.selectbox(key="b_view").set_value(view)
    assert charts(run(app)) == 1


def test_two_cells_side_by_side(start, computed):
    app = start(computed[1], "barcodes", study="tiny")
    app.toggle(key="b_two").set_value(True)
    run(app)
    assert charts(app) == 2
    assert app.selectbox(key="b2_series").value == "harmless"


def test_axes_that_are_not_fixed_say_so(start, computed):
    app = start(computed[1], "barcodes", study="tiny")
    app.toggle(key="b_fixed").set_value(False)
    assert "fitted to this cell" in words(run(app))


def test_capped_bars_say_how_many(start, computed):
    app = start(computed[1], "barcodes", study="tiny", b_sub="all")
    app.number_input(key="b_cap").set_value(50)
    assert "Showing" in words(run(app))


def test_a_study_that_is_being_computed_opens_on_its_first_finished_step(start, computed, tmp_path):
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    record = kept.read(store, "tiny")
    _, first, *rest = record.path_of("helpful")
    for node in rest:
        for layer in record.layers:
            store.path("cells", keys_of(record).of("cells", Place((node,), layer))).unlink()
    studies.remove(studies.table_files(store, "cells"))
    app = start(store.root, "barcodes", study="tiny")
    assert app.select_slider(key="b_step").value == first.step == 1
    assert "has not been computed yet" not in words(app)
