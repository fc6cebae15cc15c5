"""The glossary: a button on every page, and the dialog it opens."""

import streamlit as st
from markupsafe import Markup

from pages.parts import web
from pages.parts.controls import put
from phcore.figures.glossary import GROUPS, pictures

_OPEN = "glossary_open"


def button() -> None:
    """The button; and while the glossary is open, the dialog, which reruns of the page must not close."""
    st.button("Glossary", key="glossary", icon=":material/menu_book:", width="stretch", on_click=put,
              args=(_OPEN, True), help="The terms of this app, each in a sentence and a picture.")  # fmt: skip
    if st.session_state.get(_OPEN):
        _dialog()


@st.dialog("Glossary", width="large", on_dismiss=lambda: put(_OPEN, False))
def _dialog() -> None:
    st.caption(
        "Every picture is computed: from 24 points in the plane, or 96 where the shape changes, "
        "by the code that measures real clouds."
    )
    # Markdown and not st.html, which takes pictures out; inline, so that ink follows the theme.
    st.markdown(_content(), unsafe_allow_html=True)


@st.cache_data(show_spinner=False)
def _content() -> str:
    drawn = {name: Markup(picture) for name, picture in pictures().items()}
    return web.html("glossary.html.j2", style=Markup(web.text("glossary.css")), groups=GROUPS, pictures=drawn)
