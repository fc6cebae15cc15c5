"""What goes wrong while a study is computed costs itself alone, and no wrong number is kept."""

import dataclasses
import errno
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from phcore import Fault
from phcore.archive import store as archive
from phcore.archive.store import SCHEMA, Store
from phcore.errors import Unusable
from phcore.export.results import Results
from phcore.pipeline.plan import plan
from phcore.pipeline.run import Run
from phcore.pipeline.workers import pool
from phcore.stages.registry import assembly, results
from phcore.stages.registry.result import Missing
from phcore.study import resolve as resolving
from phcore.study.resolve import resolve
from tests import models, studies
from tests.studies import contents

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.usefixtures("without_judges")


@pytest.fixture
def computed_store(peaceful, tmp_path):
    """An archive with all of them, where a test is about what comes later."""
    studies.copy_archive(peaceful / SCHEMA, tmp_path / "cache" / SCHEMA)
    return Store(tmp_path / "cache")


@pytest.fixture
def read_store(peaceful, tmp_path):
    """An archive with what was read from models, where a test is about what is computed from it."""
    store = Store(tmp_path / "cache")
    studies.copy_readings(peaceful, store)
    return store


@pytest.fixture
def loading(monkeypatch):
    """Call a function with each checkpoint's path when it is about to be loaded."""
    from phcore import activations

    whole, calls = activations.Loader.open, []

    def opened(self, path, kind):
        for call in calls:
            call(path)
        return whole(self, path, kind)

    monkeypatch.setattr(activations.Loader, "open", opened)
    return calls.append


def other_weights(folder, base, target) -> None:
    """Another adapter in place of that of a folder."""
    models.build_adapter(target, base, seed=99)
    shutil.copy2(target / "adapter_model.safetensors", folder / "adapter_model.safetensors")


# --- company --------------------------------------------------------------------------------------------


# Each opens its first model only when the other is about to open one, too: whatever the machine is busy with. Both are
# forks of one that has imported torch, and the processes that work for them do not import it at all. What was imported
# is not looked through for garbage after each model, and no table judges others, as in all tests here.
AT_ONCE = """
import gc, os, sys, time
from pathlib import Path

def opened(self, path, kind):
    here.touch()
    while not there.exists():
        time.sleep(0.05)
    return whole(self, path, kind)

if __name__ == "__main__":
    from phcore import activations
    from phcore.cli.main import main
    from phcore.stages.registry import tables
    for one in list(tables().values()):
        if one.evidence or not tables().keys() >= set(one.needs):
            del tables()[one.name]
    here, there = Path(sys.argv.pop(1)), Path(sys.argv.pop(1))
    whole, activations.Loader.open = activations.Loader.open, opened
    gc.collect(), gc.freeze()
    other = os.fork()
    if not other:
        here, there = there, here
    code = main()
    if other:
        code = code or os.waitstatus_to_exitcode(os.waitpid(other, 0)[1])
    sys.exit(code)
"""


