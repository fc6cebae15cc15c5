"""Courses of this study and of others, matched by relative depth and by the share of the training behind them."""

from itertools import cycle

import altair as alt
import pandas as pd

from phcore.analysis import findings
from phcore.analysis.courses import DEPTHS, Model, courses
from phcore.errors import Fault
from phcore.figures.charts.channels import PERCENT, UNRULED, View, by_objective, faceted, measure, told
from phcore.figures.charts.curves import top_of, up
from phcore.figures.charts.theme import ACCENT, INK, MARK, TONE, Y_AXIS, line_dash
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Source, fixed
from phcore.figures.figure import sentence as sentence_of
from phcore.figures.reading import COMPUTE, CURVE, labelled, owners, rows
from phcore.formatting import percent, three
from phcore.stages.findings import subjects

_COLUMNS = 5  # panels in a row
_INKS = (INK, ACCENT, TONE, MARK)  # of studies; colours are objectives'
HALVES = {"values": [0, 0.5, 1]} | PERCENT
_SPACING = 18
_LEGENDS = 500  # pixels of a chart from which on both legends have room above it
COURSES = {"velocity": "value", "share passed": "passed"}


def read(results: Source, choice: Choice) -> dict:
    """rows of `courses` with study, objective, value and share; objectives of all studies; subjects: what verdicts see
    of them; lacking: studies without velocities of this order; and faults: of those that cannot be read."""
    studies, faults = [results], []
    for name in choice.beside:
        try:
            studies.append(results.other(name))
        except Fault as fault:  # one that cannot be read hides no other
            faults.append(sentence_of(fault))
    models = [Model(one.study.model.name, one.record.n_layers, rows(one, "velocities", choice, *CURVE))
              for one in studies]  # fmt: skip
    parts = [
        labelled(one, courses(model, DEPTHS)).assign(study=one.study.name)
        for one, model in zip(studies, models, strict=True)
    ]
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        raise Fault("nothing moves yet, so there is no course", COMPUTE)
    return {
        "rows": table.assign(value=table[COURSES[choice.course]], share=table["progress"]),
        "subjects": subjects(*((one.record, one.table) for one in studies)),
        "objectives": list(dict.fromkeys(name for one in studies for name in owners(one).values())),
        "lacking": [one.study.name for one, part in zip(studies, parts, strict=True) if part.empty],
        "faults": faults,
    }  # fmt: skip


def chart(data: Data, look: Look):
    """A panel per tenth of the depth. A bold line per study, the mean of its runs there; each run is a pale thin one in
    the colour of its objective."""
    runs, studies = _told(data.rows), _told(course(data.rows))
    order = runs.sort_values("panel")["name"].unique().tolist()
    columns = look.columns(len(order), _COLUMNS)
    inner = (look.width - Y_AXIS - (columns - 1) * _SPACING) // columns
    velocity = f"H{data.choice.degree} velocity"
    title = f"{velocity} / its mean" if data.choice.course == "velocity" else f"share of {velocity}"
    x = measure(alt.X, "share", "share of the run", (0, 1), HALVES | UNRULED, padding=8)
    y = up(top_of(runs.assign(hi=runs["mean"])), title)
    wide = look.width >= _LEGENDS
    names = list(dict.fromkeys(data.rows["study"]))
    dash = line_dash("study", names) if len(names) > 1 else alt.Undefined
    tooltip = {"study": "study", "layer": "layer", "place": "step", "words": title}
    view, own = View().encode(x=x, y=y), alt.Detail(field="depth", type="nominal")
    marks = [
        view.transform_filter("datum.run")
        .mark_line(strokeWidth=1, opacity=0.25)
        .encode(
            color=by_objective(runs["objective"], data.objectives, "stroke" if wide else None, symbolSize=300),
            detail=[own, *(alt.Detail(field=name, type="nominal") for name in ("study", "series"))],
        )
    ]
    for name, ink in zip(names, cycle(_INKS)):
        bold = view.transform_filter({"and": ["!datum.run", {"field": "study", "equal": name}]})
        marks += [
            bold.mark_line(strokeWidth=3.4, color=ink).encode(detail=own, strokeDash=dash),
            bold.mark_point(filled=True, opacity=0, size=80).encode(tooltip=told(tooltip)),
        ]
    return alt.FacetChart(
        data=pd.concat([runs.assign(run=True), studies.assign(run=False)], ignore_index=True),
        spec=alt.layer(*marks, width=inner, height=look.height or 300),
        facet=faceted("name", order),
        columns=columns,
        spacing=_SPACING,
        **look.framed("Do the models move alike?", answer(data), small=True),
    )


