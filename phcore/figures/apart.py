"""How far apart two of the series are, by step."""

from phcore.errors import Fault
from phcore.figures import separation
from phcore.figures.charts.curve_rows import CURVE, curve_rows
from phcore.figures.charts.curves import distance_answer, only, over_steps, top_of, up
from phcore.figures.charts.steps import StepAxis, link_steps
from phcore.figures.charts.theme import INK, Y_AXIS
from phcore.figures.figure import Choice, Data, Figure, Look, Source
from phcore.figures.reading import owners


def read(results: Source, choice: Choice) -> dict:
    """As `separation.read`, of one pair: the first two series unless others are chosen."""
    found = separation.read(results, choice)
    names = list(owners(results))
    a, b = choice.first or names[0], choice.second or names[1]
    if a == b:
        raise Fault("a series is not apart from itself", "choose two different series")
    table = found["rows"]
    own = table[table["series_a"].isin([a, b]) & table["series_b"].isin([a, b])]
    if own.empty:
        raise Fault(f"{a} and {b} have no finished step in common", "compute the study")
    return found | {"rows": own.assign(series_a=a, series_b=b)}


def chart(data: Data, look: Look):
    """The distance by step, with its floor. Clicks choose `step`."""
    a, b = data.rows[["series_a", "series_b"]].iloc[0]
    distance, floor = data.rows[["step", "value"]], separation.floor_of(data.rows)
    curve = distance.rename(columns={"value": "mean"}).assign(lo=distance["value"], hi=distance["value"])
    curve = curve.assign(series="distance", objective="", layer=0)
    axis = StepAxis(look.steps, log=look.log, width=look.width - Y_AXIS)
    y = up(top_of(curve, floor), separation.quantity(data))
    rows, fields = curve_rows(curve, floor, axis)
    point = {"color": INK, "size": 36, "filled": True, "opacity": 1}
    question = f"How far apart are {a} and {b}? (layer {data.choice.layer})"
    line = only(CURVE).mark_line(color=INK, strokeWidth=2, point=point).encode(x=axis.x(), y=y)
    whole = look.framed(question, distance_answer(distance, floor))
    return link_steps(
        over_steps([line], fields, y, axis, look, look.height or 300, floor is not None, data=rows, **whole)
    )


FIGURE = Figure(
    name="apart", place=70, title="Distance between two series by step",
    uses=(*separation.FIGURE.uses, "first", "second"),
    read=read, chart=chart, caption=separation.caption, table=separation.FIGURE.table,
)  # fmt: skip
