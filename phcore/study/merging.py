"""A study's files that this archive and its bucket both changed: nothing that one of them added is lost.

What neither adds to the other (parameters, measures) is as the bucket has it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import replace

from phcore.archive import bucket
from phcore.archive.permissions import KINDS
from phcore.archive.typed import from_json
from phcore.errors import Fault
from phcore.study.definition import Study
from phcore.study.record import LIVE, Record


def merged(name: str, ours: bytes, theirs: bytes) -> bytes:
    """A file of a study after both sides changed it.

    Parameters
    ----------
    name : of the file, without folders.

    Returns
    -------
    What the bucket holds, with what is private on either side, and the looks, saved views and alarms that only this
    archive has; as it is in the bucket where one of the two cannot be read.
    """
    try:
        return _MERGES[name](ours, theirs) if name in _MERGES else theirs
    except (Fault, ValueError, RecursionError):
        return theirs


def with_looks(record: Record, before: Record | None, latest: Record | None) -> Record:
    """A record with the looks of `latest` that neither it nor `before` has."""
    known = {(node.label, node.step) for one in (record, before) if one for node in one.nodes}
    new = [node for node in (latest.nodes if latest else ()) if node.kind == LIVE]
    new = [node for node in new if (node.label, node.step) not in known]
    if not new:
        return record
    own = {one.name for one in record.study.series}
    joined = {node.label for node in new} - own
    series = (*record.study.series, *(one for one in latest.study.series if one.name in joined))
    place = {one.name: number for number, one in enumerate(series)}
    nodes = sorted((*record.nodes[1:], *new), key=lambda node: (place[node.label], node.step))
    return replace(record, study=record.study.with_(series=series), nodes=(record.base, *nodes))


def _records(ours: bytes, theirs: bytes) -> bytes:
    mine, found = Record.from_json(ours), Record.from_json(theirs)
    joined = with_looks(found, None, mine) if mine.base == found.base else found
    joined = replace(joined, study=_as_private(joined.study, mine.study.private))
    return theirs if joined == found else joined.to_json()


def _study_files(ours: bytes, theirs: bytes) -> bytes:
    found = _study(theirs)
    try:
        private = _study(ours).private
    except (Fault, ValueError, RecursionError):
        private = KINDS  # nobody can tell what it was meant to hide
    joined = _as_private(found, private)
    return theirs if joined == found else joined.to_toml().encode()


def _study(file: bytes) -> Study:
    return Study.from_dict(tomllib.loads(file.decode()))


def _as_private(study: Study, more: Iterable[str]) -> Study:
    return study.with_(private=tuple(kind for kind in KINDS if kind in {*study.private, *more}))


def _views(ours: bytes, theirs: bytes) -> bytes:
    found = from_json(theirs, list[dict[str, str]])
    names = {one.get("name") for one in found}
    more = [one for one in from_json(ours, list[dict[str, str]]) if one.get("name") not in names]
    joined = sorted([*found, *more], key=lambda one: str(one.get("saved")), reverse=True)
    return json.dumps(joined, indent=1, ensure_ascii=False).encode() if more else theirs


def _alarms(ours: bytes, theirs: bytes) -> bytes:
    found = theirs.splitlines()
    more = [line for line in ours.splitlines() if line not in found]
    return b"".join(line + b"\n" for line in [*found, *more]) if more else theirs


_MERGES: dict[str, Callable[[bytes, bytes], bytes]] = {
    "record.json": _records,
    "study.toml": _study_files,
    "views.json": _views,
    "alarms.jsonl": _alarms,
}
bucket.merged = merged  # rooms below this one know no studies
