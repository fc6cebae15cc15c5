"""The pages of a read-only server, headless: nothing to press, and nothing happens where it is pressed all the same."""

import shutil

import pytest
import streamlit as st

from pages.parts import choices, data, live, new_study
from phcore.errors import Fault
from phcore.pipeline import jobs
from tests import studies
from tests.app.conftest import run, words
from tests.unit.archive.test_permissions import state

PAGES = ["study", "barcodes", "trajectories", "evidence", "share"]
WRITERS = {
    "view",
    "continue",
    "compute",
    "measure",
    "practice",
    "use-practice",
    "e_file",
    "e_add",
    "s_pack",
    "s_open",
    "s_unpack",
}


@pytest.fixture
def served(start, computed, tmp_path, monkeypatch):
    """Open a page read-only, on a copy of the small study; also gives the copy's folder."""
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    cache = store.root

    def make(page="study", unfinished=False, **query):
        if unfinished:
            studies.remove(studies.files(store, "tables"))
        monkeypatch.setenv("PHCORE_READ_ONLY", "1")
        for name in ("studies", "private"):
            if name in query:
                monkeypatch.setenv(f"PHCORE_{name.upper()}", query.pop(name))
        return start(cache, page, **query), cache

    return make


def keys(app) -> set[str]:
    kinds = (app.button, app.selectbox, app.text_input, app.button_group, app.get("file_uploader"))
    return {str(one.key) for kind in kinds for one in kind}


@pytest.mark.parametrize("unfinished", [False, True])
def test_no_page_offers_what_would_be_refused(served, unfinished):
    _, cache = served("study", unfinished, study="tiny")
    before = state(cache)
    for page in PAGES:
        app, _ = served(page, study="tiny")
        assert "This server is read-only" in words(app), page
        assert not keys(app) & WRITERS, page
        assert "press Compute" not in words(app), page
        assert "Continue" not in words(app), page
    assert state(cache) == before


def test_the_same_pages_offer_it_to_their_owner(start, computed):
    """Else the test above would pass on pages without any keys."""
    assert "view" in keys(start(computed[1], study="tiny"))
    assert "read-only" not in words(start(computed[1], study="tiny"))


def test_the_view_of_a_new_study_does_not_open(served):
    app, cache = served(study="tiny")
    before = state(cache)
    app.session_state["view"] = "New study"
    app.session_state["picker.checkpoints"] = cache
    assert "Base model and checkpoints" not in words(run(app))
    assert state(cache) == before


def test_a_study_that_is_not_served_is_not_opened_by_a_link(served):
    app, cache = served(study="tiny", studies="tiny")
    shutil.copytree(cache / "studies" / "tiny", cache / "studies" / "secret")
    for name in ("secret", "../tiny", "tiny.toml"):
        app.query_params["study"] = name
        app.session_state["study"] = "tiny"
        assert app.selectbox(key="study").options == ["tiny"]
        assert run(app).selectbox(key="study").value == "tiny"


def test_an_archive_without_a_served_study_says_so(served):
    app, _ = served(studies="")
    assert "No study is served here" in words(app)


def test_private_prompts_are_numbers_on_the_page(served):
    app, _ = served("barcodes", study="tiny", private="prompts", b_points="all")
    study = data.open_study("tiny")
    assert live.prompts(study)["text"].str.fullmatch(r"prompt \d+ \(private\)").all()
    told = str(app.get("html"))
    assert "red kite" not in words(app) + told


def test_what_the_buttons_call_is_refused(served, computed):
    _, cache = served(study="tiny")
    study = computed[0]
    before = state(cache)
    for way in (
        lambda: new_study.begin("tiny", cache / "studies" / "tiny" / "study.toml"),
        lambda: new_study._start(study.with_(name="other"), []),
        lambda: jobs.cancel(data.store(), "tiny"),
        lambda: jobs.enforce(data.store(), "tiny"),
    ):
        with pytest.raises(Fault, match="read-only"):
            way()
    with pytest.raises(Fault, match="not in the allowed folders"):
        new_study._scan.__wrapped__(str(cache), str(study.model))
    assert new_study._local_models.__wrapped__() == []
    new_study._compute(study)
    assert st.session_state.pop("new_study.fault").startswith("This server is read-only")
    assert choices._probe_files.__wrapped__(cache) == []
    assert new_study._resolved.__wrapped__(str(cache / "studies" / "tiny" / "study.toml")).startswith(
        "This server is read"
    )
    assert state(cache) == before
