"""The tools of every page, beside its first line: saved views, present mode, and a link to what is shown.

They tell the state of the page, so they are drawn after it, into places that its header has kept for them.
"""

from __future__ import annotations

import streamlit as st

from pages.parts import links, present, saved

_PLACES = "toolbar_places"


def reserve(column) -> None:
    """Keeps the places: the tools in a column beside the first line, and below it what is to be said of a link."""
    tools = column.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center",
                             key="toolbar")  # fmt: skip
    st.session_state[_PLACES] = (tools, st.container(key="link-said"))


def fill(page: str) -> None:
    """Draws the tools.

    Parameters
    ----------
    page : the name of the page in its address; "study" for the first.
    """
    places = st.session_state.pop(_PLACES, None)
    if places is None:  # the page ended before its header
        return
    tools, said = places
    if sentences := links.judge():
        said.warning("  \n".join(sentences), icon=":material/link_off:")
    with tools:
        saved.popover(page)
        present.button()
        links.copy_button()
