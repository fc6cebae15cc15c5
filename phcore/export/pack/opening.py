"""A pack judged: everything in it is checked before anything of it is put into an archive."""

import contextlib
import errno
import os
import re
import shutil
import stat
import struct
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from phcore.archive.store import SCHEMA, Store
from phcore.archive.typed import from_json
from phcore.errors import Fault
from phcore.export.pack.manifest import (
    AGAIN,
    FORMAT,
    FORMAT_03,
    LARGEST_FILE,
    LARGEST_TEXT,
    MANIFEST,
    MEASURES,
    RECORD,
    STUDY,
    Entry,
    Manifest,
    check_sizes,
    copy,
    file_names,
)
from phcore.export.pack.settling import Opened, has_texts, settle
from phcore.stages.registry import earlier
from phcore.study import Study, measures
from phcore.study.kept import folder_of, read
from phcore.study.probes import category_digest
from phcore.study.record import Newer, Record
from phcore.study.redaction import places_of, redact

MOST_PAIRS = 20_000_000  # checkpoints squared times layers: naming the distances between them takes a minute
SPARE = 64 * 2**20  # bytes of the disk that are left free
ROOM, A_DAY = ".opening-", 24 * 3600  # where a pack is unpacked, inside the archive; no reader matches the name
KEY, KEY_OF_PROBES = re.compile("[0-9a-f]{32}"), re.compile("[0-9a-f]{64}")


def unpack(source: str | Path | BinaryIO, store: Store, name: str | None = None) -> Opened:
    """Verify a pack and put its study into an archive.

    Everything is checked before anything is put in place; a failure or Ctrl-C at any time leaves the archive as it was.
    A result that is in the archive already stays as it is.

    Parameters
    ----------
    source : the pack, as a path or an open file.
    name : of the study in this archive; its own, where none is given.

    Raises
    ------
    Fault
        where the file is no pack, is damaged or holds what no pack holds, where another study has the name, or where
        the disk is full.
    """
    store.refuse_writing("open a packed study")
    shown = Path(source) if isinstance(source, str | Path) else None
    with _workroom(store) as place:
        with _judging(shown):
            if shown is not None:
                _refuse_endless(shown)
            with zipfile.ZipFile(source) as archive:
                infos = _infos(archive)
                manifest = Manifest.from_json(_text(archive, infos[MANIFEST]))
                _compare(manifest, infos)
                _extract(archive, infos, manifest, place)
            record = _record(manifest, place)
            if manifest.format == FORMAT_03:
                record, entries = _taken_over(record, manifest, place)
            else:
                entries = [entry for entry in manifest.files if entry.path.startswith(f"{SCHEMA}/")]
        with _judging(store.root, doing="written"):
            record = record if name is None else replace(record, study=record.study.with_(name=name))
            found = settle(record, manifest.prompts, entries, place, store)
    if store.far:
        store.far.keep_sending()
    return found


@contextlib.contextmanager
def _workroom(store: Store) -> Iterator[Path]:
    """A folder inside the archive, where results can be renamed from, that is gone afterwards."""
    fresh = not store.root.exists()
    try:
        store.root.mkdir(parents=True, exist_ok=True)
        for left in store.root.glob(f"{ROOM}*"):  # by a process that was killed
            if time.time() - left.stat().st_mtime > A_DAY:
                shutil.rmtree(left, ignore_errors=True)
        room = tempfile.TemporaryDirectory(prefix=ROOM, dir=store.root, ignore_cleanup_errors=True)
    except OSError as error:
        wrong = f"the archive cannot be written ({error.strerror})"
        raise Fault(wrong, "Check who may write there", store.root) from None
    try:
        with room as place:
            yield Path(place)
    finally:
        if fresh:
            with contextlib.suppress(OSError):
                store.root.rmdir()  # only where nothing was put in place


