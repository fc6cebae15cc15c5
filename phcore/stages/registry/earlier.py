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
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phcore.archive.store import Store, digest
from phcore.archive.writing import read_plain
from phcore.formatting import count
from phcore.stages import cells, gaussian_nulls, sensitivity
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
OF_CATEGORIES = ("scores", "divergence", "lags")  # what rests on categories and references
EVIDENCE = 2  # version of the evidence that is taken over
# The parts of a pack of that version.
STAGES = (
    "clouds", "next_tokens", "controls", "diagrams", "distances", "divergences", "floors", "geometry", "moves",
    "null_diagrams", "nulls", "numerics", "scalars", "scores", "sensitivity", "summaries", "velocities",
)  # fmt: skip

_OF_EACH = ("degree", "order", "norm", "scale", "value")
_COLUMNS = {
    "clouds": ("state",), "next_tokens": ("token", "logprob", "rest"), "scores": ("prompt", "refusal", "nll", "tokens"),
    "diagrams": ("subsample", "degree", "birth", "death"), "divergences": ("prompt", "value", "slack"),
    "geometry": ("mean_norm", "total_variance", "mean_distance", "median_distance", "effective_rank", "two_nn"),
    "moves": ("centroid_drift", "cka_distance"), "controls": ("kind", "replicate", *_OF_EACH),
    "probes": ("prompt", "text", "category", "reference"), "scalars": ("series", "step", "name", "value", "source"),
} | dict.fromkeys(("floors", "velocities", "numerics"), ("subsample", *_OF_EACH))  # fmt: skip
"""Of the files that are taken as they are."""
_LISTS = {"state", "token", "logprob"}
_WORDS = {"kind", "scale", "text", "category", "reference", "series", "name", "source"}

File = tuple[str, str]


def is_of_03(store: Store, name: str) -> bool:
    """Whether an archive holds a study of this name as version 0.3 left it."""
    try:
        plain = json.loads(read_plain(folder_of(name, store) / "record.json"))
        if "format" in plain:
            return False
        Record.from_plain(plain)
    except (OSError, ValueError, TypeError, RecursionError):  # a record of no version
        return False
    return True


def notes(store: Store, name: str) -> tuple[str, ...]:
    """Sentences on what could not be taken over of a study, and why."""
    try:
        return tuple((folder_of(name, store) / SAID).read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError:
        return ()


def take_over(store: Store, study: str) -> None:
    """Bring a study of version 0.3 into this one; `notes` says what cannot be."""
    store.refuse_writing("take over a study of an earlier version")
    record = Record.from_plain(json.loads((folder_of(study, store) / "record.json").read_bytes()))
    probes = _old(store, ("probes", record.probe_digest))
    categories = () if probes is None or "category" not in probes.column_names else probes["category"].to_pylist()
    record = replace(record, category_digest=category_digest(categories))
    numbers = [] if probes is None or "prompt" not in probes.column_names else probes["prompt"].to_pylist()
    if numbers == list(range(record.n_prompts)):
        _take(store, ("probes", record.probe_digest), ("probes", record.probes_key))
    if record.scalars:
        _take(store, ("scalars", record.scalars), ("scalars", record.scalars))
    old = _Keys(record)
    for name in _WAS:
        for place in places(record, results()[name].per):
            _result(store, old, name, place)
    folder = folder_of(study, store)
    if said := [*_tables(store, record)]:
        store.write_file(folder / SAID, "\n".join(said).encode())
    with contextlib.suppress(FileNotFoundError):
        store.write_file(folder / f"record-{SCHEMA}.json", (folder / "record.json").read_bytes())
    keep(record, store)


# --- results --------------------------------------------------------------------------------------


def _result(store: Store, old: _Keys, name: str, place: Place) -> None:
    folders, kind, convert = _WAS[name]
    new, files = (name, keys_of(old.record).of(name, place)), [(folder, old.of(kind, place)) for folder in folders]
    if store.has(*new):
        return
    if convert is None:
        _take(store, files[0], new)
    else:
        found = [_old(store, file) for file in files]
        if any(table is None for table in found):
            return
        try:
            table = convert(*found, old.record, place)
        except (LookupError, ValueError, TypeError, pa.ArrowException):
            return  # a table of another kind is as good as none: the result is computed again
        store.write(*new, table)


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


def _transition(series: pa.Table, record: Record, place: Place) -> pa.Table:
    """The rows of one transition of the series."""
    both = zip(("step_from", "step"), place.nodes, strict=True)
    here = [pc.equal(series[name], node.step) for name, node in both]
    return series.filter(pc.and_(*here)).select(list(sensitivity.NAMES))


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
    columns |= {name: pa.array([points[name][rows] for rows in each], TYPES[name]) for name in gaussian_nulls.BARS}
    return pa.table(columns)


def _take(store: Store, old: File, new: File) -> None:
    """The same file under its new name."""
    source, target = _path(store, old), store.path(*new)
    if target.exists() or not source.exists() or not _is_what_it_was(source, old[0]):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        store.write_file(target, source.read_bytes())


def _is_what_it_was(path: Path, stage: str) -> bool:
    """Whether a file has the columns that version 0.3 gave it: it kept no checksum of a footer, which names them."""
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException):
        return False
    return tuple(schema.names) == _COLUMNS[stage] and all(map(_is_of_its_kind, schema))


