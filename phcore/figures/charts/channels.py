"""What charts are put together from: views that are cheap to copy, encoding channels, rows of dots with whiskers."""

from collections.abc import Iterable, Mapping, Sequence

import altair as alt
import pandas as pd

from phcore.figures.charts.linking import heading_of
from phcore.figures.charts.theme import AXIS_SIZE, HALO, INK, LABEL_SIZE, objective_colours, objective_scale
from phcore.formatting import three

PERCENT = {"labelExpr": "format(100 * datum.value, '.0f') + '\u00a0%'"}
SHARES = {"values": [0, 0.25, 0.5, 0.75, 1]} | PERCENT  # the labels of an axis of shares
UNRULED = {"grid": False, "gridOpacity": alt.Undefined}


class View(alt.Chart):
    """An `alt.Chart` whose copies share its parts.

    Altair copies every view of a chart five times over while it puts them together, down to each empty property
    of each axis: most of the time a chart took. What it changes in a copy, it replaces as a whole, so that
    sharing the parts is safe.
    """

    def __deepcopy__(self, memo: object = None) -> "View":
        return self.copy(deep=False)


def measure(channel: type, field: str, title, domain: Sequence[float], axis: Mapping = {}, **scale):
    """A quantity on an axis that reaches over `domain` and no farther."""
    return channel(
        field=field,
        type="quantitative",
        title=title,
        scale=alt.Scale(domain=list(domain), nice=False, **scale),
        axis=alt.Axis(**{"gridOpacity": 0.6, "labelFlush": False} | axis),
    )


def distance(channel: type, field: str, title, domain: Sequence[float], axis: Mapping = {}, **scale):
    """A position along the filtration; `padding` (pixels) in `scale` keeps the marks at the ends whole."""
    return measure(channel, field, title, domain, {"tickCount": 6} | axis, zero=False, **scale)


