"""Folders in a bucket, brought to this machine: only what is new or changed, whole files, and nothing unasked."""

import stat
import time
from pathlib import Path

import fsspec
import pytest

from phcore.archive import addresses
from phcore.archive.addresses import local
from phcore.checkpoints import mirror
from phcore.checkpoints.roots import allowed_roots
from phcore.errors import Fault
from phcore.formatting import mirror as where


@pytest.fixture
def there(in_memory, monkeypatch):
    """A bucket with two checkpoints; `brought` lists what was asked of it."""
    system = fsspec.filesystem("memory")
    for name in ("checkpoint-1/model.safetensors", "checkpoint-1/config.json", "checkpoint-2/model.safetensors"):
        system.pipe_file(f"/bucket/runs/{name}", name.encode())
    brought, get_file = [], type(system).get_file
    monkeypatch.setattr(type(system), "brought", brought, raising=False)  # of all its instances

    def counted(self, rpath, lpath, **options):
        brought.append(rpath.rpartition("/runs/")[2])
        get_file(self, rpath, lpath, **options)

    monkeypatch.setattr(type(system), "get_file", counted)
    return system


RUNS = "memory://bucket/runs"


def names(place: Path) -> list[str]:
    return sorted(one.relative_to(place).as_posix() for one in place.rglob("*") if one.is_file())


def test_only_what_is_new_or_changed_is_brought(there):
    place, said = local(RUNS), []
    assert str(mirror.lacking(place)) == "0.0 MB in 3 files to bring from memory://bucket/runs"
    with mirror.watched(lambda words, share: said.append((words, share))):
        mirror.bring(place)
    both = ["checkpoint-1/config.json", "checkpoint-1/model.safetensors"]
    assert names(place) == [*both, "checkpoint-2/model.safetensors"]
    assert (place / "checkpoint-1/config.json").read_bytes() == b"checkpoint-1/config.json"
    assert said[0] == ("0.0 MB in 3 files to bring from memory://bucket/runs.", 0.0)
    assert said[-1] == ("0.0 MB of 0.0 MB from memory://bucket/runs", 1.0)
    modes = {stat.S_IMODE(one.stat().st_mode) for one in place.rglob("*") if one.is_file()}
    assert modes == {0o600}
    assert stat.S_IMODE(where().stat().st_mode) == 0o700

    there.brought.clear()
    assert mirror.lacking(place) is None
    mirror.bring(place)
    mirror.bring(place / "checkpoint-1")
    assert there.brought == []
    there.pipe_file("/bucket/runs/checkpoint-1/config.json", b"another    json of length")
    there.pipe_file("/bucket/runs/checkpoint-3/config.json", b"{}")
    there.rm("/bucket/runs/checkpoint-2", recursive=True)
    mirror.bring(place)
    assert sorted(there.brought) == ["checkpoint-1/config.json", "checkpoint-3/config.json"]
    assert names(place) == [*both, "checkpoint-3/config.json"]
    assert not (place / "checkpoint-2").exists()


def test_what_was_written_just_now_is_brought_again(there, monkeypatch):
    """A clock that tells seconds does not tell two writes within one apart."""
    monkeypatch.setattr(addresses, "JUST_NOW", 1000.0)
    mirror.bring(local(RUNS))
    assert len(mirror.lacking(local(RUNS)).files) == 3


def test_optimiser_states_are_names_and_sizes(there):
    there.pipe_file("/bucket/runs/checkpoint-1/optimizer.pt", b"x" * 5_000_000)
    mirror.bring(local(RUNS))
    found = (local(RUNS) / "checkpoint-1/optimizer.pt").stat()
    assert (found.st_size, found.st_blocks) == (5_000_000, 0)
    assert not any(name.endswith(".pt") for name in there.brought)
    assert mirror.lacking(local(RUNS)) is None


