"""The archive: whole files or none, damage set aside, queries confined to the folder."""

import os
import shutil
import threading

import duckdb
import numpy as np
import pandas as pd
import pytest

from phcore.archive.store import Store, digest
from phcore.archive.writing import write_atomically
from phcore.errors import Fault


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache")


def frame(*values):
    return pd.DataFrame({"value": list(values)})


def test_what_is_written_is_read(store):
    store.write("stage", "a", frame(1.0, 2.5))
    assert store.has("stage", "a")
    assert store.read("stage", "a")["value"].to_pylist() == [1.0, 2.5]
    assert store.select("stage", "a", {"value": 2.5})["value"].tolist() == [2.5]


def test_what_was_never_written_is_none(store):
    assert not store.has("stage", "a")
    assert store.read("stage", "a") is None
    assert store.select("stage", "a") is None


def test_scan_labels_every_row_and_repeats_a_shared_file(store):
    store.write("stage", "a", frame(1.0))
    store.write("stage", "b", frame(2.0))
    labels = pd.DataFrame({"key": ["a", "a", "b", "gone"], "series": ["x", "y", "x", "z"], "step": [0, 0, 5, 9]})
    got = store.scan("stage", labels).sort_values(["series", "step"])
    assert got.values.tolist() == [["x", 0, 1.0], ["x", 5, 2.0], ["y", 0, 1.0]]


def test_the_same_content_gives_the_same_bytes(store, tmp_path):
    other = Store(tmp_path / "other")
    for one in (store, other):
        one.write("stage", "a", frame(*range(1000)))
    assert store.path("stage", "a").read_bytes() == other.path("stage", "a").read_bytes()


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "text"])
def test_a_damaged_file_is_set_aside_and_reported(store, damage):
    store.write("stage", "a", frame(*range(5000)))
    store.write("stage", "b", frame(7.0))
    path = store.path("stage", "a")
    data = bytearray(path.read_bytes())
    data[200] ^= 0xFF
    broken = {"truncated": data[:300], "flipped": data, "empty": b"", "text": b"not parquet at all"}[damage]
    path.write_bytes(broken)

    assert store.read("stage", "a") is None
    assert not store.has("stage", "a")
    assert len(store.damaged) == 1
    assert "a.parquet" in store.damaged[0]
    assert list((store.root / "damaged").iterdir())
    labels = pd.DataFrame({"key": ["a", "b"], "series": ["x", "y"]})
    assert store.scan("stage", labels)["value"].tolist() == [7.0]


def test_a_scan_that_meets_a_damaged_page_leaves_it_out(store):
    store.write("stage", "a", frame(*[k * 1.37 for k in range(5000)]))
    store.write("stage", "b", frame(7.0))
    path = store.path("stage", "a")
    data = bytearray(path.read_bytes())
    data[4:2000] = bytes(1996)  # the footer stays whole
    path.write_bytes(data)
    assert store.has("stage", "a")
    got = store.scan("stage", pd.DataFrame({"key": ["a", "b"], "series": ["x", "y"]}))
    assert got.values.tolist() == [["y", 7.0]]
    assert len(store.damaged) == 1


def test_what_is_no_damage_is_not_set_aside(store, monkeypatch):
    store.write("stage", "a", frame(1.0))

    def crowded(*_, **__):
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr("phcore.archive.seal.open_plain", crowded)
        with pytest.raises(OSError, match="Too many"):
            store.has("stage", "a")
    assert store.has("stage", "a")


def test_half_written_files_are_never_seen(store, monkeypatch):
    def crash(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(Fault, match="disk full"):
        store.write("stage", "a", frame(1.0))
    assert not store.has("stage", "a")
    assert not list(store.path("stage", "a").parent.iterdir())


def test_what_killed_writers_left_is_swept_away_later(store):
    store.write("stage", "a", frame(1.0))
    old, new = (store.path("stage", "a").with_name(f".b.parquet.{pid}.1.tmp") for pid in (1, 2))
    for one in (old, new):
        one.write_bytes(b"half")
    os.utime(old, (0, 0))
    store.sweep()
    assert not old.exists()
    assert new.exists()  # its writer may be at work
    assert store.has("stage", "a")


def test_threads_share_a_store(store):
    for key in "abcdefgh":
        store.write("stage", key, frame(*range(200)))
    errors = []

    def query():
        try:
            for key in "abcdefgh" * 5:
                assert len(store.select("stage", key)) == 200
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=query) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_files_of_another_kind_are_said(store):
    """They are whole, so nothing here has damaged them: a sentence, and they stay where they are."""
    store.write("stage", "a", frame(1.0))
    store.write("stage", "b", pd.DataFrame({"value": ["x"]}))
    labels = pd.DataFrame({"key": ["a", "b"], "series": ["one", "two"]})
    with pytest.raises(Fault, match="results in stage/ cannot be read") as raised:
        store.scan("stage", labels)
    assert str(store.root) not in str(raised.value)
    with pytest.raises(Fault, match="cannot be read"):
        store.select("stage", "a", {"volume": 1})
    assert store.has("stage", "a")
    assert store.has("stage", "b")


@pytest.mark.parametrize("query", ["SELECT * FROM read_csv('/etc/passwd')", "COPY (SELECT 1) TO '/tmp/x.csv'"])
def test_sql_stays_in_the_folder(store, query):
    with pytest.raises(duckdb.Error):
        store.sql(query)


def test_digest_depends_on_every_part_and_not_on_key_order():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest("a", 1) != digest("a", 2)
    assert digest(1.0) != digest(2.0)


def test_write_atomically_replaces(tmp_path):
    path = tmp_path / "x" / "status.json"
    write_atomically(path, b"1")
    write_atomically(path, b"2")
    assert path.read_bytes() == b"2"
    assert [one.name for one in path.parent.iterdir()] == ["status.json"]


@pytest.mark.parametrize("reading", ["select", "scan"])
def test_a_flipped_bit_is_seen_by_what_looks_at_no_checksum(tmp_path, reading):
    """DuckDB reads most flipped bits as other numbers: every byte is looked at before. Flipped in the name of a
    checksum, the file is as one of an earlier version, and its numbers are right."""
    store = Store(tmp_path)
    table = pd.DataFrame({"name": ["a", "b"] * 40, "value": np.random.default_rng(0).normal(size=80)})
    store.write("tables", "whole", table)
    data, seen = store.path("tables", "whole").read_bytes(), []
    for place in range(4, len(data), 7):
        key = f"k{place}"
        store.path("tables", key).write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        if reading == "select":
            found = store.select("tables", key)
        else:
            found = store.scan("tables", pd.DataFrame({"key": [key], "series": ["s"]})).drop(columns="series")
        aside = not store.path("tables", key).exists()
        assert aside or found.equals(table)
        seen.append(aside)
    assert np.mean(seen) > 0.9
    assert store.select("tables", "whole").equals(table)


def test_a_folder_that_is_deleted_while_a_file_is_written_is_made_again(tmp_path, monkeypatch):
    path, real, gone = tmp_path / "v2" / "clouds" / "a.parquet", os.replace, []

    def replace(source, target):
        if len(gone) < 3:
            gone.append(shutil.rmtree(tmp_path / "v2"))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    write_atomically(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert [one.name for one in path.parent.iterdir()] == ["a.parquet"]
