"""What a reader waits for, on the study that ships: from a click to the settled picture, and what jumps meanwhile.

    make bench-screen

For each control of the main pages: from the click to the last change on the screen, after which nothing changes for a
second. For each page: from the address to its settled picture, at a first visit and at the next, where
its first chart begins, how high it is, and its layout shift (below 0.1 is good). At last the frames a second of what
plays in the browser. Needs Chromium. Machines are noisy: read medians, on an idle machine.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser.conftest import Server, Visit  # noqa: E402
from tests.conftest import CHROMIUM, QUIET  # noqa: E402

WIDE, HIGH, STILL = 1280, 800, 1.0  # pixels; seconds without a change
# What changes on the screen: elements, also those of components, and what is drawn on a canvas.
WATCH = """
window.__changed = window.__clicked = 0; window.__shift = 0; window.__frames = 0;
const changed = () => { window.__changed = performance.now() };
for (const draw of ["clearRect", "stroke", "fill"]) {
  const own = CanvasRenderingContext2D.prototype[draw];
  CanvasRenderingContext2D.prototype[draw] = function (...a) {
    // Several canvases are drawn in one frame, which lasts 16 ms.
    if (performance.now() - window.__changed > 4) window.__frames++;
    changed(); return own.apply(this, a) };
}
const watch = root => new MutationObserver(changes => {
  if (changes.some(one => !one.target.closest?.("[data-testid=stStatusWidget], [data-testid=stToolbar]"))) changed();
}).observe(root, {subtree: true, childList: true, attributes: true, characterData: true});
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (...a) { const root = attach.apply(this, a); watch(root); return root };
watch(document);
for (const event of ["click", "keydown"])
  document.addEventListener(event, () => { window.__clicked = performance.now() }, true);
new PerformanceObserver(list => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.__shift += one.value;
}).observe({type: "layout-shift", buffered: true});
"""
FIRST_CHART = """() => {
  let first = Infinity
  const look = root => root.querySelectorAll("*").forEach(one => {
    const chart = one.matches("canvas, svg.marks") && one.checkVisibility()
    if (chart) first = Math.min(first, one.getBoundingClientRect().y)
    if (one.shadowRoot) look(one.shadowRoot)
  })
  look(document.querySelector(".stMain"))
  return [first, document.querySelector(".stMain").scrollHeight]
}"""
PAGES = ("", "barcodes", "trajectories", "evidence", "compare", "study", "share")


class Reader:
    """One visit: clicks, and knows how long the picture changed afterwards."""

    def __init__(self, browser, url: str):
        context = browser.new_context(viewport={"width": WIDE, "height": HIGH})
        context.add_init_script(WATCH)
        self.visit, self.url = Visit(context.new_page()), url
        self.page = self.visit.page

    def open(self, place: str) -> float:
        """Seconds from the address to the settled picture."""
        self.page.goto(f"{self.url}/{place}")
        self.page.wait_for_selector("[data-testid=stMain] h1", timeout=60_000)
        self._settle()
        return self.page.evaluate("window.__changed / 1000")

    def _settle(self) -> None:
        while (
            self.page.evaluate("performance.now() - window.__changed") < 1000 * STILL
            or not self.page.locator('[data-test-script-state="notRunning"]').count()
        ):
            self.page.wait_for_timeout(100)

    def waits(self, act) -> float:
        """Milliseconds from the last click or key of an act to the last change."""
        act(self.page)
        self.page.wait_for_timeout(200)
        self._settle()
        return self.page.evaluate("window.__changed - window.__clicked")


def choose(key: str, *options: str):
    """Acts that choose one option after another in a list."""

    def act(page, option: str) -> None:
        page.locator(f".st-key-{key} input").first.click()
        page.get_by_role("option", name=option, exact=True).click()

    return [lambda page, one=one: act(page, one) for one in options]


def click(selector: str):
    return [lambda page: page.locator(selector).first.click()]


def press(selector: str, *keys: str):
    """Acts that press keys, one after another, in what has the focus then."""

    def act(page, key: str) -> None:
        page.locator(selector).first.focus()
        page.keyboard.press(key)

    return [lambda page, one=one: act(page, one) for one in keys]


# Page -> what is clicked on it, in turns.
ACTS = {
    "barcodes?b_series=harmless&b_step=128": {
        "series": choose("b_series", "helpful", "harmless"),
        "step": press(".st-key-b_step input[type=range]", "ArrowLeft", "ArrowRight"),
        "layer": choose("b_layer", "12", "18"),
        "selected bar": press("select.bar", "ArrowDown", "ArrowUp"),
        "distance": press("input.at", "ArrowRight", "ArrowLeft"),
        "options": click(".st-key-b-options button"),
        "what changed": choose("b_view", "What changed", "Barcode and diagram"),
    },
    "trajectories": {
        "layer": choose("t_layer", "12", "18"),
        "degree": choose("t_degree", "H0 components", "H1 loops"),
        "scale": choose("t_scale", "median", "raw"),
        "step": press(".st-key-t_step input[type=range]", "ArrowLeft", "ArrowRight"),
        "objective": click(".st-key-objectives [role=toolbar] button"),
    },
    "evidence": {
        "section": [
            lambda page: page.locator(".st-key-e_section button", has_text="Early?").click(),
            lambda page: page.locator(".st-key-e_section button", has_text="More than noise?").click(),
        ],
        "layer": choose("e_layer", "12", "18"),
        "objective": click(".st-key-objectives [role=toolbar] button"),
    },
}


def frames_a_second(reader: Reader, button: str) -> float:
    page = reader.page
    page.locator(button).click()
    page.locator(button, has_text="Pause").wait_for()
    first, began = page.evaluate("[window.__frames, performance.now()]")
    while page.locator(button).inner_text() == "Pause":
        last, ended = page.evaluate("[window.__frames, performance.now()]")
        page.wait_for_timeout(100)
    return 1000 * (last - first) / (ended - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5, help="how often each control is used")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        server = Server(ROOT / "cache", Path(place))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        reader = Reader(browser, server.url)
        try:
            print("page             cold (s)  warm (s)  first chart (y)  height  layout shift")
            for one in PAGES:
                cold, warm = reader.open(one), reader.open(one)
                (first, high), shift = reader.page.evaluate(FIRST_CHART), reader.page.evaluate("window.__shift")
                print(f"{one or 'overview':15} {cold:9.1f} {warm:9.1f} {first:16.0f} {high:7.0f} {shift:13.2f}")
            print("\nfrom the click to the settled picture (ms)")
            for address, acts in ACTS.items():
                reader.open(address)
                for name, turns in acts.items():
                    times = [reader.waits(turns[k % len(turns)]) for k in range(options.times)]
                    print(f"  {address.partition('?')[0]:13} {name:14} median {statistics.median(times):6.0f}"
                          f"   most {max(times):6.0f}")  # fmt: skip
            print("\nframes a second while it plays")
            for address, button in (("", "button.play"), ("barcodes", "button.grow"), ("barcodes", "button.walk")):
                reader.open(address)
                print(f"  {address or 'overview':13} {button:14} {frames_a_second(reader, button):6.0f}")
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main()
