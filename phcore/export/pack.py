"""A study as one file that travels: packed with all its results on one machine, verified and opened on another.

A pack is a zip file. `manifest.json` comes first and names every other file with its size and SHA-256; `record.json`
and `study.toml` follow without a path of the machine they come from, then the results under the names they have in the
archive. Nothing is compressed: Parquet is already (deflate takes another 10 % off a study without its hidden states),
the bytes depend on no version of zlib, and a file whose entries are as long as they say cannot be a bomb.

A pack comes from anywhere, so `unpack` believes nothing in it that it has not checked. What no check can tell is
whether the numbers were measured honestly: a digest says that they arrived as they were packed, and no more.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import struct
import tempfile
import time
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import BinaryIO, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from phcore.archive.store import SCHEMA, Store, write_atomically
from phcore.errors import Fault
from phcore.stages import evidence, tables
from phcore.stages.results import Results
from phcore.study import Study, measures
from phcore.study.probes import ProbeSet
from phcore.study.record import BASE, Record, folder_of
from phcore.study.redaction import places_of, redact

FORMAT = 1  # of packs: a change that earlier versions cannot open raises it
MANIFEST, RECORD, STUDY, MEASURES = "manifest.json", "record.json", "study.toml", "measures.csv"
LARGE = ("clouds", "next_tokens")  # seven eighths of an archive; no table needs them once it is published
STAGES = (*LARGE, "controls", "diagrams", "distances", "divergences", "floors", "geometry", "moves", "null_diagrams",
          "nulls", "numerics", "scalars", "scores", "sensitivity", "summaries", "velocities")  # fmt: skip
# The only names a file in a pack can have: digests in lower case, so that no two of them differ by case alone.
NAMES = re.compile(
    rf"{MANIFEST}|{RECORD}|{STUDY}|{MEASURES}|{SCHEMA}/(?:(?:{'|'.join(STAGES)})/[0-9a-f]{{32}}"
    r"|probes/[0-9a-f]{64}|tables/[0-9a-f]{32}-[a-z][a-z0-9_]{0,40}(?:-[0-9]{1,4})?)\.parquet"
)
# A cloud of 10,000 prompts and 16,384 dimensions has 0.7 GB, a study of 100 checkpoints with its clouds some 10 GB.
LARGEST_FILE, LARGEST_PACK, MOST_FILES = 2 * 2**30, 64 * 2**30, 200_000
LARGEST_TEXT = 32 * 2**20  # bytes of the manifest and of the record: 200,000 files are named in some 26 MB
MOST_PAIRS = 20_000_000  # checkpoints squared times layers: naming the rows of the distance matrix takes a minute
SPARE = 64 * 2**20  # bytes of the disk that are left free
CHUNK = 2**20
ROOM, A_DAY = ".opening-", 24 * 3600  # where a pack is unpacked, inside the archive; no reader matches the name
PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "redzed-tda", "ripser", "persim", "torch", "transformers", "peft",
            "safetensors", "tokenizers")  # fmt: skip
AGAIN = "Copy the file again, or have the study packed again"
SMALLER = "Leave the hidden states behind, or make two studies of it"
KEY, KEY_OF_PROBES = re.compile("[0-9a-f]{32}"), re.compile("[0-9a-f]{64}")


# --- what a pack says of itself -----------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One file of a pack: its name, its size in bytes and its SHA-256 in hex."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a pack holds and where it comes from.

    Attributes
    ----------
    phcore, packages : versions on the machine that packed.
    date : of packing, UTC, ISO 8601.
    record : the record's digest, which names the finished tables.
    prompts, clouds : whether the texts of the prompts are inside, and the hidden states with the next tokens.
    """

    format: int
    phcore: str
    packages: dict[str, str]
    date: str
    study: str
    record: str
    prompts: bool
    clouds: bool
    files: tuple[Entry, ...]

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Raises Fault for another format, and ValueError, TypeError or KeyError for what is no manifest."""
        plain = json.loads(data)
        if type(plain["format"]) is int and plain["format"] > FORMAT:
            raise Fault(
                f"it has format {plain['format']}, and this version opens formats up to {FORMAT}",
                "Open it with the version that packed it, or a later one",
            )
        found = cls(**plain | {"files": tuple(Entry(**one) for one in plain["files"])})
        if not fits(found, cls) or found.format != FORMAT:
            raise TypeError("a value of the manifest has the wrong type")
        return found


@dataclass(frozen=True)
class Packed:
    """A pack that was written. `sizes` and `left` are bytes by stage: inside, and left behind for their size."""

    path: Path
    files: int
    bytes: int
    sizes: dict[str, int]
    left: dict[str, int]


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


def named(record: Record) -> tuple[tuple[str, str], ...]:
    """(stage, key) of every archive file that a study's record names, each once; in an order that keys do not change.

    >>> from phcore import Study
    >>> study = Study.open("smollm2-135m-instruct")
    >>> ("probes", study.record.probe_digest) in named(study.record)
    True
    """
    found = [("probes", record.probe_digest)]
    found += [("scalars", record.scalars)] if record.scalars else []
    for node in record.ready:
        found += [("next_tokens", record.next_key(node)), ("scores", record.scores_key(node))]
        for layer in record.layers:
            cell = record.cell_key(node, layer)
            found += [("clouds", record.cloud_key(node, layer)), ("diagrams", cell), ("summaries", cell)]
            found.append(("floors", record.floor_key(node, layer)))
            found.append(("distances", record.distance_key(node, layer)))
    found += [("velocities", record.velocity_key(a, b, k)) for _, a, b in record.transitions() for k in record.layers]
    found += [("numerics", record.numerics_key(node, k, kind)) for node, kind in record.reread for k in record.layers]
    found += [one for unit in evidence.units(record, "") for one in unit.writes]
    # Studies that came without their cells have the bars as a table.
    names = (*tables.PUBLISHED, *tables.EVIDENCE, "bars")
    found += [("tables", tables.published_key(record, name)) for name in names]
    return tuple(dict.fromkeys(found))


# --- packing ------------------------------------------------------------------------------------


def pack(
    study: Results, target: str | Path, *, prompts: bool = True, clouds: bool = False, date: str | None = None
) -> Packed:
    """Write a study with all its results into one file; an earlier file of that name is replaced as one step.

    Parameters
    ----------
    prompts : False leaves the texts of prompts and reference answers behind; their numbers and categories stay. Bars
        can then not be led back to texts.
    clouds : take the hidden states and next-token probabilities along, from which texts can be guessed.
    date : ISO 8601; now, where none is given. The same study and date give the same bytes.

    Raises
    ------
    Fault
        where nothing is computed yet, a result was damaged, or the file cannot be written.
    """
    study.store.refuse_writing("pack a study")  # a pack holds more than is shown then
    target = Path(target)
    if target.is_dir() or not target.absolute().parent.is_dir():
        wrong = "this is a folder" if target.is_dir() else "its folder does not exist"
        raise Fault(wrong, "Give the name of a file in a folder that exists, such as study.zip", target)
    bare = redact(study.record)
    prompts = prompts and not bare.prompts_withheld
    bare = replace(bare, prompts_withheld=not prompts)
    left: Counter[str] = Counter()
    try:
        with tempfile.TemporaryDirectory(prefix=".packing-", dir=target.absolute().parent) as place:
            sources = _results(study, bare, clouds, left)
            sources |= _about(study, bare, Path(place), prompts)
            entries = tuple(Entry(name, path.stat().st_size, sha256(path)) for name, path in sorted(sources.items()))
            _check_sizes(entries)
            manifest = Manifest(
                format=FORMAT,
                phcore=_own_version(),
                packages=dict(zip(PACKAGES, map(_version, PACKAGES), strict=True)),
                date=date or datetime.now(UTC).isoformat(timespec="seconds"),
                study=bare.study.name,
                record=bare.digest,
                prompts=prompts,
                clouds=clouds,
                files=entries,
            )
            written = Path(place) / "pack.zip"
            _write(written, manifest, sources)
            size = written.stat().st_size
            os.replace(written, target)
    except OSError as error:
        raise Fault(
            f"it cannot be written ({error.strerror or error})", "Check the disk and who may write there", target
        ) from error
    sizes: Counter[str] = Counter()
    for entry in entries:
        sizes[_stage(entry.path)] += entry.bytes
    return Packed(target, len(entries), size, dict(sizes), dict(left))


def _results(study: Results, bare: Record, clouds: bool, left: Counter[str]) -> dict[str, Path]:
    """Name in the pack -> file of every result that is there. What stays behind is counted in `left`, in bytes."""
    store, found, damaged = study.store, {}, len(study.store.damaged)
    for (stage, key), (_, new) in zip(named(study.record), named(bare), strict=True):
        path = store.path(stage, key)
        if not path.exists():
            continue
        if stage in LARGE and not clouds:
            left[stage] += path.stat().st_size
        elif store.read(stage, key) is not None:  # every page against its checksum: damage shall not travel
            found[f"{SCHEMA}/{stage}/{new}.parquet"] = path
    if len(store.damaged) > damaged:
        raise Fault(
            f"{len(store.damaged) - damaged} results of {study.study.name} were damaged and have been set aside",
            "Compute the study again, then pack it",
        )
    if not any(name.startswith((f"{SCHEMA}/tables/", f"{SCHEMA}/summaries/")) for name in found):
        raise Fault(f"nothing of {study.study.name} is computed yet", "Compute it first")
    return found


def _about(study: Results, bare: Record, place: Path, prompts: bool) -> dict[str, Path]:
    """Name in the pack -> file of what is not a copy of a result: the record, the study file, the user's measures."""
    desk = Store(place)
    bare.keep(desk)
    found = {name: folder_of(bare.study, desk) / name for name in (RECORD, STUDY)}
    own = measures.own_file(study.study.name, study.store)
    if own.exists():
        found[MEASURES] = own
    if not prompts:
        blank = tables.prompts(study.record, study.store).assign(text="", reference=None)
        desk.write("probes", bare.probe_digest, blank)
        found[f"{SCHEMA}/probes/{bare.probe_digest}.parquet"] = desk.path("probes", bare.probe_digest)
    return found


