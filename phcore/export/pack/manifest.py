"""What a pack says of itself, and the names and sizes that its files can have."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from phcore.archive.store import SCHEMA
from phcore.archive.writing import open_plain
from phcore.errors import Fault
from phcore.stages.registry import earlier, results

FORMAT = 2  # of packs: a change that earlier versions cannot open raises it
FORMAT_03 = 1  # of version 0.3
MANIFEST, RECORD, STUDY, MEASURES = "manifest.json", "record.json", "study.toml", "measures.csv"
# A cloud of 10,000 prompts and 16,384 dimensions has 0.7 GB, a study of 100 checkpoints with its clouds some 10 GB.
LARGEST_FILE, LARGEST_PACK, MOST_FILES = 2 * 2**30, 64 * 2**30, 200_000
LARGEST_TEXT = 32 * 2**20  # bytes of the manifest and of the record: 200,000 files are named in some 26 MB
CHUNK = 2**20
AGAIN = "Copy the file again, or have the study packed again"
SMALLER = "Leave the hidden states behind, or make two studies of it"


def file_names(format: int) -> re.Pattern:
    """The only names a file in a pack can have: digests in lower case, so that no two of them differ by case alone."""
    about, key, word = f"{MANIFEST}|{RECORD}|{STUDY}|{MEASURES}", "[0-9a-f]{32}", "[a-z][a-z0-9_]{0,40}"
    if format == FORMAT_03:
        stages = f"(?:{'|'.join(earlier.STAGES)})/{key}|probes/[0-9a-f]{{64}}|tables/{key}-{word}(?:-[0-9]{{1,4}})?"
        return re.compile(rf"{about}|{earlier.SCHEMA}/(?:{stages})\.parquet")
    stages = f"(?:{'|'.join((*results(), 'scalars', 'probes'))})/{key}|tables/{word}-{key}"
    return re.compile(rf"{about}|{SCHEMA}/(?:{stages})\.parquet")


def stage_of(name: str) -> str:
    """What a file of a pack belongs to: the name of a result, or "about"."""
    parts = name.split("/")
    return parts[1] if len(parts) == 3 else "about"


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a pack: its name, its size in bytes and its SHA-256 in hex."""

    path: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, name: str, path: Path) -> Entry:
        """Raises Fault for what cannot be read, such as a folder in its place."""
        try:
            return cls(name, path.stat().st_size, sha256(path))
        except OSError as error:
            raise Fault(f"it cannot be read ({error.strerror or error})", "Put the file back as it was", path) from None


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a pack holds and where it comes from.

    Attributes
    ----------
    phcore, packages : versions on the machine that packed.
    date : of packing, UTC, ISO 8601.
    record : the record's digest.
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
        return json.dumps(msgspec.to_builtins(self), indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Raises Fault for a later format, and ValueError, TypeError or KeyError for what is no manifest."""
        plain = json.loads(data)
        if type(plain["format"]) is int and plain["format"] > FORMAT:
            raise Fault(
                f"it has format {plain['format']}, and this version opens formats up to {FORMAT}",
                "Open it with the version that packed it, or a later one",
            )
        found = msgspec.convert(plain, cls)
        if found.format not in (FORMAT, FORMAT_03):
            raise ValueError("there is no such format")
        return found


def check_sizes(entries: Sequence[Entry]) -> None:
    """Raises Fault for a file, or a pack, that is larger than a study can be."""
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


def sha256(path: Path) -> str:
    """In hex, of a file of any size."""
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy(source: BinaryIO, target: BinaryIO, size: int) -> tuple[int, str]:
    """Copy up to `size` bytes and one chunk more; returns how many there were, and their SHA-256."""
    count, seen = 0, hashlib.sha256()
    while count <= size and (data := source.read(CHUNK)):
        target.write(data)
        seen.update(data)
        count += len(data)
    return count, seen.hexdigest()
