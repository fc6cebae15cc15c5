"""What the model would say beside its topology: how far both move at each step."""

import altair as alt
import numpy as np
import pandas as pd

from phcore.errors import Fault
from phcore.figures.charts.channels import View, by_marker, by_objective, on
from phcore.figures.charts.curve_rows import bold, told_rows
from phcore.figures.charts.curves import top_of, up
from phcore.figures.charts.steps import StepAxis, link_steps, step_picker, step_rule
from phcore.figures.charts.theme import INK, Y_AXIS, panel_heading
from phcore.figures.figure import PER, Choice, Control, Data, Figure, Look, Numbers, Source, by_step, fixed
from phcore.figures.reading import COMPUTE, CURVE, curve, distinct, labelled, quantity
from phcore.formatting import three

NAMES = {
    "js": "next tokens (Jensen-Shannon divergence, nats)",
    "refusal": "refusal score (ln probability)",
    "nll": "reference answers (negative log-likelihood, nats per token)",
}
PROJECTION = "projection"  # of the table `projection_moves`, at the layer that is shown
NAMES[PROJECTION] = "projection on the direction between two categories (in gaps of the base)"


_LAST = "Behaviour is read at the last token of the prompt"
_WHERE = {
    "last": f"{_LAST}, as the hidden states are.",
    "mean": f"{_LAST}; a hidden state is the mean over the prompt's own text.",
    "answer": f"{_LAST}; a hidden state is the mean over the first tokens of its reference answer.",
}
"""By pooling."""


def named(name: str) -> str:
    """A behaviour as it is called on screen."""
    return NAMES.get(name, name)


def in_order(names: pd.Series) -> list[str]:
    """What the model itself says first; settings of the training last: they are no behaviour."""
    place = {name: k for k, name in enumerate(NAMES)} | {"learning_rate": 99}
    return sorted(set(names), key=lambda name: (place.get(name, 9), name))


def moves(results: Source) -> pd.DataFrame:
    """The known rows of the table `behaviour_moves`.

    Raises
    ------
    Fault
        where there is none.
    """
    known = results.table("behaviour_moves").dropna()
    if known.empty:
        raise Fault("what the model would say has not been measured for this study", COMPUTE)
    return known


def every_move(results: Source, layer: int) -> pd.DataFrame:
    """The same with the moves of mean projections at a layer, where they are known.

    Raises
    ------
    Fault
        where there is none of either.
    """
    own = results.table("projection_moves", layer=layer).dropna().assign(name=PROJECTION)
    parts = [one for one in (results.table("behaviour_moves").dropna(), own) if len(one)]
    return pd.concat(parts, ignore_index=True) if parts else moves(results)


def read(results: Source, choice: Choice) -> dict:
    """moves: series, objective, step, value; velocity: of one layer; name: of the behaviour; slack: nats that the
    tokens which are not kept could add at most, NaN where none is known."""
    known = every_move(results, choice.layer)
    name, category = choice.behaviour or in_order(known["name"])[0], choice.category or ""
    own = known[(known["name"] == name) & (known["category"] == category)].dropna(axis=1, how="all")
    velocity = curve(results, choice, choice.per)
    velocity = velocity[velocity["layer"] == choice.layer]
    if own.empty or velocity.empty:
        raise Fault("no transition has both a velocity and a move of this behaviour", COMPUTE)
    gaps = own["step"] - own["step_from"] if choice.per == "step" else 1
    slack = results.table("divergence", category=category)["slack"].max() if name == "js" else float("nan")
    own = labelled(results, own.assign(value=own["value"] / gaps))
    return {"moves": own, "velocity": velocity, "name": name, "slack": slack}


def _quantities(data: Data) -> tuple[str, str]:
    """Of the topology and of the behaviour."""
    each = " per step" * (data.choice.per == "step")
    return f"{quantity(data)}{each}, layer {data.choice.layer}", f"{named(data.name)}{each}"


