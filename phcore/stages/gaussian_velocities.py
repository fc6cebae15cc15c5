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
    drawn = [(kind, number) for kind in earlier for number in sorted(earlier[kind].keys() & later[kind].keys())]
    nulls = [[side[kind][number] for kind, number in drawn] for side in (earlier, later)]
    both = ([null.diagrams for null in side] for side in nulls)
    medians = ([null.median_distance for null in side] for side in nulls)
    found = at_every_scale(*both, *medians, (order,), norm)
    rows = [(*draw, *value) for draw, values in zip(drawn, found, strict=True) for value in values]
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
