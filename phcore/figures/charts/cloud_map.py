"""The cloud in two dimensions: its prompts, the complex at a distance, and what makes the selected bar."""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from phcore.figures.charts.channels import View, measure
from phcore.figures.charts.linking import answering, link, near
from phcore.figures.charts.plane import Plane, one_path, path_mark
from phcore.figures.charts.theme import (
    ACCENT,
    CANVAS,
    HALF_WIDTH,
    HALO,
    INK,
    LABEL_SIZE,
    SOFT,
    Y_AXIS,
    category_marks,
    framed,
)

HEIGHT = 440
FIRST, SECOND, OTHER = "first", "second", "other"  # groups of points


def map_plane(reach: tuple[float, float], width: int = HALF_WIDTH) -> Plane:
    """The window of a map whose points reach `reach` from the centre along each axis; one unit is as long on both.

    Parameters
    ----------
    width : of the chart in pixels, with its axes.
    """
    across = width - Y_AXIS
    height = min(HEIGHT, across)
    per_pixel = 1.06 * max(2 * reach[0] / across, 2 * reach[1] / height) or 1.0
    x, y = per_pixel * across / 2, per_pixel * height / 2
    return Plane((-x, x), (-y, y), across, height)


def map_tables(
    points: np.ndarray,
    prompts: pd.DataFrame,
    plane: Plane,
    *,
    held: Mapping[str, object] | None = None,
) -> dict[str, pd.DataFrame]:
    """What the map shows now, as its tables: they change at every step of a slider, the chart does not.

    Parameters
    ----------
    points : (n, 2) places.
    prompts : (n rows) prompt, text, category: in the order of `points`.
    held : of the selected bar: `cycle` (points in order), `edge`, `triangle`, `cut` (edges), `first` and `second`
        (groups of points: the first is ringed, points of neither step back); any of them.
    """
    held = held or {}
    n = len(points)
    group = np.full(n, OTHER if "first" in held else "", dtype=object)
    for name in (FIRST, SECOND):
        group[list(held.get(name, ()))] = name
    cycle = list(held.get("cycle", ()))
    order = {point: str(number) for number, point in enumerate(cycle, 1)}
    corners = {*cycle, *held.get("edge", ()), *held.get("triangle", ())}
    table = pd.DataFrame(
        {
            "x": points[:, 0],
            "y": points[:, 1],
            "row": range(n),
            "category": prompts["category"].fillna("").to_numpy(),
            "words": [shortened(text) for text in prompts["text"]],
            "prompt": prompts["prompt"].to_numpy(),
            "group": group,
            "order": [order.get(k, "") for k in range(n)],
            "held": [k in corners for k in range(n)],
        }
    )
    paths = {
        "filling": plane.areas(points[_array(held.get("triangle"), 3)]),
        "cycle": plane.lines(points[[cycle]], closed=True) if cycle else (),
        "edge": plane.lines(points[_array(held.get("edge"), 2)]),
        "cut": plane.lines(points[_array(held.get("cut"), 2)]),
    }
    joined = [one_path(parts) for parts in paths.values()]
    return {"points": table, "paths": pd.DataFrame({"kind": list(paths), "path": joined})}


def cloud_map(
    tables: Mapping[str, pd.DataFrame],
    plane: Plane,
    *,
    categories: Sequence[str],
    axes: tuple[str, str] = ("component 1 (distance)", "component 2 (distance)"),
    question: str | None = "Where are the prompts?",
) -> alt.LayerChart:
    """The map. Hover shows a prompt.

    Parameters
    ----------
    tables, plane : from `map_tables` and `map_plane`.
    categories : all categories of the probe set, so that colours stay as the choice changes.
    axes : what the axes are, with their unit.
    """
    looks = category_marks(categories)
    x, y = (
        measure(channel, field, title, domain, {"tickCount": 5}, zero=False)
        for channel, field, title, domain in ((alt.X, "x", axes[0], plane.x), (alt.Y, "y", axes[1], plane.y))
    )
    legend = alt.Legend(orient="top", title=None, symbolOpacity=1, labelLimit=200) if len(looks) > 1 else None
    scales = (alt.Scale(domain=list(looks), range=list(ends)) for ends in zip(*looks.values(), strict=True))
    colour, shape = (
        channel(field="category", type="nominal", scale=scale, legend=legend)
        for channel, scale in zip((alt.Color, alt.Shape), scales, strict=True)
    )
    faded = alt.condition(f"datum.group == '{OTHER}'", alt.value(0.22), alt.value(0.9))
    paths, points = View(tables["paths"]), View(tables["points"]).encode(x=x, y=y)
    hover = near("near_row", "row")
    told = {"words": "prompt", "category": "category", "prompt": "number"}
    number = points.encode(text=alt.Text(field="order", type="nominal"))
    bold = {"dy": -13, "fontWeight": "bold", "fontSize": LABEL_SIZE}
    chart = alt.layer(
        _only(paths, "cut", filled=False, color=SOFT, strokeWidth=1.6, strokeDash=[2, 3], opacity=1),
        _only(paths, "filling", filled=True, color=ACCENT, opacity=0.35),
        points.mark_point(filled=True, size=46).encode(color=colour, shape=shape, opacity=faded),
        _only(paths, "cycle", filled=False, color=ACCENT, strokeWidth=2.2, opacity=1),
        _only(paths, "edge", filled=False, color=ACCENT, strokeWidth=5, opacity=1),
        points.transform_filter(f"datum.group == '{FIRST}'").mark_point(size=110, color=ACCENT, strokeWidth=1.6),
        points.transform_filter("datum.held").mark_point(size=150, color=ACCENT, strokeWidth=2.4, opacity=1),
        points.transform_filter(hover).mark_point(size=210, color=ACCENT, strokeWidth=1.6, opacity=0.8),
        number.mark_text(stroke=HALO, strokeWidth=4, **bold),
        number.mark_text(color=INK, **bold),
        answering(points, "map", told),
        width=plane.width,
        height=plane.height,
        usermeta=CANVAS,
        **framed(question, None, plane.width + Y_AXIS),
    )
    # The paths have a shape of their own, which no legend shows; shared, it would hide that of the categories.
    own = {"color": "independent", "shape": "independent"}
    return link(chart.resolve_scale(**own).resolve_legend(**own), [hover])


def shortened(text: str, most: int = 90) -> str:
    """A prompt that fits a tooltip."""
    text = " ".join(str(text).split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _only(paths: View, kind: str, **style) -> View:
    return path_mark(paths.transform_filter(f"datum.kind == '{kind}'"), "path", **style)


def _array(indices, size: int) -> np.ndarray:
    """(k, size) indices; none, one tuple or many."""
    return np.asarray([] if indices is None else indices, dtype=np.intp).reshape(-1, size)
