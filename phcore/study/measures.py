"""Numbers about a run that were measured elsewhere: what the Trainer logged, and a user's own table."""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from phcore.archive.store import Store, digest
from phcore.archive.writing import read_plain
from phcore.errors import Fault, about
from phcore.formatting import at_home
from phcore.study.record import Record

MEASURED = ("js", "refusal", "nll")
"""Names of what the model itself gives; scalars from elsewhere cannot take them."""
STATE = "trainer_state.json"
MOST_STEPS = 2**53  # up to here float64 tells whole numbers apart
LARGEST = 50 * 2**20  # bytes of a state file or a table; a log of a million steps is smaller
LOGGED = 0.1  # of a run: learning rates are known where its log begins by then, and ends as late
MOST_LEARNED = 10**7  # steps of a run whose learning rates are added up
COLUMNS = ("series", "step", "name", "value")
EXAMPLE = "helpful,64,accuracy,0.71"
NO_MEASURE = {"step", "epoch"}  # of a log's entries: where training stood, not what was measured


# --- what the Trainer logged --------------------------------------------------------------------


def trainer_scalars(paths: Sequence[tuple[int, Path]]) -> pd.DataFrame:
    """Every number in the log of a run's last checkpoint that has one.

    A checkpoint's state file repeats the log from the beginning, so the last one holds all. Where it cannot be used,
    the one before is taken.

    Parameters
    ----------
    paths : (step, folder) of the run's checkpoints.

    Returns
    -------
    step, name, value, ordered by name and step. What is no finite number is left out, and of a step that was logged
    twice (a resumed run) the later value stands. Names that belong to the model's own measures get "logged " in front.
    """
    latest_first = sorted(paths, key=lambda one: one[0], reverse=True)
    log = next(filter(None, (_log(Path(folder) / STATE) for _, folder in latest_first)), [])
    found = {}
    for entry in log:
        step = _number(entry.get("step")) if isinstance(entry, dict) else None
        if step is None or not 0 <= step <= MOST_STEPS or step != int(step):
            continue
        for name, given in entry.items():
            value = _number(given)
            if name not in NO_MEASURE and name.strip() and value is not None:
                found[f"logged {name}" if name in MEASURED else name, int(step)] = value
    rows = [(step, name, value) for (name, step), value in sorted(found.items())]
    return _typed(pd.DataFrame(rows, columns=["step", "name", "value"]))


def learned(paths: Sequence[tuple[int, Path]]) -> dict[int, float]:
    """Sum of the learning rates of all steps up to each checkpoint, as the run's log has them.

    Between steps that were logged the rate is taken as straight, before the first and after the last as theirs. Empty
    where these two do not span nine tenths of the run.
    """
    rates = trainer_scalars(paths).query("name == 'learning_rate' and value >= 0")
    last = max((step for step, _ in paths), default=0)
    if rates.empty or not 0 < last <= MOST_LEARNED:
        return {}
    if rates["step"].min() > max(1, LOGGED * last) or rates["step"].max() < (1 - LOGGED) * last:
        return {}
    every = np.interp(np.arange(1, last + 1), rates["step"], rates["value"]).cumsum()
    return {step: float(every[step - 1]) if step else 0.0 for step, _ in paths}


def _log(file: Path) -> list:
    """The log of one state file; empty where there is none that can be used."""
    try:
        if not file.is_file() or file.stat().st_size > LARGEST:
            return []
        state = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):  # a cut-off file is no JSON, and may be no UTF-8
        return []
    log = state.get("log_history") if isinstance(state, dict) else None
    return log if isinstance(log, list) else []


