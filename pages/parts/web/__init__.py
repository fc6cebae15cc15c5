"""Styles, scripts, templates and long words of the page, a file each, and how words get there as they are."""

import re
import tomllib
from functools import cache
from pathlib import Path

import jinja2


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
    return jinja2.Template(text(name), autoescape=True)


def html(name: str, **values: object) -> str:
    """A template of this folder with its values, which are escaped."""
    return _template(name).render(values)


def plain(words: str) -> str:
    """Words that Markdown takes as they are."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~$:])", r"\\\1", words)
