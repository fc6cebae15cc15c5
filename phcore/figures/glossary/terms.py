"""The words of the field, for somebody who has never met them; the words themselves are in `terms.toml`."""

import tomllib
from dataclasses import dataclass
from pathlib import Path


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


def _group(name: str, terms: list[dict[str, str]]) -> Group:
    return Group(name, tuple(Term(**term) for term in terms))


_WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
GROUPS: tuple[Group, ...] = tuple(_group(**group) for group in _WORDS["group"])
TERMS: tuple[Term, ...] = tuple(term for group in GROUPS for term in group.terms)
