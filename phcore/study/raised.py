"""Alarms that a training gave, as an archive keeps them: one line each, beside the study's record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from phcore.archive.store import Store
from phcore.archive.typed import from_json
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
    """Add lines to the list of a study."""
    store.refuse_writing("write alarms")
    place = folder_of(study, store)
    place.mkdir(parents=True, exist_ok=True)
    with open(place / FILE, "a", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(one)) + "\n" for one in found)


def read(study: str, store: Store) -> list[Raised]:
    """The alarms of a study in the order in which they were given; a line that is no alarm is passed over."""
    try:
        lines = (folder_of(study, store) / FILE).read_bytes().splitlines()[-MOST:]
    except OSError:
        return []
    found = []
    for line in lines:
        with suppress(Fault):
            found.append(from_json(line, Raised))
    return found
