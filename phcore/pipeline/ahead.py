"""The next checkpoint's files, read while this one is: by the operating system, into its cache."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

BLOCK = 8 << 20  # bytes; how long it takes to stop at the most is how long one of these takes


@contextlib.contextmanager
def read_ahead(files: list[Path]) -> Iterator[None]:
    """While what is inside goes on, files are read and forgotten: what maps them into memory afterwards need not wait
    for the disk. No more memory is taken than the system can spare, and what fails here is said by who needs the file.
    """
    stop = threading.Event()

    def read() -> None:
        block = bytearray(BLOCK)
        for file in files:
            with contextlib.suppress(OSError), open(file, "rb", buffering=0) as opened:
                while not stop.is_set() and opened.readinto(block):
                    pass

    reader = threading.Thread(target=read, name="read ahead", daemon=True)
    reader.start()
    try:
        yield
    finally:
        stop.set()
        reader.join()
