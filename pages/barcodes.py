"""What shape is this cloud? Bars, the map they live on and their prompts; or two cells side by side."""

from __future__ import annotations

import streamlit as st

from pages.parts import cell, changed, closer, frame, side_by_side, tour
from phcore.results import Results

place = frame.header(
    "What shape is this cloud?",
    "Each bar is a feature of the prompts' hidden states: a group before it merges (H0) or a loop (H1). Long bars are "
    "shape, short ones mostly noise.",
)
study = frame.ready_study(place)
if study is None:
    st.stop()
playing = st.session_state.get("b_play")


@st.fragment(run_every={cell.STEPS: 1.6, cell.GROWTH: 0.9}.get(playing))
def page(study: Results) -> None:
    tour.card(study)
    cell.advance(study)
    first = cell.pick(study, "b_", "", 0)
    options = cell.options(study, first)
    if st.session_state.get("b_play") != playing:
        st.rerun()  # the clock of this fragment is set when the page runs
    if options.view == cell.CHANGED:
        changed.show(study, first, options)
    elif options.two:
        side_by_side.show(study, first, options)
    elif options.view == cell.BARS and options.one_complex:
        closer.show(study, first, options)
    else:
        side_by_side.one(study, first, options)


page(study)
