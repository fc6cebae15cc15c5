"""A real server and a real Chromium. Skipped, with the reason, where there is no Chromium."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from phcore.cli.browser import answers
from tests.conftest import CHROMIUM

ROOT = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(items) -> None:
    if CHROMIUM is None:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason="there is no Chromium: install Debian's package chromium"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """The app on a port of its own, with a cache of its own."""

    def __init__(self, cache: Path, cwd: Path, serve: list[str] | None = None, **environment: str):
        """`serve`: options of `python -m phcore serve`, in place of starting Streamlit itself."""
        self.cache, self.port = cache, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port),
                   "--server.headless", "true"]  # fmt: skip
        if serve is not None:
            command = [sys.executable, "-m", "phcore", "serve", "--port", str(self.port), *serve]
        values = {"PHCORE_CACHE": str(cache), "PHCORE_ROOTS": str(cwd), **environment}
        cache.parent.mkdir(parents=True, exist_ok=True)
        self.log = open(cache.parent / f"server-{self.port}.log", "wb")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | values, stdout=self.log, stderr=subprocess.STDOUT
        )
        while not answers(self.url):  # on a busy machine that may take longer than a reader would wait
            if self.process.poll() is not None:
                raise RuntimeError("the server did not start")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        self.log.close()


@pytest.fixture(scope="session")
def shipped(once) -> Path:
    """A copy of the archive that ships, so that tests never change it."""
    left = shutil.ignore_patterns("jobs", "drafts", "practice", "damaged")
    return once("shipped", lambda folder: shutil.copytree(ROOT / "cache", folder / "cache", ignore=left)) / "cache"


@pytest.fixture(scope="session")
def server(shipped, tmp_path_factory):
    one = Server(shipped, tmp_path_factory.mktemp("roots"))
    yield one
    one.stop()


PATIENCE = 200_000  # milliseconds, less than a test may take: on a busy machine nothing runs at first
OF_COLOURS = ("color-contrast", "link-in-text-block")  # rules of axe; others know of no colour


def broken(page, *rules: str) -> list[str]:
    """What readers who cannot see or cannot point would miss: serious and critical rules of axe that are broken.

    Of all rules, or of some: where only colours have changed since, OF_COLOURS.
    """
    only = {"runOnly": {"type": "rule", "values": rules}} if rules else {}
    found = Axe().run(page, options={"resultTypes": ["violations"], **only}).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]}" for one in found if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]  # fmt: skip


class Visit:
    """A page that records errors, every request that leaves this machine, and what its policy has refused to load."""

    def __init__(self, page):
        self.page, self.context = page, page.context
        self.asked: list[str] = []
        self.outward: list[str] = []
        self.errors: list[str] = []
        self.refused: list[str] = []
        self.heard = {"request": self._seen, "pageerror": self._failed, "console": self._told}
        for event, hear in self.heard.items():
            page.on(event, hear)

    def _seen(self, request) -> None:
        self.asked.append(request.url)
        if not request.url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "about:")):
            self.outward.append(request.url)

    def _failed(self, error) -> None:
        self.errors.append(str(error))

    def _told(self, message) -> None:
        """Chromium says "Refused to load ..." or, since 2025, "Loading ... violates ..."; both name the policy."""
        if "Content Security Policy" in message.text:
            self.refused.append(message.text)

    def open(self, url: str):
        self.page.goto(url)
        self.page.wait_for_selector("[data-testid=stMain] :is(h1, h2)")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Until no script has run for a while."""
        idle = '[data-test-script-state="notRunning"]'
        quiet = 0
        while quiet < 2:
            self.page.wait_for_selector(idle, state="attached")
            self.page.wait_for_timeout(400)
            quiet = quiet + 1 if self.page.locator(idle).count() else 0

    def assert_clean(self) -> None:
        assert self.page.locator('[data-testid="stException"]').count() == 0, self.page.inner_text("body")[:2000]
        assert not self.outward, self.outward
        assert not self.errors, self.errors
        assert not self.refused, self.refused

    def forget(self) -> None:
        """Whoever comes next has not been here: an empty page, and nothing of this visit in its context."""
        if self.page.url.startswith("http"):
            self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        self.page.goto("about:blank")
        self.context.clear_cookies()
        self.context.clear_permissions()

    def leave(self) -> None:
        self.forget()
        for event, hear in self.heard.items():
            self.page.remove_listener(event, hear)


@pytest.fixture(scope="session")
def tab(browser):
    """The page of all visitors of a process, one after the other: half of what a visit costs is parsing Streamlit's
    scripts, and a page that another visitor has left has them parsed."""
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture
def visit(tab):
    """`visit(scheme, width)`: the visitor of a test, whom nothing tells of those before."""
    here = []

    def make(scheme: str = "light", width: int = 1280) -> Visit:
        tab.emulate_media(color_scheme=scheme)
        tab.set_viewport_size({"width": width, "height": 900})
        here.append(Visit(tab))
        return here[-1]

    yield make
    for one in here:
        one.leave()
