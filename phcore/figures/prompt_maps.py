"""The prompts on one map for each objective, the same axes at every step: what pulled together, and what apart."""

from collections.abc import Iterator
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from phcore.errors import Fault
from phcore.figures.charts.channels import View
from phcore.figures.charts.theme import BASE, SOFT, category_marks
from phcore.figures.figure import Choice, Data, Figure, Look, Numbers, Source, listed
from phcore.figures.reading import COMPUTE, owners
from phcore.formatting import percent, three
from phcore.stages.separation import rounds

JOINED = 1_200  # pairs that the fullest map joins, at most
PART = 40  # or one of so many pairs, where there are few prompts
_SPACING = 16


@dataclass(frozen=True)
class Frame:
    """One cell on the map.

    Attributes
    ----------
    points : (n, 2) about their mean, in units of the hidden states.
    median : the median distance between prompts.
    edges, lengths : (e, 2) pairs and their lengths, shortest first; none where the archive has none.
    share : of the cell's variance that the two axes hold.
    """

    step: int
    points: np.ndarray
    median: float
    edges: np.ndarray
    lengths: np.ndarray
    share: float


@dataclass(frozen=True)
class Panel:
    """One series, the first of its objective, and called like it; of runs with one objective each, by its own name. Or
    the base alone."""

    name: str
    series: str
    frames: tuple[Frame, ...]


def read(results: Source, choice: Choice) -> dict:
    """panels: the base and the first run of each objective, or all of one objective; categories: of the prompts; reach:
    (2,) how far any map reaches along either axis, raw and with size divided out; joined: the distance at which pairs
    are joined, and the same in median distances (NaN without edges)."""
    own = owners(results)
    table = results.table("coordinates", layer=choice.layer)
    if table.empty:
        raise Fault("the maps of this layer have not been drawn yet", COMPUTE)
    cells = results.table("cells", layer=choice.layer).set_index(["series", "step"])["median_distance"]
    alike = len(set(own.values())) == 1 < len(own)
    panels = [
        Panel(
            name if alike else own[name],
            name,
            tuple(_frames(results, choice, name, table[table["series"] == name], cells)),
        )
        for name in rounds(own)[0]
    ]
    panels = [one for one in panels if one.frames]
    base = next((one.frames[0] for one in panels if one.frames[0].step == 0), None)
    if base is not None:
        panels = [Panel(BASE, panels[0].series, (base,)), *panels]
    every = [frame for panel in panels for frame in panel.frames]
    reach = np.array([[np.nanmax(np.abs(one.points) / by, axis=0) for by in (1, one.median)] for one in every])
    prompts = results.prompts
    return {
        "panels": panels, "categories": prompts["category"].fillna("").tolist() if "category" in prompts else [],
        "reach": reach.max(axis=0), "joined": _joined(every),
    }  # fmt: skip


def _frames(results: Source, choice: Choice, series: str, table: pd.DataFrame, cells: pd.Series) -> Iterator[Frame]:
    edges = dict(iter(results.table("edges", series=series, layer=choice.layer).groupby("step")))
    none = pd.DataFrame({"a": [], "b": [], "length": []})
    for step, rows in table.groupby("step"):
        own = edges.get(step, none)
        points = rows.sort_values("prompt")[["x", "y"]].to_numpy(np.float64)
        if np.isfinite(points).all():
            pairs = own[["a", "b"]].to_numpy(np.int64)
            yield Frame(int(step), points, float(cells[series, step]), pairs, own["length"].to_numpy(np.float64),
                        float(rows["share"].iloc[0]))  # fmt: skip


