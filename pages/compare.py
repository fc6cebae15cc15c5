"""How do two studies differ? Paths, velocity, concentration and verdicts side by side, on shared axes."""

from contextlib import suppress
from dataclasses import replace
from itertools import zip_longest

import pandas as pd
import streamlit as st

from pages.parts import controls, data, draw, figure, fluid, frame, present, toolbar
from pages.parts.controls import control
from pages.parts.row import left_out, objectives, row
from pages.parts.verdicts import badge
from pages.parts.web import WORDS, plain
from phcore.analysis.courses import DEPTHS
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.figures.charts.curves import top_of
from phcore.figures.figure import PER, Choice, Look
from phcore.figures.paths import reach
from phcore.figures.registry import FIGURES
from phcore.formatting import count, percent, wasserstein_words

_CALLED = {"paths": "Paths", "velocity": "Velocity", "concentration": "The first third"}  # below the charts
_DEPTHS = {f"{depth:.0%}": depth for depth in DEPTHS}


def nearest(study: Results, depth: float) -> int:
    """The layer of a study at a relative depth, 0 to 1."""
    return min(study.record.layers, key=lambda layer: abs(layer / study.record.n_layers - depth))


def sizes(pair: tuple[Results, Results], depth: float) -> str:
    """What is compared, and how much of it each study has."""
    each = [
        f"{one.study.name} ({one.study.model.name}): {one.record.n_layers} layers, {one.record.n_prompts} prompts, "
        f"{count(len(one.record.series), 'run')}"
        for one in pair
    ]
    return (
        f"{'; '.join(each)}. Each at its layer nearest to {percent(depth)} of the depth. Hidden states of two models "
        f"share no axes: what is compared is the course, on the same scales. {_unlike(pair)}"
    )


def side_by_side(name: str, pair: tuple[Results, Results], choices: list[Choice], look: Look, asked: str) -> None:
    """A figure of each study. How to read it and its numbers stand below everything, folded."""
    for column, study, choice in zip(room.pair(), pair, choices, strict=True):
        where = f"{study.study.name}, layer {choice.layer} of {study.record.n_layers}"
        own = replace(look, question=f"{asked} ({where})")
        with column:
            figure.chart(study, FIGURES[name], choice, own, name=f"{name}-{study.study.name}")
        folds.append((study, name, choice, draw.take_last()))


def same_window(pair: tuple[Results, Results], choices: list[Choice], look: Look) -> Look:
    """The look with axes of paths that hold those of both."""
    ends = []
    for study, choice in zip(pair, choices, strict=True):
        with suppress(Fault):
            ends.append(reach(figure.read(study, FIGURES["paths"], choice)))
    if not ends:
        return look
    left, right, low, high = zip(*ends, strict=True)
    return replace(look, held=(min(left), max(right), min(low), max(high)))


def same_top(pair: tuple[Results, Results], choices: list[Choice], look: Look) -> Look:
    """The look with a y axis of velocity that holds the curves of both."""
    tops = []
    for study, choice in zip(pair, choices, strict=True):
        with suppress(Fault):
            found = figure.read(study, FIGURES["velocity"], choice)
            tops.append(top_of(found.curve, found.floor))
    return replace(look, top=max(tops, default=None))


def _unlike(pair: tuple[Results, Results]) -> str:
    """What the two measure differently, so that their numbers do not compare."""
    ways = [
        {wasserstein_words(one.study.order, one.study.norm) for one in pair},
        {f"metric {one.study.metric}" for one in pair},
        {f"{one.record.n_prompts} prompts" for one in pair},
    ]
    unlike = [" and ".join(sorted(way)) for way in ways if len(way) > 1]
    return f"The two are measured differently ({'; '.join(unlike)}): compare shapes, not heights." if unlike else ""


