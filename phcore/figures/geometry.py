"""What simpler numbers already say of velocity: rank correlations with the changes of seven of them."""

from __future__ import annotations

from typing import NamedTuple

import altair as alt
import pandas as pd

from phcore.analysis.against_geometry import ALL_LAYERS, CHANGES, FEW
from phcore.errors import Fault
from phcore.figures.charts.answers import geometry_answer
from phcore.figures.charts.ranks import rank_chart
from phcore.figures.figure import Choice, Figure, Look, Numbers, listed
from phcore.figures.reading import COMPUTE, CURVE, rows
from phcore.stages.results import Results


class Data(NamedTuple):
    """layer, words, rho, lo, hi, transitions; what all quantities leave, at the chosen scale first."""

    ranks: pd.DataFrame
    shares: pd.DataFrame
    degree: int
    scale: str

    @property
    def pooled(self) -> pd.DataFrame:
        """Over all layers, ranked within each."""
        return self.ranks[self.ranks["layer"] == ALL_LAYERS]


def read(results: Results, choice: Choice) -> Data:
    table = rows(results, "geometry_velocity", choice, *CURVE)
    table = table.assign(words=table["quantity"].map(CHANGES))
    data = Data(table[["layer", "words", "rho", "lo", "hi", "transitions"]], unexplained(results, choice),
                choice.degree, choice.scale)  # fmt: skip
    if data.pooled["rho"].isna().all():
        raise Fault("no geometric quantity can be compared with velocity yet", COMPUTE)
    return data


def unexplained(results: Results, choice: Choice) -> pd.DataFrame:
    """What geometry leaves of velocity at each scale, the chosen one first."""
    table = rows(results, "unexplained", choice, "degree", "order")
    table = table.sort_values("scale", key=lambda column: column != choice.scale)
    return table.drop(columns=["degree", "order", "norm"])


def chart(data: Data, look: Look) -> alt.LayerChart:
    single = data.ranks[data.ranks["layer"] != ALL_LAYERS]
    small = single.assign(name=single["layer"].map(str), shown=single["rho"].map("{:.2f}".format))
    answer = {"answer": geometry_answer(data.pooled, data.shares)}
    return rank_chart(
        data.pooled, small, x_title=f"rank correlation with H{data.degree} velocity", **answer | look.size
    )


def caption(data: Data) -> str:
    return (
        f"How far each quantity changes between two checkpoints, against velocity at scale {data.scale}, all layers: "
        "ranks are taken within each; small marks are single layers. Whiskers: 95 % of resampled blocks of consecutive "
        "transitions, which share checkpoints and are no replicates. One run per series, so no p-value. All of them, "
        "and velocity, grow with the number of training steps in between, hence the comparison with layer and step "
        "alone. Unexplained: ridge regression of logarithms; the noise of subsampling is a part of it."
    )


def warning(data: Data) -> str:
    n = int(data.pooled["transitions"].max())
    if n >= FEW:
        return ""
    return f"Only {n} transitions: a rank correlation of so few says next to nothing. {FEW} or more would help."


def numbers(data: Data) -> Numbers:
    return listed("Rank correlation with velocity", data.pooled, {
        "change of": lambda one: one.words,
        "rank correlation": lambda one: f"{one.rho:.2f}",
        "95 % interval": lambda one: f"{one.lo:.2f} to {one.hi:.2f}",
    })  # fmt: skip


FIGURE = Figure(
    name="geometry",
    title="Velocity and simple geometry",
    uses=CURVE,
    read=read,
    chart=chart,
    caption=caption,
    table=lambda data: data.ranks,
    numbers=numbers,
    section="More than geometry?",
    warning=warning,
    below=("Rank correlations", f"layer {ALL_LAYERS}: all layers."),
)

UNEXPLAINED = Figure(
    name="unexplained",
    title="What simple geometry leaves of velocity",
    uses=CURVE,
    read=read,
    chart=None,
    caption=lambda data: "",
    table=lambda data: data.shares,
    section="More than geometry?",
    below=("What all of them leave", "Of the variance of ln velocity. share: what all seven leave; position: what "
           "layer and step alone leave; beyond: of this rest, what all seven leave. lo to hi: 95 % of resampled "
           "groups."),
)  # fmt: skip
