"""How far each objective has moved from its base, in times of what other prompts would change: what opens a study."""

import altair as alt
import numpy as np
import pandas as pd

from phcore.analysis import readings
from phcore.analysis.claims import LEVEL
from phcore.analysis.displacements import ALL
from phcore.analysis.equal_windows import QUARTERS
from phcore.analysis.headline import Headline, by_objective, headline
from phcore.errors import Fault
from phcore.figures.charts.channels import View, end_names, on
from phcore.figures.charts.channels import by_objective as coloured
from phcore.figures.charts.curves import band_name, up
from phcore.figures.charts.steps import StepAxis, link_steps, step_picker, step_rule
from phcore.figures.charts.theme import FLOOR, Y_AXIS
from phcore.figures.figure import Choice, Data, Figure, Look, Numbers, Source, listed
from phcore.figures.reading import COMPUTE, labelled, own_runs
from phcore.formatting import percent, three
from phcore.stages.findings import subjects

KINDS = {"raw": "moved", "median": "shape"}
"""Scale -> column of the table: all that moved, or what is left with size divided out."""
_LABELS = 96  # pixels beside the plot for the names of its lines


def read(results: Source, choice: Choice) -> dict:
    """rows: of the table `net_change` at one layer, with the objective of each series; times: value over floor;
    headline: what is said of them."""
    table = results.table("net_change", layer=choice.layer)
    table = table[table[["moved", "shape"]].notna().any(axis=1)]
    if (table["step"] > 0).sum() == 0:
        raise Fault("no checkpoint of this layer can be compared with its base yet", COMPUTE)
    return {"rows": labelled(results, _timed(table, choice)), "headline": _headline(results, choice, table)}


def _timed(table: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """With `times`; 0 at the base, whose floor is 0."""
    column = KINDS[choice.scale]
    over = table[column] / table[f"{column}_floor"].where(table[f"{column}_floor"] > 0)
    return table.assign(times=over.mask(table[column] == 0, 0.0))


def _headline(results: Source, choice: Choice, table: pd.DataFrame) -> Headline:
    real = own_runs(results)
    changes = by_objective(table[table["series"].isin(real)], real, _first_quarters(results, choice))
    several = len(real) > len(set(real.values())) > 1
    p = _p(results, choice) if several else float("nan")
    return headline(changes, len(real), p, p < LEVEL)


def _first_quarters(results: Source, choice: Choice) -> dict[str, float]:
    """Series -> share of its displacement at this layer in the first of four windows of one length."""
    table = results.table("windows", layer=choice.layer, scale="raw", use=QUARTERS, measure=ALL)
    sums = table.groupby("series")["value"].sum()
    first = table[table["window"] == 1].set_index("series")["value"]
    return (first / sums).dropna().to_dict()


def _p(results: Source, choice: Choice) -> float:
    """Of whole runs permuted between objectives, in mean summaries at the study's scale."""
    (subject,) = subjects((results.record, results.table))  # this one of all verdicts: the first page waits for it
    return readings.apart(subject, results.study.scale, readings.MEANS).p


def chart(data: Data, look: Look):
    """A line per objective, the mean of its runs, each run thin behind it; what lies in the grey band is noise."""
    rows = data.rows
    mean = rows.groupby(["objective", "step"], sort=False, as_index=False).agg(mean=("times", "mean"))
    mean = mean.sort_values("step", ignore_index=True).assign(series=lambda table: table["objective"])
    mean["words"] = [f"{three(one)} times the noise" for one in mean["mean"]]
    across, height = look.width - Y_AXIS - _LABELS, look.height or 260
    axis = StepAxis(look.steps, log=look.log, width=across)
    top = look.top or 1.08 * max(1.2, float(np.nanmax(rows["times"])))
    y = up(top, "times the noise")
    colour = coloured(mean["objective"], look.objectives)
    band = pd.DataFrame({"step": [axis.domain[0], axis.domain[1]], "hi": [1.0, 1.0]})
    thin = View(rows).mark_line(strokeWidth=1, opacity=0.35)
    lines = View(mean).encode(x=axis.x(), y=on(y, "mean"), color=colour)
    marks = [
        View(band).mark_area(color=FLOOR, opacity=0.3).encode(x=axis.x(), y=on(y, "hi"), y2=alt.Y2Datum(0)),
        band_name(View(band.head(1)), "noise", "left", "top").encode(x=axis.x(), y=on(y, "hi")),
        thin.encode(x=axis.x(), y=on(y, "times"), color=colour, detail=alt.Detail(field="series", type="nominal")),
        lines.mark_line(strokeWidth=2.6),
        lines.mark_point(filled=True, opacity=1, size=22),
        end_names(mean, y, top, across, height, _LABELS - 10),
        *step_rule(look.step, axis),
        *step_picker(View(mean), axis, height=height, tooltip={"objective": "objective", "words": "moved"}),
    ]
    return link_steps(
        alt.layer(*marks, width=across, height=height, **look.framed("How far has each objective moved?", answer(data)))
    )


def answer(data: Data) -> str:
    return f"{data.headline.title}."


def caption(data: Data) -> str:
    what = (
        "The displacement of the mean summaries from the first step"
        if data.choice.scale == "raw"
        else "The same with every distance divided by the median one, so that a change of size is none"
    )
    return (
        f"{what}, at layer {data.choice.layer}, over what another choice of prompts would make of no displacement "
        "(its 95 % quantile): in the grey band it is noise. A line is the mean over an objective's runs, each of which "
        "is a thin one."
    )


def numbers(data: Data) -> Numbers:
    return listed(f"How far each run has moved, at layer {data.choice.layer}", data.rows, {
        "series": lambda one: one.series,
        "step": lambda one: f"{one.step:,}",
        "size": lambda one: f"{'+' * (one.size > 1)}{percent(one.size - 1, 1)}",
        "moved": lambda one: three(one.moved),
        "floor": lambda one: three(one.moved_floor),
        "size divided out": lambda one: three(one.shape),
        "its floor": lambda one: three(one.shape_floor),
    })  # fmt: skip


FIGURE = Figure(
    name="net_change", place=5, title="How far each objective has moved", uses=("layer", "scale"), read=read,
    chart=chart, caption=caption, more=lambda data: data.headline.words, table=lambda data: data.rows, numbers=numbers,
)  # fmt: skip
