"""Studies as an archive keeps them: the record and the study file of each in a folder of its name."""

from pathlib import Path

from phcore.archive.permissions import own_folder
from phcore.archive.store import Store
from phcore.study.definition import Study
from phcore.study.record import Record
from phcore.study.redaction import public


def folder_of(study: Study | str, store: Store) -> Path:
    return store.root / "studies" / (study if isinstance(study, str) else study.name)


def keep(record: Record, store: Store) -> None:
    """Keep the record and its study file in an archive."""
    folder = folder_of(record.study, store)
    store.write_file(folder / "record.json", record.to_json())
    store.write_file(folder / "study.toml", record.study.to_toml().encode())


def read(store: Store, name: str) -> Record | None:
    """None where there is no record of this name yet, or one of another version.

    Where the archive is only read also if the study is not served or its folder is a link to another place; what is
    read there is redacted.
    """
    here, folder = store.permissions, folder_of(name, store)
    try:
        if here.read_only and not (here.serves(name) and own_folder(folder)):
            return None
        record = Record.from_json((folder / "record.json").read_bytes())
        return public(record, here, folder) if here.read_only else record
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError, KeyError, AttributeError):  # no record at all, or one of another version
        return None


def names(store: Store) -> list[str]:
    """Studies in this archive, the latest first; where it is only read those that are served."""
    here = store.permissions
    found = (path.parent for path in (store.root / "studies").glob("*/record.json"))
    folders = [one for one in found if not here.read_only or (here.serves(one.name) and own_folder(one))]
    return [folder.name for folder in sorted(folders, key=lambda f: -(f / "record.json").stat().st_mtime)]
