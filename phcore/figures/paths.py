"""The path of each objective from the shared base through a plane."""

from __future__ import annotations

from typing import NamedTuple

import altair as alt
import pandas as pd

from phcore.analysis import objectives
from phcore.figures.charts.paths import path_chart
from phcore.figures.figure import Choice, Control, Figure, Look, Numbers, by_step, fixed
from phcore.figures.reading import labelled, rows, summaries
from phcore.formatting import count, unit_words
from phcore.stages.results import Results
from phcore.topology.summaries import FEATURE_WORDS, FEATURES, SCALE_DEGREE

MEANS, TWO, LANDSCAPES, DISTANCES = "mean summaries", "two features", "mean landscapes", "all distances"
_DISC = (
    "One unit is the split-half floor: how far apart two halves of the subsamples of one cell are. The grey disc has "
    "that radius; it covers the noise of resampling these prompts only. Marks grow with the step."
)


class Data(NamedTuple):
    """series, objective, step, x, y; what the axes are, the radius of the floor where they are one unit, and a note."""

    points: pd.DataFrame
    titles: tuple[str, str]
    floor: float | None
    equal: bool
    layer: int
    note: str


def read(results: Results, choice: Choice) -> Data:
    if choice.layout == TWO:
        return _features(results, choice)
    found, unit, floor, note = _LAYOUTS[choice.layout](results, choice)
    titles = tuple(f"{axis}, {unit}" for axis in _axes(found, choice.layout))
    if found.left_out:
        note += f" {count(len(found.left_out), 'checkpoint')} without a usable cloud have no place here."
    points = labelled(results, found.points.rename(columns={"pc1": "x", "pc2": "y"}))
    return Data(points, titles, floor, True, choice.layer, note)


def _axes(found: objectives.Paths, layout: str) -> list[str]:
    name, of = ("axis", "spread") if layout == DISTANCES else ("component", "variance")
    shares = [f" ({share:.0%} of {of})" if share == share else "" for share in found.explained]
    return [f"{name} {k + 1}{share}" for k, share in enumerate(shares)]


def _means(results: Results, choice: Choice) -> tuple:
    one = objectives.standardise(summaries(results, choice.scale), choice.layer)
    found = objectives.paths_means(one, objectives.split_half_floor(one))
    words = "Principal components of the 41 mean summaries, each divided by its resampling standard deviation."
    return found, "floor units", 1.0, f"{words} {_DISC}"


def _landscapes(results: Results, choice: Choice) -> tuple:
    bars = rows(results, "bars", choice, "layer", "degree")
    if choice.scale == "median":
        units = rows(results, "cells", choice, "layer")[["series", "step", "median_distance"]]
        unit = bars[["series", "step"]].merge(units, "left")["median_distance"].to_numpy()
        bars = bars.assign(birth=bars["birth"] / unit, death=bars["death"] / unit)
    words = f"Principal components of the mean landscapes of H{choice.degree}."
    return objectives.paths_landscapes(bars), "floor units", 1.0, f"{words} {_DISC}"


def _distances(results: Results, choice: Choice) -> tuple:
    asked = results.study
    own = {"layer": choice.layer, "degree": choice.degree, "scale": choice.scale, "order": asked.order}
    found = objectives.paths_mds(results.table("distances", **own), norm=asked.norm, **own)
    floors = results.table("floors", **own)["value"]  # distances on the map below it are noise
    words = "Classical multidimensional scaling of all pairwise Wasserstein distances."
    return found, unit_words(choice.scale, asked.metric), float(floors.mean()) if len(floors) else None, words


_LAYOUTS = {MEANS: _means, LANDSCAPES: _landscapes, DISTANCES: _distances}


def _features(results: Results, choice: Choice) -> Data:
    """Two features against each other: their means over the subsamples of each cell."""
    table = summaries(results, choice.scale)
    axes = {"x": choice.across, "y": choice.up}
    cells = table[table["layer"] == choice.layer].groupby(["series", "step"])[[*{*axes.values()}]].mean().reset_index()
    points = cells[["series", "step"]].assign(**{axis: cells[name] for axis, name in axes.items()})
    unit = unit_words(choice.scale, results.study.metric)
    titles = tuple(FEATURE_WORDS[name] + (f" ({unit})" if SCALE_DEGREE[name] else "") for name in axes.values())
    note = "Means over the subsamples of each checkpoint."
    return Data(labelled(results, points), titles, None, False, choice.layer, note)


def chart(data: Data, look: Look) -> alt.LayerChart:
    asked = {"question": f"Where does each objective go? (layer {data.layer})"} | look.frame
    return path_chart(
        data.points, x_title=data.titles[0], y_title=data.titles[1], selected_step=look.step, floor_radius=data.floor,
        equal=data.equal, **asked,
    )  # fmt: skip


def numbers(data: Data) -> Numbers:
    places = zip(data.points["x"], data.points["y"], strict=True)
    words = [f"{_hundredths(x)}, {_hundredths(y)}" for x, y in places]
    return by_step(f"Coordinates by step: {'; '.join(data.titles)}", data.points, ["series"], words)


def _hundredths(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # never -0.00


def _shown(results: Results, choice: Choice) -> tuple[str, ...]:
    return tuple(FEATURES) if choice.layout == TWO else ()


FIGURE = Figure(
    name="paths",
    title="Paths of the objectives through the summaries",
    uses=("degree", "scale", "layer", "layout", "across", "up"),
    read=read,
    chart=chart,
    caption=lambda data: data.note,
    table=lambda data: data.points,
    numbers=numbers,
    paper={"width": 700, "height": 360},
    controls=(
        Control("t_way", "layout", "Paths through", fixed(MEANS, TWO, LANDSCAPES, DISTANCES), width=7,
                help="Mean summaries carry the most signal. The map of all distances is the paper's way: where "
                "distances have reached their floor, it says nothing."),
        Control("t_x", "across", "Across", _shown, FEATURE_WORDS.get, lambda *_: "h1_count", width=3.5, row=1),
        Control("t_y", "up", "Up", _shown, FEATURE_WORDS.get, lambda *_: "h1_persistence_mean", width=3.5, row=1),
    ),
)  # fmt: skip
