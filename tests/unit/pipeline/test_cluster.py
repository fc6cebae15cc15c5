"""A study on the workers of a Dask scheduler: the bytes of a single process, whatever happens to a worker."""

import dataclasses
import json
import os
import pickle
import subprocess
import sys
import time
from collections import defaultdict
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest

from phcore import Fault
from phcore.archive.store import Store
from phcore.cli.main import main
from phcore.pipeline import cluster as clusters
from phcore.pipeline import errands
from phcore.pipeline.cluster import Cluster, cluster
from phcore.pipeline.plan import plan
from phcore.pipeline.reading import Cancelled, NotItsFault, checkpoints
from phcore.pipeline.run import Run
from phcore.study.resolve import resolve
from tests import models, studies
from tests.studies import contents

ROOT = Path(__file__).resolve().parents[3]


class Machines:
    """A scheduler and its workers, processes of their own that die with the tests."""

    def __init__(self, folder: Path):
        self.folder, self.workers = folder, []
        self.diary = folder / "diary"
        self.diary.touch()
        at = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", str(at))
        wait_for(lambda: at.exists() and at.stat().st_size)
        self.address = json.loads(at.read_text())["address"]

    def _start(self, *what: str) -> subprocess.Popen:
        own = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        own |= {
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
            "TESTS": str(os.getpid()),
            "DIARY": str(self.diary),
        }
        local = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", "--preload", f"tests.dask_{what[0]}"]
        command = [sys.executable, "-m", "dask", *what, *local]
        with open(self.folder / f"log-{what[0]}-{len(self.workers)}", "w") as log:
            return subprocess.Popen(command, cwd=self.folder, env=os.environ | own, stdout=log, stderr=log)

    def add(self, *options: str) -> subprocess.Popen:
        self.workers.append(self._start("worker", self.address, "--nthreads", "1", "--no-nanny", *options))
        return self.workers[-1]

    def arrive(self) -> None:
        """Wait until all workers are there."""
        logs = [self.folder / f"log-worker-{k}" for k in range(len(self.workers))]
        wait_for(lambda: all("Registered to" in log.read_text() for log in logs))

    def done(self) -> dict[str, list[int]]:
        """What was begun -> by which processes."""
        found = defaultdict(list)
        for line in self.diary.read_text().splitlines():
            number, _, what = line.partition(" ")
            found[what].append(int(number))
        return found

    def stop(self) -> None:
        for one in (*self.workers, self.scheduler):
            one.kill()
            one.wait()


def wait_for(met, seconds: float = 120) -> None:
    ends = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.fixture
def machines(tmp_path, without_judges):
    pytest.importorskip("distributed")
    (tmp_path / "machines").mkdir()
    found = Machines(tmp_path / "machines")
    yield found
    found.stop()


def computed(study, store, address, **options) -> tuple:
    record = resolve(study, store)
    with cluster(address, record, store) as workers:
        run = Run(record, store, workers, **options)
        return run.run(), run


def test_it_is_what_a_single_process_writes(machines, study, llama, tmp_path, undisturbed):
    """One worker has a GPU, as it says: it reads the models. One of them is refused there."""
    reader, other = machines.add("--resources", "GPU=1"), machines.add()
    models.build_adapter(study.series[0].path / "checkpoint-8", llama, seed=8)
    machines.arrive()
    store = Store(tmp_path / "cache")
    record, run = computed(study, store, machines.address)
    assert contents(store.root) == undisturbed
    assert run.warnings == ["helpful, step 8: its weights are those of another model. Pick the base it was trained on."]
    assert [node.status for node in record.nodes] == ["ready"] * 4 + ["refused"]
    by_whom = machines.done()
    assert {one for what, some in by_whom.items() for one in some if "step" in what} == {reader.pid}
    assert {one for some in by_whom.values() for one in some} == {reader.pid, other.pid}
    assert not list(store.root.glob(".dask*"))


@pytest.mark.long
def test_a_killed_worker_loses_nothing_and_repeats_its_own_work(machines, study, tmp_path, undisturbed):
    lost, _ = machines.add(), machines.add()
    machines.arrive()
    store, killed = Store(tmp_path / "cache"), []

    def kill(event):
        mine = sum(lost.pid in some for some in machines.done().values())
        if mine >= 8 and not killed:
            killed.append(lost.kill())

    computed(study, store, machines.address, on_event=kill)
    assert killed
    assert contents(store.root) == undisturbed
    twice = {what: some for what, some in machines.done().items() if len(some) > 1}
    assert all(lost.pid in some for some in twice.values()), twice
    assert len(twice) <= 3  # in its hands, or done and not yet told


@pytest.mark.long
def test_what_kills_its_workers_is_named(machines, study, tmp_path, monkeypatch):
    monkeypatch.setenv("DEADLY", "cells")
    first, second = machines.add(), machines.add()
    machines.arrive()  # else one that comes when the other is gone already is waited for, and nothing is named
    with pytest.raises(Fault, match=r"killed again and again, the last at .* of .*layer 1\. .*--memory-limit"):
        computed(study, Store(tmp_path / "cache"), machines.address)
    wait_for(lambda: first.poll() is not None and second.poll() is not None)


