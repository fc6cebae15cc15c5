"""How do two studies differ? Velocity, concentration and verdicts side by side, on shared axes."""

from contextlib import suppress
from dataclasses import replace
from itertools import zip_longest

import pandas as pd
import streamlit as st

from pages.parts import controls, data, figure, frame, toolbar
from pages.parts.controls import control
from pages.parts.opened_study import badge
from pages.parts.web import WORDS, plain
from phcore.analysis.courses import DEPTHS
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.figures.charts.curves import top_of
from phcore.figures.charts.theme import HALF_WIDTH
from phcore.figures.figure import PER, Choice, Look
from phcore.figures.registry import FIGURES
from phcore.formatting import wasserstein_words

_DEPTHS = {f"{depth:.0%}": depth for depth in DEPTHS}


def nearest(study: Results, depth: float) -> int:
    """The layer of a study at a relative depth, 0 to 1."""
    return min(study.record.layers, key=lambda layer: abs(layer / study.record.n_layers - depth))


def heads(pair: tuple[Results, Results]) -> None:
    for column, study in zip(st.columns(2), pair, strict=True):
        asked, record = study.study, study.record
        series = ", ".join(one.name for one in record.series)
        column.markdown(
            f"**{plain(asked.name)}**  \n{plain(asked.model.name)}, {record.n_layers} layers, {record.n_prompts} "
            f"prompts; series {plain(series)}"
        )


def velocities(pair: tuple[Results, Results], choices: list[Choice], look: Look, depth: float) -> None:
    """The course of both at one relative depth: one step axis, one y axis."""
    st.markdown("### How far does each checkpoint move?")
    one, tops, drawn = FIGURES["velocity"], [], []
    for study, choice in zip(pair, choices, strict=True):
        with suppress(Fault):
            found = figure.read(study, one, choice)
            tops.append(top_of(found.curve, found.floor))
            drawn.append((study, choice))
    look = replace(look, top=max(tops, default=None))
    for column, study, choice in zip(st.columns(2), pair, choices, strict=True):
        name = study.study.name
        own = replace(look, question=f"{name}, layer {choice.layer} of {study.record.n_layers}")
        with column:
            figure.chart(study, one, choice, own, name=f"velocity-{name}")
    st.caption(
        f"The layer nearest to {depth:.0%} of the depth of each model. Bands: 10 to 90 % of the subsamples; grey: the "
        "resampling floor. Hidden states of two models share no axes: what is compared is the course, on the same "
        "scales." + " " + plain(_unlike(pair))
    )
    for study, choice in drawn:
        name = study.study.name
        figure.below(study, one, choice, f"Table and download: {name}", f"velocity-{name}")


def _unlike(pair: tuple[Results, Results]) -> str:
    """What the two measure differently, so that their numbers do not compare."""
    ways = [
        {wasserstein_words(one.study.order, one.study.norm) for one in pair},
        {f"metric {one.study.metric}" for one in pair},
        {f"{one.record.n_prompts} prompts" for one in pair},
    ]
    unlike = [" and ".join(sorted(way)) for way in ways if len(way) > 1]
    return f"The two are measured differently ({'; '.join(unlike)}): compare shapes, not heights." if unlike else ""


def concentrations(pair: tuple[Results, Results], choices: list[Choice], look: Look) -> None:
    st.markdown("### Does most of the movement come early?")
    one, caption = FIGURES["concentration"], ""
    for column, study, choice in zip(st.columns(2), pair, choices, strict=True):
        name = study.study.name
        with column:
            figure.chart(study, one, choice, replace(look, question=name), name=f"concentration-{name}")
            with suppress(Fault):
                caption = one.caption(figure.read(study, one, choice))
                figure.below(study, one, choice, key=f"concentration-{name}")
    st.caption(plain(caption))


def findings(pair: tuple[Results, Results]) -> None:
    st.markdown("### Five claims, and what each study says of them")
    tables = [data.table(study, "findings") for study in pair]
    if all(table.empty for table in tables):
        frame.note("Neither study has verdicts yet.")
        return
    same = 0
    for rows in zip_longest(*(table.itertuples() for table in tables)):
        known = [row for row in rows if row is not None]
        same += len({row.verdict for row in known}) == 1 and len(known) == 2
        with st.container(border=True, gap="small"):
            st.markdown(f"**{plain(known[0].claim)}. {plain(known[0].title)}**")
            for column, row in zip(st.columns(2), rows, strict=True):
                column.markdown("No verdict." if row is None else f"{badge(row.verdict)} {plain(row.sentence)}")
    st.caption(f"The two studies agree on {same:,} of 5 verdicts. Each is about H1 at the study's own scale.")
    both = pd.concat([table.assign(study=one.study.name) for one, table in zip(pair, tables, strict=True)])
    frame.below(both, "findings-" + "-".join(one.study.name for one in pair), "p_findings")


first = frame.ready_study("compare")
others = [name for name in data.study_names() if name != first.study.name]
if not others:
    frame.note(WORDS["one_study"])
    toolbar.stop()

row = st.columns([2.6, 1.3, 1.1, 1.1, 1.3, 1], vertical_alignment="bottom")
name = control(row[0].selectbox, "p_with", others)
degree = controls.degree(row[1], "p_degree")
depth = control(row[2].selectbox, "p_depth", list(_DEPTHS), 2)
scale = control(row[3].selectbox, "p_scale", ["median", "raw"])
per = control(row[4].selectbox, "p_per", PER)
with row[5].popover("More", icon=":material/tune:", width="stretch"):
    log = control(st.toggle, "p_log", True)
    with_base = control(st.toggle, "p_base", True)
second = data.opened(name)
if second is None:
    toolbar.stop()
pair = (first, second)
if data.table(pair[1], "cells").empty:
    frame.note(f"Nothing has been computed for {name} yet: start it on the Study page.", "hourglass_empty")
    toolbar.stop()

choices = [
    Choice.of(one, degree=degree, scale=scale, per=per, with_base=with_base, single=True,
              layer=nearest(one, _DEPTHS[depth]))
    for one in pair
]  # fmt: skip
look = Look.of(*pair, width=HALF_WIDTH, log=log)  # one name, one colour
heads(pair)
velocities(pair, choices, look, _DEPTHS[depth])
concentrations(pair, choices, look)
findings(pair)
