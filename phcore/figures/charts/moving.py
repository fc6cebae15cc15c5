"""Moving the selected step of a chart that stands: only the few tables that show it change.

Building a chart takes a hundred times as long, and the screen would draw it anew instead of moving a mark. A chart says
itself which of its tables move, by making them with `moving`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

import pandas as pd

At = Callable[[int | None], pd.DataFrame]


class Moving(pd.DataFrame):
    """A table of a chart that knows itself at any other selected step. What is made from it is a plain table."""

    _metadata: ClassVar = ["_at"]

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame


def moving(at: At, selected: int | None) -> Moving:
    """The table `at` the selected step (None: none is), which can be moved to others."""
    table = Moving(at(selected))
    table._at = at
    return table


def at_step(tables: Mapping[str, pd.DataFrame], selected: int | None) -> dict[str, pd.DataFrame]:
    """All tables of a chart, by name, with another step selected; those that do not show it are the same objects."""
    return {name: moving(table._at, selected) if isinstance(table, Moving) else table for name, table in tables.items()}


def with_tables(standing: Mapping[str, pd.DataFrame], new: Iterable[pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables of a standing chart, each replaced by the new one with the same columns, where there is one."""
    by_columns = {frozenset(table): table for table in new}
    return {name: by_columns.get(frozenset(table), table) for name, table in standing.items()}
