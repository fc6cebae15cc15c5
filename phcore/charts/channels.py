"""Encoding channels that charts share: another column on the same axis, tooltips, rows of dots with whiskers."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from phcore.charts.theme import HALO
from phcore.charts.view import View
from phcore.words import three


def on(channel, field: str):
    """The same axis for another column."""
    other = channel.copy()
    other.field = field
    return other


def told(fields: Mapping[str, str]) -> list[alt.Tooltip]:
    """Tooltip: column -> its name on screen."""
    return [alt.Tooltip(field=field, type="nominal", title=title) for field, title in fields.items()]


def interval_words(values: Sequence[float], lows: Sequence[float], highs: Sequence[float], words=three) -> list[str]:
    """value (low to high), or the value alone where no interval is known."""
    return [
        words(value) if pd.isna(low) or pd.isna(high) else f"{words(value)} ({words(low)} to {words(high)})"
        for value, low, high in zip(values, lows, highs, strict=True)
    ]


def p_words(p: float) -> str:
    """p = 0.005, in one piece (no line breaks after the p)."""
    return "p unknown" if pd.isna(p) else f"p\u00a0=\u00a0{p:.2g}"


def row_names(field: str, order: Sequence, pixels: int, title: str | None = None) -> alt.Y:
    """One row per value, from the top, with `pixels` for the names."""
    return alt.Y(
        field=field,
        type="nominal",
        scale=alt.Scale(domain=list(order)),
        title=title,
        axis=alt.Axis(labelLimit=pixels, minExtent=pixels, maxExtent=pixels, grid=False),
    )


def dots(view: View, x: alt.X, lo: str, hi: str, *, hollow: str, tooltip: Mapping[str, str], **channels) -> list[View]:
    """Dots with whiskers from `lo` to `hi`: filled, or rings where the expression `hollow` is true.

    `channels` are those all marks share: y, colour, offset.
    """
    return [
        view.mark_rule(strokeWidth=2, opacity=0.75, clip=True).encode(x=on(x, lo), x2=alt.X2(field=hi), **channels),
        view.mark_point(filled=True, opacity=1, size=95, clip=True).encode(x=x, tooltip=told(tooltip), **channels),
        view.transform_filter(hollow)
        .mark_point(filled=True, opacity=1, size=34, clip=True)
        .encode(x=x, tooltip=told(tooltip), **channels | {"color": alt.ColorValue(HALO)}),
    ]
