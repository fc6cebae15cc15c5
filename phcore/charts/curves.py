"""Curves over training steps, each with the floor it has to be read against."""

from collections.abc import Iterable, Sequence

import altair as alt
import pandas as pd

from phcore.charts.answers import distance_answer, velocity_answer
from phcore.charts.steps import StepAxis, link_steps, step_picker, step_rule
from phcore.charts.theme import (
    DASHES,
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
    plot_width,
)
from phcore.charts.words import three

_COLUMNS = 5  # panels in a row
_SPACING = 18
_LABELS = 42  # pixels of the labels of a y axis without title


def velocity_chart(
    curve: pd.DataFrame,
    floor: pd.DataFrame | None = None,
    *,
    steps: Sequence[int],
    selected_step: int | None = None,
    log: bool = True,
    y_title: str = "H1 velocity (distance)",
    question: str | None = "How far does each checkpoint move?",
    answer: str | None = None,
    objectives: Iterable[str] | None = None,
    share_y: bool = True,
    width: int | str = FULL_WIDTH,
    height: int = 260,
) -> alt.LayerChart | alt.ConcatChart:
    """A curve per series, one panel per layer; with one layer, one chart. Clicks choose `step`.

    Parameters
    ----------
    curve : series, objective, layer, step (at the end of the transition), mean, lo, hi. Series of one
        objective (seeds) share its colour and differ by dash.
    floor : step, lo, hi and, with several layers, layer: a grey band behind the curves.
    steps : all steps of the study, the base included: the same axis as in every other chart.
    y_title : quantity and unit.
    objectives : all objectives of the study, so that colours stay as the choice changes.
    share_y : one y axis for all panels, or each its own (raw distances grow with depth).
    width : of the whole chart; "container" for a single layer only.
    """
    layers = sorted(curve["layer"].unique()) or [0]
    if answer is None:
        answer = velocity_answer(curve, floor)
    if len(layers) == 1:
        panel = _velocity_panel(
            curve,
            floor,
            steps,
            selected_step,
            log,
            y_title,
            objectives,
            _top(curve, floor),
            plot_width(width),
            height,
            0,
        )
        return link_steps(framed(panel, question, answer, width))
    columns = min(_COLUMNS, len(layers))
    axes = Y_AXIS + (columns - 1) * (0 if share_y else _LABELS)
    inner = (int(width) - axes - (columns - 1) * _SPACING) // columns
    top = _top(curve, floor)
    panels = []
    for place, layer in enumerate(layers):
        part = curve[curve["layer"] == layer]
        below = floor[floor["layer"] == layer] if floor is not None else None
        first = place % columns == 0
        panel = _velocity_panel(
            part,
            below,
            steps,
            selected_step,
            log,
            y_title if first else None,
            objectives,
            top if share_y else _top(part, below),
            inner,
            height,
            place,
            labels=first or not share_y,
        )
        panels.append(panel.properties(title=panel_heading(f"layer {layer}")))
    chart = alt.concat(*panels, columns=columns, spacing=_SPACING)
    return link_steps(framed(chart, question, answer, width))


def objective_distance_chart(
    distance: pd.DataFrame,
    floor: pd.DataFrame | None = None,
    *,
    steps: Sequence[int],
    selected_step: int | None = None,
    log: bool = True,
    y_title: str = "distance",
    question: str | None = "How far apart are the two objectives?",
    answer: str | None = None,
    width: int | str = HALF_WIDTH,
    height: int = 300,
) -> alt.LayerChart:
    """The distance between two objectives by step, with its floor. Clicks choose `step`.

    Parameters
    ----------
    distance : step, value and, where known, lo and hi (NaN or no columns otherwise).
    floor : step, lo, hi.
    steps : all steps of the study.
    """
    if answer is None:
        answer = distance_answer(distance, floor)
    lines = distance.rename(columns={"value": "mean"})
    lines = lines.assign(**{c: lines["mean"] for c in ("lo", "hi") if c not in lines})
    axis = StepAxis(steps, log=log, width=plot_width(width))
    x = axis.x()
    y = _y(_top(lines, floor), y_title)
    base = alt.Chart(lines).encode(x=x)
    # Whiskers, not a band: a grey band is a floor.
    spread = base.mark_rule(strokeWidth=1.5, color=INK, opacity=0.6).encode(y=_on(y, "lo"), y2=alt.Y2(field="hi"))
    line = base.mark_line(color=INK, strokeWidth=2, point={"color": INK, "size": 36, "filled": True}).encode(y=y)
    told = lines.assign(words=_range_words(lines), step_words=[f"{s:,}" for s in lines["step"]])
    fields = {"step_words": "step", "words": "distance"}
    told, fields = _add_floor_words(told, fields, floor)
    chart = alt.layer(
        *_floor(floor, axis, y),
        spread,
        line,
        step_rule(selected_step, axis),
        step_picker(told, axis, view=_view(0), height=height, tooltip=fields),
    )
    chart = chart.properties(width=plot_width(width), height=height)
    return link_steps(framed(chart, question, answer, width))


