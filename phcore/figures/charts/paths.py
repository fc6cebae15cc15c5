"""The path of each objective from the shared base through a plane."""

from collections.abc import Iterable
from itertools import pairwise
from math import cos, pi, sin

import altair as alt
import pandas as pd

from phcore.figures.charts.answers import feature_answer, path_answer
from phcore.figures.charts.curve_rows import runs
from phcore.figures.charts.linking import link, near, nearest_tooltip, picked
from phcore.figures.charts.moving import moving
from phcore.figures.charts.steps import PARAM
from phcore.figures.charts.theme import (
    BASE_COLOUR,
    FLOOR,
    HALF_WIDTH,
    HALO,
    INK,
    LABEL_SIZE,
    SOFT,
    Y_AXIS,
    framed,
    objective_scale,
    run_dash,
)
from phcore.figures.charts.view import View
from phcore.formatting import three

_Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels

# Where a name may stand around the end of its path: pixels across and down, in order of preference.
_AROUND = (
    (12, 0, "left"),
    (-12, 0, "right"),
    (0, -17, "center"),
    (0, 17, "center"),
    (10, -15, "left"),
    (10, 15, "left"),
    (-10, -15, "right"),
    (-10, 15, "right"),
    (0, -32, "center"),
    (0, 32, "center"),
)


def path_chart(
    paths: pd.DataFrame,
    *,
    x_title: str,
    y_title: str,
    selected_step: int | None = None,
    floor_radius: float | None = None,
    equal: bool = True,
    question: str | None = "Where does each objective go?",
    answer: str | None = None,
    objectives: Iterable[str] | None = None,
    width: int = HALF_WIDTH,
    height: int = 440,
) -> alt.LayerChart:
    """Lines from the base through the checkpoints, marks growing with the step. Clicks choose `step`.

    Parameters
    ----------
    paths : series, objective, step, x, y; step 0 of each series is the base.
    x_title, y_title : what the axes are, with unit. For two features of the summary, pass equal=False.
    floor_radius : of a grey disc around the base, in the unit of the axes: what resampling alone gives.
    equal : one unit is as long on both axes, as distances in the plane need it.
    width, height : of the chart and of the plot in pixels (an equal aspect needs both).
    """
    if answer is None:
        answer = path_answer(paths, floor_radius) if equal else feature_answer(paths)
    across = width - Y_AXIS
    frame = _Frame(paths, floor_radius or 0.0, equal, across, height)
    x, y = frame.channel(alt.X, "x", x_title), frame.channel(alt.Y, "y", y_title)
    table = _grown(paths)
    shown = moving(lambda step: table.assign(selected=table["step"] == step), selected_step)
    colour = alt.Color(
        field="objective",
        type="nominal",
        scale=objective_scale(paths["objective"].unique(), objectives),
        legend=None,
    )
    size = alt.Size(field="grown", type="quantitative", scale=alt.Scale(domain=[0, 1], range=[14, 110]), legend=None)
    hover = near("near_step", PARAM)
    lines = View().mark_line(strokeWidth=2, opacity=0.8)
    points = View().transform_filter("datum.step > 0").mark_point(filled=True, opacity=1)
    ring = View().mark_point(filled=False, color=INK, size=230, strokeWidth=1, opacity=0.6)
    pointer = View(name="path").mark_point(opacity=0, size=1, cursor="pointer")
    told = {"series": "series", "step_words": "step", "x_words": _short(x_title), "y_words": _short(y_title)}
    chart = alt.layer(
        *_disc(table, floor_radius, x, y),
        lines.encode(
            x=x,
            y=y,
            color=colour,
            strokeDash=run_dash(table["run"]),
            detail=alt.Detail(field="series", type="nominal"),
            order=alt.Order(field="step", type="quantitative"),
        ),
        points.encode(x=x, y=y, color=colour, size=size),
        ring.encode(x=x, y=y).transform_filter(hover),
        *_selected(selected_step, x, y, colour, across),
        *_base(table, x, y),
        *_names(table, frame, x, y, colour),
        pointer.encode(x=x, y=y, tooltip=nearest_tooltip(told)),
        data=shown,
        width=across,
        height=height,
        **framed(question, answer, width),
    )
    return link(chart, [hover, picked(PARAM)])


