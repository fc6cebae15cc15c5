"""Probe sets: the fixed prompts whose hidden states are compared.

The set that ships (`data/probes.jsonl`) holds 320 prompts, half of them everyday requests and half requests that
a careful assistant would decline. Both halves were written as pairs of like length and form, so that neither
gives a prompt's category away.
"""

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow
from pyarrow import parquet

from phcore.errors import Fault, about

SHIPPED = Path(__file__).parent / "data" / "probes.jsonl"
FEWEST = 4  # four points are the fewest that can enclose a loop

# Where a prompt stands in its file ("line 3", "row 3"), and its columns.
Row = tuple[str, dict[str, object]]


@dataclass(frozen=True)
class ProbeSet:
    """Prompts in a fixed order; row i of every cloud is prompt i. Categories and references may be None."""

    name: str
    prompts: tuple[str, ...]
    categories: tuple[str | None, ...]
    references: tuple[str | None, ...]

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
        if not copies:
            return ()
        many = "1 prompt repeats" if copies == 1 else f"{copies} prompts repeat"
        return (f"{many} an earlier one: equal prompts give equal points, which add no shape.",)


def category_digest(categories: Sequence[str | None]) -> str:
    """SHA-256 of categories in the order of their prompts; empty where there is none."""
    if not any(categories):
        return ""
    return hashlib.sha256(json.dumps(list(categories), ensure_ascii=False).encode()).hexdigest()


def load(path: str | Path | None = None) -> ProbeSet:
    """Read a probe set from JSONL, CSV or Parquet.

    Parameters
    ----------
    path : a file with a column `prompt` and optionally `category` and `reference`; None or "default" is the set
        that ships.

    Raises
    ------
    Fault : If the file is missing, cannot be read, has no prompts in it or fewer than four.
    """
    if path is None or path == "default":
        return _collect("default", SHIPPED)
    path = Path(path).expanduser()
    with about(path):
        return _collect(path.stem, path)


def _collect(name: str, path: Path) -> ProbeSet:
    prompts, categories, references = [], [], []
    for place, row in _rows(path):
        prompts.append(_prompt(row, place))
        categories.append(_label(row, "category", place))
        references.append(_label(row, "reference", place))
    if len(prompts) < FEWEST:
        count = f"{len(prompts)} prompt{'s' * (len(prompts) != 1)}"
        raise Fault(f"it holds {count}", f"Give at least {FEWEST}; 160 or more make a study")
    return ProbeSet(name, tuple(prompts), tuple(categories), tuple(references))


def _rows(path: Path) -> Iterator[Row]:
    readers = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise Fault(
            f"a file ending in {suffix!r} is not a probe set" if suffix else "its name has no ending",
            "Save the prompts as .jsonl, .csv or .parquet",
        )
    if not path.is_file():
        raise Fault("this is a folder" if path.is_dir() else "there is no such file", "Check the path to the probe set")
    try:
        return readers[suffix](path)
    except OSError as error:
        raise Fault(f"it cannot be opened ({error.strerror or error})", "Check the file and who may read it") from error


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")  # Excel writes a byte-order mark
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Fault(f"line {line} is not UTF-8 text", "Save the file again with UTF-8 encoding") from error


def _jsonl(path: Path) -> Iterator[Row]:
    # Only \n ends a JSON line: str.splitlines would also cut at U+2028, which JSON allows inside a text.
    lines = _text(path).split("\n")
    return (_json_row(number, line) for number, line in enumerate(lines, 1) if line.strip())


def _json_row(number: int, line: str) -> Row:
    mend = 'Write one object per line, such as {"prompt": "...", "category": "..."}'
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        why = getattr(error, "msg", "nested too deeply")
        raise Fault(f"line {number} is not JSON ({why})", mend) from error
    if not isinstance(row, dict):
        raise Fault(f"line {number} is not a JSON object", mend)
    if "prompt" not in row:
        raise Fault(f"line {number} has no `prompt`", mend)
    return f"line {number}", row


def _csv(path: Path) -> Iterator[Row]:
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), strict=True)
    rows = []
    try:
        _demand_prompt(reader.fieldnames or [])
        for row in reader:
            # line_num is where the row ends: quoted texts may hold line breaks.
            place = f"the row that ends in line {reader.line_num}"
            if None in row:  # most often a comma in a prompt without quotes, which would be cut off silently
                raise Fault(f"{place} has more fields than the header", 'Put texts with commas in "double quotes"')
            rows.append((place, row))
    except csv.Error as error:
        raise Fault(
            f"line {reader.line_num + 1} is not CSV ({error})", 'Put texts in "double quotes", doubling any inside'
        ) from error
    return iter(rows)


def _parquet(path: Path) -> Iterator[Row]:
    content = pyarrow.BufferReader(path.read_bytes())
    try:
        file = parquet.ParquetFile(content)
        names = file.schema_arrow.names
        _demand_prompt(names)
        wanted = [name for name in ("prompt", "category", "reference") if name in names]
        rows = file.read(columns=wanted).to_pylist()
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise Fault("it cannot be read as Parquet", "Write the file again; it may be cut off") from error
    return ((f"row {number}", row) for number, row in enumerate(rows, 1))


def _demand_prompt(names: list[str]) -> None:
    if "prompt" not in names:
        seen = ", ".join(names[:8]) if names else "none at all"
        raise Fault(f"it has no column `prompt` (its columns: {seen})", "Name the column of prompts `prompt`")


def _prompt(row: dict, place: str) -> str:
    prompt = row["prompt"]
    if prompt is None or (isinstance(prompt, str) and not prompt.strip()):
        raise Fault(f"{place} has an empty prompt", "Fill it in or take the row out")
    if not isinstance(prompt, str):
        raise Fault(f"the prompt in {place} is not text", "Give each prompt as a text")
    return _sound(prompt, "prompt", place)


def _label(row: dict, column: str, place: str) -> str | None:
    value = row.get(column)
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
