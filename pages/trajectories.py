"""How do the objectives move? Velocity, heatmaps, paths and distances, all at one selected step."""

from dataclasses import replace

import streamlit as st

from pages.parts import columns, controls, draw, figure, frame, present
from pages.parts.controls import control
from pages.parts.web import WORDS
from phcore.export.results import Results
from phcore.figures.charts.theme import HALF_WIDTH
from phcore.figures.figure import PER, Choice, Look
from phcore.figures.registry import FIGURES

WHOLE, HALVES = ("velocity", "heatmap"), ("paths", "apart")  # figures over the whole width, and side by side


def chosen_step(key: str) -> None:
    """A click in a chart chooses the step of the whole page."""
    if (step := draw.clicked(key, "step")) is not None:
        st.session_state["t_step"] = int(step)


def step_slider(steps: list[int]) -> int:
    """The selected step of every chart; while playing, the next one at each tick."""
    if st.session_state.get("t_step") not in steps:
        st.session_state.pop("t_step", None)
    if st.session_state.get("t_play"):
        place = steps.index(st.session_state.get("t_step", steps[0]))
        if place + 1 == len(steps):
            st.session_state["t_ended"] = True
            st.rerun()
        st.session_state["t_step"] = steps[place + 1]
    present.steps("t_step", steps)
    return control(st.select_slider, "t_step", steps, value=steps[-1])


def dynamics_table(study: Results, choice: Choice) -> None:
    """Concentration, p-values, peak and stabilisation of the curves above."""
    st.markdown("### How concentrated is the change?")
    left, right = st.columns(2)
    by = control(left.segmented_control, "t_third", ["index", "step"], default="index")
    with_base = control(right.toggle, "t_base", True)
    table = study.table(
        "dynamics", degree=choice.degree, order=choice.order, scale=choice.scale, per=choice.per, by=by,
        with_base=with_base,
    )  # fmt: skip
    if table.empty:
        own = study.study.order
        frame.note(f"Concentration is computed for finished studies, and for the order of the study ({own:g}).")
        return
    never = table["stable_step"].isna()
    table = table.assign(stable_step=table["stable_step"].map("{:.0f}".format).mask(never, "never"))
    columns.show(table, "dynamics", key="dynamics")
    st.caption(WORDS["concentration"])
    frame.below(table, f"dynamics-{study.study.name}", "dynamics")


study = frame.ready_study("trajectories")

row = st.columns([1.2, 1.2, 1.6, 1.6, 1.2, 1], vertical_alignment="bottom")
degree = controls.degree(row[0], "t_degree")
layer = controls.layer(row[1], study, "t_layer")
scale = controls.scale(row[2], study, "t_scale")
per = control(row[3].selectbox, "t_per", PER)
if st.session_state.pop("t_ended", False):  # the last step was reached: set before the toggle is drawn
    st.session_state["t_play"] = False
playing = row[4].toggle("Play", key="t_play", help="Walks through the steps, in every chart at once.")
with row[5].popover("More", icon=":material/tune:", width="stretch"):
    log = control(st.toggle, "t_log", True)
    orders = {f"{p:g}": p for p in study.study.orders}
    order = control(st.selectbox, "t_order", list(orders), list(orders.values()).index(study.study.order))
choice = Choice.of(study, degree=degree, order=orders[order], scale=scale, layer=layer, per=per)
look = Look.of(study, log=log)
steps = list(look.steps)


@st.fragment(run_every=1.5 if playing else None)
def charts() -> None:
    step, said = step_slider(steps), set()
    for name in WHOLE:
        figure.show(study, FIGURES[name], choice, replace(look, step=steps[-1]), said, step=step, on_step=chosen_step)
    half = replace(look, step=steps[-1], width=HALF_WIDTH, height=400)
    for column, name in zip(st.columns(2), HALVES, strict=True):
        with column:
            figure.show(study, FIGURES[name], choice, half, said, step=step, on_step=chosen_step)


charts()
dynamics_table(study, choice)