@pytest.mark.long
def test_a_run_goes_on_where_it_was_stopped(machines, study, tmp_path, undisturbed):
    """First the user stops it, then the last worker is killed, then the scheduler; a worker that comes late is met."""
    store, first = Store(tmp_path / "cache"), machines.add()
    with pytest.raises(Cancelled):
        computed(study, store, machines.address, cancelled=lambda: len(machines.done()) > 5)
    begun = len(machines.done())

    def kill_worker(event):
        if len(machines.done()) > begun + 5:
            first.kill()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clusters, "PATIENCE", 3.0)
        with pytest.raises(Fault, match=r"no worker is left at the scheduler tcp://.* dask worker tcp://"):
            computed(study, store, machines.address, on_event=kill_worker)
        patch.setattr(clusters, "ARRIVE", 0.5)
        with pytest.raises(Fault, match="no worker is connected to the scheduler"):
            computed(study, store, machines.address)
    machines.add()
    came = []

    def another(event):
        if not came and len(machines.done()) > begun + 12:
            came.append(machines.add())

    begun = len(machines.done())
    computed(study, store, machines.address, on_event=another)
    assert contents(store.root) == undisturbed
    (studies.remove(studies.files(store, "diagrams")), studies.remove(studies.files(store, "velocities")))
    begun = len(machines.done())

    def kill_scheduler(event):
        machines.scheduler.kill()

    with pytest.raises(Fault, match=r"the scheduler tcp://.* gives no answer any more"):
        computed(study, store, machines.address, on_event=kill_scheduler)
    started = time.monotonic()
    with pytest.raises(Fault, match=r"the scheduler tcp://.* cannot be reached"):
        computed(study, store, machines.address)
    assert time.monotonic() - started < 20


# --- who is met ---------------------------------------------------------------------------------------


@pytest.fixture
def asked(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    (tmp_path / ".mark.tmp").write_text("words")
    return errands.Asked(str(tmp_path), ".mark.tmp", "words", errands.versions())


def test_a_worker_that_is_like_this_machine_leaves_its_answer(asked, tmp_path):
    assert (tmp_path / errands.meet(asked)).read_text() == "words"


def test_a_worker_with_another_version_is_named(asked):
    for name, words in (("numpy", r"has numpy .*, not 0\.1"), (errands.DEFINITIONS, "another version of Toposcope")):
        other = tuple((one, "0.1" if one == name else version) for one, version in asked.versions)
        with pytest.raises(Fault, match=words):
            errands.meet(dataclasses.replace(asked, versions=other))


def test_a_worker_with_another_archive_is_named(asked, tmp_path):
    with pytest.raises(Fault, match="does not see the archive"):
        errands.meet(dataclasses.replace(asked, root=str(tmp_path / "elsewhere")))
    with pytest.raises(Fault, match="does not see the archive"):
        errands.meet(dataclasses.replace(asked, words="of another run"))
    assert not (tmp_path / "elsewhere").exists()


def test_a_worker_with_other_threads_is_named(asked, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "4")
    with pytest.raises(Fault, match="with several threads"):
        errands.meet(asked)


def odd():
    class Odd(Exception):
        """Of no module, and so of no pickle."""

    raise Odd("one and two")


def test_an_error_comes_back_even_where_it_cannot_be_rebuilt(asked, monkeypatch):
    """It is no error to Dask, whose clients wait for ever where a traceback cannot be rebuilt."""
    monkeypatch.setattr(errands, "meet", lambda asked: "")
    result, error = errands.perform(pickle.dumps((asked, odd, ())))
    assert (result, str(error)) == (None, "Odd: one and two")
    assert errands.perform(pickle.dumps((asked, abs, (-2,)))) == (2, None)


class Client:
    """Stands for one of Dask whose only worker answers `answers`, a function each."""

    scheduler = SimpleNamespace(address="tcp://scheduler:1")

    def __init__(self, resources=(), **answers):
        self.answers, self.resources = answers, dict(resources)

    def scheduler_info(self, n_workers):
        return {"workers": {"tcp://worker:2": {"nthreads": 2, "resources": self.resources}}}

    def get_executor(self, **_):
        return SimpleNamespace(submit=self.answers.get("submit"))

    def run_on_scheduler(self, function, *arguments):
        if "scheduler" in self.answers:
            raise self.answers["scheduler"]

    def run(self, function, *arguments, on_error, workers=None):
        answer = self.answers.get(function.__name__)
        return {"tcp://worker:2": answer or function(*arguments)}


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"scheduler": ModuleNotFoundError("No module named 'phcore'")}, "scheduler tcp://scheduler:1 cannot run Topo"),
        ({"meet": ModuleNotFoundError("No module named 'phcore'")}, "worker tcp://worker:2 cannot run Toposcope"),
        ({"meet": Fault("has numpy 1, not 2", "Install it")}, "worker tcp://worker:2 has numpy 1, not 2. Install it"),
        ({"meet": 5}, "worker tcp://worker:2 cannot run Toposcope"),
        ({"meet": "nothing.tmp"}, "what the worker tcp://worker:2 writes cannot be read in the archive"),
        ({}, "gone: the worker tcp://worker:2 cannot read it"),
    ],
)
def test_what_is_wrong_with_a_worker_is_a_sentence_with_its_address(asked, tmp_path, answers, words):
    with pytest.raises(Fault) as caught:
        clusters.meet(Client(**answers), asked, [str(tmp_path), str(tmp_path / "gone")])
    assert words in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("rubbish", [None, 5, "text", (1,), (1, 2, 3), (None, "an error"), {"result": 1}])
