"""What shape is this cloud? Bars, the map they live on and their prompts; what changed; or two cells side by side."""

import streamlit as st

from pages.parts import cell, cell_view, changed, data, frame, side_by_side, tour

study = frame.ready_study("barcodes")

touring = tour.card(study)
cell.advance(study)
with st.expander("All controls", icon=":material/tune:") if touring else st.container():  # room for the map
    first = cell.pick(study, "first")
    options = cell.options(study, first)
pair = changed.pick(study, first) if options.view == cell.CHANGED else None
closely = options.view == cell.BARS and options.one_complex and not options.two


@st.fragment(run_every=0.9 if options.play == cell.GROWTH else None)
def view() -> None:
    """What is below the controls: a click or a step of the distance runs this part only."""
    with data.refusing():
        if closely:
            cell_view.show(study, first, options)
        elif pair:
            changed.show(study, pair, options)
        else:
            side_by_side.show(study, first, options)


view()
with data.refusing():
    if closely:
        cell_view.below(study, first, options)
    elif pair:
        changed.influences(study, pair, options)
cell.clock(options)
