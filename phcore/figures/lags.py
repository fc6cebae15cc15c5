"""Which peaks first: topology, or what the model would say."""

import altair as alt
import numpy as np
import pandas as pd

from phcore.errors import Fault
from phcore.figures.behaviour import PROJECTION, in_order, moves, named
from phcore.figures.charts.channels import View, by_legend, by_objective, dots, measure, row_names
from phcore.figures.charts.theme import FLOOR, LABEL_SIZE, SOFT
from phcore.figures.figure import Choice, Data, Figure, Look, Numbers, Source, listed
from phcore.figures.reading import labelled, rows
from phcore.formatting import count, three

_NAMES = 58  # pixels for the layers and their title
_ROW, _RUN = 12, 5  # pixels per layer, and per series in it


def read(results: Source, choice: Choice) -> dict:
    """rows of the table `lags` of one behaviour, with the objectives; behaviour: its short name."""
    if choice.behaviour == PROJECTION:
        raise Fault(
            "a projection is read from the hidden states that topology is measured on, so that their peaks are not "
            "held against each other",
            "choose another behaviour",
        )
    name = choice.behaviour or in_order(moves(results)["name"])[0]
    table = rows(results, "lags", choice, "degree", "scale", "per")
    table = table[table["name"] == name].dropna()
    if table.empty:
        raise Fault(
            "no series has a peak in both topology and this behaviour yet",
            "compute the study: peaks are compared at the end of a run",
        )
    return {"rows": labelled(results, table), "behaviour": named(name).split(" (")[0]}


def chart(data: Data, look: Look):
    """One row per layer, deep layers on top, a dot per series: how many checkpoints behaviour peaks after topology."""
    table = _counted(data.rows, sorted(set(look.steps)))
    layers = sorted((int(layer) for layer in table["layer"].unique()), reverse=True)
    colour = by_objective(table["objective"], look.objectives, "circle", look.width)
    series = by_legend(table, colour["scale"].domain)
    ends = [abs(value) for name in ("lag_checkpoints", "lag_lo", "lag_hi") for value in table[name].dropna()]
    reach = max([3, *ends]) + 0.5
    title = f"checkpoints from topology's peak to that of {data.behaviour}"
    labels = {"tickMinStep": 1, "labelExpr": "datum.value ? format(datum.value, '+d') : '0'"}
    x = measure(alt.X, "lag_checkpoints", title, (-reach, reach), labels)
    size = 95 if len(series) < 5 else 50  # square pixels of a dot
    channels = {
        "y": row_names("layer", layers, _NAMES - 30, "layer", ruled=True),
        "yOffset": alt.YOffset(field="series", type="nominal", scale=alt.Scale(domain=series, paddingOuter=0.6)),
        "color": colour,
    }
    tooltip = {
        "series": "series",
        "layer": "layer",
        "lag_words": "behaviour peaks",
        "topology_words": "peak of topology (10 to 90 % of subsamples)",
        "behaviour_words": f"peak of {data.behaviour}",
    }
    return alt.layer(
        *_sides(x, reach),
        *dots(
            View(table),
            x,
            "lag_lo",
            "lag_hi",
            hollow="datum.lag_checkpoints < 0",
            tooltip=tooltip,
            size=size,
            **channels,
        ),
        width=look.width - _NAMES - 20,
        height=(_ROW + _RUN * len(series)) * len(layers),
        **look.framed("Which peaks first?", answer(data)),
    )


def answer(data: Data) -> str:
    """How many peaks of topology come before, with and after those of behaviour."""
    known = data.rows["lag_checkpoints"]
    before, same, after = (int((np.sign(known) == sign).sum()) for sign in (1, 0, -1))
    words = f"Topology peaks first in {before:,} of {len(known):,} cases, behaviour in {after:,}"
    return f"{words}, both at once in {same:,}." if same else f"{words}."


def more(data: Data) -> str:
    """What a case is, and the median."""
    lag = data.rows["lag_checkpoints"].median()
    return f"A case is a run at a layer; both at once: at the same checkpoint. Median lag: {lag:+.3g} checkpoints."


