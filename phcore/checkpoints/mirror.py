"""Folders of checkpoints that lie in a bucket, brought to this machine: only what is new or changed.

What is brought is what the folder in the bucket holds: an object that is deleted there disappears here, and nothing is
ever changed there. A file has its name once it is whole, and the time of its object, by which a change is seen.
"""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from phcore.archive.addresses import address_of, all_at_once, changed, fetch, filesystem, listed, local, reached
from phcore.archive.writing import AN_HOUR
from phcore.checkpoints.roots import ROOTS
from phcore.errors import Fault
from phcore.formatting import bytes_words, count, mirror

MOST = 100_000  # objects below a folder that is brought
# What trainers keep beside weights and nothing here opens, optimiser states before all: name and size are enough to say
# what a folder holds, so these are files without content, which take no room.
NEVER_OPENED = (".pt", ".pth", ".bin", ".distcp", ".ckpt", ".gguf", ".h5", ".msgpack", ".onnx", ".nemo", ".npz", ".tar",
                ".zip")  # fmt: skip

Tell = Callable[[str, float], None]
_TOLD: ContextVar[Tell] = ContextVar("told", default=lambda sentence, share: None)


@contextmanager
def watched(tell: Tell) -> Iterator[None]:
    """Inside, `tell` is called with a sentence and the share that is done whenever something is brought. What it raises
    ends the bringing."""
    before = _TOLD.set(tell)
    try:
        yield
    finally:
        _TOLD.reset(before)


@dataclass(frozen=True)
class Lacking:
    """What a bucket holds and its mirror does not.

    Attributes
    ----------
    files : where it goes -> what is told of the object.
    size : bytes to bring.
    """

    address: str
    files: dict[Path, dict]
    size: int

    def __str__(self) -> str:
        return f"{bytes_words(self.size)} in {count(len(self.files), 'file')} to bring from {self.address}"


def named_by_hand(place: str | Path) -> Path:
    """A folder that a command names; of one in a bucket its mirror, brought up to date."""
    here = local(place)
    bring(here)
    return here


def bring(place: Path, roots: Sequence[Path] | None = None) -> None:
    """Make the mirror of a folder, or of a file, what the bucket holds now. Of any other folder nothing is done.

    Parameters
    ----------
    roots : the mirrors of addresses that may be asked for; None where the user names this very one.

    Raises
    ------
    Fault : where it may not be asked for, cannot be reached or changes meanwhile, and where the disk has no room.
    """
    if address := address_of(place):
        _refuse(place, address, roots)
        there = _listed(address)
        _clear(place, {place / name for name in there})
        _bring(_lacking(place, address, there))


def lacking(place: Path, roots: Sequence[Path] | None = None) -> Lacking | None:
    """What would be brought; None where that is nothing. Raises a Fault as `bring`."""
    address = address_of(place)
    if not address:
        return None
    _refuse(place, address, roots)
    found = _lacking(place, address, _listed(address))
    return found if found.files else None


def subfolders(place: Path, roots: Sequence[Path]) -> list[Path]:
    """Mirrors of the folders directly inside one, by name, for a folder picker; nothing is brought."""
    address = address_of(place)
    _refuse(place, address, roots)
    system = filesystem(address)
    with reached(address):
        found = system.ls(system._strip_protocol(address), detail=True)
    names = {one["name"].rstrip("/").rpartition("/")[2] for one in found if one["type"] == "directory"}
    return [local(f"{address}/{name}") for name in sorted(names) if name and not name.startswith(".")]


def _refuse(place: Path, address: str, roots: Sequence[Path] | None) -> None:
    """A folder that happens to hold the mirror, such as a home, is no word about what lies in buckets."""
    if roots is not None and not any(address_of(root) and place.is_relative_to(root) for root in roots):
        wrong = "nothing is asked of this place, because it is not among the allowed ones"
        raise Fault(wrong, f"Add it, or the bucket, to the environment variable {ROOTS}", address)


def _listed(address: str) -> dict[str, dict]:
    found = listed(filesystem(address), address)
    if len(found) > MOST:
        raise Fault(f"there are more than {MOST:,} files below", "Name a folder nearer to the checkpoints", address)
    return found


def _lacking(place: Path, address: str, there: dict[str, dict]) -> Lacking:
    files = {place / name: about for name, about in there.items() if not _is_here(place / name, about)}
    return Lacking(address, files, sum(about["size"] for path, about in files.items() if _is_opened(path)))


def _is_here(path: Path, about: dict) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    return found.st_size == about["size"] and abs(found.st_mtime - changed(about)) < 0.001


def _is_opened(path: Path) -> bool:
    return path.suffix.lower() not in NEVER_OPENED


def _clear(place: Path, kept: set[Path]) -> None:
    """Remove what the bucket holds no more, and the folders that are empty then."""
    for folder, _, names in os.walk(place, topdown=False):
        for name in names:
            if (path := Path(folder, name)) not in kept and not _is_being_written(path):
                path.unlink(missing_ok=True)
        with suppress(OSError):
            Path(folder).rmdir()


def _is_being_written(path: Path) -> bool:
    with suppress(OSError):
        return path.suffix == ".tmp" and time.time() - path.stat().st_mtime < AN_HOUR
    return False


def _bring(lacks: Lacking) -> None:
    if not lacks.files:
        return
    os.makedirs(mirror(), 0o700, exist_ok=True)
    free = shutil.disk_usage(mirror()).free
    if lacks.size > free:
        wrong = f"{bytes_words(lacks.size)} are to be brought, and the disk of the mirror has {bytes_words(free)} free"
        raise Fault(wrong, "Make room, or let PHCORE_MIRROR name a folder on a larger disk", lacks.address)
    system, progress = filesystem(lacks.address), _Progress(lacks)

    def one(item: tuple[Path, dict]) -> None:
        path, about = item
        with reached(lacks.address):
            if _is_opened(path):
                fetch(system, about, path, progress.of(path))
            else:
                _stand_in(path, about)

    _TOLD.get()(f"{lacks}.", 0.0)
    all_at_once(one, list(lacks.files.items()), progress.tell, progress.over)


def _stand_in(path: Path, about: dict) -> None:
    """A file of the object's name, size and time that takes no room."""
    os.makedirs(path.parent, exist_ok=True)
    with open(path, "wb") as file:
        file.truncate(about["size"])
    os.utime(path, (changed(about), changed(about)))


class _Progress:
    """Counts bytes as they come, and ends transfers that nobody waits for any more."""

    def __init__(self, lacks: Lacking):
        self._lacks, self._done = lacks, {}
        self.over = threading.Event()

    def of(self, path: Path) -> object:
        """What fsspec tells how far it is with one file."""
        from fsspec.callbacks import Callback

        def heard(size: int | None, value: int, **_: object) -> None:
            if self.over.is_set():
                raise InterruptedError
            self._done[path] = value

        return Callback(hooks={"heard": heard})

    def tell(self) -> None:
        done, size = sum(list(self._done.values())), self._lacks.size
        words = f"{bytes_words(done)} of {bytes_words(size)} from {self._lacks.address}"
        _TOLD.get()(words, min(done / size, 1.0) if size else 1.0)
