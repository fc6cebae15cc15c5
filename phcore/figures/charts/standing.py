"""A chart that stands: plain Vega-Lite, with its tables beside it, few of which change as the selected step moves.

Building a chart takes a hundred times as long, and the screen would draw it anew instead of moving a mark. A chart says
itself which of its tables move, by making them with `moving`.
"""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from math import ceil
from typing import ClassVar, NamedTuple

import altair as alt
import pandas as pd
from altair.utils.schemapi import debug_mode

from phcore.figures.charts.dark import for_both
from phcore.figures.charts.linking import is_of_objects
from phcore.formatting import visible

_OF_TABLES = frozenset({"domain", "sort", "values", "equal", "oneOf"})  # what a spec says in words of its tables
_ALTAIR = threading.Lock()  # Altair's settings are those of the whole process


class Plain(NamedTuple):
    """Vega-Lite that names its tables, and the tables by name, in the order of the chart."""

    spec: dict
    tables: dict[str, pd.DataFrame]


def plain(build: Callable[[], alt.TopLevelMixin]) -> Plain:
    """The chart that `build` returns. The names of its tables do not depend on what is in them."""
    tables: dict[int, tuple[str, pd.DataFrame]] = {}

    def keep(data: pd.DataFrame) -> dict:
        name, _ = tables.setdefault(id(data), (f"table{len(tables)}", data))
        return {"name": name}

    with _ALTAIR:
        alt.data_transformers.register("by_place", keep)
        with alt.data_transformers.enable("by_place"), debug_mode(False):
            spec = build().to_dict(validate=False)
    spec = for_both(_seen(spec), (table for _, table in tables.values()))
    return Plain(spec, {name: readable(table) for name, table in tables.values()})


_AXIS, _LEGEND, _HEADER, _SPACING = 64, 34, 34, 18  # pixels, about


def height(chart: Plain) -> float:
    """About how many pixels high a chart is on screen, without its title: what a page keeps free until it is drawn."""
    spec = chart.spec
    legend = _LEGEND * ('"orient": "top"' in json.dumps(spec.get("layer", spec.get("spec", {}))))
    return _inner(spec, chart.tables) + legend


def _inner(spec: Mapping, tables: Mapping[str, pd.DataFrame]) -> float:
    head = _HEADER * ("title" in spec and "$schema" not in spec)
    if "facet" in spec:
        panels = _panels(spec, tables)
        rows = ceil(panels / max(1, spec.get("columns") or panels))
        return rows * (spec["spec"].get("height", 200) + _HEADER + _SPACING) + _AXIS
    for kind, together in (("hconcat", max), ("vconcat", sum)):
        if kind in spec:
            return together(_inner(one, tables) for one in spec[kind]) + head
    if "concat" in spec:
        columns = max(1, spec.get("columns") or len(spec["concat"]))
        parts = [_inner(one, tables) - _AXIS for one in spec["concat"]]  # which often only the last row has
        return sum(max(parts[at : at + columns]) for at in range(0, len(parts), columns)) + _AXIS + head
    return spec.get("height", 200) + _AXIS + head


def _named(words: str, lines: bool = False) -> str:
    """Words of others as `visible` ones; where they are what every object of a browser has, with a space behind them:
    Vega gives up some charts at those."""
    return f"{words} " if is_of_objects(words) else visible(words, lines)


def _panels(spec: Mapping, tables: Mapping[str, pd.DataFrame]) -> int:
    """Those that are drawn: its order may name others, which have no rows."""
    table, field = tables.get((spec.get("data") or {}).get("name")), spec["facet"].get("field")
    if table is not None and field in table:
        return max(1, table[field].nunique())
    return len(spec["facet"].get("sort") or [1])


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with nothing unseen in its words, see `visible`. Files hold them as they are."""
    words = table.select_dtypes(["object", "string"])
    each = (one if one.dtype == object else one.unique() for _, one in words.items())  # names, many times each
    said = {one for column in each for one in column if isinstance(one, str)}
    if all(_named(one) == one for one in said):  # as nearly always: the same object, which may be one that moves
        return table
    shown = table.assign(**words.map(lambda one: _named(one) if isinstance(one, str) else one))
    if isinstance(table, Moving):
        shown = Moving(shown)
        shown._at = lambda step: readable(table._at(step))
    return shown


def _seen(spec, lines: bool = True):
    """The same of a spec, whose domains, orders and filters name what is in the tables, and as it is there."""
    match spec:
        case str():
            return _named(spec, lines)
        case dict():
            return {key: _seen(value, lines and key not in _OF_TABLES) for key, value in spec.items()}
        case list() | tuple():
            return [_seen(value, lines) for value in spec]
    return spec


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