class _Frame:
    """The window on the plane, in data and in pixels."""

    def __init__(self, paths: pd.DataFrame, around_base: float, equal: bool, width: int, height: int):
        spans = []
        for column in ("x", "y"):
            values = paths[column].dropna()
            start = paths.loc[paths["step"] == 0, column].dropna()
            low, high = (float(values.min()), float(values.max())) if len(values) else (-1.0, 1.0)
            if len(start):
                low, high = min(low, start.iloc[0] - around_base), max(high, start.iloc[0] + around_base)
            if high == low:
                low, high = low - 0.5, high + 0.5
            spans.append((low, high))
        inner = (width * 0.8, height * 0.84)  # the margin holds the names at the ends
        self.per_pixel = [(high - low) / pixels for (low, high), pixels in zip(spans, inner, strict=True)]
        if equal:
            self.per_pixel = [max(self.per_pixel)] * 2
        self.domains = [
            ((low + high) / 2 - unit * pixels / 2, (low + high) / 2 + unit * pixels / 2)
            for (low, high), unit, pixels in zip(spans, self.per_pixel, (width, height), strict=True)
        ]
        self.width, self.height = width, height

    def channel(self, channel: type, field: str, title: str):
        return channel(
            field=field,
            type="quantitative",
            scale=alt.Scale(domain=list(self.domains[field == "y"]), nice=False, zero=False),
            axis=alt.Axis(tickCount=6, gridOpacity=0.6, labelFlush=False),
            title=title,
        )

    def pixels(self, x: float, y: float) -> tuple[float, float]:
        """From the left and from the top."""
        (left, _), (_, top) = self.domains
        return (x - left) / self.per_pixel[0], (top - y) / self.per_pixel[1]

    def data(self, across: float, down: float) -> tuple[float, float]:
        (left, _), (_, top) = self.domains
        return left + across * self.per_pixel[0], top - down * self.per_pixel[1]


def _grown(paths: pd.DataFrame) -> pd.DataFrame:
    """The points with their rank along the path (0 to 1), their run within the objective and their words."""
    table = paths.dropna(subset=["x", "y"]).sort_values(["series", "step"], ignore_index=True)
    rank = table.groupby("series")["step"].rank(method="dense") - 1
    longest = rank.groupby(table["series"]).transform("max").clip(lower=1)
    return table.assign(
        grown=rank / longest,
        run=runs(table),
        step_words=[f"{int(step):,}" if step else "0 (base)" for step in table["step"]],
        x_words=[three(value) for value in table["x"]],
        y_words=[three(value) for value in table["y"]],
    )


def _base(table: pd.DataFrame, x: alt.X, y: alt.Y) -> list[View]:
    base = View(table[table["step"] == 0].head(1)).encode(x=x, y=y)
    return [base.mark_point(shape="diamond", filled=True, color=BASE_COLOUR, size=170, opacity=1)]


def _disc(table: pd.DataFrame, radius: float | None, x: alt.X, y: alt.Y) -> list[View]:
    start = table[table["step"] == 0]
    if not radius or start.empty:
        return []
    x0, y0 = start[["x", "y"]].iloc[0]
    turn = [2 * pi * i / 72 for i in range(73)]
    rim = pd.DataFrame({"x": [x0 + radius * cos(a) for a in turn], "y": [y0 + radius * sin(a) for a in turn]})
    disc = View(rim.assign(place=range(73)))
    name = View(pd.DataFrame({"x": [x0], "y": [y0 + radius]}))
    return [
        disc.mark_line(fill=FLOOR, fillOpacity=0.3, strokeWidth=0).encode(
            x=x, y=y, order=alt.Order(field="place", type="quantitative")
        ),
        name.mark_text(text="floor", color=SOFT, fontSize=LABEL_SIZE - 1, dy=-7).encode(x=x, y=y),
    ]


