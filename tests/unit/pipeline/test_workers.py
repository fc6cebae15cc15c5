"""Processes beside the run: light, and of one thread each."""

import os
import platform

import pytest

from phcore.archive.store import Store
from phcore.errors import Fault
from phcore.pipeline.plan import all_units
from phcore.pipeline.workers import ALLOCATOR, LINEAR_ALGEBRA, pool
from phcore.stages.registry import assembly, files, results
from phcore.study import kept
from tests import studies

HEAVY = ("torch", "transformers", "peft", "streamlit", "altair")


# Asked in words, because functions of this file would import it, and with it all that it imports.
IMPORTED = f"[name for name in {HEAVY} if name in __import__('sys').modules]"
SETTINGS = f"{{name: __import__('os').environ.get(name) for name in {LINEAR_ALGEBRA}}}"


def test_no_worker_imports_what_reads_models_or_draws(computed, tmp_path, far_work):
    """One unit of each result, and each table, in a process as a run has them."""
    record = kept.read(Store(computed[1]), "tiny")
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    units = {unit.kind: unit for unit in all_units(record) if not unit.reads_a_model}
    with pool(1) as executor:
        for unit in units.values():
            if unit.place is None:
                executor.submit(assembly.compute, str(store.root), record, unit.name).result()
            else:
                one = results()[unit.name]
                needs, given = files.needed(record, unit.place, one), files.given(record, unit.place, one)
                executor.submit(files.compute, str(store.root), unit.name, unit.file[1], needs, given).result()
            assert executor.submit(eval, IMPORTED).result() == [], unit.kind


def test_workers_are_single_threaded_and_nobody_else_is(monkeypatch, far_work):
    for name in LINEAR_ALGEBRA:
        monkeypatch.setenv(name, "7")
    with pool(1) as executor:
        assert executor.submit(eval, SETTINGS).result() == dict.fromkeys(LINEAR_ALGEBRA, "1")
    assert eval(SETTINGS) == dict.fromkeys(LINEAR_ALGEBRA, "7")


# 50 arrays of 0.5 MB, each gone before the next: pages that the system has to clear
CLEARED = (
    "(lambda usage, np: [usage(0).ru_minflt, [np.ones(2**16).sum() for _ in range(50)], usage(0).ru_minflt])"
    "(__import__('resource').getrusage, __import__('numpy'))"
)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have other settings")
def test_memory_that_a_worker_freed_is_not_cleared_anew_for_the_next_array(far_work):
    with pool(1) as executor:
        executor.submit(eval, CLEARED).result()
        before, _, after = executor.submit(eval, CLEARED).result()
    assert after - before < 128  # pages, of 6,400
    assert not ALLOCATOR.keys() & os.environ.keys()


def test_no_worker_at_all_is_refused():
    with pytest.raises(Fault, match="--workers 0"), pool(0):
        pass
