"""How do the objectives move? Paths, velocity, heatmap and distances, all at one selected step."""

from dataclasses import replace

import streamlit as st

from pages.parts import columns, controls, draw, figure, fluid, frame, present
from pages.parts.controls import control
from pages.parts.web import WORDS
from phcore.export.results import Results
from phcore.figures.figure import PER, SCALES, Choice, Look
from phcore.figures.registry import FIGURES


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
    with st.expander("How concentrated is the change?", icon=":material/table:"):
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
        frame.files(table, f"dynamics-{study.study.name}", "dynamics")


study = frame.ready_study("trajectories")
room = fluid.room()

row = st.columns([1, 1.4, 1.2, 1.2, 1.2], vertical_alignment="bottom")
layer = controls.layer(row[0], study, "t_layer")
degree = controls.degree(row[1], "t_degree")
scale = controls.scale(row[2], study, "t_scale")
if st.session_state.pop("t_ended", False):  # the last step was reached: set before the toggle is drawn
    st.session_state["t_play"] = False
playing = row[3].toggle("Play", key="t_play", help="Walks through the steps, in every chart at once.")
with row[4].popover("More", icon=":material/tune:", width="stretch"):
    per = control(st.selectbox, "t_per", PER)
    orders = {f"{p:g}": p for p in study.study.orders}
    order = control(st.selectbox, "t_order", list(orders), list(orders.values()).index(study.study.order))
    log = control(st.toggle, "t_log", True)
    choice = Choice.of(study, degree=degree, order=orders[order], scale=scale, layer=layer, per=per)
    choice = figure.controls(study, FIGURES["paths"], choice)
steps = list(Look.of(study).steps)
look = replace(Look.of(study, log=log), step=steps[-1], width=room.half, height=270)


@st.fragment(run_every=1.5 if playing else None)
def charts() -> None:
    said: set[str] = set()
    paths = st.columns(2)
    step = step_slider(steps)

    def show(place, one: str, choice: Choice, look: Look, **more) -> None:
        with place:
            figure.show(study, FIGURES[one], choice, look, said, step=step, on_step=chosen_step, **more)

    for place, kind in zip(paths, SCALES, strict=True):
        show(place, "paths", replace(choice, scale=kind), look, name=f"paths-{kind}", chosen=True)
    left, right = st.columns(2)
    show(left, "velocity", replace(choice, single=True), look)
    show(right, "layers", choice, replace(look, height=90))
    left, right = st.columns(2)
    show(left, "heatmap", choice, look)
    show(right, "separation", choice, look)


charts()
dynamics_table(study, choice)