def _joined(frames: list[Frame]) -> tuple[float, float]:
    """The largest distance at which no map joins more than `JOINED` pairs, raw and in median distances."""
    drawn = [one for one in frames if len(one.lengths)]
    if not drawn:
        return float("nan"), float("nan")
    n = len(drawn[0].points)
    most = max(1, min(JOINED, n * (n - 1) // 2 // PART, *(len(one.lengths) for one in drawn)))
    raw, relative = (min(one.lengths[most - 1] / (one.median if by else 1) for one in drawn) for by in (False, True))
    return float(raw), float(relative)


def at_step(panel: Panel, step: int | None) -> Frame:
    """The last one not after a step."""
    before = [one for one in panel.frames if step is None or one.step <= step]
    return before[-1] if before else panel.frames[0]


def change_words(panel: Panel, frame: Frame) -> str:
    """By how much the prompts are further apart than at the first step: -31 %."""
    if panel.name == BASE:
        return f"median distance {frame.median:.3g}"
    return f"{frame.median / panel.frames[0].median - 1:+.0%}".replace("%", " %").replace("-", "\N{MINUS SIGN}")


def chart(data: Data, look: Look):
    """A map for the base and one for each objective at the selected step."""
    marks = category_marks(data.categories)
    across = (look.width - (len(data.panels) - 1) * _SPACING) // len(data.panels) - 8
    side = 1.05 * data.reach[int(data.choice.scale == "median")].max()
    scale = alt.Scale(domain=[-side, side], nice=False)
    plain = {"axis": None, "scale": scale, "type": "quantitative"}
    domain = list(marks)
    colour = alt.Color(
        field="category", type="nominal", scale=alt.Scale(domain=domain, range=[marks[one][0] for one in domain]),
        legend=alt.Legend(orient="bottom", title=None) if any(domain) else None,
    )  # fmt: skip
    maps = []
    for panel in data.panels:
        frame = at_step(panel, look.step)
        by, limit = _unit(data, frame)
        points = frame.points / by
        pairs = frame.edges[frame.lengths <= limit * (1 + 1e-6)] if len(frame.edges) else frame.edges
        lines = pd.DataFrame(np.concatenate([points[pairs[:, 0]], points[pairs[:, 1]]], axis=1), columns=list("abcd"))
        dots = pd.DataFrame(points, columns=["x", "y"]).assign(category=data.categories or "")
        layers = [
            View(lines).mark_rule(strokeWidth=0.5, opacity=0.25, color=SOFT).encode(
                x=alt.X(field="a", **plain), y=alt.Y(field="b", **plain), x2=alt.X2(field="c"), y2=alt.Y2(field="d")
            ),
            View(dots).mark_circle(size=16, opacity=0.9).encode(
                x=alt.X(field="x", **plain), y=alt.Y(field="y", **plain), color=colour
            ),
        ]  # fmt: skip
        title = f"{panel.name}, step {frame.step:,}: {change_words(panel, frame)}"
        maps.append(
            alt.layer(*layers, width=across, height=across, title=alt.Title(title, fontSize=13, anchor="start"))
        )
    return alt.hconcat(*maps, spacing=_SPACING, **look.framed("Where do the prompts lie?", answer(data, look)))


def _unit(data: Data, frame: Frame) -> tuple[float, float]:
    """What points are divided by, and the length up to which pairs are joined."""
    relative = data.choice.scale == "median"
    return (frame.median, data.joined[1] * frame.median) if relative else (1.0, data.joined[0])


def answer(data: Data, look: Look) -> str:
    """How far apart the prompts are, beside the base."""
    said = [f"{one.name} {change_words(one, at_step(one, look.step))}" for one in data.panels if one.name != BASE]
    return f"Median distance between prompts, beside the base: {', '.join(said)}."


def caption(data: Data) -> str:
    first = data.panels[0].frames[0]
    joined = data.joined[int(data.choice.scale == "median")]
    lines = "" if np.isnan(joined) else (
        f" Lines join prompts at most {joined:.3g}{' median distances' if data.choice.scale == 'median' else ''} apart "
        "in the hidden states themselves, the same for all maps."
    )  # fmt: skip
    return (
        f"Every prompt at layer {data.choice.layer}, on the two principal axes of the first cloud "
        f"({percent(first.share)} of its variance), each cloud about its own mean: the same axes for all, so that what "
        f"moves is the shape.{lines}"
    )


def numbers(data: Data) -> Numbers:
    """The median distance of each series at each step."""
    rows = [
        {"objective": panel.name, "step": one.step, "median": one.median, "change": change_words(panel, one)}
        for panel in data.panels
        for one in panel.frames
    ]
    return listed(f"Median distance between prompts, at layer {data.choice.layer}", pd.DataFrame(rows), {
        "objective": lambda one: one.objective,
        "step": lambda one: f"{one.step:,}",
        "median distance": lambda one: three(one.median),
        "against its first step": lambda one: "" if one.objective == BASE else one.change,
    })  # fmt: skip


def _table(data: Data) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"objective": panel.name, "series": panel.series, "step": one.step, "prompt": number, "x": x, "y": y}
            for panel in data.panels
            for one in panel.frames
            for number, (x, y) in enumerate(one.points)
        ]
    )


FIGURE = Figure(
    name="maps", place=6, title="The prompts on a map", uses=("layer", "scale"), read=read, chart=chart,
    caption=caption, table=_table, numbers=numbers,
)  # fmt: skip
