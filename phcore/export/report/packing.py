"""Tables and charts as little JSON as will do, and safe inside a page."""

import json
import math
from collections.abc import Iterable

import pandas as pd

DIGITS = 6  # significant digits of a number: a chart shows no more
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def script_json(value: object) -> str:
    """JSON that can stand in a <script> element: whatever it holds, it cannot end it."""
    words = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return "".join(_UNSAFE.get(letter, letter) for letter in words) if _UNSAFE.keys() & set(words) else words


def packed(table: pd.DataFrame) -> dict:
    """A table by columns: {"n": rows, "columns": {name: values}}.

    A column that is the same in every row is {"all": value}; words that repeat are {"of": words, "at": places}.
    """
    return {"n": len(table), "columns": {name: _column(table[name].tolist()) for name in table}}


def _column(values: list) -> list | dict:
    values = [_number(value) for value in values]
    distinct = list(dict.fromkeys(values))
    if len(values) > 1 and len(distinct) == 1:
        return {"all": distinct[0]}
    if len(values) > 2 * len(distinct) and isinstance(distinct[0], str):
        places = {value: place for place, value in enumerate(distinct)}
        return {"of": distinct, "at": [places[value] for value in values]}
    return values


def _number(value: object) -> object:
    """Rounded; a whole number without its point, and None for what is missing or infinite."""
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int):
        return value
    if not isinstance(value, float):
        return None if pd.isna(value) else str(value)
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else float(f"{value:.{DIGITS}g}")


class Tables:
    """Packed tables, each kept once however many charts use it."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self.all: list[dict] = []

    def keep(self, table: pd.DataFrame) -> int:
        """The place of a table in `all`."""
        one = packed(table)
        key = json.dumps(one, sort_keys=True)
        if key not in self._places:
            self._places[key] = len(self.all)
            self.all.append(one)
        return self._places[key]

    def keep_all(self, tables: dict[str, pd.DataFrame]) -> dict[str, int]:
        return {name: self.keep(table) for name, table in tables.items()}


def difference(one: object, other: object) -> list[tuple[list, object]]:
    """(path, value) pairs that turn one JSON value into the other; `patched` applies them."""
    return list(_difference(one, other, []))


def _difference(one: object, other: object, path: list) -> Iterable[tuple[list, object]]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from _difference(one[key], other[key], [*path, key])
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from _difference(a, b, [*path, place])
    elif one != other or type(one) is not type(other):
        yield path, other
