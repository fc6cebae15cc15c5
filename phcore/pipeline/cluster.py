"""The workers of a Dask scheduler as the executor of a run, on this machine or on others; they read models, too.

Dask is imported where it is asked for. Whatever it does wrong is a sentence.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path

from phcore.archive.store import Store
from phcore.errors import Fault
from phcore.formatting import at_home, count
from phcore.pipeline import errands
from phcore.pipeline.reading import Checkpoint, NotItsFault
from phcore.study import devices
from phcore.study.record import LIVE, Record

CONNECT = 10.0  # seconds to reach a scheduler
ARRIVE = 15.0  # seconds for the first worker to arrive
PATIENCE = 120.0  # seconds without any worker, before a run gives up
LOOK = 2.0  # seconds between two looks at the workers
REMARK = 600.0  # seconds after which the mark is written again: what is an hour old is swept away
GPU = "GPU"  # what workers call this resource


class Cluster(Executor):
    """Submits to the workers of a scheduler, and says what is wrong with them in sentences.

    Attributes
    ----------
    parallel : threads of all workers now.
    readers : models that can be read at once: the GPUs where workers declare any, else the workers, one each.
    notes : sentences on how it could be faster.
    mend : what to do about workers that are killed.
    """

    mend = "Give each worker more memory (dask worker --memory-limit), or start fewer on a machine"

    def __init__(self, client, asked: errands.Asked, store: Store):
        self._client, self._asked, self._store = client, asked, store
        self._anywhere = client.get_executor(pure=False)
        self._on_gpus = client.get_executor(pure=False, resources={GPU: 1})
        self._open: dict[Future, bool] = {}  # whether it reads a model
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._has_gpus = False
        self._look()

    @property
    def notes(self) -> list[str]:
        wide = [one for one in self._workers.values() if one["nthreads"] > 1]
        many = f"{count(len(wide), 'worker')} {'have' if len(wide) > 1 else 'has'} several threads"
        return [f"{many}, which wait for each other: start dask worker with --nthreads 1"] if wide else []

    def submit(self, function: Callable, /, *arguments: object) -> Future:
        return self._submitted(self._anywhere, False, function, arguments)

    def read(self, record: Record, store: Store, one: Checkpoint) -> Future:
        """Have a checkpoint read by a worker, as `Readings.read` does; on a GPU where workers declare any."""
        from phcore import activations

        how = devices.wanted(record.study.device), activations.threads()
        where = self._on_gpus if self._has_gpus else self._anywhere
        return self._submitted(where, True, errands.read, (str(store.root), record, one, *how))

    def _submitted(self, executor: Executor, reads: bool, function: Callable, arguments: tuple) -> Future:
        outer: Future = Future()
        with self._lock:
            self._open[outer] = reads
        try:
            inner = executor.submit(errands.perform, pickle.dumps((self._asked, function, arguments)))
            inner.add_done_callback(lambda done: self._answer(outer, done))
        except Exception as error:  # anything: a client that lost its scheduler raises as it likes
            self._end(outer, NotItsFault(self._lost(error)))
        return outer

    def _answer(self, outer: Future, done: Future) -> None:
        if done.cancelled():  # by Dask: who cancels a run has given up its futures
            self._end(outer, NotItsFault(self._lost()))
            return
        result, error = (None, done.exception()) if done.exception() else _answered(done.result())
        self._end(outer, None if error is None else self.said(error), result)

    def _end(self, future: Future, error: BaseException | None, result: object = None) -> None:
        with self._lock:
            reads = self._open.pop(future, None)
        if reads is None:
            return  # it was given up
        if error is None:
            future.set_result(result)
        elif not reads:  # whose fault it is matters where a checkpoint would be left out for it
            future.set_exception(error.error if isinstance(error, NotItsFault) else error)
        elif isinstance(error, (Fault, NotItsFault, BrokenExecutor)):
            future.set_exception(error)
        else:
            mend = "See its log, then compute again: what was finished is kept"
            future.set_exception(NotItsFault(Fault(f"a worker could not read a model ({telling(error)})", mend)))

    def said(self, error: BaseException) -> BaseException:
        """What a task raised, as a run knows it."""
        from distributed import KilledWorker

        if isinstance(error, KilledWorker):
            return BrokenExecutor(str(error))
        if isinstance(error, errands.Unseen):
            if Path(error.path).is_dir():
                return NotItsFault(error)
            return Fault("there is no such folder", "Scan the folder of checkpoints again", error.path)  # here neither
        return error

    def _lost(self, error: BaseException | None = None) -> Fault:
        words = f" ({telling(error)})" if error else ""
        mend = "See whether it runs, then compute again: what was finished is kept"
        return Fault(f"the scheduler {address_of(self._client)} gives no answer any more{words}", mend)

    # --- who is there -------------------------------------------------------------------------------

    def _look(self) -> None:
        self._workers = dict(self._client.scheduler_info(n_workers=-1)["workers"])
        threads = sum(one["nthreads"] for one in self._workers.values())
        gpus = sum(int(one["resources"].get(GPU, 0)) for one in self._workers.values())
        self._has_gpus = self._has_gpus or gpus > 0
        self._able = {False: threads, True: gpus if self._has_gpus else len(self._workers)}  # by whether they read
        self.parallel, self.readers = max(1, threads), max(1, self._able[True])  # none now: others are waited for

    def watch(self) -> None:
        """Until it is shut down: give up what no worker is left for, and keep the mark that workers look for."""
        mark, marked = self._store.root / self._asked.mark, time.monotonic()
        since = {False: marked, True: marked}  # since when nobody is there who computes, or who reads
        while not self._closing.wait(LOOK):
            now = time.monotonic()
            with contextlib.suppress(Exception):  # the next look may be luckier; what is lost says so itself
                self._look()
            for reads, able in self._able.items():
                since[reads] = now if able else since[reads]
                if now - since[reads] > PATIENCE:
                    self._give_up(reads)
            if now - marked > REMARK:
                with contextlib.suppress(Fault):
                    self._store.write_file(mark, self._asked.words.encode())
                    marked = now

    def _give_up(self, reads: bool) -> None:
        with self._lock:
            lonely = [future for future, own in self._open.items() if own == reads]
        kind = "worker with a GPU" if reads and self._has_gpus else "worker"
        mend = f"{_start(self._client)}, then compute again: what was finished is kept"
        for future in lonely:
            fault = Fault(f"no {kind} is left at the scheduler {address_of(self._client)}", mend)
            self._end(future, NotItsFault(fault))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Give up what is under way. The scheduler withdraws it when the client goes."""
        self._closing.set()
        with self._lock:
            self._open.clear()