def _is_of_its_kind(field: pa.Field) -> bool:
    """Whether a column holds lists, words (of which there may be none) or numbers, as its name says."""
    is_, kind = pa.types, field.type
    if field.name in _LISTS:
        return is_.is_fixed_size_list(kind)
    if field.name in _WORDS:
        return is_.is_string(kind) or is_.is_large_string(kind) or is_.is_null(kind)
    return is_.is_integer(kind) or is_.is_floating(kind)


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
    stale: list[str] = []
    for name, one in tables().items():
        new = assembly.file_of(record, name)
        found = _old(store, ("tables", _table(record, name)))
        if not (one.published or name == "bars") or found is None or store.has(*new) or one.version > 1:
            continue  # a table that is defined otherwise since is put together again
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
        try:
            return again.equals(table.to_pandas().reindex(columns=list(one.columns)).astype(again.dtypes))
        except (ValueError, TypeError):  # it holds values of another kind
            return False
    if "category" not in table.column_names:
        return True
    kept = assembly.prompts(record, store)["category"].dropna()
    return set(table["category"].to_pylist()) - {"", None} <= set(kept)


# --- the names of that version --------------------------------------------------------------------


class _Keys:
    """The keys of version 0.3, as it made them: digests of a word and what follows it, each made once."""

    def __init__(self, record: Record):
        self.record = record
        self._known: dict[tuple[str, Place], str] = {}

    def of(self, kind: str, place: Place) -> str:
        """The key of a file of that version; `kind` is the word in it."""
        if kind == "distance":  # of the row that the later checkpoint of a pair has
            place = Place(place.nodes[-1:], place.layer)
        if kind == "sensitivity":  # of the series that a transition is in
            place = Place(self._series_with(place.nodes), place.layer)
        if (kind, place) not in self._known:
            self._known[kind, place] = digest(kind, *self._made_of(kind, place))
        return self._known[kind, place]

    def _made_of(self, kind: str, place: Place) -> tuple:
        s, ready, layer = self.record.study, self.record.ready, place.layer
        measured = (s.metric, s.engine, s.subsamples, s.subsample_size, s.seed)
        match kind:
            case "cloud":
                return place.nodes[0].fingerprint, _reading(self.record), layer
            case "next_tokens":
                return place.nodes[0].fingerprint, _reading(self.record)
            case "cell":
                return self.of("cloud", place), measured
            case "floor":
                return self.of("cell", place), s.orders, s.norm
            case "velocity":
                return self._each("cell", place.nodes, layer), s.orders, s.norm
            case "distance":
                before = ready[: ready.index(place.nodes[0])]
                return self.of("cell", place), self._each("cell", before, layer), s.order, s.norm
            case "geometry":
                return (self.of("cloud", place),)
            case "move":
                return tuple(self._each("cloud", place.nodes, layer))
            case "null":
                how = (s.metric, s.engine, bool(s.subsamples), s.subsample_size, s.seed, 16)
                return self.of("cloud", place), how
            case "control":
                return self._each("null", place.nodes, layer), s.order, s.norm
            case "scores":
                return self.of("next_tokens", place), self.record.reference_digest, 1
            case "divergence":
                return tuple(self._each("next_tokens", place.nodes))
            case "sensitivity":
                clouds = zip(self._each("cloud", place.nodes, layer), (node.step for node in place.nodes), strict=True)
                return list(clouds), (*measured, s.order, s.norm)
            case "numerics":
                return self.of("cell", Place(place.nodes, layer)), s.order, s.norm, place.reading
        raise KeyError(kind)

    def _series_with(self, transition: tuple[Node, ...]) -> tuple[Node, ...]:
        paths = (self.record.path_of(one.name) for one in self.record.series)
        return next(path for path in paths if transition in pairwise(path))

    def _each(self, kind: str, nodes: tuple[Node, ...], layer: int | None = None) -> list[str]:
        return [self.of(kind, Place((node,), layer)) for node in nodes]


def _reading(record: Record) -> tuple:
    return (record.tokenizer, record.probe_digest, record.study.chat, record.study.dtype)


def digest_of(record: Record) -> str:
    """The digest that version 0.3 gave a record."""
    labels = [(one.name, one.objective, one.seed) for one in record.series]
    nodes = [(n.label, n.step, n.kind, n.size, n.status, n.finding, n.fingerprint) for n in record.nodes]
    s = record.study
    how = (s.scale, s.metric, s.engine, s.subsamples, s.subsample_size, s.seed, s.orders, s.order, s.norm)
    how += (s.second_dtype,) if s.second_dtype else ()
    return digest("study", labels, nodes, record.layers, _reading(record), how)


def _table(record: Record, name: str) -> str:
    """The key of a finished table of that version."""
    study, old = digest_of(record), RENAMED.get(name, name)
    if name in BEFORE_EVIDENCE:
        return f"{study}-{old}"
    return f"{digest(study, record.scalars) if name == 'lags' else study}-{old}-{EVIDENCE}"


# Result -> the folders of the files it was in, the word in their keys, and what makes it of them where they are not
# the same.
_WAS: dict[str, tuple[tuple[str, ...], str, Callable[..., pa.Table] | None]] = {
    "clouds": (("clouds",), "cloud", None),
    "next_tokens": (("next_tokens",), "next_tokens", None),
    "scores": (("scores",), "scores", None),
    "cells": (("summaries",), "cell", _cell),
    "diagrams": (("diagrams",), "cell", None),
    "summaries": (("summaries",), "cell", _summaries),
    "floors": (("floors",), "floor", None),
    "velocities": (("velocities",), "velocity", None),
    "distances": (("distances",), "distance", _distance),
    "geometry": (("geometry",), "geometry", None),
    "moves": (("moves",), "move", None),
    "gaussian_nulls": (("null_diagrams", "nulls"), "null", _null),
    "gaussian_velocities": (("controls",), "control", None),
    "numerical_noise": (("numerics",), "numerics", None),
    "sensitivity": (("sensitivity",), "sensitivity", _transition),
    "divergences": (("divergences",), "divergence", None),
}