def in_rows(names: Iterable[str], width: float) -> dict[str, int]:
    """Of a legend above a plot: how many names stand in a row, where not all of them fit into one.

    Parameters
    ----------
    width : pixels.
    """
    lengths = [8 * len(name) + 36 for name in {*names}]  # letters of 14 px, the symbol and what is between two
    return {"columns": max(1, int(width // max(lengths)))} if sum(lengths) > width else {}


def by_objective(
    shown: Iterable[str], study: Iterable[str] | None, symbol: str | None = None, width: float | None = None, **legend
) -> alt.Color:
    """Colour by objective, with a legend above the plot where it has a `symbol`.

    Parameters
    ----------
    shown, study : see `objective_scale`.
    width : pixels for the legend; more names than fit into them stand in rows.
    """
    if symbol is not None:
        if width is not None:
            legend |= in_rows(shown, width)
        legend = {"orient": "top", "title": None, "symbolType": symbol, "symbolOpacity": 1, "labelLimit": 260} | legend
    scale = objective_scale(shown if symbol else study or shown, study)  # a legend names only those shown
    return alt.Color(field="objective", type="nominal", scale=scale, legend=alt.Legend(**legend) if symbol else None)


_MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down")


def by_marker(
    shown: Iterable[str], study: Iterable[str] | None = None, legend: bool = True, width: float | None = None
) -> alt.Shape:
    """Marker by objective, so that colour is not all that tells them apart; its legend joins that of the colour.

    Parameters
    ----------
    shown, study, width : see `by_objective`.
    """
    rows = {} if width is None else in_rows(shown, width)
    domain = objective_scale(shown if legend else study or shown, study)["domain"]
    places = {name: place for place, name in enumerate(objective_colours({*shown, *(study or ())}))}
    marks = [_MARKERS[places[name] % len(_MARKERS)] for name in domain]
    how = alt.Legend(orient="top", title=None, labelLimit=260, symbolSize=70, offset=0, **rows) if legend else None
    return alt.Shape(field="objective", type="nominal", scale=alt.Scale(domain=domain, range=marks), legend=how)


def by_legend(table: pd.DataFrame, objectives: Sequence[str]) -> list[str]:
    """Series in the order of their objectives in the legend, and then of their names."""
    owners = set(zip(table["objective"], table["series"], strict=True))
    return [series for _, series in sorted(owners, key=lambda owner: (objectives.index(owner[0]), owner[1]))]


def on(channel, field: str):
    """The same axis for another column."""
    other = channel.copy()
    other.field = field
    return other


def told(fields: Mapping[str, str]) -> list[alt.Tooltip]:
    """Tooltip: column -> its name on screen."""
    return [alt.Tooltip(field=field, type="nominal", title=heading_of(title)) for field, title in fields.items()]


def interval_words(values: Sequence[float], lows: Sequence[float], highs: Sequence[float], words=three) -> list[str]:
    """value (low to high), or the value alone where no interval is known."""
    return [
        words(value) if pd.isna(low) or pd.isna(high) else f"{words(value)} ({words(low)} to {words(high)})"
        for value, low, high in zip(values, lows, highs, strict=True)
    ]


BREAK = "⏎"  # between two lines of a name: the words of tables have no line breaks, see `standing.readable`


def p_words(p: float) -> str:
    """p = 0.005, in one piece (no line breaks after the p)."""
    return "p unknown" if pd.isna(p) else f"p\u00a0=\u00a0{p:.2g}"


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places of words in one line, moved as little as needed to be `gap` apart and, if there is room, in (low, high).

    Parameters
    ----------
    places : in pixels, in any order; the result has the same order.
    """
    order = sorted(range(len(places)), key=lambda at: (places[at], at))
    blocks: list[list[float]] = []  # [middle, number of words], each word `gap` after the one before
    for at in order:
        blocks.append([min(max(places[at], low), high), 1])
        while len(blocks) > 1 and blocks[-1][0] - blocks[-2][0] < gap * (blocks[-1][1] + blocks[-2][1]) / 2:
            (a, k), (b, n) = blocks[-2:]
            half = gap * (k + n - 1) / 2
            middle = min(max((a * k + b * n) / (k + n), low + half), max(low + half, high - half))
            blocks[-2:] = [[middle, k + n]]
    found = [middle + gap * (place - (number - 1) / 2) for middle, number in blocks for place in range(int(number))]
    moved = dict(zip(order, found, strict=True))
    return [moved[at] for at in range(len(places))]


def end_names(curve: pd.DataFrame, y: alt.Y, top: float, across: int, height: int, limit: int) -> View:
    """The name of each curve at the right of its last point, moved apart where they would cover each other.

    Parameters
    ----------
    curve : series (a name may have several lines), step, mean and, for words in other inks than the theme's, colour.
    y, top : the axis, which is from 0 to `top`.
    across, height, limit : of the plot and of a name, in pixels.
    """
    ends = curve.dropna(subset="mean").sort_values("step", kind="stable").groupby("series", sort=False).tail(1)
    gap = (AXIS_SIZE + 3) * max([1 + name.count(BREAK) for name in ends["series"]], default=1)
    places = spread([height * (1 - value / top) for value in ends["mean"]], gap, 0, height)
    named = pd.DataFrame({"name": ends["series"].to_numpy(), "up": [top * (1 - place / height) for place in places]})
    text = View(named.assign(ink=ends["colour"].to_numpy() if "colour" in ends else None))
    channels = {"color": alt.Color(field="ink", type="nominal", scale=None)} if "colour" in ends else {}
    return text.mark_text(
        align="left", baseline="middle", fontSize=AXIS_SIZE, color=INK, limit=limit, dx=8, lineBreak=BREAK
    ).encode(x=alt.XValue(across), y=on(y, "up"), text=alt.Text(field="name", type="nominal"), **channels)


def row_names(field: str, order: Sequence, pixels: int, title: str | None = None, *, ruled: bool = False) -> alt.Y:
    """One row per value, from the top, with `pixels` for the names; `ruled` rows have lines between them."""
    return alt.Y(
        field=field,
        type="nominal",
        scale=alt.Scale(domain=list(order)),
        title=title,
        axis=alt.Axis(
            labelLimit=pixels,
            minExtent=pixels,
            maxExtent=pixels,
            grid=ruled,
            tickBand="extent" if ruled else "center",
            gridOpacity=0.6,
            labelOverlap=False,  # every row has its name, at its height
            labelFlush=False,
        ),
    )


def faceted(field: str, order: Sequence[str], title: str | None = None, **header) -> alt.Facet:
    """Panels in this order, each with its name above it; one `title` stands for all of them."""
    style = {"labelAnchor": "start", "labelFontSize": LABEL_SIZE + 1, "labelColor": INK, "labelPadding": 8} | header
    return alt.Facet(field=field, type="nominal", sort=list(order), header=alt.Header(title=title, **style))


def dots(
    view: View, x: alt.X, lo: str, hi: str, *, hollow: str, tooltip: Mapping[str, str], size: float = 95, **channels
) -> list[View]:
    """Dots with whiskers from `lo` to `hi`: filled, or rings where the expression `hollow` is true.

    `channels` are those all marks share: y, colour, offset; `size` is that of a dot in square pixels.
    """
    return [
        view.mark_rule(strokeWidth=2, opacity=0.75, clip=True).encode(x=on(x, lo), x2=alt.X2(field=hi), **channels),
        view.mark_point(filled=True, opacity=1, size=size, clip=True).encode(x=x, tooltip=told(tooltip), **channels),
        view.transform_filter(hollow)
        .mark_point(filled=True, opacity=1, size=0.36 * size, clip=True)
        .encode(x=x, tooltip=told(tooltip), **channels | {"color": alt.ColorValue(HALO)}),
    ]
