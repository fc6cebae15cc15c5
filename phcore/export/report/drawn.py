"""What a chart of a report is, and what stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from phcore.export.report.reading import Reading
from phcore.figures.charts.moving import at_step
from phcore.figures.charts.plain import Plain
from phcore.figures.charts.steps import StepAxis

WIDTH = 900  # pixels: fits the page, and on paper labels stay above 6 points


class Absent(Exception):
    """A chart that this study has no numbers for; the message says what is missing and how to get it."""


@dataclass(frozen=True)
class Numbers:
    """A table as words."""

    caption: str
    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Drawn:
    """A chart of the report.

    Attributes
    ----------
    chart : as it stands first: at the last step.
    note : how to read it.
    numbers : the same as a table.
    moves : step -> tables that differ from those of `chart`, by name; empty where no step is shown.
    cells : series -> step -> chart, where each step is another chart; empty otherwise.
    """

    chart: Plain
    note: str
    numbers: Numbers
    moves: dict[int, dict[str, pd.DataFrame]] = field(default_factory=dict)
    cells: dict[str, dict[int, Plain]] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """One kind of chart.

    Attributes
    ----------
    title : what it is, in a few words.
    draw : reading -> chart; raises `Absent`, or `Fault` where the numbers do not allow it.
    """

    title: str
    draw: Callable[[Reading], Drawn]


def stepped(reading: Reading, chart: Plain, note: str, numbers: Numbers) -> Drawn:
    """A chart over training steps, with what each selected step changes in it."""
    axis = StepAxis(reading.steps)
    moves = {}
    for step in reading.steps:
        tables = at_step(chart.tables, step, axis)
        moves[step] = {name: table for name, table in tables.items() if table is not chart.tables[name]}
    return Drawn(chart, note, numbers, moves=moves)
