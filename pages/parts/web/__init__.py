"""Styles and scripts of the page, a file each."""

from functools import cache
from pathlib import Path


@cache
def text(name: str) -> str:
    """One of the files in this folder."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def style(name: str) -> str:
    """The same as an element of a page."""
    return f"<style>\n{text(name)}</style>"
