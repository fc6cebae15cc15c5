"""Spectra: over how many directions a cloud's variance is spread, and how fast it falls off."""

import numpy as np
import pyarrow as pa

from phcore.errors import Fault
from phcore.stages.registry.arrow import one_row
from phcore.stages.registry.result import CELL, CELL_WORDS, ROWS, Result, Table
from phcore.topology import spectrum
from phcore.topology.words import WORDS


def compute(clouds: np.ndarray) -> pa.Table:
    """One row; NaN for a cloud that is not finite."""
    try:
        return one_row(spectrum.describe(clouds))
    except Fault:
        return one_row(dict.fromkeys(WORDS["spectrum"], float("nan")))


RESULT = Result(name="spectra", label="Geometry", per=CELL, needs=("clouds",), compute=compute)
TABLE = Table(
    name="spectra",
    gathers="spectra",
    order=ROWS,
    evidence=True,
    later=True,
    columns={**CELL_WORDS, **WORDS["spectrum"]},
)
