"""Pages without a browser: opening one, running it again, and what it says."""

import re
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]


def words(app) -> str:
    """Everything an app says in words, as they are read: without the escapes of `web.plain`."""
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.success)
    return unescaped("\n".join(str(one.value) for kind in kinds for one in kind))


def unescaped(markdown: str) -> str:
    return re.sub(r"\\([^\w\s])", r"\1", markdown).replace("\u2060", "")


def charts(app) -> int:
    return len(app.get("vega_lite_chart"))


@pytest.fixture
def start(monkeypatch):
    """Open the app on a page, with an archive, a place to look in, and a query."""
    # A run leaves the page behind as the main module, and processes that a later test spawns would run it.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    def make(cache, page="study", roots=None, **query):
        import streamlit as st

        st.cache_resource.clear()
        st.cache_data.clear()
        monkeypatch.setenv("PHCORE_CACHE", str(cache))
        if roots is not None:
            monkeypatch.setenv("PHCORE_ROOTS", str(roots))
        app = AppTest.from_file(str(ROOT / "pages" / "shell.py"), default_timeout=120)
        for key, value in query.items():
            app.query_params[key] = list(map(str, value)) if isinstance(value, tuple) else str(value)
        app.switch_page(str(ROOT / "pages" / f"{page}.py"))
        app.run()
        assert not app.exception, app.exception[0].stack_trace
        return app

    return make


def run(app):
    app.run()
    assert not app.exception, app.exception[0].stack_trace
    return app
