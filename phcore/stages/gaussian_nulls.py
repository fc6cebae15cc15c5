"""Gaussian nulls: bars of Gaussian clouds that match a cell, as large as its subsamples."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from phcore.errors import Fault
from phcore.stages.registry.arrow import from_rows
from phcore.stages.registry.result import CELL, CELL_WORDS, ROWS, Result, Table
from phcore.study.record import Record
from phcore.topology.clouds import distance_matrix, median_distance
from phcore.topology.clouds import subsample_size as size_of
from phcore.topology.gaussian_null import KIND_WORDS, KINDS, gaussian
from phcore.topology.persistence import Diagrams, diagrams

REPLICATES = 16  # Gaussian clouds per cell and kind: enough for a band of 10 to 90 %, a quarter of the usual work
ABOUT = ("kind", "replicate", "median_distance", "h0_count", "h1_count")
BARS = ("births", "deaths")


class Null(NamedTuple):
    """One Gaussian cloud."""

    diagrams: Diagrams
    median_distance: float


def compute(
    clouds: np.ndarray, metric: str, engine: str, subsamples: int, subsample_size: int, seed: int, replicates: int
) -> pa.Table:
    """One row per draw: kind, replicate, median distance, number of bars, and the bars, those of degree 0 first.

    Nothing for a cloud without topology of its own.
    """
    size = size_of(len(clouds), subsample_size) if subsamples else len(clouds)
    rows = []
    try:
        for kind in KINDS:
            for number in range(replicates):
                drawn = gaussian(clouds, kind, size, replicate=number, seed=seed)
                matrix = distance_matrix(drawn, metric=metric)
                bars = diagrams(matrix, engine=engine)
                rows.append((kind, number, median_distance(matrix), *map(len, bars), *np.concatenate(bars).T))
    except Fault:
        rows = []
    return from_rows(rows, (*ABOUT, *BARS))


def decode(table: pa.Table) -> dict[str, dict[int, Null]]:
    """kind -> replicate -> the Gaussian cloud's diagrams and median distance."""
    found: dict[str, dict[int, Null]] = {kind: {} for kind in KINDS}
    for row in table.to_pylist():
        points = np.column_stack([row["births"], row["deaths"]]).astype(np.float64).reshape(-1, 2)
        both = [points[: row["h0_count"]], points[row["h0_count"] :]]
        found[row["kind"]][row["replicate"]] = Null(both, row["median_distance"])
    return found


def _size(record: Record) -> int:
    asked = record.study
    points = min(record.subsample_size, record.n_prompts) if asked.subsamples else record.n_prompts
    return len(KINDS) * REPLICATES * 2 * points * 16  # about as many loops as points, two numbers each


RESULT = Result(
    name="gaussian_nulls",
    label="Gaussian nulls",
    per=CELL,
    needs=("clouds",),
    parameters=("metric", "engine", "subsamples", "subsample_size", "seed"),
    settings={"replicates": REPLICATES},
    compute=compute,
    decode=decode,
    size=_size,
)
TABLE = Table(
    name="gaussian_nulls",
    gathers="gaussian_nulls",
    select=", ".join(f't."{name}"' for name in ABOUT),
    order=ROWS,
    evidence=True,
    columns={
        **CELL_WORDS,
        "kind": "; ".join(f"{kind}: {words}" for kind, words in KIND_WORDS.items()),
        "replicate": "number of the Gaussian draw, the same at every checkpoint, layer and series",
        "median_distance": "median pairwise distance of the Gaussian cloud",
        "h0_count": "its number of H0 bars",
        "h1_count": "its number of H1 bars",
    },
)
