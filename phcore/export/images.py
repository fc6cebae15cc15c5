"""Figures for papers and slides: a chart as SVG, PNG or PDF, at the width of a column and a size of letters."""

import json
from collections.abc import Mapping

import pandas as pd

from phcore.errors import Fault
from phcore.export.drawing import Asked, drawn
from phcore.figures.charts.theme import LABEL_SIZE, export_config

KINDS = {"svg": "image/svg+xml", "png": "image/png", "pdf": "application/pdf"}
WIDTHS = {"one column": 85.0, "one and a half": 114.0, "two columns": 174.0}  # mm, as most journals have them
POINTS = 8.0  # of the letters on the axes


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
    if kind not in KINDS:
        raise Fault(f"a figure cannot be saved as {kind!r}", f"Choose one of: {', '.join(KINDS)}")
    return drawn(asked(spec, tables, width=width, points=points), [kind])[kind]


def asked(spec: Mapping, tables: Mapping[str, pd.DataFrame], *, width: float, points: float) -> Asked:
    """What is to be drawn, for `drawing.drawn`, which may be in another process; otherwise as `export`."""
    if not (width > 0 and points > 0):
        raise Fault("a figure needs a width and a size of letters above 0", "Correct the numbers")
    letters = spec.get("config", {}).get("axis", {}).get("labelFontSize", LABEL_SIZE)
    data = ", ".join(f"{json.dumps(name)}: {_rows(table)}" for name, table in tables.items())
    return Asked(dict(spec) | {"config": export_config(size=letters)}, f"{{{data}}}", letters, width, points)


def _rows(table: pd.DataFrame) -> str:
    """Plain values as JSON; what is not known is null."""
    return table.to_json(orient="records", double_precision=15)
