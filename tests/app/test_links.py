"""Links, headless: what a link asks for is shown, or said not to be there, for every kind of choice."""

import re

import pytest
import streamlit as st

from pages.parts import bound, controls, links, web
from pages.parts.bound import Bound
from phcore.errors import Fault
from phcore.study import saved_views
from phcore.study.saved_views import View
from tests import studies
from tests.app.conftest import ROOT, charts, moving, run, told, words

# Pages and sections of the app, with all that a link can choose there.
SCENES = [
    ("study", {}),
    ("barcodes", {}),
    ("barcodes", {"b_two": "true"}),
    ("barcodes", {"b_view": "What changed", "b_series": "harmless", "b_step": 8, "b_layer": 18, "b_sub": "0"}),
    ("barcodes", {"b_two": "true", "b_held": "H1 loop 2", "b2_series": "mixed", "b2_held": "H0 merge 4"}),
    ("barcodes", {"b_view": "What changed", "c_from": "the base model", "c_degree": "H1 loops", "b_sub": "1"}),
    ("barcodes", {"b_view": "Landscape"}),
    ("trajectories", {}),
    ("trajectories", {"t_way": "two features"}),
    ("compare", {}),
    ("share", {}),
    ("share", {"s_part": "Figures and tables"}),
    *(("evidence", {"e_section": name}) for name in (
        "More than noise?", "Early?", "Apart?", "More than geometry?", "Before behaviour?", "Robust?", "Other models?"
    )),
]  # fmt: skip


@pytest.fixture
def state(monkeypatch):
    """The bound widgets that a page has drawn, and the whole link to it, as of the last run."""
    seen = {}
    draw = links.copy_button

    def look():
        seen["drawn"], seen["query"] = bound.drawn(), links.state()
        draw()

    monkeypatch.setattr(links, "copy_button", look)
    return seen


def drawings(app) -> list[bytes]:
    """Every chart as it is sent to a browser: what it is made of, and all its numbers."""
    charts = [one.proto.SerializeToString(deterministic=True) for one in app.get("vega_lite_chart")]
    names = ("cell", "cell_scene", "maps")
    return charts + [one.proto.json for one in app.get("bidi_component") if one.proto.component_name in names]


# --- versions -----------------------------------------------------------------------------------------


def test_a_link_without_a_version_means_what_it_meant():
    old = {"study": ("tiny",), "b_step": ("8",), "b_cat": ("a", "b")}
    assert links.upgrade(old) == old


def test_every_version_is_led_to_this_one_step_by_step(monkeypatch):
    monkeypatch.setattr(links, "VERSION", 2)
    monkeypatch.setattr(links, "UPGRADES", {
        0: lambda query: {("b_layer" if key == "layer" else key): value for key, value in query.items()},
        1: lambda query: query | {"b_layer": tuple(one.removeprefix("L") for one in query["b_layer"])},
    })  # fmt: skip
    assert links.upgrade({"layer": ("L6",)}) == {"b_layer": ("6",)}
    assert links.upgrade({"b_layer": ("L6",), "v": ("1",)}) == {"b_layer": ("6",), "v": ("1",)}
    assert links.upgrade({"b_layer": ("L6",), "v": ("2",)}) == {"b_layer": ("L6",), "v": ("2",)}
    assert links.upgrade({"b_layer": ("L6",), "v": ("7",)}) == {"b_layer": ("L6",), "v": ("7",)}


def test_there_is_a_way_up_from_every_version():
    assert set(links.UPGRADES) == set(range(links.VERSION))


def test_an_upgraded_link_is_what_the_widgets_start_from(start, computed, monkeypatch):
    monkeypatch.setitem(links.UPGRADES, 0, lambda query: {
        ("t_layer" if key == "old_layer" else key): value for key, value in query.items()
    })  # fmt: skip
    app = start(computed[1], "trajectories", study="tiny", old_layer=2)
    assert app.selectbox(key="t_layer").value == 2
    assert not app.warning


@pytest.mark.parametrize(
    ("version", "said"), [(9, "newer version"), ("x", "no number"), ("9" * 5000, "no number"), (1, ""), (0, "")]
)
def test_a_link_of_another_version_opens_as_far_as_it_is_known(start, computed, version, said):
    app = start(computed[1], "trajectories", study="tiny", t_layer=2, v=version)
    assert app.selectbox(key="t_layer").value == 2
    told = "\n".join(one.value for one in app.warning)
    assert said in told
    assert bool(told) == bool(said)


