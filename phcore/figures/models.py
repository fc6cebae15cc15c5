"""Courses of this study and of others, matched by relative depth and by the share of the training behind them."""

from __future__ import annotations

from typing import NamedTuple

import altair as alt
import pandas as pd

from phcore.analysis import findings
from phcore.analysis.courses import DEPTHS, Model, courses
from phcore.errors import Fault
from phcore.figures.charts.models import models_chart
from phcore.figures.figure import Choice, Control, Figure, Look, fixed
from phcore.figures.reading import COMPUTE, CURVE, owners, rows
from phcore.stages.results import Results
from phcore.study.kept import names

COURSES = {"velocity": "value", "share passed": "passed"}


class Data(NamedTuple):
    """Rows of `courses` with study, objective, value and share; all objectives; what is shown; what lacks.

    `lacking`: studies without velocities of this order.
    """

    rows: pd.DataFrame
    objectives: tuple[str, ...]
    quantity: str
    models: list[Model]
    lacking: list[str]
    order: float


def read(results: Results, choice: Choice) -> Data:
    studies = [results, *(type(results).open(name, results.store) for name in choice.beside)]
    models = [Model(one.study.model.name, one.record.n_layers, rows(one, "velocities", choice, *CURVE))
              for one in studies]  # fmt: skip
    parts = {
        one.study.name: courses(model, DEPTHS).assign(study=one.study.name)
        for one, model in zip(studies, models, strict=True)
    }
    table = pd.concat(parts.values(), ignore_index=True)
    if table.empty:
        raise Fault("nothing moves yet, so there is no course", COMPUTE)
    own = {(one.study.name, series): objective for one in studies for series, objective in owners(one).items()}
    table = table.assign(
        objective=[own[pair] for pair in zip(table["study"], table["series"], strict=True)],
        value=table[COURSES[choice.course]], share=table["progress"],
    )  # fmt: skip
    velocity = f"H{choice.degree} velocity"
    quantity = f"{velocity} / its mean" if choice.course == "velocity" else f"share of {velocity}"
    lacking = [name for name, part in parts.items() if part.empty]
    return Data(table, tuple(dict.fromkeys(own.values())), quantity, models, lacking, choice.order)


def chart(data: Data, look: Look) -> alt.FacetChart:
    return models_chart(data.rows, y_title=data.quantity, **look.frame | {"objectives": data.objectives})


def sentence(data: Data) -> str:
    if len(data.models) < 2:
        return "Choose a study of another base model to compare its course with this one."
    if len({one.name for one in data.models}) < 2:
        return ""
    found = findings.models(data.models)
    return f"{found.sentence} {found.null}. *n:* {found.n}."


def warning(data: Data) -> str:
    if not data.lacking:
        return ""
    return f"No velocities of order {data.order:g} in: {', '.join(data.lacking)}. Compute them with this study's order."


def _others(results: Results, choice: Choice) -> list[str]:
    return [name for name in names(results.store) if name != results.study.name]


FIGURE = Figure(
    name="models",
    title="Courses of several models",
    uses=(*CURVE, "course", "beside"),
    read=read,
    chart=chart,
    caption=lambda data: "Layers are matched by relative depth, checkpoints by the share of training behind them. "
    "Hidden states of two models share no axes, so nothing is measured between them: what is compared is the course.",
    table=lambda data: data.rows.drop(columns="objective"),
    section="Other models?",
    sentence=sentence,
    controls=(
        Control("e_beside", "beside", "Beside this study", _others, kind="several", width=3,
                default=lambda results, choice, others: [one for one in results.study.beside if one in others],
                help="Studies in the archive: of a pretrained and an instruction-tuned model, of other sizes."),
        Control("e_course", "course", "Show", fixed(*COURSES), width=1.5,
                help="Velocity over its own mean, or the share of all velocity up to there."),
    ),
    warning=warning,
)  # fmt: skip
