"""Where a mixture of two objectives lies between its parts, by step."""

from collections.abc import Iterable, Sequence

import altair as alt
import pandas as pd

from phcore.figures.charts.channels import end_names, on
from phcore.figures.charts.curves import up
from phcore.figures.charts.steps import StepAxis, link_steps, step_picker, step_rule
from phcore.figures.charts.theme import (
    BASE_COLOUR,
    FLOOR,
    FULL_WIDTH,
    HALO,
    LABEL_SIZE,
    SOFT,
    Y_AXIS,
    framed,
    objective_colours,
    panel_heading,
)
from phcore.figures.charts.view import View
from phcore.formatting import three

_LABELS = 150  # pixels beside the right panel for the names of its lines
_SPACING = 30
_OUTSIDE = 0.3  # how far beyond its parts the axis reaches; what lies beyond stands at its end


def mixture_chart(
    rows: pd.DataFrame,
    *,
    steps: Sequence[int],
    selected_step: int | None = None,
    log: bool = True,
    question: str | None = None,
    answer: str | None = None,
    objectives: Iterable[str] | None = None,
    width: int = FULL_WIDTH,
    height: int = 280,
) -> alt.HConcatChart:
    """Left: its place on the line between its parts. Right: the distances this comes from. Clicks choose `step`.

    Parameters
    ----------
    rows : series, part_a, part_b, objective, objective_a, objective_b, step, along (0 at part_a, 1 at part_b), off
        (distance from the line between them), to_a, to_b, a_to_b, floor; one mixture at one layer.
    steps : all steps of the study, the base included.
    question : default: whether it lies between its parts, by their names.
    objectives : all objectives of the study, so that colours stay as the choice changes.
    """
    table = rows.sort_values("step", ignore_index=True)
    series, a, b = _names(table)
    if question is None:
        question = f"Does {series} lie between {a} and {b}?"
    if answer is None:
        answer = mixture_answer(rows)
    across = (width - 2 * Y_AXIS - _LABELS - _SPACING) // 2
    axis = StepAxis(steps, log=log, width=across)
    known = objective_colours({*rows["objective"], *rows["objective_a"], *rows["objective_b"], *(objectives or ())})
    own, colour_a, colour_b = (
        known.get(next(iter(table[name]), None), SOFT) for name in ("objective", "objective_a", "objective_b")
    )
    table = table.assign(clear=table["a_to_b"] > table["floor"], **_words(table))
    fields = {"step_words": "step", "along_words": f"from {a} to {b}", "off_words": "off the line between them"}
    fields |= {"a_words": f"to {a}", "b_words": f"to {b}", "parts_words": f"{a} to {b}", "floor_words": "floor"}
    rule = step_rule(selected_step, axis)
    between = alt.layer(
        *_parts((a, colour_a), (b, colour_b)),
        *_along(table, axis, own),
        *rule,
        *step_picker(View(table), axis, height=height, tooltip=fields, name="between"),
        width=across,
        height=height,
        title=panel_heading(f"place of {series} on the line from {a} to {b}"),
    )
    lines = _lines(
        table,
        {"to_a": (f"to {a}", colour_a), "to_b": (f"to {b}", colour_b), "off": ("off the line", own)},
        f"{a} to {b}",
    )
    distances = alt.layer(
        *_distances(table, lines, axis, across, height, "distance of mean summaries (resampling SDs)"),
        *rule,
        *step_picker(View(table), axis, height=height, tooltip=fields, name="distances"),
        width=across,
        height=height,
        title=panel_heading(f"distances from {series}"),
    )
    return link_steps(alt.hconcat(between, distances, spacing=_SPACING, **framed(question, answer, width)))


def mixture_answer(rows: pd.DataFrame) -> str:
    """Where it lies at the last step, and at how many steps it lies between its parts.

    It does where it is nearer to each than they are to each other, between the two ends of the line; which can be
    told only where they are farther apart than their floor.
    """
    known = rows.dropna(subset=["along", "a_to_b"]).sort_values("step")
    told = known[known["a_to_b"] > known["floor"]]
    if told.empty:
        return "Nowhere are the parts farther apart than their floor: it cannot be told."
    series, a, b = _names(told)
    inside = told["along"].between(0, 1, inclusive="neither")
    inside &= told[["to_a", "to_b"]].max(axis=1) < told["a_to_b"]
    last = told.iloc[-1]
    where = f"{last['along']:.0%} of the way from {a} to {b}"
    return (
        f"At step {int(last['step']):,} {series} lies {where}, {three(last['off'])} off the line between them, which "
        f"is {three(last['a_to_b'])} long (floor {three(last['floor'])}). It lies between them at "
        f"{int(inside.sum()):,} of the {len(told):,} steps at which they are farther apart than their floor (the "
        "filled dots)."
    )


