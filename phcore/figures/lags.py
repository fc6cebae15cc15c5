"""Which peaks first: topology, or what the model would say."""

from __future__ import annotations

from typing import NamedTuple

import altair as alt
import pandas as pd

from phcore.errors import Fault
from phcore.figures.behaviour import in_order, moves, named
from phcore.figures.charts.behaviour import lag_chart
from phcore.figures.figure import Choice, Figure, Look, Numbers, listed
from phcore.figures.reading import labelled, rows
from phcore.stages.results import Results


class Data(NamedTuple):
    """Rows of the table `lags` of one behaviour, with the objectives; and what the behaviour and the velocity are."""

    rows: pd.DataFrame
    behaviour: str
    degree: int
    per: str


def read(results: Results, choice: Choice) -> Data:
    name = choice.behaviour or in_order(moves(results)["name"])[0]
    table = rows(results, "lags", choice, "degree", "scale", "per")
    table = table[table["name"] == name].dropna(subset="lag_checkpoints")
    if table.empty:
        raise Fault(
            "no series has a peak in both topology and this behaviour yet",
            "compute the study: peaks are compared at the end of a run",
        )
    return Data(labelled(results, table), named(name).split(" (")[0], choice.degree, choice.per)


def chart(data: Data, look: Look) -> alt.LayerChart:
    return lag_chart(data.rows, steps=look.steps, behaviour=data.behaviour, **look.frame)


def caption(data: Data) -> str:
    gaps = data.rows["resolution_steps"]
    return (
        f"All prompts. Lag: peak of {data.behaviour} minus peak of H{data.degree} velocity, both per {data.per}, in "
        "checkpoints. Whiskers: the peaks of 10 to 90 % of the subsamples. The grid resolves no less than "
        f"{gaps.min():,.0f} to {gaps.max():,.0f} steps; a lag within that is none."
    )


def numbers(data: Data) -> Numbers:
    return listed("Steps at which the peaks end", data.rows, {
        "series": lambda one: one.series,
        "layer": lambda one: f"{one.layer}",
        "peak of topology": lambda one: f"{one.peak_topology:,.0f}",
        "of subsamples": lambda one: f"{one.peak_lo:,.0f} to {one.peak_hi:,.0f}",
        "peak of behaviour": lambda one: f"{one.peak_behaviour:,.0f}",
        "lag (checkpoints)": lambda one: f"{one.lag_checkpoints:+.0f}",
    })  # fmt: skip


FIGURE = Figure(
    name="lags",
    title="Which peaks first",
    uses=("degree", "scale", "per", "behaviour"),
    read=read,
    chart=chart,
    caption=caption,
    table=lambda data: data.rows.drop(columns=["degree", "scale", "per", "name", "objective"]),
    numbers=numbers,
    section="Before behaviour?",
    follows="behaviour",
)
