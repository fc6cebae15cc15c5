"""When half of the way from the base is done: in topology, and in what the model would say next."""

import altair as alt
import pandas as pd

from phcore.analysis import claims, halfway
from phcore.errors import Fault
from phcore.figures.charts.channels import View, by_legend, by_objective, dots, measure, on, row_names
from phcore.figures.charts.theme import SOFT
from phcore.figures.figure import Choice, Data, Figure, Look, Numbers, Source, listed
from phcore.figures.reading import COMPUTE, labelled, longest, own_runs, rows
from phcore.formatting import count, three

_NAMES = 58  # pixels for the layers and their title
_ROW, _RUN = 12, 5  # pixels per layer, and per series in it


def read(results: Source, choice: Choice) -> dict:
    """rows of the table `halfway` that the fifth claim goes by, with the objectives: of runs that are no copy of
    another; and the difference of both steps with its interval (later, low, high)."""
    own = own_runs(results)
    table = rows(results, "halfway", choice, "scale").dropna()
    table = table[table["series"].isin(own)]
    if table.empty:
        raise Fault(
            "no run of this study has both topology and behaviour at four checkpoints after the base, so that half of "
            "the way is not known",
            COMPUTE if longest(results) > halfway.FEWEST else "a run needs four checkpoints or more",
        )
    columns = (table[name].to_numpy() for name in ("topology", "behaviour", "error", "slack"))
    later, low, high = claims.later(*columns)
    return {"rows": labelled(results, table.assign(later=later, low=low, high=high))}


def chart(data: Data, look: Look):
    """One row per layer, deep layers on top, for each series a dot at the step of topology and a stroke at that
    of behaviour. The whisker is the interval of their difference, about the dot."""
    table = _told(data.rows)
    layers = sorted((int(layer) for layer in table["layer"].unique()), reverse=True)
    colour = by_objective(table["objective"], look.objectives, "circle", look.width)
    series = by_legend(table, colour["scale"].domain)
    last = float(table[["topology", "behaviour", "right"]].max().max())
    x = measure(alt.X, "topology", "step at which half of the way is done", (0, 1.04 * last), {"tickCount": 6})
    size = 95 if len(series) < 5 else 50  # square pixels of a dot
    channels = {
        "y": row_names("layer", layers, _NAMES - 30, "layer", ruled=True),
        "yOffset": alt.YOffset(field="series", type="nominal", scale=alt.Scale(domain=series, paddingOuter=0.6)),
        "color": colour,
    }
    tooltip = {
        "series": "series", "layer": "layer", "topology_words": "topology: step", "behaviour_words": "behaviour: step",
        "later_words": "topology later by (steps)", "gap_words": "gap between checkpoints",
        "moved_words": "beyond their floors",
    }  # fmt: skip
    strokes = View(table).mark_tick(thickness=3, size=_RUN + 3, opacity=1).encode(x=on(x, "behaviour"), **channels)
    link = View(table).mark_rule(color=SOFT, strokeWidth=1, strokeDash=[2, 2]).encode(
        x=x, x2=alt.X2(field="behaviour"), **{name: channels[name] for name in ("y", "yOffset")}
    )  # fmt: skip
    return alt.layer(
        link,
        strokes,
        *dots(
            View(table),
            x,
            "left",
            "right",
            hollow="!datum.moved",
            tooltip=tooltip,
            size=size,
            **channels,
        ),
        width=look.width - _NAMES - 20,
        height=(_ROW + _RUN * len(series)) * len(layers),
        **look.framed("Which is halfway first, topology or behaviour?", answer(data)),
    )


def _told(table: pd.DataFrame) -> pd.DataFrame:
    """The rows with the ends of their whiskers, and words."""
    reach = (table["high"] - table["low"]) / 2
    return table.assign(
        left=table["topology"] - reach,
        right=table["topology"] + reach,
        topology_words=[three(one) for one in table["topology"]],
        behaviour_words=[three(one) for one in table["behaviour"]],
        later_words=_later(table),
        gap_words=[f"{one:,.0f}" for one in table["resolution"]],
        moved_words=["both" if one else "not both" for one in table["moved"]],
    )


def _later(table: pd.DataFrame) -> list[str]:
    parts = zip(table["later"], table["low"], table["high"], strict=True)
    return [f"{_signed(later)} ({_signed(low)} to {_signed(high)})" for later, low, high in parts]


def _signed(steps: float) -> str:
    return three(steps) if steps < 0 else f"+{three(steps)}"


def answer(data: Data) -> str:
    """How many are halfway in topology no later than in behaviour, and how many surely later."""
    table = data.rows
    in_time = int((table["later"] <= table["resolution"]).sum())
    surely = int(((table["low"] > table["resolution"]) & table["moved"]).sum())
    return (
        f"Topology is halfway no later than behaviour in {in_time:,} of {len(table):,} cases, surely later in "
        f"{surely:,}."
    )


def more(data: Data) -> str:
    """What a case is, and the differences."""
    low, high = (_signed(data.rows["later"].agg(one)) for one in ("min", "max"))
    return (
        "A case is a run at a layer; no later: within the gap between checkpoints. Difference of the two steps: "
        f"{low} to {high}."
    )


def caption(data: Data) -> str:
    table = data.rows
    still = len(table) - int(table["moved"].sum())
    rings = f" Rings: not moved beyond their floors by then, and so no evidence ({still:,} of {len(table):,})."
    gaps = " to ".join(dict.fromkeys(f"{one:,.0f}" for one in table["resolution"].agg(["min", "max"])))
    cut = ", and for what the truncated divergence leaves open" if table["slack"].max() > 0 else ""
    places = {
        name: f"steps {three(table[name].min())} to {three(table[name].max())}" for name in ("topology", "behaviour")
    }
    return (
        "Dot: step at which half of the displacement in mean summaries from the base to the last checkpoint is first "
        f"reached (scale {data.choice.scale}, {places['topology']}). Stroke: the same of the Jensen-Shannon distance "
        f"of next-token distributions from the base's ({places['behaviour']}). Whisker: 95 % interval of the "
        f"difference of the two, for all {count(len(table), 'row')} together, for other prompts{cut}. "
        f"Checkpoints are {gaps} steps apart there: a difference within that is none.{rings if still else ''}"
    )


def numbers(data: Data) -> Numbers:
    words = dict(zip(data.rows.index, _later(data.rows), strict=True))
    return listed("Steps at which half of the way is done", data.rows, {
        "series": lambda one: one.series,
        "layer": lambda one: f"{one.layer}",
        "topology": lambda one: three(one.topology),
        "behaviour": lambda one: three(one.behaviour),
        "topology later by (95 %)": lambda one: words[one.Index],
        "gap": lambda one: f"{one.resolution:,.0f}",
        "beyond their floors": lambda one: "both" if one.moved else "not both",
    })  # fmt: skip


FIGURE = Figure(
    name="halfway", place=145, title="Half-way steps of topology and behaviour", uses=("scale",), read=read,
    chart=chart, caption=caption, numbers=numbers, more=more, half=True, section="Before behaviour?",
    table=lambda data: data.rows.drop(columns=["scale", "objective"]),
    below=("later: topology minus behaviour, with its interval low to high; slack: what a "
           "truncated divergence leaves open."),
)  # fmt: skip
