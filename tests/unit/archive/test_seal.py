"""No flipped bit of a footer reads as other numbers."""

import pandas as pd
import pytest

from phcore.archive import seal
from phcore.archive.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "cache")
    store.write("stage", "a", pd.DataFrame({"norm": [1.0, 2.0, 3.0], "series": ["x", "y", "x"]}))
    return store


def test_every_flipped_bit_of_a_footer_is_noticed_or_means_nothing(store):
    path, right = store.path("stage", "a"), store.read("stage", "a")
    data = path.read_bytes()
    begin = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    aside = 0
    for at in range(begin, len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        found = store.read("stage", "a")
        aside += found is None
        assert found is None or found.equals(right)
    assert aside > 0.9 * (len(data) - begin)
    path.write_bytes(data.replace(b"norm", b"nnrm"))
    assert not store.has("stage", "a")


def test_what_is_written_again_is_the_same_file(store):
    store.write("stage", "b", store.read("stage", "a"))
    assert store.path("stage", "b").read_bytes() == store.path("stage", "a").read_bytes()


def test_files_of_earlier_versions_pass(store):
    path = store.path("stage", "a")
    right = store.read("stage", "a")
    right.to_pandas().to_parquet(path)
    assert store.read("stage", "a").to_pandas().equals(right.to_pandas())


@pytest.mark.parametrize("data", [b"", b"PAR1", b"short", bytes(100), b"\xff" * 100])
def test_what_is_no_parquet_is_left_to_its_reader(tmp_path, data):
    (tmp_path / "a").write_bytes(data)
    seal.check(tmp_path / "a")
