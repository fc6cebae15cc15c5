"""Velocity beside what a cloud of the same mean and covariance would do: is there movement of shape beyond that?"""

from __future__ import annotations

from typing import NamedTuple

import altair as alt
import pandas as pd

from phcore.analysis import against_null
from phcore.errors import Fault
from phcore.figures.charts.answers import null_answer
from phcore.figures.charts.curves import velocity_chart
from phcore.figures.figure import Choice, Figure, Look, Numbers, by_step
from phcore.figures.reading import COMPUTE, CURVE, curve, floor, of_distance, owners, rows
from phcore.formatting import three, wasserstein_words
from phcore.stages.results import Results


class Data(NamedTuple):
    """All layers beside their nulls, the one in view with its objectives, and what its numbers are.

    `noise`: kind, largest, checkpoints, from `against_null.numerical_floor`.
    """

    every: pd.DataFrame
    table: pd.DataFrame
    noise: pd.DataFrame
    layer: int
    panels: dict[int, str]
    quantity: str
    distance: str


def read(results: Results, choice: Choice) -> Data:
    gaussians = rows(results, "gaussian_velocities", choice, *CURVE)
    every = against_null.beside_controls(curve(results, choice), gaussians, floor(results, choice))
    table = every[every["layer"] == choice.layer]
    if table.empty:
        raise Fault(f"no two consecutive checkpoints have a Gaussian control at layer {choice.layer} yet", COMPUTE)
    own = owners(results)
    return Data(
        every, table.assign(objective=table["series"].map(own)),
        against_null.numerical_floor(rows(results, "numerical_noise", choice, *CURVE, "layer")),
        choice.layer, dict(enumerate(own)), of_distance(results, choice),
        wasserstein_words(choice.order, results.study.norm),
    )  # fmt: skip


def chart(data: Data, look: Look) -> alt.LayerChart | alt.FacetChart:
    """One panel per series: each has a null of its own."""
    places = {name: number for number, name in data.panels.items()}
    curve = data.table.assign(layer=data.table["series"].map(places), series="velocity")
    floor, null = (
        curve[["layer", "step", f"{band}_lo", f"{band}_hi"]].set_axis(["layer", "step", "lo", "hi"], axis=1).dropna()
        for band in ("floor", "null")
    )
    noise = pd.DataFrame({"layer": sorted(curve["layer"].unique()), "value": data.noise["largest"].max()})
    look_of = {"question": f"Does it move more than a Gaussian cloud would? (layer {data.layer})",
               "answer": null_answer(data.every, data.layer)} | look.stepped  # fmt: skip
    return velocity_chart(
        curve, floor if len(floor) else None, null=null, panels=data.panels,
        numerics=noise if len(data.noise) else None, y_title=data.quantity, **look_of,
    )  # fmt: skip


def caption(data: Data) -> str:
    grey = "Whole clouds have no resampling floor."
    if data.table["floor_hi"].notna().any():
        grey = "Grey: the resampling floor."
    return (
        f"{data.distance} between consecutive checkpoints, mean over subsamples; bands from 10 to 90 %. {grey} Dashed: "
        "the same distance between Gaussian clouds with the mean and covariance of the two checkpoints, made from the "
        "same noise: what would move if there were no shape beyond that. A move exceeds or stays below this null where "
        f"it lies outside the band. Moves are counted; this is no p-value. {_numerical(data)}"
    )


def _numerical(data: Data) -> str:
    """The numerical floor in a sentence per kind."""
    if data.noise.empty:
        return "The numerical floor has not been measured."
    smallest = data.table["mean"].min()
    parts = []
    for one in data.noise.itertuples():
        how = "in other batches" if one.kind == "batches" else f"in {one.kind}"
        share = one.largest / smallest if smallest > 0 else float("nan")
        beside = f", {share:.1%} of the smallest velocity here" if share >= 0.0005 else ", far below any velocity here"
        parts.append(
            f"reading {one.checkpoints} checkpoints again {how} moves them by {three(one.largest)} at most{beside}"
        )
    return f"Numerical floor (dotted): {'; '.join(parts)}."


def numbers(data: Data) -> Numbers:
    words = [f"{three(mean)} ({place})" for mean, place in zip(data.table["mean"], data.table["place"], strict=True)]
    caption = f"Velocity at layer {data.layer} by step, and its place beside its Gaussian null"
    return by_step(caption, data.table, ["series"], words)


FIGURE = Figure(
    name="gaussian",
    title="Velocity against Gaussian clouds that match",
    uses=(*CURVE, "layer"),
    read=read,
    chart=chart,
    caption=caption,
    table=lambda data: data.every,
    numbers=numbers,
    paper={"height": 230},
    section="More than noise?",
    below=("Table and download", "All layers. null: mean of the Gaussian clouds with the same mean and covariance, "
           "null_lo to null_hi: 10 to 90 % of the draws. size_alone: mean of Gaussian clouds of the same total "
           "variance, which only grow or shrink."),
)  # fmt: skip
