"""Curves over training steps, each with the floor it has to be read against."""

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from phcore.figures.charts.channels import View, by_marker, by_objective, end_names, faceted, on
from phcore.figures.charts.curve_rows import (
    CURVE,
    FLOOR,
    FLOOR_NAME,
    NULL,
    NULL_NAME,
    NUMERICS,
    THIN,
    TOLD,
    bold,
    curve_rows,
)
from phcore.figures.charts.steps import StepAxis, link_steps, step_picker, step_rule
from phcore.figures.charts.theme import FLOOR as FLOOR_INK
from phcore.figures.charts.theme import LABEL_SIZE, SOFT, Y_AXIS, objective_colours
from phcore.figures.figure import Look
from phcore.formatting import three

_COLUMNS = 5  # panels in a row
_SPACING = 18
_TICKS, _TITLE = 38, 20  # pixels of the labels of a y axis, and of its title
_LABELS, _NAMED = 92, 8  # pixels beside a plot for the names of its lines; of more lines none has a name


def velocity_chart(
    curve: pd.DataFrame,
    floor: pd.DataFrame | None,
    look: Look,
    *,
    null: pd.DataFrame | None = None,
    numerics: pd.DataFrame | None = None,
    panels: Mapping[int, str] | None = None,
    y_title: str = "H1 velocity (distance)",
    question: str = "How far does each checkpoint move?",
    answer: str | None = None,
    share_y: bool = True,
    zero: bool = True,
    columns: int = _COLUMNS,
    called: str | None = None,
    legend: bool = True,
) -> alt.LayerChart | alt.FacetChart:
    """A curve per series, one panel per layer; with one layer, one chart. Clicks choose `step`.

    Where an objective has several runs, its mean stands in front, and each of its runs is a thin line behind.

    Parameters
    ----------
    curve : series, objective, layer, step (at the end of the transition), mean, lo, hi.
    floor : step, lo, hi and, with several layers, layer: a grey band behind the curves.
    null : the same: a band with a dashed outline, what velocity would be without shape.
    numerics : value and, with several layers, layer: a dotted line at the largest of them, the distance that other
        batches or another precision alone make.
    panels : where the panels are not layers: number in the column `layer` -> name of its panel.
    y_title : quantity and unit.
    share_y : one y axis for all panels, or each its own (raw distances grow with depth).
    zero : whether y axes begin at zero, as those of distances have to. Where a change is small beside what changes,
        they would flatten it.
    columns : panels in a row at most.
    called : name of the curve, where each panel has one.
    legend : whether the colours have one, where lines have no names.
    """
    layers, height, front = curve["layer"].nunique(), look.height or 260, bold(curve)
    behind = None if front is curve else curve
    front = front if called is None else front.assign(series=called)
    columns = look.columns(layers, columns)
    top = top_of(front, behind, floor, null, None if numerics is None else numerics.rename(columns={"value": "hi"}))
    named = layers < 2 and zero and front["series"].nunique() <= _NAMED  # at the ends of the lines
    labels = _LABELS if named else 0
    axes = Y_AXIS if share_y else columns * _TICKS + _TITLE
    inner = look.width - Y_AXIS - labels if layers < 2 else (look.width - axes - (columns - 1) * _SPACING) // columns
    axis = StepAxis(look.steps, log=look.log, width=inner)
    rows, fields = curve_rows(front, floor, axis, null, panels, numerics, behind, look.objectives)
    own_axes = layers > 1 and not share_y
    end = top if look.top is None else look.top
    # One title stands for all panels: of low ones it is longer than an axis.
    y = up(None if own_axes or not zero else end, y_title if layers < 2 else None, zero)
    legend = legend and not named
    symbols = {"symbolType": alt.Undefined, "symbolSize": 70, "offset": 0}
    colour = by_objective(front["objective"], look.objectives, "circle" if legend else None, look.width, **symbols)
    marker = by_marker(front["objective"], look.objectives, legend, look.width)
    detail = alt.Detail(field="series", type="nominal")
    own = only(CURVE).encode(x=axis.x(), y=y, color=colour)
    lines = [
        *(_null(axis, y) if null is not None else []),
        *(_numerics(axis, y) if numerics is not None else []),
        *([_thin(axis, y, colour, detail)] if behind is not None else []),
        own.mark_area(opacity=0.1).encode(y=on(y, "lo"), y2=alt.Y2(field="hi"), detail=detail),
        own.mark_line(strokeWidth=2.6).encode(detail=detail),
        own.mark_point(filled=True, opacity=1, size=34).encode(shape=marker),
        *([end_names(_coloured(front, look), y, end, inner, height, labels - 12)] if named else []),
    ]
    plot = lines, fields, y, axis, look, height, floor is not None
    said = velocity_answer(curve, floor) if answer is None else answer
    whole = look.framed(question, said, small=layers > 1)
    if layers < 2:
        return link_steps(over_steps(*plot, data=rows, **whole))
    order = rows.drop_duplicates("panel").sort_values("layer")["panel"]  # by depth
    header = {"titleOrient": "left", "titleFontSize": LABEL_SIZE, "titleFontWeight": "normal"}
    header["labelPadding"] = 18  # room for the name of the selected step
    panels = alt.FacetChart(
        data=rows,
        spec=over_steps(*plot),
        facet=faceted("panel", order, y_title, **header),
        columns=columns,
        spacing=_SPACING,
        **whole,
    )
    if own_axes:
        panels = panels.resolve_scale(y="independent")
    return link_steps(panels)


