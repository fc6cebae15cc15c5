"""The pages of the app (`navigation.toml`). A new one is its file in `pages/` and an entry there."""

import tomllib
from pathlib import Path
from typing import NamedTuple


class Page(NamedTuple):
    """Its file and its name in the address, its icon, and what it says of itself; whether its charts are slides."""

    name: str
    icon: str
    question: str
    words: str
    help: str
    slides: bool = True

    @property
    def title(self) -> str:
        """As the navigation calls it."""
        return self.name.capitalize()


_FILE = Path(__file__).with_suffix(".toml")
PAGES = tuple(Page(**one) for one in tomllib.loads(_FILE.read_text(encoding="utf-8"))["page"])
