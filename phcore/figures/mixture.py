"""Where a series lies between two others that it may be a mixture of."""

from __future__ import annotations

from typing import NamedTuple

import altair as alt
import pandas as pd

from phcore.errors import Fault
from phcore.figures.charts.mixture import mixture_chart
from phcore.figures.figure import Choice, Control, Figure, Look, Numbers, listed
from phcore.figures.reading import owners, rows
from phcore.formatting import three
from phcore.stages.results import Results


class Data(NamedTuple):
    """Rows of the table `mixture` of one series between two, with the objectives of all three."""

    rows: pd.DataFrame
    series: str
    first: str
    second: str


def read(results: Results, choice: Choice) -> Data:
    table = rows(results, "mixture", choice, "layer", "scale")
    table = table[table["step"] > 0]
    if table.empty:
        raise Fault("a series between two others needs three series that share a step", "compute a study of three")
    name = choice.series or _likely(results, choice, list(dict.fromkeys(table["series"])))
    own = table[table["series"] == name]
    a, b = (choice.first, choice.second) if choice.first else own[["part_a", "part_b"]].iloc[0]
    objective = owners(results)
    own = own[(own["part_a"] == a) & (own["part_b"] == b)].assign(
        objective=objective[name], objective_a=objective[a], objective_b=objective[b]
    )
    return Data(own, name, a, b)


def _likely(results: Results, choice: Choice, names: list[str]) -> str:
    """The series that calls itself a mixture; else the last."""
    own = owners(results)
    return next((name for name in names if "mix" in f"{name} {own[name]}".lower()), names[-1])


def chart(data: Data, look: Look) -> alt.HConcatChart:
    return mixture_chart(data.rows, **look.stepped)


def numbers(data: Data) -> Numbers:
    return listed(f"Where {data.series} lies", data.rows, {
        "step": lambda one: f"{one.step:,}",
        "along": lambda one: f"{one.along:.2f}",
        "off the line": lambda one: three(one.off),
        f"to {data.first}": lambda one: three(one.to_a),
        f"to {data.second}": lambda one: three(one.to_b),
        f"{data.first} to {data.second}": lambda one: three(one.a_to_b),
    })  # fmt: skip


def _names(results: Results, choice: Choice) -> list[str]:
    return list(dict.fromkeys(rows(results, "mixture", choice, "layer", "scale")["series"]))


def _parts(results: Results, choice: Choice) -> list[tuple[str, str]]:
    table = rows(results, "mixture", choice, "layer", "scale", "series")
    return list(dict.fromkeys(zip(table["part_a"], table["part_b"], strict=True)))


FIGURE = Figure(
    name="mixture",
    title="A mixture between its parts",
    uses=("scale", "layer", "series", "first", "second"),
    read=read,
    chart=chart,
    caption=lambda data: (
        "Distances of mean summaries in resampling standard deviations. The place along the line "
        "between the parts is a projection: 0 at the first, 1 at the second; the distance from that line says how much "
        "of it lies elsewhere."
    ),
    table=lambda data: data.rows.drop(columns=["objective", "objective_a", "objective_b"]),
    numbers=numbers,
    section="Apart?",
    heading="Does a mixture lie between its parts?",
    controls=(
        Control("e_mixture", "series", "Mixture", _names, default=_likely, width=1.6),
        Control("e_parts", ("first", "second"), "Parts", _parts, " – ".join, width=2.4),
    ),
)