def course(rows: pd.DataFrame) -> pd.DataFrame:
    """The mean of the runs of each study at each of its layers, where at least half of them have a value."""
    known = rows.dropna(subset="value").assign(share=rows["share"].round(3))
    several = known.groupby("study")["series"].nunique()
    mean = known.groupby(["study", "depth", "share"], as_index=False).agg(
        value=("value", "mean"), runs=("value", "size")
    )
    if mean.empty:
        return mean.assign(series="", objective="")
    return mean[mean["runs"] * 2 >= mean["study"].map(several)].assign(series="", objective="")


def _told(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that have a value, with their panel and what is said of them."""
    known = rows.dropna(subset="value", ignore_index=True)
    panels = [round(10 * depth) for depth in known["depth"]]
    return known.assign(
        mean=known["value"],
        panel=panels,
        name=[f"depth {10 * number} %" for number in panels],
        words=[three(value) for value in known["value"]],
        place=[f"{percent(share)} of the run" for share in known["share"]],
        layer=[f"{percent(depth)} of the depth" for depth in known["depth"]],
    ).sort_values(["study", "series", "depth", "share"], ignore_index=True)


def answer(data: Data) -> str:
    """When each study moves most, in the mean of its runs."""
    known = course(data.rows)
    if known.empty:
        return "No study has a value yet."
    when = known.loc[known.groupby("study")["value"].idxmax()].set_index("study")["share"]
    first, *others = (name for name in dict.fromkeys(data.rows["study"]) if name in when.index)
    said = [f"{first} moves most {percent(when[first])} through its run"]
    return f"{', '.join([*said, *(f'{name} {percent(when[name])}' for name in others)])}."


def more(data: Data) -> str:
    """The largest value of each study."""
    known = data.rows.dropna(subset="value", ignore_index=True)
    most = known.loc[known.groupby("study")["value"].idxmax()]
    said = [f"{one.study} {three(one.value)} ({one.series})" for one in most.itertuples()]
    return f"Largest: {'; '.join(said)}." if said else ""


def sentence(data: Data) -> str:
    if not data.choice.beside:
        return "Choose a study of another base model to compare its course with this one."
    if len({one.base for one in data.subjects}) < 2:
        return ""
    found = findings.of_models(data.subjects, data.choice.scale, data.study.order)
    rests_on = f" {found.null}. n: {found.n}." if found.n else ""
    return f"{found.sentence}{rests_on}"


def warning(data: Data) -> str:
    named = ", ".join(data.lacking)
    order = f"{data.choice.order:g}"
    lacking = [f"No velocities of order {order} in: {named}. Compute them with this study's order."] if named else []
    return " ".join([*data.faults, *lacking])


FIGURE = Figure(
    name="models", place=180, title="Courses of several models",
    uses=(*CURVE, "course", "beside"), read=read, chart=chart,
    caption=lambda data: "Layers are matched by relative depth, checkpoints by the share of training behind them. "
    "Hidden states of two models share no axes, so nothing is measured between them: what is compared is the course.",
    table=lambda data: data.rows.drop(columns="objective"), section="Other models?", sentence=sentence,
    warning=warning, more=more,
    controls=(
        Control("e_beside", "beside", "Beside this study", lambda results, choice: results.others(), kind="several",
                default=lambda results, choice, others: [one for one in results.study.beside if one in others],
                help="Studies in the archive: of a pretrained and an instruction-tuned model, of other sizes.",
                link="studies beside this one"),
        Control("e_course", "course", "Show", fixed(*COURSES),
                help="Velocity over its own mean, or the share of all velocity up to there.", link="course"),
    ),
)  # fmt: skip
