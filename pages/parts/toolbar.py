"""The tools of every page, beside its first line: saved views, present mode, and a link to what is shown.

They tell the state of the page, so they are drawn after it, into places that its header has kept for them.
"""

from collections.abc import Callable
from typing import NoReturn
from urllib.parse import urlencode

import streamlit as st

from pages.parts import controls, data, glossary, links, present, web
from pages.parts.navigation import PAGES
from pages.parts.web import plain
from phcore.errors import Fault
from phcore.study import saved_views
from phcore.study.saved_views import View

_PLACES, _PAGE = "toolbar.places", "toolbar.page"
_GONE, _FAULT, _DONE = "toolbar.gone", "toolbar.fault", "toolbar.done"


def begin(page: str, linked: bool) -> None:
    """Before a page is drawn: its name in an address, and whether a link led here."""
    st.session_state.pop(_PLACES, None)
    if st.session_state.get(_PAGE) != page or linked:
        controls.arrived(not linked)
        if not linked:
            present.reset()
    st.session_state[_PAGE] = page


def page() -> str:
    """The page that is drawn, by its name in an address."""
    return st.session_state.get(_PAGE, "")


def reserve(column):
    """Keeps the places: the tools in a column of the first line, and below it what is to be said of a link.

    Returns
    -------
    Where the tools will stand, after what the page itself puts there.
    """
    tools = column.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center",
                             key="toolbar")  # fmt: skip
    st.session_state[_PLACES] = (tools, st.container(key="link-said"))
    return tools


def fill() -> None:
    """Draws the tools, and what present mode has to know of the page."""
    present.finish([one.name * (one is not PAGES[0]) for one in PAGES if one.slides])
    places = st.session_state.pop(_PLACES, None)
    if places is None:  # drawn already, or the page has no header
        return
    tools, said = places
    if sentences := links.judge():
        said.warning("  \n".join(sentences), icon=":material/link_off:")
    with tools:
        _views(st.session_state[_PAGE])
        present.button()
        links.copy_button()
        glossary.button()
    if data.read_only():
        st.caption("This server is read-only.")


def stop() -> NoReturn:
    """Ends a page halfway, with its tools: after `st.stop` nothing is drawn any more."""
    fill()
    st.stop()


# --- saved views ------------------------------------------------------------------------------------


def _views(page: str) -> None:
    """The saved views of the chosen study. Nothing where there is no study."""
    study = st.session_state.get("study")
    if study is None:
        return
    with st.popover("Views", icon=":material/bookmarks:", type="tertiary", key="views",
                    help="Keep what this page shows under a name, or open what was kept."):  # fmt: skip
        if not data.read_only():
            _save(study, page)
        if fault := st.session_state.pop(_FAULT, None):
            st.error(plain(fault), icon=":material/error:")
        if done := st.session_state.pop(_DONE, None):
            st.success(plain(done), icon=":material/check:")
        _undo(study)
        with data.refusing():
            known = saved_views.views(study, data.store())
            if not known:
                st.caption("No view of this study has been saved yet.")
            else:
                present.views_button(known)
            for number, one in enumerate(known):
                _view(study, one, number)


def _save(study: str, page: str) -> None:
    query = urlencode(links.state(), doseq=True)
    with st.form("save-view", clear_on_submit=True, border=False):
        st.text_input("Name", key="view_name", max_chars=saved_views.NAME, placeholder="What this page shows now")
        st.text_area("Note", key="view_note", max_chars=saved_views.NOTE, height=80, placeholder="What to see in it")
        st.form_submit_button("Save this view", icon=":material/bookmark_add:", on_click=_told,
                              args=(_keep, study, page, query), width="stretch", key="view_save")  # fmt: skip


def _told(change: Callable[..., None], *arguments) -> None:
    """For a button to call: what goes wrong in a change is said once the popover is drawn."""
    try:
        change(*arguments)
    except Fault as fault:
        st.session_state[_FAULT] = data.told(fault)


def _keep(study: str, page: str, query: str) -> None:
    view = View(st.session_state["view_name"], page, query, st.session_state["view_note"])
    saved_views.save(view, study, data.store())
    st.session_state[_DONE] = f"Saved as {view.name!r}."


def _view(study: str, view: View, number: int) -> None:
    left, right = st.columns([5, 1.1], vertical_alignment="center")
    left.button(plain(view.name), key=f"view_open_{number}", type="tertiary", on_click=links.follow,
                args=(view.page, view.query), disabled=view.page not in {one.name for one in PAGES})  # fmt: skip
    left.html(web.html("saved_view.html.j2", view=view))
    if data.read_only():
        return
    right.button(":material/delete:", key=f"view_delete_{number}", type="tertiary",
                 help=plain(f"Delete the view {view.name!r}. It can be undone."), on_click=_told,
                 args=(_delete, study, view.name))  # fmt: skip


def _delete(study: str, name: str) -> None:
    st.session_state[_GONE] = (study, saved_views.delete(name, study, data.store()))


def _undo(study: str) -> None:
    """What was deleted last, and the way back, until the next one."""
    owner, view = st.session_state.get(_GONE, (None, None))
    if owner != study:
        return
    left, right = st.columns([4, 2], vertical_alignment="center")
    left.caption(plain(f"Deleted: {view.name!r}"))
    right.button("Undo", icon=":material/undo:", key="view_undo", on_click=_told, args=(_restore, study, view))


def _restore(study: str, view: View) -> None:
    saved_views.save(view, study, data.store())
    st.session_state.pop(_GONE, None)
