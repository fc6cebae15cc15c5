"""How do the objectives move? Paths, velocity, heatmap and distances, all at one selected step."""

from contextlib import suppress
from dataclasses import replace

import streamlit as st

from pages.parts import columns, controls, draw, figure, fluid, frame, present
from pages.parts.controls import control
from pages.parts.row import left_out, objectives, row
from pages.parts.web import WORDS, plain
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.figures.figure import PER, SCALES, Choice, Look
from phcore.figures.registry import FIGURES

_MARK, _OPEN = "trajectories.mark", "trajectories.open"


def chosen_step(key: str) -> None:
    """A click in a chart chooses the step of the whole page, and the barcode that can be opened."""
    for mark in draw.picked(key, "step")[:1]:
        st.session_state["t_step"] = int(mark["step"])
        st.session_state[_MARK] = (key.removeprefix("chart-").partition("-")[0], mark.get("series"), mark.get("layer"))


def offer(study: Results, choice: Choice, step: int) -> None:
    """A button that opens the barcode of what was clicked: of a curve or path its own run, or the first one of its
    objective; of a whole step that of the run that moves most."""
    if _MARK not in st.session_state:
        return
    name, named, layer = st.session_state[_MARK]
    layer = int(layer) if name in ("velocity", "layers", "heatmap") and layer else choice.layer
    runs = [one.name for one in study.record.series if named in (one.name, one.objective)]
    series = named if named in runs else runs[0] if runs else moves_most(study, replace(choice, layer=layer), step)
    if series is not None:
        words = plain(f"Open this barcode: {series}, step {step:,}, layer {layer}")
        cell = {"b_series": series, "b_step": step, "b_layer": layer, _OPEN: True}
        st.button(words, key="open-barcode", icon=":material/bar_chart:", on_click=controls.lead, args=(cell,))


def moves_most(study: Results, choice: Choice, step: int) -> str | None:
    """The run of the largest move that ends at a step."""
    with suppress(Fault):
        curve = figure.read(study, FIGURES["velocity"], choice).curve
        here = curve[(curve["layer"] == choice.layer) & (curve["step"] == step)].dropna(subset="mean")
        return None if here.empty else str(here.loc[here["mean"].idxmax(), "series"])
    return None


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
    fold = frame.fold("How concentrated is the change?", "dynamics")
    with fold:
        left, right = st.columns(2)  # there also when it is closed, for links
        by = control(left.segmented_control, "t_third", ["index", "step"], default="index")
        with_base = control(right.toggle, "t_base", True)
        if not fold.open:
            return
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


if st.session_state.pop(_OPEN, False):
    st.switch_page("barcodes.py")

room = fluid.room()
study = frame.ready_study("trajectories")

place = row([1.15, 1.85, 1.55, 2.9, 0.95, 1.2])
layer = controls.layer(place[0], study, "t_layer")
degree = controls.degree(place[1], "t_degree")
scale = controls.scale(place[2], study, "t_scale")
off = objectives(place[3], study)
if st.session_state.pop("t_ended", False):  # the last step was reached: set before the toggle is drawn
    st.session_state["t_play"] = False
playing = place[4].toggle("Play", key="t_play", help="Walks through the steps, in every chart at once.")
with place[5].popover("More", icon=":material/tune:", width="stretch"):
    per = control(st.selectbox, "t_per", PER)
    orders = {f"{p:g}": p for p in study.study.orders}
    order = control(st.selectbox, "t_order", list(orders), list(orders.values()).index(study.study.order))
    log = control(st.toggle, "t_log", True)
    choice = Choice.of(study, degree=degree, order=orders[order], scale=scale, layer=layer, per=per, without=off)
    choice = figure.controls(study, FIGURES["paths"], choice)
left_out(off)
steps = list(Look.of(study).steps)
look = replace(Look.of(study, log=log), step=steps[-1], width=room.half, height=present.tall(215))


@st.fragment(run_every=1.5 if playing else None)
def charts() -> None:
    said: set[str] = set()
    if st.session_state.get(_OPEN):
        st.rerun()  # of the whole page, which turns to the other one
    with st.container(key="paths"):  # whose place is kept until they are drawn, after the slider below
        paths = room.pair()
    line, button = st.columns([3, 2], vertical_alignment="bottom")
    with line:
        step = step_slider(steps)
    with button:
        offer(study, choice, step)

    def show(place, one: str, choice: Choice, look: Look, **more) -> None:
        with place:
            figure.show(study, FIGURES[one], choice, look, said, step=step, on_step=chosen_step, **more)

    for place, kind in zip(paths, SCALES, strict=True):
        show(
            place,
            "paths",
            replace(choice, scale=kind),
            replace(look, height=present.tall(230)),
            name=f"paths-{kind}",
            chosen=True,
        )
    left, right = room.pair()
    show(left, "velocity", replace(choice, single=True), look)
    show(right, "layers", choice, replace(look, height=present.tall(62)))
    left, right = room.pair()
    show(left, "heatmap", choice, look)
    show(right, "separation", choice, look)


charts()
dynamics_table(study, choice)
