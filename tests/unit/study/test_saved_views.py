"""Saved views: what is written is read again, what does not fit is refused in words, and nothing is half written."""

import json
from dataclasses import asdict, replace
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as some

from phcore.archive.permissions import Permissions
from phcore.archive.store import Store
from phcore.archive.typed import typed
from phcore.errors import Fault
from phcore.study import saved_views
from phcore.study.saved_views import View

GOOD = View("The peak", "trajectories", "study=tiny&t_step=8&t_way=mean+summaries&v=1", "Look at layer 18.\nAnd 24.")


@pytest.fixture
def store(tmp_path):
    (tmp_path / "studies" / "tiny").mkdir(parents=True)
    return Store(tmp_path)


def test_a_study_without_views_has_none(store):
    assert saved_views.views("tiny", store) == []


def test_what_is_saved_is_read_again_the_latest_first(store):
    old = replace(GOOD, name="Before", saved="2020-01-01T00:00:00+00:00")
    saved_views.save(GOOD, "tiny", store)
    saved_views.save(old, "tiny", store)
    assert saved_views.views("tiny", store) == [GOOD, old]
    assert [path.name for path in (store.root / "studies" / "tiny").iterdir()] == ["views.json"]


def test_a_deleted_view_can_be_brought_back_in_its_place(store):
    for number in range(3):
        saved_views.save(
            replace(GOOD, name=f"View {number}", saved=f"2026-01-0{number + 1}T00:00:00+00:00"), "tiny", store
        )
    before = saved_views.views("tiny", store)
    gone = saved_views.delete("View 1", "tiny", store)
    assert [one.name for one in saved_views.views("tiny", store)] == ["View 2", "View 0"]
    assert saved_views.save(gone, "tiny", store) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""}, {"name": "   "}, {"name": "x" * 81}, {"name": "two\nlines"}, {"name": None},
        {"note": "x" * 2001}, {"note": 7},
        {"page": ""}, {"page": "../study"}, {"page": "Study"}, {"page": "x" * 41},
        {"query": "x" * 8001}, {"query": "no equals sign"}, {"query": "a=1&b"}, {"query": "A=1"}, {"query": "a-b=1"},
        {"query": "a=%ff"},
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_words(wrong):
    with pytest.raises(Fault) as caught:
        typed(asdict(GOOD) | wrong, saved_views.View)
    assert caught.value.fault
    assert caught.value.hint


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "%2Fetc%2Fpasswd", "~/runs", "..%2F..%2Fetc", "C:%5Cruns", "%5C%5Cserver", "file:///etc", " /x"],
)
def test_paths_do_not_travel(path):
    with pytest.raises(Fault, match="path"):
        replace(GOOD, query=f"study=tiny&b_text={path}")


@given(name=some.text(min_size=1, max_size=80), note=some.text(max_size=2000))
def test_any_name_that_can_be_read_comes_back_as_it_was(tmp_path_factory, name, note):
    try:
        view = replace(GOOD, name=name, note=note)
    except Fault:
        assert not name.strip() or not name.strip().isprintable()
        return
    root = tmp_path_factory.mktemp("archive")
    (root / "studies" / "tiny").mkdir(parents=True)
    try:
        saved_views.save(view, "tiny", Store(root))
    except UnicodeEncodeError:
        pytest.fail(f"{name!r} or its note cannot be written")
    assert saved_views.views("tiny", Store(root)) == [view]


def test_two_views_of_one_name_are_refused(store):
    saved_views.save(GOOD, "tiny", store)
    with pytest.raises(Fault, match="already"):
        saved_views.save(replace(GOOD, note="another"), "tiny", store)
    assert saved_views.views("tiny", store) == [GOOD]


def test_more_than_are_kept_are_refused(store, monkeypatch):
    monkeypatch.setattr(saved_views, "MOST", 2)
    for number in range(2):
        saved_views.save(replace(GOOD, name=str(number)), "tiny", store)
    with pytest.raises(Fault, match="2 saved views"):
        saved_views.save(GOOD, "tiny", store)


def test_what_is_not_there_is_said(store):
    with pytest.raises(Fault, match="no view called"):
        saved_views.delete("none", "tiny", store)
    with pytest.raises(Fault, match="no study"):
        saved_views.save(GOOD, "other", store)
    with pytest.raises(Fault, match="cannot be used"):
        saved_views.views("../tiny", store)


def test_where_it_is_only_read_views_are_shown_and_kept(store):
    saved_views.save(GOOD, "tiny", store)
    store = Store(store.root, Permissions(read_only=True))
    for call in (
        lambda: saved_views.save(replace(GOOD, name="x"), "tiny", store),
        lambda: saved_views.delete(GOOD.name, "tiny", store),
    ):
        with pytest.raises(Fault, match="read-only"):
            call()
    assert saved_views.views("tiny", store) == [GOOD]


@pytest.mark.parametrize(
    "text", ["{", "[1]", "7", '[{"name": "x"}]', '[{"name": "x", "page": "study", "query": 1}]', "\0"]
)
def test_a_damaged_file_is_said_and_left_as_it_is(store, text):
    file = store.root / "studies" / "tiny" / "views.json"
    file.write_text(text)
    for call in (lambda: saved_views.views("tiny", store), lambda: saved_views.save(GOOD, "tiny", store)):
        with pytest.raises(Fault, match=r"views\.json"):
            call()
    assert file.read_text() == text


def test_sessions_that_save_at_once_lose_nothing(store):
    threads = [
        Thread(target=saved_views.save, args=(replace(GOOD, name=str(number)), "tiny", store)) for number in range(12)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert {one.name for one in saved_views.views("tiny", store)} == set(map(str, range(12)))
    assert len(json.loads((store.root / "studies" / "tiny" / "views.json").read_text())) == 12
