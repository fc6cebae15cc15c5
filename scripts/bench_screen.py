"""How long a step of the distance slider takes on the study that ships, for three readers at once.

    make bench-screen

On the server: the view that a step runs, in as many threads at once, without a browser beside it. To the answer: from
the message that leaves the browser to the last one that it has taken in, which waits for what it draws meanwhile. To
the picture: from the key to the last chart drawn. Needs Chromium. Machines are noisy: read medians.
"""

import argparse
import logging
import os
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser.conftest import Server, Visit  # noqa: E402
from tests.conftest import CHROMIUM, QUIET  # noqa: E402

ADDRESS = "/barcodes?b_series=helpful&b_step=16&b_layer=18&b_at=45"
PAUSE = 2_500  # milliseconds
THUMB = ".st-key-b_at input[type=range]"
# Charts are drawn as SVG, or on a canvas when there are many marks: either is seen.
WATCH = """
window.__drawn = window.__moved = window.__sent = window.__heard = 0;
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (...a) {
  if (!this.__watched) {
    this.__watched = true;
    this.addEventListener('message', () => { window.__heard = performance.now() });
  }
  window.__sent = performance.now(); return send.apply(this, a) };
const clear = CanvasRenderingContext2D.prototype.clearRect;
CanvasRenderingContext2D.prototype.clearRect = function (...a) {
  window.__drawn = performance.now(); return clear.apply(this, a) };
new MutationObserver(changes => {
  if (changes.some(c => c.target.closest && c.target.closest('[data-testid="stVegaLiteChart"]')))
    window.__drawn = performance.now();
}).observe(document, {subtree: true, childList: true, attributes: true});
document.addEventListener('keydown', () => { window.__moved = performance.now() }, true);
"""


class Reader:
    """One session: moves its slider, and knows when the server and the screen were done."""

    def __init__(self, browser, url: str):
        self.visit = Visit(browser.new_context(viewport={"width": 1280, "height": 900}))
        self.visit.context.add_init_script(WATCH)
        self.visit.open(url)
        self.visit.page.wait_for_selector('.st-key-cloud-map [data-testid="stVegaLiteChart"] :is(canvas, svg.marks)')
        self.visit.page.wait_for_timeout(1500)
        self.visit.page.locator(THUMB).focus()

    def press(self) -> None:
        self.visit.page.keyboard.press("ArrowRight")

    def done(self) -> tuple[float, float]:
        """Milliseconds from the message sent to the last one heard, and from the key to the last chart drawn."""
        sent, heard, moved, drawn = self.visit.page.evaluate("[__sent, __heard, __moved, __drawn]")
        return heard - sent, drawn - moved


def server_times(sessions: int, steps: int) -> list[float]:
    """Milliseconds of the view, which is what a step of the slider runs; `sessions` threads move theirs together."""
    from streamlit.testing.v1 import AppTest

    from pages.parts import cell_view

    os.environ["PHCORE_CACHE"] = str(ROOT / "cache")
    together, times, show = threading.Barrier(sessions), [], cell_view.show

    def timed(*arguments) -> None:
        start = time.perf_counter()
        show(*arguments)
        times.append(1000 * (time.perf_counter() - start))

    cell_view.show = timed

    def read() -> None:
        app = AppTest.from_file(str(ROOT / "pages" / "shell.py"), default_timeout=120)
        for pair in ADDRESS.partition("?")[2].split("&"):
            app.query_params[pair.partition("=")[0]] = pair.partition("=")[2]
        app.switch_page(str(ROOT / "pages" / "barcodes.py"))
        app.run()
        for step in range(steps):
            app.slider(key="b_at").set_value(46.0 + step % 25)
            together.wait()
            app.run()
            assert not app.exception, app.exception[0].stack_trace

    with ThreadPoolExecutor(sessions) as pool:
        for done in [pool.submit(read) for _ in range(sessions)]:
            done.result()
    return times[sessions:]  # without the first run of each


def screen_times(sessions: int, steps: int) -> list[tuple[float, float]]:
    """`Reader.done` of each step of each session."""
    times = []
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        server = Server(ROOT / "cache", Path(place))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        try:
            readers = [Reader(browser, server.url + ADDRESS) for _ in range(sessions)]
            for _ in range(steps):
                for reader in readers:
                    reader.press()
                readers[0].visit.page.wait_for_timeout(PAUSE)  # until nothing is drawn any more, anywhere
                times += [reader.done() for reader in readers]
        finally:
            browser.close()
            server.stop()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # Streamlit speaks of its missing server
    server = server_times(options.sessions, options.steps)
    answer, picture = zip(*screen_times(options.sessions, options.steps), strict=True)
    print(f"a step of the distance slider, {options.sessions} sessions at once, {len(server)} steps (ms)")
    for name, values in (("on the server", server), ("to the answer", answer), ("to the picture", picture)):
        ordered = sorted(values)
        p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
        print(f"  {name:15} median {statistics.median(ordered):6.0f}   95 % {p95:6.0f}   most {ordered[-1]:6.0f}")


if __name__ == "__main__":
    main()
