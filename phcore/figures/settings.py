"""The same course with other settings: subsamples, prompts, metric, order, scale."""

from __future__ import annotations

from typing import NamedTuple

import altair as alt
import pandas as pd

from phcore.analysis import other_settings
from phcore.errors import Fault
from phcore.figures.charts.sensitivity import sensitivity_chart
from phcore.figures.figure import Choice, Control, Figure, Look, Numbers, listed
from phcore.figures.reading import owners, rows
from phcore.stages.results import Results
from phcore.stages.sensitivity import FEW_SUBSAMPLES


class Data(NamedTuple):
    """The curves of one series by setting, their concentrations, and the rows they come from.

    `steps`: of the series.
    """

    rows: pd.DataFrame
    shares: pd.DataFrame
    table: pd.DataFrame
    steps: list[int]
    series: str
    layer: int
    scale: str
    degree: int


def read(results: Results, choice: Choice) -> Data:
    table = rows(results, "sensitivity", choice, "layer")
    if table.empty:
        raise Fault("other settings have not been tried for this study yet", "compute it where its checkpoints are")
    known = table.dropna(subset="value")
    series = choice.series or next(iter(known["series"]), table["series"].iloc[0])
    own = table[table["series"] == series]
    if own["value"].isna().all():
        raise Fault(f"nothing moves in {series} at layer {choice.layer}", "look at another layer")
    curves = other_settings.settings(own, choice.scale, choice.order)
    steps = sorted({0, *(node.step for node in results.record.path_of(series))})
    return Data(
        curves.assign(series=series, objective=owners(results)[series]), other_settings.concentrations(curves), own,
        steps, series, choice.layer, choice.scale, choice.degree,
    )  # fmt: skip


def chart(data: Data, look: Look) -> alt.ConcatChart:
    asked = {"question": f"Would other settings show the same? ({data.series}, layer {data.layer})"} | look.frame
    return sensitivity_chart(data.rows, data.shares, steps=data.steps, **asked)


def caption(data: Data) -> str:
    other = "" if data.degree == 1 else "Other settings are tried for H1; this is what is shown. "
    return (
        f"{other}H1 velocity over its own mean, by step; below, the share of it in the first third of the checkpoints. "
        f"One thing is varied at a time, on at most {FEW_SUBSAMPLES} subsamples (their number itself: on the study's "
        f"own). Scale {data.scale}, where the scale is not what is varied. A subsample has at most four fifths of the "
        "prompts."
    )


def numbers(data: Data) -> Numbers:
    return listed("Concentration by setting", data.shares, {
        "varied": lambda one: one.varied,
        "setting": lambda one: one.setting,
        "concentration": lambda one: f"{one.value:.2f}",
    })  # fmt: skip


FIGURE = Figure(
    name="settings",
    title="Other settings",
    uses=("degree", "order", "scale", "layer", "series"),
    read=read,
    chart=chart,
    caption=caption,
    table=lambda data: data.table,
    numbers=numbers,
    section="Robust?",
    controls=(
        Control("e_series", "series", "Series",
                lambda results, choice: list(dict.fromkeys(results.table("sensitivity")["series"])), kind="row",
                width=7),
    ),
)  # fmt: skip
