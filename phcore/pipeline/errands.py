"""What a worker of a cluster does for a run: it makes sure that it is like the machine that asks, then does its errand.

A scheduler looks at what it passes on, so this file imports little, and an errand is bytes to it.
"""

from __future__ import annotations

import os
import pickle
import platform
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from phcore.errors import Fault

if TYPE_CHECKING:
    from phcore.pipeline.reading import Checkpoint, Read, Readings
    from phcore.study.record import Record

# What numbers and bytes depend on: as installed here, so everywhere.
PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "duckdb", "redzed-tda", "ripser", "persim", "torch", "transformers",
            "peft", "safetensors", "tokenizers")  # fmt: skip
DEFINITIONS = "definitions of results"
SAME_PLACE = "Have the same folders at the same places on every machine, as the same user"
KEPT_SECONDS = 60.0  # that a base model stays loaded after the last reading, for the next one


@dataclass(frozen=True)
class Asked:
    """What a worker has to have.

    Attributes
    ----------
    root, mark, words : of the archive; of a file in it, and what it says.
    versions : see `versions`.
    """

    root: str
    mark: str
    words: str
    versions: tuple[tuple[str, str], ...]


class Unseen(Fault):
    """A folder that a worker does not see."""


def versions() -> tuple[tuple[str, str], ...]:
    """(name, version) of all that results here depend on. Builds of one version, such as torch's, are one."""
    from phcore.archive.store import digest
    from phcore.stages.registry import results, tables

    known = [(one.name, one.version, one.settings) for one in (*results().values(), *tables().values())]
    python = platform.python_version().rpartition(".")[0]
    packages = ((name, metadata.version(name).partition("+")[0]) for name in PACKAGES)
    return ((DEFINITIONS, digest(known)), ("Python", python), *packages)


def meet(asked: Asked) -> str:
    """Name of a file that was left in the archive, to be read there.

    Raises
    ------
    Fault : where this worker would write something else than who asks, or elsewhere. Its words follow on "the worker".
    """
    from phcore.archive.store import Store

    for (name, here), (_, there) in zip(versions(), asked.versions, strict=True):
        if here != there:
            what = "has another version of Toposcope" if name == DEFINITIONS else f"has {name} {here}, not {there}"
            raise Fault(what, "Install the same on every machine: pip install -r requirements.lock")
    if os.environ.get("OPENBLAS_NUM_THREADS", os.environ.get("OMP_NUM_THREADS")) != "1":
        mend = "Start it without --no-nanny, or with OPENBLAS_NUM_THREADS=1"
        raise Fault("does linear algebra with several threads, which round otherwise than one", mend)
    mark = Path(asked.root, asked.mark)
    try:
        seen = mark.read_text()
    except OSError:
        seen = ""
    if seen != asked.words:
        raise Fault(f"does not see the archive {asked.root}", SAME_PLACE)
    answer = mark.with_name(f"{mark.stem}-{socket.gethostname()}-{os.getpid()}.tmp")
    try:
        Store(asked.root).write_file(answer, asked.words.encode())
    except Fault as fault:
        raise Fault(f"cannot write to the archive {asked.root} ({fault.fault})", fault.hint) from None
    return answer.name


def unseen(folders: Iterable[str]) -> str | None:
    """The first of some folders and files that is not there, or may not be read."""
    return next((one for one in folders if not os.access(one, os.R_OK)), None)


def of_worker(fault: Fault, address: str) -> Fault:
    """A Fault whose words follow on "the worker", with its address."""
    return type(fault)(f"the worker {address} {fault.fault}", fault.hint, fault.path)


def perform(errand: bytes) -> tuple[object, BaseException | None]:
    """What `function(*arguments)` of a pickled (asked, function, arguments) gives, or raises.

    An error is given back, not raised: Dask adds a traceback, and a client that cannot rebuild that one never answers.
    The same error as `NotItsFault` says that this worker is not like the machine that asks: it may have come late.
    """
    asked, function, arguments = pickle.loads(errand)
    from phcore.pipeline.reading import NotItsFault

    try:
        _met(asked)
        return function(*arguments), None
    except (Exception, NotItsFault) as error:
        return None, _that_travels(error)


def _that_travels(error: BaseException) -> BaseException:
    """An error itself, or one with its words where it cannot be pickled and rebuilt."""
    error = error.with_traceback(None)
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # anything: errors are anybody's classes
        return RuntimeError(f"{type(error).__name__}: {error}"[:1000])
    return error


@lru_cache(maxsize=16)  # runs that share the workers
def _met(asked: Asked) -> None:
    from phcore.pipeline.reading import NotItsFault

    try:
        meet(asked)
    except Fault as fault:
        raise NotItsFault(of_worker(fault, _worker().address)) from None


# --- readings of models: one at a time in a process, however many threads it has ---------------------


_one_at_a_time = threading.Lock()
_kept: dict[tuple, Readings] = {}  # one at most: adapters of one base follow each other
_release: threading.Timer | None = None


def read(root: str, record: Record, one: Checkpoint, device: str, threads: int) -> Read:
    """`Readings.read` on a worker, which keeps the base for the next checkpoint.

    Parameters
    ----------
    device, threads : of torch, as where the run is, so that sums are rounded as there.

    Raises
    ------
    Fault : where the checkpoint cannot be used. Unseen : where its folder is not there.
    NotItsFault : where the worker is at fault.
    Cancelled : where nobody waits for it any more.
    """
    from phcore import activations
    from phcore.pipeline.reading import NotItsFault
    from phcore.study.record import LIVE

    if one.node.kind != LIVE and unseen([one.node.path]):
        raise Unseen(f"the worker {_worker().address} cannot read this folder", SAME_PLACE, one.node.path)
    with _one_at_a_time:
        activations.use_threads(threads)
        try:
            readings = _opened(root, record, device)
        except Fault as fault:
            where = f"on the worker {_worker().address}: "
            raise NotItsFault(Fault(where + fault.fault, fault.hint, fault.path)) from fault
        try:
            return readings.read(one, cancelled=_withdrawn())
        finally:
            _keep_for_a_while()


def _opened(root: str, record: Record, device: str) -> Readings:
    from phcore import checkpoints
    from phcore.pipeline.reading import Readings
    from phcore.stages.registry.assembly import written

    digests = (record.probe_digest, record.category_digest, record.reference_digest, record.tokenizer)
    key = (root, record.study, digests, record.layers, device, checkpoints.state(record.study.model))
    if key not in _kept:
        _forget()
        _kept[key] = Readings(record, written(root), device)
    return _kept[key]


def _forget() -> None:
    while _kept:
        _, readings = _kept.popitem()
        readings.close()


def _keep_for_a_while() -> None:
    global _release

    def release() -> None:
        with _one_at_a_time:
            if _release is timer:  # nothing was read meanwhile
                _forget()

    if _release:
        _release.cancel()
    _release = timer = threading.Timer(KEPT_SECONDS, release)
    timer.daemon = True
    timer.start()


def _withdrawn() -> Callable[[], bool]:
    """What tells whether the task of this thread is still wanted: the run may have been stopped, or killed."""
    worker = _worker()
    task = worker.state.tasks.get(worker.get_current_task())
    return lambda: task is not None and task.state == "cancelled"


def _worker():
    from distributed import get_worker

    return get_worker()
