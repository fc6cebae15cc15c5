"""Files that are none, and locks."""

import os
import threading
from multiprocessing import get_context

import pandas as pd
import pytest

from phcore.archive.store import Store
from phcore.archive.writing import locked, open_plain, read_plain
from phcore.errors import Fault


@pytest.mark.parametrize("mode", ["rb", "wb", "w"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_and_a_device_are_refused_at_once(tmp_path, mode, kind):
    file = tmp_path / "file"
    os.mkfifo(file) if kind == "pipe" else file.symlink_to("/dev/zero")
    with pytest.raises(OSError, match="a pipe or a device"):
        open_plain(file, mode)


def test_a_pipe_that_somebody_reads_is_refused_too(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(OSError, match="a pipe or a device"):
            open_plain(tmp_path / "pipe", "wb")
    finally:
        os.close(reader)


def test_a_folder_is_no_file_and_a_missing_one_is_missing(tmp_path):
    with pytest.raises(IsADirectoryError):
        read_plain(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_plain(tmp_path / "none")


def test_a_file_is_read_and_written_whole_and_belongs_to_its_owner(tmp_path):
    with open_plain(tmp_path / "file", "wb") as file:
        file.write(b"words")
    assert read_plain(tmp_path / "file") == b"words"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_a_lock_is_held_by_one_at_a_time_and_free_again(tmp_path):
    with locked(tmp_path / "lock"):
        with pytest.raises(BlockingIOError), locked(tmp_path / "lock", wait=False):
            pass
        waits = threading.Thread(target=lambda: locked(tmp_path / "lock").__enter__(), daemon=True)
        waits.start()
        waits.join(0.1)
        assert waits.is_alive()
    waits.join(20)
    assert not waits.is_alive()


def _dies_with(path):
    locked(path).__enter__()
    os._exit(1)


def test_a_lock_of_a_process_that_died_is_free(tmp_path):
    process = get_context("spawn").Process(target=_dies_with, args=(tmp_path / "lock",))
    process.start()
    process.join()
    with locked(tmp_path / "lock", wait=False):
        pass


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_a_lock_that_is_no_file_is_a_sentence(tmp_path, kind):
    (os.mkfifo if kind == "pipe" else os.mkdir)(tmp_path / "lock")
    with pytest.raises(Fault, match="it cannot be written"), locked(tmp_path / "lock"):
        pass


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_a_result_that_is_no_file_is_set_aside_and_written_again(tmp_path, kind):
    store, table = Store(tmp_path), pd.DataFrame({"a": [1, 2]})
    path = store.path("diagrams", "0" * 32)
    path.parent.mkdir(parents=True)
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
    assert not store.has("diagrams", "0" * 32)
    assert len(store.damaged) == 1
    store.write("diagrams", "0" * 32, table)
    assert store.read("diagrams", "0" * 32).to_pandas().equals(table)
