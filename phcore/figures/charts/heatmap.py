"""Layer by step: where in the network, and when."""

from collections.abc import Iterable, Sequence
from textwrap import wrap

import altair as alt
import pandas as pd

from phcore.figures.charts.answers import heatmap_answer
from phcore.figures.charts.linking import link, picked
from phcore.figures.charts.moving import moving
from phcore.figures.charts.steps import PARAM, StepAxis, named_step, step_name
from phcore.figures.charts.theme import (
    FULL_WIDTH,
    INK,
    SEQUENTIAL,
    framed,
    objective_colours,
    panel_heading,
)
from phcore.figures.charts.view import View
from phcore.formatting import three

_COLUMNS = 3  # panels in a row
_SPACING = 24
_AXIS, _LEGEND = 62, 124  # pixels of the y axis and of the colour legend
_ROW = 30  # pixels per layer


def heatmap(
    cells: pd.DataFrame,
    *,
    steps: Sequence[int],
    selected_step: int | None = None,
    log: bool = True,
    value_title: str = "H1 velocity (distance)",
    question: str | None = "Where and when does it move?",
    answer: str | None = None,
    objectives: Iterable[str] | None = None,
    width: int = FULL_WIDTH,
) -> alt.ConcatChart:
    """One panel per series on one colour scale, deep layers on top. Clicks choose `step`.

    Parameters
    ----------
    cells : series, objective, layer, step_from, step, value: of a transition, whose cell reaches from one step to the
        other.
    steps : all steps of the study: the same axis as in every other chart.
    value_title : quantity and unit, beside the colours.
    """
    if answer is None:
        answer = heatmap_answer(cells)
    layers = sorted((int(layer) for layer in cells["layer"].unique()), reverse=True)
    colours = objective_colours(set(objectives or ()) | set(cells["objective"]))
    order = {objective: place for place, objective in enumerate(colours)}
    owners = cells.drop_duplicates("series").set_index("series")["objective"].to_dict() or {"": ""}
    series = sorted(owners, key=lambda name: (order.get(owners[name], 0), name))
    columns = min(_COLUMNS, len(series))
    inner = (width - _AXIS - _LEGEND - (columns - 1) * (_SPACING + 16)) // columns
    axis = StepAxis(steps, log=log, width=inner)
    placed = _placed(cells)
    domain = _colour_domain(placed["value"])
    panels = []
    for place, name in enumerate(series):
        part = placed[placed["series"] == name]
        panels.append(
            alt.layer(
                *_marks(part, axis, layers, domain, value_title, selected_step, place, place % columns == 0),
                width=inner,
                height=_ROW * max(1, len(layers)),
                title=panel_heading(name, colours.get(owners[name], INK)),
            )
        )
    chart = alt.concat(*panels, columns=columns, spacing=_SPACING, **framed(question, answer, width))
    return link(chart, [picked(PARAM, nearest=False)])


def _colour_domain(values: pd.Series) -> list[float]:
    """From zero, unless the values lie so far from it that the colours would all look alike."""
    known = values.dropna()
    if known.empty:
        return [0.0, 1.0]
    low, high = float(known.min()), float(known.max())
    if 0 <= low < high / 2 or low == high >= 0:
        low = 0.0
    return [low, high if high > low else low + 1.0]


def _placed(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells with the steps they reach from and to, and their words."""
    return cells.assign(
        begin=cells["step_from"],
        end=cells["step"],
        when=[f"{a:,} to {b:,}" for a, b in zip(cells["step_from"], cells["step"], strict=True)],
        words=[three(value) for value in cells["value"]],
    )


def _marks(part, axis, layers, domain, value_title, selected, place, first) -> list[View]:
    y = alt.Y(
        field="layer",
        type="ordinal",
        scale=alt.Scale(domain=layers, paddingInner=0.06, paddingOuter=0),
        axis=alt.Axis(labels=first, grid=False),
        title="layer" if first else None,
    )
    colour = alt.Color(
        field="value",
        type="quantitative",
        scale=alt.Scale(scheme=SEQUENTIAL, domain=domain),
        legend=alt.Legend(
            title=wrap(value_title, 16),
            titleLimit=0,
            values=[domain[0], sum(domain) / 2, domain[1]],
            format=".3~r",
            gradientLength=max(60, _ROW * len(layers) - 40),
        ),
    )
    told = {"when": "step", "layer": "layer", "words": "value"}
    cells = View(part.dropna(subset="value"), name=f"series{place}").mark_rect(cursor="pointer")
    return [
        cells.encode(
            x=axis.x("begin"),
            x2=alt.X2(field="end"),
            y=y,
            color=colour,
            tooltip=[alt.Tooltip(field=field, type="nominal", title=title) for field, title in told.items()],
        ),
        *_selected(part, axis, selected, place),
    ]


def _selected(part, axis: StepAxis, selected: int | None, place: int) -> list[View]:
    """A frame around the column of the selected step, named above it; the name alone where it is empty."""

    def edges(step: int | None) -> tuple[float, float] | None:
        here = part.loc[part["step"] == step, ["begin", "end"]].head(1).to_numpy().tolist()
        return tuple(here[0]) if here else None

    # Equal tables would be sent as one, and a chart whose number of tables changes is drawn anew: hence `place`.
    def frame(step: int | None) -> pd.DataFrame:
        begin, end = edges(step) or (float("nan"), float("nan"))
        return pd.DataFrame([{"begin": begin, "end": end, "place": place}])

    def name(step: int | None) -> pd.DataFrame:
        middle = axis.between(*found) if (found := edges(step)) else None
        return pd.DataFrame([named_step(step, axis, middle) | {"place": place}])

    return [
        View(moving(frame, selected))
        .mark_rect(fillOpacity=0, stroke=INK, strokeWidth=2)
        .encode(x=axis.x("begin"), x2=alt.X2(field="end")),
        step_name(moving(name, selected), axis.x()),
    ]
