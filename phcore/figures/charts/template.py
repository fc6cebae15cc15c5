"""What differs between two drawings of one chart, taken out of its spec: the screen then updates it.

A browser draws a chart anew where its spec has changed, which takes ten times as long as to give it other tables. Of
most choices only a few words and numbers of a spec depend: the ends and titles of axes. They stand here in a table of
their own, from which expressions in the spec read them. What else a spec can say stays in it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pandas as pd

from phcore.figures.charts.standing import Moving, Plain

NOW = "now"  # name of the table
_PARTS = ("layer", "concat", "hconcat", "vconcat")
_KIND = re.compile(r"datum\.kind == '([\w ]+)'")


class _Found(NamedTuple):
    """Words or a number of a spec: what holds them, and under which key."""

    holder: dict | list
    key: str | int
    value: str | float | list


def template(chart: Plain) -> Plain:
    """The same chart with what differs in the table `NOW`, and without rows and columns that no mark looks at.

    Its spec is a new one; tables that move with the selected step stay the same objects.
    """
    spec, tables = json.loads(json.dumps(chart.spec)), dict(chart.tables)
    _part_kinds(spec, tables)
    _sort_by_rows(spec, tables)
    places: dict[str, list[_Found]] = {}
    for place, found in _varying(spec):
        places.setdefault(place, []).append(found)
    now = {"nothing": 0.0}
    for number, (place, found) in enumerate(places.items()):
        if len({repr(one.value) for one in found}) > 1:
            continue  # views of one plot that do not agree have no axis in common
        read = _read(found[0].value, f"v{number}", now)
        for one in found:
            # What stands at several panels or at a legend Vega-Lite hands on as it is, to Vega, whose word it is.
            kind = "signal" if place.endswith("header") or place == "colour/title" else "expr"
            one.holder[one.key] = {kind: read}
    if (marks := _marks(spec)) is None:
        return chart
    # A table that no view has is not sent: one is drawn from it, and shows nothing.
    marks.append({"data": {"name": NOW}, "mark": {"type": "point", "opacity": 0, "size": 0}, "encoding": {}})
    tables = {name: _looked_at(table, spec) for name, table in tables.items()}
    return Plain(spec, tables | {NOW: pd.DataFrame([now])})


def _read(value: str | float | list, name: str, now: dict[str, str | float]) -> str:
    """An expression that reads a value which is put into the table: lines of words as one text, numbers one by one."""
    if not isinstance(value, list):
        now[name] = value
        return f"data('{NOW}')[0].{name}"
    if isinstance(value[0], str):
        return "split(" + _read("\n".join(value), name, now) + ", '\\n')"
    return f"[{', '.join(_read(one, f'{name}_{place}', now) for place, one in enumerate(value))}]"


def _marks(spec: Mapping) -> list | None:
    """The layers of the first plot."""
    for part in _PARTS:
        if part in spec:
            nested = next((found for one in spec[part] if (found := _marks(one)) is not None), None)
            return spec[part] if nested is None and part == "layer" else nested
    return _marks(spec["spec"]) if "spec" in spec else None


def _varying(spec: Mapping, place: str = "") -> Iterator[tuple[str, _Found]]:
    """What may differ, by its place in the chart: views in one plot share their axes, and so the place."""
    for part in _PARTS:
        for number, one in enumerate(spec.get(part, ())):
            yield from _varying(one, place if part == "layer" else f"{place}/{number}")
    if "spec" in spec:
        yield from _varying(spec["spec"], place)
        header = spec["facet"].get("header") or {}
        if isinstance(title := header.get("title"), str):
            yield f"{place}/header", _Found(header, "title", title)
    for channel, encoding in spec.get("encoding", {}).items():
        if channel in ("x", "y", "color") and encoding.get("type") == "quantitative":
            yield from _of_colours(encoding) if channel == "color" else _of_axis(encoding, f"{place}/{channel}")


def _of_colours(encoding: dict) -> Iterator[tuple[str, _Found]]:
    """Views of all plots share their colours, and the legend."""
    yield from _of_scale(encoding, "colour")
    legend = encoding.get("legend") or {}
    if isinstance(values := legend.get("values"), list) and values:
        yield "colour/values", _Found(legend, "values", values)
    if isinstance(title := legend.get("title"), str | list) and title:
        yield "colour/title", _Found(legend, "title", [title] if isinstance(title, str) else title)


def _of_scale(encoding: dict, place: str) -> Iterator[tuple[str, _Found]]:
    domain = (encoding.get("scale") or {}).get("domain")
    if isinstance(domain, list) and len(domain) == 2 and all(isinstance(end, int | float) for end in domain):
        for number in (0, 1):
            yield f"{place}/domain/{number}", _Found(domain, number, float(domain[number]))


def _of_axis(encoding: dict, place: str) -> Iterator[tuple[str, _Found]]:
    yield from _of_scale(encoding, place)
    if isinstance(title := encoding.get("title"), str) and encoding.get("axis", {}) is not None:
        del encoding["title"]
        yield f"{place}/title", _Found(encoding.setdefault("axis", {}), "title", title)


# --- tables -----------------------------------------------------------------------------------------


def _part_kinds(spec: dict, tables: dict[str, pd.DataFrame]) -> None:
    """Marks that are drawn from one kind of the rows of a shared table have a table of that kind: a browser's
    expressions are slow, and would look at every row for each mark."""
    name = (spec.get("data") or {}).get("name")
    if "layer" not in spec or name not in tables or "kind" not in tables[name] or isinstance(tables[name], Moving):
        return
    for view in spec["layer"]:
        first = (view.get("transform") or [{}])[0].get("filter")
        if "data" not in view and isinstance(first, str) and (kind := _KIND.fullmatch(first)):
            own = f"{name} {kind[1]}"
            tables[own] = tables[name][tables[name]["kind"] == kind[1]].reset_index(drop=True)
            view["data"] = {"name": own}
            del view["transform"][0]
    if all("data" in view for view in spec["layer"]):
        del spec["data"], tables[name]


def _sort_by_rows(spec: dict, tables: dict[str, pd.DataFrame]) -> None:
    """Panels stand in the order of a column, not of a list of their names."""
    facet, name = spec.get("facet") or {}, (spec.get("data") or {}).get("name")
    if isinstance(order := facet.get("sort"), list) and name in tables:
        places = {panel: number for number, panel in enumerate(order)}
        tables[name] = tables[name].assign(panel_place=tables[name][facet["field"]].map(places))
        facet["sort"] = {"field": "panel_place", "op": "min"}


def _looked_at(table: pd.DataFrame, spec: Mapping) -> pd.DataFrame:
    """The columns that are named in a spec, wherever."""
    if isinstance(table, Moving):
        return table
    named = set(re.findall(r"\w+", json.dumps(spec)))
    return table[[column for column in table if column in named]]
