"""Rows of many archive files, labelled by what they belong to and in one order."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from phcore.archive.store import Store
from phcore.stages.tables.columns import CELL, TRANSITION
from phcore.study.record import Record
from phcore.study.redaction import Public

Where = dict[str, object]  # column -> the value it shall have
ROWS = ("step", "layer", "kind", "subsample", "replicate", "degree", "order", "scale", "birth", "death")


class Source(NamedTuple):
    """What a table is put together from: a study, its archive, the rows that are wanted, and finished tables."""

    record: Record
    store: Store
    where: Where
    of: Callable[[Record], Callable[[str], pd.DataFrame]]  # study -> name -> table

    def read(self, name: str) -> pd.DataFrame:
        """Another table of this study."""
        return self.of(self.record)(name)


def of_cells(stage: str, key: str, columns: str = "t.*"):
    def assemble(source: Source) -> pd.DataFrame:
        labels = source.record.cells()
        labels["key"] = labels[key]
        for column in {"series", "step", "layer"} & source.where.keys():  # read only the files that are asked for
            labels = labels[labels[column] == source.where[column]]
        frame = source.store.scan(stage, labels[["key", "series", "step", "layer"]], columns)
        return in_order(frame, source.record)

    return assemble


def of_transitions(stage: str, key: Callable[..., str]):
    """`key` of a record, two nodes and a layer names the file."""

    def assemble(source: Source) -> pd.DataFrame:
        rows = [
            (key(source.record, a, b, layer), series, a.step, b.step, layer)
            for series, a, b in source.record.transitions()
            for layer in source.record.layers
        ]
        labels = pd.DataFrame(rows, columns=["key", *TRANSITION])
        return in_order(source.store.scan(stage, labels), source.record) if rows else labels

    return assemble


def of_clouds(stage: str, key: Callable[..., str]):
    """`key` of a record, a node and a layer names the file."""

    def assemble(source: Source) -> pd.DataFrame:
        rows = [
            (key(source.record, node, layer), one.name, node.step, layer)
            for one in source.record.series
            for node in source.record.path_of(one.name)
            for layer in source.record.layers
        ]
        return in_order(source.store.scan(stage, pd.DataFrame(rows, columns=["key", *CELL])), source.record)

    return assemble


def in_order(frame: pd.DataFrame, record: Record, keys: tuple[str, ...] = ROWS) -> pd.DataFrame:
    """Rows in the order of the study's series, then by `keys` where the frame has them."""
    if frame.empty:
        return frame
    order = {one.name: k for k, one in enumerate(record.series)}
    keys = [name for name in keys if name in frame]
    frame = frame.assign(_series=frame["series"].map(order))
    return frame.sort_values(["_series", *keys], kind="stable").drop(columns="_series").reset_index(drop=True)


def prompts(record: Record, store: Store) -> pd.DataFrame:
    """prompt (number), text, category, reference. Texts that are private stay in the archive: each is its number."""
    table = store.read("probes", record.probe_digest)
    if table is None:
        return pd.DataFrame(columns=["prompt", "text", "category", "reference"])
    frame = table.to_pandas()
    strangers = isinstance(record, Public) and "prompts" in record.study.private
    if strangers or store.permissions.hides("prompts", record.study.private):
        return frame.assign(text=[f"prompt {number} (private)" for number in frame["prompt"]], reference=None)
    return frame
