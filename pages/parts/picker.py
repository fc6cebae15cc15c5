"""A folder picker that never leaves the allowed roots. Paths stay in the session: they never travel in a link."""

from pathlib import Path

import streamlit as st

from pages.parts import data
from pages.parts.web import Markdown, plain
from phcore.archive.addresses import address_of, local
from phcore.checkpoints import mirror, roots
from phcore.errors import Fault
from phcore.formatting import named

BROWSE = "Another folder…"


def folder(label: Markdown, key: str, words: Markdown) -> Path | None:
    """Walk down from a root to a folder. Returns the open one, or None before one was opened.

    The widgets are keyed by the folder they show, so that opening one starts the next list afresh.
    """
    allowed = data.roots()
    if not allowed:
        st.warning("None of the allowed folders exists. Set PHCORE_ROOTS to folders that do.",
                   icon=":material/warning:")  # fmt: skip
        return None
    here = st.session_state.get(f"picker.{key}")
    with st.container(border=True):
        st.markdown(f"**{label}**", help=words)
        shown = named(str(here or ""))
        pasted = st.text_input("Path", shown, key=f"{key}-path-{here}", label_visibility="collapsed",
                               placeholder="Paste a path, or open a folder below").strip()  # fmt: skip
        if pasted and pasted != shown:
            _go(key, pasted, allowed)
        try:
            options = _inside(here, allowed) if here else allowed
        except Fault as fault:  # the folder is gone, or may not be read
            st.error(plain(data.told(fault)), icon=":material/block:")
            options, here = [], None
            open_folder(key, None)
        below = "Open a folder in it…" if options else "No folders in it"
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        chosen = left.selectbox(
            "Folder", options, index=None, format_func=lambda path: path.name + "/" if here else named(str(path)),
            placeholder=below if here else "Start in…", disabled=not options, key=f"{key}-open-{here}",
            label_visibility="collapsed",
        )  # fmt: skip
        if chosen is not None:
            _go(key, chosen, allowed)
        if right.button("Up", key=f"{key}-up", disabled=here is None, icon=":material/arrow_upward:", width="stretch"):
            open_folder(key, here.parent if here not in allowed else None)
            st.rerun()
    return here


def open_folder(key: str, place: Path | None) -> None:
    """The folder that a picker shows from its next run on; None for the roots."""
    st.session_state[f"picker.{key}"] = place


def _inside(here: Path, allowed: list[Path]) -> list[Path]:
    return mirror.subfolders(here, allowed) if address_of(here) else roots.subfolders(here, allowed)


def _go(key: str, path: str | Path, allowed: list[Path]) -> None:
    try:
        place = local(path)
        if address_of(place):
            mirror.subfolders(place, allowed)  # it can be asked
        elif not (place := roots.resolve_inside(path, allowed)).is_dir():
            raise Fault("this is a file", "Give the folder it lies in", place)
    except Fault as fault:
        st.error(plain(data.told(fault)), icon=":material/block:")
        return
    open_folder(key, place)
    st.rerun()
