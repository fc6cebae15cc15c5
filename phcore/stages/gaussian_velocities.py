"""Gaussian velocities: how far the Gaussian clouds that match two consecutive checkpoints are apart, draw by draw."""

import pyarrow as pa

from phcore.stages.gaussian_nulls import Null
from phcore.stages.registry.arrow import DISTANCES, from_rows
from phcore.stages.registry.result import DISTANCE_WORDS, ROWS, TRANSITION_LAYER, TRANSITION_WORDS, Result, Table
from phcore.topology.distances import at_every_scale

Nulls = dict[str, dict[int, Null]]


def compute(gaussian_nulls: tuple[Nulls, Nulls], order: float, norm: float) -> pa.Table:
    """The study's own order, every degree and scale."""
    earlier, later = gaussian_nulls
    rows = [
        (kind, number, *value)
        for kind in earlier
        for number in sorted(earlier[kind].keys() & later[kind].keys())
        for a, b in [(earlier[kind][number], later[kind][number])]
        for value in at_every_scale(a.diagrams, b.diagrams, a.median_distance, b.median_distance, (order,), norm)
    ]
    return from_rows(rows, ("kind", "replicate", *DISTANCES))


RESULT = Result(
    name="gaussian_velocities",
    label="Gaussian nulls",
    per=TRANSITION_LAYER,
    needs=("gaussian_nulls",),
    parameters=("order", "norm"),
    compute=compute,
)
TABLE = Table(
    name="gaussian_velocities",
    gathers="gaussian_velocities",
    order=ROWS,
    evidence=True,
    columns={
        **TRANSITION_WORDS,
        "kind": "as in gaussian_nulls",
        "replicate": "as in gaussian_nulls",
        **DISTANCE_WORDS,
        "value": "Wasserstein distance between the diagrams of the Gaussian clouds that match the two checkpoints",
    },
)
