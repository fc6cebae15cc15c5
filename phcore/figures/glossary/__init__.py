"""The words of the field and their pictures.

The pictures are files: `scripts/draw_glossary.py` drew them from small clouds, measured as any study is.
"""

from pathlib import Path

from phcore.figures.glossary.terms import GROUPS, TERMS, Group, Term

__all__ = ["GROUPS", "PICTURES", "TERMS", "Group", "Term", "pictures"]

PICTURES = Path(__file__).parent / "pictures"


def pictures() -> dict[str, str]:
    """Name -> SVG to put into HTML as it is; ink is `currentColor`, which only a picture inside a page takes over."""
    return {term.picture: (PICTURES / f"{term.picture}.svg").read_text(encoding="utf-8") for term in TERMS}