def chart(data: Data, look: Look):
    """Two panels on one step axis: how far each checkpoint moves in topology, and in behaviour. Clicks choose `step`.

    Where an objective has several runs, the line is their mean, and each of them a thin one. The peak of each line is
    ringed; a dashed line leads from its peak in topology down to behaviour.
    """
    across, height = look.width - Y_AXIS, look.height or 120
    axis = StepAxis(look.steps, log=look.log, width=across)
    runs = _both(data)
    both = [_front(curves) for curves in runs]
    peaks = [_peaks(curves) for curves in both]
    shown = pd.concat(both)["objective"]
    colour = by_objective(shown, look.objectives, "circle", across, symbolType=alt.Undefined, symbolSize=70, offset=0)
    marker = by_marker(shown, look.objectives, width=across)
    detail = alt.Detail(field="series", type="nominal")
    rule = step_rule(look.step, axis)
    leads = _leads(peaks[0]).encode(x=axis.x(), color=colour)
    panels = []
    for place, (curves, title) in enumerate(zip(both, _quantities(data), strict=True)):
        y = up(top_of(curves, runs[place].assign(hi=runs[place]["mean"])), None)
        view = View(curves).encode(x=axis.x(title="training step" if place else None))
        words, fields = told_rows(curves.assign(layer=data.choice.layer), {})
        told = View(words.drop(columns=["layer", "kind"]))
        panels.append(
            alt.layer(
                leads,
                view.mark_area(opacity=0.12).encode(y=on(y, "lo"), y2=alt.Y2(field="hi"), color=colour, detail=detail),
                *([_thin(runs[place], axis, y, colour, detail)] if len(curves) < len(runs[place]) else []),
                view.mark_line(strokeWidth=2.6).encode(y=y, color=colour, detail=detail),
                view.mark_point(filled=True, opacity=1, size=30).encode(y=y, color=colour, shape=marker),
                View(peaks[place])
                .mark_point(filled=True, opacity=1, size=150, stroke=INK, strokeWidth=2)
                .encode(x=axis.x(), y=y, color=colour),
                *rule,
                *step_picker(told, axis, height=height, tooltip=fields, name=f"panel{place}"),
                width=across,
                height=height,
                title=alt.TitleParams(**panel_heading(title).to_dict() | {"frame": "group"}),
            )
        )
    whole = look.framed("Does topology move before behaviour does?", answer(data))
    return link_steps(alt.vconcat(*panels, spacing=22, **whole))


def answer(data: Data) -> str:
    """In how many series topology peaks before behaviour, and after it."""
    pairs = _peak_steps(data)
    if pairs.empty:
        return "No series has a peak in both yet."
    ahead = np.sign(pairs["behaviour"] - pairs["topology"])
    before, after = (int((ahead == sign).sum()) for sign in (1, -1))
    return f"Topology peaks first in {before:,} of {len(pairs):,} runs, last in {after:,}."


def more(data: Data) -> str:
    """Where the peaks are."""
    pairs = _peak_steps(data)
    if pairs.empty:
        return ""
    if len(pairs) > 4:
        middle = pairs.median()
        return f"Median step of the peaks: {middle['topology']:,.0f} against {middle['behaviour']:,.0f}."
    where = [f"{name} {int(one['topology']):,} against {int(one['behaviour']):,}" for name, one in pairs.iterrows()]
    return f"Steps of the two peaks: {', '.join(where)}."


def _peak_steps(data: Data) -> pd.DataFrame:
    """The steps of both peaks by series."""
    peaks = [_peaks(curves).set_index("series")["step"] for curves in _both(data)]
    return pd.concat(peaks, axis=1, keys=["topology", "behaviour"], join="inner").sort_index()


def _front(curves: pd.DataFrame) -> pd.DataFrame:
    """The lines in front, as `_curves` has them."""
    return bold(curves.assign(layer=0))[["series", "objective", "step", "mean", "lo", "hi"]]


