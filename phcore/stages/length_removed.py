"""Length removed: H1 velocities with the length of the prompts regressed out of the clouds."""

import pyarrow as pa

from phcore.stages import sensitivity
from phcore.stages.cells import Cell
from phcore.stages.registry.result import TRANSITION_LAYER, Result, Table
from phcore.stages.sensitivity import Variant, velocities
from phcore.stages.variant_loops import Drawing, Loops, own_size

VARIED = "prompt length"
SETTINGS = {"as it is": False, "regressed out": True}


def compute(
    variant_loops: tuple[dict[Drawing, Loops], dict[Drawing, Loops]], cells: tuple[Cell, Cell], metric: str,
    subsamples: int, subsample_size: int, order: float, norm: float,
) -> pa.Table:  # fmt: skip
    """Mean H1 velocity over the subsamples of the clouds as they are, and without what ln(length) explains."""
    n = cells[0].n_prompts
    own = Drawing(n, own_size(n, subsamples, subsample_size), metric)
    both = [Variant(VARIED, words, own._replace(freed=freed), order) for words, freed in SETTINGS.items()]
    return velocities(both, variant_loops, norm)


RESULT = Result(
    name="length_removed",
    label="Sensitivity",
    per=TRANSITION_LAYER,
    needs=("variant_loops", "cells"),
    parameters=("metric", "subsamples", "subsample_size", "order", "norm"),
    compute=compute,
)
TABLE = Table(
    name="length_removed",
    gathers="length_removed",
    order=sensitivity.TABLE.order,
    evidence=True,
    later=True,
    columns=sensitivity.TABLE.columns
    | {"varied": "prompt length", "setting": "as it is, or regressed out of every cloud (by its logarithm)"},
)
