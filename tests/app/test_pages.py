"""Every page, headless: on the study that ships, on a small computed study, and on nothing at all."""

from html import escape
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from phcore.glossary import TERMS

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["study", "barcodes", "trajectories"]


def words(app) -> str:
    """Everything an app says in words."""
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.success)
    return "\n".join(str(one.value) for kind in kinds for one in kind)


def charts(app) -> int:
    return len(app.get("vega_lite_chart"))


@pytest.fixture
def start(monkeypatch):
    """Open the app on a page, with an archive, a place to look in, and a query."""

    def make(cache, page="study", roots=None, **query):
        import streamlit as st

        st.cache_resource.clear()
        st.cache_data.clear()
        monkeypatch.setenv("PHCORE_CACHE", str(cache))
        if roots is not None:
            monkeypatch.setenv("PHCORE_ROOTS", str(roots))
        app = AppTest.from_file(str(ROOT / "pages" / "shell.py"), default_timeout=120)
        for key, value in query.items():
            app.query_params[key] = str(value)
        app.switch_page(str(ROOT / "pages" / f"{page}.py"))
        app.run()
        assert not app.exception, app.exception[0].stack_trace
        return app

    return make


def run(app):
    app.run()
    assert not app.exception, app.exception[0].stack_trace
    return app


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_archive_says_what_to_do(start, tmp_path, page):
    app = start(tmp_path / "cache", page)
    assert "No study has been computed yet" in words(app)
    assert charts(app) == 0


@pytest.mark.parametrize(("page", "count"), [("study", 0), ("barcodes", 1), ("trajectories", 4)])
def test_each_page_shows_the_study_that_ships(start, page, count):
    app = start(ROOT / "cache", page)
    assert app.selectbox(key="study").value == "smollm2-135m-instruct"
    assert charts(app) == count
    assert not app.warning


def test_the_study_page_speaks_in_sentences_with_numbers(start):
    told = words(start(ROOT / "cache"))
    assert "320 prompts" in told
    assert "farthest apart" in told
    assert "Every table of this study is finished" in told


@pytest.mark.parametrize("page", PAGES)
def test_a_small_study_of_ones_own(start, computed, page):
    start(computed[1], page, study="tiny")


@pytest.mark.parametrize("page", PAGES)
def test_the_glossary_opens_on_every_page(start, tmp_path, page):
    app = start(tmp_path / "cache", page)
    assert "Vietoris-Rips" not in words(app)
    app.button(key="glossary").click()
    told = words(run(app))
    for term in TERMS:
        assert escape(term.words) in told
    assert told.count("<svg") == len(TERMS)
    assert "Vietoris-Rips" in words(run(app))  # a rerun of the page does not close it


# --- barcodes ---------------------------------------------------------------------------------------


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
    assert charts(app) == 1


def test_a_degenerate_cell_is_said_in_words(start, computed):
    app = start(computed[1], "barcodes", study="tiny", b_layer=0)
    assert "same hidden state" in words(app)
    assert charts(app) == 0


@pytest.mark.parametrize("view", ["Persistence image", "Landscape"])
def test_further_views(start, computed, view):
    app = start(computed[1], "barcodes", study="tiny")
    app.segmented_control(key="b_view").set_value(view)
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


# --- trajectories -------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["mean summaries", "two features", "mean landscapes", "all distances"])
def test_every_way_to_lay_out_the_paths(start, computed, way):
    assert charts(start(computed[1], "trajectories", study="tiny", t_way=way)) == 4


@pytest.mark.parametrize(
    ("key", "value"),
    [("t_by", "Wasserstein distance"), ("t_per", "step"), ("t_scale", "median"), ("t_degree", "H0 components")],
)
def test_every_choice_draws(start, computed, key, value):
    app = start(computed[1], "trajectories", study="tiny", **{key: value})
    assert app.selectbox(key=key).value == value
    assert charts(app) == 4


def test_playing_walks_the_steps_and_stops_at_the_last(start, computed):
    app = start(computed[1], "trajectories", study="tiny", t_step=1)
    assert app.select_slider(key="t_step").value == 1
    app.toggle(key="t_play").set_value(True)
    assert app.toggle(key="t_play").value
    seen = [run(app).select_slider(key="t_step").value for _ in range(4)]
    assert seen[0] > 1
    assert seen == sorted(seen)
    assert seen[-1] == 4
    assert not app.toggle(key="t_play").value


def test_a_degenerate_layer_is_said_in_words(start, computed):
    app = start(computed[1], "trajectories", study="tiny", t_layer=0)
    assert "no place on the plane" in words(app).lower() or "cannot" in words(app).lower()