def _velocity_panel(
    curve, floor, steps, selected, log, y_title, objectives, top, width, height, place, labels=True
) -> alt.LayerChart:
    axis = StepAxis(steps, log=log, width=width)
    x = axis.x()
    y = _y(top, y_title, labels)
    lines = curve.assign(run=curve.groupby("objective")["series"].rank(method="dense").astype(int))
    colour = alt.Color(
        field="objective",
        type="nominal",
        scale=objective_scale(curve["objective"].unique(), objectives),
        legend=alt.Legend(orient="top", title=None, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1),
    )
    runs = list(range(1, int(lines["run"].max() if len(lines) else 1) + 1))
    dash = alt.StrokeDash(
        field="run",
        type="nominal",
        scale=alt.Scale(domain=runs, range=[DASHES[(run - 1) % len(DASHES)] for run in runs]),
        legend=alt.Legend(orient="top", title="run") if len(runs) > 1 else None,
    )
    base = alt.Chart(lines).encode(x=x, color=colour, detail=alt.Detail(field="series", type="nominal"))
    spread = base.mark_area(opacity=0.12).encode(y=_on(y, "lo"), y2=alt.Y2(field="hi"))
    line = base.mark_line(strokeWidth=2.2).encode(y=y, strokeDash=dash)
    points = base.mark_point(filled=True, opacity=1, size=26).encode(y=y)
    told, fields = _told(lines)
    told, fields = _add_floor_words(told, fields, floor)
    return alt.layer(
        *_floor(floor, axis, y),
        spread,
        line,
        points,
        step_rule(selected, axis),
        step_picker(told, axis, view=_view(place), height=height, tooltip=fields),
    ).properties(width=width, height=height)


def _told(lines: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """One row per step, one column of words per series: what the tooltip of a step says."""
    names = sorted(lines["series"].unique())
    table = lines.assign(words=_range_words(lines)).pivot_table(
        index="step", columns="series", values="words", aggfunc="first"
    )
    fields = {"step_words": "step"} | {f"s{i}": name for i, name in enumerate(names)}
    told = table.reindex(columns=names).set_axis([f"s{i}" for i in range(len(names))], axis=1).fillna("–")
    told = told.rename_axis(columns=None).reset_index()
    return told.assign(step_words=[f"{step:,}" for step in told["step"]]), fields


def _range_words(lines: pd.DataFrame) -> list[str]:
    return [
        three(mean) if lo == hi or pd.isna(lo) else f"{three(mean)} ({three(lo)} to {three(hi)})"
        for mean, lo, hi in zip(lines["mean"], lines["lo"], lines["hi"], strict=True)
    ]


def _add_floor_words(told, fields, floor) -> tuple[pd.DataFrame, dict[str, str]]:
    if floor is None or floor.empty:
        return told, fields
    words = {
        step: f"{three(lo)} to {three(hi)}"
        for step, lo, hi in zip(floor["step"], floor["lo"], floor["hi"], strict=True)
    }
    return told.assign(floor=[words.get(s, "–") for s in told["step"]]), fields | {"floor": "resampling floor"}


def _floor(floor: pd.DataFrame | None, axis: StepAxis, y: alt.Y) -> list[alt.Chart]:
    """The grey band over the whole axis, named above its left end."""
    if floor is None or floor.empty:
        return []
    band = floor[["step", "lo", "hi"]].sort_values("step")
    low, high = axis.domain
    band = pd.concat([band.iloc[[0]].assign(step=low), band, band.iloc[[-1]].assign(step=high)])
    band = band.drop_duplicates("step")
    beneath_name = band[[axis.fraction(step) < 0.2 for step in band["step"]]]
    name = pd.DataFrame({"step": [low], "hi": [beneath_name["hi"].max()]})
    words = alt.Chart(name).mark_text(
        text="floor", align="left", baseline="bottom", dx=3, dy=-2, fontSize=LABEL_SIZE - 1, color=SOFT
    )
    return [
        alt.Chart(band).mark_area(color=FLOOR, opacity=0.3).encode(x=axis.x(), y=_on(y, "lo"), y2=alt.Y2(field="hi")),
        words.encode(x=axis.x(), y=_on(y, "hi")),
    ]


def _top(curve: pd.DataFrame, floor: pd.DataFrame | None) -> float:
    highest = [curve["mean"].max(), curve["hi"].max()]
    if floor is not None:
        highest.append(floor["hi"].max())
    known = [value for value in highest if pd.notna(value) and value > 0]
    return 1.08 * max(known) if known else 1.0


def _y(top: float, title: str | None, labels: bool = True) -> alt.Y:
    axis = alt.Axis(tickCount=5, gridOpacity=0.6, labels=labels, labelFlush=False)
    scale = alt.Scale(domain=[0, top], nice=False)
    return alt.Y(field="mean", type="quantitative", scale=scale, axis=axis, title=title)


def _on(y: alt.Y, field: str) -> alt.Y:
    """The same axis for another column."""
    other = y.copy()
    other.field = field
    return other


def _view(place: int) -> str:
    return f"panel{place}-steps"
