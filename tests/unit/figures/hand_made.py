"""Figures drawn from tables that a test makes by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import pandas as pd

from phcore import Series, Study
from phcore.errors import Fault
from phcore.figures.charts.curves import velocity_chart
from phcore.figures.figure import Choice, Data, Look
from phcore.figures.registry import FIGURES
from phcore.stages.registry import tables
from phcore.study.record import Node, Record

STUDY = SimpleNamespace(metric="euclidean", order=2.0, norm=2.0, pooling="last")
STEPS = (0, 1, 2, 4, 8)


def given(choice: dict | None = None, **read: object) -> Data:
    """What a figure would have read, at layer 6 unless something else is chosen."""
    chosen = {"degree": 1, "order": 2.0, "scale": "raw", "layer": 6} | (choice or {})
    return Data(choice=Choice(**chosen), study=STUDY, prompts=48, sampling="n = 48, m = 24", **read)


def drawn(name: str, data: Data, **look: object):
    """The chart of a figure; objectives are those it shows unless a look says otherwise."""
    return FIGURES[name].chart(data, looking(**look))


def looking(**look: object) -> Look:
    return Look(**{"steps": STEPS, "objectives": ()} | look)


def velocities(curve: pd.DataFrame, floor: pd.DataFrame | None = None, **options):
    """The chart of velocities; `options` are its own or its look's."""
    look = {name: options.pop(name) for name in ("steps", "step", "log", "objectives", "top") if name in options}
    return velocity_chart(curve, floor, looking(**look), **options)


def distances(distance: pd.DataFrame, floor: pd.DataFrame | None = None, **look: object):
    """The chart of the distance (step, value) between two series, with its floor (step, lo, hi)."""
    beside = distance[["step"]].assign(lo=float("nan"), hi=float("nan")) if floor is None else floor
    rows = distance[["step", "value"]].merge(beside[["step", "lo", "hi"]], "left")
    return drawn("apart", given(rows=rows.assign(series_a="one", series_b="other")), **look)


# --- a study of tables ------------------------------------------------------------------------------

SERIES = {"a": "helpful", "a2": "helpful", "b": "harmless"}  # with their objectives
PATH = (1, 2, 4)  # steps of each after the base
PLAIN = dict.fromkeys(("layer", "degree", "order", "norm", "scale"))  # of tables that have no such columns
_OTHER = {"layer": 12, "degree": 0, "order": 1.0, "scale": "median"}


def record_of(series: Mapping[str, str] = SERIES, path: Sequence[int] = PATH, **study: object) -> Record:
    """Of series, each at the same steps, with weights of their own; 40 prompts, 6 subsamples of 12."""
    asked = {"subsamples": 6, "subsample_size": 12} | study
    about = Study("x", "base", tuple(Series(name, name, objective=of) for name, of in series.items()), **asked)
    nodes = [Node("base", 0, "base", "base", 1, "ready", "", "base")]
    nodes += [Node(name, step, "full", name, 1, "ready", "", f"{name}{step}") for name in series for step in path]
    return Record(about, (6, 12), 12, 8, 40, "p", "t", tuple(nodes))


@dataclass
class Tables:
    """What figures read from: a study whose tables are those given, and empty where none is."""

    given: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    record: Record = field(default_factory=record_of)
    beside: Mapping[str, Tables] = field(default_factory=dict)

    @property
    def study(self) -> Study:
        return self.record.study

    def table(self, name: str, /, **where: object) -> pd.DataFrame:
        columns = list(tables()[name].columns)
        found = self.given.get(name, pd.DataFrame(columns=columns))
        assert set(where) <= set(columns)
        for column, value in where.items():
            found = found[found[column] == value]
        return found.reset_index(drop=True)

    def bars(self, series: str, step: int, layer: int) -> pd.DataFrame:
        found = self.table("bars", series=series, step=step, layer=layer)
        return found[["subsample", "degree", "birth", "death"]]

    def other(self, name: str) -> Tables:
        if name not in self.beside:
            raise Fault(f"there is no study {name}", "look again")
        return self.beside[name]

    def others(self) -> list[str]:
        return list(self.beside)


def read(name: str, results: Tables, **choice: object) -> Data:
    """What a figure reads, at layer 6 unless another is chosen."""
    return FIGURES[name].data(results, Choice.of(results, **{"layer": 6} | choice))


def rows(columns: str, *values: tuple, **same: object) -> pd.DataFrame:
    """A table at layer 6, of H1, order 2, raw, unless `same` says otherwise (None: it has no such column)."""
    asked = {"layer": 6, "degree": 1, "order": 2.0, "norm": 2.0, "scale": "raw"} | same
    table = pd.DataFrame(list(values), columns=columns.split())
    return table.assign(**{name: value for name, value in asked.items() if value is not None and name not in table})


def among_others(table: pd.DataFrame, *numbers: str, **other: object) -> pd.DataFrame:
    """Between rows that differ in one column alone, layer, degree, order, scale or one of `other`, and whose numbers
    would be seen."""
    contrary = {name: value for name, value in (_OTHER | other).items() if name in table}
    strange = [table.assign(**{name: value} | dict.fromkeys(numbers, -1e6)) for name, value in contrary.items()]
    return pd.concat([*strange, table, *strange], ignore_index=True)
