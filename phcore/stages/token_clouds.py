"""Token clouds: of each chosen prompt a point for every token of its own text, at one layer of one checkpoint."""

import numpy as np
import pyarrow as pa

from phcore.stages.clouds import READING
from phcore.stages.registry.arrow import matrix, vectors
from phcore.stages.registry.result import TOKEN_CELL, Result
from phcore.study.record import Record

LIKELY = 32  # tokens of a prompt, about; for estimates


def compute(part: dict[int, dict[int, tuple[int, np.ndarray]]], layer: int) -> pa.Table:
    """A row per token: number of the prompt, place of the token in the text that is read, hidden state.

    part : layer -> prompt -> place of its first token, and the hidden states (k, hidden_size) from there on.
    """
    clouds = part[layer]
    counts = [len(states) for _, states in clouds.values()]
    places = [np.arange(first, first + len(states)) for first, states in clouds.values()]
    return pa.table(
        {
            "prompt": pa.array(np.repeat(list(clouds), counts), pa.int32()),
            "position": pa.array(np.concatenate(places), pa.int32()),
            "state": vectors(np.concatenate([states for _, states in clouds.values()]).astype(np.float32)),
        }
    )


def decode(table: pa.Table) -> dict[int, np.ndarray]:
    """prompt -> (k, hidden_size) float32; a prompt without tokens beside the first has none."""
    prompts, states = table["prompt"].to_numpy(), matrix(table["state"])
    return {int(number): states[prompts == number] for number in np.unique(prompts)}


def _size(record: Record) -> int:
    return 4_000 + len(record.study.tokens) * LIKELY * 4 * record.hidden_size


RESULT = Result(
    name="token_clouds",
    label="Hidden states",
    per=TOKEN_CELL,
    inputs=(*READING, "tokens", "layer"),
    part="tokens",
    compute=compute,
    decode=decode,
    intermediate=True,
    size=_size,
)
