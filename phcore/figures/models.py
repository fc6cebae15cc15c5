"""Courses of this study and of others, matched by relative depth and by the share of the training behind them."""

from __future__ import annotations

import pandas as pd

from phcore.analysis import findings
from phcore.analysis.courses import DEPTHS, Model, courses
from phcore.errors import Fault
from phcore.figures.charts.models import models_chart
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Source, fixed
from phcore.figures.reading import COMPUTE, CURVE, labelled, owners, rows

COURSES = {"velocity": "value", "share passed": "passed"}


def read(results: Source, choice: Choice) -> dict:
    """rows of `courses` with study, objective, value and share; objectives of all studies; models; and lacking: studies
    without velocities of this order."""
    studies = [results, *(results.other(name) for name in choice.beside)]
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
        "rows": table.assign(value=table[COURSES[choice.course]], share=table["progress"]), "models": models,
        "objectives": list(dict.fromkeys(name for one in studies for name in owners(one).values())),
        "lacking": [one.study.name for one, part in zip(studies, parts, strict=True) if part.empty],
    }  # fmt: skip


def chart(data: Data, look: Look):
    velocity = f"H{data.choice.degree} velocity"
    y = f"{velocity} / its mean" if data.choice.course == "velocity" else f"share of {velocity}"
    return models_chart(data.rows, y_title=y, **look.frame | {"objectives": data.objectives})


def sentence(data: Data) -> str:
    if not data.choice.beside:
        return "Choose a study of another base model to compare its course with this one."
    if len({one.name for one in data.models}) < 2:
        return ""
    found = findings.models(data.models)
    return f"{found.sentence} {found.null}. *n:* {found.n}."


def warning(data: Data) -> str:
    named = ", ".join(data.lacking)
    order = f"{data.choice.order:g}"
    return f"No velocities of order {order} in: {named}. Compute them with this study's order." if named else ""


FIGURE = Figure(
    name="models", title="Courses of several models", uses=(*CURVE, "course", "beside"), read=read, chart=chart,
    caption=lambda data: "Layers are matched by relative depth, checkpoints by the share of training behind them. "
    "Hidden states of two models share no axes, so nothing is measured between them: what is compared is the course.",
    table=lambda data: data.rows.drop(columns="objective"), section="Other models?", sentence=sentence,
    warning=warning,
    controls=(
        Control("e_beside", "beside", "Beside this study", lambda results, choice: results.others(), kind="several",
                default=lambda results, choice, others: [one for one in results.study.beside if one in others], width=3,
                help="Studies in the archive: of a pretrained and an instruction-tuned model, of other sizes.",
                link="studies beside this one"),
        Control("e_course", "course", "Show", fixed(*COURSES), width=1.5,
                help="Velocity over its own mean, or the share of all velocity up to there.", link="course"),
    ),
)  # fmt: skip
