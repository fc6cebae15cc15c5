"""The next checkpoint's files are read while something else goes on, and nobody waits for that."""

import os
import threading
import time

import pytest

from phcore.pipeline import ahead, reading
from phcore.pipeline.ahead import read_ahead
from phcore.pipeline.reading import Checkpoint
from phcore.study.record import LIVE, Node


def readers() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "read ahead"]


def test_files_are_read_to_their_ends_if_there_is_time(tmp_path, monkeypatch):
    files = [tmp_path / name for name in ("one", "two")]
    for file in files:
        file.write_bytes(os.urandom(3 * 1024))
    monkeypatch.setattr(ahead, "BLOCK", 1024)
    opened, honest = [], open
    monkeypatch.setattr(ahead, "open", lambda *a, **k: opened.append(honest(*a, **k)) or opened[-1], raising=False)
    with read_ahead([files[0], tmp_path / "gone", files[1]]):
        while readers():
            time.sleep(0.01)
    assert [one.name for one in opened] == [str(file) for file in files]
    assert all(one.closed for one in opened)


def test_it_stops_with_what_goes_on_inside():
    def stopped() -> None:
        with read_ahead(["/dev/zero"]):  # which has no end
            assert readers()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert not readers()


def test_whole_models_alone_are_worth_it(llama, lora, tmp_path):
    def following(kind, path):
        return reading._whole_files(Checkpoint(Node("a", 1, kind, str(path), 1, "ready"), "", ()))

    assert following("full", llama) == [llama / "model.safetensors"]
    assert following("full", tmp_path / "gone") == []
    assert following("adapter", lora("llama")) == []
    assert following(LIVE, "") == []
    assert reading._whole_files(None) == []
