"""A verified pack put in place, so that a failure at any time leaves the archive as it was."""

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from phcore.archive.permissions import KINDS
from phcore.archive.store import SCHEMA, Store
from phcore.archive.writing import write_atomically
from phcore.errors import Fault
from phcore.export.pack.manifest import MEASURES, Entry, sha256
from phcore.stages.registry import assembly
from phcore.study import Study
from phcore.study.kept import folder_of, keep, names, read
from phcore.study.kept import private as hidden
from phcore.study.probes import ProbeSet
from phcore.study.record import Record


@dataclass(frozen=True)
class Opened:
    """A pack that was opened.

    Attributes
    ----------
    name : of the study in this archive.
    new : files that were put in place.
    present : files that were there already, byte for byte.
    kept : names of files that were there with other content, and stayed.
    unread : names of files that this version makes no use of, and left in the pack.
    """

    name: str
    new: int
    present: int
    kept: tuple[str, ...]
    unread: tuple[str, ...]


def settle(record: Record, prompts: bool, results: Sequence[Entry], place: Path, store: Store) -> Opened:
    """Move what was verified from `place` into the archive: the results first, the study's folder last.

    Until that folder is there every step can be taken back. One pack at a time: what one leaves alone because it is
    there already, another must not take back.

    Parameters
    ----------
    prompts : whether the texts of the prompts are among the results.
    """
    wanted = {f"{SCHEMA}/{stage}/{key}.parquet" for stage, key in assembly.named(record)}
    os.sync()  # before any file gets its name: once for all of them, a tenth of the time of a thousand single ones
    folder = folder_of(record.study, store)
    with _alone(store.root), ExitStack() as undo:
        present = _same_study(record, store)
        fates = {entry.path: _put(entry, place, store, undo) for entry in results if entry.path in wanted}
        there = has_texts(store.read("probes", record.probes_key), record.probe_digest)
        withheld = not (prompts or there)
        texts = f"{SCHEMA}/probes/{record.probes_key}.parquet"
        if present is None:
            ready = folder_of(record.study, Store(place))
            brought = prompts and (place / texts).exists()
            study = record.study if brought else _as_hidden(record, store)
            keep(replace(record, study=study, prompts_withheld=withheld), Store(place))
            if (place / MEASURES).exists():
                os.rename(place / MEASURES, ready / MEASURES)
            _make_folder(folder.parent, undo)
            _move(ready, folder, undo)
        undo.pop_all()
        if prompts and not there and (place / texts).exists():
            # Blank prompts, left by a pack that came without, give way to their texts.
            os.replace(place / texts, store.root / texts)
            fates[texts] = "new"
        if present is not None and present.prompts_withheld != withheld:
            keep(replace(present, prompts_withheld=withheld), store)
    return Opened(
        name=record.study.name,
        new=sum(fate == "new" for fate in fates.values()),
        present=sum(fate == "present" for fate in fates.values()),
        kept=tuple(name for name, fate in fates.items() if fate == "kept"),
        unread=tuple(entry.path for entry in results if entry.path not in wanted),
    )


def _same_study(record: Record, store: Store) -> Record | None:
    """The record that has the study's place, where it is of the same study; None where nothing is in the way."""
    if not folder_of(record.study, store).exists():
        return None
    found = read(store, record.study.name)
    if found is not None and (found.digest, found.scalars) == (record.digest, record.scalars):
        return found
    wrong = f"another study in the archive is called {record.study.name}"
    raise Fault(wrong, "Open it under another name: --name NAME")


def _as_hidden(record: Record, store: Store) -> Study:
    """The study of a pack that brings no texts, whose prompts are private where a study of this archive that has the
    same calls them so: whoever packed it may know their digest alone."""
    private = set(record.study.private)
    for name in names(store):
        with contextlib.suppress(Fault):  # of what cannot be read nothing is shown, and nothing is known
            if (other := read(store, name)) is not None and other.probe_digest == record.probe_digest:
                private |= {"prompts"} & set(hidden(other.study, store))
    return record.study.with_(private=tuple(kind for kind in KINDS if kind in private))


def _put(entry: Entry, place: Path, store: Store, undo: ExitStack) -> str:
    """Put one result in place: "new", "present" (the same bytes were there) or "kept" (others were, and stay)."""
    target = store.root / entry.path
    if target.exists():
        if sha256(target) == entry.sha256:
            return "present"
        if store.has(target.parent.name, target.stem):  # a damaged one is set aside, and gives way
            return "kept"
    _make_folder(target.parent, undo)
    _move(place / entry.path, target, undo)
    return "new"


def _make_folder(folder: Path, undo: ExitStack) -> None:
    for one in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        undo.callback(_take_back, one)
        one.mkdir(exist_ok=True)


def _move(source: Path, target: Path, undo: ExitStack) -> None:
    undo.callback(_take_back, target, source.stat().st_ino)  # before: Ctrl-C may come between any two steps
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV or source.is_dir():
            raise
        write_atomically(target, source.read_bytes())  # a stage may lie on a disk of its own
        undo.callback(_take_back, target, target.stat().st_ino)


def _take_back(path: Path, number: int | None = None) -> None:
    """Remove what was put in place, unless somebody else has written it meanwhile; a folder without number if empty."""
    with contextlib.suppress(OSError):
        if number is None:
            path.rmdir()
        elif path.stat().st_ino == number:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One process and thread at a time, by a lock on the folder itself: a lock file would be left behind."""
    handle = os.open(root, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network disks lock no folders
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def has_texts(table: pa.Table | None, digest: str) -> bool:
    """Whether a table of prompts holds the texts that its digest was made from."""
    if table is None:
        return False
    texts = tuple(table["text"].to_pylist())
    return ProbeSet("", texts, (), ()).digest == digest
