"""The glossary: a button on every page, and the dialog it opens."""

from __future__ import annotations

from html import escape

import streamlit as st

from phcore.figures.glossary import GROUPS, Group, Term, pictures

_OPEN = "glossary_open"


def button() -> None:
    """The button; and while the glossary is open, the dialog, which reruns of the page must not close."""
    st.button("Glossary", key="glossary", icon=":material/menu_book:", on_click=_set, args=(True,), width="stretch",
              help="The terms of this app, each in a sentence and a picture.")  # fmt: skip
    if st.session_state.get(_OPEN):
        _dialog()


def _set(value: bool) -> None:
    st.session_state[_OPEN] = value


@st.dialog("Glossary", width="large", on_dismiss=lambda: _set(False))
def _dialog() -> None:
    st.caption(
        "Every picture is computed: from 24 points in the plane, or 96 where the shape changes, "
        "by the code that measures real clouds."
    )
    # Markdown and not st.html, which takes pictures out; inline, so that ink follows the theme.
    st.markdown(_content(), unsafe_allow_html=True)


@st.cache_data(show_spinner=False)
def _content() -> str:
    drawn = pictures()
    return f'{web.style("glossary.css")}<div class="glossary">{"".join(_group(group, drawn) for group in GROUPS)}</div>'


def _group(group: Group, drawn: dict[str, str]) -> str:
    terms = "".join(_term(term, drawn[term.picture]) for term in group.terms)
    return f'<h4>{escape(group.name)}</h4><div class="terms">{terms}</div>'


def _term(term: Term, picture: str) -> str:
    where = f"<br><small>On the page {escape(term.page)}</small>" if term.page else ""
    return f'<div class="term">{picture}<div><b>{escape(term.name)}</b><br>{escape(term.words)}{where}</div></div>'
