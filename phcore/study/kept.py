"""Studies as an archive keeps them: the record and the study file of each in a folder of its name."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from phcore.archive.permissions import KINDS, own_folder
from phcore.archive.store import Store
from phcore.archive.writing import locked, read_plain
from phcore.errors import Fault
from phcore.study.definition import NAME, Study
from phcore.study.merging import with_looks
from phcore.study.record import Newer, Record
from phcore.study.redaction import declared_private, public


def folder_of(study: Study | str, store: Store) -> Path:
    return store.root / "studies" / (study if isinstance(study, str) else study.name)


def keep(record: Record, store: Store) -> None:
    """Keep the record and its study file in an archive. What was private stays private: see `private`."""
    hide(record, private(record.study, store), store)


@contextmanager
def alone(study: Study | str, store: Store) -> Iterator[None]:
    """Who writes the record of a study from what it was before does so one after the other."""
    folder = folder_of(study, store)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".lock"):
        yield


def keep_with_looks(record: Record, before: Record | None, store: Store) -> Record:
    """Keep a record, and return it, with the looks that trainings have added since `before` was read."""
    with alone(record.study, store):
        record = with_looks(record, before, previous(store, record.study.name))
        keep(record, store)
    return record


def hide(record: Record, kinds: Iterable[str], store: Store) -> None:
    """Keep it with these kinds called private, and no others: its owner's own word."""
    folder, study = folder_of(record.study, store), record.study.with_(private=tuple(kinds))
    store.write_file(folder / "record.json", replace(record, study=study).to_json())
    store.write_file(folder / "study.toml", study.to_toml().encode())


def private(study: Study, store: Store) -> tuple[str, ...]:
    """What is hidden of a study: what it says itself, and what its owner wrote down in the archive before.

    So a study file without that line, from which the study is computed again, opens nothing.
    """
    folder, said = folder_of(study, store), {*study.private}
    said.update(declared_private(folder))
    with suppress(Fault):
        before = read(store, study.name)
        said.update(before.study.private if before else ())
    return tuple(kind for kind in KINDS if kind in said)


def read(store: Store, name: str) -> Record | None:
    """None where there is no record of this name.

    Where the archive is only read also if the study is not served or its folder is a link to another place; what is
    read there is redacted.

    Raises
    ------
    Fault : where the record is damaged, or of another version.
    """
    here, folder = store.permissions, folder_of(name, store)
    store.refresh()
    try:
        if here.read_only and not (here.serves(name) and own_folder(folder)):
            return None
        record = Record.from_json(read_plain(folder / "record.json"))
        if record.study.name != name:  # the folder was given another name
            record = replace(record, study=record.study.with_(name=name))
        return public(record, here, folder) if here.read_only else record
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Fault(f"its record cannot be read ({error.strerror})", "Check its permissions", folder) from None
    except Fault as fault:
        raise type(fault)(f"the study {name} cannot be read: {fault.fault}", fault.hint) from None


def previous(store: Store, name: str) -> Record | None:
    """What is kept of a study that is about to be looked up anew: None where that is damaged, too.

    Raises
    ------
    Newer : where a later version computed it.
    """
    try:
        return read(store, name)
    except Newer:
        raise
    except Fault:
        return None


def names(store: Store) -> list[str]:
    """Studies in this archive, the latest first; where it is only read those that are served."""
    here, found = store.permissions, {}
    store.refresh()
    for path in (store.root / "studies").glob("*/record.json"):
        folder = path.parent
        shown = NAME.fullmatch(folder.name) and here.serves(folder.name)
        with suppress(OSError):  # one that cannot be read hides no other
            if shown and (not here.read_only or own_folder(folder)):
                found[folder.name] = path.stat().st_mtime
    return sorted(found, key=lambda name: -found[name])
