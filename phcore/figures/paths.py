"""The path of each objective from the shared base through a plane."""

from itertools import pairwise

import altair as alt
import numpy as np
import pandas as pd

from phcore.analysis import objectives
from phcore.errors import NotAsked
from phcore.figures.charts.channels import View, by_marker, by_objective, measure
from phcore.figures.charts.curve_rows import several
from phcore.figures.charts.linking import answering, link, near, picked
from phcore.figures.charts.plane import Plane
from phcore.figures.charts.standing import moving
from phcore.figures.charts.steps import PARAM
from phcore.figures.charts.theme import AXIS_SIZE, BASE_COLOUR, FLOOR, HALO, INK, LABEL_SIZE, SOFT, Y_AXIS
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Numbers, Source, by_step, fixed
from phcore.figures.reading import labelled, rows, summaries
from phcore.formatting import count, percent, three, unit_words
from phcore.study.pairs import left_out
from phcore.topology.summaries import FEATURE_WORDS, FEATURES, SCALE_DEGREE

SIZES = {"raw": "with size", "median": "size divided out"}
MEANS, TWO, LANDSCAPES, DISTANCES = "mean summaries", "two features", "mean landscapes", "all distances"
_DISC = (
    "One unit is the split-half floor: how far apart two halves of the subsamples of one cell are. The grey disc has "
    "that radius (an ellipse, as each axis is fitted to what it shows); it covers the noise of resampling these "
    "prompts only. Marks grow with the step."
)

_Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels

_CORNER = (72, 20)  # pixels that the name of a step takes

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


def read(results: Source, choice: Choice) -> dict:
    """points: series, objective, step, x, y; titles of the axes; floor: its radius, None where the axes have no unit in
    common; note."""
    return _LAYOUTS[choice.layout](results, choice)


def _laid_out(
    results: Source,
    found: objectives.Paths,
    note: str,
    floor=1.0,
    axis="component",
    of="variance",
    unit="in units of noise",
) -> dict:
    shares = [f" ({percent(share)} of {of})" if share == share else "" for share in found.explained]
    units = (f", {unit}", "")  # both axes have one, and the second is often short
    left_out = len(found.left_out)
    without = f" {count(left_out, 'checkpoint')} without a usable cloud have no place here." if left_out else ""
    return {
        "points": labelled(results, found.points.rename(columns={"pc1": "x", "pc2": "y"})), "floor": floor,
        "titles": [f"{axis} {k + 1}{share}{units[k]}" for k, share in enumerate(shares)], "note": note + without,
    }  # fmt: skip


def _means(results: Source, choice: Choice) -> dict:
    one = objectives.standardise(summaries(results, choice.scale), choice.layer)
    found = objectives.paths_means(one, objectives.split_half_floor(one))
    note = (
        f"Principal components of the {len(FEATURES)} mean summaries, each divided by its resampling standard "
        f"deviation. {_DISC}"
    )
    return _laid_out(results, found, note)


def _landscapes(results: Source, choice: Choice) -> dict:
    bars = rows(results, "bars", choice, "layer", "degree")
    if choice.scale == "median":
        units = rows(results, "cells", choice, "layer")[["series", "step", "median_distance"]]
        unit = bars[["series", "step"]].merge(units, "left")["median_distance"].to_numpy()
        bars = bars.assign(birth=bars["birth"] / unit, death=bars["death"] / unit)
    note = f"Principal components of the mean landscapes of H{choice.degree}. {_DISC}"
    return _laid_out(results, objectives.paths_landscapes(bars), note)


