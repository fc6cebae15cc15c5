"""What shape is this cloud? Bars, the map they live on and their prompts; what changed; or two cells side by side."""

import streamlit as st

from pages.parts import cell, cell_view, changed, data, fluid, frame, side_by_side, tour, web

room = fluid.room()
study = frame.ready_study("barcodes")
st.html(web.style("barcodes.css"))

tour.card(study)
first, view, opened = cell.top(study)
# Options stay on the page when they are closed, out of sight, so that links carry them.
left, right = st.columns([3.3, 1], gap="medium") if opened else (st.container(), st.container(key="cell-links-closed"))
room = room.beside(1 / 4.3) if opened else room
with right, st.container(key="cell-options"):
    options = cell.options(study, first, view)


@st.fragment
def picture() -> None:
    """What is below the controls: a click runs this part only."""
    with data.refusing():
        if view == cell.BARS and options.one_complex and not options.two:
            cell_view.show(study, first, options, room)
        else:
            side_by_side.show(study, first, options, room)


with left:
    if view == cell.CHANGED:  # the whole page, which a click ends while it measures
        with data.refusing():
            changed.show(study, first, options, room)
    else:
        picture()
