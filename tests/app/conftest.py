"""Pages without a browser: opening one, running it again, and what it says."""

import functools
import html
import json
import os
import re
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.caching.cache_resource_api import _resource_caches
from streamlit.testing.v1 import AppTest, local_script_runner

from phcore.figures.charts.template import NOW
from tests.protocol import as_shown

# Every app in a test looks through all installed packages for components of others.
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)


def _ended(runner, timeout: float) -> None:
    """Wait for the end of a run. Streamlit's own tests look a thousand times a second, and slow it down."""
    runner._script_thread.join(timeout)
    if not runner.script_stopped():
        runner.request_stop()
        raise RuntimeError(f"the page ran for more than {timeout} seconds")


local_script_runner.require_widgets_deltas = _ended

ROOT = Path(__file__).resolve().parents[2]
MOST_SERVERS = 16  # whose pages are remembered at a time


def words(app) -> str:
    """Everything an app says in words, as it is shown."""
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.success)
    said = [as_shown(str(one.value)).replace("\u00a0", " ") for kind in kinds for one in kind]
    return "\n".join([*said, *findings(app)])


def findings(app) -> list[str]:
    """What figures ask and find, as it is shown: their elements of HTML without tags and styles."""
    bodies = [one.proto.body for one in app.get("html") if "hgroup" in one.proto.body]
    found = [re.sub(r"<style>.*?</style>|<[^>]+>", " ", body, flags=re.DOTALL) for body in bodies]
    return [" ".join(html.unescape(one).replace("\u00a0", " ").split()) for one in found]


def charts(app) -> int:
    return len(app.get("vega_lite_chart"))


def specs(app) -> list[dict]:
    """The charts as a browser draws them: with what they read from their table of what differs in its place."""
    return [_spec(one.proto) for one in app.get("vega_lite_chart")]


def _spec(proto) -> dict:
    now = [pa.ipc.open_stream(one.data.data).read_pandas() for one in proto.datasets if one.name == NOW]
    values = now[0].iloc[0].to_dict() if now else {}

    def read(found: re.Match) -> str:
        return json.dumps(values[found[1]])

    return json.loads(re.sub(rf"""\{{"(?:expr|signal)": "data\('{NOW}'\)\[0\]\.(\w+)"\}}""", read, proto.spec))


def unfold(app):
    """The same page with everything open that is made when it is opened."""
    for key in [key for key in app.session_state._state.filtered_state if key.startswith("fold-")]:
        app.session_state[key] = True
    return run(app)


def component(app, name: str) -> dict:
    """What the browser is sent for a component of the page."""
    (found,) = (json.loads(one.proto.json) for one in app.get("bidi_component") if one.proto.component_name == name)
    return found


def picture(app) -> dict:
    """What a click changes of the picture of a cell."""
    return component(app, "cell")


def told(app) -> str:
    """Everything that Barcodes says of a cell in words, beside the map, too."""
    own = picture(app)
    return "\n".join([words(app), own["noise"], own["about"], *(part["words"] for part in own["said"])])


def moving(app) -> int:
    """Pictures that move in the browser."""
    return sum(one.proto.component_name in ("cell", "maps") for one in app.get("bidi_component"))


def forget() -> None:
    """As a server that has just started."""
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture(scope="session")
def server():
    """`server()`: the one of this environment, which still knows what its pages have read for an earlier test."""
    others, here = {}, None

    def enter() -> None:
        nonlocal here
        now = tuple(sorted(one for one in os.environ.items() if one[0].startswith("PHCORE_")))
        if now == here:
            return
        others[here] = _resource_caches._function_caches
        forget()
        _resource_caches._function_caches = others.pop(now, {})
        if len(others) > MOST_SERVERS:
            del others[next(iter(others))]
        here = now

    return enter


@pytest.fixture
def start(monkeypatch, server):
    """Open the app on a page, with an archive, a place to look in, and a query.

    What was read of the same archive for an earlier test is still known, as it is to all visitors of a server.
    """
    # A run leaves the page behind as the main module, and processes that a later test spawns would run it.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    def make(cache, page="study", roots=None, **query):
        monkeypatch.setenv("PHCORE_CACHE", str(cache))
        if roots is not None:
            monkeypatch.setenv("PHCORE_ROOTS", str(roots))
        server()
        return opened(page, **query)

    return make


def opened(page, **query):
    """The app on a page, in the environment that there is."""
    app = AppTest.from_file(str(ROOT / "pages" / "shell.py"), default_timeout=500)
    for key, value in query.items():
        app.query_params[key] = list(map(str, value)) if isinstance(value, tuple) else str(value)
    app.switch_page(str(ROOT / "pages" / f"{page}.py"))
    return run(app)


def run(app):
    app.run()
    assert not app.exception, app.exception[0].stack_trace
    return app
