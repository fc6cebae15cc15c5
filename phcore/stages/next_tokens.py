"""Next tokens: what a checkpoint would say next, at the position of the hidden states."""

import numpy as np
import pyarrow as pa

from phcore.stages.clouds import READING
from phcore.stages.registry.arrow import matrix, vectors
from phcore.stages.registry.result import CHECKPOINT, Result

Likely = tuple[np.ndarray, np.ndarray, np.ndarray]


def compute(part) -> pa.Table:
    """part : the most probable tokens of each prompt, and the probability of all the rest (`Extraction`)."""
    return pa.table(
        {
            "token": vectors(np.asarray(part.next_ids, np.int32)),
            "logprob": vectors(np.asarray(part.next_logprobs, np.float32)),
            "rest": pa.array(np.asarray(part.rest_mass, np.float32)),
        }
    )


def decode(table: pa.Table) -> Likely:
    """Tokens (n, k), logarithms of their probabilities (n, k) and the probability of the rest (n,)."""
    return matrix(table["token"]), matrix(table["logprob"]), table["rest"].to_numpy()


RESULT = Result(
    name="next_tokens",
    label="Hidden states",
    per=CHECKPOINT,
    inputs=READING,
    part="next_tokens",
    compute=compute,
    decode=decode,
    intermediate=True,
    size=lambda record: record.n_prompts * (512 * 8 + 4),
)
