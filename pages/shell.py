"""The frame around every page: title, navigation, the gate for accounts, present mode, and the tools of a page."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # `streamlit run` from another folder
    sys.path.insert(0, str(ROOT))

from pages.parts import data, links, present, toolbar  # noqa: E402
from pages.parts.navigation import PAGES  # noqa: E402
from phcore.archive import permissions  # noqa: E402


def gate() -> Callable[[], None] | None:
    """What is shown to a visitor in place of every page, where the server asks for an account; None for the others."""
    if not permissions.sign_in_asked(os.environ):
        return None
    # Without [auth] among the secrets Streamlit knows of no accounts; then nobody is let in.
    if not st.user.get("is_logged_in", False):
        return sign_in
    return None if permissions.admits(st.user.to_dict(), permissions.allowed(os.environ)) else no_access


def sign_in() -> None:
    st.markdown("## Sign in to read on")
    st.write("This server shows its studies to known accounts.")
    st.button("Sign in", key="account", type="primary", on_click=st.login)


def no_access() -> None:
    st.markdown("## No access")
    st.write("This account is not among those that may read here. Ask whoever runs the server.")
    st.button("Sign out", key="account", type="primary", on_click=st.logout)


st.set_page_config(page_title="Toposcope", page_icon=str(ROOT / "pages" / "parts" / "icon.svg"), layout="wide")

known = [
    st.Page(
        ROOT / "pages" / f"{one.name}.py", title=one.title, icon=f":material/{one.icon}:",
        default=one is PAGES[0], help=f"{one.question} {one.help}",
    )
    for one in PAGES
]  # fmt: skip
stop = gate()
# Embedded (`?embed=true`), a page is a figure in somebody else's frame.
page = st.navigation(known, position="hidden" if stop or st.context.is_embedded else "top")
if stop:
    stop()
else:
    name = page.url_path or PAGES[0].name
    linked = links.arrive(name)
    toolbar.begin(name, linked)
    present.frame(next(one.slides for one in PAGES if one.name == name))
    with data.refusing():  # whatever file is damaged or gone: a sentence in place of the rest of the page
        page.run()
    toolbar.fill()
