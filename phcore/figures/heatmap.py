"""Where in the network, and when: velocity by layer and step."""

from textwrap import wrap

import altair as alt
import pandas as pd

from phcore.figures import velocity
from phcore.figures.charts.channels import View, by_legend, told
from phcore.figures.charts.curve_rows import bold, several
from phcore.figures.charts.linking import link, picked
from phcore.figures.charts.standing import moving
from phcore.figures.charts.steps import PARAM, StepAxis, named_step, step_name
from phcore.figures.charts.theme import HALF_WIDTH, INK, SEQUENTIAL, objective_colours, panel_heading
from phcore.figures.figure import Data, Figure, Look
from phcore.formatting import three

_COLUMNS = 3  # panels in a row
_SPACING = 24
_AXIS, _LEGEND = 62, 124  # pixels of the y axis and of the colour legend
_ROW, _LOW = 30, 13  # pixels per layer


def chart(data: Data, look: Look):
    """One panel per objective (the mean of its runs) on one colour scale, deep layers on top. Clicks choose `step`."""
    cells = _transitions(data.curve)
    layers = sorted((int(layer) for layer in cells["layer"].unique()), reverse=True)
    colours = objective_colours({*look.objectives, *cells["objective"]})
    owners = cells.drop_duplicates("series").set_index("series")["objective"].to_dict()
    series = by_legend(cells, list(colours))
    # One that is switched off keeps its place, empty, so that the others keep theirs.
    if set(series) < set(look.objectives):
        series = [name for name in colours if name in look.objectives]
    columns = look.columns(len(series), _COLUMNS, 300)
    inner = (look.width - _AXIS - _LEGEND - (columns - 1) * (_SPACING + 16)) // columns
    axis = StepAxis(look.steps, log=look.log, width=inner)
    colour = _colour(cells["value"], velocity.named(data), max(60, _row(look) * len(layers) - 40))
    panels = [
        alt.layer(
            _cells(
                cells[cells["series"] == name],
                axis,
                layers,
                colour,
                place,
                labels=place % columns == 0,
                last=place + columns >= len(series),
            ),
            *_selected(cells[cells["series"] == name], axis, look.step, place),
            width=inner,
            height=_row(look) * len(layers),
            title=panel_heading(name, colours[owners.get(name, name)]),
        )
        for place, name in enumerate(series)
    ]
    spacing = {"column": _SPACING, "row": 6 if columns == 1 else _SPACING}
    whole = look.framed("Where and when does it move?", answer(data), small=True)
    return link(
        alt.concat(*panels, columns=columns, spacing=spacing, **whole),
        [picked(PARAM, "layer", "series", nearest=False)],
    )


def _row(look: Look) -> int:
    """Pixels per layer: fewer where panels stand below each other."""
    return _ROW if look.width > HALF_WIDTH + 100 else _LOW


def _transitions(curve: pd.DataFrame) -> pd.DataFrame:
    """Of each series, or each objective where one has several runs: begin, end, layer and value, with words."""
    front = bold(curve)
    if front is not curve:  # a transition of the mean begins where those of its runs do
        begun = curve.groupby(["objective", "layer", "step"])["step_from"].max()
        front = front.merge(begun, on=["objective", "layer", "step"])
    when = [f"{a:,} to {b:,}" for a, b in zip(front["step_from"], front["step"], strict=True)]
    words = [three(value) for value in front["mean"]]
    return front.assign(begin=front["step_from"], end=front["step"], when=when, words=words).rename(
        columns={"mean": "value"}
    )


def answer(data: Data) -> str:
    """Where the largest value is."""
    known = bold(data.curve).dropna(subset="mean")
    if known.empty:
        return "No cell has a value yet."
    most = known.loc[known["mean"].idxmax()]
    where = f"layer {int(most['layer'])}, step {int(most['step']):,}"
    return f"The largest move is {three(most['mean'])}, at {where} ({most['series']})."


def _colour(values: pd.Series, title: str, length: int) -> alt.Color:
    """From zero, unless the values lie so far from it that the colours would all look alike."""
    known = values.dropna()
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if 0 <= low < high / 2 or low == high >= 0:
        low = 0.0
    high = high if high > low else low + 1.0
    ends = {"values": [low, (low + high) / 2, high], "format": ".3~r", "gradientLength": length}
    return alt.Color(
        field="value",
        type="quantitative",
        scale=alt.Scale(scheme=SEQUENTIAL, domain=[low, high]),
        legend=alt.Legend(title=wrap(title, 16), titleLimit=0, **ends),
    )


def _cells(
    part: pd.DataFrame, axis: StepAxis, layers: list[int], colour: alt.Color, place: int, labels: bool, last: bool
) -> View:
    """Each reaches from one step to the next."""
    y = alt.Y(
        field="layer",
        type="ordinal",
        scale=alt.Scale(domain=layers, paddingInner=0.06, paddingOuter=0),
        axis=alt.Axis(labels=labels, grid=False, labelOverlap=False),
        title="layer" if labels else None,
    )
    words = told({"when": "step", "layer": "layer", "words": "value"})
    cells = View(part.dropna(subset="value"), name=f"series{place}").mark_rect(cursor="pointer")
    return cells.encode(
        x=axis.x("begin", "training step" if last else None, labels=last),
        x2=alt.X2(field="end"),
        y=y,
        color=colour,
        tooltip=words,
    )


def _selected(part: pd.DataFrame, axis: StepAxis, selected: int | None, place: int) -> list[View]:
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


def caption(data: Data) -> str:
    mean = " A panel is the mean over an objective's runs." if several(data.curve) else ""
    return f"Each field is one transition of one layer, from the earlier checkpoint to the later.{mean}"


FIGURE = Figure(
    name="heatmap", place=20, title="Velocity by layer and step",
    uses=velocity.FIGURE.uses, read=velocity.read, chart=chart,
    caption=caption,
    table=lambda data: data.curve[["series", "layer", "step_from", "step", "mean"]], numbers=velocity.numbers,
)  # fmt: skip
