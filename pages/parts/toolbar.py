"""The tools of every page, beside its first line: saved views, present mode, and a link to what is shown.

They tell the state of the page, so they are drawn after it, into places that its header has kept for them.
"""

from typing import NoReturn

import streamlit as st

from pages.parts import links, present, saved

_PLACES, _PAGE = "toolbar.places", "toolbar.page"


def begin(page: str) -> None:
    """Before a page is drawn: its name in an address; "study" for the first."""
    st.session_state.pop(_PLACES, None)
    st.session_state[_PAGE] = page


def reserve(column) -> None:
    """Keeps the places: the tools in a column beside the first line, and below it what is to be said of a link."""
    tools = column.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center",
                             key="toolbar")  # fmt: skip
    st.session_state[_PLACES] = (tools, st.container(key="link-said"))


def fill() -> None:
    """Draws the tools."""
    places = st.session_state.pop(_PLACES, None)
    if places is None:  # drawn already, or the page has no header
        return
    tools, said = places
    if sentences := links.judge():
        said.warning("  \n".join(sentences), icon=":material/link_off:")
    with tools:
        saved.popover(st.session_state[_PAGE])
        present.button()
        links.copy_button()


def stop() -> NoReturn:
    """Ends a page halfway, with its tools: after `st.stop` nothing is drawn any more."""
    fill()
    st.stop()
