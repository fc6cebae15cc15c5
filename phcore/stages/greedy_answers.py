"""Greedy answers: what a checkpoint answers to chosen prompts, the first tokens, where the study asks for it."""

from collections.abc import Mapping

import pyarrow as pa

from phcore.stages.clouds import READING
from phcore.stages.registry.result import ANSWERED, Result
from phcore.study.record import Record

Answers = dict[int, tuple[str, bool]]
"""Prompt -> the text of its answer, and whether it ended there."""


def compute(part: Mapping) -> pa.Table:
    """part : prompt -> `Greedy`."""
    types = {"prompt": pa.int32(), "tokens": pa.list_(pa.int32()), "text": pa.string(), "ended": pa.bool_()}
    rows = [(number, list(one.tokens), one.text, one.ended) for number, one in sorted(part.items())]
    columns = zip(*rows, strict=True)
    return pa.table({name: pa.array(values, types[name]) for name, values in zip(types, columns, strict=True)})


def decode(table: pa.Table) -> Answers:
    return {row["prompt"]: (row["text"], row["ended"]) for row in table.to_pylist()}


def _size(record: Record) -> int:
    return 4_000 + 400 * len(record.study.answers)


# As hidden states, answers stay behind when a study is packed: an answer often repeats its prompt.
RESULT = Result(
    name="greedy_answers",
    label="Hidden states",
    per=ANSWERED,
    inputs=(*READING, "answers", "ends"),
    part="answers",
    compute=compute,
    decode=decode,
    intermediate=True,
    shown=True,
    size=_size,
)
