"""Divergences: how far apart the next tokens of two consecutive checkpoints are, by prompt; the table has means."""

import pandas as pd
import pyarrow as pa

from phcore.stages.next_tokens import Likely
from phcore.stages.registry.result import TRANSITION, TRANSITION_WORDS, Result, Table


def compute(next_tokens: tuple[Likely, Likely]) -> pa.Table:
    """Jensen-Shannon divergence, and how much more it can be."""
    from phcore.analysis.next_tokens import divergence

    value, slack = divergence(*next_tokens)
    return pa.table(
        {
            "prompt": pa.array(range(len(value)), pa.int32()),
            "value": pa.array(value, pa.float64()),
            "slack": pa.array(slack, pa.float64()),
        }
    )


RESULT = Result(
    name="divergences",
    label="Behaviour",
    per=TRANSITION,
    needs=("next_tokens",),
    compute=compute,
)


def by_category(rows: pd.DataFrame, categories: dict[int, str]) -> pd.DataFrame:
    if rows.empty:
        return rows
    rows = rows.assign(category=rows["prompt"].map(categories))
    numbers = {"value": ("value", "mean"), "slack": ("slack", "mean"), "prompts": ("value", "size")}
    move = ["series", "step_from", "step"]
    whole = rows.groupby(move, as_index=False).agg(**numbers).assign(category="")
    own = rows[rows["category"] != ""].groupby([*move, "category"], as_index=False).agg(**numbers)
    return pd.concat([whole, own], ignore_index=True)


TABLE = Table(
    name="divergence",
    gathers="divergences",
    parameters=("categories",),
    compute=by_category,
    order=("category", "step"),
    evidence=True,
    columns={
        **{name: TRANSITION_WORDS[name] for name in ("series", "step_from", "step")},
        "category": "category of the prompts; empty: all",
        "value": "mean Jensen-Shannon divergence of next-token distributions, at least (nats)",
        "slack": "how much more it can be: what the tokens that are not kept can add",
        "prompts": "prompts it is the mean of",
    },
)