def _names(table: pd.DataFrame) -> tuple[str, str, str]:
    if table.empty:
        return "the mixture", "its parts", "each other"
    return tuple(table[["series", "part_a", "part_b"]].iloc[0])


def _words(table: pd.DataFrame) -> dict[str, list[str]]:
    names = {"off": "off", "to_a": "a", "to_b": "b", "a_to_b": "parts", "floor": "floor"}
    words = {f"{short}_words": [three(value) for value in table[name]] for name, short in names.items()}
    words["along_words"] = ["–" if pd.isna(value) else f"{value:.0%}" for value in table["along"]]
    words["step_words"] = [f"{int(step):,}" for step in table["step"]]
    return words


def _place(field: str = "along") -> alt.Y:
    return alt.Y(
        field=field,
        type="quantitative",
        title="share of the way",
        scale=alt.Scale(domain=[-_OUTSIDE, 1 + _OUTSIDE], nice=False, clamp=True),
        axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".0%", gridOpacity=0.6, labelFlush=False),
    )


def _parts(*parts: tuple[str, str]) -> list[View]:
    """A line and a name for each part, outside of what is between them."""
    marks = []
    for place, (name, colour) in enumerate(parts):
        view = View(pd.DataFrame({"along": [float(place)], "name": [name]}))
        side = {"baseline": "bottom", "dy": -4} if place else {"baseline": "top", "dy": 5}
        marks += [
            view.mark_rule(color=colour, strokeWidth=2).encode(y=_place()),
            view.mark_text(color=colour, align="left", fontSize=LABEL_SIZE + 1, fontWeight="bold", dx=4, **side).encode(
                x=alt.XValue(0), y=_place(), text=alt.Text(field="name", type="nominal")
            ),
        ]
    return marks


def _along(table: pd.DataFrame, axis: StepAxis, colour: str) -> list[View]:
    """The mixture's place: rings where its parts cannot be told apart, so that there is no line to be on."""
    view = View(table.dropna(subset="along")).encode(x=axis.x(), y=_place())
    return [
        view.mark_line(color=colour, strokeWidth=2.2, opacity=0.35),
        view.transform_filter("datum.clear").mark_line(color=colour, strokeWidth=2.2),
        view.mark_point(filled=True, opacity=1, size=70, color=colour),
        view.transform_filter("!datum.clear").mark_point(filled=True, opacity=1, size=24, color=HALO),
    ]


def _lines(table: pd.DataFrame, names: dict[str, tuple[str, str]], parts: str) -> pd.DataFrame:
    """The distances as curves: series (their names), step, mean, colour; None is the ink of the theme."""
    found = [
        pd.DataFrame({"series": name, "step": table["step"], "mean": table[column], "colour": colour, "key": column})
        for column, (name, colour) in names.items()
    ]
    grey = pd.DataFrame({"series": parts, "step": table["step"], "mean": table["a_to_b"], "key": "a_to_b"})
    return pd.concat([*found, grey.assign(colour=BASE_COLOUR)], ignore_index=True).dropna(subset="mean")


def _distances(
    table: pd.DataFrame, lines: pd.DataFrame, axis: StepAxis, across: int, height: int, title: str
) -> list[View]:
    top = 1.08 * max([*lines["mean"], *table["floor"].dropna()], default=1.0)
    y = up(top, title)
    colour = alt.Color(field="colour", type="nominal", scale=None)
    dash = alt.StrokeDash(
        field="key", type="nominal", legend=None,
        scale=alt.Scale(domain=["to_a", "to_b", "a_to_b", "off"], range=[[1, 0], [1, 0], [1, 0], [5, 4]]),
    )  # fmt: skip
    curves = View(lines).encode(x=axis.x(), y=y, color=colour)
    floor = View(table.dropna(subset="floor")).encode(x=axis.x())
    return [
        floor.mark_area(color=FLOOR, opacity=0.3).encode(y=on(y, "floor"), y2=alt.Y2Datum(0)),
        View(table.dropna(subset="floor").head(1))
        .mark_text(text="floor", color=SOFT, align="left", baseline="bottom", dx=3, dy=-2, fontSize=LABEL_SIZE - 1)
        .encode(x=axis.x(), y=on(y, "floor")),
        curves.mark_line(strokeWidth=2).encode(strokeDash=dash, detail=alt.Detail(field="key", type="nominal")),
        curves.mark_point(filled=True, opacity=1, size=26),
        end_names(lines, y, top, across, height, _LABELS - 10),
    ]
