"""The glossary: its words, and that its pictures can be put into any page."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from phcore.figures.glossary import GROUPS, PICTURES, TERMS, pictures


@pytest.fixture(scope="module")
def drawn() -> dict[str, str]:
    return pictures()


# --- words ----------------------------------------------------------------------------------------------


def test_terms_are_unique():
    assert len({term.name for term in TERMS}) == len(TERMS) == sum(len(group.terms) for group in GROUPS)
    assert {term.picture for term in TERMS} - {""} <= set(pictures())


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_a_term_is_said_in_one_or_two_short_sentences(term):
    assert term.words.endswith(".")
    assert len(re.findall(r"\.(?:\s|$)", term.words)) <= 2
    assert len(term.words.split()) <= 45
    assert term.page in ("", "Study", "Barcodes", "Trajectories", "Evidence")


def test_words_and_pictures_load_without_the_libraries_that_draw():
    code = (
        "import sys; from phcore.figures import glossary; glossary.pictures()\n"
        "sys.exit(sorted({'numpy', 'altair', 'scipy'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- pictures -------------------------------------------------------------------------------------------


def test_every_term_has_a_picture_and_every_picture_a_term():
    assert {path.name for path in PICTURES.iterdir()} == {f"{term.picture}.svg" for term in TERMS}


@pytest.mark.parametrize("name", [term.picture for term in TERMS])
def test_pictures_are_whole_and_ask_for_nothing(drawn, name):
    root = ElementTree.fromstring(drawn[name])
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert not re.search(r"https?:|href|url\(|<script|<style|<image|\bon\w+=", drawn[name])
    assert "\n" not in drawn[name]  # a blank line would end HTML in Markdown
    assert not re.search(r"\bnan\b|\binf\b", drawn[name])


@pytest.mark.parametrize("name", [term.picture for term in TERMS])
def test_no_ink_is_lost_on_a_light_or_a_dark_page(drawn, name):
    assert not re.search(r"#000|#fff|black|white", drawn[name])
