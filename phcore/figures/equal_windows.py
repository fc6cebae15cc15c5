"""How far each run goes in each quarter of its training: what no grid of checkpoints can make early or late."""

import altair as alt
import pandas as pd

from phcore.analysis.displacements import ALL, LOOPS
from phcore.analysis.equal_windows import QUARTERS_OF, STEPS, shares
from phcore.analysis.windows import quarters
from phcore.errors import Fault
from phcore.figures.charts.channels import PERCENT, UNRULED, View, by_objective, faceted, measure, on, told
from phcore.figures.charts.curve_rows import several
from phcore.figures.charts.theme import AXIS_SIZE, FLOOR, HALO, INK, SOFT, Y_AXIS
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Numbers, Source, fixed, listed
from phcore.figures.reading import COMPUTE, labelled
from phcore.formatting import count, percent, three
from phcore.stages.registry import WHOLE_STUDY
from phcore.stages.registry.keys import value

OF = {ALL: "all summaries", LOOPS: "summaries of H1 alone"}
_COLUMNS = 4  # panels in a row
_SPACING = 24
_LETTERS = 0.07  # of the displacement: the height of a label


def read(results: Source, choice: Choice) -> dict:
    """rows: a row per series and quarter: share of the displacement, mean over layers, that of its floor, how many
    layers lie beyond theirs; every: the rows of the table they come from; clock: what quarters are of: of the steps, or
    of the learning rate where no run has such of steps."""
    for clock, use in QUARTERS_OF.items():
        table = results.table("windows", scale=choice.scale, use=use, measure=choice.windows)
        if len(table):
            return {"rows": labelled(results, shares(table)), "every": table, "clock": clock}
    steps = value("series_steps", results.record, WHOLE_STUDY)
    missing = sorted({step for own in steps.values() for step in quarters(own).missing})
    lacks = f"save checkpoints at these steps: {', '.join(f'{step:,}' for step in missing)}" if missing else COMPUTE
    raise Fault("no run of this study falls into four windows of one length", lacks)


