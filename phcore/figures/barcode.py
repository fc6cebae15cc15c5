"""The shape of single clouds: every bar from its birth to its death, and the same bars as a diagram."""

import pandas as pd

from phcore.errors import Fault
from phcore.figures.charts.barcode import barcode_and_diagram
from phcore.figures.charts.bars import bars_domain, shape_answer
from phcore.figures.figure import Choice, Data, Figure, Look, Numbers, Source, by_step
from phcore.figures.reading import distance_unit, owners, rows
from phcore.formatting import three

MOST = 36  # barcodes in one report: some 14 kB each, and a quarter of a second to draw
_COLUMNS = ["series", "step", "subsample", "degree", "birth", "death"]


def read(results: Source, choice: Choice) -> dict:
    """bars: of the first subsample of cells of the layer: of the first run of each objective, or of the series and at
    the step that are chosen (of many steps, some); shown: the cell in view; domain: of axes that hold all; earlier:
    whether steps are left out; runs: whether runs are."""
    first = list({objective: name for name, objective in reversed(owners(results).items())}.values())[::-1]
    series = [choice.series] if choice.series else first
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
    there = cells(found)
    series, steps = next(iter(there.items()))
    fewer = any(len(there[name]) < len(results.record.path_of(name)) for name in there)
    return {"bars": found, "shown": (series, max(steps)), "domain": bars_domain(found),
            "earlier": fewer and choice.step is None,
            "runs": not choice.series and len(first) < len(owners(results))}  # fmt: skip


def spread(steps: list[int], most: int) -> list[int]:
    """At most `most` (2 or more) of the steps, evenly by their place, the first and the last among them."""
    if len(steps) <= most:
        return steps
    return [steps[round(k * (len(steps) - 1) / (most - 1))] for k in range(most)]


def cells(bars: pd.DataFrame) -> dict[str, list[int]]:
    """Series -> the steps it has bars at."""
    return {name: sorted(map(int, own.unique())) for name, own in bars.groupby("series", sort=False)["step"]}


def chart(data: Data, look: Look):
    (series, step), layer, unit = data.shown, data.choice.layer, distance_unit(data)
    bars = data.bars[(data.bars["series"] == series) & (data.bars["step"] == step)].drop(columns=["series", "step"])
    question, answer = look.said(
        f"What shape is this cloud? ({series}, step {step:,}, layer {layer})", shape_answer(bars, unit)
    )
    return barcode_and_diagram(
        bars, domain=data.domain, unit=unit, question=question, answer=answer, width=look.width,
        height=look.height or 500,
    )  # fmt: skip


def caption(data: Data) -> str:
    subsample = int(data.bars["subsample"].iloc[0])
    which = "the whole cloud" if subsample < 0 else f"subsample {subsample}, the same prompts at every step"
    earlier = " A step without a barcode of its own shows that of the last step before it." * data.earlier
    earlier += " Of each objective, its first run." * data.runs
    return (
        f"Left, every bar from its birth to its death; right, the same bars as points. Of {which}, at layer "
        f"{data.choice.layer}. Hover marks a bar on both sides; the axes are those of all steps and series.{earlier}"
    )


def loops(bars: pd.DataFrame) -> pd.DataFrame:
    """series, step, loops (H1 bars), longest (persistence of the longest; 0 without any) of each cell of `bars`."""
    own = bars[bars["degree"] == 1]
    own = own.assign(length=own["death"] - own["birth"]).groupby(["series", "step"])["length"]
    found = pd.DataFrame({"loops": own.size(), "longest": own.max()})
    return bars[["series", "step"]].drop_duplicates(ignore_index=True).join(found, on=["series", "step"]).fillna(0)


def numbers(data: Data) -> Numbers:
    table = loops(data.bars)
    words = [f"{count:.0f} ({three(longest)})" for count, longest in zip(table["loops"], table["longest"], strict=True)]
    return by_step("Number of loops (H1 bars) by step, and the longest", table, ["series"], words)


FIGURE = Figure(
    name="barcode", place=190, title="Barcode and persistence diagram, step by step",
    uses=("scale", "layer", "series", "step"),
    read=read, chart=chart, caption=caption, table=lambda data: data.bars, numbers=numbers, paper={"height": 440},
    cells=lambda data: cells(data.bars), at=lambda data, series, step: Data(**vars(data) | {"shown": (series, step)}),
)  # fmt: skip
