"""Brings the top of the page into view, where a click below it has changed what the page shows."""

import streamlit as st

from pages.parts import web

_ASKED = "to_top.asked"
_TOP = st.components.v2.component("to_top", html="<span></span>", js=web.text("to_top.js"))


def next_time() -> None:
    """For a button to call: the page that is drawn next is shown from its top."""
    st.session_state[_ASKED] = st.session_state.get(_ASKED, 0) + 1


def draw() -> None:
    """Once on a page that may be asked to."""
    if _ASKED in st.session_state:
        _TOP(key="to-top", data={"times": st.session_state[_ASKED]}, height=1)
