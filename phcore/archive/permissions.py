"""What this process may do and show: everything, or only read what it was told to serve.

A read-only process computes nothing, writes nothing, lists no folder, knows no study but those it serves, and shows
names where there are paths. That is decided once, from the environment it was started with, and asked for at the few
functions everything goes through: pages only leave out what would be refused.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

READ_ONLY = "PHCORE_READ_ONLY"  # anything but empty, 0, false or no
STUDIES = "PHCORE_STUDIES"  # names with commas between them; makes the process read-only
PRIVATE = "PHCORE_PRIVATE"  # kinds of what is hidden in every study, beside what each study file names
SIGN_IN = "PHCORE_SIGN_IN"  # anything but empty, 0, false or no: the pages ask for an account
ALLOW = "PHCORE_ALLOW"  # who may sign in: addresses, @domains, or * for whomever the provider knows

KINDS = ("prompts", "paths")  # what the owner of a study can call private
OFF = ("", "0", "false", "no")


@dataclass(frozen=True)
class Access:
    """The rights of a process.

    Attributes
    ----------
    read_only : nothing is computed or written.
    studies : names of the studies that are served; None is all. Asked for in a read-only process only.
    private : kinds of `KINDS` that a read-only process hides in every study.
    """

    read_only: bool = False
    studies: tuple[str, ...] | None = None
    private: frozenset[str] = frozenset()

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Access:
        """The rights an environment gives. What is unclear gives less: a list of studies alone is read-only."""
        named = environment.get(STUDIES)
        return cls(
            read_only=named is not None or _on(environment, READ_ONLY),
            studies=None if named is None else tuple(_listed(named)),
            private=frozenset(KINDS if "*" in (kinds := _listed(environment.get(PRIVATE, ""))) else kinds),
        )

    def serves(self, study: str) -> bool:
        """Whether a study of this name may be read here."""
        return not self.read_only or self.studies is None or study in self.studies

    def hides(self, kind: str, private: Iterable[str]) -> bool:
        """Whether this kind is hidden in a study that calls `private` what it does."""
        return self.read_only and (kind in self.private or kind in private)


@functools.cache
def current() -> Access:
    """The rights of this process, read from its environment at the first question and never again."""
    return Access.read(os.environ)


def refuse_writing(what: str) -> None:
    """Called first by whatever computes, writes or looks at folders.

    Raises
    ------
    Fault
        in a read-only process; `what` ends the sentence "it cannot ...".
    """
    if current().read_only:
        from phcore.errors import Fault  # it asks this module whether to name paths

        raise Fault(f"this server is read-only, so it cannot {what}", "Ask whoever runs it")


# --- paths --------------------------------------------------------------------------------------


def without_paths(text: str, known: Iterable[str | Path] = ()) -> str:
    """A sentence in which each path is replaced by its last part.

    Parameters
    ----------
    known : paths that may occur in it. They are found whole, even where they hold spaces; any other path is taken to
        end at a space.
    """
    for path in sorted({str(one) for one in known}, key=len, reverse=True):
        if len(path) > 1:
            text = text.replace(path, Path(path).name)
    return re.sub(r"[^\s'\"(]*[/\\](?=[^\s'\"()])", "", text)


def own_folder(folder: Path) -> bool:
    """Whether a folder and the files in it are no links to another place.

    Only what lies above the folder may be one: an archive on another disk is still the owner's own.
    """
    real = folder.parent.resolve() / folder.name
    return folder.resolve() == real and not any(one.is_symlink() for one in folder.iterdir())


# --- accounts -----------------------------------------------------------------------------------


def sign_in_asked() -> bool:
    """Whether pages are shown to known accounts only."""
    return _on(os.environ, SIGN_IN)


def allowed() -> tuple[str, ...]:
    """Who may sign in, as the environment names them."""
    return tuple(_listed(os.environ.get(ALLOW, "")))


def admits(claims: Mapping[str, object], allow: str | None = None) -> bool:
    """Whether an account may see the pages.

    Parameters
    ----------
    claims : what the provider says of it, after OpenID Connect: `email` and, where it knows, `email_verified`.
    allow : addresses and @domains with commas between them, or *; None reads the environment. Nobody where empty.
    """
    known = {one.lower() for one in (allowed() if allow is None else _listed(allow))}
    if "*" in known:
        return True
    address = str(claims.get("email") or "").strip().lower()
    if claims.get("email_verified") is False or address.count("@") != 1:
        return False
    return address in known or "@" + address.split("@")[1] in known


def _on(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "").strip().lower() not in OFF


def _listed(words: str) -> list[str]:
    return [one.strip() for one in words.split(",") if one.strip()]
