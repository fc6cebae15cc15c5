"""How far each checkpoint moves, with the floor that resampling alone gives."""

from __future__ import annotations

from typing import NamedTuple

import altair as alt
import pandas as pd

from phcore.errors import Fault
from phcore.figures.charts.curves import velocity_chart
from phcore.figures.figure import Choice, Figure, Look, Numbers, by_step
from phcore.figures.reading import COMPUTE, curve, floor, of_distance
from phcore.formatting import three, wasserstein_words
from phcore.stages.results import Results
from phcore.topology import clouds


class Data(NamedTuple):
    """The curves and their floor (layer, step, lo, hi); quantity with unit, distance, and share of common prompts."""

    curve: pd.DataFrame
    floor: pd.DataFrame
    quantity: str
    distance: str
    shared: float
    prompts: int
    degree: int
    own_axes: bool


def read(results: Results, choice: Choice) -> Data:
    """All layers, or the one that is chosen alone."""
    velocities, band = curve(results, choice, choice.per), floor(results, choice)
    if choice.per == "step":  # a velocity per training step is divided by its gap, and so is the floor beside it
        begun = velocities.groupby("step")["step_from"].max()
        gap = band["step"] - band["step"].map(begun)
        band = band.assign(lo=band["lo"] / gap, hi=band["hi"] / gap).dropna()
    if choice.single:
        velocities, band = (table[table["layer"] == choice.layer] for table in (velocities, band))
        if velocities.empty:
            raise Fault(f"there is no velocity at layer {choice.layer} yet", COMPUTE)
    asked = results.study
    return Data(
        velocities, band, of_distance(results, choice, choice.per), wasserstein_words(choice.order, asked.norm),
        shared_prompts(results), results.record.n_prompts, choice.degree, choice.scale == "raw" and not choice.single,
    )  # fmt: skip


def shared_prompts(results: Results) -> float:
    """Share of its prompts that a subsample's partner repeats: 0 where the floor compares disjoint subsamples."""
    asked, n = results.study, results.record.n_prompts
    if not asked.subsamples:
        return 0.0
    sets = clouds.subsamples(n, count=asked.subsamples, size=asked.subsample_size, seed=asked.seed)
    return clouds.overlap(sets, clouds.partners(sets, n, seed=asked.seed))


def chart(data: Data, look: Look) -> alt.LayerChart | alt.FacetChart:
    floor = data.floor if len(data.floor) else None
    return velocity_chart(
        data.curve, floor, y_title=data.quantity, share_y=not data.own_axes, top=look.top, **look.stepped
    )


def caption(data: Data) -> str:
    grey = "This study uses whole clouds, so there is no resampling floor to compare with."
    if len(data.floor):
        grey = (
            "Grey: the resampling floor, 10 to 90 % of the distances between two subsamples of different prompts in "
            "one cloud; inside it, a velocity cannot be told from another choice of prompts."
        )
        if data.shared:
            grey += f" With {data.prompts} prompts the two share {data.shared:.0%}, so this floor is too low."
    return (
        f"{data.distance} between the H{data.degree} diagrams of consecutive checkpoints, mean over subsamples; bands "
        f"from 10 to 90 % of them. {grey}"
    )


def numbers(data: Data) -> Numbers:
    words = [three(value) for value in data.curve["mean"]]
    return by_step(f"H{data.degree} velocity by the step that ends the transition", data.curve, ["series", "layer"],
                   words)  # fmt: skip


FIGURE = Figure(
    name="velocity",
    title="Velocity by step, with its resampling floor",
    uses=("degree", "order", "scale", "per", "single", "layer"),
    read=read,
    chart=chart,
    caption=caption,
    table=lambda data: data.curve,
    numbers=numbers,
    paper={"height": 230},
)
