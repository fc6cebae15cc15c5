"""The words of the field, for somebody who has never met them, and their pictures.

The words are in `terms.toml`. The pictures are files: `scripts/draw_glossary.py` drew them from small clouds, measured
as any study is.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

PICTURES = Path(__file__).parent / "pictures"


@dataclass(frozen=True)
class Term:
    """One entry.

    Attributes
    ----------
    name : the term.
    words : one sentence, or two.
    picture : its name: the file `pictures/NAME.svg` beside this one.
    page : where in the app to see it; "" for everywhere.
    """

    name: str
    words: str
    picture: str
    page: str = ""


@dataclass(frozen=True)
class Group:
    """Terms that belong together, under a heading."""

    name: str
    terms: tuple[Term, ...]


_WORDS = tomllib.loads(Path(__file__).with_name("terms.toml").read_text(encoding="utf-8"))
GROUPS: tuple[Group, ...] = tuple(
    Group(group["name"], tuple(Term(**term) for term in group["terms"])) for group in _WORDS["group"]
)
TERMS: tuple[Term, ...] = tuple(term for group in GROUPS for term in group.terms)


def pictures() -> dict[str, str]:
    """Name -> SVG to put into HTML as it is; ink is `currentColor`, which only a picture inside a page takes over."""
    return {term.picture: (PICTURES / f"{term.picture}.svg").read_text(encoding="utf-8") for term in TERMS}
