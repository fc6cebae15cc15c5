"""Topology beside behaviour: which of the two peaks first, and what early movement says about the end."""

from collections.abc import Iterable, Sequence

import altair as alt
import numpy as np
import pandas as pd

from phcore.figures.charts.channels import dots, on, row_names, told
from phcore.figures.charts.curve_rows import range_words, runs
from phcore.figures.charts.curves import top_of, up
from phcore.figures.charts.steps import StepAxis, link_steps, step_picker, step_rule
from phcore.figures.charts.theme import (
    FLOOR,
    FULL_WIDTH,
    HALF_WIDTH,
    INK,
    LABEL_SIZE,
    SOFT,
    Y_AXIS,
    framed,
    objective_scale,
    panel_heading,
    run_dash,
)
from phcore.figures.charts.view import View
from phcore.formatting import count, three

# --- both by step ---------------------------------------------------------------------------------------

_DOT_LEGEND = {"orient": "top", "title": None, "symbolType": "circle", "labelLimit": 260}
_LINE_LEGEND = _DOT_LEGEND | {"symbolType": "stroke", "symbolStrokeWidth": 3}


def behaviour_chart(
    moves: pd.DataFrame,
    velocity: pd.DataFrame,
    *,
    steps: Sequence[int],
    selected_step: int | None = None,
    log: bool = True,
    topology: str = "H1 velocity (distance)",
    behaviour: str = "Jensen-Shannon divergence (nats)",
    question: str | None = "Does topology move before behaviour does?",
    answer: str | None = None,
    objectives: Iterable[str] | None = None,
    width: int = FULL_WIDTH,
    height: int = 190,
) -> alt.VConcatChart:
    """Two panels on one step axis: how far each checkpoint moves in topology, and in behaviour. Clicks choose `step`.

    The peak of each series is ringed; a dashed line leads from its peak in topology down to behaviour.

    Parameters
    ----------
    moves : series, objective, step (the end of the transition), value: one behaviour.
    velocity : series, objective, step, mean and, where known, lo, hi: one layer.
    steps : all steps of the study, the base included.
    topology, behaviour : quantity and unit of the two.
    objectives : all objectives of the study, so that colours stay as the choice changes.
    """
    if answer is None:
        answer = behaviour_answer(moves, velocity)
    across = width - Y_AXIS
    axis = StepAxis(steps, log=log, width=across)
    both = [_curves(velocity), _curves(moves.rename(columns={"value": "mean"}))]
    names = {*both[0]["objective"], *both[1]["objective"]}
    colour = alt.Color(
        field="objective",
        type="nominal",
        scale=objective_scale(names, objectives),
        legend=alt.Legend(symbolOpacity=1, **_LINE_LEGEND),
    )
    dash = run_dash(run for curves in both for run in curves["run"])
    detail = alt.Detail(field="series", type="nominal")
    rule = step_rule(selected_step, axis)
    first = _peaks(both[0])
    leads = _leads(first).encode(x=axis.x(), color=colour)
    panels = []
    for place, (curves, title) in enumerate(zip(both, (topology, behaviour), strict=True)):
        y = up(top_of(curves), None)
        view = View(curves).encode(x=axis.x(title="training step" if place else None))
        words, fields = _words(curves)
        peaks = View(first if place == 0 else _peaks(curves))
        panels.append(
            alt.layer(
                leads,
                view.mark_area(opacity=0.12).encode(y=on(y, "lo"), y2=alt.Y2(field="hi"), color=colour, detail=detail),
                view.mark_line(strokeWidth=2.2).encode(y=y, color=colour, strokeDash=dash, detail=detail),
                view.mark_point(filled=True, opacity=1, size=26).encode(y=y, color=colour),
                peaks.mark_point(filled=True, opacity=1, size=150, stroke=INK, strokeWidth=2).encode(
                    x=axis.x(), y=y, color=colour
                ),
                *rule,
                *step_picker(View(words), axis, height=height, tooltip=fields, name=f"panel{place}"),
                width=across,
                height=height,
                title=alt.TitleParams(**panel_heading(title).to_dict() | {"frame": "group"}),
            )
        )
    return link_steps(alt.vconcat(*panels, spacing=22, **framed(question, answer, width)))


def behaviour_answer(moves: pd.DataFrame, velocity: pd.DataFrame) -> str:
    """In how many series topology peaks before, with and after behaviour, and where."""
    peaks = [
        _peaks(_curves(table)).set_index("series")["step"]
        for table in (velocity, moves.rename(columns={"value": "mean"}))
    ]
    pairs = pd.concat(peaks, axis=1, keys=["topology", "behaviour"], join="inner").sort_index()
    if pairs.empty:
        return "No series has a peak in both yet."
    ahead = np.sign(pairs["behaviour"] - pairs["topology"])
    before, same, after = (int((ahead == sign).sum()) for sign in (1, 0, -1))
    counts = (
        f"Of {len(pairs):,} series, topology peaks first in {before:,}, at the same checkpoint in {same:,}, last in "
        f"{after:,}."
    )
    if len(pairs) > 4:
        middle = pairs.median()
        return f"{counts} Median step of the peaks: {middle['topology']:,.0f} against {middle['behaviour']:,.0f}."
    where = [f"{name} {int(one['topology']):,} against {int(one['behaviour']):,}" for name, one in pairs.iterrows()]
    return f"{counts} Steps of the two peaks (ringed): {', '.join(where)}."