def _thin(curves: pd.DataFrame, axis: StepAxis, y: alt.Y, colour: alt.Color, detail: alt.Detail) -> View:
    """The single runs, behind the mean of their objective."""
    line = View(curves).mark_line(strokeWidth=1, opacity=0.4)
    return line.encode(x=axis.x(title=None), y=y, color=colour, detail=detail)


def _both(data: Data) -> list[pd.DataFrame]:
    """Of the topology and of the behaviour, the single runs."""
    return [_curves(data.velocity), _curves(data.moves.rename(columns={"value": "mean"}))]


def _curves(table: pd.DataFrame) -> pd.DataFrame:
    """series, objective, step, mean, lo, hi; lo and hi are the mean where they are not known."""
    known = table.dropna(subset="mean", ignore_index=True).sort_values(["series", "step"], ignore_index=True)
    ends = {name: known[name].fillna(known["mean"]) if name in known else known["mean"] for name in ("lo", "hi")}
    return known.assign(**ends)[["series", "objective", "step", "mean", "lo", "hi"]]


def _peaks(curves: pd.DataFrame) -> pd.DataFrame:
    """The largest move of each series; none where nothing moves."""
    moving = curves[curves["mean"] > 0]
    return moving.loc[moving.groupby("series")["mean"].idxmax()]


def _leads(peaks: pd.DataFrame) -> View:
    """Dashed lines at the peaks; those at one step take turns, so that every colour is seen."""
    dash = 6  # pixels
    same = peaks.groupby("step")["series"]
    turns = peaks.assign(before=dash * same.cumcount(), pause=dash * same.transform("size").clip(lower=2) - dash)
    return View(turns[["series", "objective", "step", "before", "pause"]]).mark_rule(
        strokeWidth=1.8,
        strokeDash=alt.ExprRef(f"[{dash}, datum.pause]"),
        strokeDashOffset=alt.ExprRef("-datum.before"),
    )


def caption(data: Data) -> str:
    topology, behaviour = _quantities(data)
    kept = ""
    if data.slack > 0:
        kept = f"From the 512 most probable tokens; all others could add {data.slack:.2g} nats at most. "
    where = _WHERE[data.study.pooling]
    if data.name == PROJECTION:
        first, second = data.moves[["first", "second"]].iloc[0]
        where = (
            f"Mean projection on the base's direction from {first} to {second}, a gap of 1 at the base. It is read "
            "from the hidden states that topology is measured on: no independent measure."
        )
    return (
        f"Above: {topology}; below: {behaviour}, between consecutive checkpoints. Lines are means over an "
        f"objective's runs; rings: their largest moves. {kept}{where}"
    )


def numbers(data: Data) -> Numbers:
    _, behaviour = _quantities(data)
    words = [three(value) for value in data.moves["value"]]
    return by_step(f"{behaviour[0].upper()}{behaviour[1:]}, by step", data.moves, ["series"], words)


def _names(results: Source, choice: Choice) -> list[str]:
    return in_order(every_move(results, choice.layer)["name"])


def _categories(results: Source, choice: Choice) -> list[str]:
    known = every_move(results, choice.layer)
    return sorted(distinct(known[known["name"] == choice.behaviour], "category"))


FIGURE = Figure(
    name="behaviour", place=140, title="Topological and behavioural velocity",
    uses=(*CURVE, "layer", "per", "behaviour", "category"), read=read, chart=chart, caption=caption,
    table=lambda data: data.moves.drop(columns="objective"), numbers=numbers, more=more, paper={"height": 170},
    half=True,
    section="Before behaviour?",
    controls=(
        Control("e_name", "behaviour", "Behaviour", _names, named,
                help="How far it moves from checkpoint to checkpoint."),
        Control("e_category", "category", "Prompts", _categories, lambda one: one or "all",
                link="category of prompts"),
        Control("e_move_per", "per", "Per", fixed(*PER), link="behaviour per"),
    ),
)  # fmt: skip
