"""Checkpoints: what the study found on disk, those left out too."""

import pandas as pd

from phcore.stages.registry.result import Table
from phcore.study.record import BASE, Record


def compute(record: Record) -> pd.DataFrame:
    about = {one.name: (one.objective, one.seed) for one in record.series} | {BASE: (BASE, 0)}
    rows = [
        (n.label, *about[n.label], n.step, n.kind, n.size, n.status, n.finding, n.fingerprint)
        for n in record.nodes
        if n.label in about
    ]
    return pd.DataFrame(rows, columns=list(TABLE.columns))


TABLE = Table(
    name="checkpoints",
    parameters=("record",),
    compute=compute,
    published=False,
    columns={
        "series": "name of the series, or base",
        "objective": "label of the series",
        "seed": "seed of the run",
        "step": "training step",
        "kind": "base, full, sharded, adapter or revision",
        "size": "bytes of weights on disk",
        "status": "ready, or why it is left out: incomplete, damaged, mismatch, refused",
        "finding": "what is wrong and how to mend it; empty when ready",
        "fingerprint": "digest of everything in the checkpoint that can change a number",
    },
)