def _curves(table: pd.DataFrame) -> pd.DataFrame:
    """series, objective, run, step, mean, lo, hi; lo and hi are the mean where they are not known."""
    known = table.dropna(subset="mean", ignore_index=True).sort_values(["series", "step"], ignore_index=True)
    ends = {name: known[name].fillna(known["mean"]) if name in known else known["mean"] for name in ("lo", "hi")}
    known = known.assign(**ends)
    return known.assign(run=runs(known))[["series", "objective", "run", "step", "mean", "lo", "hi"]]


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


def _words(curves: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """One row per step with a column of words per series, and the columns' names on screen."""
    names = sorted(set(curves["series"]))
    known = curves.assign(words=range_words(curves)).drop_duplicates(["step", "series"])
    wide = known.pivot(index="step", columns="series", values="words").reindex(columns=names).fillna("–")
    # Columns of our own names: a series may be called anything.
    wide.columns = [f"s{at}" for at in range(len(names))]
    words = wide.reset_index().assign(step_words=[f"{int(step):,}" for step in wide.index])
    return words, {"step_words": "step"} | {f"s{at}": name for at, name in enumerate(names)}


# --- lags -----------------------------------------------------------------------------------------------

_NAMES = 58  # pixels for the layers and their title
_ROW, _RUN = 26, 11  # pixels per layer, and per series in it


def lag_chart(
    lags: pd.DataFrame,
    *,
    steps: Sequence[int],
    behaviour: str = "behaviour",
    question: str | None = "Which peaks first?",
    answer: str | None = None,
    objectives: Iterable[str] | None = None,
    width: int = FULL_WIDTH,
) -> alt.LayerChart:
    """One row per layer, deep layers on top, a dot per series: how many checkpoints behaviour peaks after topology.

    Parameters
    ----------
    lags : series, objective, layer, lag_checkpoints, lag_steps, peak_topology, peak_behaviour, peak_lo, peak_hi (steps
        between which the peaks of the subsamples lie; the whiskers).
    steps : the checkpoints, the base included: what a whisker's steps are counted in.
    behaviour : what peaks, in words.
    objectives : all objectives of the study, so that colours stay as the choice changes.
    """
    if answer is None:
        answer = lag_answer(lags)
    table = _counted(lags.dropna(subset="lag_checkpoints", ignore_index=True), sorted(set(steps)))
    layers = sorted((int(layer) for layer in table["layer"].unique()), reverse=True)
    scale = objective_scale(table["objective"].unique(), objectives)
    owners = table.drop_duplicates("series").sort_values("series")
    series = sorted(owners["series"], key=lambda name: scale.domain.index(_owner(owners, name)))
    ends = [abs(value) for name in ("lag_checkpoints", "lag_lo", "lag_hi") for value in table[name].dropna()]
    reach = max([3, *ends]) + 0.5
    across, height = width - _NAMES - 20, (_ROW + _RUN * len(series)) * max(1, len(layers))
    x = alt.X(
        field="lag_checkpoints",
        type="quantitative",
        title=f"checkpoints from the peak of topology to that of {behaviour}",
        scale=alt.Scale(domain=[-reach, reach], nice=False),
        axis=alt.Axis(
            tickMinStep=1, labelExpr="datum.value ? format(datum.value, '+d') : '0'", gridOpacity=0.6, labelFlush=False
        ),
    )
    channels = {
        "y": row_names("layer", layers, _NAMES - 30, "layer", ruled=True),
        "yOffset": alt.YOffset(field="series", type="nominal", scale=alt.Scale(domain=series, paddingOuter=0.6)),
        "color": alt.Color(
            field="objective",
            type="nominal",
            scale=scale,
            legend=alt.Legend(symbolOpacity=1, **_DOT_LEGEND),
        ),
    }
    tooltip = {
        "series": "series",
        "layer": "layer",
        "lag_words": "behaviour peaks",
        "topology_words": "peak of topology (10 to 90 % of subsamples)",
        "behaviour_words": f"peak of {behaviour}",
    }
    return alt.layer(
        *_sides(x, reach),
        *dots(View(table), x, "lag_lo", "lag_hi", hollow="datum.lag_checkpoints < 0", tooltip=tooltip, **channels),
        width=across,
        height=height,
        **framed(question, answer, width),
    )


def lag_answer(lags: pd.DataFrame) -> str:
    """How many peaks of topology come before, with and after those of behaviour."""
    known = lags["lag_checkpoints"].dropna()
    if known.empty:
        return "No series has a peak in both yet."
    before, same, after = (int((np.sign(known) == sign).sum()) for sign in (1, 0, -1))
    return (
        f"Of {len(known):,} (series, layer), topology peaks first in {before:,}, at the same checkpoint in {same:,}, "
        f"behaviour first in {after:,}. Median: {known.median():+.3g} checkpoints."
    )


def _counted(lags: pd.DataFrame, steps: Sequence[int]) -> pd.DataFrame:
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
        View(sides[sides["shade"] == part]).mark_text(align=align, dx=dx, **words)
        for part, align, dx in ((0.06, "left", 8), (0.2, "right", -8))
    ]
    return [
        View(sides).mark_rect(color=FLOOR).encode(x=x, x2=alt.X2(field="end"), opacity=shade),
        View(sides.head(1)).mark_rule(color=SOFT, strokeWidth=1.5).encode(x=x),
        *(
            name.encode(x=alt.XDatum(0.0), y=alt.YValue(0), text=alt.Text(field="name", type="nominal"))
            for name in names
        ),
    ]


