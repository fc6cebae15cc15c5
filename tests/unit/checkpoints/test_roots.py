import os
from pathlib import Path

import pytest

from phcore.checkpoints import roots
from phcore.errors import Fault


@pytest.fixture
def house(tmp_path):
    """A root with folders, a file, and links that stay inside, leave, dangle and turn in a circle."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "b", root / "A" / "deep", root / ".hidden", outside / "secret"):
        folder.mkdir(parents=True)
    (root / "file.txt").write_text("x")
    (root / "inner").symlink_to(root / "A")
    (root / "escape").symlink_to(outside)
    (root / "dangling").symlink_to(tmp_path / "nowhere")
    (root / "circle").symlink_to(root / "circle")
    return root


def test_the_picker_lists_what_may_be_opened(house):
    assert [one.name for one in roots.subfolders(house, [house])] == ["A", "b", "inner"]
    assert [one.name for one in roots.subfolders(house / "A", [house])] == ["deep"]


@pytest.mark.parametrize("path", [".", "A/deep", "inner/deep", "A/../b", "file.txt"])
def test_inside(house, path):
    assert roots.resolve_inside(house / path, [house]) == (house / path).resolve()


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../outside",
        "A/../../outside",
        "escape",
        "escape/secret",
        "dangling",
        "circle",
        "gone",
        "A\0b",
        "a" * 5000,
    ],
)
def test_outside_or_not_there(house, path):
    with pytest.raises(Fault):
        roots.resolve_inside(f"{house}/{path}", [house])


@pytest.mark.parametrize("path", ["", "  ", "\n", "/", "/etc/passwd", "~"])
def test_paths_from_anywhere(house, path):
    with pytest.raises(Fault):
        roots.resolve_inside(path, [house])


def test_a_name_that_only_begins_like_a_root(house):
    beside = house.with_name("root-2")
    beside.mkdir()
    with pytest.raises(Fault):
        roots.resolve_inside(beside, [house])


def test_nothing_is_told_about_places_outside(house):
    """A file that exists and one that does not give the same words."""
    faults = []
    for path in (house.parent / "outside", house.parent / "no-such"):
        with pytest.raises(Fault) as fault:
            roots.resolve_inside(path, [house])
        faults.append((fault.value.fault, fault.value.hint))
    assert faults[0] == faults[1]


def test_a_file_has_no_subfolders(house):
    with pytest.raises(Fault, match="is a file"):
        roots.subfolders(house / "file.txt", [house])


def test_roots_from_the_environment(house):
    named = os.pathsep.join([str(house / "A"), str(house / "gone"), "", str(house / "A")])
    assert roots.allowed_roots({"PHCORE_ROOTS": named}) == [house / "A"]


def test_default_roots_are_the_working_folder_and_the_hub_cache(house, monkeypatch):
    monkeypatch.chdir(house / "b")
    assert roots.allowed_roots({"HF_HUB_CACHE": str(house / "A")}) == [house / "b", house / "A"]


def test_the_hub_cache_is_where_the_libraries_look():
    given = {}
    assert roots.hub_cache(given) == Path.home() / ".cache/huggingface/hub"
    given["XDG_CACHE_HOME"] = "/x"
    assert roots.hub_cache(given) == Path("/x/huggingface/hub")
    given["HF_HOME"] = "/h"
    assert roots.hub_cache(given) == Path("/h/hub")
    given["HF_HUB_CACHE"] = "/c"
    assert roots.hub_cache(given) == Path("/c")
