"""The gate before every page, where the server asks for an account: OpenID Connect through Streamlit."""

import os
from collections.abc import Callable

import streamlit as st

from phcore.archive import permissions


def stop() -> Callable[[], None] | None:
    """What is shown to a visitor in place of every page; None for those who may see them."""
    if not permissions.sign_in_asked(os.environ):
        return None
    # Without [auth] among the secrets Streamlit knows of no accounts; then nobody is let in.
    if not st.user.get("is_logged_in", False):
        return _sign_in
    return None if permissions.admits(st.user.to_dict(), permissions.allowed(os.environ)) else _no_access


def _sign_in() -> None:
    st.markdown("## Sign in to read on")
    st.write("This server shows its studies to known accounts.")
    st.button("Sign in", key="account", type="primary", on_click=st.login)


def _no_access() -> None:
    st.markdown("## No access")
    st.write("This account is not among those that may read here. Ask whoever runs the server.")
    st.button("Sign out", key="account", type="primary", on_click=st.logout)
