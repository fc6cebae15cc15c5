"""A folder picker that never leaves the allowed roots. Paths stay in the session: they never travel in a link."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.parts import data
from phcore.checkpoints import roots
from phcore.errors import Fault


def folder(label: str, key: str, words: str) -> Path | None:
    """Walk down from a root to a folder. Returns the folder in hand, or None before one was opened.

    The widgets are keyed by the folder they show, so that opening one starts the next list afresh.
    """
    allowed = data.roots()
    if not allowed:
        st.warning(
            "None of the allowed folders exists. Set PHCORE_ROOTS to folders that do.", icon=":material/warning:"
        )
        return None
    place_key = f"{key}-place"
    here = st.session_state.get(place_key)
    with st.container(border=True):
        st.markdown(f"**{label}**", help=words)
        pasted = st.text_input(
            "Path",
            value=str(here) if here else "",
            key=f"{key}-path-{here}",
            placeholder="Paste a path, or open a folder below",
            label_visibility="collapsed",
        )
        if pasted.strip() and pasted.strip() != str(here or ""):
            _go(place_key, pasted.strip(), allowed)
        try:
            options = roots.subfolders(here, allowed) if here else allowed
        except Fault as fault:  # the folder is gone, or may not be read
            st.error(str(data.shown(fault)), icon=":material/block:")
            options, here = [], None
            st.session_state[place_key] = None
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        chosen = left.selectbox(
            "Folder",
            options,
            index=None,
            format_func=lambda path: path.name + "/" if here else str(path),
            placeholder=_placeholder(here, options),
            disabled=not options,
            key=f"{key}-open-{here}",
            label_visibility="collapsed",
        )
        if chosen is not None:
            _go(place_key, chosen, allowed)
        if right.button("Up", key=f"{key}-up", disabled=here is None, icon=":material/arrow_upward:", width="stretch"):
            parent = here.parent if here not in allowed else None
            st.session_state[place_key] = parent
            st.rerun()
    return here


def _placeholder(here: Path | None, options: list[Path]) -> str:
    if here is None:
        return "Start in…"
    return "Open a folder in it…" if options else "No folders in it"


def _go(place_key: str, path: str | Path, allowed: list[Path]) -> None:
    try:
        place = roots.resolve_inside(path, allowed)
        if not place.is_dir():
            raise Fault("this is a file", "Give the folder it lies in", place)
        st.session_state[place_key] = place
    except Fault as fault:
        st.error(str(data.shown(fault)), icon=":material/block:")
        return
    st.rerun()
