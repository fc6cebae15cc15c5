"""The study that ships, and an installed version's own archive."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from phcore.archive import installed, shipped, store
from phcore.archive.permissions import Permissions
from phcore.errors import Fault

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def source(tmp_path):
    """What a package brings: one result, and a study."""
    place = tmp_path / "package"
    for name, content in {"v1/tables/k.parquet": b"bars", "studies/s/record.json": b"1"}.items():
        (place / name).parent.mkdir(parents=True)
        (place / name).write_bytes(content)
    (place / shipped.LIST).write_text("v1/tables/k.parquet\nstudies/s/record.json\n")
    return place


def files(place):
    return {str(one.relative_to(place)): one.read_bytes() for one in place.rglob("*") if one.is_file()}


def test_what_ships_is_there_at_first_use_and_once(source, tmp_path):
    root = tmp_path / "new" / "archive"
    shipped.bring(source, root)
    assert files(root) == files(source)
    (root / "studies/s/record.json").unlink()
    shipped.bring(source, root)
    assert not (root / "studies/s/record.json").exists()  # deleted by hand


def test_another_version_brings_its_own_and_leaves_what_is_the_users(source, tmp_path):
    root = tmp_path / "archive"
    shipped.bring(source, root)
    (root / "studies/s/views.json").write_bytes(b"mine")
    (root / "v1/tables/k.parquet").write_bytes(b"computed here")
    (source / "v1/tables/l.parquet").write_bytes(b"more")
    (source / "studies/s/record.json").write_bytes(b"2")
    (source / shipped.LIST).write_text("v1/tables/l.parquet\nv1/tables/k.parquet\nstudies/s/record.json\n")
    shipped.bring(source, root)
    found = files(root)
    assert found["studies/s/record.json"] == b"2"
    assert found["v1/tables/l.parquet"] == b"more"
    assert found["studies/s/views.json"] == b"mine"
    assert found["v1/tables/k.parquet"] == b"computed here"


def test_many_at_once_leave_whole_files(source, tmp_path):
    with ThreadPoolExecutor(8) as several:
        list(several.map(lambda _: shipped.bring(source, tmp_path / "archive"), range(32)))
    assert files(tmp_path / "archive") == files(source)


def test_a_folder_that_cannot_be_made_is_a_fault(source, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(Fault, match="Set PHCORE_CACHE to a folder of your own"):
        shipped.bring(source, tmp_path / "file" / "archive")


def test_the_archive_of_an_installed_version(source, tmp_path, monkeypatch):
    (tmp_path / "package" / "cache").mkdir()
    for one in ("v1", "studies", shipped.LIST):
        os.rename(source / one, source / "cache" / one)
    monkeypatch.delenv("PHCORE_CACHE", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(installed, "INSTALLED", True)
    monkeypatch.setattr(installed, "APP", source)
    assert store.Store(permissions=Permissions(read_only=True)).root == tmp_path / "data" / "toposcope"
    assert not (tmp_path / "data").exists()  # what is only read is not written to
    assert store.Store().root == tmp_path / "data" / "toposcope"
    assert (tmp_path / "data" / "toposcope" / "studies" / "s" / "record.json").exists()
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "mine"))
    assert store.default_root() == tmp_path / "mine"
    assert not (tmp_path / "mine").exists()
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert installed.users_archive(os.environ) == tmp_path / "home" / ".local" / "share" / "toposcope"


def test_a_checkout_has_its_own(monkeypatch):
    monkeypatch.delenv("PHCORE_CACHE", raising=False)
    assert store.default_root() == ROOT / "cache"


def test_the_list_names_what_ships():
    names = (ROOT / "cache" / shipped.LIST).read_text().split()
    assert [name for name in names if not (ROOT / "cache" / name).is_file()] == []
    assert names[-1].endswith("record.json")  # a study shows once all it needs is there
    asked = subprocess.run(["git", "ls-files", "cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    if asked.returncode or not asked.stdout:
        pytest.skip("this is no Git checkout")
    assert {f"cache/{name}" for name in (*names, shipped.LIST)} == set(asked.stdout.split()), (
        "what is tracked below cache/ and cache/shipped.txt differ: scripts/ship_study.py writes the list"
    )
