"""The gate before every page, where the server asks for an account: OpenID Connect through Streamlit."""

from __future__ import annotations

import streamlit as st

from phcore import access


def gate() -> None:
    """Let known accounts pass and end the run for all others. Called by the shell, which every page runs inside."""
    if not access.sign_in_asked():
        return
    # Without [auth] among the secrets Streamlit knows of no accounts; then nobody is let in.
    if not st.user.get("is_logged_in", False):
        _turn_away("Sign in to read on", "This server shows its studies to known accounts.", "Sign in", st.login)
    if not access.admits(st.user.to_dict()):
        _turn_away(
            "No access", "This account is not among those that may read here. Ask whoever runs the server.",
            "Sign out", st.logout,
        )  # fmt: skip


def _turn_away(title: str, words: str, button: str, action) -> None:
    def page() -> None:
        st.markdown(f"## {title}")
        st.write(words)
        st.button(button, key="account", type="primary", on_click=action)

    # One page at every address: a deep link is neither lost nor answered with "not found".
    st.navigation([st.Page(page, title=title, default=True)], position="hidden").run()
    st.stop()
