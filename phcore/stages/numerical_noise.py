"""Numerical noise: how far the diagrams of a cell are from those of another reading of the same checkpoint."""

import numpy as np
import pyarrow as pa

from phcore.stages import cells, diagrams
from phcore.stages.registry.arrow import DISTANCES, from_rows
from phcore.stages.registry.result import (
    CELL_WORDS,
    DISTANCE_WORDS,
    ROWS,
    SECOND_READING,
    SUBSAMPLE_WORDS,
    Result,
    Table,
)
from phcore.stages.velocities import rows


def compute(
    clouds: np.ndarray, second_clouds: np.ndarray, metric: str, engine: str, subsamples: int, subsample_size: int,
    seed: int, order: float, norm: float,
) -> pa.Table:  # fmt: skip
    """The study's own order, every degree and scale. Nothing where either reading has no topology."""
    both = (clouds, second_clouds)
    about = tuple(cells.describe(one, metric) for one in both)
    sampling = (metric, engine, subsamples, subsample_size, seed)
    found = []
    if all(one.has_topology for one in about):
        bars = tuple(diagrams.decode(diagrams.compute(one, *sampling)) for one in both)
        found = rows(bars, about, subsamples, (order,), norm)
    return from_rows(found, ("subsample", *DISTANCES))


RESULT = Result(
    name="numerical_noise",
    label="Numerical noise",
    per=SECOND_READING,
    needs=("clouds", "second_clouds"),
    parameters=("metric", "engine", *diagrams.SAMPLING, "order", "norm"),
    compute=compute,
)
TABLE = Table(
    name="numerical_noise",
    gathers="numerical_noise",
    order=ROWS,
    evidence=True,
    columns={
        **CELL_WORDS,
        "kind": "how the checkpoint was read again: in other batches, or in a number format",
        **SUBSAMPLE_WORDS,
        **DISTANCE_WORDS,
        "value": "Wasserstein distance between the diagrams of the two readings",
    },
)
