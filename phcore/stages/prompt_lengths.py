"""Prompt lengths: tokens of each prompt's own text. One file for a study: no checkpoint changes them."""

import numpy as np
import pyarrow as pa

from phcore.stages.registry.result import CHECKPOINT, Result


def compute(part: list[int]) -> pa.Table:
    """part : one number per prompt."""
    return pa.table({"tokens": pa.array(part, pa.int32())})


def decode(table: pa.Table) -> np.ndarray:
    """(n_prompts,) int32."""
    return table["tokens"].to_numpy()


RESULT = Result(
    name="prompt_lengths",
    label="Hidden states",
    per=CHECKPOINT,
    inputs=("tokenizer", "prompts"),  # not the weights: all checkpoints share the file
    part="lengths",
    compute=compute,
    decode=decode,
)
