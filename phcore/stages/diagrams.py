"""Diagrams: the bars of every subsample of a cell, at raw scale."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from phcore.stages.cells import describe
from phcore.stages.registry.result import CELL, CELL_WORDS, ROWS, SUBSAMPLE_WORDS, Result, Table
from phcore.study.record import Record
from phcore.topology.clouds import distance_matrix, index_sets
from phcore.topology.persistence import Diagrams, cell_diagrams

SAMPLING = ("subsamples", "subsample_size", "seed")  # which prompts each subsample holds


def compute(clouds: np.ndarray, metric: str, engine: str, subsamples: int, subsample_size: int, seed: int) -> pa.Table:
    """Nothing for a cloud without topology: `cells` says why."""
    if not describe(clouds, metric).has_topology:
        return to_table({})
    sets = index_sets(len(clouds), subsamples, subsample_size, seed)
    matrix = distance_matrix(clouds, metric=metric)
    return to_table(dict(zip(sets, cell_diagrams(matrix, np.stack(list(sets.values())), engine=engine), strict=True)))


def to_table(diagrams: Mapping[int, Diagrams]) -> pa.Table:
    """subsample, degree, birth, death; sorted by the first two."""
    parts = [(number, degree, one) for number in sorted(diagrams) for degree, one in enumerate(diagrams[number])]
    lengths = [len(one) for *_, one in parts]
    points = np.concatenate([one for *_, one in parts]) if parts else np.empty((0, 2))
    return pa.table(
        {
            "subsample": pa.array(np.repeat([n for n, *_ in parts], lengths), pa.int16()),
            "degree": pa.array(np.repeat([d for _, d, _ in parts], lengths), pa.int8()),
            "birth": pa.array(points[:, 0], pa.float64()),
            "death": pa.array(points[:, 1], pa.float64()),
        }
    )


def decode(table: pa.Table) -> dict[int, Diagrams]:
    """subsample -> its diagrams; subsamples without any bar (all points in one place) have no entry."""
    number, degree, birth, death = (table[name].to_numpy() for name in ("subsample", "degree", "birth", "death"))
    points = np.column_stack([birth, death])
    found: dict[int, Diagrams] = {}
    # Bars are stored sorted by (subsample, degree): each diagram is one run of rows.
    cuts = np.flatnonzero(np.diff(number.astype(int) * 2 + degree)) + 1
    for rows in np.split(np.arange(len(points)), cuts) if len(points) else []:
        first = rows[0]
        found.setdefault(int(number[first]), [np.empty((0, 2))] * 2)[int(degree[first])] = points[rows]
    return found


def next_subsample(diagrams: dict[int, Diagrams]) -> dict[int, Diagrams]:
    """Each subsample with the bars of the one after it: as many as those of another checkpoint, and as unlike."""
    numbers = list(diagrams)
    return dict(zip(numbers, [diagrams[n] for n in (*numbers[1:], *numbers[:1])], strict=True))


def _size(record: Record) -> int:
    asked = record.study
    points = min(record.subsample_size, record.n_prompts) if asked.subsamples else record.n_prompts
    return int(max(1, asked.subsamples) * 1.5 * points * 12)  # about half as many loops as points


RESULT = Result(
    name="diagrams",
    label="Barcodes",
    per=CELL,
    needs=("clouds",),
    parameters=("metric", "engine", *SAMPLING),
    compute=compute,
    decode=decode,
    first=True,
    stands_in=next_subsample,
    size=_size,
)
TABLE = Table(
    name="bars",
    gathers="diagrams",
    order=ROWS,
    published=False,  # bars stay in their cells, one file each: they are read cell by cell
    columns={
        **CELL_WORDS,
        **SUBSAMPLE_WORDS,
        "degree": "0 or 1",
        "birth": "distance at which the feature appears",
        "death": "distance at which it disappears (the one infinite H0 bar is left out)",
    },
)
