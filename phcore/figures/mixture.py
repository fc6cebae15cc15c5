"""Where a series lies between two others that it may be a mixture of."""

import altair as alt
import pandas as pd

from phcore.errors import Fault
from phcore.figures.charts.channels import SHARES, View, end_names, measure, on
from phcore.figures.charts.curves import band_name, up
from phcore.figures.charts.steps import StepAxis, link_steps, step_picker, step_rule
from phcore.figures.charts.theme import (
    BASE_COLOUR,
    FLOOR,
    HALO,
    LABEL_SIZE,
    Y_AXIS,
    objective_colours,
    panel_heading,
)  # fmt: skip
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Numbers, Source, listed
from phcore.figures.reading import distinct, owners, rows
from phcore.formatting import percent, three

_BESIDE = 700  # pixels from which on the two panels stand side by side
_LABELS = 150  # pixels beside the right panel for the names of its lines
_SPACING = 30
_OUTSIDE = 0.3  # how far beyond its parts the axis reaches; what lies beyond stands at its end


def read(results: Source, choice: Choice) -> dict:
    """rows of the table `mixture` of one series between two others, with the objectives of all three."""
    table = rows(results, "mixture", choice, "layer", "scale")
    table = table[table["step"] > 0]
    if table.empty:
        raise Fault("a series between two others needs three series that share a step", "compute a study of three")
    name = choice.series or _likely(results, choice, distinct(table, "series"))
    own = table[table["series"] == name]
    a, b = (choice.first, choice.second) if choice.first else own[["part_a", "part_b"]].iloc[0]
    own = own[(own["part_a"] == a) & (own["part_b"] == b)]
    if own.empty:
        raise Fault(f"{name} shares no step with both {a} and {b}", "choose other series")
    parts = {"objective": "series", "objective_a": "part_a", "objective_b": "part_b"}
    return {"rows": own.assign(**{column: own[of].map(owners(results)) for column, of in parts.items()})}


def _likely(results: Source, choice: Choice, names: list[str]) -> str:
    """The series that calls itself a mixture; else the last."""
    own = owners(results)
    return next((name for name in names if "mix" in f"{name} {own[name]}".lower()), names[-1])


def chart(data: Data, look: Look):
    """Left: its place on the line between its parts. Right, or below where it is narrow: the distances this comes
    from. Clicks choose `step`."""
    rows = data.rows.sort_values("step", ignore_index=True)
    series, a, b = _named(rows)
    narrow, height = look.width < _BESIDE, look.height or 200
    across = look.width - Y_AXIS - _LABELS if narrow else (look.width - 2 * Y_AXIS - _LABELS - _SPACING) // 2
    axis = StepAxis(look.steps, log=look.log, width=across)
    objectives = rows[["objective", "objective_a", "objective_b"]].iloc[0]
    own, colour_a, colour_b = objectives.map(objective_colours({*objectives, *look.objectives}))
    table = rows.assign(clear=rows["a_to_b"] > rows["floor"], **_words(rows))
    fields = {"step_words": "step", "along_words": f"from {a} to {b}", "off_words": "off the line between them"}
    fields |= {"a_words": f"to {a}", "b_words": f"to {b}", "parts_words": f"{a} to {b}", "floor_words": "floor"}
    rule = step_rule(look.step, axis)
    y = measure(alt.Y, "along", "share of the way", (-_OUTSIDE, 1 + _OUTSIDE), SHARES, clamp=True)
    ends = _ends(y, (a, colour_a), (b, colour_b))
    lines = {"to_a": (f"to {a}", colour_a), "to_b": (f"to {b}", colour_b), "off": ("off the line", own)}
    lines = _lines(table, lines | {"a_to_b": (f"{a} to {b}", BASE_COLOUR)})
    panels = {
        "between": (f"place of {series} on the line from {a} to {b}", [*ends, *_along(table, axis, y, own)]),
        "distances": (f"distances from {series}", _distances(table, lines, axis, across, height)),
    }
    both = []
    for name, (title, marks) in panels.items():
        picker = step_picker(View(table), axis, height=height, tooltip=fields, name=name)
        both.append(alt.layer(*marks, *rule, *picker, width=across, height=height, title=panel_heading(title)))
    whole = look.framed(f"Does {series} lie between {a} and {b}?", answer(data))
    return link_steps((alt.vconcat if narrow else alt.hconcat)(*both, spacing=_SPACING, **whole))


def answer(data: Data) -> str:
    """Where it lies at the last step.

    It lies between its parts where it is nearer to each than they are to each other, between the two ends of the line;
    which can be told only where they are farther apart than their floor.
    """
    told, inside = _told(data.rows)
    if told.empty:
        return "Nowhere are the parts farther apart than their floor: it cannot be told."
    series, a, b = _named(told)
    last = told.iloc[-1]
    where = "between them" if inside.iloc[-1] else "outside of them"
    return f"{series} ends {where}, {percent(last['along'])} of the way from {a} to {b} (50 % in the middle)."


def more(data: Data) -> str:
    """How far off the line between its parts it ends, and at how many steps it lies between them."""
    told, inside = _told(data.rows)
    if told.empty:
        return ""
    series, _, _ = _named(told)
    last = told.iloc[-1]
    return (
        f"At step {int(last['step']):,} {series} lies {three(last['off'])} off the line between its parts, which is "
        f"{three(last['a_to_b'])} long (floor {three(last['floor'])}). It lies between them at "
        f"{int(inside.sum()):,} of the {len(told):,} steps at which they are farther apart than their floor (the "
        "filled dots)."
    )