@contextlib.contextmanager
def _judging(path: Path | None, doing: str = "read") -> Iterator[None]:
    """Whatever goes wrong with a file from anywhere, as a Fault about it."""
    try:
        yield
    except Fault as fault:
        # Whatever place a reader named lies in a folder that is gone by now.
        raise Fault(fault.fault, fault.hint, path if doing == "read" else fault.path) from None
    except OSError as error:
        if isinstance(error, FileNotFoundError) and doing == "read":
            raise Fault("there is no such file", "Check the path", path) from None
        full = error.errno == errno.ENOSPC
        mend = "Free some space" if full else "Check the disk and who may use it"
        raise Fault(f"it cannot be {doing} ({error.strerror or 'it is damaged'})", mend, path) from error
    except (zipfile.BadZipFile, pa.ArrowException, struct.error, EOFError, MemoryError, RuntimeError,
            ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:  # fmt: skip
        if doing != "read":
            raise  # no verdict on a file, but a mistake in this one
        raise Fault("this is not a packed study, or it is damaged", AGAIN, path) from error


def _refuse_endless(path: Path) -> None:
    """Raise where a path names a pipe, which would be waited for, or a device, of which some have no end."""
    if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
        raise Fault("it is a pipe or a device", "Give the file of a pack", path)


def _infos(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Name -> entry. Raises Fault for anything but plain files with the names of a pack, each once."""
    found: dict[str, zipfile.ZipInfo] = {}
    known = [file_names(format) for format in (FORMAT, FORMAT_03)]
    for info in archive.infolist():
        shown = repr(info.orig_filename[:120])
        kind = stat.S_IFMT(info.external_attr >> 16)
        for wrong, what in (
            # The name as it is stored: zipfile cuts it at a NUL byte and turns other separators round.
            (not any(names.fullmatch(info.orig_filename) for names in known), "which is not the name of a result"),
            (info.filename in found, "twice"),
            (kind not in (0, stat.S_IFREG) or info.external_attr & 0x10, "which is not a plain file"),
            (info.flag_bits & 0x41, "which is encrypted"),
            (info.compress_type != zipfile.ZIP_STORED, "which is compressed"),
            (info.file_size != info.compress_size, "whose size contradicts itself"),
        ):
            if wrong:
                mend = "Use the file as it was packed; a study needs nothing else in it"
                raise Fault(f"it holds {shown}, {what}", mend)
        found[info.filename] = info
    if MANIFEST not in found:
        raise Fault(f"it holds no {MANIFEST}, so it is not a packed study", "Pick a file written by phcore pack")
    # Entries that share bytes would let a small file hold a large study.
    if sum(info.file_size for info in found.values()) > archive.fp.seek(0, os.SEEK_END):
        raise Fault("its files are larger than itself", AGAIN)
    return found


def _text(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.file_size > LARGEST_TEXT:
        raise Fault(f"its {info.filename} has {info.file_size / 1e6:,.0f} MB", AGAIN)
    with archive.open(info) as source:
        return source.read()


def _compare(manifest: Manifest, infos: dict[str, zipfile.ZipInfo]) -> None:
    """Raises Fault where manifest and entries differ in a name or a size, or are more than a study can be."""
    listed = {entry.path: entry for entry in manifest.files}
    if len(listed) < len(manifest.files):
        raise Fault("its manifest names a file twice", AGAIN)
    for name in (RECORD, STUDY):
        if name not in listed:
            raise Fault(f"its manifest names no {name}", AGAIN)
    for name in sorted(listed.keys() ^ (infos.keys() - {MANIFEST})):
        wrong = "is missing" if name in listed else "is not in its manifest"
        raise Fault(f"{name[:120]!r} {wrong}", AGAIN)
    known = file_names(manifest.format)
    for name, entry in listed.items():
        if not known.fullmatch(name):
            raise Fault(f"it holds {name[:120]!r}, which is not the name of a result in its format", AGAIN)
        if entry.bytes != infos[name].file_size:
            raise Fault(f"{name} has another size than its manifest says", AGAIN)
    check_sizes(manifest.files)


def _extract(archive: zipfile.ZipFile, infos: dict[str, zipfile.ZipInfo], manifest: Manifest, place: Path) -> None:
    """Write the files of the manifest below `place`, each against its digest; Parquet is opened once."""
    total, free = sum(entry.bytes for entry in manifest.files), shutil.disk_usage(place).free
    if total + SPARE > free:
        raise Fault(f"it needs {total / 1e6:,.0f} MB, and the disk has {free / 1e6:,.0f} MB free", "Free some space")
    for entry in manifest.files:
        target = place / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(infos[entry.path]) as source, target.open("xb") as into:
            if copy(source, into, entry.bytes) != (entry.bytes, entry.sha256):
                raise Fault(f"{entry.path} is damaged: its digest is not the one in the manifest", AGAIN)
        if target.suffix == ".parquet":
            _check_parquet(target, entry.path)


def _check_parquet(path: Path, name: str) -> None:
    try:
        about = pq.read_metadata(path)
        size = sum(about.row_group(number).total_byte_size for number in range(about.num_row_groups))
    except (OSError, pa.ArrowException) as error:
        raise Fault(f"{name} is not Parquet", AGAIN) from error
    if size > LARGEST_FILE:
        raise Fault(f"{name} would take {size / 1e6:,.0f} MB of memory", AGAIN)


def _record(manifest: Manifest, place: Path) -> Record:
    """The record inside, which is what the manifest and the study file say it is, names no path, and is well formed.

    Whoever uses it later (pages, the pipeline) takes its values as they are: `Record` checks their types, keys are
    checked here.
    """
    data, of_03 = (place / RECORD).read_bytes(), manifest.format == FORMAT_03
    try:
        record = Record.from_plain(from_json(data, dict[str, Any])) if of_03 else Record.from_json(data)
    except Newer:
        raise
    except Fault as fault:
        raise Fault(f"its {RECORD} is not the record of a study: {fault.fault}", AGAIN) from None
    digests = (record.probe_digest, record.reference_digest or "0" * 64, record.category_digest or "0" * 64)
    if not all(map(KEY_OF_PROBES.fullmatch, digests)) or not KEY.fullmatch(record.scalars or "0" * 32):
        raise Fault(f"its {RECORD} is not the record of a study", AGAIN)
    if len(record.nodes) ** 2 * len(record.layers) > MOST_PAIRS:
        raise Fault(f"it has {len(record.nodes):,} checkpoints, more than a study can", AGAIN)
    if places_of(record) or redact(record) != record:
        raise Fault(f"its {RECORD} holds paths of another machine", AGAIN)
    if (earlier.digest_of(record) if of_03 else record.digest) != manifest.record:
        raise Fault(
            f"its {RECORD} is not the one it was packed with (its digest is another)",
            f"Open it with version {manifest.phcore[:20]}, which packed it; or have the study packed again",
        )
    written = Study.from_dict(tomllib.loads((place / STUDY).read_text(encoding="utf-8")))
    if written != record.study or record.study.name != manifest.study or record.prompts_withheld == manifest.prompts:
        raise Fault(f"its {RECORD}, {STUDY} and {MANIFEST} contradict each other", AGAIN)
    own = place / MEASURES
    schema, key = (earlier.SCHEMA, record.probe_digest) if of_03 else (SCHEMA, record.probes_key)
    texts = place / schema / "probes" / f"{key}.parquet"
    if own.exists():
        measures.read_csv(own.read_bytes(), measures.steps_of(record))
    if texts.exists():
        _check_prompts(pq.read_table(texts, page_checksum_verification=True, partitioning=None), record, of_03)
    return record


def _taken_over(record: Record, manifest: Manifest, place: Path) -> tuple[Record, list[Entry]]:
    """The study of a pack of version 0.3 as it is in this one, and its files."""
    desk, folder = Store(place), folder_of(record.study, Store(place))
    folder.mkdir(parents=True)
    os.rename(place / RECORD, folder / RECORD)
    earlier.take_over(desk, record.study.name)
    files = sorted((place / SCHEMA).glob("*/*.parquet"))
    return read(desk, record.study.name), [Entry.of(str(one.relative_to(place)), one) for one in files]


def _check_prompts(table: pa.Table, record: Record, of_03: bool) -> None:
    """Whether the prompts inside are those that the record was made with."""
    blank = not any(table["text"].to_pylist()) and not any(table["reference"].to_pylist())
    right = blank if record.prompts_withheld else has_texts(table, record.probe_digest)
    if not of_03:  # which kept no digest of the categories
        right = right and category_digest(table["category"].to_pylist()) == record.category_digest
    if not right or table["prompt"].to_pylist() != list(range(record.n_prompts)):
        raise Fault("its prompts are not those that the results were measured on", AGAIN)
