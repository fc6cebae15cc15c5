"""How long a step of the distance slider takes on the study that ships, for three readers at once.

    make bench-screen

Server time is from the message that leaves the browser to the one that says the script has finished; the picture is
there when the last chart has been drawn. Needs Chromium. Machines are noisy: read medians, and ratios within one run.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg  # noqa: E402

from tests.browser.conftest import CHROMIUM, QUIET, Server, Visit  # noqa: E402

ADDRESS = "/barcodes?b_series=helpful&b_step=16&b_layer=18&b_at=45"
THUMB = ".st-key-b_at input[type=range]"
# Charts are drawn as SVG, or on a canvas when there are many marks: either is seen.
WATCH = """
window.__drawn = 0; window.__moved = 0;
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
        self.visit = Visit(browser)
        self.sent = self.finished = 0.0
        self.visit.context.add_init_script(WATCH)
        self.visit.page.on("websocket", self._listen)
        self.visit.open(url)
        self.visit.page.wait_for_selector('.st-key-cloud-map [data-testid="stVegaLiteChart"] :is(canvas, svg.marks)')
        self.visit.page.wait_for_timeout(1500)
        self.visit.page.locator(THUMB).focus()

    def _listen(self, socket) -> None:
        socket.on("framesent", lambda _: setattr(self, "sent", time.perf_counter()))
        socket.on("framereceived", self._received)

    def _received(self, data) -> None:
        message = ForwardMsg()
        message.ParseFromString(data if isinstance(data, bytes) else data.encode())
        if message.WhichOneof("type") == "script_finished":
            self.finished = time.perf_counter()

    def press(self) -> None:
        self.finished = 0.0
        self.visit.page.keyboard.press("ArrowRight")

    def done(self, timeout: float = 10.0) -> tuple[float, float]:
        """Milliseconds on the server, and from the key to the last chart drawn."""
        end = time.perf_counter() + timeout
        while not self.finished and time.perf_counter() < end:
            self.visit.page.wait_for_timeout(10)
        self.visit.page.wait_for_timeout(350)  # until nothing draws any more
        drawn, moved = self.visit.page.evaluate("[window.__drawn, window.__moved]")
        return 1000 * (self.finished - self.sent), drawn - moved


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        server = Server(ROOT / "cache", Path(place))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        try:
            readers = [Reader(browser, server.url + ADDRESS) for _ in range(options.sessions)]
            times = []
            for _ in range(options.steps):
                for reader in readers:
                    reader.press()
                times += [reader.done() for reader in readers]
        finally:
            browser.close()
            server.stop()
    print(f"a step of the distance slider, {options.sessions} sessions at once, {len(times)} steps (ms)")
    for name, values in zip(("server", "to the picture"), zip(*times, strict=True), strict=True):
        ordered = sorted(values)
        p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
        print(f"  {name:15} median {statistics.median(ordered):6.0f}   95 % {p95:6.0f}   most {ordered[-1]:6.0f}")


if __name__ == "__main__":
    main()
