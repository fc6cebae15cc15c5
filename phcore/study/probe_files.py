"""Rows of a probe file, in whichever way it is written: JSONL, JSON, CSV with any usual separator, or Parquet."""

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow
from pyarrow import parquet

from phcore.checkpoints.disguises import LONGEST, disguise
from phcore.errors import Fault

# Where a prompt stands in its file ("line 3", "row 3"), and its columns.
Row = tuple[str, dict[str, object]]
PARQUET = b"PAR1"
csv.field_size_limit(2**31 - 1)  # a long prompt is for the tokenizer to refuse
SEPARATORS = ",;\t|"
MARKS = (  # of byte order; UTF-32's begin with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
JSON_MEND = 'Write one object per line, such as {"prompt": "...", "category": "..."}'


@dataclass(frozen=True)
class Table:
    """A file's columns in their order, and its rows. Rows of JSON may lack some of the columns."""

    columns: tuple[str, ...]
    rows: list[Row]


def read_table(path: Path) -> Table:
    """Read a file of prompts by its ending.

    Raises
    ------
    Fault : where it is missing, cannot be read, or two columns have the same name.
    """
    readers = {".jsonl": _jsonl, ".json": _json, ".csv": _csv, ".tsv": _csv, ".parquet": _parquet}
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise Fault(
            f"a file ending in {suffix!r} is not a probe set" if suffix else "its name has no ending",
            "Save the prompts as .jsonl, .json, .csv, .tsv or .parquet",
        )
    if not path.is_file():
        raise Fault("this is a folder" if path.is_dir() else "there is no such file", "Check the path to the probe set")
    try:
        return readers[suffix](path)
    except OSError as error:
        raise Fault(f"it cannot be opened ({error.strerror or error})", "Check the file and who may read it") from error


def _text(path: Path) -> str:
    raw = path.read_bytes()
    if told := disguise(raw[:LONGEST]):
        raise Fault(*told)
    if raw.startswith(PARQUET):
        raise Fault("it is a Parquet file under another ending", "Let its name end in .parquet")
    encoding = _encoding(raw)
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        name = "UTF-8" if encoding.startswith("utf-8") else encoding.upper()
        raise Fault(f"line {line} is not {name} text", "Save the file again with UTF-8 encoding") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise Fault(
            f"line {line} holds a zero byte, which no text has", "Save the file again as text with UTF-8 encoding"
        )
    return text


def _encoding(raw: bytes) -> str:
    """By its mark (Excel writes one), else by where its zeros stand: UTF-8 has none, UTF-16 has one beside each letter
    of most languages."""
    for mark, encoding in MARKS:
        if raw.startswith(mark):
            return encoding
    start = raw[:4096]
    if len(start) < 2 or not start.count(0):
        return "utf-8"
    if start.count(0) < len(start) / 4 and _is_utf8(start):
        return "utf-8"  # with zeros in it, which are told of
    return "utf-16-be" if start[::2].count(0) > start[1::2].count(0) else "utf-16-le"


def _is_utf8(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # the last letter may be cut
    except UnicodeDecodeError:
        return False
    return True


def _refuse_twice(names: Iterable[str], place: str) -> None:
    twice = [name for name, number in Counter(names).items() if number > 1]
    if twice:
        raise Fault(f"{place} has {twice[0]!r} twice", "Give each column a name of its own: which one is meant?")


# --- JSON ---------------------------------------------------------------------------------------


def _jsonl(path: Path) -> Table:
    text = _text(path)
    if text.lstrip().startswith("["):  # one list under the other ending
        return _json_list(text)
    return _lines(text)


def _lines(text: str) -> Table:
    # Only \n ends a JSON line: str.splitlines would also cut at U+2028, which JSON allows inside a text.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    return _of_objects([(f"line {number}", _parsed(line, f"line {number}")) for number, line in lines])


def _json(path: Path) -> Table:
    text = _text(path)
    first, _, rest = text.strip().partition("\n")
    if rest and first.rstrip().endswith("}"):  # an object per line under the other ending, as datasets' to_json writes
        return _lines(text)
    return _json_list(text)


def _json_list(text: str) -> Table:
    found = _parsed(text, "it")
    if isinstance(found, dict):  # {"data": [...]}, as some sets have it
        lists = [value for value in found.values() if isinstance(value, list)]
        found = lists[0] if len(lists) == 1 else found
    if not isinstance(found, list):
        raise Fault("it holds no list of objects", 'Write [{"prompt": "..."}, ...], or JSONL with one object per line')
    return _of_objects([(f"entry {number}", one) for number, one in enumerate(found, 1)])


def _parsed(text: str, place: str) -> object:
    def unique(pairs: list[tuple[str, object]]) -> dict:
        _refuse_twice([name for name, _ in pairs], place)
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=unique)
    except Fault:
        raise
    except (ValueError, RecursionError) as error:
        why = getattr(error, "msg", "nested too deeply")
        raise Fault(f"{place} is not JSON ({why})", JSON_MEND) from error


def _of_objects(found: list[tuple[str, object]]) -> Table:
    rows = []
    for place, one in found:
        if isinstance(one, str):  # a list of prompts
            one = {"prompt": one}
        if not isinstance(one, dict):
            raise Fault(f"{place} is not a JSON object", JSON_MEND)
        rows.append((place, one))
    return Table(tuple(dict.fromkeys(name for _, row in rows for name in row)), rows)


# --- tables -------------------------------------------------------------------------------------


def _csv(path: Path) -> Table:
    text = _text(path)
    separator = _separator(text)
    if said := _SAID.match(text):  # Excel's first line: sep=;
        text, separator = text[said.end() :], said[1]
    before = text[: len(text) - len(text.lstrip("\r\n"))]
    reader = csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=separator, strict=True)
    above = len(before.splitlines()) + (said is not None)
    rows: list[Row] = []
    try:
        names = next(reader, [])
        _refuse_twice([name for name in names if name.strip()], "its header")
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue  # a blank line, or a row of a sheet with nothing in it
            # line_num is where the row ends: quoted texts may hold line breaks.
            place = f"the row that ends in line {reader.line_num + above}"
            if len(fields) > len(names):  # most often a comma in a prompt without quotes, which would be cut off
                raise Fault(f"{place} has more fields than the header", 'Put texts with commas in "double quotes"')
            rows.append((place, dict(zip(names, fields, strict=False))))
    except csv.Error as error:
        raise Fault(
            f"line {reader.line_num + above + 1} is not CSV ({error})",
            'Put texts in "double quotes", doubling any inside',
        ) from error
    return Table(tuple(names), rows)


_SAID = re.compile(r"\s*sep=(.)\r?\n")


def _separator(text: str) -> str:
    """The one that is most often in the header outside of quotes; a comma where none is."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    bare = "".join(header.split('"')[::2])
    return max(SEPARATORS, key=bare.count)


def _parquet(path: Path) -> Table:
    raw = path.read_bytes()
    if told := disguise(raw[:LONGEST]):
        raise Fault(*told)
    if raw and not raw.startswith(PARQUET):
        raise Fault(
            "it is not a Parquet file: it does not begin as one", "Let its name end in what it is, such as .csv"
        )
    content = pyarrow.BufferReader(raw)
    try:
        file = parquet.ParquetFile(content)
        names = file.schema_arrow.names
        _refuse_twice(names, "it")
        rows = file.read().to_pylist()
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise Fault("it cannot be read as Parquet", "Write the file again; it may be cut off") from error
    return Table(tuple(names), [(f"row {number}", row) for number, row in enumerate(rows, 1)])
