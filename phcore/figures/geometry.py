"""What simpler numbers already say of velocity: rank correlations with the changes of seven of them."""

from __future__ import annotations

from phcore.analysis.against_geometry import ALL_LAYERS, CHANGES, FEW
from phcore.errors import Fault
from phcore.figures.charts.answers import geometry_answer
from phcore.figures.charts.ranks import rank_chart
from phcore.figures.figure import Choice, Data, Figure, Look, Numbers, Source, listed
from phcore.figures.reading import COMPUTE, CURVE, rows


def read(results: Source, choice: Choice) -> dict:
    """ranks: layer, words, rho, lo, hi, transitions; pooled: those of all layers; shares: what all quantities leave of
    velocity, at the chosen scale first."""
    table = rows(results, "geometry_velocity", choice, *CURVE)
    table = table.assign(words=table["quantity"].map(CHANGES))
    pooled = table[table["layer"] == ALL_LAYERS]
    if pooled["rho"].isna().all():
        raise Fault("no geometric quantity can be compared with velocity yet", COMPUTE)
    shares = rows(results, "unexplained", choice, "degree", "order")
    shares = shares.sort_values("scale", key=lambda column: column != choice.scale)
    return {"ranks": table[["layer", "words", "rho", "lo", "hi", "transitions"]], "pooled": pooled, "shares": shares}


def chart(data: Data, look: Look):
    single = data.ranks[data.ranks["layer"] != ALL_LAYERS]
    small = single.assign(name=single["layer"].map(str), shown=single["rho"].map("{:.2f}".format))
    asked = {"answer": geometry_answer(data.pooled, data.shares)} | look.size
    return rank_chart(data.pooled, small, x_title=f"rank correlation with H{data.choice.degree} velocity", **asked)


def caption(data: Data) -> str:
    return (
        f"How far each quantity changes between two checkpoints, against velocity at scale {data.choice.scale}, all "
        "layers: ranks are taken within each; small marks are single layers. Whiskers: 95 % of resampled blocks of "
        "consecutive transitions, which share checkpoints and are no replicates. One run per series, so no p-value. "
        "All of them, and velocity, grow with the number of training steps in between, hence the comparison with layer "
        "and step alone. Unexplained: ridge regression of logarithms; the noise of subsampling is a part of it."
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
    name="geometry", title="Velocity and simple geometry", uses=CURVE, read=read, chart=chart, caption=caption,
    table=lambda data: data.ranks, numbers=numbers, warning=warning, section="More than geometry?",
    below=("Rank correlations", f"layer {ALL_LAYERS}: all layers."),
)  # fmt: skip
UNEXPLAINED = Figure(
    name="unexplained", title="What simple geometry leaves of velocity", uses=CURVE, read=read,
    table=lambda data: data.shares.drop(columns=["degree", "order", "norm"]), section="More than geometry?",
    below=("What all of them leave", "Of the variance of ln velocity. share: what all seven leave; position: what "
           "layer and step alone leave; beyond: of this rest, what all seven leave. lo to hi: 95 % of resampled "
           "groups."),
)  # fmt: skip