@contextlib.contextmanager
def cluster(address: str | None, record: Record, store: Store, reads: bool = True) -> Iterator[Cluster]:
    """The workers of a scheduler, after each was found to be like this machine.

    Parameters
    ----------
    address : of the scheduler; by default what Dask's configuration says (DASK_SCHEDULER_ADDRESS).
    reads : whether models are to be read.

    Raises
    ------
    Fault : where Dask is not installed, the scheduler is not reached, no worker is there, or one would write something
        else than this machine, or elsewhere.
    """
    store.refuse_writing("compute")
    client = connected(address)
    mark = f".dask-{secrets.token_hex(8)}.tmp"
    asked = errands.Asked(str(store.root), mark, secrets.token_hex(16), errands.versions())
    try:
        store.write_file(store.root / mark, asked.words.encode())
        _wait_for_workers(client)
        workers = Cluster(client, asked, store)
        meet(client, asked, _looked_for(record) if reads else [])
        watcher = threading.Thread(target=workers.watch, daemon=True)
        watcher.start()
        try:
            yield workers
        finally:
            workers.shutdown(wait=False)
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=2)
        for left in store.root.glob(f"{Path(mark).stem}*"):
            left.unlink(missing_ok=True)


def connected(address: str | None):
    """A client of the scheduler. Raises a Fault where there is none, or no Dask."""
    try:
        import dask
        import distributed
    except ImportError:
        mend = "Install it: pip install 'toposcope[dask]', in a checkout pip install -r requirements-dask.txt"
        raise Fault("--executor dask needs the package distributed", mend) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it is said in sentences
    named = address or dask.config.get("scheduler-address", None)
    if not named:
        mend = "Name it: --scheduler tcp://127.0.0.1:8786, or DASK_SCHEDULER_ADDRESS"
        raise Fault("--executor dask needs the address of a scheduler", mend)
    try:
        with ThreadPoolExecutor(1) as thread:  # a notebook has a loop of its own
            thread.submit(asyncio.run, _reached(named)).result()
        return distributed.Client(named, timeout=CONNECT, set_as_default=False)
    except Exception as error:  # anything: addresses, certificates and what answers there are others'
        mend = "Look at the address that `dask scheduler` prints; tls:// needs the certificates in Dask's configuration"
        raise Fault(f"the scheduler {named} cannot be reached ({telling(error)})", mend) from None


