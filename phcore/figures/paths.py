"""The path of each objective from the shared base through a plane."""

from __future__ import annotations

from phcore.analysis import objectives
from phcore.figures.charts.paths import path_chart
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Numbers, Source, by_step, fixed
from phcore.figures.reading import labelled, rows, summaries
from phcore.formatting import count, unit_words
from phcore.topology.summaries import FEATURE_WORDS, FEATURES, SCALE_DEGREE

MEANS, TWO, LANDSCAPES, DISTANCES = "mean summaries", "two features", "mean landscapes", "all distances"
_DISC = (
    "One unit is the split-half floor: how far apart two halves of the subsamples of one cell are. The grey disc has "
    "that radius; it covers the noise of resampling these prompts only. Marks grow with the step."
)


def read(results: Source, choice: Choice) -> dict:
    """points: series, objective, step, x, y; titles of the axes; floor: its radius, None where the axes have no unit in
    common; note."""
    return _LAYOUTS[choice.layout](results, choice)


def _laid_out(results: Source, found: objectives.Paths, axis: str, of: str, unit: str, floor, note: str) -> dict:
    shares = [f" ({share:.0%} of {of})" if share == share else "" for share in found.explained]
    left_out = len(found.left_out)
    without = f" {count(left_out, 'checkpoint')} without a usable cloud have no place here." if left_out else ""
    return {
        "points": labelled(results, found.points.rename(columns={"pc1": "x", "pc2": "y"})), "floor": floor,
        "titles": [f"{axis} {k + 1}{share}, {unit}" for k, share in enumerate(shares)], "note": note + without,
    }  # fmt: skip


def _components(results: Source, found: objectives.Paths, words: str) -> dict:
    return _laid_out(
        results, found, "component", "variance", "floor units", 1.0, f"Principal components of {words} {_DISC}"
    )


def _means(results: Source, choice: Choice) -> dict:
    one = objectives.standardise(summaries(results, choice.scale), choice.layer)
    found = objectives.paths_means(one, objectives.split_half_floor(one))
    return _components(results, found, "the 41 mean summaries, each divided by its resampling standard deviation.")


def _landscapes(results: Source, choice: Choice) -> dict:
    bars = rows(results, "bars", choice, "layer", "degree")
    if choice.scale == "median":
        units = rows(results, "cells", choice, "layer")[["series", "step", "median_distance"]]
        unit = bars[["series", "step"]].merge(units, "left")["median_distance"].to_numpy()
        bars = bars.assign(birth=bars["birth"] / unit, death=bars["death"] / unit)
    return _components(results, objectives.paths_landscapes(bars), f"the mean landscapes of H{choice.degree}.")


def _distances(results: Source, choice: Choice) -> dict:
    asked = results.study
    own = {"layer": choice.layer, "degree": choice.degree, "scale": choice.scale, "order": asked.order}
    found = objectives.paths_mds(results.table("distances", **own), norm=asked.norm, **own)
    floors = results.table("floors", **own)["value"]  # distances on the map below it are noise
    floor = float(floors.mean()) if len(floors) else None
    words = "Classical multidimensional scaling of all pairwise Wasserstein distances."
    return _laid_out(results, found, "axis", "spread", unit_words(choice.scale, asked.metric), floor, words)


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
    asked = {"question": f"Where does each objective go? (layer {data.choice.layer})"} | look.frame
    x, y = data.titles
    return path_chart(
        data.points, x_title=x, y_title=y, selected_step=look.step, floor_radius=data.floor,
        equal=data.choice.layout != TWO, **asked,
    )  # fmt: skip


def numbers(data: Data) -> Numbers:
    places = zip(data.points["x"], data.points["y"], strict=True)
    words = [f"{_hundredths(x)}, {_hundredths(y)}" for x, y in places]
    return by_step(f"Coordinates by step: {'; '.join(data.titles)}", data.points, ["series"], words)


def _hundredths(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # never -0.00


def _shown(results: Source, choice: Choice) -> tuple[str, ...]:
    return tuple(FEATURES) if choice.layout == TWO else ()


FIGURE = Figure(
    name="paths", title="Paths of the objectives through the summaries",
    uses=("degree", "scale", "layer", "layout", "across", "up"), read=read, chart=chart,
    caption=lambda data: data.note, table=lambda data: data.points, numbers=numbers,
    paper={"width": 700, "height": 360},
    controls=(
        Control("t_way", "layout", "Paths through", fixed(*_LAYOUTS), width=7,
                help="Mean summaries carry the most signal. The map of all distances is the paper's way: where "
                "distances have reached their floor, it says nothing.", link="way to lay out the paths"),
        Control("t_x", "across", "Across", _shown, FEATURE_WORDS.get, lambda *_: "h1_count", width=3.5, row=1,
                link="feature across"),
        Control("t_y", "up", "Up", _shown, FEATURE_WORDS.get, lambda *_: "h1_persistence_mean", width=3.5, row=1,
                link="feature up"),
    ),
)  # fmt: skip
