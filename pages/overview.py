"""What changed? One headline, the prompts on maps that move, one curve, and the five verdicts."""

from contextlib import suppress
from dataclasses import replace
from functools import partial

import streamlit as st

from pages.parts import controls, data, draw, figure, fluid, frame, links, moving_maps, tour
from pages.parts.controls import NEW, control, put
from pages.parts.verdicts import badge
from pages.parts.web import plain
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.figures.figure import Choice, Look
from phcore.figures.registry import FIGURES
from phcore.formatting import count

# Claim -> its words in a few, and the section of the Evidence page that judges it.
CLAIMS = {
    1: ("Early", "Early?"),
    2: ("Settles", "Early?"),
    3: ("Part after peak", "Apart?"),
    4: ("Models differ", "Other models?"),
    5: ("Before behaviour", "Before behaviour?"),
}
_OPEN = "overview.open"


def nothing() -> None:
    st.markdown("# No study to show yet")


def said(study: Results, choice: Choice) -> bool:
    """The headline and the line after it. Returns whether there is anything to compare yet."""
    try:
        headline = figure.read(study, FIGURES["net_change"], choice).headline
    except Fault as fault:
        st.markdown("# Nothing to compare yet")
        if data.complete(study):
            frame.say(fault)
        else:
            st.markdown("The maps fill as checkpoints are read; what changed is said here as soon as it is measured.")
        return False
    st.markdown(f"# {plain(headline.title)}")
    st.markdown(plain(headline.words))
    return True


def doors(study: Results) -> None:
    """The ways on from here, among the tools."""
    tour.button(study, partial(put, _OPEN, "barcodes"))
    st.page_link("share.py", label="Share", icon=":material/ios_share:")
    if not data.read_only():
        control(st.button, "new-study", on_click=new_study)


def new_study() -> None:
    st.session_state.update({"view": NEW, _OPEN: "study"})


def open_barcode(series: str, step: int) -> None:
    """What was clicked, as the cell of the Barcodes page."""
    controls.lead({"b_series": series, "b_step": step, "b_layer": st.session_state["o_layer"]})
    st.session_state[_OPEN] = "barcodes"


def moving(study: Results, choice: Choice) -> None:
    try:
        rows = moving_maps.rows(study, choice.layer)
        with st.container(key=f"maps-{rows}"):  # by which a phone knows how high they will be
            moving_maps.show(study, choice.layer, "o_maps", open_barcode)
    except Fault as fault:
        frame.say(fault)


def verdicts(study: Results) -> None:
    """A chip for each claim, which leads to what judges it."""
    row = st.container(horizontal=True, horizontal_alignment="distribute", key="o_verdicts")
    for one in data.table(study, "findings").itertuples():
        words, section = CLAIMS[int(one.claim)]
        query = {"e_section": section}  # the study is known: a link may not set what a control is bound to
        about = plain(f"Claim {one.claim}: {one.title}. {one.sentence}")
        row.page_link("evidence.py", label=f"{plain(words)} {badge(one.verdict)}", help=about, query_params=query,
                      width="content")  # fmt: skip


def size(study: Results) -> str:
    record = study.record
    runs, objectives = len(record.series), len({one.objective for one in record.series})
    return (
        f"{study.study.model.name}: {count(runs, 'run')} towards {count(objectives, 'objective')}, "
        f"{count(len(record.ready), 'checkpoint')} with the base model, read on {count(record.n_prompts, 'prompt')}."
    )


if page := st.session_state.pop(_OPEN, None):
    links.turn(page)

room = fluid.room()
study_place, layer_place, tools = frame.bar()
study = frame.ready_study("overview", nothing, study_place)
choice = Choice.of(study, layer=controls.layer(layer_place, study, "o_layer"), scale="raw")
with tools:
    doors(study)
compared = said(study, choice)
moving(study, choice)
if data.complete(study):
    verdicts(study)
if compared:
    look = replace(Look.of(study, width=room.full), height=110, question="How far has each objective moved?", answer="")
    figure.chart(study, FIGURES["net_change"], choice, look)
st.caption(plain(size(study)))
drawn, fold = draw.take_last(), frame.fold(frame.HOW, "overview")
if fold.open:
    with fold:
        for name in ("maps", "net_change"):
            with suppress(Fault):
                how = FIGURES[name].caption
                st.caption(plain(how(figure.read(study, FIGURES[name], choice))))
        if compared:
            found = figure.read(study, FIGURES["net_change"], choice)
            name = f"net_change-{study.study.name}-layer{choice.layer}"
            frame.files(FIGURES["net_change"].table(found), name, "net_change", drawn=drawn)
