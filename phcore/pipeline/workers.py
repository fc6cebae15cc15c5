"""Processes that work for a run, and do not outlive it, however it ended."""

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor

from phcore.errors import Fault

# How many threads numpy's linear algebra takes, whichever library it is built on. Read when it is imported, which a
# process that is spawned does before any code of ours.
LINEAR_ALGEBRA = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
# How much of what was freed the C library (glibc) keeps, in bytes. By its own choice it gives arrays of 0.1 MB and more
# back at once, and the system clears the same pages anew for the next: several times what is computed in them takes.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**26)}


class Workers(Executor):
    """A process pool that can be started anew: one whose worker was killed takes no more work.

    Attributes
    ----------
    parallel : processes. readers : models that are read at once, beside them.
    """

    readers = 1

    def __init__(self, workers: int):
        self._count = self.parallel = workers
        self._pool = self._started()

    def _started(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._count, context, initializer=die_with_parent, initargs=(os.getpid(),))

    def submit(self, function: Callable, /, *arguments, **named) -> Future:
        try:
            # A pool starts its processes as work comes.
            with _for_children(ALLOCATOR | dict.fromkeys(LINEAR_ALGEBRA, "1")):
                return self._pool.submit(function, *arguments, **named)
        except BrokenExecutor as error:  # said where results are taken, for these and those that were under way alike
            lost: Future = Future()
            lost.set_exception(error)
            return lost

    def renew(self) -> None:
        """Other processes in place of those that are left. What was submitted and has no result is lost."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self._started()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


@contextlib.contextmanager
def pool(workers: int) -> Iterator[Executor]:
    """A process pool that dies with its parent, one linear-algebra thread per process.

    Raises
    ------
    Fault
        where `workers` is below 1.
    """
    if workers < 1:
        raise Fault(f"--workers {workers} is not possible", "Use 1 or more")
    executor = Workers(workers)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def _for_children(variables: dict[str, str]) -> Iterator[None]:
    """An environment for processes that start inside. This one's own is as before: torch is still to read it."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def die_with_parent(parent: int) -> None:
    """Start a thread that ends this process once its parent is gone.

    A pool's worker waits on a queue whose other end it holds open itself, so it would never notice.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
