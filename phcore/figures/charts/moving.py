"""Moving the selected step of a chart that stands: only the few tables that show it change.

Building a chart takes a hundred times as long, and the screen would draw it anew instead of moving a mark.
"""

from collections.abc import Iterable, Mapping

import pandas as pd

from phcore.figures.charts.heatmap import selected_rows
from phcore.figures.charts.paths import selected_words
from phcore.figures.charts.steps import StepAxis, named_step


def at_step(tables: Mapping[str, pd.DataFrame], selected: int, axis: StepAxis) -> dict[str, pd.DataFrame]:
    """All tables of a step chart (velocity, heatmap, path, distance), with another step selected.

    Parameters
    ----------
    tables : by name, in the order of the chart.
    axis : the chart's step axis; its width does not matter.
    """
    panels = [table for table in tables.values() if {"begin", "end", "step"} <= set(table)]
    return {name: _moved(table, panels, selected, axis) for name, table in tables.items()}


def with_tables(standing: Mapping[str, pd.DataFrame], new: Iterable[pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables of a standing chart, each replaced by the new one with the same columns, where there is one."""
    by_columns = {frozenset(table): table for table in new}
    return {name: by_columns.get(frozenset(table), table) for name, table in standing.items()}


def _moved(table: pd.DataFrame, panels: list[pd.DataFrame], selected: int, axis: StepAxis) -> pd.DataFrame:
    columns = set(table)
    if "selected" in columns:  # the points of a path
        return table.assign(selected=table["step"] == selected)
    if columns == {"words"}:  # the step's name in a corner
        return selected_words(selected)
    if columns == {"step", "words", "align"}:  # the rule
        return pd.DataFrame([named_step(selected, axis)])
    if columns in ({"begin", "end", "place"}, {"step", "words", "align", "place"}):  # frame and name of a panel
        place = int(table["place"].iloc[0])
        frame, name = selected_rows(panels[place], axis, selected, place)
        return frame if "begin" in columns else name
    return table