def _selected(selected: int | None, x, y, colour, width) -> list[View]:
    """Large marks at the selected step, and its name in the upper right corner."""
    here = View().transform_filter("datum.selected").encode(x=x, y=y)
    words = moving(lambda step: pd.DataFrame({"words": ["" if step is None else f"step {step:,}"]}), selected)
    name = View(words).mark_text(align="right", baseline="top", color=SOFT, fontSize=LABEL_SIZE)
    return [
        here.mark_point(filled=True, opacity=1, size=190, stroke=INK, strokeWidth=2).encode(color=colour),
        name.encode(x=alt.XValue(width - 4), y=alt.YValue(4), text=alt.Text(field="words", type="nominal")),
    ]


def _names(table: pd.DataFrame, frame: _Frame, x: alt.X, y: alt.Y, colour: alt.Color) -> list[View]:
    """The objective (with several runs, the series) at the end of each path, where it covers least."""
    field = "series" if table["run"].max() > 1 else "objective"
    ends = table[table["step"] > 0].groupby("series").tail(1)
    ends = pd.concat([ends.assign(words=ends[field]), table[table["step"] == 0].head(1).assign(words="base")])
    marks = _along(table, frame)
    taken: list[_Box] = []
    rows = []
    for words, objective, step, end_x, end_y in ends[["words", "objective", "step", "x", "y"]].to_numpy():
        place, align, box = _free_place(str(words), frame.pixels(end_x, end_y), marks, taken, frame)
        taken.append(box)
        at_x, at_y = frame.data(*place)
        rows.append((words, objective, step == 0, align, at_x, at_y))
    named = pd.DataFrame(rows, columns=["words", "objective", "base", "align", "x", "y"])
    style = {
        "fontSize": LABEL_SIZE + 1,
        "fontWeight": "bold",
        "baseline": "middle",
        "align": alt.ExprRef("datum.align"),
    }
    text = View(named).encode(x=x, y=y, text=alt.Text(field="words", type="nominal"))
    return [
        text.mark_text(stroke=HALO, strokeWidth=4, strokeJoin="round", **style),
        text.mark_text(**style).encode(color=colour).transform_filter("!datum.base"),
        text.mark_text(color=SOFT, **style).transform_filter("datum.base"),
    ]


def _free_place(
    words: str, end: tuple[float, float], marks: list, taken: list[_Box], frame: _Frame
) -> tuple[tuple[float, float], str, _Box]:
    """Place, alignment and box (pixels) of words around a point, where they cover least."""
    across, down = end
    length = 7.5 * len(words)
    options = []
    for turn, (dx, dy, align) in enumerate(_AROUND):
        left = across + dx - length * {"left": 0, "center": 0.5, "right": 1}[align]
        box = (left, down + dy - 8, left + length, down + dy + 8)
        options.append((_cost(box, marks, taken, frame), turn, (across + dx, down + dy), align, box))
    _, _, place, align, box = min(options)
    return place, align, box


def _along(table: pd.DataFrame, frame: _Frame) -> list[tuple[float, float, float]]:
    """Marks in pixels with their weight: the points, and points along the lines between them."""
    marks = []
    for _, path in table.groupby("series"):
        points = [frame.pixels(px, py) for px, py in zip(path["x"], path["y"], strict=True)]
        marks += [(*point, 3.0) for point in points]
        for (x0, y0), (x1, y1) in pairwise(points):
            marks += [(x0 + (x1 - x0) * t / 12, y0 + (y1 - y0) * t / 12, 1.0) for t in range(1, 12)]
    return marks


def _cost(box, marks, taken, frame: _Frame) -> float:
    """How much a name in this box would cover, and how far it leaves the plot."""
    left, up, right, down = box
    covered = sum(weight for x, y, weight in marks if left - 3 < x < right + 3 and up < y < down)
    clashes = sum(left < r and right > le and up < d and down > u for le, u, r, d in taken)
    outside = left < 2 or up < 2 or right > frame.width - 2 or down > frame.height - 2
    return covered + 40 * clashes + 100 * outside


def _short(title: str) -> str:
    """An axis title without its unit."""
    return title.split(" (")[0]
