"""Probe sets: the fixed prompts whose hidden states are compared.

The set that ships (`data/probes.jsonl`) holds 320 prompts, half of them everyday requests and half requests that
a careful assistant would decline. Both halves were written as pairs of like length and form, so that neither
gives a prompt's category away.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from phcore.errors import Fault, about
from phcore.formatting import at_home
from phcore.study.probe_columns import Columns, answer, asked, recognised, turns_words
from phcore.study.probe_files import read_table

SHIPPED = Path(__file__).parent / "data" / "probes.jsonl"
FEWEST = 4  # four points are the fewest that can enclose a loop


@dataclass(frozen=True)
class ProbeSet:
    """Prompts in a fixed order; row i of every cloud is prompt i. Categories and references may be None.

    Attributes
    ----------
    columns : which column of its file was taken for what, in words: "prompt = goal, category = Category".
    longer : how many are conversations that go on behind the first question, which is the prompt.
    """

    name: str
    prompts: tuple[str, ...]
    categories: tuple[str | None, ...]
    references: tuple[str | None, ...]
    columns: str = "prompt = prompt"
    longer: int = 0

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the prompts in order. Categories and references change no cloud, so they are left out."""
        # JSON keeps the borders between prompts: ("ab", "c") and ("a", "bc") differ.
        return hashlib.sha256(json.dumps(self.prompts, ensure_ascii=False).encode()).hexdigest()

    @cached_property
    def reference_digest(self) -> str:
        """SHA-256 of the reference answers in order; empty where there is none."""
        if not any(self.references):
            return ""
        return hashlib.sha256(json.dumps(self.references, ensure_ascii=False).encode()).hexdigest()

    @cached_property
    def category_digest(self) -> str:
        """SHA-256 of the categories in order; empty where there is none."""
        return category_digest(self.categories)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is allowed but worth knowing, in sentences."""
        copies = sum(count - 1 for count in Counter(self.prompts).values())
        many = "1 prompt repeats" if copies == 1 else f"{copies} prompts repeat"
        repeated = f"{many} an earlier one: equal prompts give equal points, which add no shape." if copies else ""
        return tuple(filter(None, (turns_words(self.longer), repeated)))


def category_digest(categories: Sequence[str | None]) -> str:
    """SHA-256 of categories in the order of their prompts; empty where there is none."""
    if not any(categories):
        return ""
    return hashlib.sha256(json.dumps(list(categories), ensure_ascii=False).encode()).hexdigest()


def load(path: str | Path | None = None) -> ProbeSet:
    """Read a probe set from JSONL, JSON, CSV or Parquet.

    Parameters
    ----------
    path : a file with a column `prompt` and optionally `category` and `reference`, or other names that known sets use
        (see `probe_columns`); a prompt may be a text or a conversation. None or "default" is the set that ships.

    Raises
    ------
    Fault : If the file is missing, cannot be read, has no prompts in it or fewer than four.
    """
    if path is None or path == "default":
        return _collect("default", SHIPPED)
    path = at_home(path)
    with about(path):
        return _collect(path.stem, path)


def _collect(name: str, path: Path) -> ProbeSet:
    table = read_table(path)
    # An empty file of objects has no columns, and no prompts either.
    columns = recognised(table.columns or ("prompt",) * path.suffix.lower().startswith(".json"))
    questions, categories, references, longer = [], [], [], 0
    for place, row in table.rows:
        one = asked(row, columns, place)
        questions.append(_sound(one.prompt, "prompt", place))
        categories.append(_label(row, columns, columns.category, place))
        references.append(_label(row, columns, columns.reference, place) if columns.reference else one.reference)
        longer += one.turns > 0
    if len(questions) < FEWEST:
        number = f"{len(questions)} prompt{'s' * (len(questions) != 1)}"
        raise Fault(f"it holds {number}", f"Give at least {FEWEST}; 160 or more make a study")
    return ProbeSet(name, tuple(questions), tuple(categories), tuple(references), columns.words, longer)


def _label(row: dict, columns: Columns, column: str, place: str) -> str | None:
    """What a row says in a column of words, or None; of several categories all, of several answers the first."""
    value = row.get(column)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = answer(value, column, place)
    if isinstance(value, dict) and value and all(isinstance(one, bool) for one in value.values()):
        value = ", ".join(name for name, holds in value.items() if holds)  # BeaverTails: which of these it is
    if isinstance(value, list) and all(isinstance(one, str) for one in value):  # MT-Bench: an answer to each turn
        value = next(iter(value), None) if column != columns.category else ", ".join(value)
    if value is None or value == "" or value != value:  # a table's missing number is NaN, unequal to itself
        return None
    if not isinstance(value, str | int | float):
        raise Fault(f"the {column} in {place} is not text", f"Give each {column} as a text, or leave it out")
    return _sound(str(value), column, place)


def _sound(text: str, column: str, place: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:  # JSON can spell half a character: "\ud83d"
        raise Fault(f"the {column} in {place} holds half a character", "Write the character again") from error
    return text
