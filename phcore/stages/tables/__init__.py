"""The tables of a study, put together from the archive. Their columns are documented in `COLUMNS`.

A complete study has its tables published: one file each, named by the record's digest. Until then a table is
put together from whatever cells are there, so results show as they arrive. The tables of `EVIDENCE` are
published beside the others and may be missing: studies computed before there were any are complete without them.
"""

from __future__ import annotations

import pandas as pd

from phcore.archive.store import Store, digest
from phcore.stages.tables import evidence, topology
from phcore.stages.tables.columns import COLUMNS
from phcore.stages.tables.scan import Source, Where, prompts
from phcore.study.record import Record

__all__ = ["COLUMNS", "EVIDENCE", "PUBLISHED", "assemble", "bars_of_cell", "prompts", "publish", "table"]

ASSEMBLE = topology.ASSEMBLE | evidence.ASSEMBLE | evidence.ALWAYS
# Published at the end of a run. Bars stay in their cells, one file each: they are read cell by cell.
PUBLISHED = ("cells", "summaries", "velocities", "floors", "distances", "dynamics")
# Published beside them: see the head of this file.
EVIDENCE = tuple(evidence.ASSEMBLE)
# A study is complete as soon as the last of PUBLISHED is there. Later ones are made from earlier ones.
ORDER = (*PUBLISHED[:-1], *EVIDENCE, PUBLISHED[-1])
# Made from whole tables: empty until they are published, because they take longer than a page can wait.
DERIVED = ("concentration", "separation", "effects", "mixture", "runs", "lags", "early_final")
# What also depends on training logs and on the user's file.
OF_BEHAVIOUR = ("lags", "early_final")
VERSION = 2  # of the definitions of the evidence: tables of earlier ones are not read


def published_key(record: Record, name: str) -> str:
    if name not in EVIDENCE:
        return f"{record.digest}-{name}"
    if name not in OF_BEHAVIOUR:
        return f"{record.digest}-{name}-{VERSION}"
    return f"{digest(record.digest, record.scalars)}-{name}-{VERSION}"


def table(record: Record, store: Store, name: str, where: dict[str, object] | None = None) -> pd.DataFrame:
    """One table of a study, with the columns of `COLUMNS` in their order.

    Parameters
    ----------
    where : column -> value, to read only matching rows.

    Raises
    ------
    KeyError
        for a name that is not in `COLUMNS`.
    """
    columns = list(COLUMNS[name])
    frame = store.select("tables", published_key(record, name), where)
    if frame is None:
        if name in DERIVED:
            return pd.DataFrame(columns=columns)
        frame = _assemble(record, store, name, where or {})
        for column, value in (where or {}).items():
            if column in frame:
                frame = frame[frame[column] == value]
    return frame.reindex(columns=columns).reset_index(drop=True)


def assemble(record: Record, store: Store, name: str) -> pd.DataFrame:
    """One table put together from its cells, whatever is published; sorted so that a filter reads few row groups."""
    return _assemble(record, store, name, {}).reindex(columns=list(COLUMNS[name]))


def _assemble(record: Record, store: Store, name: str, where: Where) -> pd.DataFrame:
    return ASSEMBLE[name](Source(record, store, where, lambda of: lambda other: table(of, store, other)))


def publish(record: Record, store: Store, name: str, frame: pd.DataFrame) -> None:
    """Write one finished table as a file of its own."""
    store.write("tables", published_key(record, name), frame)


def bars_of_cell(record: Record, store: Store, series: str, step: int, layer: int) -> pd.DataFrame:
    """Bars of one cell: from its own file, or from the published bars of a study that came without cells."""
    node = next(node for node in record.path_of(series) if node.step == step)
    table = store.read("diagrams", record.cell_key(node, layer))
    if table is not None:
        return table.to_pandas().astype({"subsample": int, "degree": int})
    where = {"series": series, "step": step, "layer": layer}
    frame = store.select("tables", published_key(record, "bars"), where)
    columns = ["subsample", "degree", "birth", "death"]
    return pd.DataFrame(columns=columns) if frame is None else frame[columns]
