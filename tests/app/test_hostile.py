"""Every page on a study in which all that others name is Markdown, HTML, a formula, a link: shown as it was typed."""

import html
import re

import pytest

from pages.parts import navigation, web
from phcore.figures.registry import SECTIONS
from tests import studies
from tests.app.conftest import run
from tests.protocol import as_shown

PAGES = [one.name for one in navigation.PAGES]
VIEWS = (
    *((page, {}) for page in PAGES),
    *(("evidence", {"e_section": one}) for one in SECTIONS),
    *(("barcodes", {"b_view": one}) for one in ("What changed", "Persistence image", "Landscape")),
    ("barcodes", {"b_two": "true"}),
    ("barcodes", {"b_sub": "whole cloud", "b_bar": "H1 loop 1", "b_text": studies.HOSTILE, "b_marked": "1,2,3"}),
    ("barcodes", {"b_cat": studies.HOSTILE + " a"}),
    *(("share", {"s_part": one}) for one in ("Figures and tables", "The study", "Methods")),
)  # fmt: skip
MARKDOWN = {"body", "label", "help", "text", "content"}  # fields of Streamlit's messages that hold some
WORKS = re.compile(
    r"(?<!\\)!\[m|(?<!\\)\[l|(?<!\\)<img|(?<!\\)\$E|:red|:smile|(?<!\\)\*\*b|\x1b|\u202e|https?:/|www\\?\.evil|e\\?@evil"
)

IN_HTML = re.compile(r"<img|<b>b|evil[^<]*?\">|\x1b|\u202e")


def messages(node):
    """Of every element of an app, whatever it stands in: its name and message."""
    for child in getattr(node, "children", {}).values():
        yield from messages(child)
    proto = getattr(node, "proto", None)
    if proto is not None:
        yield proto


def texts(message):
    """(name, words) of everything in a message that Streamlit takes for Markdown."""
    if message.DESCRIPTOR.name == "Html":
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            if field.name in MARKDOWN and isinstance(value, str):
                yield field.name, value
            continue
        many = value.values() if hasattr(value, "values") else value
        for one in many if field.is_repeated else [value]:
            if hasattr(one, "ListFields"):
                yield from texts(one)


def markdown(app) -> list[str]:
    return [words for message in messages(app._tree) for _, words in texts(message)]


def working(app) -> list[str]:
    """What would be more than text: of Markdown, and of HTML, whose templates escape."""
    ours = [one.proto.body for one in app.get("html")]
    return [one for one in markdown(app) if WORKS.search(one)] + [one for one in ours if IN_HTML.search(one)]


def read(app) -> str:
    """What stands on the screen, where nothing works."""
    return as_shown("\n".join(markdown(app)))


def test_what_works_would_be_seen():
    assert WORKS.search(studies.HOSTILE)
    for part in studies.HOSTILE.split():
        assert WORKS.search(part) or part in ("alert(1)>", "src=x", "onerror=alert(1)>", "=1+1")
    assert not WORKS.search(web.plain(studies.HOSTILE))


@pytest.mark.parametrize(("page", "query"), VIEWS, ids=str)
def test_words_of_others_are_text(start, hostile, page, query):
    app = start(hostile, page, study="hostile", **query)
    assert markdown(app)
    assert working(app) == []
    if page == "study" and not query:
        assert read(app).count(studies.AS_SEEN) > 3  # others stand in tables


def test_a_report_holds_words_of_others_as_text(start, hostile):
    app = start(hostile, "share", study="hostile")
    app.text_input(key="s_title").set_value(studies.HOSTILE)
    app.text_input(key="s_authors").set_value(studies.HOSTILE)
    run(app)
    app.button(key="s_write").click()
    run(app)
    (frame,) = app.get("iframe")
    page = frame.proto.srcdoc
    body = page[: page.index('<script type="application/json"')]
    assert studies.AS_SEEN in html.unescape(body)
    assert not re.search(r'<img|<b>b|src="?https?:|href="https://evil|\x1b|\u202e', body)


def test_a_folder_is_looked_at_whatever_its_names(start, tmp_path, llama):
    name = studies.HOSTILE.replace("/", "")
    above = tmp_path / "root" / name.replace("\x1b", "")  # a path with such a letter is none
    studies.build_runs(above, llama)
    (above / "helpful").rename(above / name)
    app = start(tmp_path / "cache", roots=f"{tmp_path / 'root'}:{llama.parent}")
    app.segmented_control(key="view").set_value("New study")
    run(app)
    app.selectbox(key="model-choice").set_value(str(llama.resolve()))
    run(app)
    app.text_input(key="checkpoints-path-None").set_value(str(above))
    run(app)
    assert "checkpoints, " in "".join(one.label for one in app.expander)
    assert working(app) == []