def _told(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """The steps at which its place can be told, and whether it lies between its parts there."""
    told = rows[rows["a_to_b"] > rows["floor"]].sort_values("step")
    inside = told["along"].between(0, 1, inclusive="neither")
    return told, inside & (told[["to_a", "to_b"]].max(axis=1) < told["a_to_b"])


def _named(rows: pd.DataFrame) -> tuple[str, str, str]:
    return tuple(rows[["series", "part_a", "part_b"]].iloc[0])


def _words(table: pd.DataFrame) -> dict[str, list[str]]:
    names = {"off": "off", "to_a": "a", "to_b": "b", "a_to_b": "parts", "floor": "floor"}
    words = {f"{short}_words": [three(value) for value in table[name]] for name, short in names.items()}
    words["along_words"] = ["–" if pd.isna(value) else percent(value) for value in table["along"]]
    words["step_words"] = [f"{int(step):,}" for step in table["step"]]
    return words


def _ends(y: alt.Y, *parts: tuple[str, str]) -> list[View]:
    """A line and a name for each part, outside of what is between them."""
    marks = []
    for place, (name, colour) in enumerate(parts):
        view = View(pd.DataFrame({"along": [float(place)], "name": [name]})).encode(y=y)
        side = {"baseline": "bottom", "dy": -4} if place else {"baseline": "top", "dy": 5}
        marks += [
            view.mark_rule(color=colour, strokeWidth=2),
            view.mark_text(color=colour, align="left", fontSize=LABEL_SIZE + 1, fontWeight="bold", dx=4, **side).encode(
                x=alt.XValue(0), text=alt.Text(field="name", type="nominal")
            ),
        ]
    return marks


def _along(table: pd.DataFrame, axis: StepAxis, y: alt.Y, colour: str) -> list[View]:
    """The mixture's place: rings where its parts cannot be told apart, so that there is no line to be on."""
    view = View(table.dropna(subset="along")).encode(x=axis.x(), y=y)
    return [
        view.mark_line(color=colour, strokeWidth=2.2, opacity=0.35),
        view.transform_filter("datum.clear").mark_line(color=colour, strokeWidth=2.2),
        view.mark_point(filled=True, opacity=1, size=70, color=colour),
        view.transform_filter("!datum.clear").mark_point(filled=True, opacity=1, size=24, color=HALO),
    ]


def _lines(table: pd.DataFrame, names: dict[str, tuple[str, str]]) -> pd.DataFrame:
    """The distances as curves: series (their names), step, mean, colour and key (their columns)."""
    lines = table.melt("step", list(names), "key", "mean").dropna(subset="mean")
    shown = pd.DataFrame(names, index=["series", "colour"])
    return lines.assign(**{column: lines["key"].map(words) for column, words in shown.iterrows()})


def _distances(table: pd.DataFrame, lines: pd.DataFrame, axis: StepAxis, across: int, height: int) -> list[View]:
    top = 1.08 * max([*lines["mean"], *table["floor"].dropna()], default=1.0)
    y = up(top, "distance (resampling SDs)")
    colour = alt.Color(field="colour", type="nominal", scale=None)
    dash = alt.StrokeDash(
        field="key", type="nominal", legend=None,
        scale=alt.Scale(domain=["to_a", "to_b", "a_to_b", "off"], range=[[1, 0], [1, 0], [1, 0], [5, 4]]),
    )  # fmt: skip
    curves = View(lines).encode(x=axis.x(), y=y, color=colour)
    floor = View(table.dropna(subset="floor")).encode(x=axis.x())
    return [
        floor.mark_area(color=FLOOR, opacity=0.3).encode(y=on(y, "floor"), y2=alt.Y2Datum(0)),
        band_name(View(table.dropna(subset="floor").head(1)), "floor", "left", "bottom").encode(
            x=axis.x(), y=on(y, "floor")
        ),
        curves.mark_line(strokeWidth=2).encode(strokeDash=dash, detail=alt.Detail(field="key", type="nominal")),
        curves.mark_point(filled=True, opacity=1, size=26),
        end_names(lines, y, top, across, height, _LABELS - 10),
    ]


def numbers(data: Data) -> Numbers:
    name, a, b = _named(data.rows)
    return listed(f"Where {name} lies", data.rows, {
        "step": lambda one: f"{one.step:,}",
        "along": lambda one: f"{one.along:.2f}",
        "off the line": lambda one: three(one.off),
        f"to {a}": lambda one: three(one.to_a),
        f"to {b}": lambda one: three(one.to_b),
        f"{a} to {b}": lambda one: three(one.a_to_b),
    })  # fmt: skip


def _names(results: Source, choice: Choice) -> list[str]:
    return distinct(rows(results, "mixture", choice, "layer", "scale"), "series")


def _parts(results: Source, choice: Choice) -> list[tuple[str, str]]:
    return distinct(rows(results, "mixture", choice, "layer", "scale", "series"), "part_a", "part_b")


FIGURE = Figure(
    name="mixture", place=110, title="A mixture between its parts",
    uses=("scale", "layer", "series", "first", "second"),
    read=read, chart=chart,
    caption=lambda data: "Distances of mean summaries in resampling standard deviations. The place along the line "
    "between the parts is a projection: 0 at the first, 1 at the second; the distance from that line says how much of "
    "it lies elsewhere.",
    table=lambda data: data.rows.drop(columns=["objective", "objective_a", "objective_b"]), numbers=numbers,
    section="Apart?", more=more,
    controls=(
        Control("e_mixture", "series", "Mixture", _names, default=_likely),
        Control("e_parts", ("first", "second"), "Parts", _parts, " – ".join, link="parts of the mixture"),
    ),
)  # fmt: skip
