"""Barcode and persistence diagram, linked both ways: the nearest bar answers."""

import altair as alt
import pandas as pd

from phcore.charts.bars import CAP, CLASSES, HEAD, barcode_rows, group_words, shape_answer, thickness
from phcore.charts.linking import link, near, nearest_tooltip, picked
from phcore.charts.theme import ACCENT, FAINT, FULL_WIDTH, INK, LABEL_SIZE, SOFT, TONE, framed

PARAM = "bar"  # name of the click selection, and its field
_SHAPES = ["circle", "triangle-up"]


def barcode_and_diagram(
    bars: pd.DataFrame,
    *,
    domain: tuple[float, float],
    cap: int = CAP,
    order: str = "birth",
    selected: str | None = None,
    unit: str = "distance",
    question: str | None = "What shape is this cloud?",
    answer: str | None = None,
    width: int = FULL_WIDTH,
    height: int = 500,
    stacked: bool = False,
) -> alt.HConcatChart | alt.VConcatChart:
    """Barcode and diagram of one cell. Hover marks the nearest bar in both; a click keeps it (`bar`).

    Parameters
    ----------
    bars : degree, birth, death, subsample: one subsample of a cell, or all of them; finite bars only. The
        one infinite H0 bar is drawn in addition, up to the end of the axis.
    domain : of all axes, e.g. `bars_domain` of the bars of every cell that shall share them.
    cap : how many distinct bars at most, see `cap_bars`; the caller says "showing k of n".
    order : of the rows within a degree: "birth" (then death), "death" or "persistence".
    selected : name of the bar to start with (from a link), as in the column `bar` of `cap_bars`.
    unit : of births and deaths, from `unit_words`.
    question, answer : title and subtitle; the answer is computed when it is not given.
    width, height : of the whole chart, and of the barcode and the diagram, which is a square.
    stacked : the diagram below the barcode, for two cells side by side.
    """
    if answer is None:
        answer = shape_answer(bars, unit)
    side = min(width - 80, height) if stacked else height
    barcode_width = width - 80 if stacked else width - side - 120
    rows, pitch = barcode_rows(bars, cap=cap, order=order, end=domain[1], height=height)
    hover, click = near("near_bar", PARAM), picked(PARAM, selected)
    barcode = _barcode(rows, hover | click, domain, unit, pitch, barcode_width, height)
    barcode = barcode + _names(rows, group_words(bars, cap), height) + _strips(rows, barcode_width, height)
    diagram = _diagram(rows, hover | click, domain, unit, side)
    join = alt.vconcat if stacked else alt.hconcat
    chart = join(
        barcode.properties(width=barcode_width, height=height),
        diagram.properties(width=side, height=side),
        # Stacked, the two plots begin at the same left edge.
        **({"bounds": "flush", "spacing": 70} if stacked else {"spacing": 30}),
    )
    return link(framed(chart, question, answer, width), [hover, click])


def _barcode(rows, in_hand, domain, unit, pitch, width, height) -> alt.LayerChart:
    x, y = _value(alt.X, "birth", domain, unit, padding=20), _place(height)
    base = alt.Chart(rows).encode(x=x, y=y)
    bars = base.mark_rule(clip=True, strokeWidth=thickness(pitch)).encode(x2=alt.X2(field="death"), color=_colour())
    end = alt.Chart(rows[rows["endless"]]).encode(x=_value(alt.X, "death", domain, unit, padding=20), y=y)
    arrow = end.mark_point(shape="triangle-right", filled=True, size=70, opacity=1, color=TONE)
    # The hairline finds the bars that are too short to be seen.
    hairline = (
        alt.Chart(rows)
        .mark_rule(strokeWidth=1, color=ACCENT, opacity=0.5)
        .encode(x=alt.value(0), x2=alt.value(width), y=y)
    )
    marked = base.mark_rule(clip=True, strokeWidth=max(4, thickness(pitch)), strokeCap="round", color=ACCENT).encode(
        x2=alt.X2(field="death")
    )
    return alt.layer(bars, arrow, _infinity(end), hairline.transform_filter(in_hand), marked.transform_filter(in_hand))


def _strips(rows: pd.DataFrame, width: int, height: int) -> alt.Chart:
    """What the pointer meets in the barcode.

    One point per row in a vertical line: the regions nearest to each (Voronoi cells) are horizontal strips,
    so the bar at the height of the pointer answers wherever along it the pointer is.
    """
    points = alt.Chart(rows, name="barcode").mark_point(opacity=0, size=1, cursor="pointer")
    return points.encode(x=alt.value(width / 2), y=_place(height), tooltip=_tooltip(rows))


