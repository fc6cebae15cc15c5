"""The step axis, the same wherever training steps appear, and the selected step."""

from collections.abc import Iterable, Mapping
from math import expm1, log1p

import altair as alt
import pandas as pd

from phcore.figures.charts.channels import View
from phcore.figures.charts.linking import C, answering, link, near, picked
from phcore.figures.charts.standing import moving
from phcore.figures.charts.theme import INK, LABEL_SIZE, SOFT

PARAM = "step"  # name of the click selection, and its field
_HOVER = near("near_step", PARAM)


class StepAxis:
    """The x axis of a chart over training steps.

    Parameters
    ----------
    steps : all steps of the study, the base (0) included, so that every chart has the same axis.
    log : a symmetric log axis, linear below the first step after 0, so that the base has a place on it.
    width : of the plot in pixels; decides which labels find room.
    """

    def __init__(self, steps: Iterable[int], *, log: bool = True, width: int = 540):
        self.steps = sorted({int(step) for step in steps}) or [0]
        self.log = log
        self.width = width
        self.constant = next((step for step in self.steps if step > 0), 1)

    @property
    def domain(self) -> tuple[int, int]:
        first, last = self.steps[0], self.steps[-1]
        return first, max(last, first + 1)

    def fraction(self, step: float) -> float:
        """Place of a step along the axis, 0 to 1."""
        low, high, here = (log1p(s / self.constant) if self.log else s for s in (*self.domain, step))
        return (here - low) / (high - low)

    def between(self, a: float, b: float) -> float:
        """The step half way between two others on the axis."""
        if not self.log:
            return (a + b) / 2
        return self.constant * expm1((log1p(a / self.constant) + log1p(b / self.constant)) / 2)

    def ticks(self) -> list[int]:
        """Steps to label: the first, the last, and of the others as many as find room."""
        first, last = self.steps[0], self.steps[-1]
        kept = [first]
        for step in self.steps[1:-1]:
            if self._clear(kept[-1], step) and self._clear(step, last):
                kept.append(step)
        return kept if first == last else [*kept, last]

    def _clear(self, a: int, b: int) -> bool:
        apart = self.width * (self.fraction(b) - self.fraction(a))
        return apart >= 3.9 * (len(f"{a:,}") + len(f"{b:,}")) + 5  # half of each label, and a gap

    def x(self, field: str = "step", title: str | None = "training step", labels: bool = True) -> alt.X:
        scale = alt.Scale(domain=list(self.domain), nice=False, zero=False, padding=8)
        if self.log:
            scale.type, scale.constant = "symlog", self.constant
        shown = {"labels": labels, "labelFlush": False, "labelOverlap": False, "labelAngle": 0}
        axis = alt.Axis(values=self.ticks(), format=",d", grid=False, **shown)
        return alt.X(field=field, type="quantitative", scale=scale, axis=axis, title=title)


def step_rule(selected: int | None, axis: StepAxis) -> list[View]:
    """The selected step as a rule, named above the plot.

    It has a table of its own, so that playing the steps changes data, not the chart.
    """
    table = moving(lambda step: pd.DataFrame([named_step(step, axis)]), selected)
    return [
        View(table).mark_rule(color=INK, strokeWidth=1.5, opacity=0.75).encode(x=axis.x()),
        step_name(table, axis.x()),
    ]


def named_step(selected: int | None, axis: StepAxis, place: float | None = None) -> dict:
    """The selected step with its words, which stand at `place` (default: the step).

    Without a selection it is a row that shows nothing: a chart that never loses a table is never redrawn.
    """
    if selected is None:
        return {"step": float("nan"), "words": "", "align": "center"}
    at = float(selected if place is None else place)
    return {"step": at, "words": f"step {selected:,}", "align": _inward(axis.fraction(at))}


def step_name(table: pd.DataFrame, x: alt.X) -> View:
    """The `words` above the plot, at `x`."""
    style = {"color": SOFT, "fontSize": LABEL_SIZE - 1, "baseline": "bottom", "dy": -3}
    text = View(table).mark_text(align=alt.ExprRef("datum.align"), **style)
    return text.encode(x=x, y=alt.YValue(0), text=alt.Text(field="words", type="nominal"))


def _inward(place: float) -> str:
    """Words near an end of the axis grow inwards, so that the plot never has to make room for them."""
    return "left" if place < 0.1 else "right" if place > 0.9 else "center"


def step_picker(
    steps: View, axis: StepAxis, *, height: int, tooltip: Mapping[str, str], name: str = "steps"
) -> list[View]:
    """Invisible marks that answer with the nearest step: its tooltip on hover, its selection on click.

    Parameters
    ----------
    steps : a view of one row per step (and panel): `step`, and what the tooltip shows.
    height : of the plot, pixels.
    tooltip : column -> its name on screen.
    name : of this view, where a chart has several.

    The marks stand in one line, so the regions nearest to each (Voronoi cells) are vertical strips.
    """
    guide = steps.mark_rule(color=INK, strokeWidth=1, opacity=0.35, strokeDash=[3, 3])
    strips = answering(steps, name, tooltip).encode(x=axis.x(), y=alt.YValue(height / 2))
    return [guide.encode(x=axis.x()).transform_filter(_HOVER), strips]


def link_steps(chart: C) -> C:
    """Hovering and clicking in any panel chooses the same step in all: the selection `step`, with the layer where
    panels are layers."""
    return link(chart, [_HOVER, picked(PARAM, "layer")])
