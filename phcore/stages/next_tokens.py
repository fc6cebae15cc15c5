"""Next tokens: what a checkpoint would say next, at the position of the hidden states."""

import numpy as np
import pyarrow as pa

from phcore.checkpoints import vocabulary_size
from phcore.stages.clouds import READING
from phcore.stages.registry.arrow import matrix, vectors
from phcore.stages.registry.result import CHECKPOINT, Result
from phcore.study.record import Record

Listed = tuple[np.ndarray, np.ndarray, np.ndarray]
Likely = np.ndarray | Listed
"""Square roots of the probabilities of all tokens, (n, vocabulary); or, in studies that kept the most probable 512,
tokens (n, k), logarithms of their probabilities (n, k) and the probability of the rest (n,)."""


def compute(part) -> pa.Table:
    """part : an `Extraction`."""
    return pa.table({"root": vectors(part.next_roots)})


def decode(table: pa.Table) -> Likely:
    if "root" in table.column_names:
        return matrix(table["root"])
    return matrix(table["token"]), matrix(table["logprob"]), table["rest"].to_numpy()


def _size(record: Record) -> int:
    """Of the vocabulary of its base model, or of one of a usual size where that is gone."""
    vocabulary = vocabulary_size(record.study.model) or min(65_536, 64 * record.hidden_size)
    return record.n_prompts * 2 * vocabulary


RESULT = Result(
    name="next_tokens",
    label="Hidden states",
    per=CHECKPOINT,
    inputs=(*READING, "kept_tokens"),
    part="next_tokens",
    compute=compute,
    decode=decode,
    intermediate=True,
    size=_size,
)
