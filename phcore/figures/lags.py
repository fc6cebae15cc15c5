"""Which peaks first: topology, or what the model would say."""

from __future__ import annotations

from phcore.errors import Fault
from phcore.figures.behaviour import in_order, moves, named
from phcore.figures.charts.behaviour import lag_chart
from phcore.figures.figure import Choice, Data, Figure, Look, Numbers, Source, listed
from phcore.figures.reading import labelled, rows


def read(results: Source, choice: Choice) -> dict:
    """rows of the table `lags` of one behaviour, with the objectives; behaviour: its short name."""
    name = choice.behaviour or in_order(moves(results)["name"])[0]
    table = rows(results, "lags", choice, "degree", "scale", "per")
    table = table[table["name"] == name].dropna(subset="lag_checkpoints")
    if table.empty:
        raise Fault(
            "no series has a peak in both topology and this behaviour yet",
            "compute the study: peaks are compared at the end of a run",
        )
    return {"rows": labelled(results, table), "behaviour": named(name).split(" (")[0]}


def chart(data: Data, look: Look):
    return lag_chart(data.rows, steps=look.steps, behaviour=data.behaviour, **look.frame)


def caption(data: Data) -> str:
    gaps, choice = data.rows["resolution_steps"], data.choice
    return (
        f"All prompts. Lag: peak of {data.behaviour} minus peak of H{choice.degree} velocity, both per {choice.per}, "
        "in checkpoints. Whiskers: the peaks of 10 to 90 % of the subsamples. The grid resolves no less than "
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
    name="lags", title="Which peaks first", uses=("degree", "scale", "per", "behaviour"), read=read, chart=chart,
    caption=caption, table=lambda data: data.rows.drop(columns=["degree", "scale", "per", "name", "objective"]),
    numbers=numbers, section="Before behaviour?", follows="behaviour",
)  # fmt: skip