async def _reached(address: str) -> None:
    """Raise where no scheduler answers. A client that fails to reach one takes half a minute more to end."""
    from distributed.comm import connect
    from distributed.security import Security

    how = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(address, timeout=CONNECT, **how), CONNECT)
    await comm.close()


def address_of(client) -> str:
    return client.scheduler.address if client.scheduler else "of Dask"


def _answered(given: object) -> tuple[object, BaseException | None]:
    """What an errand gave, or raised; whatever else is no answer, and waiting for a better one would be for ever."""
    match given:
        case (result, None):
            return result, None
        case (_, BaseException() as error):
            return None, error
    mend = "Start the workers in an environment with the same Toposcope"
    return None, NotItsFault(Fault("a worker gave no answer of this version of Toposcope", mend))


def telling(error: BaseException) -> str:
    """The first line of an error."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else "no answer" if isinstance(error, TimeoutError) else type(error).__name__


def _start(client) -> str:
    return f"Start some: dask worker {address_of(client)} --nthreads 1"


def _wait_for_workers(client) -> None:
    try:
        client.wait_for_workers(1, timeout=ARRIVE)
    except Exception:  # distributed's own TimeoutError is that of asyncio or another, by version
        raise Fault(f"no worker is connected to the scheduler {address_of(client)}", _start(client)) from None


def _looked_for(record: Record) -> list[str]:
    """What readers have to see."""
    study = record.study
    probes = [] if study.probes in (None, "default") else [str(at_home(study.probes))]
    return [*probes, *(node.path for node in record.ready if node.kind != LIVE)]


def meet(client, asked: errands.Asked, folders: list[str]) -> None:
    """Raise a Fault that names the first worker that is not like this machine."""
    try:
        client.run_on_scheduler(errands.unseen, [])
    except Exception as error:  # anything: it is another environment
        mend = "Start the scheduler and the workers in an environment with the same Toposcope"
        raise Fault(f"the scheduler {address_of(client)} cannot run Toposcope ({telling(error)})", mend) from None
    for address, answer in client.run(errands.meet, asked, on_error="return").items():
        if isinstance(answer, Fault):
            raise errands.of_worker(answer, address)
        if not isinstance(answer, str):
            answer = answer if isinstance(answer, BaseException) else TypeError(f"it answered {answer!r:.80}")
            mend = "Start the workers in an environment with the same Toposcope"
            raise Fault(f"the worker {address} cannot run Toposcope ({telling(answer)})", mend)
        try:
            same = Path(asked.root, answer).read_text() == asked.words
        except (OSError, ValueError):
            same = False
        if not same:
            words = f"what the worker {address} writes cannot be read in the archive {asked.root}"
            raise Fault(words, errands.SAME_PLACE)
    known = client.scheduler_info(n_workers=-1)["workers"]
    gpus = [address for address, one in known.items() if one["resources"].get(GPU)]
    for address, gone in client.run(errands.unseen, folders, workers=gpus or None, on_error="return").items():
        if gone:
            raise Fault(f"the worker {address} cannot read it", errands.SAME_PLACE, gone)
