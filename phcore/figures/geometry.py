"""What simpler numbers already say of velocity: rank correlations with the changes of seven of them."""

from textwrap import wrap

import altair as alt
import pandas as pd

from phcore.analysis.against_geometry import ALL_LAYERS, CHANGES, FEW
from phcore.errors import Fault
from phcore.figures.charts.channels import View, interval_words, measure, on, row_names, told
from phcore.figures.charts.theme import FAINT, INK, SOFT, TONE
from phcore.figures.figure import Choice, Data, Figure, Look, Numbers, Source, listed
from phcore.figures.reading import COMPUTE, CURVE, rows
from phcore.formatting import percent

_NAMES = 210  # pixels for the names of the quantities
_ROW = 24


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
    """One row per quantity, the strongest on top, from -1 to 1: a dot with its whiskers for all layers, and small marks
    for single layers."""
    known = data.pooled.dropna(subset="rho").sort_values("rho", ascending=False)
    order = known["words"].tolist()
    table = known.assign(interval=interval_words(known["rho"], known["lo"], known["hi"], "{:.2f}".format))
    single = data.ranks[(data.ranks["layer"] != ALL_LAYERS) & data.ranks["words"].isin(order)].dropna(subset="rho")
    single = single.assign(name=single["layer"].map(str), shown=single["rho"].map("{:.2f}".format))
    axis = {"values": [-1, -0.5, 0, 0.5, 1]}
    across = look.width - _NAMES - 20
    title = f"rank correlation with H{data.choice.degree} velocity"
    title = title if across > 8 * len(title) else wrap(title, across // 8)
    x = measure(alt.X, "rho", title, (-1, 1), axis)
    y = row_names("words", order, _NAMES)
    tooltip = {"words": "quantity", "interval": "rank correlation (95 % interval)", "transitions": "transitions"}
    row = View(table).encode(x=x, y=y)
    return alt.layer(
        View(pd.DataFrame({"rho": [0.0]})).mark_rule(color=SOFT, strokeWidth=1, strokeDash=[3, 3]).encode(x=x),
        View(single)
        .mark_tick(color=TONE, thickness=2, size=12, opacity=0.8)
        .encode(x=x, y=y, tooltip=told({"name": "layer", "words": "quantity", "shown": "correlation"})),
        row.mark_rule(strokeWidth=2, color=INK, opacity=0.6).encode(x=on(x, "lo"), x2=alt.X2(field="hi")),
        row.mark_point(filled=True, opacity=1, size=90, color=INK, stroke=FAINT, strokeWidth=1).encode(
            tooltip=told(tooltip)
        ),
        width=across,
        height=_ROW * len(order),
        **look.framed("What does simple geometry already say?", answer(data)),
    )


def answer(data: Data) -> str:
    """What goes with velocity most closely."""
    known = data.pooled.dropna()
    if known.empty:
        return "No geometric quantity has a correlation with velocity yet."
    most = known.loc[known["rho"].abs().idxmax()]
    return (
        f"Velocity goes most closely with {most['words']}: rank correlation {most['rho']:.2f} ({most['lo']:.2f} to "
        f"{most['hi']:.2f}), where 1 would be the same."
    )


def more(data: Data) -> str:
    """What all quantities leave unexplained at each scale, and what of it layer and step leave alone."""
    shares = data.shares.dropna(subset="share")
    if shares.empty:
        return "Too few series and layers to say what all of them leave unexplained."
    parts = [
        f"{percent(one.share)} ({percent(one.lo)} to {percent(one.hi)}) at scale {one.scale}"
        for one in shares.itertuples()
    ]
    first = shares.iloc[0]
    return (
        f"Of its variance all seven leave {' and '.join(parts)} unexplained ({int(first['groups'])} groups, one series "
        f"at one layer, left out in turn). But layer and step alone leave {percent(first['position'])}."
    )


def rest(data: Data) -> str:
    """What simple geometry leaves of what layer and step leave; empty where that is not known."""
    shares = data.shares.dropna()
    if shares.empty:
        return ""
    first = shares.iloc[0]
    return (
        f"{_held(first['beyond_lo'], first['beyond_hi']).capitalize()}: it leaves {percent(first['beyond'])} "
        f"({percent(first['beyond_lo'])} to {percent(first['beyond_hi'])}) of what layer and step do not tell."
    )


def _held(low: float, high: float) -> str:
    """How much of it simple geometry holds, by where the interval of what it leaves lies."""
    if high < 0.25:
        return "almost all"
    if low > 0.75:
        return "hardly"
    return "partly"


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
    name="geometry", place=120, title="Velocity and simple geometry",
    uses=CURVE, read=read, chart=chart, caption=caption,
    table=lambda data: data.ranks, numbers=numbers, warning=warning, more=more, section="More than geometry?",
    below=(f"layer {ALL_LAYERS}: all layers."),
)  # fmt: skip
UNEXPLAINED = Figure(
    name="unexplained", place=130, title="What simple geometry leaves of velocity", uses=CURVE, read=read,
    heading="Does simple geometry tell what sets moves apart?", sentence=rest, caption=more,
    table=lambda data: data.shares.drop(columns=["degree", "order", "norm"]), section="More than geometry?",
    below=("Of the variance of ln velocity. share: what all seven leave; position: what "
           "layer and step alone leave; beyond: of this rest, what all seven leave. lo to hi: 95 % of resampled "
           "groups."),
)  # fmt: skip
