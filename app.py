"""The door: starts the app and has the library imported and the first study read meanwhile, nothing else.

The shell script lies inside `pages/`, whose folder has no `pages/` of its own. Were it this file, Streamlit would run
a page directly on a cold deep link, without the frame around it.
"""

import contextlib
import importlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import streamlit as st

from pages.parts import first_paint, guard, protocol_filter


@contextlib.asynccontextmanager
async def opening(app: st.App) -> AsyncIterator[None]:
    """While the first browser still loads the screen, what every page reads with is imported, and what the first one
    reads is read."""
    threading.Thread(target=_ready, daemon=True).start()
    yield


def _ready() -> None:
    for name in ("phcore.export.results", "phcore.figures.registry"):
        importlib.import_module(name)
    importlib.import_module("pages.parts.data").prepare()


app = st.App(
    Path(__file__).resolve().parent / "pages" / "shell.py",
    lifespan=opening,
    middleware=[*guard.middleware(), *first_paint.middleware(), *protocol_filter.middleware()],
)

if __name__ == "__main__":
    app.run()