def _number(given: object) -> float | None:
    """A finite number, or None: True is none, and neither is a text."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    try:
        value = float(given)
    except OverflowError:  # JSON writes whole numbers of any length
        return None
    return value if math.isfinite(value) else None


# --- a user's table -----------------------------------------------------------------------------


def read_csv(source: str | Path | bytes, known: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    """A user's measures of the study's series, from a CSV with the columns series, step, name and value.

    Parameters
    ----------
    source : a path, or the bytes of an uploaded file. Commas, semicolons or tabs part the fields.
    known : series of the study -> steps of its checkpoints. Steps between them are fine.

    Returns
    -------
    series, step, name, value in the order of the file.

    Raises
    ------
    Fault : that names the line, what is wrong with it, and the mend.
    """
    path = None if isinstance(source, bytes) else at_home(source)
    with about(path):
        return _read(source if path is None else _bytes(path), known)


def _read(content: bytes, known: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    rows: dict[tuple[str, int, str], tuple[int, float]] = {}
    for line, (series, step, name, value) in _rows(_text(content)):
        key = (_series(series, known, line), _step(step, line), _name(name, line))
        if key in rows:
            raise Fault(
                f"line {line} gives {key[2]} of {key[0]} at step {key[1]} again, after line {rows[key][0]}",
                "Keep one of the two lines",
            )
        rows[key] = line, _value(value, line)
    if not rows:
        raise Fault("it holds no values", f"Write one line per value below the header, such as {EXAMPLE}")
    return _typed(pd.DataFrame([(*key, value) for key, (_, value) in rows.items()], columns=list(COLUMNS)))


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise Fault("it is larger than 50 MB", "Leave out the steps between the checkpoints")
        return read_plain(path)
    except OSError as error:
        raise Fault(f"it cannot be opened ({error.strerror or error})", "Check the path") from error


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise Fault("it is larger than 50 MB", "Leave out the steps between the checkpoints")
    try:
        text = content.decode("utf-8-sig")  # Excel writes a byte-order mark
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Fault(f"line {line} is not UTF-8 text", "Save the file again with UTF-8 encoding") from error
    if not text.strip():
        raise Fault("it is empty", f"Write the header {','.join(COLUMNS)}, and one line per value")
    return text


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line, its four fields in the order of `COLUMNS`) of each line that is not empty."""
    head = text.lstrip().splitlines()[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    places: list[int] = []
    width = 0
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if not places:
                places, width = _places(fields), len(fields)
            elif len(fields) != width:
                raise Fault(
                    f"line {reader.line_num} has {len(fields)} fields, the header {width}",
                    'Write numbers with a decimal point, and put texts with commas in "double quotes"',
                )
            else:
                yield reader.line_num, [fields[place].strip() for place in places]
    except csv.Error as error:
        raise Fault(
            f"line {reader.line_num + 1} is not CSV ({error})", 'Put texts in "double quotes", doubling any inside'
        ) from error


def _places(header: list[str]) -> list[int]:
    names = [name.strip().lower() for name in header]
    for column in COLUMNS:
        if names.count(column) != 1:
            wrong = f"it has no column `{column}`" if column not in names else f"it has two columns `{column}`"
            seen = ", ".join(one.strip()[:40] for one in header[:8])
            raise Fault(f"{wrong} (line 1: {seen})", f"Write the header {','.join(COLUMNS)}")
    return [names.index(column) for column in COLUMNS]


def _series(given: str, known: Mapping[str, Sequence[int]], line: int) -> str:
    if given not in known:
        raise Fault(
            f"line {line} is about the series {given[:80]!r}, which the study does not have",
            f"Use one of its series: {', '.join(known) or 'there is none yet'}",
        )
    return given


def _step(given: str, line: int) -> int:
    value = _parsed(given)
    if value is None or not 0 <= value <= MOST_STEPS or value != int(value):
        raise Fault(f"the step in line {line} is {given[:80]!r}", "Give the training step as a whole number from 0 on")
    return int(value)


def _name(given: str, line: int) -> str:
    if not given:
        raise Fault(f"the name in line {line} is empty", "Say what was measured")
    if given in MEASURED:
        raise Fault(
            f"the name in line {line} is {given!r}, which the study measures itself",
            f"Use another name, such as my {given}",
        )
    return given


def _value(given: str, line: int) -> float:
    value = _parsed(given)
    if value is None:
        raise Fault(
            f"the value in line {line} is {given[:80]!r}",
            "Give a number with a decimal point, and leave out lines without one",
        )
    return value


def _parsed(given: str) -> float | None:
    """A finite number as written in a table; Python's own 1_000 is none."""
    try:
        value = float(given)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in given else None


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({"step": "int64", "value": "float64"} | {c: "str" for c in ("series", "name") if c in frame})


# --- in the archive -----------------------------------------------------------------------------


def keep(record: Record, store: Store) -> str:
    """Keep the scalars of the training logs and of the user's file in the archive.

    Returns
    -------
    Their key; empty where there are none.

    Raises
    ------
    Fault : where the user's file does not fit the study any more.
    """
    columns = [*COLUMNS, "source"]
    parts = []
    for one in record.series:
        own = [(node.step, Path(node.path)) for node in record.path_of(one.name) if node.label == one.name]
        if any(folder.is_dir() for _, folder in own):
            parts.append(trainer_scalars(own).assign(series=one.name, source="trainer"))
        else:  # a study that came from another machine brought what its logs say
            parts.append(_logged(record, store).query("series == @one.name"))
    file = own_file(record.study.name, store)
    if file.exists():
        parts.append(read_csv(file, steps_of(record)).assign(source="file"))
    table = pd.concat([part[columns] for part in parts if len(part)] or [pd.DataFrame(columns=columns)])
    if table.empty:
        return ""
    key = digest("scalars", table.to_csv(index=False))
    store.write("scalars", key, table.reset_index(drop=True))
    return key


def _logged(record: Record, store: Store) -> pd.DataFrame:
    """What the training logs said when the study was computed."""
    table = store.read("scalars", record.scalars) if record.scalars else None
    frame = pd.DataFrame(columns=[*COLUMNS, "source"]) if table is None else table.to_pandas()
    return frame[frame["source"] == "trainer"]


def attach(content: bytes, record: Record, store: Store) -> Record:
    """Add a file of the user's own measures to a study, in place of an earlier one.

    Parameters
    ----------
    content : CSV with the columns series, step, name, value.

    Returns
    -------
    The study with them; its tables of behaviour are to be published again.

    Raises
    ------
    Fault : where the file cannot be used, or the archive is only read; then nothing is changed.
    """
    store.refuse_writing("add measures")
    read_csv(content, steps_of(record))
    store.write_file(own_file(record.study.name, store), content)
    return replace(record, scalars=keep(record, store))


def own_file(study: str, store: Store) -> Path:
    return store.root / "studies" / study / "measures.csv"


def steps_of(record: Record) -> dict[str, list[int]]:
    """series -> steps of its checkpoints."""
    return {one.name: [node.step for node in record.path_of(one.name)] for one in record.series}
