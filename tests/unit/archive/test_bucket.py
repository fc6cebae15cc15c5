"""An archive in a bucket: what was made here is sent, what is read is brought, and nothing is lost between."""

import json
import time

import fsspec
import pandas as pd
import pytest

from phcore.archive import bucket
from phcore.archive.store import Store, digest
from phcore.errors import Fault
from tests import buckets

ROOT = "memory://bucket/archive"
KEYS = [digest(k) for k in range(5)]
FRAME = pd.DataFrame({"x": [1.0, 2.0]})


def study(store: Store, text: bytes = b"one", name: str = "mine/record.json") -> None:
    store.write_file(store.root / "studies" / name, text)


def text(store: Store, name: str = "mine/record.json") -> bytes | None:
    store.refresh()
    file = store.root / "studies" / name
    return file.read_bytes() if file.exists() else None


def test_what_one_machine_made_another_reads(machine):
    one = machine("one")
    for key in KEYS:
        one.write("cells", key, FRAME)
    study(one)
    assert buckets.held(ROOT) == {}
    one.send()
    assert sorted(buckets.held(ROOT)) == sorted(
        ["studies/mine/record.json", *(f"v2/cells/{key}.parquet" for key in KEYS)]
    )

    two = machine("two", read_only=True)
    assert text(two) == b"one"
    assert two.has("cells", KEYS[0])
    assert not two.has("cells", "other")
    assert not list(two.root.rglob("*.parquet"))  # until something of it is read
    assert two.read("cells", KEYS[0]).to_pandas().equals(FRAME)
    assert [path.stem for path in two.root.rglob("*.parquet")] == [KEYS[0]]
    assert two.rows("cells", KEYS[1]) == 2
    assert two.select("cells", KEYS[2], {"x": 2.0})["x"].tolist() == [2.0]
    assert two.read("cells", "other") is None
    found = two.scan("cells", pd.DataFrame({"step": range(5), "key": KEYS}))
    assert found["step"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    for key in KEYS:
        assert two.path("cells", key).read_bytes() == buckets.held(ROOT)[f"v2/cells/{key}.parquet"]
    two.send()  # which a read-only archive does not
    with pytest.raises(Fault, match="read-only"):
        study(two)


def test_the_folder_of_a_mirror_is_the_archive_in_the_bucket(machine, tmp_path):
    """As which workers and jobs are given it."""
    store = machine("one")
    assert Store(str(store.root)).far is store.far is not None
    assert store.far.address == ROOT
    assert Store(store.root / "v2").far is not store.far
    assert Store(store.root.parents[3]).far is None


def test_records_are_sent_after_what_they_name(machine, monkeypatch):
    sent = []
    system = type(fsspec.filesystem("memory"))
    for how in ("put_file", "pipe_file"):
        send = getattr(system, how)

        def noted(self, a, b, *more, _send=send, _how=how, **options):
            sent.append((b if _how == "put_file" else a).rpartition("/archive/")[2])
            return _send(self, a, b, *more, **options)

        monkeypatch.setattr(system, how, noted)
    store = machine("one")
    study(store)
    for key in KEYS:
        store.write("cells", key, FRAME)
    store.send()
    assert sent[-1] == "studies/mine/record.json"
    assert len(sent) == 6
    store.send()
    assert len(sent) == 6  # nothing is sent twice


def test_what_a_killed_process_left_is_sent_by_the_next(machine):
    store = machine("one")
    store.write("cells", KEYS[0], FRAME)
    study(store)
    machine("one").send()  # it was killed before it had sent anything
    assert len(buckets.held(ROOT)) == 2
    store = machine("one")
    store.write("cells", KEYS[1], FRAME)
    (store.path("cells", KEYS[2])).with_name(f".{KEYS[2]}.parquet.1.1.tmp").write_bytes(b"half")
    machine("one").send()
    assert len(buckets.held(ROOT)) == 3
    assert not any("tmp" in name for name in buckets.held(ROOT))


def test_a_process_sends_while_it_computes(machine, monkeypatch):
    monkeypatch.setattr(bucket, "EVERY", 0.02)
    store = machine("one")
    study(store)
    store.write("cells", KEYS[0], FRAME)
    ends = time.monotonic() + 10
    while len(buckets.held(ROOT)) < 2 and time.monotonic() < ends:
        time.sleep(0.02)
    assert len(buckets.held(ROOT)) == 2
    monkeypatch.setattr(bucket, "EVERY", 1e6)


def test_the_latest_state_of_a_study_is_everywhere(machine):
    one = machine("one")
    study(one)
    study(one, b"[]", "mine/views.json")
    one.send()
    two = machine("two")
    assert text(two) == b"one"
    study(two, b"two")
    assert text(two) == b"two"  # not sent yet, and not brought back to what was there
    two.send()
    one = machine("one")
    assert text(one) == b"two"
    assert text(one, "mine/views.json") == b"[]"
    study(one, b"three")
    study(two, b"four")
    two.send()
    one.send()  # both changed it: what the bucket holds counts
    assert text(one) == b"four"
    assert buckets.held(ROOT)["studies/mine/record.json"] == b"four"
    buckets.system("memory").rm("/bucket/archive/studies/mine/views.json")
    assert text(one, "mine/views.json") is None
    assert text(one) == b"four"


def test_a_damaged_result_is_computed_again_and_sent(machine):
    one = machine("one")
    one.write("cells", KEYS[0], FRAME)
    one.send()
    whole = buckets.held(ROOT)[f"v2/cells/{KEYS[0]}.parquet"]
    spoilt = whole[:100] + bytes([whole[100] ^ 1]) + whole[101:]
    buckets.system("memory").pipe_file(f"/bucket/archive/v2/cells/{KEYS[0]}.parquet", spoilt)
    two = machine("two")
    assert two.has("cells", KEYS[0])
    assert not two.is_whole("cells", KEYS[0])
    assert two.damaged
    assert not two.has("cells", KEYS[0])  # so it is missing, and computed
    two.write("cells", KEYS[0], FRAME)
    two.send()
    assert buckets.held(ROOT)[f"v2/cells/{KEYS[0]}.parquet"] == whole
    assert machine("three").is_whole("cells", KEYS[0])


def test_a_bucket_that_is_gone_hides_nothing_that_is_here(machine, monkeypatch):
    one = machine("one")
    study(one)
    one.send()

    asked = []

    def gone(*_, **__):
        asked.append(1)
        raise ConnectionError("no route")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "find", gone)
    again = machine("one")
    assert text(again) == b"one"
    assert not again.has("cells", KEYS[0])  # as far as anybody knows here
    assert "memory://bucket/archive/studies: its server cannot be reached" in again.far.trouble
    with pytest.raises(Fault, match="lies on this machine, and is sent by the next command"):
        again.send()
    empty = machine("empty")
    for _ in range(2):
        with pytest.raises(Fault, match="cannot be reached"):
            text(empty)
    assert len(asked) == 3  # once for each machine that starts, and to send


