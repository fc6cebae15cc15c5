"""Barcode and persistence diagram, linked both ways: the nearest bar answers, and the bars alive at a distance."""

from collections.abc import Collection, Mapping

import altair as alt
import pandas as pd

from phcore.figures.charts.bars import CAP, CLASSES, HEAD, barcode_rows, group_words, shape_answer, thickness
from phcore.figures.charts.growth import distance_rule, rule
from phcore.figures.charts.linking import link, near, nearest_tooltip, picked
from phcore.figures.charts.theme import (
    ACCENT,
    CANVAS,
    FAINT,
    FULL_WIDTH,
    INK,
    LABEL_SIZE,
    MARK,
    SOFT,
    TONE,
    distance_position,
    framed,
)
from phcore.figures.charts.view import View

PARAM = "bar"  # name of the click selection, and its field
_SHAPES = ["circle", "triangle-up"]
_PADDING = 20  # pixels around what is drawn, so that the outermost marks and the sign of the infinite bar are whole


def barcode_and_diagram(
    bars: pd.DataFrame,
    *,
    domain: tuple[float, float],
    cap: int = CAP,
    order: str = "birth",
    at: float | None = None,
    unit: str = "distance",
    question: str | None = "What shape is this cloud?",
    answer: str | None = None,
    width: int = FULL_WIDTH,
    height: int = 500,
    stacked: bool = False,
) -> alt.HConcatChart | alt.VConcatChart:
    """Barcode and diagram of one cell. Hover marks the nearest bar in both; a click chooses it (`bar`).

    The selected bar is a column of the data (`held`, see `barcode_now`): it may come from a click here, from a
    list beside the chart or from a link, and all must agree.

    Parameters
    ----------
    bars : degree, birth, death, subsample: one subsample of a cell, or all of them; finite bars only. The
        one infinite H0 bar is drawn in addition, up to the end of the axis.
    domain : of all axes, e.g. `bars_domain` of the bars of every cell that shall share them.
    cap : how many distinct bars at most, see `cap_bars`; the caller says "showing k of n".
    order : of the rows within a degree: "birth" (then death), "death" or "persistence".
    at : a distance: bars alive at it stand out, and a line marks it. None: no line. `barcode_now` moves it.
    unit : of births and deaths, from `unit_words`.
    question, answer : title and subtitle; the answer is computed when it is not given.
    width, height : of the whole chart, and of the barcode and the diagram, which is a square.
    stacked : the diagram below the barcode, for two cells side by side.
    """
    if answer is None:
        answer = shape_answer(bars, unit)
    side = width - 80 if stacked else height
    across = width - 80 if stacked else width - side - 120
    rows, pitch = barcode_rows(bars, cap=cap, order=order, end=domain[1], height=height)
    rows = _now(rows, at, None, ())
    line = None if at is None else View(distance_rule(at))
    hover, click = near("near_bar", PARAM), picked(PARAM)
    selected = {"or": ["datum.held", {"param": "near_bar", "empty": False}]}
    tooltip = _tooltip(rows)
    barcode = [
        *_bars(selected, domain, unit, thickness(pitch), across, height),
        *([] if line is None else [rule(line, distance_position(alt.X, "at", domain, unit, _PADDING))]),
        *_names(rows, group_words(bars, cap), height),
        _strips(across, height, tooltip),
    ]
    join = alt.vconcat if stacked else alt.hconcat
    chart = join(
        alt.layer(*barcode, width=across, height=height),
        alt.layer(
            *_quadrant(line, domain, unit),
            *_points(selected, domain, unit, len(rows), tooltip),
            *_key(domain, side),
            width=side,
            height=side,
        ),
        data=rows,
        usermeta=CANVAS,
        # Stacked, the two plots begin at the same left edge.
        **({"bounds": "flush", "spacing": 70} if stacked else {"spacing": 30}),
        **framed(question, answer, width),
    )
    return link(chart, [hover, click])


def barcode_now(
    tables: Mapping[str, pd.DataFrame], at: float | None = None, held: str | None = None, marked: Collection[str] = ()
) -> dict[str, pd.DataFrame]:
    """The tables of a standing chart at another distance, with another selected bar and others marked, by name."""
    return {name: _now_table(table, at, held, marked) for name, table in tables.items()}


def _now_table(table: pd.DataFrame, at: float | None, held: str | None, marked: Collection[str]) -> pd.DataFrame:
    if set(table) == {"at"}:
        return distance_rule(at)
    return _now(table, at, held, marked) if "alive" in table else table


def _now(rows: pd.DataFrame, at: float | None, held: str | None, marked: Collection[str]) -> pd.DataFrame:
    alive = True if at is None else (rows["birth"] <= at) & ((rows["death"] > at) | rows["endless"])
    return rows.assign(alive=alive, held=rows["bar"] == held, marked=rows["bar"].isin(marked))


def _quadrant(line: View | None, domain, unit: str) -> list[View]:
    """Where the bars alive at the distance lie in the diagram: born to the left of it, dead above it."""
    if line is None:
        return []
    x, y = (
        distance_position(alt.X, "at", domain, f"birth ({unit})", _PADDING),
        distance_position(alt.Y, "at", domain, "", _PADDING),
    )
    y.title = f"death ({unit})"
    style = {"color": INK, "strokeWidth": 1.5, "opacity": 0.75, "clip": True}
    return [
        line.mark_rule(**style).encode(x=x, y=y, y2=alt.Y2Value(0)),
        line.mark_rule(**style).encode(x=x, y=y, x2=alt.X2Value(0)),
    ]


