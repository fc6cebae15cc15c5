"""The glossary: a button among the tools of every page, and the dialog that it opens."""

import streamlit as st
from markupsafe import Markup

from pages.parts import web
from pages.parts.controls import control, put
from pages.parts.web import WORDS
from phcore.figures.glossary import GROUPS, pictures

_OPEN = "glossary_open"


def button() -> None:
    """The button; and while the glossary is open, the dialog, which reruns of the page must not close."""
    control(st.button, "glossary", on_click=put, args=(_OPEN, True))
    if st.session_state.get(_OPEN):
        _terms()


@st.dialog("Glossary", width="large", on_dismiss=lambda: put(_OPEN, False))
def _terms() -> None:
    st.caption(WORDS["glossary"])
    # Markdown and not st.html, which takes pictures out; inline, so that ink follows the theme.
    st.markdown(_content(), unsafe_allow_html=True)


@st.cache_data(show_spinner=False)
def _content() -> str:
    drawn = {name: Markup(picture) for name, picture in pictures().items()}
    return web.html("glossary.html.j2", style=Markup(web.text("glossary.css")), groups=GROUPS, pictures=drawn)