def _distances(results: Source, choice: Choice) -> dict:
    asked, fewer = results.study, left_out(results.record)
    if fewer:
        raise NotAsked(
            f"the map of all distances needs {fewer:,} more at each layer, which nobody has asked for",
            f"Its owner computes them with: python -m phcore compute {asked.name} --pairs all",
        )
    own = {"layer": choice.layer, "degree": choice.degree, "scale": choice.scale, "order": asked.order}
    found = objectives.paths_mds(results.table("distances", **own), norm=asked.norm, **own)
    floors = results.table("floors", **own)["value"]  # distances on the map below it are noise
    floor = float(floors.mean()) if len(floors) else None
    words = "Classical multidimensional scaling of all pairwise Wasserstein distances."
    return _laid_out(results, found, words, floor, "axis", "spread", unit_words(choice.scale, asked.metric))


def _features(results: Source, choice: Choice) -> dict:
    """Two features against each other: their means over the subsamples of each cell."""
    table = summaries(results, choice.scale)
    axes = {"x": choice.across, "y": choice.up}
    cells = table[table["layer"] == choice.layer].groupby(["series", "step"])[[*{*axes.values()}]].mean().reset_index()
    points = cells[["series", "step"]].assign(**{axis: cells[name] for axis, name in axes.items()})
    unit = unit_words(choice.scale, results.study.metric)
    titles = [FEATURE_WORDS[name] + (f" ({unit})" if SCALE_DEGREE[name] else "") for name in axes.values()]
    note = "Means over the subsamples of each checkpoint."
    return {"points": labelled(results, points), "titles": titles, "floor": None, "note": note}


_LAYOUTS = {MEANS: _means, TWO: _features, LANDSCAPES: _landscapes, DISTANCES: _distances}


def chart(data: Data, look: Look):
    """Lines from the base through the checkpoints, marks growing with the step. Clicks choose `step`.

    Where an objective has several runs, the line is their mean, and each of them a thin one. Each axis is fitted to
    what it shows: the disc of the floor, a circle but for that, says by how much.
    """
    across, height = look.width - Y_AXIS, look.height or 440
    frame = _frame(look.held or reach(data), across, height)
    x, y = (
        measure(channel, field, title, domain, {"tickCount": 6}, zero=False)
        for channel, field, title, domain in zip((alt.X, alt.Y), "xy", data.titles, (frame.x, frame.y), strict=True)
    )
    runs, table = _grown(data.points), _grown(means(data.points))
    shown = moving(lambda step: table.assign(selected=table["step"] == step), look.step)
    colour = by_objective(data.points["objective"], look.objectives)
    marker = by_marker(data.points["objective"], look.objectives, legend=False)
    size = alt.Size(field="grown", type="quantitative", scale=alt.Scale(domain=[0, 1], range=[14, 110]), legend=None)
    hover = near("near_step", PARAM)
    path = {"detail": alt.Detail(field="series", type="nominal"), "order": alt.Order(field="step", type="quantitative")}
    here = View().encode(x=x, y=y)
    points, near_by = here.transform_filter("datum.step > 0"), here.transform_filter(hover)
    x_name, y_name = (title.split(" (")[0] for title in data.titles)
    floor_name = _floor_name(table, data.floor, frame)
    told = {"series": "series", "step_words": "step", "x_words": x_name, "y_words": y_name}
    chart = alt.layer(
        *_disc(table, data.floor, x, y),
        *([_thin(runs, x, y, colour, path)] if several(data.points) else []),
        here.mark_line(strokeWidth=2.6, opacity=0.85).encode(color=colour, **path),
        points.mark_point(filled=True, opacity=1).encode(color=colour, size=size, shape=marker),
        near_by.mark_point(filled=False, color=INK, size=230, strokeWidth=1, opacity=0.6),
        *_selected(look.step, x, y, colour, across, floor_name),
        View(table[table["step"] == 0].head(1))
        .mark_point(shape="diamond", filled=True, color=BASE_COLOUR, size=170, opacity=1)
        .encode(x=x, y=y),
        *_names(table, frame, x, y, colour, floor_name),
        answering(here, "path", told),
        data=shown,
        width=across,
        height=height,
        **look.framed(question(data), answer(data)),
    )
    return link(chart, [hover, picked(PARAM, "series")])


