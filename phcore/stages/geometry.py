"""Geometry: what is known of a cloud without any homology."""

import numpy as np
import pyarrow as pa

from phcore.errors import Fault
from phcore.stages.registry.arrow import one_row
from phcore.stages.registry.result import CELL, CELL_WORDS, ROWS, Result, Table
from phcore.topology import simple_geometry


def compute(clouds: np.ndarray) -> pa.Table:
    """One row; NaN for a cloud that is not finite."""
    try:
        return one_row(simple_geometry.describe(clouds))
    except Fault:
        return one_row(dict.fromkeys(simple_geometry.CELL_WORDS, float("nan")))


RESULT = Result(name="geometry", label="Geometry", per=CELL, needs=("clouds",), compute=compute)
TABLE = Table(
    name="geometry", gathers="geometry", order=ROWS, evidence=True, columns={**CELL_WORDS, **simple_geometry.CELL_WORDS}
)
