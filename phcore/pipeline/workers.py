"""Processes that work for a run, and do not outlive it, however it ended."""

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor

from phcore.errors import Fault


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
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read by the children; torch's own threads are not affected
    executor = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=die_with_parent, initargs=(os.getpid(),)
    )
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def die_with_parent(parent: int) -> None:
    """Start a thread that ends this process once its parent is gone.

    A pool's worker waits on a queue whose other end it holds open itself, so it would never notice.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
