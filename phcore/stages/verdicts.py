"""Verdicts: the five claims at both scales, in mean summaries and in each order of distance between diagrams."""

import pandas as pd

from phcore.stages.findings import Read, subjects
from phcore.stages.registry.result import Table
from phcore.study.record import Record


def compute(read: Read, record: Record, orders: tuple[float, ...], beside: list[tuple[Record, Read]]) -> pd.DataFrame:
    from phcore.analysis.findings import verdicts

    first, *others = subjects((record, read), *beside)
    return verdicts(first, others, orders)


TABLE = Table(
    name="verdicts",
    parameters=("read", "record", "orders", "beside"),
    compute=compute,
    published=False,
    columns={
        "claim": "number of the claim",
        "scale": "raw or median",
        "order": "order of the Wasserstein distance between diagrams; 0: mean summaries, which findings go by",
        "verdict": "holds, does not hold, or cannot be told",
        "statistic": "what it rests on: see docs/method.md, Verdicts; empty where there is nothing to read",
        "p": "its p-value, where the rule has one",
    },
)
