"""Findings: the five claims as verdicts on this study and those named beside it."""

import functools
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from phcore.analysis.copies import distinct
from phcore.stages.registry.keys import learned, value, weights
from phcore.stages.registry.result import WHOLE_STUDY, Table
from phcore.study.record import Record

Read = Callable[[str], pd.DataFrame]


def compute(read: Read, record: Record, scale: str, order: float, beside: list[tuple[Record, Read]]) -> pd.DataFrame:
    from phcore.analysis.findings import findings

    first, *others = subjects((record, read), *beside)
    return pd.DataFrame([asdict(one) for one in findings(first, others, scale, order)])


def subjects(*studies: tuple[Record, Read]) -> list:
    """Studies as verdicts see them; each table is read once. A run of several of them is one of the first alone."""
    from phcore.analysis.readings import Subject

    run_of = distinct({
        (number, series): own for number, (record, _) in enumerate(studies) for series, own in weights(record).items()
    })  # fmt: skip
    return [
        Subject(
            name=Path(record.study.model).name,
            base=record.base.fingerprint,
            n_layers=record.n_layers,
            steps=value("series_steps", record, WHOLE_STUDY),
            objectives=value("objectives", record, WHOLE_STUDY),
            run_of={series: run if at == number else f"{studies[at][0].study.name}, {run}"
                    for (own, series), (at, run) in run_of.items() if own == number},
            read=functools.cache(read),
            learned=learned(record),
        )
        for number, (record, read) in enumerate(studies)
    ]  # fmt: skip


TABLE = Table(
    name="findings",
    parameters=("read", "record", "scale", "order", "beside"),
    compute=compute,
    published=False,
    columns={
        "claim": "number of the claim",
        "title": "the claim",
        "verdict": "holds, does not hold, or cannot be told",
        "sentence": "what was found, with its numbers",
        "n": "what it rests on; empty where there is nothing to read, as are the two that follow",
        "null": "what it was compared with",
        "interval": "how uncertain it is",
        "needed": "what would be needed to tell; empty where it can be told",
    },
)
