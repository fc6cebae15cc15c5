"""A short part of `make torture`: a few kills, a few damages, and some hundred spoilt files for every reader."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from phcore.archive.store import SCHEMA, Store
from scripts.torture import damage, fuzzing, readers
from scripts.torture.scene import contents
from scripts.torture.tally import Tally, table
from tests import studies

ROOT = Path(__file__).resolve().parents[2]
SLOW = {"speeds": 40, "checkpoints": 60, "tokenizer": 30, "packs": 20, "results": 40, "record": 40}


@pytest.fixture
def unfinished(computed, tmp_path) -> Store:
    """A study without the tables and half of the results; no model has to be read for them."""
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    for name in ("summaries", "distances", "velocities", "moves", "tables"):
        shutil.rmtree(store.root / SCHEMA / name)
    return store


def test_killed_again_and_again_it_ends_the_same(computed, unfinished, tmp_path):
    command = [sys.executable, "-m", "phcore", "compute", "tiny", "--workers", "1"]
    environment = os.environ | {"PHCORE_CACHE": str(unfinished.root), "PYTHONPATH": str(ROOT)}
    dice = random.Random(1)
    for last in (False, False, True):
        before = contents(unfinished.root)
        run = subprocess.Popen(
            command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True, text=True
        )
        files = len(before) + dice.randint(1, 40)
        while not last and run.poll() is None and len(contents(unfinished.root)) < files:
            time.sleep(0.02)
        if not last:
            os.killpg(run.pid, signal.SIGKILL)
        said = run.communicate()[1]
        assert "Traceback" not in said, said
        assert contents(unfinished.root).items() >= before.items()
    assert run.returncode == 0, said
    assert contents(unfinished.root) == contents(computed[1])


@pytest.mark.parametrize("kind", damage.KINDS)
def test_a_damaged_file_of_every_result_and_table(computed, tmp_path, kind):
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    dice = random.Random(kind)
    for path in damage.one_of_each(store.root, dice):
        studies.overwrite(path, damage.damaged(path.read_bytes(), kind, dice))
    from phcore.stages.registry import assembly
    from phcore.study import kept

    store.verify(assembly.named(kept.read(store, "tiny")))
    studies.compute(study, store)
    right = contents(cache)
    for name, digest in contents(store.root).items():
        assert digest == right[name] or damage.same(store.root / SCHEMA / name, cache / SCHEMA / name), name


@pytest.fixture(scope="module")
def folder(computed, llama, tmp_path_factory) -> Path:
    """All files that are read, whole."""
    study, cache = computed
    place = tmp_path_factory.mktemp("readers")
    finished = place / "finished"
    studies.copy_archive(cache, finished / "cache")
    shutil.copytree(llama, finished / "base")
    shutil.copytree(study.series[0].path.parent, finished / "runs")
    shutil.copy2(study.probes, finished / "probes.jsonl")
    study.write(finished / "study.toml")
    return readers.prepare(place / "ready", finished)


@pytest.mark.parametrize("one", readers.READERS, ids=lambda one: one.name)
def test_a_reader_of_foreign_files_knows_only_faults(folder, one):
    one.read(folder)  # they are whole
    found = {}
    for number in range(SLOW.get(one.name, 300)):
        if error := fuzzing.once(folder, one, random.Random(f"test {one.name} {number}")):
            found[error] = number
    assert found == {}


def test_the_table_counts_trials_and_what_they_found():
    tally = Tally("kills")
    with tally.trial("one"):
        pass
    with tally.trial("two") as trouble:
        trouble.add("wrong", "other bytes")
    with tally.trial("three"):
        raise KeyError("the attack's own mistake")
    assert tally.row() == ["kills", "3", "1", "0", "1", "0", "1", "0"]
    assert not tally.clean
    assert table([tally]).count("\n") == 2
