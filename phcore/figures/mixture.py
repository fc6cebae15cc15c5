"""Where a series lies between two others that it may be a mixture of."""

from __future__ import annotations

from phcore.errors import Fault
from phcore.figures.charts.mixture import mixture_chart
from phcore.figures.figure import Choice, Control, Data, Figure, Numbers, Source, listed
from phcore.figures.reading import owners, rows
from phcore.formatting import three


def read(results: Source, choice: Choice) -> dict:
    """rows of the table `mixture` of one series between two others, with the objectives of all three."""
    table = rows(results, "mixture", choice, "layer", "scale")
    table = table[table["step"] > 0]
    if table.empty:
        raise Fault("a series between two others needs three series that share a step", "compute a study of three")
    name = choice.series or _likely(results, choice, list(dict.fromkeys(table["series"])))
    own = table[table["series"] == name]
    a, b = (choice.first, choice.second) if choice.first else own[["part_a", "part_b"]].iloc[0]
    own = own[(own["part_a"] == a) & (own["part_b"] == b)]
    parts = {"objective": "series", "objective_a": "part_a", "objective_b": "part_b"}
    return {"rows": own.assign(**{column: own[of].map(owners(results)) for column, of in parts.items()})}


def _likely(results: Source, choice: Choice, names: list[str]) -> str:
    """The series that calls itself a mixture; else the last."""
    own = owners(results)
    return next((name for name in names if "mix" in f"{name} {own[name]}".lower()), names[-1])


def numbers(data: Data) -> Numbers:
    name, a, b = data.rows[["series", "part_a", "part_b"]].iloc[0]
    return listed(f"Where {name} lies", data.rows, {
        "step": lambda one: f"{one.step:,}",
        "along": lambda one: f"{one.along:.2f}",
        "off the line": lambda one: three(one.off),
        f"to {a}": lambda one: three(one.to_a),
        f"to {b}": lambda one: three(one.to_b),
        f"{a} to {b}": lambda one: three(one.a_to_b),
    })  # fmt: skip


def _names(results: Source, choice: Choice) -> list[str]:
    return list(dict.fromkeys(rows(results, "mixture", choice, "layer", "scale")["series"]))


def _parts(results: Source, choice: Choice) -> list[tuple[str, str]]:
    table = rows(results, "mixture", choice, "layer", "scale", "series")
    return list(dict.fromkeys(zip(table["part_a"], table["part_b"], strict=True)))


FIGURE = Figure(
    name="mixture", title="A mixture between its parts", uses=("scale", "layer", "series", "first", "second"),
    read=read, chart=lambda data, look: mixture_chart(data.rows, **look.stepped),
    caption=lambda data: "Distances of mean summaries in resampling standard deviations. The place along the line "
    "between the parts is a projection: 0 at the first, 1 at the second; the distance from that line says how much of "
    "it lies elsewhere.",
    table=lambda data: data.rows.drop(columns=["objective", "objective_a", "objective_b"]), numbers=numbers,
    section="Apart?", heading="Does a mixture lie between its parts?",
    controls=(
        Control("e_mixture", "series", "Mixture", _names, default=_likely, width=1.6),
        Control("e_parts", ("first", "second"), "Parts", _parts, " – ".join, width=2.4, link="parts of the mixture"),
    ),
)  # fmt: skip