@pytest.mark.parametrize("name", ["../../../../escaped", "checkpoint-1/../../x", "a//b", "a\\..\\b", "line\nbreak"])
def test_names_that_lead_elsewhere_are_left_out(there, name, tmp_path, monkeypatch):
    found = there.find("/bucket/runs", detail=True)
    found[f"/bucket/runs/{name}"] = {"name": f"/bucket/runs/{name}", "size": 1, "type": "file", "created": 1.0}
    monkeypatch.setattr(type(there), "find", lambda *_, **__: found)
    mirror.bring(local(RUNS))
    assert len(names(tmp_path)) == 3


def test_nothing_is_asked_of_a_place_that_is_not_allowed(there, tmp_path):
    place = local(RUNS)
    for roots in ([], [local("memory://bucket/other")], [local("memory://bucket/run")], [Path("/"), tmp_path, where()]):
        with pytest.raises(Fault, match=r"memory://bucket/runs: nothing is asked of this place.*PHCORE_ROOTS"):
            mirror.bring(place, roots)
    assert there.brought == []
    roots = allowed_roots({"PHCORE_ROOTS": "/nowhere:memory://bucket:/tmp"})
    assert roots == [Path("/tmp"), local("memory://bucket")]
    mirror.bring(place, roots)
    assert len(there.brought) == 3
    assert [one for one in allowed_roots({}) if addresses.address_of(one)] == []
    assert allowed_roots({"PHCORE_ROOTS": "memory://bucket"}) == [*allowed_roots({}), local("memory://bucket")]


def test_no_room_is_said_before_anything_is_brought(there, monkeypatch):
    there.pipe_file("/bucket/runs/checkpoint-1/model.safetensors", b"x" * 2_000_000)
    monkeypatch.setattr(mirror.shutil, "disk_usage", lambda _: type("", (), {"free": 1_000_000}))
    with pytest.raises(Fault, match=r"2\.0 MB are to be brought, and the disk of the mirror has 1\.0 MB free"):
        mirror.bring(local(RUNS))
    assert there.brought == []


def test_an_object_that_changes_meanwhile_is_not_taken(there, monkeypatch):
    get_file = type(there).get_file

    def changing(self, rpath, lpath, **options):
        get_file(self, rpath, lpath, **options)
        self.pipe_file(rpath, b"z" * self.size(rpath))

    monkeypatch.setattr(type(there), "get_file", changing)
    with pytest.raises(Fault, match="it changed while it was brought") as caught:
        mirror.bring(local(RUNS))
    assert str(caught.value).startswith("memory://bucket/runs/checkpoint-")
    assert names(local(RUNS)) == []


def test_what_is_stopped_leaves_no_part(there, monkeypatch):
    def half(self, rpath, lpath, callback=None, **_):
        Path(lpath).write_bytes(b"half")
        for _ in range(1000):
            callback.relative_update(1)
            time.sleep(0.01)

    monkeypatch.setattr(type(there), "get_file", half)

    def stops(words: str, share: float) -> None:
        if share:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), mirror.watched(stops):
        mirror.bring(local(RUNS))
    assert names(local(RUNS)) == []


def test_folders_are_listed_without_bringing_them(there):
    assert mirror.subfolders(local("memory://bucket"), [local("memory://bucket")]) == [local(RUNS)]
    found = mirror.subfolders(local(RUNS), [local("memory://bucket")])
    assert [one.name for one in found] == ["checkpoint-1", "checkpoint-2"]
    with pytest.raises(Fault, match="nothing is asked"):
        mirror.subfolders(local(RUNS), [])
    assert there.brought == []


def test_folders_of_this_machine_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(mirror, "filesystem", None)
    (tmp_path / "model.safetensors").write_bytes(b"x")
    mirror.bring(tmp_path, [])
    assert mirror.lacking(tmp_path) is None
    assert mirror.named_by_hand(str(tmp_path)) == tmp_path
    assert names(tmp_path) == ["model.safetensors"]
