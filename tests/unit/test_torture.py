"""A short part of `make torture`: a few kills, a few damages, and some hundred spoilt files for every reader."""

import ast
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from phcore.archive.store import SCHEMA, Store
from scripts.torture import damage, files, fuzzing, network, readers, visitors
from scripts.torture.scene import contents
from scripts.torture.tally import Tally, table
from tests import studies

ROOT = Path(__file__).resolve().parents[2]
SLOW = {"speeds": 12, "checkpoints": 30, "tokenizer": 30, "packs": 10, "results": 20, "record": 20, "weights": 20,
        "archive of 0.3": 10, "conversations": 100, "stopped run": 100, "trial": 30}  # fmt: skip
SLOWEST = {
    "archive of 0.3",
    "packs",
    "results",
    "trial",
    "weights",
}  # a sixth of those here, the others in make test-long


@pytest.fixture
def unfinished(computed, tmp_path) -> Store:
    """A study without half of the results and the tables they are in; no model has to be read for them."""
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    gone = ("summaries", "distances", "velocities", "moves")
    for name in gone:
        shutil.rmtree(store.root / SCHEMA / name)
    studies.remove(studies.table_files(store, *gone))
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
        while not last and run.poll() is None and len(list(unfinished.root.glob(f"{SCHEMA}/*/*.parquet"))) < files:
            time.sleep(0.02)
        if not last:
            os.killpg(run.pid, signal.SIGKILL)
        said = run.communicate()[1]
        assert "Traceback" not in said, said
        assert contents(unfinished.root).items() >= before.items()
    assert run.returncode == 0, said
    assert contents(unfinished.root) == contents(computed[1])


def test_damaged_files_of_every_result_and_table(computed, tmp_path):
    """One damage per kind to the files of each result; a table is one file, and they take turns."""
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    dice, spoilt = random.Random(1), set()
    for number, kind in enumerate(damage.KINDS):
        for place, path in enumerate(damage.one_of_each(store.root, dice)):
            turn = path.parent.name != "tables" or place % len(damage.KINDS) == number
            if turn and path not in spoilt:
                spoilt.add(path)
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
    return files.prepare(place / "ready", finished)


def spoilt(one) -> list:
    """(reader, numbers of its spoilt files)."""
    count = SLOW.get(one.name, 300)
    here = count // 6 if one.name in SLOWEST else count
    more = (
        [pytest.param(one, range(here, count), id=f"{one.name}, more", marks=pytest.mark.long)] if here < count else []
    )
    return [pytest.param(one, range(here), id=one.name), *more]


@pytest.mark.parametrize(("one", "numbers"), [case for one in readers.READERS for case in spoilt(one)])
def test_a_reader_of_foreign_files_knows_only_faults(folder, one, numbers):
    one.read(folder)  # they are whole
    found = {}
    for number in numbers:
        if error := fuzzing.once(folder, one, random.Random(f"test {one.name} {number}")):
            found[error] = number
    assert found == {}


PARSERS = {
    "loads", "read_json", "from_json", "read_header", "read_table", "read_metadata", "ParquetFile", "safe_open",
    "load_file", "ZipFile", "open_stream", "from_pretrained", "reader", "DictReader", "read_csv", "read_parquet",
}  # fmt: skip


def parsing(path: Path) -> list[str]:
    """Where a file of the library parses files that did not come with the project, and that it has not just written."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = isinstance(node, ast.Call) and (getattr(node.func, "attr", "") or getattr(node.func, "id", ""))
        text = name in PARSERS and ast.unparse(node)
        if text and not any(own in text for own in ("__file__", "installed.APP", "dumps(", "'w'")):
            found.append(text)
    return found


def test_no_reader_is_forgotten():
    core = ROOT / "phcore"
    parse = {str(path.relative_to(core).with_suffix("")): parsing(path) for path in sorted(core.rglob("*.py"))}
    known = {module for one in readers.READERS for module in one.parsers}
    parse.pop("pipeline/errands")  # no file: what a Dask client hands to workers, which run whatever it says
    assert {module: calls for module, calls in parse.items() if calls and module not in known} == {}
    assert sorted(module for module in known if not (core / f"{module}.py").exists()) == []


def test_no_result_and_no_table_is_forgotten(folder, computed):
    from phcore.stages.registry import tables

    assert [one for one in readers.RESULTS if not any(folder.glob(one))] == []
    names = {path.stem.rsplit("-", 1)[0] for path in (computed[1] / SCHEMA / "tables").glob("*.parquet")}
    assert sorted({name for name, one in tables().items() if one.published} - names) == []


def test_no_command_is_forgotten():
    """Every one is called without a network; those that start a server are asked for a page."""
    from phcore.cli.main import COMMANDS

    assert {one.name for one in COMMANDS} - {words[0] for words in network.COMMANDS} == {"app", "serve"}


def test_growth_sees_a_leak_and_no_step():
    """Noise, one arena more, or warm caches are no leak; 1.5 MB a minute are one."""
    dice = np.random.default_rng(0)
    minutes = np.arange(0, 10, 1 / 30)
    level = 400 + dice.exponential(1, minutes.size)
    for memory, leaks in (
        (level, False),
        (level + 20 * (minutes > 7), False),
        (level - 100 * np.exp(-minutes), False),
        (level + 1.5 * minutes, True),
    ):
        assert (visitors.growth(list(zip(minutes * 60, memory, strict=True))) > visitors.MOST) == leaks


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
