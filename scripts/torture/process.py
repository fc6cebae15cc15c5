"""A computation as a process of its own, that can be killed, watched and asked what it said."""

import atexit
import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

PATIENCE = 600.0  # seconds after which a process counts as hanging
GRACE = 20.0  # seconds for what a process leaves behind to end by itself
ENDINGS = (0, 1, 130, -signal.SIGKILL)


def preload() -> None:
    """Import what takes long, once, before anything is forked. No threads are started."""
    import peft.tuners.lora
    import torch
    import transformers.models.llama.modeling_llama

    import phcore.activations
    import phcore.cli.main
    import phcore.export.results
    import phcore.pipeline.run
    import phcore.training.trainer
    from phcore.stages import registry

    torch.set_num_threads(1)
    registry.results()
    registry.tables()
    assert all((peft, transformers, phcore))


class Process:
    """Work in a fork of this process, in a session of its own, with its words in a file.

    Parameters
    ----------
    work : gives the exit code; whatever it raises ends up as a traceback, as it would in a shell.
    """

    def __init__(self, work: Callable[[], int], folder: Path, environment: dict[str, str]):
        self.words = folder / f"words-{time.monotonic_ns()}.txt"
        self.code: int | None = None
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            _inside(work, folder, self.words, environment)

    def poll(self) -> int | None:
        """The exit code; minus the signal where one ended it, None while it runs."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def running(self, step: float = 0.02) -> Iterator[float]:
        """Seconds since now, again and again while it runs."""
        started = time.monotonic()
        while self.poll() is None:
            seconds = time.monotonic() - started
            if seconds > PATIENCE:
                self.kill()
                raise TimeoutError(f"it was still running after {PATIENCE:.0f} s: {self.said[-500:]}")
            yield seconds
            time.sleep(step)

    def wait(self) -> int:
        for _ in self.running(0.05):
            pass
        return self.code

    def kill(self, number: int = signal.SIGKILL, group: bool = True) -> None:
        """A signal to the process and its workers, or to the process alone."""
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.pid, number)

    def workers(self) -> list[psutil.Process]:
        """The processes that compute for it."""
        found = []
        for one in psutil.process_iter():
            try:
                if os.getsid(one.pid) == self.pid and "spawn_main" in " ".join(one.cmdline()):
                    found.append(one)
            except (psutil.Error, ProcessLookupError):
                continue
        return found

    def left_over(self) -> list[int]:
        """Processes of its session that do not end by themselves; they are killed."""
        until = time.monotonic() + GRACE
        while (left := _of_session(self.pid)) and time.monotonic() < until:
            time.sleep(0.2)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return left

    @property
    def said(self) -> str:
        return self.words.read_text(errors="replace") if self.words.exists() else ""

    @property
    def uncaught(self) -> str:
        """What is wrong with how it ended; empty where that was in order."""
        said = self.said
        if "Traceback (most recent call last)" in said:
            return said[said.index("Traceback") :][-1500:]
        if self.code not in ENDINGS:
            return f"exit code {self.code}: {said[-500:]}"
        if self.code == 1 and "error: " not in said:
            return f"it failed without a sentence: {said[-500:]}"
        return ""


def _of_session(leader: int) -> list[int]:
    found = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == leader and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
        except (psutil.Error, ProcessLookupError):
            continue
    return found


def _inside(work: Callable[[], int], folder: Path, words: Path, environment: dict[str, str]) -> None:
    """The fork's whole life. It ends as an interpreter ends, but does not return into the code of its parent."""
    code = 70
    try:
        os.setsid()
        os.chdir(folder)
        target = os.open(words, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        for stream in (1, 2):
            os.dup2(target, stream)
        os.environ.update(environment)
        code = work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 70
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            threading._shutdown()  # waits for the pool's processes, as the end of an interpreter does
            atexit._run_exitfuncs()
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