def _counted(lags: pd.DataFrame, steps: list[int]) -> pd.DataFrame:
    """The lags with their whiskers in checkpoints, and words.

    A late peak of topology makes a small lag: `peak_hi` is the lower end.
    """

    def place(values: pd.Series) -> np.ndarray:
        return np.interp(values.to_numpy(np.float64), steps, np.arange(len(steps)))

    late = place(lags["peak_behaviour"])
    lag = lags["lag_checkpoints"]
    words = {1: "after topology", 0: "at the same checkpoint", -1: "before topology"}
    return lags.assign(
        lag_lo=np.fmin(late - place(lags["peak_hi"]), lag),
        lag_hi=np.fmax(late - place(lags["peak_lo"]), lag),
        lag_words=[
            words[0]
            if not n
            else f"{count(abs(int(n)), 'checkpoint')} ({count(abs(int(s)), 'step')}) {words[int(np.sign(n))]}"
            for n, s in zip(lag, lags["lag_steps"], strict=True)
        ],
        topology_words=[
            f"step {int(at):,} ({three(lo)} to {three(hi)})"
            for at, lo, hi in zip(lags["peak_topology"], lags["peak_lo"], lags["peak_hi"], strict=True)
        ],
        behaviour_words=[f"step {int(at):,}" for at in lags["peak_behaviour"]],
    )


def _sides(x: alt.X, reach: float) -> list[View]:
    """The half planes and their names: the one that speaks against topology being early is darker."""
    sides = pd.DataFrame(
        {
            "lag_checkpoints": [0.0, -reach],
            "end": [reach, 0.0],
            "shade": [0.06, 0.2],
            "name": ["topology first →", "← behaviour first"],
        }
    )
    words = {"baseline": "bottom", "fontSize": LABEL_SIZE, "fontWeight": "bold", "color": SOFT, "dy": -5}
    shade = alt.Opacity(field="shade", type="quantitative", scale=None, legend=None)
    names = [
        View(sides[sides["shade"] == part])
        .mark_text(align=align, dx=dx, **words)
        .encode(x=alt.XDatum(0.0), y=alt.YValue(0), text=alt.Text(field="name", type="nominal"))
        for part, align, dx in ((0.06, "left", 8), (0.2, "right", -8))
    ]
    return [
        View(sides).mark_rect(color=FLOOR).encode(x=x, x2=alt.X2(field="end"), opacity=shade),
        View(sides.head(1)).mark_rule(color=SOFT, strokeWidth=1.5).encode(x=x),
        *names,
    ]


def caption(data: Data) -> str:
    gaps, choice = data.rows["resolution_steps"], data.choice
    return (
        f"All prompts. Lag: peak of {data.behaviour} minus peak of H{choice.degree} velocity, both per {choice.per}, "
        "in checkpoints. Whiskers: the peaks of 10 to 90 % of the subsamples. Checkpoints tell no less apart than "
        f"{gaps.min():,.0f} to {gaps.max():,.0f} steps; a lag within that is none."
    )


def numbers(data: Data) -> Numbers:
    return listed("Steps at which the peaks end", data.rows, {
        "series": lambda one: one.series,
        "layer": lambda one: f"{one.layer}",
        "peak of topology": lambda one: f"{one.peak_topology:,.0f}",
        "of subsamples": lambda one: f"{one.peak_lo:,.0f} to {one.peak_hi:,.0f}",
        "peak of behaviour": lambda one: f"{one.peak_behaviour:,.0f}",
        "lag (checkpoints)": lambda one: f"{one.lag_checkpoints:+.0f}",
    })  # fmt: skip


FIGURE = Figure(
    name="lags", place=150, title="Which peaks first",
    uses=("degree", "scale", "per", "behaviour"), read=read, chart=chart,
    caption=caption, table=lambda data: data.rows.drop(columns=["degree", "scale", "per", "name", "objective"]),
    numbers=numbers, more=more, half=True, section="Before behaviour?", follows="behaviour",
)  # fmt: skip
