"""Files of conversations to learn from: JSON lines, or a folder that `datasets` wrote with save_to_disk."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from phcore.archive.writing import open_plain
from phcore.checkpoints.formats import read_json
from phcore.errors import Fault, about
from phcore.formatting import at_home, visible

ROLES = ("system", "user", "assistant")
TURN = re.compile(r"\n\n(Human|Assistant):")  # how HH-RLHF writes a conversation as one text
SPEAKERS = {"Human": "user", "Assistant": "assistant"}
FORM = (
    'Write rows such as {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}, '
    "or with `chosen`, as HH-RLHF does"
)
Row = tuple[str, object]  # where it stands ("line 3", "row 3"), and what it holds


@dataclass(frozen=True)
class Conversation:
    """What was said, in order, and where in its file it stands."""

    messages: tuple[tuple[str, str], ...]  # role and content
    place: str

    @property
    def answered(self) -> bool:
        """Whether no answer is empty: of an empty one nothing could be learned but to stop."""
        return all(content.strip() for role, content in self.messages if role == "assistant")


def read(path: str | Path) -> list[Conversation]:
    """The conversations of a file, in its order.

    Parameters
    ----------
    path : a file of JSON lines, or a folder of Arrow files that `datasets` wrote with `save_to_disk`. Each row holds
        `messages`, a list of objects with `role` and `content`; or `chosen`, such a list or one text with the turns
        "\\n\\nHuman: " and "\\n\\nAssistant: ".

    Raises
    ------
    Fault : that names the file, the row, what is wrong with it and the mend.
    """
    path = at_home(path)
    with about(path):
        if not path.exists():
            raise Fault("there is no such file", "Check the path to the conversations")
        try:
            rows = _arrow(path) if path.is_dir() else _json_lines(path)
            found = [Conversation(_messages(row, place), place) for place, row in rows]
        except OSError as error:
            raise Fault(f"it cannot be read ({error.strerror or error})", "Check who may read it") from error
        if not found:
            raise Fault("it holds no conversations", FORM)
    return found


def _json_lines(path: Path) -> Iterator[Row]:
    with open_plain(path) as file:
        for number, line in enumerate(file, 1):  # only \n ends a line of a file of bytes
            place = f"line {number}"
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                if text.strip():
                    yield place, json.loads(text)
            except UnicodeDecodeError:
                raise Fault(f"{place} is not UTF-8 text", "Save the file again with UTF-8 encoding") from None
            except (ValueError, RecursionError) as error:
                why = getattr(error, "msg", "nested too deeply")
                raise Fault(f"{place} is not JSON ({why})", FORM) from None


def _arrow(folder: Path) -> Iterator[Row]:
    if (folder / "dataset_dict.json").is_file():
        splits = read_json(folder / "dataset_dict.json").get("splits")
        first = str(splits[0]) if isinstance(splits, list) and splits else "train"
        raise Fault("this folder holds several splits", f"Choose one of them, such as {folder / first}")
    listed = read_json(folder / "state.json").get("_data_files")
    named = listed if isinstance(listed, list) else ()
    names = [one.get("filename") if isinstance(one, dict) else None for one in named]
    if not names or any(not isinstance(name, str) or Path(name).name != name for name in names):
        raise Fault("state.json names no Arrow files of this folder", "Save the data set again with save_to_disk")
    number = 0
    for name in names:
        try:
            with open_plain(folder / name) as source, pa.ipc.open_stream(source) as stream:
                for batch in stream:
                    batch.validate(full=True)  # offsets that lead out of the file would end the process
                    kept = [one for one in ("messages", "chosen") if one in batch.schema.names]
                    for row in batch.select(kept).to_pylist():
                        number += 1
                        yield f"row {number}", row
        except (pa.ArrowException, ValueError, MemoryError) as error:  # or a name that no file can have
            why = str(error)[:100] or "it asks for more memory than there is"
            fault = f"{visible(name)} is no whole Arrow file ({visible(why)})"
            raise Fault(fault, "Save the data set again") from None


def _messages(row: object, place: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(row, dict):
        raise Fault(f"{place} is not a JSON object", FORM)
    given = row.get("messages", row.get("chosen"))
    if given is None:
        raise Fault(f"{place} has neither `messages` nor `chosen`", FORM)
    if isinstance(given, str):
        found = _turns(given, place)
    elif isinstance(given, list):
        found = tuple(_message(one, f"message {k} of {place}") for k, one in enumerate(given, 1))
    else:
        raise Fault(f"{place} holds no list of messages", FORM)
    if not any(role == "assistant" for role, _ in found):
        raise Fault(f"{place} holds no answer (role assistant)", "Leave it out: there is nothing to learn from it")
    return found


def _message(given: object, place: str) -> tuple[str, str]:
    if not isinstance(given, dict):
        raise Fault(f"{place} is not an object with `role` and `content`", FORM)
    role, content = given.get("role"), given.get("content")
    if role not in ROLES:
        raise Fault(f"{place} has the role {role!r}", f"Roles are {', '.join(ROLES)}")
    if not isinstance(content, str):
        raise Fault(f"{place} has no text as its `content`", FORM)
    return role, content


def _turns(text: str, place: str) -> tuple[tuple[str, str], ...]:
    """[Human, ask, Assistant, answer] of a text with turns; what stands before the first is nobody's."""
    before, *parts = TURN.split(text if text.startswith("\n\n") else f"\n\n{text}")
    if before.strip() or not parts:
        raise Fault(f"{place} does not begin with a turn", 'Begin `chosen` with "\\n\\nHuman: "')
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return tuple((SPEAKERS[speaker], said.strip()) for speaker, said in pairs)