def findings(pair: tuple[Results, Results]) -> None:
    if present.on():
        return  # a table is no slide
    tables = [data.table(study, "findings") for study in pair]
    if all(table.empty for table in tables):
        frame.note("Neither study has verdicts yet.")
        return
    claims = [list(rows) for rows in zip_longest(*(table.itertuples() for table in tables))]
    known = [[row for row in rows if row is not None] for rows in claims]
    same = sum(len(rows) == 2 and len({row.verdict for row in rows}) == 1 for rows in known)
    agreed = f"The two studies agree on {same:,} of 5 verdicts."
    figure.finding(st, "What does each study say of the five claims?", agreed, half=True)
    with st.container(gap="xsmall", key="p-verdicts"):
        for place, study in zip(st.columns([3, 1, 1])[1:], pair, strict=True):
            place.caption(plain(study.study.name))
        for rows, (row, *_) in zip(claims, known, strict=True):
            places = st.columns([3, 1, 1], vertical_alignment="center")
            places[0].markdown(f"**{plain(row.claim)}. {plain(row.title)}**")
            for place, one in zip(places[1:], rows, strict=True):
                place.markdown("No verdict." if one is None else badge(one.verdict))
    fold = frame.fold("The verdicts in full, and the numbers", "findings")
    if not fold.open:
        return
    both = pd.concat([table.assign(study=one.study.name) for one, table in zip(pair, tables, strict=True)])
    with fold:
        for rows, (row, *_) in zip(claims, known, strict=True):
            st.markdown(f"**{plain(row.claim)}. {plain(row.title)}**")
            for column, one in zip(st.columns(2), rows, strict=True):
                column.markdown("No verdict." if one is None else plain(one.sentence))
        st.caption("Each is about H1 at the study's own scale.")
        frame.files(both, "findings-" + "-".join(one.study.name for one in pair), "p_findings")


room = fluid.room()
first = frame.ready_study("compare")
others = [name for name in data.study_names() if name != first.study.name]
if not others:
    frame.note(WORDS["one_study"])
    toolbar.stop()

place = row([2.6, 1.5, 1.7, 2.3, 1.1])
name = control(place[0].selectbox, "p_with", others)
depth = control(place[1].selectbox, "p_depth", list(_DEPTHS), 2)
scale = control(place[2].selectbox, "p_scale", ["median", "raw"])
with place[4].popover("More", icon=":material/tune:", width="stretch"):
    degree = controls.degree(st, "p_degree")
    per = control(st.selectbox, "p_per", PER)
    log = control(st.toggle, "p_log", True)
    with_base = control(st.toggle, "p_base", True)
second = data.opened(name)
if second is None:
    toolbar.stop()
pair = (first, second)
if data.table(pair[1], "cells").empty:
    frame.note(f"Nothing has been computed for {name} yet: start it on the Study page.", "hourglass_empty")
    toolbar.stop()

off = objectives(place[3], *pair)
left_out(off)

choices = [
    Choice.of(one, degree=degree, scale=scale, per=per, with_base=with_base, single=True, without=off,
              layer=nearest(one, _DEPTHS[depth]))
    for one in pair
]  # fmt: skip
look = Look.of(*pair, width=room.half, height=present.tall(190), log=log)  # one name, one colour
folds: list[tuple] = []  # of the charts, in their order
side_by_side("paths", pair, choices, same_window(pair, choices, look), "Where does each objective go?")
side_by_side("velocity", pair, choices, same_top(pair, choices, look), "How far does each checkpoint move?")
side_by_side("concentration", pair, choices, replace(look, height=None), "Does most of the movement come early?")
st.caption(plain(sizes(pair, _DEPTHS[depth])))
findings(pair)
st.markdown("**How to read the charts, and their numbers**")
for column, own in zip(room.pair(), (folds[0::2], folds[1::2]), strict=True):
    for study, one, choice, drawn in own:
        with column, suppress(Fault):
            title = f"{_CALLED[one]} of {study.study.name}"
            figure.below(study, FIGURES[one], choice, title, f"{one}-{study.study.name}", drawn)
