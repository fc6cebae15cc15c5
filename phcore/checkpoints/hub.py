"""The hub cache: repositories whose snapshots are links into their blobs, and the names of their revisions."""

import re
from pathlib import Path

from phcore.checkpoints.roots import is_inside


def is_repository(folder: Path) -> bool:
    """Whether a folder is a model of the hub cache: models--org--name."""
    return folder.name.startswith("models--") and (folder / "snapshots").is_dir()


def repository_of(path: Path) -> Path | None:
    """The hub-cache repository a path lies in: its snapshots are links into its blobs."""
    return next((one for one in (path, *path.parents) if is_repository(one)), None)


def references(repository: Path) -> dict[str, Path]:
    """Names of revisions (main, step1000, ...) and the snapshot folders they stand for."""
    refs = repository / "refs"
    found = {}
    for file in sorted(refs.rglob("*")) if refs.is_dir() else []:
        if is_inside(file, [repository]) and file.is_file() and file.stat().st_size < 200:
            commit = file.read_text(encoding="ascii", errors="replace").strip()
            if re.fullmatch(r"[0-9a-zA-Z_-]+", commit):
                found[file.relative_to(refs).as_posix()] = repository / "snapshots" / commit
    return found
