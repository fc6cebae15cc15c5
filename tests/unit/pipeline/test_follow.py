"""Following a training: each checkpoint once it is whole, and what cannot be looked at is looked at again."""

import os
import shutil
import time
from pathlib import Path

import pytest

from phcore.archive.store import Store
from phcore.pipeline import follow as following
from phcore.pipeline.follow import WRITING, follow, settled
from phcore.pipeline.reading import Cancelled
from phcore.study.resolve import resolve
from tests import studies


@pytest.fixture
def trained(llama, tmp_path):
    """A study of one run, and its checkpoints of which none is in place yet."""
    study = studies.build_few(tmp_path, llama, "helpful")
    run, kept = study.series[0].path, tmp_path / "kept"
    run.rename(kept)
    for file in (one for one in tmp_path.rglob("*") if one.is_file()):
        os.utime(file, (time.time() - 100, time.time() - 100))
    run.mkdir()
    return study, run, kept


def arrive(run: Path, kept: Path, step: int, age: float = 100.0) -> None:
    shutil.copytree(kept / f"checkpoint-{step}", run / f"checkpoint-{step}")
    for one in (run / f"checkpoint-{step}", *(run / f"checkpoint-{step}").iterdir()):
        os.utime(one, (time.time() - age, time.time() - age))


class Scene:
    """What happens between two looks, one after the other; then somebody stops it."""

    def __init__(self, study, tmp_path, *events):
        self.study, self.store, self.events = study, Store(tmp_path / "cache"), list(events)
        self.said, self.computed = [], []

    def look(self):
        return resolve(self.study, self.store, keep=False)

    def compute(self, record):
        self.computed.append([node.step for node in record.path_of("helpful")])
        return record

    def cancelled(self):
        if not self.events:
            return True
        self.events.pop(0)()
        return False

    def go(self, monkeypatch):
        monkeypatch.setattr(following, "plan", lambda *_: type("", (), {"empty": True}))
        clock = iter(range(10**6))
        monkeypatch.setattr(following.time, "monotonic", lambda: float(next(clock)))
        monkeypatch.setattr(following.time, "sleep", lambda _: None)
        with pytest.raises(Cancelled):
            follow(self.look, self.compute, self.store, self.said.append, self.cancelled, every=1.5)


def test_each_checkpoint_is_computed_once_when_it_is_there(trained, tmp_path, monkeypatch):
    study, run, kept = trained
    scene = Scene(
        study, tmp_path,
        lambda: arrive(run, kept, 1), lambda: None, lambda: arrive(run, kept, 2), lambda: None,
        lambda: arrive(run, kept, 4),
    )  # fmt: skip
    scene.go(monkeypatch)
    assert scene.computed == [[0, 1], [0, 1, 2], [0, 1, 2, 4]]
    assert "there is no checkpoint in this folder" in scene.said[0]
    assert scene.said[0].endswith("It is looked at again.")
    assert "3 checkpoints, up to step 4 (helpful). Last looked at" in scene.said[-1]


def test_a_checkpoint_that_is_being_written_is_left_until_it_is_whole(trained, tmp_path, monkeypatch):
    study, run, kept = trained
    arrive(run, kept, 1)
    weights = run / "checkpoint-2" / "adapter_model.safetensors"

    def half():
        arrive(run, kept, 2)
        weights.write_bytes(weights.read_bytes()[:-50])

    def whole_a_moment_ago():
        shutil.copy(kept / "checkpoint-2" / "adapter_model.safetensors", weights)

    def quiet():
        for one in (weights, weights.parent):
            os.utime(one, (time.time() - 100, time.time() - 100))

    scene = Scene(study, tmp_path, half, whole_a_moment_ago, quiet, lambda: None)
    scene.go(monkeypatch)
    assert scene.computed == [[0, 1], [0, 1, 2]]
    assert any("one more being written" in words for words in scene.said)


def test_what_changed_a_moment_ago_is_not_taken(trained, tmp_path):
    study, run, kept = trained
    arrive(run, kept, 1)
    arrive(run, kept, 2, age=1.0)
    record = settled(resolve(study, Store(tmp_path / "cache"), keep=False), {})
    assert [(node.step, node.status) for node in record.nodes] == [(0, "ready"), (1, "ready"), (2, "incomplete")]
    assert record.nodes[-1].finding == WRITING


def test_a_checkpoint_of_a_machine_whose_clock_is_ahead_is_taken_once_nothing_changes(trained, tmp_path, monkeypatch):
    study, run, kept = trained
    arrive(run, kept, 1)
    record, noticed, now = resolve(study, Store(tmp_path / "cache"), keep=False), {}, time.monotonic()
    ahead = time.time() + 1e6
    file = next(Path(record.ready[1].path).iterdir())

    def look(seconds: float) -> bool:
        monkeypatch.setattr(following.time, "monotonic", lambda: now + seconds)
        return settled(record, noticed).nodes[1].ready

    os.utime(file, (ahead, ahead))
    assert not look(0)
    os.utime(file, (ahead + 4, ahead + 4))  # it is still written
    assert not look(4)
    assert not look(8)
    assert look(10)


def test_it_ends_by_itself_when_nothing_comes(trained, tmp_path, monkeypatch):
    study, run, kept = trained
    arrive(run, kept, 1)
    scene = Scene(study, tmp_path)
    monkeypatch.setattr(following, "plan", lambda *_: type("", (), {"empty": True}))
    clock = iter(range(0, 10**6, 40))
    monkeypatch.setattr(following.time, "monotonic", lambda: float(next(clock)))
    record = follow(scene.look, scene.compute, scene.store, scene.said.append, lambda: False, every=1, idle=100)
    assert [node.step for node in record.path_of("helpful")] == [0, 1]


def test_a_folder_that_is_not_mounted_is_no_end(trained, tmp_path, monkeypatch):
    study, run, kept = trained
    arrive(run, kept, 1)
    away = run.with_name("away")
    scene = Scene(study, tmp_path, lambda: run.rename(away), lambda: None, lambda: away.rename(run), lambda: None)
    scene.go(monkeypatch)
    assert scene.computed == [[0, 1]]
    assert any("no such folder" in words for words in scene.said)


def test_a_whole_study_by_the_command(trained, tmp_path, monkeypatch, capsys):
    from phcore.cli.main import main

    study, run, kept = trained
    for step in (1, 2):
        arrive(run, kept, step)
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    file = study.write(tmp_path / "few.toml")
    assert main(["follow", str(file), "--every", "0.2", "--idle", "0.001", "--workers", "1", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "2 checkpoints, up to step 2" in said
    from phcore import Study

    assert Study.open(study.name, tmp_path / "cache").complete