# --- what is not there --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "key", "value", "shown"),
    [
        ("study", "study", "gone", "tiny"),
        ("barcodes", "b_series", "nobody", "helpful"),
        ("barcodes", "b_step", "77", "4"),
        ("barcodes", "b_step", "last", "4"),
        ("barcodes", "b_layer", "99", "1"),
        ("barcodes", "b_layer", "", "1"),
        ("barcodes", "b_view", "Hologram", "Barcode and diagram"),
        ("barcodes", "b_sub", "4000", ""),
        ("barcodes", "b_two", "perhaps", "off"),
        ("barcodes", "b_cap", "7", "400"),
        ("barcodes", "b_cap", "many", "400"),
        ("barcodes", "b_bar", "H1 loop 4000", ""),
        ("barcodes", "b_at", "1e9", ""),
        ("barcodes", "b_at", "far", ""),
        ("barcodes", "b_cat", "nothing", "none"),
        ("barcodes", "b_points", "33", "all"),
        ("trajectories", "t_step", "3", "4"),
        ("trajectories", "t_log", "1.5", "on"),
        ("trajectories", "t_way", "magic", "mean summaries"),
        ("trajectories", "t_third", "moon", "index"),
        ("evidence", "e_section", "Why?", "More than noise?"),
        ("evidence", "e_layer", "-1", "1"),
    ],
)
def test_what_is_not_there_is_said_and_the_default_shown(start, computed, page, key, value, shown):
    app = start(computed[1], page, **({"study": "tiny"} | {key: value}))
    (told,) = (one.value for one in app.warning if "link" in one.value)
    assert f"The link asks for the {controls.parameters()[key]} “{web.plain(value)}”" in told
    assert f"Shown: {web.plain(shown)}" in told
    assert charts(app) + moving(app) > 0 or page == "study"


def test_every_wrong_part_has_its_sentence_and_the_right_ones_hold(start, computed):
    app = start(computed[1], "trajectories", study="tiny", t_layer=99, t_scale="median", t_way="magic", foo=1)
    (told,) = (one.value for one in app.warning)
    assert told.count("The link") == 3
    assert "“foo”" in told
    assert app.selectbox(key="t_scale").value == "median"


def test_a_sentence_stands_until_its_value_changes(start, computed):
    app = start(computed[1], "trajectories", study="tiny", t_layer=99)
    assert len(run(app).warning) == 1
    app.selectbox(key="t_layer").set_value(2)
    assert not run(app).warning
    app.selectbox(key="t_layer").set_value(1)
    assert not run(app).warning


def test_a_choice_of_another_section_is_no_mistake(start, computed):
    app = start(computed[1], "evidence", study="tiny", e_pair="nothing", b_step=3)
    assert not app.warning


def test_prompts_that_cannot_be_chosen_are_said(start):
    cell = {"b_series": "harmless", "b_step": 12, "b_layer": 18}  # its hidden states do not ship
    (told,) = (one.value for one in start(ROOT / "cache", "barcodes", **cell, b_points=60, b_dim="off").warning)
    assert "number of prompts “60”, which needs the hidden states" in told
    assert not start(ROOT / "cache", "barcodes", **cell, b_points="all", b_marked="").warning


def test_strange_words_stay_words(start, computed):
    app = start(computed[1], "trajectories", study="tiny", t_layer="**x** <b>[y](http://z)</b>" + "w" * 5000)
    (told,) = (one.value for one in app.warning)
    assert "\\*\\*x\\*\\* \\<b\\>\\[y\\]\\(http" in told
    assert len(told) < 400


def test_the_same_number_written_otherwise_is_the_same():
    drawn = {"b_at": Bound(("42",), ("51",)), "b_two": Bound(("true",), ("false",)), "b_cat": Bound(("a", "b"), ())}
    assert not links.missed({"b_at": ("42.0",), "b_two": ("TRUE",), "b_cat": ("a", "b")}, drawn, {})
    assert len(links.missed({"b_at": ("42.5",), "b_two": ("1",), "b_cat": ("b",)}, drawn, {})) == 3


# --- the whole state ----------------------------------------------------------------------------------


def every_choice_is_in_its_link(app, state) -> None:
    """Each widget's value stands in the link to the page, under a name that all pages know."""
    known = set(controls.parameters())
    assert set(state["drawn"]) <= known
    assert state["query"]["v"] == (str(links.VERSION),)
    kinds = ("selectbox", "select_slider", "slider", "toggle", "multiselect", "number_input", "text_input",
             "segmented_control")  # fmt: skip
    keys = {one.key for kind in kinds for one in app.get(kind) if one.key}
    # Not of the picture: what plays, what is typed to save a view, and the forms of a study to be set up.
    transient = {"t_play", "view", "view_name", "view_note"}
    # Of a file that is made here, and no reader's business: who wrote it, and what is noted in it.
    transient |= {"s_title", "s_authors"} | {key for key in keys if key.startswith("s_note_")}
    assert keys - transient <= set(state["drawn"])


