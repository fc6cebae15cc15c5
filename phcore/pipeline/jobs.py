"""A computation as a process of its own, with its state on disk.

A job lives in `cache/jobs/<name>/`: `status.json` (replaced as one step), `log.txt`, and `cancel`, a file whose
presence asks it to stop. So it survives a page refresh and a restart of the app, any process can watch it,
and Ctrl-C on the server does not kill it. One job computes at a time; others wait their turn.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import psutil

from phcore.archive import installed
from phcore.archive.store import Store
from phcore.archive.typed import from_json
from phcore.archive.writing import locked, open_plain, read_plain
from phcore.checkpoints.mirror import watched
from phcore.errors import Fault
from phcore.formatting import mirror

RUNNING = ("starting", "queued", "running")
HEARTBEAT = 2.0  # seconds between writes of the status at the most
PATIENCE = 10.0  # seconds a job gets to stop by itself before it is killed
NICENESS = 10  # of a job: where it wants what pages need to be drawn, it gets a tenth of it
_NAME = re.compile(r"@?[A-Za-z0-9][A-Za-z0-9._-]*")  # of a study, or of a job that no study can be called


@dataclass(frozen=True)
class Status:
    """What a job is doing. `state` is starting, queued, running, done, cancelled, failed or crashed."""

    name: str
    state: str = "starting"
    stage: str = ""
    label: str = ""
    done: float = 0.0
    total: int = 0
    share: float = 0.0
    seconds_left: float | None = None
    message: str = ""
    warnings: tuple[str, ...] = ()
    pid: int = 0
    born: float = 0.0  # the process's own start time: a pid alone may be somebody else's by now
    started: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)

    @property
    def active(self) -> bool:
        return self.state in RUNNING


def folder(store: Store, name: str) -> Path:
    """Where the state of a job lies.

    Raises
    ------
    Fault
        where the name could lead to another folder.
    """
    if _NAME.fullmatch(name) is None:
        raise Fault(f"no job is called {name[:80]!r}", "Use the name of a study")
    return store.root / "jobs" / name


def start(store: Store, name: str, arguments: Sequence[str]) -> Status:
    """Start `python -m phcore <arguments> --job <name>`, unless that job is under way already.

    Raises
    ------
    Fault
        where the archive is only read.
    """
    store.refuse_writing("compute")
    place = folder(store, name)
    place.mkdir(parents=True, exist_ok=True)
    with locked(place / "start.lock"):  # two clicks at once start one process
        current = status(store, name)
        if current and current.active:
            return current
        (place / "cancel").unlink(missing_ok=True)
        here = {"PHCORE_CACHE": str(store.root), "PHCORE_MIRROR": str(mirror())}  # wherever it runs
        environment = os.environ | here | {"PYTHONUNBUFFERED": "1"}
        with open_plain(place / "log.txt", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "phcore", *arguments, "--job", name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # not killed with the server, and killable with its children
                env=environment,
                cwd=installed.APP,
            )
        polite = max(NICENESS, os.getpriority(os.PRIO_PROCESS, process.pid))  # as are the workers that it starts
        os.setpriority(os.PRIO_PROCESS, process.pid, polite)
        first = Status(name, pid=process.pid, born=_born(process.pid))
        _write(store, first)
        _children[process.pid] = process
        return first


_children: dict[int, subprocess.Popen] = {}  # polled, or a finished child would stay a zombie that looks alive


def status(store: Store, name: str) -> Status | None:
    """The job's state; `crashed` where its process is gone without having said how it ended.

    Where the archive is only read it tells of studies that are served, in no words of the job's own.
    """
    here = store.permissions
    if here.read_only:
        return _in_public(_read(folder(store, name))) if here.serves(name) and not name.startswith("@") else None
    place = folder(store, name)
    current = _read(place)
    if current is None or not current.active:
        return current
    if current.pid in _children:
        _children[current.pid].poll()
    if _alive(current):
        return current
    current = _read(place) or current  # it may have finished between the two looks
    if not current.active:
        return current
    crashed = replace(current, state="crashed", seconds_left=None, message=_last_words(place))
    _write(store, crashed)
    return crashed


def _in_public(current: Status | None) -> Status | None:
    """A state without words, which may name folders and prompts, and as dead as its process."""
    if current is None:
        return None
    state = "crashed" if current.active and not _alive(current) else current.state
    return replace(current, state=state, label="", message="", warnings=(), pid=0, born=0.0)


def cancel(store: Store, name: str) -> None:
    """Ask the job to stop; `enforce` kills it where it does not."""
    store.refuse_writing("stop a computation")
    if (current := status(store, name)) and current.active:
        (folder(store, name) / "cancel").touch()


def enforce(store: Store, name: str) -> None:
    """Kill a job that was asked to stop and has not after `PATIENCE` seconds. Call it while watching."""
    store.refuse_writing("stop a computation")
    asked = folder(store, name) / "cancel"
    current = status(store, name)
    if not (current and current.active and asked.exists()):
        return
    if time.time() - asked.stat().st_mtime > PATIENCE:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(current.pid, signal.SIGKILL)
        _write(store, replace(current, state="cancelled", message="Stopped."))


def all_jobs(store: Store) -> list[Status]:
    """Every job of this archive, the latest first."""
    places = (store.root / "jobs").glob("*/status.json")
    found = (status(store, place.parent.name) for place in places)
    return sorted((one for one in found if one), key=lambda one: -one.started)


# --- the other side: inside the job's process -----------------------------------------------------


class Reporter:
    """Writes a job's status from inside its process, at most every `HEARTBEAT` seconds unless something ended."""

    def __init__(self, store: Store, name: str):
        store.refuse_writing("compute")
        self.store, self.place = store, folder(store, name)
        self.place.mkdir(parents=True, exist_ok=True)
        self.current = Status(name, state="running", pid=os.getpid(), born=_born(os.getpid()))
        self._written = 0.0
        self._write(self.current)

    def cancelled(self) -> bool:
        return (self.place / "cancel").exists()

    def update(self, **values: object) -> None:
        self.current = replace(self.current, **values, updated=time.time())
        ended = not self.current.active
        if ended or time.monotonic() - self._written > HEARTBEAT / 4:
            self._write(self.current)

    def brings(self, words: str, share: float) -> None:
        """While checkpoints are brought from a bucket."""
        if self.cancelled():
            raise KeyboardInterrupt
        self.update(stage="", label=words, done=0.0, total=0, share=share, seconds_left=None)

    def _write(self, current: Status) -> None:
        _write(self.store, current)
        self._written = time.monotonic()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other job computes: two at once on one machine are slower than one after the other."""
        lock = self.store.root / "jobs" / "turn.lock"
        with contextlib.ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(locked(lock, wait=False))
                    break
                except BlockingIOError:
                    self.update(state="queued", message="Waiting for another computation to finish.")
                    if self.cancelled():
                        raise KeyboardInterrupt from None
                    time.sleep(0.5)
            self.update(state="running", message="")
            yield


def run_job(store: Store, name: str, work: Callable[[Reporter], str], *, waits: bool = False) -> int:
    """Run `work` as the job `name` and record how it ended. Returns an exit code.

    Parameters
    ----------
    waits : whether it waits for most of its time, and takes a turn itself (`Reporter.turn`) when it computes.
    """
    from phcore.pipeline.run import Cancelled

    reporter = Reporter(store, name)
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        with contextlib.nullcontext() if waits else reporter.turn():
            with watched(reporter.brings):
                message = work(reporter)
            store.send()
        reporter.update(state="done", share=1.0, seconds_left=None, message=message)
        return 0
    except (Cancelled, KeyboardInterrupt):
        reporter.update(state="cancelled", seconds_left=None, message="Stopped. What was finished is kept.")
        return 130
    except Fault as fault:
        reporter.update(state="failed", seconds_left=None, message=str(fault))
        return 1
    except BaseException as error:
        reporter.update(state="failed", seconds_left=None, message=f"{type(error).__name__}: {error}")
        raise


def _alive(current: Status) -> bool:
    try:
        process = psutil.Process(current.pid)
        same = not current.born or abs(process.create_time() - current.born) < 2
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _born(pid: int) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).create_time()
    return 0.0


def _read(place: Path) -> Status | None:
    try:
        found = from_json(read_plain(place / "status.json"), Status)
        return found if _NAME.fullmatch(found.name) else None
    except (OSError, Fault):
        return None


def _write(store: Store, current: Status) -> None:
    store.write_file(folder(store, current.name) / "status.json", json.dumps(asdict(current)).encode())


def _last_words(place: Path) -> str:
    """Why a process ended that did not say so itself: its own error, else what kills without a word."""
    try:
        lines = read_plain(place / "log.txt").decode(errors="replace").splitlines()
    except OSError:
        lines = []
    errors = [line for line in lines if re.match(r"error: |[A-Za-z_.]*(Error|Exception|Interrupt)\b", line)]
    if errors:
        return f"The computation ended unexpectedly: {errors[-1][:300]}"
    return (
        "The computation's process was killed, as by a system that runs out of memory or is shut down. What was "
        "finished is kept: start it again."
    )