def _write(target: Path, manifest: Manifest, sources: dict[str, Path]) -> None:
    """Raises Fault where a file changed since the manifest was made."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_header(MANIFEST), manifest.to_json())
        for entry in manifest.files:
            with sources[entry.path].open("rb") as source, archive.open(_header(entry.path, entry.bytes), "w") as into:
                if _copy(source, into, entry.bytes) != (entry.bytes, entry.sha256):
                    raise Fault("a result changed while it was packed", "Pack the study again", sources[entry.path])


def _header(name: str, size: int = 0) -> zipfile.ZipInfo:
    """The same for every machine and day: a plain file that everybody may read."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.create_system, info.external_attr, info.file_size = 3, (stat.S_IFREG | 0o644) << 16, size
    return info


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def _own_version() -> str:
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"  # run from its folder, it is not installed
    try:
        return tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
    except (OSError, ValueError, KeyError):
        return _version("toposcope")


# --- opening ------------------------------------------------------------------------------------


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
            with zipfile.ZipFile(source) as archive:
                infos = _infos(archive)
                manifest = Manifest.from_json(_text(archive, infos[MANIFEST]))
                _compare(manifest, infos)
                _extract(archive, infos, manifest, place)
            record = _record(manifest, place)
        with _judging(store.root, doing="written"):
            return _settle(record if name is None else _renamed(record, name), manifest, place, store)


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
        raise Fault(
            f"the archive cannot be written ({error.strerror})", "Check who may write there", store.root
        ) from None
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
        raise Fault(fault.fault, fault.mend, path if doing == "read" else fault.path) from None
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