def question(data: Data) -> str:
    where = f"layer {data.choice.layer}, {SIZES[data.choice.scale]}"
    return f"Where does each objective go? ({where})"


def means(points: pd.DataFrame) -> pd.DataFrame:
    """The points themselves or, where an objective has several runs, the mean of its runs at each step, called after
    it."""
    if not several(points):
        return points
    return points.groupby(["objective", "step"], sort=False)[["x", "y"]].mean().reset_index().assign(
        series=lambda table: table["objective"]
    )  # fmt: skip


def _thin(runs: pd.DataFrame, x: alt.X, y: alt.Y, colour: alt.Color, path: dict) -> View:
    """The single runs, behind the mean of their objective."""
    return View(runs).mark_line(strokeWidth=1, opacity=0.4).encode(x=x, y=y, color=colour, **path)


def answer(data: Data) -> str:
    """Where the objectives end: how far from the base, or, of two axes that have no unit in common, at which values."""
    ends = _ends(means(data.points))
    if ends.empty:
        return "No path from the base yet."
    x0, y0 = ends[["x0", "y0"]].iloc[0]
    if data.choice.layout == TWO:
        one = ends.loc[(ends["x"] - x0).abs().idxmax()]  # two axes have no unit in common: by the first
        start, end = (f"({three(x)}, {three(y)})" for x, y in ((x0, y0), one[["x", "y"]]))
        return f"{one['series']} goes farthest across: from {start} to {end}."
    far = ((ends["x"] - x0) ** 2 + (ends["y"] - y0) ** 2) ** 0.5
    order = far.sort_values(ascending=False).index
    floors = data.floor == 1.0  # the unit of the axes
    most, least = (_short(far[place]) if floors else three(far[place]) for place in (order[0], order[-1]))
    away = "times the resampling noise away" if floors else "from the base"
    words = f"{ends['series'][order[0]]} ends {most} {away}"
    if len(order) > 1:
        words += f", {ends['series'][order[-1]]} {least}"
    return f"{words}." if floors or data.floor is None else f"{words} (resampling noise: {three(data.floor)})."


def _short(value: float) -> str:
    """No more digits than a room remembers."""
    if value >= 9.5:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 0.95 else f"{value:.2g}"  # 1.0 times, not 1 times


def more(data: Data) -> str:
    """How far every series ends from the base, where the axes have a unit in common."""
    ends = _ends(data.points)
    if ends.empty or data.choice.layout == TWO:
        return ""
    far = ((ends["x"] - ends["x0"]) ** 2 + (ends["y"] - ends["y0"]) ** 2) ** 0.5
    last = ends["step"].max()
    said = [
        f"{name} {three(value)}" + ("" if step == last else f" (step {int(step):,})")
        for name, value, step in sorted(zip(ends["series"], far, ends["step"], strict=True), key=lambda one: -one[1])
    ]
    return f"Distance from the base at the last step: {', '.join(said)}."


def _ends(paths: pd.DataFrame) -> pd.DataFrame:
    """The last point of each series, and the base (x0, y0); no rows where nothing has left the base."""
    base = paths.loc[paths["step"] == 0, ["x", "y"]].dropna()
    moved = paths[paths["step"] > 0].dropna(subset=["x", "y"]).reset_index(drop=True)
    if base.empty:
        return moved.head(0)
    x0, y0 = base.iloc[0]
    return moved.loc[moved.groupby("series", sort=False)["step"].idxmax()].assign(x0=x0, y0=y0)


def reach(data: Data) -> tuple[float, float, float, float]:
    """The ends of x and of y that hold the paths and the disc around the base."""
    start, around, ends = data.points[data.points["step"] == 0], data.floor or 0.0, []
    for column in "xy":
        base = start[column].dropna().head(1)
        held = pd.concat([data.points[column].dropna(), base - around, base + around])
        ends += (float(held.min()), float(held.max())) if len(held) else (-1.0, 1.0)
    return tuple(ends)


