"""Floors: how far a subsample's diagrams are from those of other prompts of the same cloud, where nothing changed."""

import numpy as np
import pyarrow as pa

from phcore.stages.cells import Cell
from phcore.stages.diagrams import SAMPLING
from phcore.stages.registry.arrow import DISTANCES, from_rows
from phcore.stages.registry.result import CELL, CELL_WORDS, DISTANCE_WORDS, ROWS, SUBSAMPLE_WORDS, Result, Table
from phcore.stages.velocities import rows
from phcore.topology.clouds import distance_matrix, index_sets, partners
from phcore.topology.persistence import Diagrams, cell_diagrams


def compute(
    clouds: np.ndarray,
    diagrams: dict[int, Diagrams],
    cells: Cell,
    metric: str,
    engine: str,
    subsamples: int,
    subsample_size: int,
    seed: int,
    orders: tuple[float, ...],
    norm: float,
) -> pa.Table:
    """Nothing where whole clouds are measured: then there are no other prompts."""
    found = []
    if subsamples and cells.has_topology:
        sets = np.stack(list(index_sets(len(clouds), subsamples, subsample_size, seed).values()))
        matrix = distance_matrix(clouds, metric=metric)
        others = cell_diagrams(matrix, partners(sets, len(clouds), seed=seed), engine=engine)
        found = rows((diagrams, dict(enumerate(others))), (cells, cells), subsamples, orders, norm)
    return from_rows(found, ("subsample", *DISTANCES))


RESULT = Result(
    name="floors",
    label="Barcodes",
    per=CELL,
    needs=("clouds", "diagrams", "cells"),
    parameters=("metric", "engine", *SAMPLING, "orders", "norm"),
    compute=compute,
    size=lambda record: 1_500 + 12 * record.study.subsamples * len(record.study.orders),
)
TABLE = Table(
    name="floors",
    gathers="floors",
    order=ROWS,
    columns={
        **CELL_WORDS,
        **SUBSAMPLE_WORDS,
        **DISTANCE_WORDS,
        "value": "distance between the subsample and a disjoint one of the same cloud: the resampling floor",
    },
)