def _infos(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Name -> entry. Raises Fault for anything but plain files with the names of a pack, each once."""
    found: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        shown = repr(info.orig_filename[:120])
        kind = stat.S_IFMT(info.external_attr >> 16)
        for wrong, what in (
            # The name as it is stored: zipfile cuts it at a NUL byte and turns other separators round.
            (not NAMES.fullmatch(info.orig_filename), "which is not the name of a result"),
            (info.filename in found, "twice"),
            (kind not in (0, stat.S_IFREG) or info.external_attr & 0x10, "which is not a plain file"),
            (info.flag_bits & 0x41, "which is encrypted"),
            (info.compress_type != zipfile.ZIP_STORED, "which is compressed"),
            (info.file_size != info.compress_size, "whose size contradicts itself"),
        ):
            if wrong:
                raise Fault(
                    f"it holds {shown}, {what}", "Use the file as it was packed; a study needs nothing else in it"
                )
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
    for name, entry in listed.items():
        if entry.bytes != infos[name].file_size:
            raise Fault(f"{name} has another size than its manifest says", AGAIN)
    _check_sizes(manifest.files)


def _check_sizes(entries: Sequence[Entry]) -> None:
    total = sum(entry.bytes for entry in entries)
    for entry in entries:
        most = LARGEST_FILE if entry.path.endswith(".parquet") else LARGEST_TEXT
        if entry.bytes > most:
            raise Fault(f"{entry.path} has {entry.bytes / 1e6:,.0f} MB; a pack takes {most / 1e6:,.0f} MB", SMALLER)
    if total > LARGEST_PACK or len(entries) > MOST_FILES:
        raise Fault(
            f"it has {len(entries):,} files of {total / 1e9:,.1f} GB; a pack takes {MOST_FILES:,} files of "
            f"{LARGEST_PACK / 1e9:,.0f} GB",
            SMALLER,
        )


def _extract(archive: zipfile.ZipFile, infos: dict[str, zipfile.ZipInfo], manifest: Manifest, place: Path) -> None:
    """Write the files of the manifest below `place`, each against its digest; Parquet is opened once."""
    total, free = sum(entry.bytes for entry in manifest.files), shutil.disk_usage(place).free
    if total + SPARE > free:
        raise Fault(f"it needs {total / 1e6:,.0f} MB, and the disk has {free / 1e6:,.0f} MB free", "Free some space")
    for entry in manifest.files:
        target = place / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(infos[entry.path]) as source, target.open("xb") as into:
            if _copy(source, into, entry.bytes) != (entry.bytes, entry.sha256):
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

    Whoever uses it later (pages, the pipeline) takes its values as they are: types and keys are checked here.
    """
    record = Record.from_json((place / RECORD).read_bytes())
    sound = fits(record, Record) and record.nodes and record.nodes[0].label == BASE
    if not sound or not KEY_OF_PROBES.fullmatch(record.probe_digest) or not KEY.fullmatch(record.scalars or "0" * 32):
        raise Fault(f"its {RECORD} is not the record of a study", AGAIN)
    if len(record.nodes) ** 2 * len(record.layers) > MOST_PAIRS:
        raise Fault(f"it has {len(record.nodes):,} checkpoints, more than a study can", AGAIN)
    if places_of(record) or redact(record) != record:
        raise Fault(f"its {RECORD} holds paths of another machine", AGAIN)
    if record.digest != manifest.record:
        raise Fault(
            f"its {RECORD} is not the one it was packed with (its digest is another)",
            f"Open it with version {manifest.phcore[:20]}, which packed it; or have the study packed again",
        )
    written = Study.from_dict(tomllib.loads((place / STUDY).read_text(encoding="utf-8")))
    if written != record.study or record.study.name != manifest.study or record.prompts_withheld == manifest.prompts:
        raise Fault(f"its {RECORD}, {STUDY} and {MANIFEST} contradict each other", AGAIN)
    own, texts = place / MEASURES, place / SCHEMA / "probes" / f"{record.probe_digest}.parquet"
    if own.exists():
        measures.read_csv(own.read_bytes(), measures.steps_of(record))
    if texts.exists():
        _check_prompts(pq.read_table(texts, page_checksum_verification=True, partitioning=None), record)
    return record


def _check_prompts(table: pa.Table, record: Record) -> None:
    blank = not any(table["text"].to_pylist()) and not any(table["reference"].to_pylist())
    right = blank if record.prompts_withheld else _has_texts(table, record.probe_digest)
    if not right or table["prompt"].to_pylist() != list(range(record.n_prompts)):
        raise Fault("its prompts are not those that the results were measured on", AGAIN)


def _has_texts(table: pa.Table | None, digest: str) -> bool:
    """Whether a table of prompts holds the texts that its name was made from."""
    if table is None:
        return False
    texts = tuple(table["text"].to_pylist())
    return ProbeSet("", texts, (), ()).digest == digest


def _renamed(record: Record, name: str) -> Record:
    return replace(record, study=record.study.with_(name=name))


# --- putting in place ---------------------------------------------------------------------------


def _settle(record: Record, manifest: Manifest, place: Path, store: Store) -> Opened:
    """Move what was verified from `place` into the archive: the results first, the study's folder last.

    Until that folder is there every step can be taken back. One pack at a time: what one leaves alone because it is
    there already, another must not take back.
    """
    wanted = {f"{SCHEMA}/{stage}/{key}.parquet" for stage, key in named(record)}
    results = [entry for entry in manifest.files if entry.path.startswith(f"{SCHEMA}/")]
    os.sync()  # before any file gets its name: once for all of them, a tenth of the time of a thousand single ones
    folder = folder_of(record.study, store)
    with _alone(store.root), ExitStack() as undo:
        present = _same_study(record, store)
        fates = {entry.path: _put(entry, place, store, undo) for entry in results if entry.path in wanted}
        there = _has_texts(store.read("probes", record.probe_digest), record.probe_digest)
        withheld = not (manifest.prompts or there)
        if present is None:
            ready = folder_of(record.study, Store(place))
            replace(record, prompts_withheld=withheld).keep(Store(place))
            if (place / MEASURES).exists():
                os.rename(place / MEASURES, ready / MEASURES)
            _make_folder(folder.parent, undo)
            _move(ready, folder, undo)
        undo.pop_all()
        texts = f"{SCHEMA}/probes/{record.probe_digest}.parquet"
        if manifest.prompts and not there and (place / texts).exists():
            # Blank prompts, left by a pack that came without, give way to their texts.
            os.replace(place / texts, store.root / texts)
            fates[texts] = "new"
        if present is not None and present.prompts_withheld != withheld:
            replace(present, prompts_withheld=withheld).keep(store)
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
    found = Record.read(store, record.study.name)
    if found is not None and (found.digest, found.scalars) == (record.digest, record.scalars):
        return found
    raise Fault(
        f"another study in the archive is called {record.study.name}", "Open it under another name: --name NAME"
    )


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


# --- small things -------------------------------------------------------------------------------


def fits(value: object, hint: object) -> bool:
    """Whether a value, with all it holds, has the type its dataclass says; True is no int."""
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return type(value) is hint and all(fits(getattr(value, one.name), hints[one.name]) for one in fields(hint))
    if get_origin(hint) is tuple:
        return type(value) is tuple and all(fits(one, get_args(hint)[0]) for one in value)
    if get_origin(hint) is dict:
        kinds = get_args(hint)
        pairs = value.items() if type(value) is dict else [(None, None)]
        return all(fits(one, kinds[0]) and fits(other, kinds[1]) for one, other in pairs)
    return isinstance(value, Path) if hint is Path else type(value) is hint


def sha256(path: Path) -> str:
    """In hex, of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(source: BinaryIO, target: BinaryIO, size: int) -> tuple[int, str]:
    """Copy up to `size` bytes and one chunk more; returns how many there were, and their SHA-256."""
    count, seen = 0, hashlib.sha256()
    while count <= size and (data := source.read(CHUNK)):
        target.write(data)
        seen.update(data)
        count += len(data)
    return count, seen.hexdigest()


def _stage(name: str) -> str:
    parts = name.split("/")
    return parts[1] if len(parts) == 3 else "about"
