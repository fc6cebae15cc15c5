"""A chart drawn as SVG, PNG or PDF. A process that only draws loads this module, and no library of tables or charts."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from phcore.errors import Fault

SHARPER = 2  # pixels of a PNG per pixel of the screen
MM, PT = 25.4, 72.0  # of an inch
_FONT_KEYS = re.compile(r"(font|labelFont|titleFont|subtitleFont)Size$", re.IGNORECASE)
_LETTERS = (0.5, 3.0)  # how much smaller or larger than on the screen letters may become
_ALIKE = 0.0125  # by how much a size of letters may be missed: nobody sees a tenth of a point


@dataclass(frozen=True)
class Asked:
    """Attributes
    ----------
    spec : of the chart, plain Vega-Lite, without its data.
    data : its tables, by name, as JSON.
    letters : size of the labels on its axes (pixels of the screen).
    width, points : of the figure in mm, and of those letters in it.
    """

    spec: Mapping
    data: str
    letters: float
    width: float
    points: float


def drawn(asked: Asked, kinds: Sequence[str]) -> dict[str, bytes]:
    """The chart as files of several kinds, by kind, drawn once for all of them together."""
    import vl_convert  # a JavaScript engine: loads with the first figure, not with the first page

    svg = _svg(asked.spec, asked.data)  # as on the screen
    printed = _sized(asked, svg) if {"svg", "pdf"} & set(kinds) else ""
    made = {
        "svg": printed.encode,
        "pdf": lambda: vl_convert.svg_to_pdf(printed),
        "png": lambda: vl_convert.svg_to_png(svg, scale=SHARPER),
    }
    return {kind: made[kind]() for kind in kinds}


def _svg(spec: Mapping, data: str) -> str:
    import vl_convert

    # The tables are text already: to read them here, only to write them again, would take longer than to draw some.
    return vl_convert.vegalite_to_svg(f'{json.dumps(spec)[:-1]}, "datasets": {data}}}')


def _sized(asked: Asked, svg: str) -> str:
    """The chart as an SVG of its width in mm, with letters of the size that is asked for.

    Parameters
    ----------
    svg : the chart as on the screen.
    """
    drawn_with, missed = 1.0, inf
    for _ in range(2):  # larger letters make the drawing wider, and so each of them smaller at the width asked for
        # Letters of the screen shall be `points` high once the drawing is `width` wide.
        ratio = asked.points / (asked.letters * asked.width / MM * PT / _size(svg)[0])
        ratio = min(max(ratio, _LETTERS[0]), _LETTERS[1])
        before, missed = missed, abs(ratio / drawn_with - 1)
        if missed < _ALIKE or missed > 0.8 * before:  # of some, all of the width is letters: larger ones change nothing
            break
        svg, drawn_with = _svg(_scaled(asked.spec, ratio), asked.data), ratio
    across, down = _size(svg)
    millimetres = f'width="{asked.width:g}mm" height="{asked.width * down / across:.1f}mm"'
    return re.sub(r'width="[^"]*" height="[^"]*"', millimetres, svg, count=1)


def _size(svg: str) -> tuple[float, float]:
    """Width and height in pixels."""
    found = re.search(r'<svg[^>]*? width="([\d.]+)(?:px)?" height="([\d.]+)(?:px)?"', svg)
    if found is None:
        raise Fault("the drawing has no size", "Install the version of vl-convert in requirements.txt")
    return float(found[1]), float(found[2])


def _scaled(value, ratio: float):
    """A spec with every size of letters times a ratio."""
    if isinstance(value, Mapping):
        return {
            key: part * ratio
            if isinstance(part, int | float) and not isinstance(part, bool) and _FONT_KEYS.match(key)
            else _scaled(part, ratio)
            for key, part in value.items()
        }
    return [_scaled(one, ratio) for one in value] if isinstance(value, list) else value
