"""Moves: how the geometry of two consecutive clouds differs, prompt by prompt."""

import numpy as np
import pyarrow as pa

from phcore.errors import Fault
from phcore.stages.registry.arrow import one_row
from phcore.stages.registry.result import ROWS, TRANSITION_LAYER, TRANSITION_WORDS, Result, Table
from phcore.topology import simple_geometry


def compute(clouds: tuple[np.ndarray, np.ndarray]) -> pa.Table:
    """One row; NaN where one of them is not finite."""
    try:
        return one_row(simple_geometry.compare(*clouds))
    except Fault:
        return one_row(dict.fromkeys(simple_geometry.MOVE_WORDS, float("nan")))


RESULT = Result(name="moves", label="Geometry", per=TRANSITION_LAYER, needs=("clouds",), compute=compute)
TABLE = Table(
    name="moves", gathers="moves", order=ROWS, evidence=True, columns={**TRANSITION_WORDS, **simple_geometry.MOVE_WORDS}
)
