"""Styles, scripts, templates and long words of the page, a file each, and how words get there as they are."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import NewType

import jinja2

from phcore.formatting import seen, visible


@cache
def text(name: str) -> str:
    """One of the files in this folder."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


WORDS = tomllib.loads(text("words.toml"))


def style(name: str) -> str:
    """The same as an element of a page."""
    return f"<style>\n{text(name)}</style>"


@cache
def _template(name: str) -> jinja2.Template:
    return jinja2.Template(text(name), autoescape=True, finalize=seen)


def html(name: str, **values: object) -> str:
    """A template of this folder with its values, which are escaped."""
    return _template(name).render(values)


_LONGEST, _RUN = 4_000, 300  # characters that are shown of words of others, and without a space
_JOINER = "\u2060"  # nothing to see, and no place for a line break
# Streamlit makes links, icons, emoji and arrows of what is left after escapes were taken out: these need a joiner.
_MADE = re.compile(r":(?=\S)|.(?=@)|www(?=\.)|(?<!\S)[-<>~](?=(?:->|[->=])(?!\S))", re.IGNORECASE)
_ESCAPED = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$&=^:@])")


Markdown = NewType("Markdown", str)  # words of our own, in which those of others went through `plain`


def plain(words: object) -> Markdown:
    """Words of others as Markdown shows them as they are: no markup, link, picture, formula, icon or unseen letter.

    Whatever stands on a page and was not written here goes through this: names, notes, findings, faults, and each
    sentence of `phcore`, whole.
    """
    line = " ".join(visible(str(words)).split())
    line = re.sub(rf"(\S{{{_RUN}}})\S+", r"\1…", line)
    line = kept(line if len(line) <= _LONGEST else line[:_LONGEST] + "…")
    return _ESCAPED.sub(r"\\\1", _MADE.sub(rf"\g<0>{_JOINER}", line))


def kept(words: str) -> str:
    """Words in which no line breaks between a number and what belongs to it."""
    return re.sub(r"(?<=\d) (?=%)", "\u00a0", words)


def option(words: object) -> Markdown:
    """The same for buttons to choose from. Their words stand in links, too, so what needs no escapes has none."""
    return words if re.fullmatch(r"\w[\w ,/%()-]*|\w[\w.]*", str(words)) else plain(words)


def code(words: object) -> Markdown:
    """Words as code in a sentence, where no escapes are read."""
    return f"`{visible(str(words)).replace('`', '')}`"