@pytest.mark.parametrize(("page", "query"), SCENES, ids=str)
def test_every_choice_is_in_a_link_and_the_whole_link_opens_as_it_was_made(start, state, page, query):
    first = start(ROOT / "cache", page, **query)
    every_choice_is_in_its_link(first, state)
    link, told, drawn = state["query"], words(first), drawings(first)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", key) for key in link)
    assert not [one for values in link.values() for one in values if one.startswith(("/", "~")) or str(ROOT) in one]
    second = start(ROOT / "cache", page, **link)
    assert state["query"] == link
    assert not [one for one in second.warning if "link" in one.value]
    assert drawings(second) == drawn
    assert drawn or page in ("study", "compare", "share")
    # The time that a measurement took is not a part of the picture.
    assert re.sub(r"in \d+ ms", "", words(second)) == re.sub(r"in \d+ ms", "", told)


def test_a_link_holds_what_differs_from_the_defaults(start, computed, state):
    start(computed[1], "trajectories", study="tiny", t_layer=2, t_step=1, t_log="false")
    assert state["query"]["t_layer"] == ("2",)
    assert state["query"]["t_step"] == ("1",)
    assert state["query"]["t_log"] == ("false",)
    assert state["drawn"]["t_layer"].default == ("1",)
    assert state["drawn"]["t_log"].default == ("true",)


def test_prompts_and_selected_bars_come_with_a_link(start):
    cell = {"b_series": "harmless", "b_step": 8, "b_layer": 18}
    app = start(ROOT / "cache", "barcodes", **cell, b_marked="2,5,12")
    assert app.text_input(key="b_marked").value == "2,5,12"
    assert "Chosen on the map: 3 prompts" in told(app)
    app = start(ROOT / "cache", "barcodes", **cell, b_two="true", b_held="H1 loop 2", b2_held="H0 endless")
    assert app.selectbox(key="b_held").value == "H1 loop 2"
    assert "Number 2 by persistence among the H1 bars shown" in words(app)
    assert "The bar that never ends" in words(app)


def test_numbers_that_are_no_prompts_are_said(start):
    app = start(ROOT / "cache", "barcodes", b_series="harmless", b_step=8, b_layer=18, b_marked="x, 99999, -3")
    assert "None of the numbers marked is a prompt of this map" in told(app)


# --- present mode -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "on"), [("1", True), ("true", True), ("0", False), ("maybe", False)])
def test_present_mode_has_an_address(start, computed, value, on):
    app = start(computed[1], "trajectories", study="tiny", present=value)
    assert app.session_state["present"] == on
    assert bool([one for one in app.button if one.key == "present-leave"]) == on


def test_present_mode_is_entered_and_left(start, computed):
    app = start(computed[1], "trajectories", study="tiny")
    app.button(key="present-enter").click()
    assert run(app).session_state["present"]
    app.button(key="present-leave").click()
    assert not run(app).session_state["present"]
    assert charts(app) == 6


# --- saved views --------------------------------------------------------------------------------------


def save(app, name, note=""):
    app.text_input(key="view_name").set_value(name)
    app.text_area(key="view_note").set_value(note)
    app.button(key="view_save").click()
    return run(app)


def test_a_view_is_saved_listed_deleted_and_brought_back(start, computed, tmp_path):
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    app = save(start(store.root, "trajectories", study="tiny", t_layer=2), "Deep <b>layer</b>", "Look here")
    (kept,) = saved_views.views("tiny", store)
    assert (kept.name, kept.page, kept.note) == ("Deep <b>layer</b>", "trajectories", "Look here")
    assert "t_layer=2" in kept.query
    assert app.button(key="view_open_0").label == web.plain("Deep <b>layer</b>")
    assert "Look here" in "".join(one.proto.body for one in app.get("html"))
    app.button(key="view_delete_0").click()
    run(app)
    assert saved_views.views("tiny", store) == []
    app.button(key="view_undo").click()
    run(app)
    assert saved_views.views("tiny", store) == [kept]


def test_a_view_without_a_name_is_refused_in_words(start, computed, tmp_path):
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    app = save(start(store.root, "trajectories", study="tiny"), " ")
    assert "A view needs a name" in app.error[0].value
    assert saved_views.views("tiny", store) == []


def test_where_nothing_may_be_written_that_is_said(start, computed, monkeypatch, tmp_path):
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    saved_views.save(View("Mine", "study", "study=tiny"), "tiny", store)

    def refuse(*_):
        raise Fault("This archive can only be read", "Ask for a copy")

    monkeypatch.setattr(saved_views, "save", refuse)
    monkeypatch.setattr(saved_views, "delete", refuse)
    app = save(start(store.root, "trajectories", study="tiny"), "Another")
    assert "This archive can only be read" in app.error[0].value
    app.button(key="view_delete_0").click()
    assert "This archive can only be read" in run(app).error[0].value


def test_damaged_views_break_no_page(start, computed, tmp_path):
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    (store.root / "studies" / "tiny" / "views.json").write_text("{")
    app = start(store.root, "trajectories", study="tiny")
    assert "cannot be read" in app.error[0].value
    assert charts(app) == 6


def test_streamlit_is_the_one_whose_bookkeeping_is_read():
    assert st.__version__.startswith("1.67.")
