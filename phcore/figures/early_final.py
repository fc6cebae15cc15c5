"""Whether early movement tells how a run ends."""

from dataclasses import replace

import altair as alt
import pandas as pd

from phcore.analysis.claims import LEVEL
from phcore.analysis.foretelling import early_points
from phcore.errors import Fault
from phcore.figures.behaviour import in_order, moves, named
from phcore.figures.charts.channels import View, by_objective, measure, p_words, told
from phcore.figures.charts.theme import HALF_WIDTH, SOFT, Y_AXIS
from phcore.figures.figure import PER, Choice, Control, Data, Figure, Look, Source, fixed
from phcore.figures.reading import CURVE, labelled, own_runs, rows
from phcore.formatting import count, three
from phcore.study.measures import steps_of

_WIDE = 480  # pixels from which on two legends stand side by side
FEW = 10  # runs: below, a rank correlation says next to nothing
_SHAPES = ("circle", "square", "diamond", "cross", "triangle-down", "triangle-right")  # upright triangles are H1
SETTING = "learning_rate"
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
    points = points[(points[asked.index] == asked).all(axis=1) & points["series"].isin(own_runs(results))]
    points = labelled(results, points)
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
    colour = by_objective(table["objective"], look.objectives, "circle", look.width - Y_AXIS)
    tooltip = told({"series": "series", "layer": "layer", "x_words": x_title, "y_words": y_title})
    mark = View(table).mark_point(filled=True, opacity=0.85, size=110)
    return alt.layer(
        mark.encode(x=x, y=y, color=colour, shape=shape, tooltip=tooltip),
        width=look.width - Y_AXIS,
        height=look.height or 228,
        **look.framed("Does early movement tell the end?", answer(data)),
    )


def answer(data: Data) -> str:
    """What the correlation over all runs and that among runs of one objective tell together."""
    one = data.correlation
    if pd.isna(one["rho"]):
        return "Too few runs end with a known behaviour."
    over_all = one["runs"] >= FEW and (one["lo"] > 0 or one["hi"] < 0)
    if one["runs_within"] >= FEW and pd.notna(one["p_within"]):
        within = f"{one['within']:.2f}, {p_words(one['p_within'])}, {count(int(one['runs_within']), 'run')}"
        if one["p_within"] <= LEVEL:
            return f"Early movement tells the end, also among runs of one objective: rank correlation {within}."
        if over_all:
            return (
                f"Early movement goes with the end over all runs (rank correlation {one['rho']:.2f}); among runs of "
                f"one objective that is not seen ({within})."
            )
    interval = "no interval" if pd.isna(one["lo"]) else f"{one['lo']:.2f} to {one['hi']:.2f}"
    told = "Early movement goes with the end" if over_all else "Whether early movement tells the end cannot be told"
    return f"{told}: rank correlation {one['rho']:.2f} ({interval}), {count(int(one['runs']), 'run')}."


def more(data: Data) -> str:
    """Of how many points, and what the behaviour itself tells that early."""
    points = count(int(data.correlation["points"]), "point")
    told = f"{points}, one per run and layer; the layers of a run share its end."
    itself, name = data.correlation["itself"], named(data.metric)
    if pd.isna(itself):
        return told
    return f"{told} {name[0].upper()}{name[1:]} itself, after the first third, goes with its end at {itself:.2f}."


def conclusions(results: Source) -> list[str]:
    """The answer for each behaviour that differs between the ends of the runs, in lines below a heading."""
    choice = Choice.of(results, predictor="early_velocity")
    answers = []
    for final in _metrics(results, choice):
        if final == SETTING:  # chosen, not found
            continue
        data = FIGURE.data(results, replace(choice, final=final))
        answers.append(f"{named(final)}: {answer(data)}")
    if not answers:
        return ["No behaviour at the end of the runs is known, so nothing can be told early."]
    told = f"H{choice.degree} velocity in the first third of the checkpoints, and the end of each run:"
    many = f"Of {len(answers)} such answers, one in twenty says too much by chance." if len(answers) > 1 else ""
    return [told, *answers, *filter(None, [many])]


def _room(values: pd.Series) -> list[float]:
    """A domain around the values, with room around the marks."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    room = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
    return [low - room, high + room]


def warning(data: Data) -> str:
    one = data.correlation
    runs, objectives = int(one["runs"]), data.points["objective"].nunique()
    if runs < FEW:
        return (
            f"{int(one['points'])} points, but {count(runs, 'run')}: the layers of a run share its end. Below {FEW} "
            "runs a correlation says next to nothing."
        )
    if objectives > 1 and one["runs_within"] < FEW:
        return (
            "Objectives may differ in both, from the first step on. Whether early movement tells more than the "
            f"objective does needs {FEW} runs that share theirs with another; there are {int(one['runs_within'])}."
        )
    return ""


def _metrics(results: Source, choice: Choice) -> list[str]:
    """Behaviours at the end of the runs; what ends alike in all of them correlates with nothing."""
    table = rows(results, "early_final", choice, "degree", "scale")
    told = table.dropna(subset="rho")
    return in_order((told if len(told) else table)["name"])


def _caption(predictor: str) -> str:
    told = (
        "Shapes: layers. Interval: whole runs resampled. Rank correlation after Spearman. Among runs of one objective, "
        "ranks are within objective and layer, and p is by letting runs change ends."
    )
    late = " Concentration is known at the end only: what can be watched is the velocity in the first third."
    return told + (late if predictor == "concentration" else "")


FIGURE = Figure(
    name="early_final", place=160, title="Early movement and the end of a run",
    uses=(*CURVE, "per", "predictor", "final"),
    read=read, chart=chart, table=lambda data: data.every, warning=warning, section="Before behaviour?",
    half=True, more=more,
    caption=lambda data: _caption(data.choice.predictor),
    controls=(
        Control("e_predictor", "predictor", "Early", fixed(*PREDICTORS), PREDICTORS.get,
                link="early quantity"),
        Control("e_final_per", "per", "Velocity per", fixed(*PER)),
        Control("e_final", "final", "Final", _metrics, named,
                help="At the last checkpoint of each series.", link="final quantity"),
    ),
)  # fmt: skip
