"""How far apart two of the series are, by step."""

from __future__ import annotations

import altair as alt

from phcore.errors import Fault
from phcore.figures import separation
from phcore.figures.charts.curves import objective_distance_chart
from phcore.figures.figure import Choice, Control, Figure, Look, fixed
from phcore.figures.reading import owners
from phcore.stages.results import Results


def read(results: Results, choice: Choice) -> separation.Data:
    data = separation.read(results, choice)
    names = list(owners(results))
    a, b = choice.first or names[0], choice.second or names[1]
    if a == b:
        raise Fault("a series is not apart from itself", "choose two different series")
    table = data.rows
    own = table[table["series_a"].isin([a, b]) & table["series_b"].isin([a, b])]
    if own.empty:
        raise Fault(f"{a} and {b} have no finished step in common", "compute the study")
    return data._replace(rows=own.assign(series_a=a, series_b=b))


def series(results: Results, choice: Choice) -> list[str]:
    """What can be chosen: nothing where there is one series alone."""
    names = list(owners(results))
    return names if len(names) > 1 else []


def chart(data: separation.Data, look: Look) -> alt.LayerChart:
    a, b = data.rows[["series_a", "series_b"]].iloc[0]
    asked = {"question": f"How far apart are {a} and {b}? (layer {data.layer})"} | look.stepped
    del asked["objectives"]  # its line is between two of them
    return objective_distance_chart(
        data.rows[["step", "value"]], separation.floor_of(data.rows), y_title=data.quantity, **asked
    )


FIGURE = Figure(
    name="apart",
    title="Distance between two series by step",
    uses=(*separation.FIGURE.uses, "first", "second"),
    read=read,
    chart=chart,
    caption=separation.FIGURE.caption,
    table=separation.FIGURE.table,
    controls=(
        Control("t_a", "first", "First", series, width=2.2),
        Control("t_b", "second", "Second", series, default=lambda results, choice, names: names[1], width=2.2),
        Control("t_by", "distance", "Measured by", fixed(separation.MEANS, separation.PAIRED), width=2.6),
    ),
)