def _names(rows: pd.DataFrame, words: dict[int, str], height: int) -> alt.LayerChart:
    """A line above each degree's bars: its mark, its name, its number of bars."""
    tops = rows.groupby("degree", as_index=False).agg(y=("y", "min"), **{"class": ("class", "first")})
    tops["y"] -= HEAD / 2
    tops["words"] = [words[degree] for degree in tops["degree"]]
    names = alt.Chart(tops).encode(y=_place(height))
    mark = names.mark_point(filled=True, opacity=1, size=60).encode(x=alt.value(6), color=_colour(), shape=_shape())
    text = names.mark_text(align="left", baseline="middle", fontSize=LABEL_SIZE, color=SOFT).encode(
        x=alt.value(17), text=alt.Text(field="words", type="nominal")
    )
    return alt.layer(mark, text)


def _diagram(rows, in_hand, domain, unit, side) -> alt.LayerChart:
    x = _value(alt.X, "birth", domain, f"birth ({unit})", padding=10)
    y = _value(alt.Y, "death", domain, f"death ({unit})", padding=10)
    ends = pd.DataFrame({"birth": list(domain), "death": list(domain)})
    diagonal = alt.Chart(ends).mark_line(color=FAINT, strokeWidth=1.5).encode(x=x, y=y)
    base = alt.Chart(rows).encode(x=x, y=y, shape=_shape())
    size = 46 if len(rows) <= 150 else 30 if len(rows) <= 300 else 20
    points = base.mark_point(filled=True, opacity=0.75, size=size, clip=True).encode(color=_colour())
    end = alt.Chart(rows[rows["endless"]]).encode(x=x, y=y)
    marked = base.mark_point(filled=True, opacity=1, size=150, color=ACCENT, clip=True)
    meets = alt.Chart(rows, name="diagram").mark_point(opacity=0, size=1, cursor="pointer", clip=True)
    return alt.layer(
        diagonal,
        points,
        _infinity(end),
        marked.transform_filter(in_hand),
        _key(side),
        meets.encode(x=x, y=y, tooltip=_tooltip(rows)),
    )


def _key(side: int) -> alt.LayerChart:
    """The key, below the diagonal, where no bar can be."""
    parts = []
    for place, name in enumerate(CLASSES):
        one = alt.Chart(pd.DataFrame({"class": [name]})).encode(y=alt.value(side - 44 + 20 * place))
        mark = one.mark_point(filled=True, opacity=1, size=60)
        text = one.mark_text(align="left", baseline="middle", fontSize=LABEL_SIZE, color=SOFT, text=name)
        parts += [
            mark.encode(x=alt.value(side - 116), color=_colour(), shape=_shape()),
            text.encode(x=alt.value(side - 104)),
        ]
    return alt.layer(*parts)


def _infinity(end: alt.Chart) -> alt.Chart:
    return end.mark_text(text="∞", align="left", dx=8, fontSize=LABEL_SIZE + 3, color=SOFT, baseline="middle")


def _tooltip(rows: pd.DataFrame) -> alt.TooltipValue:
    fields = {
        "class": "bar",
        "birth_words": "birth",
        "death_words": "death",
        "persistence_words": "persistence",
        "subsample_words": "subsample",
    }
    if rows["subsamples"].max() > 1:
        fields["subsample_words"] = "in subsamples"
    elif rows["multiplicity"].max() > 1:
        fields["multiplicity"] = "identical bars"
    return nearest_tooltip(fields)


def _value(channel: type, field: str, domain: tuple[float, float], title: str, padding: int):
    """A position in filtration values; the padding keeps the marks at the ends whole."""
    return channel(
        field=field,
        type="quantitative",
        scale=alt.Scale(domain=list(domain), nice=False, zero=False, padding=padding),
        axis=alt.Axis(tickCount=6, gridOpacity=0.6, labelFlush=False),
        title=title,
    )


def _place(height: int) -> alt.Y:
    """A position in pixels from the top."""
    scale = alt.Scale(domain=[0, height], reverse=True, nice=False)
    return alt.Y(field="y", type="quantitative", scale=scale, axis=None)


def _colour() -> alt.Color:
    """Tone of each degree: never an objective's colour."""
    scale = alt.Scale(domain=list(CLASSES), range=[TONE, INK])
    return alt.Color(field="class", type="nominal", scale=scale, legend=None)


def _shape() -> alt.Shape:
    scale = alt.Scale(domain=list(CLASSES), range=_SHAPES)
    return alt.Shape(field="class", type="nominal", scale=scale, legend=None)
