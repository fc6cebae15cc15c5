"""Figures for papers and slides: a chart as SVG, PNG or PDF, at the width of a column and a size of letters."""

import re
from collections.abc import Mapping, Sequence
from math import inf

import pandas as pd

from phcore.errors import Fault
from phcore.figures.charts.theme import LABEL_SIZE, export_config

KINDS = {"svg": "image/svg+xml", "png": "image/png", "pdf": "application/pdf"}
WIDTHS = {"one column": 85.0, "one and a half": 114.0, "two columns": 174.0}  # mm, as most journals have them
POINTS = 8.0  # of the letters on the axes
SHARPER = 2  # pixels of a PNG per pixel of the screen
_FONT_KEYS = re.compile(r"(font|labelFont|titleFont|subtitleFont)Size$", re.IGNORECASE)
_LETTERS = (0.5, 3.0)  # how much smaller or larger than on the screen letters may become
_ALIKE = 0.0125  # by how much a size of letters may be missed: nobody sees a tenth of a point
_MM, _PT = 25.4, 72.0  # of an inch


def export(
    spec: Mapping, tables: Mapping[str, pd.DataFrame], kind: str, *, width: float = WIDTHS["two columns"],
    points: float = POINTS,
) -> bytes:  # fmt: skip
    """A chart as a file, on white.

    Parameters
    ----------
    spec, tables : of `phcore.figures.charts.standing.plain`.
    kind : one of `KINDS`.
    width : of the figure in mm. A chart keeps its proportions.
    points : size of the letters on the axes.

    Returns
    -------
    An SVG or PDF of that width, or a PNG of twice the pixels the chart has on the screen.

    Raises
    ------
    Fault
        for an unknown kind, or a width or size of letters that is not above 0.
    """
    return exports(spec, tables, [kind], width=width, points=points)[kind]


def exports(
    spec: Mapping, tables: Mapping[str, pd.DataFrame], kinds: Sequence[str], *, width: float, points: float
) -> dict[str, bytes]:
    """A chart as files of several kinds, by kind, drawn once for all of them together; otherwise as `export`."""
    for kind in kinds:
        if kind not in KINDS:
            raise Fault(f"a figure cannot be saved as {kind!r}", f"Choose one of: {', '.join(KINDS)}")
    if not (width > 0 and points > 0):
        raise Fault("a figure needs a width and a size of letters above 0", "Correct the numbers")
    import vl_convert  # a JavaScript engine: loads with the first figure, not with the first page

    whole = dict(spec) | {"datasets": {name: _rows(table) for name, table in tables.items()}}
    letters = whole.get("config", {}).get("axis", {}).get("labelFontSize", LABEL_SIZE)
    whole["config"] = export_config(size=letters)
    svg = vl_convert.vegalite_to_svg(whole)  # as on the screen
    printed = _sized(whole, svg, width, points, letters) if {"svg", "pdf"} & set(kinds) else ""
    made = {
        "svg": printed.encode,
        "pdf": lambda: vl_convert.svg_to_pdf(printed),
        "png": lambda: vl_convert.svg_to_png(svg, scale=SHARPER),
    }
    return {kind: made[kind]() for kind in kinds}


def _sized(whole: dict, svg: str, width: float, points: float, letters: float) -> str:
    """A chart as an SVG of a width in mm, with letters (so many pixels on the screen) of a size in points.

    Parameters
    ----------
    svg : the chart as on the screen.
    """
    import vl_convert

    drawn_with, missed = 1.0, inf
    for _ in range(2):  # larger letters make the drawing wider, and so each of them smaller at the width asked for
        # Letters of the screen shall be `points` high once the drawing is `width` wide.
        ratio = points / (letters * width / _MM * _PT / _size(svg)[0])
        ratio = min(max(ratio, _LETTERS[0]), _LETTERS[1])
        before, missed = missed, abs(ratio / drawn_with - 1)
        if missed < _ALIKE or missed > 0.8 * before:  # of some, all of the width is letters: larger ones change nothing
            break
        svg, drawn_with = vl_convert.vegalite_to_svg(_scaled(whole, ratio)), ratio
    across, down = _size(svg)
    millimetres = f'width="{width:g}mm" height="{width * down / across:.1f}mm"'
    return re.sub(r'width="[^"]*" height="[^"]*"', millimetres, svg, count=1)


def _rows(table: pd.DataFrame) -> list[dict]:
    """Plain values; what is not known is null."""
    return table.astype(object).where(table.notna(), None).to_dict("records")


def _size(svg: str) -> tuple[float, float]:
    """Width and height in pixels."""
    found = re.search(r'<svg[^>]*? width="([\d.]+)(?:px)?" height="([\d.]+)(?:px)?"', svg)
    if found is None:
        raise Fault("the drawing has no size", "Install the version of vl-convert in requirements.txt")
    return float(found[1]), float(found[2])


def _scaled(value, ratio: float):
    """A spec with every size of letters times a ratio. Data stay as they are."""
    if isinstance(value, Mapping):
        return {
            key: part * ratio
            if isinstance(part, int | float) and not isinstance(part, bool) and _FONT_KEYS.match(key)
            else part
            if key == "datasets"
            else _scaled(part, ratio)
            for key, part in value.items()
        }
    return [_scaled(one, ratio) for one in value] if isinstance(value, list) else value
