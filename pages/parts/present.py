"""Present mode: the page alone, large, over the full width, and driven by the keyboard.

It is a value in the address like any other (`?present=1`, bound to a switch of the frame that is not shown), so that a
link to a slide is a link. For a step the browser only reports the key: which one is next, the server knows.
"""

from collections.abc import Sequence

import streamlit as st

from pages.parts import web
from pages.parts.controls import control, put

_KEY, _STEPS, _COMPONENT = "present", "present.steps", "present-keys"
WIDTH = 1200  # pixels of a page as it is laid out: it is enlarged until the screen is full

_KEYS = st.components.v2.component("present_keys", html="<span hidden></span>", js=web.text("present_keys.js"))


def frame(pages: Sequence[str]) -> None:
    """What present mode needs around a page; called before the page is drawn.

    Parameters
    ----------
    pages : the names of all pages in an address, in the order of the navigation; "" for the first.
    """
    st.session_state.pop(_STEPS, None)  # the page says anew what its steps are
    with st.container(key="present-frame"):
        st.html("<style>.st-key-present-frame{position:absolute;width:0;height:0;overflow:hidden}</style>")
        on = control(st.toggle, _KEY)
        _KEYS(key=_COMPONENT, data={"on": on, "width": WIDTH, "pages": list(pages)}, on_go_change=_pressed, height=1)
    if on:
        st.html(web.style("present.css"))
        control(st.button, "present-leave", on_click=put, args=(_KEY, False))


def on() -> bool:
    return st.session_state.get(_KEY, False)


def steps(key: str, known: Sequence[int]) -> None:
    """Says which widget the keys move, and through which values."""
    st.session_state[_STEPS] = (key, list(known))


def button() -> None:
    control(st.button, "present-enter", on_click=put, args=(_KEY, True))


def _pressed() -> None:
    """A key was pressed: enters, leaves, or moves the step."""
    word = st.session_state[_COMPONENT].go
    if word in ("enter", "leave"):
        put(_KEY, word == "enter")
    key, known = st.session_state.get(_STEPS, (None, []))
    here = st.session_state.get(key) if key else None
    if here in known and word in ("next", "previous"):
        place = known.index(here) + (1 if word == "next" else -1)
        if 0 <= place < len(known):
            st.session_state[key] = known[place]
