"""What changed? One headline, the prompts on maps that move, one curve, and the five verdicts."""

from contextlib import suppress
from dataclasses import replace

import streamlit as st

from pages.parts import controls, data, figure, frame, moving_maps, web
from pages.parts.opened_study import badge
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


def said(study: Results, choice: Choice) -> None:
    """The headline and the line after it."""
    try:
        headline = figure.read(study, FIGURES["net_change"], choice).headline
        st.markdown(f"# {plain(headline.title)}")
        st.markdown(plain(headline.words))
    except Fault as fault:
        st.markdown("# Nothing to compare yet")
        frame.say(fault)


def open_barcode(series: str, step: int) -> None:
    """What was clicked, as the cell of the Barcodes page."""
    st.session_state.update({"b_series": series, "b_step": step, "b_layer": st.session_state["o_layer"]})
    st.session_state[_OPEN] = True


def moving(study: Results, choice: Choice) -> None:
    try:
        moving_maps.show(study, choice.layer, "o_maps", open_barcode)
    except Fault as fault:
        frame.say(fault)


def verdicts(study: Results) -> None:
    """A chip for each claim, which leads to what judges it."""
    found = list(data.table(study, "findings").itertuples())
    widths = [len(CLAIMS[int(one.claim)][0]) + len(one.verdict) + 8 for one in found]
    for column, one in zip(st.columns(widths or 1, gap="small"), found, strict=False):
        words, section = CLAIMS[int(one.claim)]
        query = {"e_section": section}  # the study is known: a link may not set what a control is bound to
        about = plain(f"Claim {one.claim}: {one.title}. {one.sentence}")
        column.page_link("evidence.py", label=f"{plain(words)} {badge(one.verdict)}", help=about, query_params=query)


def size(study: Results) -> str:
    record = study.record
    runs, objectives = len(record.series), len({one.objective for one in record.series})
    return (
        f"{study.study.model.name}: {count(runs, 'run')} towards {count(objectives, 'objective')}, "
        f"{count(len(record.ready), 'checkpoint')} with the base model, read on {count(record.n_prompts, 'prompt')}."
    )


if st.session_state.pop(_OPEN, False):
    st.switch_page("barcodes.py")

st.html(web.style("overview.css"))
study_place, layer_place = frame.bar()
study = frame.ready_study("overview", nothing, study_place)
choice = Choice.of(study, layer=controls.layer(layer_place, study, "o_layer"), scale="raw")
said(study, choice)
moving(study, choice)
verdicts(study)
look = replace(Look.of(study), height=110, question="How far has each objective moved?", answer="")
figure.chart(study, FIGURES["net_change"], choice, look)
st.caption(plain(size(study)) + (" *This server is read-only.*" if data.read_only() else ""))
with st.expander("How to read this, and the numbers", icon=":material/table:"):
    for name in ("maps", "net_change"):
        with suppress(Fault):
            how = FIGURES[name].caption
            st.caption(plain(how(figure.read(study, FIGURES[name], choice))))
    figure.below(study, FIGURES["net_change"], choice)
