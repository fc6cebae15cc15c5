"""Findings: the five claims as verdicts on this study and those named beside it."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from phcore.stages.registry.result import Table
from phcore.study.record import Record

Read = Callable[[str], pd.DataFrame]


def compute(
    read: Read, record: Record, objectives: dict[str, str], scale: str, order: float, beside: list[tuple[Record, Read]]
) -> pd.DataFrame:
    from phcore.analysis.findings import findings

    found = findings(
        read,
        objectives,
        scale=scale,
        order=order,
        model=model_of(record, read("velocities")),
        beside=[model_of(other, tables("velocities")) for other, tables in beside],
    )
    return pd.DataFrame([asdict(one) for one in found])


def model_of(record: Record, velocities: pd.DataFrame):
    """A study as one of several base models."""
    from phcore.analysis.courses import Model

    return Model(Path(record.study.model).name, record.n_layers, velocities)


TABLE = Table(
    name="findings",
    parameters=("read", "record", "objectives", "scale", "order", "beside"),
    compute=compute,
    published=False,
    columns={
        "claim": "number of the claim",
        "title": "the claim",
        "verdict": "holds, does not hold, or cannot be told",
        "sentence": "what was found, with its numbers",
        "n": "what it rests on",
        "null": "what it was compared with",
        "interval": "how uncertain it is",
        "needed": "what would be needed to tell; empty where it can be told",
    },
)