@pytest.mark.long
def test_two_processes_read_the_same_models_at_once(study, undisturbed, tmp_path):
    path, cache = study.write(tmp_path / "tiny.toml"), tmp_path / "cache"
    program = tmp_path / "at_once.py"
    program.write_text(AT_ONCE)
    signs = [tmp_path / "first", tmp_path / "second"]
    command = ["compute", str(path), "--workers", "1", "--device", "cpu"]
    environment = os.environ | {"PHCORE_CACHE": str(cache), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    both = subprocess.run(
        [sys.executable, str(program), *map(str, signs), *command],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert both.returncode == 0, both.stderr[-2000:]
    assert "Traceback" not in both.stderr
    assert all(sign.exists() for sign in signs)
    found = contents(cache)
    assert {name: found.get(name) for name in undisturbed} == undisturbed
    assert not (cache / "damaged").exists()
    assert not list(cache.rglob(".*.tmp"))


# --- weights that change under it ---------------------------------------------------------------------


def test_weights_that_were_replaced_are_not_kept_under_the_old_name(study, llama, tmp_path, loading, undisturbed):
    folder, right, done = study.series[0].path / "checkpoint-2", tmp_path / "right", []
    shutil.copytree(folder, right)

    def replace(path):
        if str(path).endswith("checkpoint-2") and not done:
            done.append(other_weights(folder, llama, tmp_path / "other"))

    loading(replace)
    store = Store(tmp_path / "cache")
    record, run = studies.compute(study, store)
    assert any("weights changed while they were read" in words for words in run.warnings)
    assert [node.step for node in record.path_of("helpful")] == [0, 1, 4]
    shutil.copy2(right / "adapter_model.safetensors", folder / "adapter_model.safetensors")
    studies.compute(study, store)
    assert contents(store.root).items() >= undisturbed.items()


def test_weights_that_were_put_back_in_time_are_noticed(study, llama, tmp_path, loading):
    """Right before and after, wrong in between: what was loaded is not known."""
    folder = study.series[0].path / "checkpoint-2"

    def swap(path):
        if str(path).endswith("checkpoint-2"):
            shutil.move(folder / "adapter_model.safetensors", tmp_path / "kept")
            shutil.move(tmp_path / "kept", folder / "adapter_model.safetensors")

    loading(swap)
    record, _ = studies.compute(study, Store(tmp_path / "cache"))
    assert [node.step for node in record.path_of("helpful")] == [0, 1, 4]


@pytest.mark.parametrize("name", ["helpful", "full"])
def test_a_folder_that_is_another_while_it_is_read_is_noticed(llama, tmp_path, monkeypatch, name):
    """And put back afterwards: no file of it has changed."""
    from phcore import activations

    study = studies.build_few(tmp_path, llama, "helpful", "full")
    folder = next(one.path for one in study.series if one.name == name) / "checkpoint-2"
    other, kept = shutil.copytree(folder, tmp_path / "other"), tmp_path / "kept"
    honest = activations.Loader.open

    def swapped(self, place, kind):
        if str(place) != str(folder):
            return honest(self, place, kind)
        for one, where in ((folder, kept), (other, folder)):
            os.rename(one, where)
        try:
            return honest(self, place, kind)
        finally:
            for one, where in ((folder, other), (kept, folder)):
                os.rename(one, where)

    monkeypatch.setattr(activations.Loader, "open", swapped)
    record, run = studies.compute(study, Store(tmp_path / "cache"))
    assert any("weights changed while they were read" in words for words in run.warnings)
    assert 2 not in [node.step for node in record.path_of(name)]


def test_a_base_that_changes_ends_the_run(study, llama, tmp_path, loading):
    base = tmp_path / "base"
    shutil.copytree(llama, base)

    def touch(path):
        if str(path).endswith("checkpoint-1"):
            os.utime(base / "model.safetensors")

    loading(touch)
    with pytest.raises(Fault, match="base: the weights changed while they were read"):
        studies.compute(study.with_(model=base), Store(tmp_path / "cache"))


def test_a_refusal_of_half_a_file_is_not_remembered(study, llama, tmp_path, loading, undisturbed):
    folder = study.series[0].path / "checkpoint-2"
    file, whole = folder / "adapter_model.safetensors", (folder / "adapter_model.safetensors").read_bytes()

    def half(path):
        if str(path).endswith("checkpoint-2") and file.read_bytes() == whole:
            file.write_bytes(whole[:-10])
            raise Unusable("the file is cut short", "Copy it again", path)

    loading(half)
    store = Store(tmp_path / "cache")
    record, _ = studies.compute(study, store)
    assert {node.status for node in record.nodes} == {"ready", "failed"}
    file.write_bytes(whole)
    loading(lambda path: None)
    assert all(node.ready for node in resolve(study, store).nodes)


def test_a_refusal_is_forgotten_with_another_library(study, tmp_path, loading, monkeypatch):
    def refuse(path):
        if str(path).endswith("checkpoint-2"):
            raise Unusable("its type is unknown", "Use another", path)

    loading(refuse)
    store = Store(tmp_path / "cache")
    studies.compute(study, store)
    assert [node.status for node in resolve(study, store).nodes].count("refused") == 1
    monkeypatch.setattr(resolving, "libraries", lambda: "transformers 99")
    assert all(node.ready for node in resolve(study, store).nodes)


def test_a_model_that_raises_while_it_is_read_costs_itself_alone(study, tmp_path, loading):
    def fail(path):
        if str(path).endswith("checkpoint-2"):
            raise IndexError("tuple index out of range")

    loading(fail)
    record, run = studies.compute(study, Store(tmp_path / "cache"))
    assert [node.step for node in record.path_of("helpful")] == [0, 1, 4]
    assert any("IndexError: tuple index out of range" in words for words in run.warnings)


def test_weights_that_hold_nan_are_told_with_their_checkpoint(study, tmp_path):
    from safetensors.numpy import load_file, save_file

    file = next(study.series[0].path.glob("checkpoint-2/adapter_model.safetensors"))
    save_file({name: one * float("nan") for name, one in load_file(file).items()}, file, metadata={"format": "pt"})
    _, run = studies.compute(study, Store(tmp_path / "cache"))
    assert any("step 2: Hidden states of all prompts are not finite" in words for words in run.warnings)


# --- the archive --------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["Barcodes", "Tables"])
def test_an_archive_that_is_deleted_under_it_ends_the_same(study, tmp_path, undisturbed, stage, far_work):
    store, gone = Store(tmp_path / "cache"), []

    def delete(event):
        if event.stage == stage and event.done >= 2 and not gone:
            gone.append(shutil.rmtree(store.root, ignore_errors=True))  # what is written meanwhile stays

    studies.compute(study, store, on_event=delete)
    assert gone
    # What was made from second readings may have been written while they were deleted: they are for it alone.
    needed = {name: data for name, data in undisturbed.items() if "/second_clouds/" not in name}
    assert {name: data for name, data in contents(store.root).items() if name in needed} == needed
    assert Results.open("tiny", store).finished


def test_parts_that_vanish_as_they_are_counted_make_no_table(study, computed_store, monkeypatch):
    record, counted = resolve(study, computed_store), Store.rows

    def vanish(self, folder, key):
        shutil.rmtree(self.root / SCHEMA / folder, ignore_errors=True)
        return counted(self, folder, key)

    monkeypatch.setattr(Store, "rows", vanish)
    with pytest.raises(Missing, match="files of the table distances are missing"):
        assembly.publish(record, computed_store, "distances")


@pytest.mark.parametrize("damage", ["zero", "flipped", "truncated"])
def test_all_clouds_damaged_are_mended_in_one_run(study, computed_store, undisturbed, damage):
    store = computed_store
    for path in studies.files(store, "clouds"):
        data = path.read_bytes()
        spoiled = {"zero": b"", "truncated": data[: len(data) // 2], "flipped": data[:4] + bytes(56) + data[60:]}
        studies.overwrite(path, spoiled[damage])
    shutil.rmtree(store.root / SCHEMA / "diagrams")  # so that the clouds are needed
    studies.compute(study, Store(store.root))
    assert contents(store.root) == undisturbed


def test_what_is_damaged_is_found_without_being_needed(study, computed_store, undisturbed):
    store = computed_store
    record, _ = studies.compute(study, store)
    path = studies.files(store, "diagrams")[0]
    data = path.read_bytes()
    studies.overwrite(path, data[:4] + bytes(30) + data[34:])
    assert plan(record, store).empty
    store.verify([("diagrams", path.stem)])
    assert path.name in store.damaged[0]
    studies.compute(study, store)
    assert contents(store.root) == undisturbed


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_is_a_sentence(study, read_store, monkeypatch, reason):
    store = read_store
    before = len(list((store.root / SCHEMA).rglob("*.parquet")))
    record = resolve(study, store)
    whole = os.fsync

    def refuse(descriptor):
        if len(list((store.root / SCHEMA).rglob("*.parquet"))) > before + 3:
            raise OSError(reason, os.strerror(reason))
        return whole(descriptor)

    monkeypatch.setattr(archive.os, "fsync", refuse)
    with pytest.raises(Fault, match="cannot be written") as caught, ThreadPoolExecutor(1) as executor:
        Run(record, store, executor).run()
    assert os.strerror(reason).lower() in str(caught.value)
    assert ("Make room" in str(caught.value)) == (reason == errno.ENOSPC)
    assert not list(store.root.rglob("*.tmp"))


def test_files_of_an_archive_are_nobody_elses(study, tmp_path):
    store = Store(tmp_path / "cache")
    resolve(study, store)
    assert {one.stat().st_mode & 0o077 for one in store.root.rglob("*") if one.is_file()} == {0}


# --- workers ------------------------------------------------------------------------------------------


def test_a_killed_worker_is_replaced(study, read_store, undisturbed, far_work):
    store, killed = read_store, []
    record = resolve(study, store)

    def kill(event):
        if event.stage == "Barcodes" and event.done >= 1 and len(killed) < 2:
            for one in psutil.Process().children(recursive=True):
                if one.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(one.cmdline()):
                    one.kill()
                    killed.append(one.pid)
                    break

    with pool(1) as executor:
        run = Run(record, store, executor, kill)
        run.run()
    assert len(killed) == 2
    assert "A worker process was killed; its work is done again." in run.warnings
    assert contents(store.root) == undisturbed


def test_workers_that_keep_dying_are_a_sentence(study, read_store, monkeypatch, far_work):
    store = read_store
    record = resolve(study, store)
    with pool(1) as executor:
        whole = executor.submit
        monkeypatch.setattr(executor, "submit", lambda *_: whole(os._exit, 1))
        with pytest.raises(Fault, match=r"killed again and again.*--workers 1"):
            Run(record, store, executor).run()


def test_a_result_that_raises_is_named_and_the_others_are_computed(study, read_store, monkeypatch):
    def broken(**_):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setitem(results(), "geometry", dataclasses.replace(results()["geometry"], compute=broken))
    store = read_store
    record = resolve(study, store)
    with pytest.raises(Fault, match=r"geometry of .*ZeroDivisionError: division by zero.* and \d more"):
        studies.compute(study, store)
    todo = plan(record, store)
    assert {unit.name for unit in todo.units if unit.place} == {"geometry"}
    assert Results.open("tiny", store).complete