def _coloured(front: pd.DataFrame, look: Look) -> pd.DataFrame:
    """The curves with the colour of their objective, for their names."""
    return front.assign(colour=front["objective"].map(objective_colours({*front["objective"], *look.objectives})))


def _thin(axis: StepAxis, y: alt.Y, colour: alt.Color, detail: alt.Detail) -> View:
    """The single runs, behind the mean of their objective."""
    return only(THIN).mark_line(strokeWidth=1, opacity=0.4).encode(x=axis.x(), y=y, color=colour, detail=detail)


def over_steps(
    lines: list[View],
    fields: Mapping[str, str],
    y: alt.Y,
    axis: StepAxis,
    look: Look,
    height: int,
    floored: bool,
    **whole,
) -> alt.LayerChart:
    """A plot of `curve_rows`: `lines` before their floor, the selected step, and what answers with the nearest one.

    Parameters
    ----------
    fields : of the tooltip, from `curve_rows`.
    floored : whether there is a floor.
    whole : data and title, where the plot is a chart of its own.
    """
    picker = step_picker(only(TOLD), axis, height=height, tooltip=fields)
    marks = [*(floor_marks(axis, y) if floored else []), *lines, *step_rule(look.step, axis), *picker]
    return alt.layer(*marks, width=axis.width, height=height, **whole)


def only(kind: str) -> View:
    """A view of one kind of the chart's rows."""
    return View().transform_filter(f"datum.kind == '{kind}'")


def floor_marks(axis: StepAxis, y: alt.Y) -> list[View]:
    """The grey band and its name."""
    return [
        only(FLOOR).mark_area(color=FLOOR_INK, opacity=0.3).encode(x=axis.x(), y=on(y, "lo"), y2=alt.Y2(field="hi")),
        band_name(only(FLOOR_NAME), "floor", "left", "bottom").encode(x=axis.x(), y=on(y, "hi")),
    ]


def band_name(view: View, words: str, align: str, baseline: str) -> View:
    """The name of a band or line, a little beside its place."""
    style = {
        "dx": {"left": 3, "right": -3}.get(align, 0),
        "dy": 3 if baseline == "top" else -2,
        "fontSize": LABEL_SIZE - 1,
    }
    return view.mark_text(text=words, color=SOFT, align=align, baseline=baseline, **style)


def _null(axis: StepAxis, y: alt.Y) -> list[View]:
    """The band with a dashed outline, which tells it from the floor without colour, and its name at the other end."""
    return [
        only(NULL)
        .mark_area(color=FLOOR_INK, fillOpacity=0.16, stroke=SOFT, strokeWidth=1.2, strokeDash=[4, 3])
        .encode(x=axis.x(), y=on(y, "lo"), y2=alt.Y2(field="hi")),
        band_name(only(NULL_NAME), "Gaussian", "center", "bottom").encode(x=axis.x(), y=on(y, "hi")),
    ]


