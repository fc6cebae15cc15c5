"""The study that ships, put into the archive of an installed version.

A checkout needs none of this: there the study lies in the archive. Packages are read-only, and gone after an update, so
an installed version has its archive elsewhere and brings the study along.
"""

import os
import shutil
import threading
from pathlib import Path

from phcore.errors import Fault

# One path a line, relative to the archive: what ships. In an archive it says what was put there.
LIST = "shipped.txt"


def bring(source: Path, root: Path) -> None:
    """Copy what `source` ships into the archive `root`, unless this very list has been copied before.

    Results that are there stay, since a name stands for its content, and so do saved views, which are the user's; a
    study's other files are replaced by those of this version. What was deleted since stays deleted. Two processes at
    once write the same bytes.

    Parameters
    ----------
    source : a folder with a list and the files it names, the files of studies last.

    Raises
    ------
    Fault : where the archive cannot be written.
    """
    said = (source / LIST).read_bytes()
    try:
        if (root / LIST).exists() and (root / LIST).read_bytes() == said:
            return
        for name in said.decode().split("\n"):
            if name and (_is_ours(name) or not (root / name).exists()):
                _copy(source / name, root / name)
        _copy(source / LIST, root / LIST)
    except OSError as error:
        raise Fault(
            f"the archive cannot be written ({error.strerror})", "Set PHCORE_CACHE to a folder of your own", root
        ) from None


def _is_ours(name: str) -> bool:
    """Whether a file is this version's, whatever is there."""
    return name.startswith("studies/") and not name.endswith("/views.json")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        shutil.copyfile(source, part)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
