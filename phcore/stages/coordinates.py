"""Coordinates: every prompt on a map that the base draws, the same axes at every step of a layer."""

import numpy as np
import pyarrow as pa

from phcore.errors import Fault
from phcore.stages.registry.result import CELL_WORDS, ON_BASE, Result, Table
from phcore.topology import maps


def compute(clouds: tuple[np.ndarray, np.ndarray]) -> pa.Table:
    """Places on the two principal axes of the first cloud of the series, each cloud about its own mean; NaN where
    either cloud is not finite.

    Kept to three digits (half precision): they are for looking at, and a study has hundreds of thousands.

    Parameters
    ----------
    clouds : (n, d) the first of the series, and the cell's own.
    """
    first, own = clouds
    try:
        points = maps.project(own, maps.joint_basis([first]))
        share = np.square(points).sum() / max(np.square(own - own.mean(axis=0, dtype=np.float64)).sum(), 1e-300)
    except Fault:
        points, share = np.full((len(own), 2), np.nan), np.nan
    across, up = (_short(column) for column in points.T)
    number = np.arange(len(points), dtype=np.int32)
    return pa.table({"prompt": number, "x": across, "y": up, "share": np.full(len(points), share, np.float32)})


def _short(values: np.ndarray) -> np.ndarray:
    """Float32 of eleven significant bits, whatever their size: what a screen can show, and half the bytes."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.round(mantissa * 2048) / 2048, exponent).astype(np.float32)


RESULT = Result(
    name="coordinates",
    label="Maps",
    per=ON_BASE,
    needs=("clouds",),
    compute=compute,
    first=True,
    size=lambda record: 4_000 + 6 * record.n_prompts,
)
TABLE = Table(
    name="coordinates",
    gathers="coordinates",
    order=("step", "layer", "prompt"),
    evidence=True,
    later=True,
    columns={
        **CELL_WORDS,
        "prompt": "number of the prompt",
        "x": "place on the first principal axis of the cloud at the first step of the series, about its own mean "
        "(in units of the hidden states, three digits)",
        "y": "place on the second axis",
        "share": "of the cell's variance that these two axes hold",
    },
)
