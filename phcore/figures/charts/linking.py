"""Selections that several views share, under names that stay the same from one drawing to the next."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import altair as alt

_OF_OBJECTS = frozenset((
    "constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString",
    "toString", "valueOf",
))  # fmt: skip

C = TypeVar("C", alt.LayerChart, alt.ConcatChart, alt.HConcatChart, alt.VConcatChart)


def near(name: str, field: str) -> alt.Parameter:
    """What is nearest to the pointer: gone when the pointer leaves the plot."""
    return alt.selection_point(
        name=name, fields=[field], on="pointerover", clear="pointerout", nearest=True, empty=False, toggle=False
    )


def picked(name: str, *also: str, field: str | None = None, nearest: bool = True) -> alt.Parameter:
    """What was clicked, by its field (default: `name`): kept until the next click, cleared by a double click. It tells
    other fields, too, where the mark has them."""
    return alt.selection_point(
        name=name, fields=[field or name, *also], on="click", nearest=nearest, empty=False, toggle=False
    )


def link(chart: C, params: Sequence[alt.Parameter]) -> C:
    """Give `chart` itself the selections `params`, made in any of its named views.

    Altair's own way (`add_params` in each view) warns when the same selection is in two views, and finds no
    views in nested layers. Views need names of their own (Altair adds their place to them): those it makes
    up would change from one drawing to the next, and a chart whose names change is not updated but redrawn.
    """
    views = list(_named(chart))
    chart.params = [alt.TopLevelSelectionParameter(**param.param.to_dict(), views=views) for param in params]
    return chart


def _named(chart: alt.TopLevelMixin) -> Iterator[str]:
    for kind in ("layer", "concat", "hconcat", "vconcat"):
        if isinstance(parts := chart._get(kind), list):
            for part in parts:
                yield from _named(part)
    if isinstance(chart, alt.FacetChart):
        yield from _named(chart.spec)
    if isinstance(name := chart._get("name"), str):
        yield name


def answering(view: alt.Chart, name: str, tooltip: Mapping[str, str], **style) -> alt.Chart:
    """Invisible points that answer with the nearest of them: `nearest_tooltip` on hover, selections on click."""
    points = view.mark_point(opacity=0, size=1, cursor="pointer", **style).encode(tooltip=nearest_tooltip(tooltip))
    points.name = name
    return points


def heading_of(words: str) -> str:
    """The name of a line of a tooltip, with a space behind it where the words alone would be something else: a heading,
    the address of a picture, or what every object of a browser has, and at which Vega gives up the chart."""
    return f"{words} " if words in ("title", "image") or is_of_objects(words) else words


def is_of_objects(words: str) -> bool:
    """Whether every object of a browser has something of this name."""
    return words in _OF_OBJECTS or (words.startswith("__") and words.endswith("__"))


def nearest_tooltip(fields: Mapping[str, str]) -> alt.TooltipValue:
    """Tooltip of a view whose nearest mark answers: column -> its name on screen.

    There the pointer meets the region around a mark, whose datum is the mark, whose datum is the row. A list
    of fields forgets the last step in Vega-Lite up to 6.4 (vega-lite#9707) and shows "undefined"; this
    expression finds the row in either case. Names are quoted as JSON, so that any text is only text.
    """
    pairs: dict[str, str] = {}
    for field, words in fields.items():
        words = heading_of(words)
        while words in pairs:
            words += " "
        pairs[words] = f"{json.dumps(words)}: (datum.datum || datum)[{json.dumps(field)}]"
    return alt.TooltipValue(alt.ExprRef("{" + ", ".join(pairs.values()) + "}"))
