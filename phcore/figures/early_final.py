"""Whether early movement tells how a run ends."""

from dataclasses import replace

import altair as alt
import pandas as pd

from phcore.analysis.against_behaviour import early_points
from phcore.errors import Fault
from phcore.figures.behaviour import in_order, moves, named
from phcore.figures.charts.channels import View, by_objective, measure, told
from phcore.figures.charts.theme import HALF_WIDTH, SOFT, Y_AXIS
from phcore.figures.figure import PER, Choice, Control, Data, Figure, Look, Source, fixed
from phcore.figures.reading import CURVE, labelled, rows
from phcore.formatting import count, three
from phcore.study.measures import steps_of

_WIDE = 480  # pixels from which on two legends stand side by side
FEW = 10  # runs: below, a rank correlation says next to nothing
_SHAPES = ("circle", "square", "diamond", "cross", "triangle-down", "triangle-right")  # upright triangles are H1
PREDICTORS = {"concentration": "concentration", "early_velocity": "velocity in the first third"}


def read(results: Source, choice: Choice) -> dict:
    """points: series, objective, layer, x, y; correlation: their row of the table `early_final`; every: that table;
    metric: what is final."""
    moves(results)  # without any, what is missing is said of all
    table = rows(results, "early_final", choice, "degree", "scale")
    metric = choice.final or next(iter(_metrics(results, choice)), "")
    asked = pd.Series({"predictor": choice.predictor, "per": choice.per, "name": metric})
    one = table[(table[asked.index] == asked).all(axis=1)]
    if one.empty:
        raise Fault("no series has both early movement and a known end", "compute the study")
    points = early_points(
        rows(results, "concentration", choice, *CURVE), rows(results, "velocities", choice, *CURVE),
        results.table("behaviour", name=metric), steps_of(results.record),
    )  # fmt: skip
    points = labelled(results, points[(points[asked.index] == asked).all(axis=1)])
    return {"points": points, "correlation": one.iloc[0], "every": table, "metric": metric}


def chart(data: Data, look: Look):
    """A mark per series and layer, its shape the layer: early movement across, the end of the run upwards."""
    choice, look = data.choice, replace(look, width=min(look.width, HALF_WIDTH))
    x_title = f"{PREDICTORS[choice.predictor]} (H{choice.degree}, {choice.scale}, per {choice.per})"
    y_title = named(data.metric)
    known = data.points.dropna(subset=["x", "y"], ignore_index=True)
    table = known.assign(**{f"{axis}_words": [three(value) for value in known[axis]] for axis in "xy"})
    x, y = (
        measure(channel, axis, title, _room(table[axis]), {"tickCount": 5}, zero=False)
        for channel, axis, title in ((alt.X, "x", x_title), (alt.Y, "y", y_title))
    )
    layers = sorted({int(layer) for layer in table["layer"]})
    shape = alt.Shape(
        field="layer",
        type="nominal",
        scale=alt.Scale(domain=layers, range=[_SHAPES[place % len(_SHAPES)] for place in range(len(layers))]),
        legend=alt.Legend(
            orient="top" if look.width >= _WIDE else "bottom",
            title="layer",
            titleOrient="left",
            symbolFillColor=SOFT,
            symbolStrokeWidth=0,
            symbolOpacity=1,
        ),
    )
    colour = by_objective(table["objective"], look.objectives, "circle")
    tooltip = told({"series": "series", "layer": "layer", "x_words": x_title, "y_words": y_title})
    mark = View(table).mark_point(filled=True, opacity=0.85, size=110)
    return alt.layer(
        mark.encode(x=x, y=y, color=colour, shape=shape, tooltip=tooltip),
        width=look.width - Y_AXIS,
        height=look.height or 240,
        **look.framed("Does early movement tell the end?", answer(data)),
    )


def answer(data: Data) -> str:
    """The rank correlation with its interval, and of how many runs."""
    correlation = data.correlation
    if pd.isna(correlation["rho"]):
        return "Too few runs end with a known behaviour."
    runs = int(correlation["runs"])
    lo, hi = correlation["lo"], correlation["hi"]
    interval = "no interval" if pd.isna(lo) or pd.isna(hi) else f"{lo:.2f} to {hi:.2f}"
    told = "Early movement goes with the end" if lo > 0 or hi < 0 else "Early movement does not tell the end"
    return f"{told}: rank correlation {correlation['rho']:.2f} ({interval}), {count(runs, 'run')}."


def more(data: Data) -> str:
    """Of how many points."""
    points = count(int(data.correlation["points"]), "point")
    return f"{points}, one per run and layer; the layers of a run share its end."


def _room(values: pd.Series) -> list[float]:
    """A domain around the values, with room around the marks."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    room = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
    return [low - room, high + room]


def warning(data: Data) -> str:
    runs = int(data.correlation["runs"])
    if runs >= FEW:
        return ""
    return (
        f"{int(data.correlation['points'])} points, but {runs} runs: the layers of a run share its end. Below {FEW} "
        "runs a correlation says next to nothing."
    )


def _metrics(results: Source, choice: Choice) -> list[str]:
    """Behaviours at the end of the runs; what ends alike in all of them correlates with nothing."""
    table = rows(results, "early_final", choice, "degree", "scale")
    told = table.dropna(subset="rho")
    return in_order((told if len(told) else table)["name"])


FIGURE = Figure(
    name="early_final", place=160, title="Early movement and the end of a run",
    uses=(*CURVE, "per", "predictor", "final"),
    read=read, chart=chart, table=lambda data: data.every, warning=warning, section="Before behaviour?",
    half=True, more=more,
    caption=lambda data: "Shapes: layers. Interval: whole runs resampled. Rank correlation after Spearman.",
    controls=(
        Control("e_predictor", "predictor", "Early", fixed(*PREDICTORS), PREDICTORS.get,
                link="early quantity"),
        Control("e_final_per", "per", "Velocity per", fixed(*PER)),
        Control("e_final", "final", "Final", _metrics, named,
                help="At the last checkpoint of each series.", link="final quantity"),
    ),
)  # fmt: skip
