"""Real pictures of every page on the study that ships, for the README: `make screenshots`. Needs Chromium."""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser.conftest import Server, Visit  # noqa: E402
from tests.conftest import CHROMIUM, QUIET  # noqa: E402

# name -> (address, how much of the page to show: pixels)
PAGES = {
    "overview": ("/", 800),
    "study": ("/study", 800),
    "barcodes": ("/barcodes?b_series=harmless&b_step=8&b_at=42", 800),
    "evidence": ("/evidence?e_section=Early%3F", 800),
    "trajectories": ("/trajectories?t_step=12", 1000),
}


def main() -> None:
    target = ROOT / "docs" / "images"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        server = Server(ROOT / "cache", Path(place))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        try:
            for name, (address, height) in PAGES.items():
                visit = Visit(browser.new_context(viewport={"width": 1280, "height": 900}).new_page())
                visit.page.set_viewport_size({"width": 1280, "height": height})
                visit.open(server.url + address)
                visit.page.wait_for_timeout(3000)
                visit.page.screenshot(path=target / f"{name}.png")
                print(target / f"{name}.png")
        finally:
            server.stop()
            browser.close()


if __name__ == "__main__":
    main()
