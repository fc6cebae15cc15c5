"""Objectives on a dark background: a chart says both of its colours, and the background chooses.

Charts are made in the colours of white paper. As a chart becomes plain, each colour that would be hard to read on the
app's dark background is an expression instead, whose other side is lighter (`theme.on_dark`).
"""

from collections.abc import Iterable

import pandas as pd

from phcore.figures.charts.theme import OBJECTIVES, OTHER_OBJECTIVES, on_dark

_IS_DARK = "luminance(background) < 0.2"
_COLOURS = frozenset((*OBJECTIVES.values(), *OTHER_OBJECTIVES))
_CHANNELS = ("color", "fill", "stroke")
_WORDS = frozenset({"domain", "sort", "values", "equal", "oneOf", "title", "subtitle", "text", "description", "name"})


def for_both(spec, tables: Iterable[pd.DataFrame]):
    """The same spec for light and dark backgrounds.

    Parameters
    ----------
    spec : of a chart, as plain Vega-Lite. Its words stay as they are: a run may be called like a colour.
    tables : of the chart; a channel without a scale takes its colours from their columns.
    """
    tables = list(tables)
    match spec:
        case str() if spec in _COLOURS and (light := on_dark(spec)) != spec:
            return {"expr": f"{_IS_DARK} ? '{light}' : '{spec}'"}
        case dict():
            whole = {key: one if _is_words(key, one) else for_both(one, tables) for key, one in spec.items()}
            for channel in _CHANNELS:
                if isinstance(own := whole.get(channel), dict) and "field" in own and own.get("scale", own) is None:
                    whole[channel] = _of_column(own, tables)
            return whole
        case list() | tuple():
            return [for_both(one, tables) for one in spec]
    return spec


def _is_words(key: str, value) -> bool:
    """Whether an entry of a spec holds names and words, not colours."""
    texts = value if isinstance(value, list | tuple) else [value]
    return key in _WORDS and all(isinstance(one, str) for one in texts)


def _of_column(channel: dict, tables: list[pd.DataFrame]) -> dict:
    """A channel whose column holds colours. Whichever of the objectives' it holds, what it says is the same: a browser
    draws a chart anew whose spec has changed."""
    field = channel["field"]
    held = {one for table in tables if field in table for one in table[field].unique() if isinstance(one, str)}
    if not held & _COLOURS or "condition" in channel:
        return channel
    lit = ", ".join(f"'{one}': '{light}'" for one in sorted(_COLOURS) if (light := on_dark(one)) != one)
    value = {"expr": f"{{{lit}}}[datum.{field}] || datum.{field}"}
    return channel | {"condition": [{"test": _IS_DARK, "value": value}]}
