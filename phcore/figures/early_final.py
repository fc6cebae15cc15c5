"""Whether early movement tells how a run ends."""

from __future__ import annotations

import pandas as pd

from phcore.analysis.against_behaviour import early_points
from phcore.errors import Fault
from phcore.figures.behaviour import in_order, moves, named
from phcore.figures.charts.behaviour import early_final_chart
from phcore.figures.charts.theme import HALF_WIDTH
from phcore.figures.figure import PER, Choice, Control, Data, Figure, Look, Source, fixed
from phcore.figures.reading import CURVE, labelled, rows
from phcore.study.measures import steps_of

FEW = 10  # runs: below, a rank correlation says next to nothing
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
    choice = data.choice
    x = f"{PREDICTORS[choice.predictor]} (H{choice.degree}, {choice.scale}, per {choice.per})"
    asked = look.frame | {"width": min(look.width, HALF_WIDTH)}
    return early_final_chart(data.points, x_title=x, y_title=named(data.metric), correlation=data.correlation, **asked)


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
    name="early_final", title="Early movement and the end of a run", uses=(*CURVE, "per", "predictor", "final"),
    read=read, chart=chart, table=lambda data: data.every, warning=warning, section="Before behaviour?",
    heading="Does early movement tell the end?",
    caption=lambda data: "Numbers: layers. Interval: whole runs resampled. Rank correlation after Spearman.",
    controls=(
        Control("e_predictor", "predictor", "Early", fixed(*PREDICTORS), PREDICTORS.get, width=1.6,
                link="early quantity"),
        Control("e_final_per", "per", "Velocity per", fixed(*PER)),
        Control("e_final", "final", "Final", _metrics, named, width=2.6,
                help="At the last checkpoint of each series.", link="final quantity"),
    ),
)  # fmt: skip
