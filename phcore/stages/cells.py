"""Cells: what is known of a cloud before its bars: how many points, how far apart, and what is unusual."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from phcore.errors import Fault
from phcore.stages.registry.result import CELL, CELL_WORDS, Result, Table
from phcore.topology.clouds import distance_matrix, distinct_points, median_distance


class Cell(NamedTuple):
    """`status` is ok, degenerate (one point repeated) or nonfinite (no topology, for the reason in `words`)."""

    n_prompts: int
    n_distinct: int
    median_distance: float
    status: str
    words: str

    @property
    def has_topology(self) -> bool:
        return self.status != "nonfinite"


def compute(clouds: np.ndarray, metric: str) -> pa.Table:
    return pa.table({name: [value] for name, value in describe(clouds, metric)._asdict().items()})


def describe(cloud: np.ndarray, metric: str) -> Cell:
    """cloud : (n, d)."""
    n = len(cloud)
    if not np.isfinite(cloud).all():
        bad = int((~np.isfinite(cloud).all(axis=1)).sum())
        words = f"{bad} of {n} hidden states are not finite, so this cell has no topology."
        return Cell(n, 0, float("nan"), "nonfinite", words)
    try:
        median = median_distance(distance_matrix(cloud, metric=metric))
    except Fault as fault:  # a zero vector has no angle, for instance: this cell is marked, the rest goes on
        return Cell(n, 0, float("nan"), "nonfinite", f"This cell has no topology: {fault.fault}.")
    distinct = distinct_points(cloud)
    if distinct == 1:
        words = (
            f"All {n} prompts have the same hidden state here, so the cloud is one point: no bars. "
            "This is expected at layer 0, where prompts that end in the same token share its embedding."
        )
        return Cell(n, distinct, median, "degenerate", words)
    words = f"{n - distinct} of {n} hidden states repeat another one exactly." if distinct < n else ""
    return Cell(n, distinct, median, "ok", words)


def decode(table: pa.Table) -> Cell:
    return Cell(**table.to_pylist()[0])


RESULT = Result(
    name="cells",
    label="Barcodes",
    per=CELL,
    needs=("clouds",),
    parameters=("metric",),
    compute=compute,
    first=True,
    decode=decode,
)
TABLE = Table(
    name="cells",
    gathers="cells",
    order=("step", "layer"),
    columns={
        **CELL_WORDS,
        "n_prompts": "points of the cloud",
        "n_distinct": "points that differ from all others before them",
        "median_distance": "median pairwise distance of the cloud",
        "status": "ok, degenerate (one point repeated) or nonfinite",
        "words": "what is unusual about the cell, in a sentence",
    },
)
