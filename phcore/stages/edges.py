"""Edges: the shortest distances between prompts of a cell, with which a map is joined where hidden states are gone."""

import numpy as np
import pyarrow as pa

from phcore.errors import Fault
from phcore.stages.registry.result import CELL, CELL_WORDS, Result, Table
from phcore.topology.clouds import distance_matrix
from phcore.topology.complexes import edges_by_length

MOST = 1_250  # of a cell: more than any map joins


def compute(clouds: np.ndarray, metric: str, most: int) -> pa.Table:
    """The shortest `most` pairs of an (n, d) cloud, shortest first; none of a cloud that has no distances.

    Lengths are single precision: they are for drawing.
    """
    try:
        pairs, lengths = edges_by_length(distance_matrix(clouds, metric))
    except Fault:
        pairs, lengths = np.empty((0, 2), int), np.empty(0)
    a, b = pairs[:most].T.astype(np.uint16 if len(clouds) <= 2**16 else np.uint32)
    return pa.table({"a": a, "b": b, "length": lengths[:most].astype(np.float32)})


RESULT = Result(
    name="edges",
    label="Maps",
    per=CELL,
    needs=("clouds",),
    parameters=("metric",),
    settings={"most": MOST},
    compute=compute,
    first=True,
    size=lambda record: 4_000 + 8 * min(MOST, record.n_prompts * (record.n_prompts - 1) // 2),
)
TABLE = Table(
    name="edges",
    gathers="edges",
    order=("step", "layer", "length"),
    published=False,
    columns={
        **CELL_WORDS,
        "a": "number of a prompt",
        "b": "number of another",
        "length": f"distance between them (in the study's metric, raw); the shortest {MOST:,} of a cell",
    },
)
