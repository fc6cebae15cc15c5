"""A chart as plain Vega-Lite, with its tables beside it as they are."""

import threading
from collections.abc import Callable
from typing import NamedTuple

import altair as alt
import pandas as pd
from altair.utils.schemapi import debug_mode

from phcore.figures.charts.moving import Moving
from phcore.formatting import visible

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
    return Plain(_seen(spec), {name: readable(table) for name, table in tables.values()})


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with nothing unseen in its words, see `visible`. Files hold them as they are."""
    words = table.select_dtypes(["object", "string"])
    seen = words.map(lambda one: visible(one) if isinstance(one, str) else one)
    if seen.equals(words):  # as nearly always: the same object, which may be one that moves
        return table
    shown = table.assign(**seen)
    if isinstance(table, Moving):
        shown = Moving(shown)
        shown._at = lambda step: readable(table._at(step))
    return shown


def _seen(spec):
    """The same of a spec, whose domains, titles and expressions name what is in the tables."""
    match spec:
        case str():
            return visible(spec, lines=True)
        case dict():
            return {key: _seen(value) for key, value in spec.items()}
        case list() | tuple():
            return [_seen(value) for value in spec]
    return spec
