"""Where the app may look: folders outside the allowed roots are never listed and never opened."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from phcore.archive import installed
from phcore.archive.addresses import is_address, local
from phcore.errors import Fault
from phcore.formatting import at_home, real_path

ROOTS = "PHCORE_ROOTS"  # the environment variable; several folders are separated as in PATH
HINT = f"Pick a folder inside the allowed ones, or add it to the environment variable {ROOTS}"


def hub_cache(environment: Mapping[str, str]) -> Path:
    """The folder the Hugging Face libraries keep downloads in, found the way they find it."""
    home = environment.get("XDG_CACHE_HOME") or "~/.cache"
    home = environment.get("HF_HOME") or Path(home, "huggingface")
    return at_home(Path(environment.get("HF_HUB_CACHE") or Path(home, "hub")))


def allowed_roots(environment: Mapping[str, str]) -> list[Path]:
    """The folders named in `PHCORE_ROOTS`, or the working folder and the hub cache. Only those that exist.

    By default also the archive of an installed version, where practice runs are made; that of a checkout lies in the
    working folder. Of addresses that are named there, such as s3://bucket, the folders that mirror them, beside the
    others: nothing is asked of a place that is not named.
    """
    separator = rf"{os.pathsep}(?!//)"  # the colon of s3:// is none
    named = [one.strip() for one in re.split(separator, environment.get(ROOTS, "")) if one.strip()]
    far = [local(one) for one in named if is_address(one)]
    near = [at_home(one) for one in named if not is_address(one)]
    own = [installed.users_archive(environment)] if installed.INSTALLED else []
    near = near or [Path.cwd(), hub_cache(environment), *own]
    return list(dict.fromkeys([*(real_path(root) for root in near if root.is_dir()), *far]))


def is_inside(path: Path, roots: Sequence[Path]) -> bool:
    """Whether a path, with all its links followed, lies in one of the roots (or is one)."""
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # gone, a circle of links, a NUL byte
        return False
    return any(real.is_relative_to(real_path(root)) for root in roots)


def leaves(path: Path, roots: Sequence[Path]) -> bool:
    """Whether something that is there lies outside the roots. Links that lead nowhere leave nothing."""
    return not is_inside(path, roots) and os.path.exists(path)


def refuse_outside(path: str | Path, roots: Sequence[Path] | None) -> None:
    """Raises Fault where something that is there lies outside the roots; None are no roots to stay in."""
    if roots is not None and leaves(Path(path), roots):
        raise Fault("this is not in the allowed folders", HINT, path)


def resolve_inside(path: str | Path, roots: Sequence[Path]) -> Path:
    """The real path of something that exists inside the allowed roots.

    Raises
    ------
    Fault : where the path is empty, malformed or missing, or where it (or a link on the way) leads out of the roots.
    """
    text = str(path)
    if not text.strip() or any(ord(letter) < 32 for letter in text):
        raise Fault(f"{text!r} is not a path", "Pick a folder from the list")
    try:
        real = at_home(text).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        # The same words whether it is missing or unreadable: nothing is told about places outside the roots.
        raise Fault("there is no such file or folder in the allowed folders", HINT, text) from None
    if not is_inside(real, roots):
        raise Fault("there is no such file or folder in the allowed folders", HINT, text)
    return real


def subfolders(path: str | Path, roots: Sequence[Path]) -> list[Path]:
    """Folders directly inside `path`, by name, for a folder picker.

    Hidden ones are left out, and so are links that lead out of the roots and folders that cannot be read.
    """
    here = resolve_inside(path, roots)
    try:
        found = [one for one in here.iterdir() if not one.name.startswith(".") and one.is_dir()]
    except NotADirectoryError:
        raise Fault("this is a file, not a folder", "Pick the folder it is in", here) from None
    except PermissionError:
        raise Fault("this folder cannot be read", "Give the app's user read access to it", here) from None
    return sorted((one for one in found if is_inside(one, roots)), key=lambda one: one.name.lower())
