"""Processes that draw and write for this one: a JavaScript engine uses one core, and Python holds its lock meanwhile.

Each is a plain child that calls what it is sent over a pipe, and ends when the pipe does, so it never outlives its
parent. `multiprocessing` would run the main module again in each, which on a server is a page.
"""

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

MOST = 4  # processes: each holds some 200 MB


@contextlib.contextmanager
def helpers(most: int = MOST) -> Iterator[Callable[..., Future]]:
    """`submit(function, *arguments, **named)` for functions of modules, whose arguments and results can be pickled."""
    children: list[subprocess.Popen] = []
    own = threading.local()

    def child() -> subprocess.Popen:
        if not hasattr(own, "child"):
            command = [sys.executable, "-c", "from phcore.export.helpers import help_; help_()"]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            own.child = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, **pipes)
            children.append(own.child)
        return own.child

    def call(function: Callable, *arguments, **named):
        asked = pickle.dumps((function, arguments, named))
        try:
            process = child()
            process.stdin.write(asked)
            process.stdin.flush()
            done, found = pickle.load(process.stdout)
        except (OSError, EOFError):  # none could be started, or it was killed: a helper is no more than that
            return function(*arguments, **named)
        if done:
            return found
        raise found

    threads = ThreadPoolExecutor(max(1, min(most, os.cpu_count() or 1)))
    try:
        yield lambda function, *arguments, **named: threads.submit(call, function, *arguments, **named)
    finally:
        threads.shutdown(cancel_futures=True)
        for one in children:
            for pipe in (one.stdin, one.stdout):
                with contextlib.suppress(OSError):  # of one that was killed before it had read all
                    pipe.close()
            one.wait()


def help_() -> None:
    """What such a process does until its parent closes the pipe."""
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    while True:
        try:
            function, arguments, named = pickle.load(asked)
        except EOFError:
            return
        try:
            answer = (True, function(*arguments, **named))
        except Exception as error:
            answer = (False, error)
        pickle.dump(answer, answers)
        answers.flush()