def _frame(held: tuple[float, float, float, float], width: int, height: int) -> Plane:
    """The window that holds these ends, and a margin for the names at the ends of paths."""
    margins = ((high - low or 1.0) * (1 / inner - 1) / 2 for low, high, inner in ((*held[:2], 0.8), (*held[2:], 0.84)))
    ends = zip((held[:2], held[2:]), margins, strict=True)
    return Plane(*((low - margin, high + margin) for (low, high), margin in ends), width, height)


def _grown(paths: pd.DataFrame) -> pd.DataFrame:
    """The points with their rank along the path (0 to 1) and their words."""
    table = paths.dropna(subset=["x", "y"]).sort_values(["series", "step"], ignore_index=True)
    rank = table.groupby("series")["step"].rank(method="dense") - 1
    longest = rank.groupby(table["series"]).transform("max").clip(lower=1)
    return table.assign(
        grown=rank / longest,
        step_words=[f"{int(step):,}" if step else "0 (base)" for step in table["step"]],
        x_words=[three(value) for value in table["x"]],
        y_words=[three(value) for value in table["y"]],
    )


def _disc(table: pd.DataFrame, radius: float | None, x: alt.X, y: alt.Y) -> list[View]:
    start = table[table["step"] == 0]
    if not radius or start.empty:
        return []
    x0, y0 = start[["x", "y"]].iloc[0]
    turn = np.linspace(0, 2 * np.pi, 73)
    rim = pd.DataFrame({"x": x0 + radius * np.cos(turn), "y": y0 + radius * np.sin(turn), "place": range(73)})
    name = View(pd.DataFrame({"x": [x0], "y": [y0 + radius]}))
    return [
        View(rim)
        .mark_line(fill=FLOOR, fillOpacity=0.3, strokeWidth=0)
        .encode(x=x, y=y, order=alt.Order(field="place", type="quantitative")),
        name.mark_text(text="floor", color=SOFT, fontSize=LABEL_SIZE - 1, dy=-7).encode(x=x, y=y),
    ]


def _selected(selected: int | None, x, y, colour, width: int, taken: list[_Box]) -> list[View]:
    """Large marks at the selected step, and its name in the upper right corner; in the left one, where another name
    reaches into that."""
    here = View().transform_filter("datum.selected").encode(x=x, y=y)
    left = any(right > width - _CORNER[0] and top < _CORNER[1] for _, top, right, _ in taken)
    # In the table, as of another choice it may stand elsewhere, and a chart whose spec changes is drawn anew.
    place = {"across": 4, "align": "left"} if left else {"across": width - 4, "align": "right"}
    words = moving(lambda step: pd.DataFrame([{"words": "" if step is None else f"step {step:,}"} | place]), selected)
    at = {one: alt.ExprRef(f"datum.{name}") for one, name in (("x", "across"), ("align", "align"))}
    name = View(words).mark_text(**at, baseline="top", color=SOFT, fontSize=LABEL_SIZE)
    return [
        here.mark_point(filled=True, opacity=1, size=190, stroke=INK, strokeWidth=2).encode(color=colour),
        name.encode(y=alt.YValue(4), text=alt.Text(field="words", type="nominal")),
    ]


def _floor_name(table: pd.DataFrame, radius: float | None, frame: Plane) -> list[_Box]:
    """Where the name of the disc stands, in pixels; nothing where there is none."""
    start = table[table["step"] == 0]
    if not radius or start.empty:
        return []
    x0, y0 = start[["x", "y"]].iloc[0]
    across, down = frame.pixels((x0, y0 + radius))
    return [(across - 16, down - 15, across + 16, down)]


