"""Scores: how probable a checkpoint finds refusals and the reference answers, prompt by prompt; the table has means."""

import pandas as pd
import pyarrow as pa

from phcore.stages.clouds import READING
from phcore.stages.registry.result import CHECKPOINT, Result, Table, words


def compute(part) -> pa.Table:
    """part : one row per prompt (`Answers`)."""
    return pa.Table.from_pandas(part.frame(), preserve_index=False).replace_schema_metadata(None)


RESULT = Result(
    name="scores",
    label="Hidden states",
    per=CHECKPOINT,
    inputs=(*READING, "references"),
    version=1,  # of the list of refusal openings, too: another list gives other scores
    part="scores",
    compute=compute,
)


def by_category(rows: pd.DataFrame, categories: dict[int, str]) -> pd.DataFrame:
    from phcore.analysis.against_behaviour import behaviour_table

    if rows.empty:
        return rows
    rows = rows.assign(category=rows["prompt"].map(categories))
    return behaviour_table(rows, pd.DataFrame(columns=["series", "step", "name", "value", "source"]))


TABLE = Table(
    name="scores",
    gathers="scores",
    parameters=("categories",),
    compute=by_category,
    order=("name", "category", "step"),
    evidence=True,
    columns={
        **words("series", "step"),
        "name": "refusal (ln probability of a refusal opening) or nll (of the reference answers, nats per token)",
        "category": "category of the prompts; empty: all",
        "value": "mean over the prompts",
    },
)
