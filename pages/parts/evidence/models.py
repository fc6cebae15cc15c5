"""Other models? Courses of this study and of others, matched by relative depth."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.parts import data, derived, draw, frame
from phcore.analysis.courses import DEPTHS, Model, courses
from phcore.analysis.findings import models
from phcore.figures.charts.models import models_chart
from phcore.stages.results import Results


def show(study: Results, choice: derived.Choice, layer: int) -> None:
    degree, order, scale = choice
    others = [name for name in data.study_names() if name != study.study.name]
    known = [name for name in study.study.beside if name in others]
    row = st.columns([3, 1.4, 2], vertical_alignment="bottom")
    chosen = row[0].multiselect(
        "Beside this study", others, known, key="e_beside", bind="query-params", placeholder="Choose other studies",
        help="Studies in the archive: of a pretrained and an instruction-tuned model, of other sizes.",
    )  # fmt: skip
    if not chosen:
        st.info(
            "Choose a study of another base model to compare its course with this one."
            if others else "There is no other study in the archive yet: compute one of another base model.",
            icon=":material/info:",
        )  # fmt: skip
    what = row[1].selectbox("Show", ["velocity", "share passed"], key="e_course", bind="query-params",
                            help="Velocity over its own mean, or the share of all velocity up to there.")  # fmt: skip
    studies = [study, *(data.open_study(name) for name in chosen)]
    parts, objectives, named = [], [], []
    for one in studies:
        rows = data.table(one, "velocities")
        rows = rows[(rows["degree"] == degree) & (rows["order"] == order) & (rows["scale"] == scale)]
        model = Model(one.study.model.name, one.record.n_layers, rows)
        named.append(model)
        own = data.objectives(one)
        objectives += own.values()
        course = courses(model, DEPTHS)
        parts.append(course.assign(study=one.study.name, objective=course["series"].map(own)))
    missing = [one.study.name for one, part in zip(studies, parts, strict=True) if part.empty]
    if missing:
        st.warning(
            f"No velocities of order {order:g} in: {', '.join(missing)}. Compute them with this study's order.",
            icon=":material/warning:",
        )
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        return
    field = {"velocity": "value", "share passed": "passed"}[what]
    shown = table.assign(value=table[field], share=table["progress"])

    def build():
        return models_chart(
            shown, y_title=f"H{degree} velocity / its mean" if what == "velocity" else f"share of H{degree} velocity",
            objectives=list(dict.fromkeys(objectives)),
        )  # fmt: skip

    draw.chart("e_models", (tuple(data.version(one) for one in studies), choice, what), build)
    st.caption(
        "Layers are matched by relative depth, checkpoints by the share of training behind them. Hidden states of two "
        "models share no axes, so nothing is measured between them: what is compared is the course."
    )
    if len({one.name for one in named}) > 1:
        found = models(named)
        st.markdown(f"{found.sentence} {found.null}. *n:* {found.n}.")
    frame.below(table.drop(columns="objective"), f"courses-{study.study.name}", "courses")
