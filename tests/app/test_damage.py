"""One bad file hides nothing else: each page says what is wrong in its place, and the rest stays as it is."""

import json
import shutil

import pytest

from pages.parts import navigation
from phcore.archive.store import SCHEMA
from tests import studies
from tests.app.conftest import charts, run, words

PAGES = [one.name for one in navigation.PAGES]
UNREAD = "The study bad cannot be read"


def damage(folder, how: str) -> None:
    record = folder / "record.json"
    if how == "newer":
        record.write_text(json.dumps(json.loads(record.read_text()) | {"format": 99}))
    elif how == "deep":
        record.write_text("[" * 100_000)
    elif how == "a folder":  # as whoever may not read it
        record.unlink()
        record.mkdir()
    else:
        record.write_bytes(record.read_bytes()[:100])


@pytest.fixture
def archive(computed, tmp_path):
    """`tiny`, and a copy of it called `bad`, the latest in the archive; gives the archive's folder."""
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    shutil.copytree(store.root / "studies" / "tiny", store.root / "studies" / "bad")
    return store.root


@pytest.mark.parametrize("read_only", [False, True])
def test_a_study_that_cannot_be_read_hides_no_other(start, archive, monkeypatch, read_only):
    damage(archive / "studies" / "bad", "half")
    if read_only:
        monkeypatch.setenv("PHCORE_READ_ONLY", "1")
    for page in PAGES:  # one after the other, on one server: what all of them read is read once
        app = start(archive, page, study="bad")
        assert UNREAD in words(app), page
        assert str(archive) not in words(app) or not read_only, page
        assert set(app.selectbox(key="study").options) == {"tiny", "bad"}, page
        app.selectbox(key="study").set_value("tiny")
        app = run(app)
        assert page == "compare" or UNREAD not in words(app), page
        assert "p_with" not in [one.key for one in app.selectbox] or app.selectbox(key="p_with").options == ["bad"]


@pytest.mark.parametrize("how", ["newer", "deep", "a folder"])
def test_however_it_is_damaged(start, archive, how):
    damage(archive / "studies" / "bad", how)
    said = words(start(archive, study="bad"))
    assert UNREAD in said or "its record cannot be read" in said
    assert "newer version" in said or how != "newer"


def test_the_study_beside_that_cannot_be_read_is_named_and_the_own_course_shown(start, archive):
    record = json.loads((archive / "studies" / "tiny" / "record.json").read_text())
    record["study"]["beside"] = ["bad"]
    (archive / "studies" / "tiny" / "record.json").write_text(json.dumps(record))
    damage(archive / "studies" / "bad", "half")
    app = start(archive, "evidence", study="tiny", e_section="Other models?")
    assert UNREAD in words(app)
    assert charts(app) == 1
    assert [one for one in start(archive, study="tiny").expander if one.label == "Verdicts in full"]


def test_a_folder_that_was_given_another_name(start, archive):
    (archive / "studies" / "bad").rename(archive / "studies" / "renamed")
    for page in PAGES:
        app = start(archive, page, study="renamed")
        assert app.selectbox(key="study").value == "renamed", page
        assert not app.error, page


def test_a_status_that_is_none(start, archive):
    (archive / "jobs" / "tiny").mkdir(parents=True)
    for text in ("[]", "{", "[" * 100_000, '{"name": 1}', '{"name": "../x"}', '{"name": "tiny", "share": "x"}'):
        (archive / "jobs" / "tiny" / "status.json").write_text(text)
        for page in ("study", "trajectories"):
            assert not start(archive, page, study="tiny").error, text[:20]


def test_a_job_whose_log_is_gone_has_ended(start, archive):
    (archive / "jobs" / "tiny").mkdir(parents=True)
    status = {"name": "tiny", "state": "running", "pid": 2**22 + 1, "born": 1.0, "share": -3}
    (archive / "jobs" / "tiny" / "status.json").write_text(json.dumps(status))
    assert "process was killed" in words(start(archive, study="tiny"))


@pytest.mark.parametrize("read_only", [False, True])
def test_views_that_are_none(start, archive, monkeypatch, read_only):
    if read_only:
        monkeypatch.setenv("PHCORE_READ_ONLY", "1")
    for text in ("[" * 100_000, "{}", "[1]", '[{"name": "", "page": "x", "query": ""}]', "\udcff"):
        (archive / "studies" / "tiny" / "views.json").write_bytes(text.encode(errors="surrogateescape"))
        app = start(archive, "trajectories", study="tiny")
        assert "saved views of tiny cannot be read" in words(app), text[:20]
        assert charts(app) == 6


@pytest.mark.parametrize(
    "gone",
    ["everything", *(pytest.param(one, marks=pytest.mark.long) for one in ("tables", "clouds", "diagrams"))],
)
def test_files_that_vanish_while_a_page_is_open(start, archive, gone):
    opened = {page: start(archive, page, study="tiny", b_view="Barcode and diagram") for page in PAGES}
    place = archive / SCHEMA
    shutil.rmtree(place if gone == "everything" else place / gone)
    for page, app in opened.items():
        run(app)
        if page == "barcodes":
            app.selectbox(key="b_series").set_value("full")
            run(app)
            app.selectbox(key="b_view").set_value("What changed")
            run(app)
        run(start(archive, page, study="tiny"))