def _owner(owners: pd.DataFrame, series: str) -> str:
    return owners.loc[owners["series"] == series, "objective"].iloc[0]


# --- early against final --------------------------------------------------------------------------------

_SHAPES = ("circle", "square", "diamond", "cross", "triangle-down", "triangle-right")  # upright triangles are H1


def early_final_chart(
    points: pd.DataFrame,
    *,
    x_title: str,
    y_title: str,
    correlation: pd.Series | None = None,
    question: str | None = "Does early movement tell the end?",
    answer: str | None = None,
    objectives: Iterable[str] | None = None,
    width: int = HALF_WIDTH,
    height: int = 360,
) -> alt.LayerChart:
    """A mark per series and layer, its shape the layer: early movement across, the end of the run upwards.

    Parameters
    ----------
    points : series, objective, layer, x (concentration or early velocity), y (a behaviour at the last checkpoint).
    x_title, y_title : quantity and unit.
    correlation : rho, lo, hi, points, runs, for the answer.
    objectives : all objectives of the study, so that colours stay as the choice changes.
    """
    if answer is None:
        answer = early_final_answer(correlation)
    known = points.dropna(subset=["x", "y"], ignore_index=True)
    table = known.assign(
        x_words=[three(value) for value in known["x"]],
        y_words=[three(value) for value in known["y"]],
    )
    x, y = (_around(channel, table, field, title) for channel, field, title in
            ((alt.X, "x", x_title), (alt.Y, "y", y_title)))  # fmt: skip
    colour = alt.Color(
        field="objective",
        type="nominal",
        scale=objective_scale(table["objective"].unique(), objectives),
        legend=alt.Legend(symbolOpacity=1, **_DOT_LEGEND),
    )
    tooltip = {"series": "series", "layer": "layer", "x_words": x_title, "y_words": y_title}
    layers = sorted({int(layer) for layer in table["layer"]})
    shape = alt.Shape(
        field="layer",
        type="nominal",
        scale=alt.Scale(domain=layers, range=[_SHAPES[place % len(_SHAPES)] for place in range(len(layers))]),
        legend=alt.Legend(
            orient="top", title="layer", titleOrient="left", symbolFillColor=SOFT, symbolStrokeWidth=0, symbolOpacity=1
        ),
    )
    mark = View(table).mark_point(filled=True, opacity=0.85, size=110)
    return alt.layer(
        mark.encode(x=x, y=y, color=colour, shape=shape, tooltip=told(tooltip)),
        width=width - Y_AXIS,
        height=height,
        **framed(question, answer, width),
    )


def early_final_answer(correlation: pd.Series | None) -> str:
    """The rank correlation with its interval, and of how many runs."""
    if correlation is None or pd.isna(correlation["rho"]):
        return "Too few runs end with a known behaviour."
    runs, points = int(correlation["runs"]), int(correlation["points"])
    lo, hi = correlation["lo"], correlation["hi"]
    interval = "no interval" if pd.isna(lo) or pd.isna(hi) else f"{lo:.2f} to {hi:.2f}"
    return (
        f"Spearman's rho {correlation['rho']:.2f} ({interval}), n = {count(points, 'layer')} of "
        f"{count(runs, 'run')}; the layers of a run share its end."
    )


def _around(channel: type, table: pd.DataFrame, field: str, title: str):
    return channel(
        field=field,
        type="quantitative",
        title=title,
        scale=alt.Scale(domain=_room(table[field]), nice=False, zero=False),
        axis=alt.Axis(tickCount=5, gridOpacity=0.6, labelFlush=False),
    )


def _room(values: pd.Series) -> list[float]:
    """A domain around the values, with room around the marks."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    room = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
    return [low - room, high + room]