def test_what_is_computed_goes_on_while_the_bucket_is_gone(machine, monkeypatch):
    store = machine("one")
    study(store)
    store.write("cells", KEYS[0], FRAME)
    store.send()
    store = machine("two")
    assert store.has("cells", KEYS[0])
    asked = []

    def gone(*_, **__):
        asked.append(1)
        raise ConnectionError("no route")

    with monkeypatch.context() as while_gone:
        while_gone.setattr(type(fsspec.filesystem("memory")), "find", gone)
        for key in (KEYS[0], KEYS[1], KEYS[1]):
            assert store.has("cells", key) == (key == KEYS[0])
        store.write("cells", KEYS[1], FRAME)
        study(store, b"two")
        with pytest.raises(Fault, match="is sent by the next command"):
            store.send()
    assert len(asked) < 4
    store.send()
    assert len(buckets.held(ROOT)) == 3


def test_what_waits_asks_nothing(machine, monkeypatch):
    store = machine("one")
    study(store)
    store.write("cells", KEYS[0], FRAME)
    store.send()
    monkeypatch.setattr(bucket, "filesystem", None)
    monkeypatch.setattr(bucket, "listed", None)
    study(store)  # the same bytes again, as by looking at the folders anew
    store.far._send_studies({path: path.read_bytes() for path in store.far._own_files()})


def test_names_in_a_bucket_lead_nowhere_else(machine, tmp_path):
    store = machine("one")
    study(store)
    store.send()
    system = fsspec.filesystem("memory")
    for name in ("../../../../../escaped", ".hidden/record.json"):
        system.store[f"/bucket/archive/studies/{name}"] = system.store["/bucket/archive/studies/mine/record.json"]
    two = machine("two")
    assert text(two) == b"one"
    found = {one.name for one in (tmp_path / "two").rglob("*") if one.is_file()}
    assert found == {"record.json", ".sync.lock", ".synced.json"}
    assert json.loads((two.root / ".synced.json").read_bytes()).keys() == {"studies/mine/record.json"}


def test_an_archive_of_this_machine_has_no_bucket(tmp_path):
    store = Store(tmp_path)
    assert store.far is None
    store.refresh()
    store.send()
    store.bring([("cells", KEYS[0])])
    assert list(tmp_path.iterdir()) == []


def test_a_studys_file_that_cannot_be_brought_hides_no_other_study(machine, monkeypatch):
    one = machine("one")
    for name in ("first/record.json", "first/study.toml", "second/record.json", "second/study.toml"):
        study(one, b"one", name)
    one.send()
    fetch = type(fsspec.filesystem("memory")).cat_file

    def refused(self, path, *more, **options):
        if path.endswith("first/study.toml"):
            raise PermissionError("Forbidden")
        return fetch(self, path, *more, **options)

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "cat_file", refused)
    two = machine("two")
    assert text(two, "second/record.json") == b"one"
    assert text(two, "first/record.json") is None  # nobody knows what its study file hides
    assert two.far.left_out.startswith("memory://bucket/archive/studies/first/study.toml is not brought: access")
    monkeypatch.undo()


def test_a_study_is_there_when_what_it_hides_is_known(machine, monkeypatch):
    one = machine("one")
    study(one)
    study(one, b"one", "mine/study.toml")
    one.send()
    written, write = [], bucket.write_atomically

    def noted(path, *more, **how):
        written.append(path.name)
        write(path, *more, **how)

    monkeypatch.setattr(bucket, "write_atomically", noted)
    assert text(machine("two")) == b"one"
    assert [name for name in written if not name.startswith(".")] == ["study.toml", "record.json"]


def test_an_object_that_is_a_folder_too_hides_nothing(machine):
    one = machine("one")
    study(one)
    one.send()
    store = fsspec.filesystem("memory").store
    for name in ("studies/mine", "studies/mine/record.json/more"):
        store[f"/bucket/archive/{name}"] = type(store["/bucket/archive/studies/mine/record.json"])(None, name, b"")
    two = machine("two")
    two.refresh()
    assert text(two, "mine/record.json/more") == b""
    assert two.far.trouble == ""
