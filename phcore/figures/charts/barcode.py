"""Barcode and persistence diagram, linked both ways: the nearest bar answers, and the bars alive at a distance."""

from collections.abc import Collection, Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from phcore.figures.charts.bars import CAP, CLASSES, HEAD, barcode_rows, group_words, shape_answer, thickness
from phcore.figures.charts.channels import View, distance, on
from phcore.figures.charts.growth import distance_rule, rule
from phcore.figures.charts.linking import answering, link, near, picked
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
    framed,
)

PARAM = "bar"  # name of the click selection, and its field
# Tone and shape of each degree: never an objective's colour.
_COLOUR, _SHAPE = (
    channel(field="class", type="nominal", scale=alt.Scale(domain=list(CLASSES), range=looks), legend=None)
    for channel, looks in ((alt.Color, [TONE, INK]), (alt.Shape, ["circle", "triangle-up"]))
)
_WORDS = {"align": "left", "baseline": "middle", "fontSize": LABEL_SIZE, "color": SOFT}
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
    noise: Sequence[float] | None = None,
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
    noise : persistence up to which a bar of each degree is pale; None: no bar is.
    """
    if answer is None:
        answer = shape_answer(bars, unit)
    side = width - 80 if stacked else height
    across = width - 80 if stacked else width - side - 120
    rows, pitch = barcode_rows(bars, cap=cap, order=order, end=domain[1], height=height)
    rows = _now(_beyond(rows, noise), at, None, ())
    line = None if at is None else View(distance_rule(at))
    hover, click = near("near_bar", PARAM), picked(PARAM)
    selected = {"or": ["datum.held", {"param": "near_bar", "empty": False}]}
    told = _told(rows)
    along = distance(alt.X, "birth", unit, domain, padding=_PADDING)
    x = distance(alt.X, "birth", f"birth ({unit})", domain, padding=_PADDING)
    y = distance(alt.Y, "death", f"death ({unit})", domain, padding=_PADDING)
    barcode = [
        *_bars(selected, along, thickness(pitch), across, height),
        *([] if line is None else [rule(line, along)]),
        *_names(rows, group_words(bars, cap), height),
        _strips(across, height, told),
    ]
    join = alt.vconcat if stacked else alt.hconcat
    chart = join(
        alt.layer(*barcode, width=across, height=height),
        alt.layer(
            *_band(noise, domain, x, y),
            *_quadrant(line, x, y),
            *_points(selected, x, y, domain, len(rows), told),
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

    def now(table: pd.DataFrame) -> pd.DataFrame:
        if set(table) == {"at"}:
            return distance_rule(at)
        return _now(table, at, held, marked) if "alive" in table else table

    return {name: now(table) for name, table in tables.items()}


def _now(rows: pd.DataFrame, at: float | None, held: str | None, marked: Collection[str]) -> pd.DataFrame:
    alive = True if at is None else (rows["birth"] <= at) & ((rows["death"] > at) | rows["endless"])
    return rows.assign(alive=alive, held=rows["bar"] == held, marked=rows["bar"].isin(marked))


def _beyond(rows: pd.DataFrame, noise: Sequence[float] | None) -> pd.DataFrame:
    """With a column that says which bars are longer than noise."""
    if noise is None:
        return rows.assign(beyond=True)
    return rows.assign(beyond=rows["death"] - rows["birth"] > rows["degree"].map(dict(enumerate(noise))))


def _band(noise: Sequence[float] | None, domain: tuple[float, float], x: alt.X, y: alt.Y) -> list[View]:
    """What loops of noise reach, as a band along the diagonal."""
    if noise is None:
        return []
    ends = np.array(domain)
    strip = View(pd.DataFrame({"birth": ends, "death": ends, "noise": ends + noise[1]}))
    return [strip.mark_area(color=FAINT, opacity=0.35, clip=True).encode(x=x, y=y, y2=alt.Y2(field="noise"))]


def _quadrant(line: View | None, x: alt.X, y: alt.Y) -> list[View]:
    """Where the bars alive at the distance lie in the diagram: born to the left of it, dead above it."""
    if line is None:
        return []
    corner = line.mark_rule(color=INK, strokeWidth=1.5, opacity=0.75, clip=True).encode(x=on(x, "at"), y=on(y, "at"))
    return [corner.encode(y2=alt.Y2Value(0)), corner.encode(x2=alt.X2Value(0))]


def _bars(selected, x: alt.X, thick: int, across: int, height: int) -> list[View]:
    """The bars, the sign on the infinite one, and the marks of the selected bar; data from the chart."""
    y, death = _place(height), alt.X2(field="death")
    end = View().transform_filter("datum.endless").encode(x=on(x, "death"), y=y)
    bar = View().encode(x=x, x2=death, y=y)
    marked, held = bar.transform_filter("datum.marked"), bar.transform_filter(selected)
    return [
        bar.mark_rule(clip=True, strokeWidth=thick).encode(color=_COLOUR, opacity=_strength(1.0)),
        marked.mark_rule(clip=True, strokeWidth=max(2, thick), color=MARK, opacity=0.8),
        end.mark_point(shape="triangle-right", filled=True, size=70, opacity=1, color=TONE),
        _infinity(end),
        # The hairline finds the bars that are too short to be seen.
        held.mark_rule(strokeWidth=1, color=ACCENT, opacity=0.5).encode(x=alt.XValue(0), x2=alt.X2Value(across)),
        held.mark_rule(clip=True, strokeWidth=max(4, thick), strokeCap="round", color=ACCENT),
    ]


def _strips(across: int, height: int, told: Mapping[str, str]) -> View:
    """What the pointer meets in the barcode.

    One point per row in a vertical line: the regions nearest to each (Voronoi cells) are horizontal strips,
    so the bar at the height of the pointer answers wherever along it the pointer is.
    """
    return answering(View(), "barcode", told).encode(x=alt.XValue(across / 2), y=_place(height))


def _names(rows: pd.DataFrame, words: dict[int, str], height: int) -> list[View]:
    """A line above each degree's bars: its mark, its name, its number of bars."""
    tops = rows.groupby("degree", as_index=False).agg(y=("y", "min"), **{"class": ("class", "first")})
    tops = tops.assign(y=tops["y"] - HEAD / 2, words=[words[degree] for degree in tops["degree"]])
    top = View(tops).encode(y=_place(height))
    return [
        top.mark_point(filled=True, opacity=1, size=60).encode(x=alt.XValue(6), color=_COLOUR, shape=_SHAPE),
        top.mark_text(**_WORDS).encode(x=alt.XValue(17), text=alt.Text(field="words", type="nominal")),
    ]