def test_a_worker_that_answers_rubbish_is_a_sentence_and_nobody_waits(asked, tmp_path, rubbish):
    def submit(*_):
        done = Future()
        done.set_result(rubbish)
        return done

    workers = Cluster(Client(submit=submit), asked, Store(tmp_path))
    with pytest.raises(Fault, match="gave no answer of this version"):
        workers.submit(print).result(timeout=5)
    with pytest.raises(NotItsFault):
        workers.read(SimpleNamespace(study=SimpleNamespace(device="cpu")), Store(tmp_path), None).result(timeout=5)


def test_a_scheduler_that_is_lost_leaves_no_checkpoint_out(asked, tmp_path):
    def refuse(*_):
        raise RuntimeError("the client is closed")

    workers = Cluster(Client(submit=refuse), asked, Store(tmp_path))
    with pytest.raises(Fault, match=r"gives no answer any more \(the client is closed"):
        workers.submit(print).result()
    study = SimpleNamespace(device="cpu")
    with pytest.raises(NotItsFault):
        workers.read(SimpleNamespace(study=study), Store(tmp_path), None).result()
    assert (workers.parallel, workers.readers) == (2, 1)
    assert "--nthreads 1" in workers.notes[0]
    assert Cluster(Client({"GPU": 3}), asked, Store(tmp_path)).readers == 3


def test_a_folder_that_one_worker_does_not_see_leaves_no_checkpoint_out(asked, tmp_path):
    workers = Cluster(Client(), asked, Store(tmp_path))
    assert isinstance(workers.said(errands.Unseen("the worker cannot read it", "Mount it", tmp_path)), NotItsFault)
    gone = workers.said(errands.Unseen("the worker cannot read it", "Mount it", tmp_path / "gone"))
    assert (type(gone), gone.fault) == (Fault, "there is no such folder")


# --- what a worker does ---------------------------------------------------------------------------------


def test_a_worker_keeps_the_base_for_the_next_checkpoint_and_not_for_ever(study, tmp_path, monkeypatch):
    import torch

    from phcore.activations import loading

    whole, loads, store = loading.load_model, [], Store(tmp_path / "cache")

    def load_model(path, dtype, device):
        loads.append(torch.get_num_threads())
        return whole(path, dtype, device)

    monkeypatch.setattr(loading, "load_model", load_model)
    worker = SimpleNamespace(state=SimpleNamespace(tasks={}), get_current_task=lambda: "")
    monkeypatch.setattr(errands, "_worker", lambda: worker)
    record = resolve(study, store)
    wanted = checkpoints(record, plan(record, store).readings)
    for one in wanted[:3]:
        done = errands.read(str(store.root), record, one, "cpu", 2)
        assert done.units == one.units
        assert all(store.has(*unit.file) for unit in one.units)
    assert loads == [2]  # with the threads that were asked for, which change how sums are rounded
    assert errands.read(str(store.root), record, wanted[0], "cpu", 1).units == ()  # it is there
    monkeypatch.setattr(errands, "KEPT_SECONDS", 0.0)
    errands.read(str(store.root), record, wanted[3], "cpu", 1)
    wait_for(lambda: not errands._kept)
    worker.state.tasks[""] = SimpleNamespace(state="cancelled")
    with pytest.raises(Cancelled):
        errands.read(str(store.root), record, wanted[-1], "cpu", 1)


# --- what is asked for --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--executor", "dask"], "needs the address of a scheduler. Name it: --scheduler tcp://127.0.0.1:8786"),
        (["--executor", "dask", "--scheduler", "http://127.0.0.1:1"], "http://127.0.0.1:1 cannot be reached"),
        (["--scheduler", "tcp://127.0.0.1:1"], "--scheduler is that of --executor dask"),
    ],
)
@pytest.mark.parametrize("command", ["compute", "estimate"])
def test_what_was_asked_for_wrongly_is_a_sentence(command, flags, words, study, tmp_path, monkeypatch, capsys):
    pytest.importorskip("distributed")
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    assert main([command, str(study.write(tmp_path / "tiny.toml")), *flags]) == 1
    assert words in capsys.readouterr().err


def test_without_dask_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(Fault, match=r"pip install 'toposcope\[dask\]'"):
        clusters.connected("tcp://127.0.0.1:1")
