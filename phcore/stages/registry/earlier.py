"""Studies of version 0.3: taken over as they are, so that nothing is computed again.

Then a result was named by hand-made keys, a cell's facts stood in its summaries, a file of distances held one row of
the matrix, and the bars of Gaussian clouds and what is known of them were two files. Files that hold the same are
linked, the others are written anew, and the old ones stay. A finished table did not know which categories and
reference answers it was made with: those that rest on them are put together again where their parts are there.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phcore.archive.store import Store, digest
from phcore.formatting import count
from phcore.stages import cells, gaussian_nulls
from phcore.stages.registry import assembly
from phcore.stages.registry.arrow import DISTANCES, TYPES
from phcore.stages.registry.discovery import results, tables
from phcore.stages.registry.keys import keys_of
from phcore.stages.registry.places import places
from phcore.stages.registry.result import Place
from phcore.study.kept import folder_of, keep
from phcore.study.probes import category_digest
from phcore.study.record import Node, Record
from phcore.topology.summaries import FEATURES

SCHEMA = "v1"
SAID = "taken-over.txt"  # in the folder of a study of which something could not be taken over
RENAMED = {
    "gaussian_velocities": "controls",
    "gaussian_nulls": "nulls",
    "numerical_noise": "numerics",
    "scores": "answers",
}
"""Name of a table -> what it was called."""
BEFORE_EVIDENCE = ("cells", "summaries", "velocities", "floors", "distances", "dynamics", "bars")
OF_CATEGORIES = ("scores", "divergence", "lags", "early_final")  # what rests on categories and references
OF_BEHAVIOUR = ("lags", "early_final")
EVIDENCE = 2  # version of the evidence that is taken over
# The parts of a pack of that version.
STAGES = (
    "clouds", "next_tokens", "controls", "diagrams", "distances", "divergences", "floors", "geometry", "moves",
    "null_diagrams", "nulls", "numerics", "scalars", "scores", "sensitivity", "summaries", "velocities",
)  # fmt: skip

File = tuple[str, str]


def is_of_03(store: Store, name: str) -> bool:
    """Whether an archive holds a study of this name as version 0.3 left it."""
    try:
        plain = json.loads((folder_of(name, store) / "record.json").read_bytes())
        if "format" in plain:
            return False
        Record.from_plain(plain)
    except (OSError, ValueError, TypeError, RecursionError):  # a record of no version
        return False
    return True


def read(store: Store, name: str) -> Record:
    """Its record. Raises ValueError, TypeError or KeyError for what is none."""
    plain = json.loads((folder_of(name, store) / "record.json").read_bytes())
    record = Record.from_plain(plain)
    kept = _old(store, ("probes", record.probe_digest))
    categories = tuple(kept["category"].to_pylist()) if kept is not None else ()
    return Record(**{**record.__dict__, "category_digest": category_digest(categories)})


def notes(store: Store, name: str) -> tuple[str, ...]:
    """Sentences on what could not be taken over of a study, and why."""
    try:
        return tuple((folder_of(name, store) / SAID).read_text(encoding="utf-8").splitlines())
    except OSError:
        return ()


def take_over(store: Store, name: str) -> None:
    """Bring a study of version 0.3 into this one; `notes` says what cannot be."""
    store.refuse_writing("take over a study of an earlier version")
    record = read(store, name)
    _take(store, ("probes", record.probe_digest), ("probes", record.probes_key))
    if record.scalars:
        _take(store, ("scalars", record.scalars), ("scalars", record.scalars))
    old = _Keys(record)
    for one in results().values():
        for place in places(record, one.per):
            _result(store, old, one.name, place)
    folder = folder_of(name, store)
    if said := [*_tables(store, record)]:
        store.write_file(folder / SAID, "\n".join(said).encode())
    with contextlib.suppress(FileNotFoundError):
        store.write_file(folder / f"record-{SCHEMA}.json", (folder / "record.json").read_bytes())
    keep(record, store)


# --- results --------------------------------------------------------------------------------------


def _result(store: Store, old: _Keys, name: str, place: Place) -> None:
    new = (name, keys_of(old.record).of(name, place))
    if name not in _PARTS or store.has(*new):
        return
    parts, convert = _PARTS[name]
    files = [(stage, key(old, place)) for stage, key in parts]
    if convert is None:
        _take(store, files[0], new)
        return
    found = [_old(store, file) for file in files]
    if all(table is not None for table in found):
        store.write(*new, convert(*found, old.record, place))


def _cell(summaries: pa.Table, record: Record, place: Place) -> pa.Table:
    row = summaries.slice(0, 1).to_pylist()[0]
    median = row["unit"] if row["unit"] is not None else float("nan")
    return pa.table({name: [median if name == "median_distance" else row[name]] for name in cells.Cell._fields})


def _summaries(summaries: pa.Table, record: Record, place: Place) -> pa.Table:
    if summaries["status"][0].as_py() == "nonfinite":
        summaries = summaries.slice(0, 0)
    return summaries.select(["subsample", *FEATURES])


def _distance(row: pa.Table, record: Record, place: Place) -> pa.Table:
    """One entry of the row of distances of the later checkpoint."""
    number = record.ready.index(place.nodes[0])
    return row.filter(pc.equal(row["other"], number)).select(list(DISTANCES))


def _null(bars: pa.Table, nulls: pa.Table, record: Record, place: Place) -> pa.Table:
    kind, number = bars["kind"].to_numpy(zero_copy_only=False), bars["subsample"].to_numpy()
    births, deaths = bars["birth"].to_numpy(), bars["death"].to_numpy()
    each = [
        np.flatnonzero((kind == row["kind"]) & (number == row["replicate"])) for row in nulls.to_pylist()
    ]  # sorted by degree already
    columns = {
        name: nulls["unit" if name == "median_distance" else name].cast(TYPES[name]) for name in gaussian_nulls.ABOUT
    }
    points = {"births": births, "deaths": deaths}
    columns |= {name: pa.array([points[name][rows] for rows in each], of) for name, of in gaussian_nulls.BARS.items()}
    return pa.table(columns)


def _take(store: Store, old: File, new: File) -> None:
    """The same file under its new name."""
    source, target = _path(store, old), store.path(*new)
    if target.exists() or not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        try:
            os.link(source, temporary)
        except OSError:  # another disk, or one without links
            shutil.copyfile(source, temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _old(store: Store, file: File) -> pa.Table | None:
    """None where it is not there, or damaged: then it is computed again, as everything that is not there."""
    try:
        return pq.read_table(_path(store, file), page_checksum_verification=True, partitioning=None)
    except (OSError, pa.ArrowException):
        return None


def _path(store: Store, file: File) -> Path:
    return store.root / SCHEMA / file[0] / f"{file[1]}.parquet"


# --- tables ---------------------------------------------------------------------------------------


def _tables(store: Store, record: Record) -> Iterator[str]:
    """Take the finished tables over; says which are not, and why."""
    old, stale = _Keys(record), []
    for name, one in tables().items():
        new = assembly.file_of(record, name)
        found = _old(store, ("tables", old.table(name)))
        if not (one.published or name == "bars") or found is None or store.has(*new):
            continue
        found = found.rename_columns(["median_distance" if c == "unit" else c for c in found.column_names])
        if name in OF_CATEGORIES and (stale or not _right(name, found, store, record)):
            stale.append(name)
            continue
        store.write(*new, found)
    if stale:
        yield (
            f"{count(len(stale), 'table')} of this study ({', '.join(stale)}) were made with other categories or "
            "reference answers than it has now: earlier versions did not keep which. Compute puts them together again."
        )


def _right(name: str, table: pa.Table, store: Store, record: Record) -> bool:
    """Whether a table is what its parts give with the categories of now; where they are gone, whether it may be."""
    one = tables()[name]
    if one.gathers and all(store.has(*file) for file in assembly.parts(record, one)):
        again = assembly.assembled(record, store, one, whole=True)
        return again.equals(table.to_pandas().reindex(columns=list(one.columns)).astype(again.dtypes))
    if "category" not in table.column_names:
        return True
    kept = assembly.prompts(record, store)["category"].dropna()
    return set(table["category"].to_pylist()) - {"", None} <= set(kept)


# --- the names of that version --------------------------------------------------------------------


class _Keys:
    """The keys of version 0.3, as it made them."""

    def __init__(self, record: Record):
        self.record, self.study = record, record.study
        self._cells: dict[Place, str] = {}  # a row of distances names those of every earlier checkpoint
        self._rows: dict[Place, str] = {}

    @property
    def _reading(self) -> tuple:
        return (self.record.tokenizer, self.record.probe_digest, self.study.chat, self.study.dtype)

    def cloud(self, place: Place) -> str:
        (node,) = place.nodes
        return digest("cloud", node.fingerprint, self._reading, place.layer)

    def next_tokens(self, place: Place) -> str:
        return digest("next_tokens", place.nodes[0].fingerprint, self._reading)

    def cell(self, place: Place) -> str:
        s = self.study
        if place not in self._cells:
            how = (s.metric, s.engine, s.subsamples, s.subsample_size, s.seed)
            self._cells[place] = digest("cell", self.cloud(place), how)
        return self._cells[place]

    def floor(self, place: Place) -> str:
        return digest("floor", self.cell(place), self.study.orders, self.study.norm)

    def velocity(self, place: Place) -> str:
        return digest("velocity", tuple(map(self.cell, _each(place))), self.study.orders, self.study.norm)

    def distance(self, place: Place) -> str:
        """Of the row that the later checkpoint of a pair has."""
        later, ready = Place((place.nodes[1],), place.layer), self.record.ready
        if later not in self._rows:
            others = [self.cell(Place((other,), place.layer)) for other in ready[: ready.index(place.nodes[1])]]
            self._rows[later] = digest("distance", self.cell(later), others, self.study.order, self.study.norm)
        return self._rows[later]

    def geometry(self, place: Place) -> str:
        return digest("geometry", self.cloud(place))

    def move(self, place: Place) -> str:
        return digest("move", *map(self.cloud, _each(place)))

    def null(self, place: Place) -> str:
        s = self.study
        how = (s.metric, s.engine, bool(s.subsamples), s.subsample_size, s.seed, 16)
        return digest("null", self.cloud(place), how)

    def control(self, place: Place) -> str:
        return digest("control", tuple(map(self.null, _each(place))), self.study.order, self.study.norm)

    def scores(self, place: Place) -> str:
        return digest("scores", self.next_tokens(place), self.record.reference_digest, 1)

    def divergence(self, place: Place) -> str:
        return digest("divergence", *map(self.next_tokens, _each(place)))

    def sensitivity(self, place: Place) -> str:
        s = self.study
        how = (s.metric, s.engine, s.subsamples, s.subsample_size, s.seed, s.order, s.norm)
        return digest("sensitivity", [(self.cloud(one), one.nodes[0].step) for one in _each(place)], how)

    def numerics(self, place: Place) -> str:
        return digest("numerics", self.cell(place), self.study.order, self.study.norm, place.reading)

    @property
    def of_study(self) -> str:
        labels = [(one.name, one.objective, one.seed) for one in self.record.series]
        nodes = [_facts(node) for node in self.record.nodes]
        s = self.study
        how = (s.scale, s.metric, s.engine, s.subsamples, s.subsample_size, s.seed, s.orders, s.order, s.norm)
        how += (s.second_dtype,) if s.second_dtype else ()
        return digest("study", labels, nodes, self.record.layers, self._reading, how)

    def table(self, name: str) -> str:
        old = RENAMED.get(name, name)
        if name in BEFORE_EVIDENCE:
            return f"{self.of_study}-{old}"
        whole = digest(self.of_study, self.record.scalars) if name in OF_BEHAVIOUR else self.of_study
        return f"{whole}-{old}-{EVIDENCE}"

    def named(self) -> set[File]:
        """Every file that a pack of such a study may hold."""
        found = {("probes", self.record.probe_digest)}
        found |= {("scalars", self.record.scalars)} if self.record.scalars else set()
        for name, (old, _) in _PARTS.items():
            for place in places(self.record, results()[name].per):
                found |= {(stage, key(self, place)) for stage, key in old}
        return found | {("tables", self.table(name)) for name in tables()}


def _each(place: Place) -> list[Place]:
    return [Place((node,), place.layer) for node in place.nodes]


def _facts(n: Node) -> tuple:
    return (n.label, n.step, n.kind, n.size, n.status, n.finding, n.fingerprint)


_Old = tuple[str, Callable[[_Keys, Place], str]]
# Result -> the files it was in, and what makes it of them where they are not the same.
_PARTS: dict[str, tuple[tuple[_Old, ...], Callable[..., pa.Table] | None]] = {
    "clouds": ((("clouds", _Keys.cloud),), None),
    "next_tokens": ((("next_tokens", _Keys.next_tokens),), None),
    "scores": ((("scores", _Keys.scores),), None),
    "cells": ((("summaries", _Keys.cell),), _cell),
    "diagrams": ((("diagrams", _Keys.cell),), None),
    "summaries": ((("summaries", _Keys.cell),), _summaries),
    "floors": ((("floors", _Keys.floor),), None),
    "velocities": ((("velocities", _Keys.velocity),), None),
    "distances": ((("distances", _Keys.distance),), _distance),
    "geometry": ((("geometry", _Keys.geometry),), None),
    "moves": ((("moves", _Keys.move),), None),
    "gaussian_nulls": ((("null_diagrams", _Keys.null), ("nulls", _Keys.null)), _null),
    "gaussian_velocities": ((("controls", _Keys.control),), None),
    "numerical_noise": ((("numerics", _Keys.numerics),), None),
    "sensitivity": ((("sensitivity", _Keys.sensitivity),), None),
    "divergences": ((("divergences", _Keys.divergence),), None),
}


def named(record: Record) -> set[File]:
    """(stage, key) of every file that a pack of version 0.3 may hold."""
    return _Keys(record).named()


def digest_of(record: Record) -> str:
    """The digest that version 0.3 gave a record."""
    return _Keys(record).of_study
