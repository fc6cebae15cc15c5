"""Velocities: how far the diagrams of a cell are from those of the checkpoint before, subsample by subsample."""

import pyarrow as pa

from phcore.stages.cells import Cell
from phcore.stages.registry.arrow import DISTANCES, from_rows
from phcore.stages.registry.result import (
    DISTANCE_WORDS,
    ROWS,
    SUBSAMPLE_WORDS,
    TRANSITION_LAYER,
    TRANSITION_WORDS,
    Result,
    Table,
)
from phcore.topology.clouds import numbers
from phcore.topology.distances import at_every_scale
from phcore.topology.persistence import EMPTY, Diagrams

Two = tuple[dict[int, Diagrams], dict[int, Diagrams]]


def compute(
    diagrams: Two, cells: tuple[Cell, Cell], subsamples: int, orders: tuple[float, ...], norm: float
) -> pa.Table:
    """Every order, degree and scale. Nothing where a cell has no topology."""
    return from_rows(rows(diagrams, cells, subsamples, orders, norm), ("subsample", *DISTANCES))


def rows(diagrams: Two, cells: tuple[Cell, Cell], subsamples: int, orders: tuple[float, ...], norm: float) -> list:
    """(subsample, degree, order, norm, scale, value) between two cells."""
    if not all(cell.has_topology for cell in cells):
        return []
    chosen = numbers(subsamples)
    both = ([one.get(number, EMPTY) for number in chosen] for one in diagrams)
    medians = ([cell.median_distance] * len(chosen) for cell in cells)
    found = at_every_scale(*both, *medians, orders, norm)
    return [(number, *value) for number, values in zip(chosen, found, strict=True) for value in values]


RESULT = Result(
    name="velocities",
    label="Distances",
    per=TRANSITION_LAYER,
    needs=("diagrams", "cells"),
    parameters=("subsamples", "orders", "norm"),
    compute=compute,
    size=lambda record: 1_500 + 12 * max(1, record.study.subsamples) * len(record.study.orders),
)
TABLE = Table(
    name="velocities",
    gathers="velocities",
    order=ROWS,
    columns={
        **TRANSITION_WORDS,
        **SUBSAMPLE_WORDS,
        **DISTANCE_WORDS,
        "value": "Wasserstein distance between the two diagrams",
    },
)
