"""Distances: between the diagrams of two checkpoints at a layer, mean over subsamples; one file for each two.

Which two are compared says `phcore.study.pairs`.
"""

import numpy as np
import pandas as pd
import pyarrow as pa

from phcore.stages.cells import Cell
from phcore.stages.registry.arrow import DISTANCES, from_rows
from phcore.stages.registry.result import CELL_WORDS, DISTANCE_WORDS, PAIR_LAYER, Result, Table
from phcore.stages.velocities import Two, rows


def compute(diagrams: Two, cells: tuple[Cell, Cell], subsamples: int, order: float, norm: float) -> pa.Table:
    """The study's own order, every degree and scale. The later checkpoint comes first in each distance."""
    by_label: dict[tuple, list[float]] = {}
    for _, *label, value in rows(diagrams[::-1], cells[::-1], subsamples, (order,), norm):
        by_label.setdefault(tuple(label), []).append(value)
    return from_rows([(*label, np.mean(values)) for label, values in by_label.items()], DISTANCES)


RESULT = Result(
    name="distances",
    label="Distances",
    per=PAIR_LAYER,
    needs=("diagrams", "cells"),
    parameters=("subsamples", "order", "norm"),
    compute=compute,
    size=lambda record: 2_000,
)


def in_order_of_checkpoints(rows: pd.DataFrame, checkpoints: tuple[tuple[str, int], ...]) -> pd.DataFrame:
    """By layer, degree and scale, each later checkpoint against those before it."""
    if rows.empty:
        return rows
    place = {one: number for number, one in enumerate(checkpoints)}
    at = {side: [place[one] for one in zip(rows[f"series_{side}"], rows[f"step_{side}"], strict=True)] for side in "ab"}
    return rows.assign(_b=at["b"], _a=at["a"]).sort_values(
        ["layer", "degree", "scale", "_b", "_a"], kind="stable", ignore_index=True
    )


TABLE = Table(
    name="distances",
    gathers="distances",
    parameters=("checkpoints",),
    compute=in_order_of_checkpoints,
    columns={
        "series_a": "series of the one checkpoint; the base model is the series base at step 0",
        "step_a": "its step",
        "series_b": "series of the other",
        "step_b": "its step",
        "layer": CELL_WORDS["layer"],
        **DISTANCE_WORDS,
        "value": "mean over subsamples of the distance between the two diagrams",
    },
)
