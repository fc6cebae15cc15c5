"""The literature that the methods rest on (`sources.bib`), as short citations and as BibTeX."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One work.

    Attributes
    ----------
    entry : its BibTeX entry.
    fields : of that entry, in LaTeX, in their order.
    """

    entry: str
    fields: dict[str, str]

    @property
    def short(self) -> str:
        """As it is cited in a text: names and year."""
        names = [plain_text(author.split(",")[0]) for author in self.fields["author"].split(" and ")]
        return f"{f'{names[0]} et al.' if len(names) > 2 else ' and '.join(names)} {self.fields['year']}"

    @property
    def address(self) -> str:
        """Where to find it; "" where it has no DOI or arXiv number."""
        if "doi" in self.fields:
            return f"https://doi.org/{self.fields['doi']}"
        return f"https://arxiv.org/abs/{self.fields['eprint']}" if "eprint" in self.fields else ""

    @property
    def words(self) -> str:
        """Title and where it appeared, in plain text."""
        title, *rest = (self.fields.get(name, "") for name in ("title", "journal", "booktitle", "publisher"))
        where = next(filter(None, rest), f"arXiv:{self.fields.get('eprint', '')}")
        place = " ".join(filter(None, [where, self.fields.get("volume", "")]))
        pages = self.fields.get("pages", "").replace("--", "–")
        return plain_text(f"{title}. {place}{', ' + pages if pages else ''}.")


def plain_text(latex: str) -> str:
    """LaTeX of a BibTeX field as text: the few codes that titles and journals here use."""
    for code, letter in {r"{\'e}": "é", r"\&": "&", "--": "–", "{": "", "}": ""}.items():
        latex = latex.replace(code, letter)
    return latex


def _read(entry: str) -> tuple[str, Source]:
    """Key and source of one entry of `sources.bib`: a field on each line."""
    return re.match(r"@\w+\{(\w+),", entry)[1], Source(
        entry, dict(re.findall(r"^  (\w+) = \{(.*)\},$", entry, re.MULTILINE))
    )


_ENTRIES = Path(__file__).with_suffix(".bib").read_text(encoding="utf-8").strip().split("\n\n")
SOURCES = dict(_read(entry) for entry in _ENTRIES)


def bibtex(keys: Iterable[str] = SOURCES) -> str:
    """BibTeX of these sources (default: all), in their order."""
    return "\n\n".join(SOURCES[key].entry for key in keys)
