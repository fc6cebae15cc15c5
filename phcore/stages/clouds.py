"""Clouds: a point for every probe prompt at one layer of one checkpoint: its hidden state, as the study pools it."""

import numpy as np
import pyarrow as pa

from phcore.stages.registry.arrow import matrix, vectors
from phcore.stages.registry.result import CELL, Result


def compute(part: dict[int, np.ndarray], layer: int) -> pa.Table:
    """part : layer -> (n_prompts, hidden_size)."""
    return pa.table({"state": vectors(np.asarray(part[layer], np.float32))})


def decode(table: pa.Table) -> np.ndarray:
    """(n_prompts, hidden_size) float32."""
    return matrix(table["state"])


READING = ("weights", "tokenizer", "prompts", "chat", "dtype")  # what a reading of a checkpoint depends on

RESULT = Result(
    name="clouds",
    label="Hidden states",
    per=CELL,
    inputs=(*READING, "pooling", "layer"),
    part="states",
    compute=compute,
    decode=decode,
    intermediate=True,
    shown=True,
    size=lambda record: 4 * record.n_prompts * record.hidden_size,
)
