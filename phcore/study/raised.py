"""Alarms that a training gave, as an archive keeps them: one line each, beside the study's record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from phcore.archive.store import Store
from phcore.archive.typed import from_json
from phcore.archive.writing import on_disk, read_plain
from phcore.errors import Fault
from phcore.study.kept import folder_of

FILE = "alarms.jsonl"
MOST = 1_000  # lines that are read, the last ones


@dataclass(frozen=True)
class Raised:
    """One alarm: of which series and step, its kind, and a sentence."""

    series: str
    step: int
    kind: str
    words: str


def add(found: Sequence[Raised], study: str, store: Store) -> None:
    """Add lines to the list of a study; by one process at a time: see `kept.alone`.

    Raises
    ------
    Fault : where the disk refuses; what was there stays whole.
    """
    store.refuse_writing("write alarms")
    file = folder_of(study, store) / FILE
    lines = "".join(json.dumps(asdict(one)) + "\n" for one in found).encode()
    with on_disk(file):
        before = read_plain(file) if file.exists() else b""
    if before and not before.endswith(b"\n"):  # the last line was cut: the next one is not to be lost with it
        before += b"\n"
    store.write_file(file, before + lines)


def read(study: str, store: Store) -> list[Raised]:
    """The alarms of a study in the order in which they were given; a line that is no alarm is passed over."""
    try:
        lines = read_plain(folder_of(study, store) / FILE).splitlines()[-MOST:]
    except OSError:
        return []
    found = []
    for line in lines:
        with suppress(Fault):
            found.append(from_json(line, Raised))
    return found