def _above(means: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    """Where the words of a bar stand: above it, its floor and its runs, and not across the line of an even course."""
    most = rows.groupby(["objective", "window"])["share"].max()
    highest = [most[place] for place in zip(means["objective"], means["window"], strict=True)]
    top, even = means.assign(highest=highest)[["floor", "highest"]].max(axis=1), 1 / _windows(rows)
    return top.mask(top.between(even - _LETTERS, even), even)


def chart(data: Data, look: Look):
    """A panel per objective: a bar per quarter, the mean over its runs, each of which is a dot; the floor before it in
    grey, the line of an even course."""
    means = by_objective_of(data.rows)
    table = _told(means).assign(even=1 / _windows(data.rows), above=_above(means, data.rows), runs=False)
    table = pd.concat([table, _told(data.rows).assign(runs=True)] if len(means) < len(data.rows) else [table])
    columns = look.columns(table["objective"].nunique(), _COLUMNS)
    inner = (look.width - Y_AXIS - (columns - 1) * _SPACING) // columns
    top = max(0.5, float(table[["share", "floor"]].max().max()) * 1.12)
    x = alt.X(
        field="window", type="ordinal", title=f"quarter of the {data.clock}", axis=alt.Axis(labelAngle=0, **UNRULED)
    )
    y = measure(alt.Y, "share", "share of the displacement", (0, top), {"tickCount": 4} | PERCENT)
    colour = by_objective(table["objective"], look.objectives)
    tooltip = told({
        "series": "series", "quarter": "steps", "words": "share of the displacement", "value_words": "displacement",
        "floor_words": "floor, as a share", "beyond_words": "beyond the floor",
    })  # fmt: skip
    mean, text = View().transform_filter("!datum.runs"), {"dy": -8, "color": SOFT, "fontSize": AXIS_SIZE}
    marks = [
        mean.mark_bar(width={"band": 0.72}).encode(x=x, y=y, color=colour, tooltip=tooltip),
        mean.mark_bar(width={"band": 0.3}, color=FLOOR, opacity=0.75).encode(x=x, y=on(y, "floor"), tooltip=tooltip),
        mean.mark_rule(color=INK, strokeDash=[5, 4]).encode(y=on(y, "even")),
        View()
        .transform_filter("datum.runs")
        .mark_point(filled=True, opacity=1, size=26, color=HALO, stroke=INK, strokeWidth=1)
        .encode(x=x, y=y, tooltip=tooltip),
        mean.mark_text(**text).encode(x=x, y=on(y, "above"), text=alt.Text(field="words", type="nominal")),
    ]
    return alt.FacetChart(
        data=table,
        spec=alt.layer(*marks, width=inner, height=look.height or 220),
        facet=faceted("objective", colour["scale"].domain, labelLimit=inner),
        columns=columns,
        spacing=_SPACING,
        **look.framed("Does most of the change come early?", answer(data)),
    )


def by_objective_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows or, where an objective has several runs, the mean over its runs in each quarter, called after it."""
    if not several(rows):
        return rows
    means = {name: (name, "mean") for name in ("share", "value", "floor")}
    sums = {name: (name, "sum") for name in ("beyond", "layers")}
    ends = {"step_from": ("step_from", "min"), "step": ("step", "max")}
    found = rows.groupby(["objective", "window"], sort=False).agg(**means, **sums, **ends).reset_index()
    return found.assign(series=found["objective"])


def _told(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with their words."""
    return rows.assign(
        words=[percent(one) for one in rows["share"]],
        floor_words=[percent(one) for one in rows["floor"]],
        value_words=[three(one) for one in rows["value"]],
        quarter=[f"{a:,} to {b:,}" for a, b in zip(rows["step_from"], rows["step"], strict=True)],
        beyond_words=[f"{a} of {b} layers" for a, b in zip(rows["beyond"], rows["layers"], strict=True)],
    )


def _windows(rows: pd.DataFrame) -> int:
    """Into how many windows runs are cut."""
    return int(rows["window"].max())


def answer(data: Data) -> str:
    """What the first quarter holds in each run, beside what it would hold if the change were even."""
    first = data.rows[data.rows["window"] == 1]["share"]
    shares = " to ".join(dict.fromkeys((percent(first.min()), percent(first.max()))))
    even = percent(1 / _windows(data.rows))
    course = "training" if data.clock == STEPS else f"all {data.clock}"
    return f"The first quarter of {course} holds {shares} of the change, {even} if even."


def more(data: Data) -> str:
    """How much of it is beyond its floor."""
    first = data.rows[data.rows["window"] == 1]
    beyond, layers = int(first["beyond"].sum()), int(first["layers"].sum())
    return f"{beyond} of {layers} first quarters ({count(len(first), 'run')} at each layer) are beyond the floor."


def caption(data: Data) -> str:
    grid = "" if data.clock == STEPS else ": no run falls into such of equal steps"
    return (
        f"Net displacement over each quarter of the {data.clock}, in mean summaries ({OF[data.choice.windows]}, scale "
        f"{data.choice.scale}, in resampling standard deviations), as a share of all four; mean over layers, and over "
        "an objective's runs, which are the dots. Grey: "
        "the 95 % quantile of what another choice of prompts would make of no displacement. Dashed: an even course. "
        f"Windows are of one length in {data.clock}, wherever checkpoints lie{grid}."
    )


def numbers(data: Data) -> Numbers:
    return listed(f"Displacement by quarter of the {data.clock}", data.rows, {
        "series": lambda one: one.series,
        "steps": lambda one: f"{one.step_from:,} to {one.step:,}",
        "displacement": lambda one: three(one.value),
        "share": lambda one: percent(one.share),
        "floor, as a share": lambda one: percent(one.floor),
        "beyond the floor": lambda one: f"{one.beyond} of {one.layers} layers",
    })  # fmt: skip


FIGURE = Figure(
    name="windows", place=25, title="Displacement in equal windows", uses=("scale", "windows"), read=read, chart=chart,
    caption=caption, more=more, table=lambda data: data.every, numbers=numbers, section="Early?",
    controls=(
        Control("e_windows", "windows", "Displacement in", fixed(*OF), OF.get, kind="row",
                link="displacement in equal windows"),
    ),
)  # fmt: skip
