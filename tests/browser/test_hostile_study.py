"""What strangers call things, in a real browser: every page shows it as it was typed, and fetches nothing."""

import re

import pytest

from pages.parts import navigation
from phcore.archive.store import Store
from phcore.export.pack import pack, unpack
from phcore.export.results import Results
from phcore.figures.registry import SECTIONS
from tests import studies
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

# What is clicked on a page, one after the other, by its words or its place.
CHOICES = {
    "barcodes": (("Options", "Compare with a second cell"), (".st-key-b_view input", "What changed")),
    "share": (("Methods",),),
    "evidence": tuple((section,) for section in SECTIONS[1:]),
}
AS_EVERYBODYS = ("overview", "barcodes", "evidence", "compare")  # pages that offer an owner no more than others
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


@pytest.mark.parametrize("which", [pytest.param("owner", marks=pytest.mark.long), "public"])
def test_nothing_is_made_of_words_of_others(visit, request, which):
    """A walk through every page, and for the owner through those that offer more than they offer everybody."""
    server = request.getfixturevalue(which)
    one = visit()
    page, read = one.open(f"{server.url}/?study=hostile"), ""
    for known in navigation.PAGES:
        if which == "owner" and known.name in AS_EVERYBODYS:
            continue
        if known is not navigation.PAGES[0]:
            page.get_by_role("link", name=known.name.capitalize(), exact=True).first.click()
            page.wait_for_url(re.compile(f"/{known.name}"))
        for choice in ((), *CHOICES.get(known.name, ())):
            for words in choice:
                found = page.locator(words) if words.startswith(".st-") else page.get_by_text(words, exact=True)
                found.first.click()
            page.keyboard.press("Escape")
            one.settle()
            one.assert_clean()
            for made in MADE:
                assert page.locator(f"[data-testid=stMain] {made}").count() == 0, (known.name, choice, made)
            read += page.inner_text("body")
    # That nothing was refused means something only where a refusal is heard: one is planted.
    with page.expect_console_message(lambda message: "planted.example" in message.text):
        page.evaluate("new Image().src = 'https://planted.example/a.png'")
    assert len(one.refused) == 1, one.refused
    assert "planted.example" in one.refused[0]
    assert not [url for url in one.asked if "evil" in url.split("?")[0]]
    read = read.replace("\u2060", "")
    assert studies.AS_SEEN in read
    assert "\x1b" not in read
    assert "\u202e" not in read