def _names(table: pd.DataFrame, frame: Plane, x: alt.X, y: alt.Y, colour: alt.Color, taken: list[_Box]) -> list[View]:
    """The name of each path at its end, where it covers least, and nothing of what is taken (pixels)."""
    ends = table[table["step"] > 0].groupby("series").tail(1)
    ends = pd.concat([ends.assign(words=ends["series"]), table[table["step"] == 0].head(1).assign(words="base")])
    marks = _along(table, frame)
    rows = []
    for words, objective, step, end_x, end_y in ends[["words", "objective", "step", "x", "y"]].to_numpy():
        place, align, box = _free_place(str(words), frame.pixels((end_x, end_y)), marks, taken, frame)
        taken = [*taken, box]
        rows.append((words, objective, step == 0, align, *frame.data(place)))
    named = pd.DataFrame(rows, columns=["words", "objective", "base", "align", "x", "y"])
    style = {"fontSize": AXIS_SIZE, "fontWeight": "bold", "baseline": "middle"}
    style["align"] = alt.ExprRef("datum.align")
    text = View(named).encode(x=x, y=y, text=alt.Text(field="words", type="nominal"))
    return [
        text.mark_text(stroke=HALO, strokeWidth=4, strokeJoin="round", **style),
        text.mark_text(**style).encode(color=colour).transform_filter("!datum.base"),
        text.mark_text(color=SOFT, **style).transform_filter("datum.base"),
    ]


def _free_place(
    words: str, end: tuple[float, float], marks: list, taken: list[_Box], frame: Plane
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


def _along(table: pd.DataFrame, frame: Plane) -> list[tuple[float, float, float]]:
    """Marks in pixels with their weight: the points, and points along the lines between them."""
    marks = []
    for _, path in table.groupby("series"):
        points = frame.pixels(path[["x", "y"]]).tolist()
        marks += [(*point, 3.0) for point in points]
        for (x0, y0), (x1, y1) in pairwise(points):
            marks += [(x0 + (x1 - x0) * t / 12, y0 + (y1 - y0) * t / 12, 1.0) for t in range(1, 12)]
    return marks


def _cost(box, marks, taken, frame: Plane) -> float:
    """How much a name in this box would cover, and how far it leaves the plot."""
    left, up, right, down = box
    covered = sum(weight for x, y, weight in marks if left - 3 < x < right + 3 and up < y < down)
    clashes = sum(left < r and right > le and up < d and down > u for le, u, r, d in taken)
    outside = left < 2 or up < 2 or right > frame.width - 2 or down > frame.height - 2
    return covered + 40 * clashes + 100 * outside


def numbers(data: Data) -> Numbers:
    places = zip(data.points["x"], data.points["y"], strict=True)
    words = [f"{_hundredths(x)}, {_hundredths(y)}" for x, y in places]
    return by_step(f"Coordinates by step: {'; '.join(data.titles)}", data.points, ["series"], words)


def _hundredths(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # never -0.00


def _shown(results: Source, choice: Choice) -> tuple[str, ...]:
    return tuple(FEATURES) if choice.layout == TWO else ()


FIGURE = Figure(
    name="paths", place=60, title="Paths of the objectives through the summaries",
    uses=("degree", "scale", "layer", "layout", "across", "up"), read=read, chart=chart,
    caption=lambda data: data.note, more=more, table=lambda data: data.points, numbers=numbers,
    paper={"width": 700, "height": 360},
    controls=(
        Control("t_way", "layout", "Paths through", fixed(*_LAYOUTS),
                help="Mean summaries carry the most signal. The map of all distances is the paper's way: where "
                "distances have reached their floor, it says nothing.", link="way to lay out the paths"),
        Control("t_x", "across", "Across", _shown, FEATURE_WORDS.get, lambda *_: "h1_count",
                link="feature across"),
        Control("t_y", "up", "Up", _shown, FEATURE_WORDS.get, lambda *_: "h1_persistence_mean",
                link="feature up"),
    ),
)  # fmt: skip