def _bars(selected, domain, unit, thick: int, across: int, height: int) -> list[View]:
    """The bars, the sign on the infinite one, and the marks of the selected bar; data from the chart."""
    x, y = distance_position(alt.X, "birth", domain, unit, _PADDING), _place(height)
    death = alt.X2(field="death")
    end = (
        View()
        .transform_filter("datum.endless")
        .encode(x=distance_position(alt.X, "death", domain, unit, _PADDING), y=y)
    )
    held = View().transform_filter(selected)
    return [
        View()
        .mark_rule(clip=True, strokeWidth=thick)
        .encode(x=x, x2=death, y=y, color=_colour(), opacity=_strength(1.0)),
        View()
        .transform_filter("datum.marked")
        .mark_rule(clip=True, strokeWidth=max(2, thick), color=MARK, opacity=0.8)
        .encode(x=x, x2=death, y=y),
        end.mark_point(shape="triangle-right", filled=True, size=70, opacity=1, color=TONE),
        _infinity(end),
        # The hairline finds the bars that are too short to be seen.
        held.mark_rule(strokeWidth=1, color=ACCENT, opacity=0.5).encode(x=alt.XValue(0), x2=alt.X2Value(across), y=y),
        held.mark_rule(clip=True, strokeWidth=max(4, thick), strokeCap="round", color=ACCENT).encode(
            x=x, x2=death, y=y
        ),
    ]


def _strips(across: int, height: int, tooltip: alt.TooltipValue) -> View:
    """What the pointer meets in the barcode.

    One point per row in a vertical line: the regions nearest to each (Voronoi cells) are horizontal strips,
    so the bar at the height of the pointer answers wherever along it the pointer is.
    """
    points = View(name="barcode").mark_point(opacity=0, size=1, cursor="pointer")
    return points.encode(x=alt.XValue(across / 2), y=_place(height), tooltip=tooltip)


def _names(rows: pd.DataFrame, words: dict[int, str], height: int) -> list[View]:
    """A line above each degree's bars: its mark, its name, its number of bars."""
    tops = rows.groupby("degree", as_index=False).agg(y=("y", "min"), **{"class": ("class", "first")})
    tops = tops.assign(y=tops["y"] - HEAD / 2, words=[words[degree] for degree in tops["degree"]])
    return [
        View(tops)
        .mark_point(filled=True, opacity=1, size=60)
        .encode(x=alt.XValue(6), y=_place(height), color=_colour(), shape=_shape()),
        View(tops)
        .mark_text(align="left", baseline="middle", fontSize=LABEL_SIZE, color=SOFT)
        .encode(x=alt.XValue(17), y=_place(height), text=alt.Text(field="words", type="nominal")),
    ]


def _points(selected, domain, unit, number: int, tooltip: alt.TooltipValue) -> list[View]:
    """The diagram; data from the chart."""
    x = distance_position(alt.X, "birth", domain, f"birth ({unit})", _PADDING)
    y = distance_position(alt.Y, "death", domain, f"death ({unit})", _PADDING)
    ends = pd.DataFrame({"birth": list(domain), "death": list(domain)})
    size = 46 if number <= 150 else 30 if number <= 300 else 20
    held = View().transform_filter(selected)
    meets = View(name="diagram").mark_point(opacity=0, size=1, cursor="pointer", clip=True)
    return [
        View(ends).mark_line(color=FAINT, strokeWidth=1.5).encode(x=x, y=y),
        View()
        .mark_point(filled=True, size=size, clip=True)
        .encode(x=x, y=y, color=_colour(), shape=_shape(), opacity=_strength(0.8)),
        View()
        .transform_filter("datum.marked")
        .mark_point(filled=True, size=2 * size, color=MARK, opacity=0.8, clip=True)
        .encode(x=x, y=y, shape=_shape()),
        _infinity(View().transform_filter("datum.endless").encode(x=x, y=y)),
        held.mark_point(filled=True, opacity=1, size=150, color=ACCENT, clip=True).encode(x=x, y=y, shape=_shape()),
        meets.encode(x=x, y=y, tooltip=tooltip),
    ]


def _key(domain: tuple[float, float], side: int) -> list[View]:
    """The key, below the diagonal, where no bar can be."""
    per_pixel = (domain[1] - domain[0]) / (side - 2 * _PADDING)

    def at(pixels: float) -> float:
        return domain[0] + (pixels - _PADDING) * per_pixel

    places = pd.DataFrame({"class": list(CLASSES), "y": [at(44), at(24)], "mark": at(side - 116)})
    places["text"] = at(side - 104)
    x, y = alt.X(field="mark", type="quantitative"), alt.Y(field="y", type="quantitative")
    text = View(places).mark_text(align="left", baseline="middle", fontSize=LABEL_SIZE, color=SOFT)
    return [
        View(places).mark_point(filled=True, opacity=1, size=60).encode(x=x, y=y, color=_colour(), shape=_shape()),
        text.encode(x=alt.X(field="text", type="quantitative"), y=y, text=alt.Text(field="class", type="nominal")),
    ]


def _infinity(end: View) -> View:
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


def _place(height: int) -> alt.Y:
    """A position in pixels from the top."""
    scale = alt.Scale(domain=[0, height], reverse=True, nice=False)
    return alt.Y(field="y", type="quantitative", scale=scale, axis=None)


def _strength(full: float) -> dict:
    """Bars that are not alive at the distance step back."""
    return alt.condition("datum.alive", alt.value(full), alt.value(0.3 * full))


def _colour() -> alt.Color:
    """Tone of each degree: never an objective's colour."""
    scale = alt.Scale(domain=list(CLASSES), range=[TONE, INK])
    return alt.Color(field="class", type="nominal", scale=scale, legend=None)


def _shape() -> alt.Shape:
    scale = alt.Scale(domain=list(CLASSES), range=_SHAPES)
    return alt.Shape(field="class", type="nominal", scale=scale, legend=None)
