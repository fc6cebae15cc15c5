"""A figure as a report shows it: its chart at every step, how to read it, and its numbers."""

from dataclasses import dataclass, field

import pandas as pd

from phcore.errors import Fault
from phcore.export.results import Results
from phcore.figures.charts.standing import Moving, Plain, at_step, plain
from phcore.figures.figure import Choice, Data, Figure, Numbers, sentence


@dataclass(frozen=True)
class Drawn:
    """A figure of the report.

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


def draw(results: Results, figure: Figure, choice: Choice) -> Drawn | str:
    """A figure of a study; where that has no numbers for it, the words that say so."""
    look = figure.look(results)
    try:
        data = figure.data(results, choice)
    except Fault as fault:
        return sentence(fault)

    def chart(data: Data) -> Plain:
        return plain(lambda: figure.chart(data, look))

    whole, caption, numbers = chart(data), figure.caption(data), figure.numbers(data)
    if figure.cells is None:
        return Drawn(whole, caption, numbers, moves=_moves(whole, look.steps))
    cells = {
        series: {step: chart(figure.at(data, series, step)) for step in steps}
        for series, steps in figure.cells(data).items()
    }
    return Drawn(whole, caption, numbers, cells=cells)


def _moves(chart: Plain, steps: tuple[int, ...]) -> dict[int, dict[str, pd.DataFrame]]:
    """What each selected step changes in a chart over training steps."""
    moving = {name: table for name, table in chart.tables.items() if isinstance(table, Moving)}
    return {step: at_step(moving, step) for step in steps} if moving else {}
