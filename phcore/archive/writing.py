"""Files written whole or not at all, read without waiting, and what a disk refuses said in a sentence."""

import errno
import fcntl
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from phcore.errors import Fault

AN_HOUR = 3600.0  # seconds: no file takes as long to write
_TRIES = 6  # to write a file whose folder is deleted meanwhile
_MEND = "Check that the folder is there and may be written to, then try again: what was finished is kept"
_FULL = "Make room on the disk, then try again: what was finished is kept"
_MENDS = {errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EFBIG: _FULL}


def write_atomically(path: Path, data: bytes, private: bool = False) -> None:
    """Replace `path` as one step: readers see the old bytes or the new ones, never a part.

    What lies in an archive is written through `Store.write_file`, which asks whether it may.

    Parameters
    ----------
    private : for the eyes of whoever runs this only: prompts are nobody else's on a shared machine.

    Raises
    ------
    Fault : where the disk refuses.
    """
    # Writers in other processes and threads need names of their own; readers match *.parquet and *.json only.
    with on_disk(path):
        temporary = part_of(path)
        for again in range(_TRIES):
            try:
                _write_and_replace(temporary, path, data, private_opener if private else None)
                return
            except FileNotFoundError:  # somebody deletes the folder at this moment
                if again == _TRIES - 1:
                    raise
                time.sleep(0.05 * again)


def _write_and_replace(temporary: Path, path: Path, data: bytes, opener: Callable | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(temporary, "wb", opener=opener) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def open_plain(path: str | Path, mode: str = "rb") -> IO:
    """`open` for what may be no file. A new one is for its owner's eyes.

    Raises
    ------
    OSError : for a pipe, which would be waited for, and a device, which may have no end, besides what `open` raises.
    """
    return open(path, mode, opener=_plain_opener)


def _plain_opener(path: str, flags: int) -> int:
    try:
        handle = os.open(path, flags | os.O_NONBLOCK, 0o600)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe that nobody reads, to be written to
            raise _no_file(path) from None
        raise
    kind = os.fstat(handle).st_mode
    if stat.S_ISREG(kind) or stat.S_ISDIR(kind):  # `open` refuses a folder itself
        return handle
    os.close(handle)
    raise _no_file(path)


NO_FILE = (errno.EINVAL, errno.EISDIR)
"""What `open_plain` raises for a pipe or a device, and for a folder, in a file's place."""


def _no_file(path: str) -> OSError:
    return OSError(errno.EINVAL, "it is a pipe or a device", path)


def read_plain(path: Path) -> bytes:
    """The bytes of a file. Raises as `open_plain` does."""
    with open_plain(path) as file:
        return file.read()


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """A file that one process at a time holds; the system lets go of it where that process ends.

    Parameters
    ----------
    wait : until it is free.

    Raises
    ------
    BlockingIOError : where it is not to be waited for, and is not free.
    Fault : where the disk refuses the file.
    """
    with on_disk(path):
        file = open_plain(path, "w")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def private_opener(path: str, flags: int) -> int:
    """For `open`: a new file is for its owner's eyes."""
    return os.open(path, flags, 0o600)


@contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """What a disk refuses inside, said in a sentence.

    Raises
    ------
    Fault : in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise Fault(*write_refused(error), path) from error


def write_refused(error: OSError) -> tuple[str, str]:
    """What is wrong where a disk refuses, and the mend."""
    reason = (error.strerror or str(error)).lower()
    return f"it cannot be written ({reason})", _MENDS.get(error.errno, _MEND)


def part_of(path: Path) -> Path:
    """A name beside a file that no reader matches and no other writer uses, for what is being written.

    Raises an OSError where the path names no file: nothing, this folder, or the root of a disk.
    """
    if not path.name:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