def _points(selected, x: alt.X, y: alt.Y, domain, number: int, told: Mapping[str, str]) -> list[View]:
    """The diagram; data from the chart."""
    ends = pd.DataFrame({"birth": list(domain), "death": list(domain)})
    size = 46 if number <= 150 else 30 if number <= 300 else 20
    point = View().encode(x=x, y=y)
    marked, held = (point.transform_filter(kind).encode(shape=_SHAPE) for kind in ("datum.marked", selected))
    return [
        View(ends).mark_line(color=FAINT, strokeWidth=1.5).encode(x=x, y=y),
        point.mark_point(filled=True, size=size, clip=True).encode(color=_COLOUR, shape=_SHAPE, opacity=_strength(0.8)),
        marked.mark_point(filled=True, size=2 * size, color=MARK, opacity=0.8, clip=True),
        _infinity(point.transform_filter("datum.endless")),
        held.mark_point(filled=True, opacity=1, size=150, color=ACCENT, clip=True),
        answering(point, "diagram", told, clip=True),
    ]


def _key(domain: tuple[float, float], side: int) -> list[View]:
    """The key, below the diagonal, where no bar can be."""
    per_pixel = (domain[1] - domain[0]) / (side - 2 * _PADDING)

    def at(pixels: float) -> float:
        return domain[0] + (pixels - _PADDING) * per_pixel

    places = pd.DataFrame({"class": list(CLASSES), "y": [at(44), at(24)], "mark": at(side - 116)})
    places["text"] = at(side - 104)
    x, y = alt.X(field="mark", type="quantitative"), alt.Y(field="y", type="quantitative")
    text = View(places).mark_text(**_WORDS)
    return [
        View(places).mark_point(filled=True, opacity=1, size=60).encode(x=x, y=y, color=_COLOUR, shape=_SHAPE),
        text.encode(x=alt.X(field="text", type="quantitative"), y=y, text=alt.Text(field="class", type="nominal")),
    ]


def _infinity(end: View) -> View:
    return end.mark_text(text="∞", align="left", dx=8, fontSize=LABEL_SIZE + 3, color=SOFT, baseline="middle")


def _told(rows: pd.DataFrame) -> dict[str, str]:
    """Of the tooltip: column -> its name on screen."""
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
    return fields


def _place(height: int) -> alt.Y:
    """A position in pixels from the top."""
    scale = alt.Scale(domain=[0, height], reverse=True, nice=False)
    return alt.Y(field="y", type="quantitative", scale=scale, axis=None)


def _strength(full: float) -> dict:
    """Bars that are not alive at the distance step back, and those that are no longer than noise."""
    shades = [("datum.alive && datum.beyond", full), ("datum.alive", 0.45 * full), ("datum.beyond", 0.4 * full)]
    return {"condition": [{"test": test, "value": value} for test, value in shades], "value": 0.18 * full}
