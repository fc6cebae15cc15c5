"""Saved views of a study: a name, a note, and the state of a page as the query of its link.

They lie beside the study's record, in ``cache/studies/<name>/views.json``, the latest first.
"""

import json
import re
import threading
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl

from phcore.archive.store import Store
from phcore.archive.typed import from_json
from phcore.archive.writing import read_plain
from phcore.errors import Fault
from phcore.study import NAME as STUDY_NAME
from phcore.study.kept import folder_of

MOST = 200  # views of a study
NAME, NOTE, QUERY = 80, 2000, 8000  # characters of each at most
_PAGE = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_A_PATH = re.compile(r"[/~\\]|[A-Za-z]:[/\\]|\.\.[/\\]|file:")  # how a path begins
_WRITING = threading.Lock()  # reading, changing and writing is one step for all sessions of a server


@dataclass(frozen=True)
class View:
    """One saved view.

    Attributes
    ----------
    name : what it is called, 1 to 80 characters in one line; unique in its study.
    page : of the app: "study", "barcodes", ...
    query : the state of the page, as the query of its link without the question mark. No paths.
    note : what it shows, at most 2,000 characters.
    saved : when, ISO 8601 in UTC.

    Raises
    ------
    Fault : where one of these is not so.
    """

    name: str
    page: str
    query: str
    note: str = ""
    saved: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name.strip())
        object.__setattr__(self, "note", self.note.strip())
        if not self.name or len(self.name) > NAME or not self.name.isprintable():
            raise Fault("a view needs a name", f"Give it one of 1 to {NAME} characters, in one line")
        if len(self.note) > NOTE:
            raise Fault(f"the note has {len(self.note):,} characters", f"Shorten it to {NOTE:,}")
        if not _PAGE.fullmatch(self.page):
            raise Fault(f"there is no page {self.page[:NAME]!r}", "Save the view on one of the pages of the app")
        _check(self.query)


def _check(query: str) -> None:
    if len(query) > QUERY:
        raise Fault(f"the state of the page has {len(query):,} characters", f"Choose less of it: {QUERY:,} are kept")
    try:
        parts = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    except ValueError as error:
        raise Fault("the state of the page is no query of a link", "Save the view on a page of the app") from error
    for key, value in parts:
        if not _KEY.fullmatch(key):
            raise Fault(f"the state has a part called {key[:NAME]!r}", "Use letters, digits and underscores")
        if _A_PATH.match(value.strip()):
            raise Fault(f"the part {key} of the state looks like a path", "Views hold no paths: choose other words")


def views(study: str, store: Store) -> list[View]:
    """The saved views of a study, the latest first.

    Raises
    ------
    Fault : where their file is damaged; it is left as it is.
    """
    file = _file(study, store)
    if not store.permissions.serves(study):
        return []
    try:
        return from_json(read_plain(file), list[View])
    except FileNotFoundError:
        return []
    except (OSError, Fault) as error:
        raise Fault(
            f"the saved views of {study} cannot be read",
            "Mend views.json in the folder of the study; its results are not touched",
        ) from error


def save(view: View, study: str, store: Store) -> list[View]:
    """Adds a view; returns all of them.

    Raises
    ------
    Fault : where the study is not in the archive, has a view of this name, or has as many as are kept; and where the
        archive is only read.
    """
    store.refuse_writing("save a view")
    if not _file(study, store).parent.is_dir():
        raise Fault(f"there is no study {study!r} in this archive", "Compute it first")
    with _WRITING:
        known = views(study, store)
        if any(one.name == view.name for one in known):
            raise Fault(f"there is a view called {view.name!r} already", "Choose another name")
        if len(known) >= MOST:
            raise Fault(
                f"this study has {len(known)} saved views, as many as are kept", "Keep this one as a link: Copy link"
            )
        return _write([view, *known], study, store)


def delete(name: str, study: str, store: Store) -> View:
    """Removes a view and returns it, so that `save` can bring it back.

    Raises
    ------
    Fault : where there is no view of this name; and where the archive is only read.
    """
    store.refuse_writing("delete a view")
    with _WRITING:
        known = views(study, store)
        gone = [one for one in known if one.name == name]
        if not gone:
            raise Fault(f"there is no view called {name!r}", "Open the list of views again")
        _write([one for one in known if one.name != name], study, store)
        return gone[0]


def _file(study: str, store: Store) -> Path:
    if not STUDY_NAME.fullmatch(study):
        raise Fault(f"the study name {study!r} cannot be used", "Choose a study of this archive")
    return folder_of(study, store) / "views.json"


def _write(known: list[View], study: str, store: Store) -> list[View]:
    known = sorted(known, key=lambda one: one.saved, reverse=True)
    text = json.dumps([asdict(one) for one in known], indent=1, ensure_ascii=False)
    store.write_file(_file(study, store), text.encode())
    return known
