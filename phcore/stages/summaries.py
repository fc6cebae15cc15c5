"""Summaries: the numbers of Fay et al. for every subsample, at raw scale; the table is at the scale of the study."""

import numpy as np
import pandas as pd
import pyarrow as pa

from phcore.stages.cells import Cell
from phcore.stages.registry.result import CELL, CELL_WORDS, ROWS, SUBSAMPLE_WORDS, Result, Table
from phcore.topology.clouds import numbers
from phcore.topology.persistence import EMPTY, Diagrams
from phcore.topology.summaries import FEATURE_WORDS, FEATURES, rescale, summary


def compute(diagrams: dict[int, Diagrams], cells: Cell, subsamples: int, features: tuple[str, ...]) -> pa.Table:
    """features : `FEATURES`: another list of them is another result."""
    each = numbers(subsamples) if cells.has_topology else []
    values = np.array([summary(diagrams.get(number, EMPTY)) for number in each]).reshape(len(each), len(features))
    columns = {name: pa.array(values[:, k], pa.float64()) for k, name in enumerate(features)}
    return pa.table({"subsample": pa.array(each, pa.int16())} | columns)


RESULT = Result(
    name="summaries",
    label="Barcodes",
    per=CELL,
    needs=("diagrams", "cells"),
    parameters=("subsamples",),
    settings={"features": FEATURES},
    compute=compute,
    first=True,
    size=lambda record: max(1, record.study.subsamples) * len(FEATURES) * 8,
)


def at_scale(rows: pd.DataFrame, cells: pd.DataFrame, scale: str) -> pd.DataFrame:
    """The gathered rows divided by their cell's median distance, where the study asks for that."""
    if scale != "median" or rows.empty:
        return rows
    medians = rows[["series", "step", "layer"]].merge(cells, "left")["median_distance"].to_numpy()
    rows[list(FEATURES)] = rescale(rows[list(FEATURES)].to_numpy(), medians)
    return rows


TABLE = Table(
    name="summaries",
    gathers="summaries",
    needs=("cells",),
    parameters=("scale",),
    compute=at_scale,
    order=ROWS,
    columns={
        **CELL_WORDS,
        **SUBSAMPLE_WORDS,
        **{name: f"{FEATURE_WORDS[name]}, at the study's scale" for name in FEATURES},
    },
)
