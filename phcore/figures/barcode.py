"""The shape of single clouds: every bar from its birth to its death, and the same bars as a diagram."""

from __future__ import annotations

from typing import NamedTuple

import altair as alt
import pandas as pd

from phcore.errors import Fault
from phcore.figures.charts.barcode import barcode_and_diagram
from phcore.figures.charts.bars import bars_domain, shape_answer
from phcore.figures.figure import Choice, Figure, Look, Numbers, by_step
from phcore.figures.reading import owners, rows
from phcore.formatting import three, unit_words
from phcore.stages.results import Results

MOST = 240  # barcodes in one report: some 14 kB each, and a tenth of a second to draw
_COLUMNS = ["series", "step", "subsample", "degree", "birth", "death"]


class Data(NamedTuple):
    """The bars of the first subsample of each cell of a layer; which cell is in view; axes that hold all of them.

    `skipped`: whether a series has steps that are not here.
    """

    bars: pd.DataFrame
    shown: tuple[str, int]
    domain: tuple[float, float]
    unit: str
    layer: int
    skipped: bool


def read(results: Results, choice: Choice) -> Data:
    """All cells of the layer, or of the series and at the step that are chosen; of very many steps, some."""
    series = [choice.series] if choice.series else list(owners(results))
    steps = {
        name: [choice.step] if choice.step is not None else
        spread([node.step for node in results.record.path_of(name)], max(2, MOST // len(series)))
        for name in series
    }  # fmt: skip
    units = rows(results, "cells", choice, "layer").set_index(["series", "step"])["median_distance"]
    parts = []
    for name in series:
        for step in steps[name]:
            bars = results.bars(name, step, choice.layer)
            bars = bars[bars["subsample"] == bars["subsample"].min()]
            unit = units[name, step] if choice.scale == "median" and len(bars) else 1.0
            parts.append(bars.assign(birth=bars["birth"] / unit, death=bars["death"] / unit, series=name, step=step))
    found = pd.concat(parts, ignore_index=True)[_COLUMNS]
    if found.empty:
        raise Fault(f"no cell of layer {choice.layer} has any bar", "compute the study, or look at another layer")
    first = found[found["series"] == found["series"].iloc[0]]
    there = found.groupby("series")["step"].nunique()
    return Data(
        found, (first["series"].iloc[0], int(first["step"].max())), bars_domain(found),
        unit_words(choice.scale, results.study.metric), choice.layer,
        choice.step is None and any(there.get(name, 0) < len(results.record.path_of(name)) for name in there.index),
    )  # fmt: skip


def spread(steps: list[int], most: int) -> list[int]:
    """At most `most` (2 or more) of the steps, evenly by their place, the first and the last among them."""
    if len(steps) <= most:
        return steps
    return [steps[round(k * (len(steps) - 1) / (most - 1))] for k in range(most)]


def cells(data: Data) -> dict[str, list[int]]:
    """Series -> the steps it has a barcode at."""
    return {name: sorted(map(int, own.unique())) for name, own in data.bars.groupby("series", sort=False)["step"]}


def chart(data: Data, look: Look) -> alt.HConcatChart:
    series, step = data.shown
    bars = data.bars[(data.bars["series"] == series) & (data.bars["step"] == step)].drop(columns=["series", "step"])
    asked = {"question": f"What shape is this cloud? ({series}, step {step:,}, layer {data.layer})",
             "answer": shape_answer(bars, data.unit)} | look.size  # fmt: skip
    return barcode_and_diagram(bars, domain=data.domain, unit=data.unit, **asked)


def caption(data: Data) -> str:
    subsample = int(data.bars["subsample"].iloc[0])
    which = "the whole cloud" if subsample < 0 else f"subsample {subsample}, the same prompts at every step"
    earlier = " A step without a barcode of its own shows that of the last step before it." if data.skipped else ""
    return (
        f"Left, every bar from its birth to its death; right, the same bars as points. Of {which}, at layer "
        f"{data.layer}. Hover marks a bar on both sides; the axes are those of all steps and series.{earlier}"
    )


def loops(data: Data) -> pd.DataFrame:
    """series, step, loops (H1 bars), longest (persistence of the longest; 0 without any)."""
    own = data.bars[data.bars["degree"] == 1]
    own = own.assign(length=own["death"] - own["birth"]).groupby(["series", "step"])["length"]
    found = pd.DataFrame({"loops": own.size(), "longest": own.max()})
    cells = data.bars[["series", "step"]].drop_duplicates(ignore_index=True)
    return cells.join(found, on=["series", "step"]).fillna(0).astype({"loops": int})


def numbers(data: Data) -> Numbers:
    table = loops(data)
    words = [f"{count} ({three(longest)})" for count, longest in zip(table["loops"], table["longest"], strict=True)]
    return by_step("Number of loops (H1 bars) by step, and the longest", table, ["series"], words)


FIGURE = Figure(
    name="barcode",
    title="Barcode and persistence diagram, step by step",
    uses=("scale", "layer", "series", "step"),
    read=read,
    chart=chart,
    caption=caption,
    table=lambda data: data.bars,
    numbers=numbers,
    paper={"height": 440},
    cells=cells,
    at=lambda data, series, step: data._replace(shown=(series, step)),
)