def _numerics(axis: StepAxis, y: alt.Y) -> list[View]:
    """A dotted line across the plot, and its name above the right end."""
    return [
        only(NUMERICS).mark_rule(color=SOFT, strokeWidth=1.5, strokeDash=[1.5, 3]).encode(y=y),
        band_name(only(NUMERICS), "numerical floor", "right", "bottom").encode(x=axis.x(), y=y),
    ]


def top_of(curve: pd.DataFrame, *bands: pd.DataFrame | None) -> float:
    """The upper end of a y axis that holds the curves (mean, hi) and their bands (hi)."""
    highest = [curve["mean"].max(), curve["hi"].max()]
    highest += [band["hi"].max() for band in bands if band is not None]
    known = [value for value in highest if pd.notna(value) and value > 0]
    return 1.08 * max(known) if known else 1.0


def up(top: float | None, title: str | None, zero: bool = True) -> alt.Y:
    """The y axis of the column `mean`: from zero, or where the curves are."""
    scale = alt.Scale(zero=zero) if top is None else alt.Scale(domain=[0, top], nice=False)
    axis = alt.Axis(tickCount=5, gridOpacity=0.6, labelFlush=False)
    return alt.Y(field="mean", type="quantitative", scale=scale, axis=axis, title=title)


def velocity_answer(curve: pd.DataFrame, floor: pd.DataFrame | None = None) -> str:
    """The largest move of all, of an objective's mean where it has several runs, beside the floor at its place."""
    known = bold(curve).dropna(subset="mean")
    if known.empty:
        return "No transition has a velocity yet."
    most = known.iloc[int(known["mean"].argmax())]
    where = f", layer {int(most['layer'])}" if curve["layer"].nunique() > 1 else ""
    words = f"{most['series']} moves most at step {int(most['step']):,}{where}, by {three(most['mean'])}"
    below = _floor_at(floor, most)
    if below is None:
        return f"{words}."
    place = "more" if most["mean"] > below[1] else "no more"
    return f"{words}: {place} than other prompts would make it ({three(below[0])} to {three(below[1])})."


def exceeding(curve: pd.DataFrame, floor: pd.DataFrame | None = None) -> str:
    """How many moves of single runs exceed the floor; nothing where there is none."""
    known = curve.dropna(subset="mean")
    if floor is None or floor.empty or known.empty:
        return ""
    above = int((known["mean"] > _floor_tops(known, floor)).sum())
    return f"{above:,} of {len(known):,} moves of single runs exceed the floor."


def distance_answer(distance: pd.DataFrame, floor: pd.DataFrame | None = None) -> str:
    """The distance at the last step, and since when it is above the floor."""
    known = distance.dropna(subset="value").sort_values("step")
    if known.empty:
        return "No step has both objectives."
    last = known.iloc[-1]
    words = f"At step {int(last['step']):,} they are {three(last['value'])} apart"
    below = _floor_at(floor, last)
    if below is None:
        return f"{words}."
    above = known["value"] > _floor_tops(known, floor)
    if not above.iloc[-1]:
        return f"{words}: no farther than resampling alone, {three(below[1])}."
    return f"{words}, beyond resampling noise ({three(below[1])}) since step {since(known['step'], above):,}."


def since(steps: pd.Series, above: pd.Series) -> int | None:
    """The first step from which on all are above; None where the last one is not."""
    last_inside = steps[~above].max()
    later = steps[above & ~(steps <= last_inside)]
    return int(later.min()) if len(later) else None


def _floor_at(floor: pd.DataFrame | None, row: pd.Series) -> tuple[float, float] | None:
    if floor is None or floor.empty:
        return None
    here = floor[floor["step"] == row["step"]]
    if "layer" in floor and "layer" in row:
        here = here[here["layer"] == row["layer"]]
    return None if here.empty else (float(here["lo"].iloc[0]), float(here["hi"].iloc[0]))


def _floor_tops(known: pd.DataFrame, floor: pd.DataFrame) -> np.ndarray:
    """The upper edge of the floor beside each row; where there is none, no row exceeds it."""
    on = [column for column in ("layer", "step") if column in floor and column in known]
    tops: dict[tuple, float] = {}
    for *place, top in zip(*(floor[column] for column in (*on, "hi")), strict=True):
        tops.setdefault(tuple(place), top)
    found = [tops.get(place, np.inf) for place in zip(*(known[column] for column in on), strict=True)]
    return np.nan_to_num(found, nan=np.inf, posinf=np.inf)
