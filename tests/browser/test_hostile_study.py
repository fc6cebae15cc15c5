"""What strangers call things, in a real browser: every page shows it as it was typed, and fetches nothing."""

from urllib.parse import quote

import pytest

from phcore.archive.store import Store
from phcore.export.pack import pack, unpack
from phcore.export.results import Results
from phcore.figures.registry import SECTIONS
from tests import studies
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

PLACES = (
    "", "barcodes", "barcodes?b_view=What+changed", "barcodes?b_two=true", "trajectories", "compare", "share",
    "share?s_part=Methods", *(f"evidence?e_section={quote(one)}" for one in SECTIONS),
)  # fmt: skip
MADE = ("img:not([src^='data:']):not([src^='http://127.0.0.1'])", "a[href*=evil]", ".katex", "[style*='color: red']",
        "[onerror]", ".stMarkdownColoredText")  # fmt: skip


@pytest.fixture(scope="module")
def owner(hostile, tmp_path_factory):
    place = tmp_path_factory.mktemp("owner")
    one = Server(studies.copy_archive(hostile, place / "cache").root, place)
    yield one
    one.stop()


@pytest.fixture(scope="module")
def public(hostile, tmp_path_factory):
    """The study as it travels: packed, opened elsewhere, and served to others."""
    place = tmp_path_factory.mktemp("public")
    source = studies.copy_archive(hostile, place / "source")
    target = Store(place / "cache")
    for name in ("hostile", "second"):
        unpack(pack(Results.open(name, source), place / f"{name}.zip").path, target)
    one = Server(target.root, place, serve=["--read-only"])
    yield one
    one.stop()


@pytest.mark.parametrize(("which", "places"), [("owner", PLACES[:7]), ("public", PLACES)])
def test_nothing_is_made_of_words_of_others(visit, request, which, places):
    server = request.getfixturevalue(which)
    one = visit()
    asked = []
    one.page.on("request", lambda request: asked.append(request.url))
    read = ""
    for place in places:
        one.open(f"{server.url}/{place}{'&' if '?' in place else '?'}study=hostile")
        one.assert_clean()
        for made in MADE:
            assert one.page.locator(f"[data-testid=stMain] {made}").count() == 0, (place, made)
        read += one.page.inner_text("body")
    # That nothing was refused means something only where a refusal is heard: one is planted.
    one.page.evaluate("new Image().src = 'https://planted.example/a.png'")
    one.page.wait_for_timeout(500)
    assert len(one.refused) == 1, one.refused
    assert "planted.example" in one.refused[0]
    assert not [url for url in asked if "evil" in url.split("?")[0]]
    read = read.replace("\u2060", "")
    assert studies.AS_SEEN in read
    assert "\x1b" not in read
    assert "\u202e" not in read
