"""A computation as a process of its own: watched, cancelled, crashed, queued."""

import json
import os
import shutil
import signal
import time
from contextlib import suppress

import pytest

from phcore.archive.store import SCHEMA, Store
from phcore.pipeline import jobs
from tests import studies


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache")


ENDED = ("cancelled", "crashed", "done", "failed")


def wait(store, name, *states):
    """Until the job is in one of the states."""
    while True:
        jobs.enforce(store, name)
        current = jobs.status(store, name)
        if current and current.state in states:
            return current
        assert not current or current.state not in ENDED, current
        time.sleep(0.05)


@pytest.fixture
def read_file(computed, store, tmp_path):
    """A study of which the models have been read, and nothing else is there: no process has to load torch."""
    studies.copy_readings(computed[1], store)

    def of(*series):
        kept = tuple(one for one in computed[0].series if one.name in series)
        return computed[0].with_(series=kept, **studies.FEW).write(tmp_path / "tiny.toml")

    return of


def ended_by(stop, computed, store, file):
    """How a job ends that `stop` has ended: started anew where that came too late, as it may on a busy machine."""
    while True:
        started = jobs.start(store, "tiny", ["compute", str(file), "--workers", "1"])
        wait(store, "tiny", "running", "done")
        with suppress(ProcessLookupError):
            stop(started)
        ended = wait(store, "tiny", *ENDED)
        if ended.state != "done":
            return ended
        shutil.rmtree(store.root / SCHEMA)
        studies.copy_readings(computed[1], store)


def test_a_job_runs_to_its_end_and_leaves_its_words(store, read_file):
    study_file = read_file("harmless")  # whose last checkpoint is damaged
    started = jobs.start(store, "tiny", ["compute", str(study_file), "--workers", "1"])
    assert started.active
    done = wait(store, "tiny", "done")
    assert done.share == 1
    assert "Finished: study tiny; 1 checkpoints were left out" in done.message
    assert [one.name for one in jobs.all_jobs(store)] == ["tiny"]
    again = jobs.start(store, "tiny", ["compute", str(study_file), "--workers", "1"])
    assert again.pid != started.pid
    assert "Nothing was missing" in wait(store, "tiny", "done").message


def test_a_job_gives_way_to_the_pages(store, read_file):
    started = jobs.start(store, "tiny", ["compute", str(read_file("helpful")), "--workers", "1"])
    assert os.getpriority(os.PRIO_PROCESS, started.pid) >= jobs.NICENESS
    os.killpg(started.pid, signal.SIGKILL)


def test_a_second_click_starts_nothing(store, read_file):
    file = read_file("full")
    first = jobs.start(store, "tiny", ["compute", str(file), "--workers", "1"])
    second = jobs.start(store, "tiny", ["compute", str(file), "--workers", "1"])
    assert second.pid == first.pid
    jobs.cancel(store, "tiny")
    assert not wait(store, "tiny", "cancelled", "done").active


def test_cancel_stops_and_keeps_what_is_finished(computed, store, read_file):
    file = read_file("full")
    ended = ended_by(lambda started: jobs.cancel(store, "tiny"), computed, store, file)
    assert ended.state == "cancelled"
    assert not ended.active
    jobs.start(store, "tiny", ["compute", str(file), "--workers", "1"])
    assert wait(store, "tiny", "done").message.startswith("Finished")


def test_a_killed_job_is_crashed_and_not_running_for_ever(computed, store, read_file):
    ended = ended_by(lambda started: os.killpg(started.pid, signal.SIGKILL), computed, store, read_file("full"))
    assert ended.state == "crashed"
    assert "process was killed" in ended.message


def test_a_failed_job_says_why(store, tmp_path):
    missing = tmp_path / "none.toml"
    jobs.start(store, "none", ["compute", str(missing)])
    failed = wait(store, "none", "failed")
    assert "no such study file" in failed.message


def test_a_job_that_does_not_stop_is_killed(store, monkeypatch, tmp_path):
    """A process that ignores the request to stop: here, one that only sleeps."""
    import subprocess
    import sys

    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    place = jobs.folder(store, "deaf")
    place.mkdir(parents=True)
    plain = {"name": "deaf", "state": "running", "pid": process.pid}
    (place / "status.json").write_text(json.dumps(plain))
    monkeypatch.setattr(jobs, "PATIENCE", 0.0)
    jobs.cancel(store, "deaf")
    assert wait(store, "deaf", "cancelled")
    assert process.wait() == -signal.SIGKILL


def test_a_reused_pid_is_not_the_job(store):
    place = jobs.folder(store, "old")
    place.mkdir(parents=True)
    plain = {"name": "old", "state": "running", "pid": os.getpid(), "born": 1.0}
    (place / "status.json").write_text(json.dumps(plain))
    assert jobs.status(store, "old").state == "crashed"


def test_a_broken_status_is_no_job(store):
    place = jobs.folder(store, "odd")
    place.mkdir(parents=True)
    (place / "status.json").write_text("{")
    assert jobs.status(store, "odd") is None


def test_one_job_at_a_time(store):
    first, second = jobs.Reporter(store, "a"), jobs.Reporter(store, "b")
    with first.turn():
        (jobs.folder(store, "b") / "cancel").touch()
        with pytest.raises(KeyboardInterrupt), second.turn():
            raise AssertionError("two jobs had their turn at once")
        assert second.current.state == "queued"
    (jobs.folder(store, "b") / "cancel").unlink()
    with second.turn():
        assert second.current.state == "running"
