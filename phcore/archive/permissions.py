"""What a process may do and show: everything, or only read what it was told to serve.

Who may only read computes nothing, writes nothing, lists no folder, knows no study but those that are served, and sees
names where there are paths. The entrances (the shell command, the pages) read that once from their environment and put
it on the archive they open; everything else asks the archive it is given. Pages only leave out what would be refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from phcore.formatting import real_path

READ_ONLY = "PHCORE_READ_ONLY"  # anything but empty, 0, false or no
STUDIES = "PHCORE_STUDIES"  # names with commas between them; makes the process read-only
PRIVATE = "PHCORE_PRIVATE"  # kinds of what is hidden in every study, beside what each study file names
SIGN_IN = "PHCORE_SIGN_IN"  # anything but empty, 0, false or no: the pages ask for an account
ALLOW = "PHCORE_ALLOW"  # who may sign in: addresses, @domains, or * for whomever the provider knows
TOKEN = "PHCORE_TOKEN"  # what browsers have to know; empty or not set: whoever reaches the port may read
FRAMES = "PHCORE_FRAMES"  # origins, with commas, whose pages may frame the app

KINDS = ("prompts", "paths")  # what the owner of a study can call private
OFF = ("", "0", "false", "no")


@dataclass(frozen=True)
class Permissions:
    """What whoever holds an archive may do with it, and what is shown of it.

    Attributes
    ----------
    read_only : nothing is computed or written.
    studies : names of the studies that are served; None is all. Asked for where nothing is written only.
    private : kinds of `KINDS` that are hidden in every study, there too.
    """

    read_only: bool = False
    studies: tuple[str, ...] | None = None
    private: frozenset[str] = frozenset()

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Permissions:
        """The permissions an environment gives. What is unclear gives less: a list of studies alone is read-only."""
        named = environment.get(STUDIES)
        return cls(
            read_only=named is not None or _on(environment, READ_ONLY),
            studies=None if named is None else tuple(_listed(named)),
            private=_kinds(_listed(environment.get(PRIVATE, ""))),
        )

    def serves(self, study: str) -> bool:
        """Whether a study of this name may be read here."""
        return not self.read_only or self.studies is None or study in self.studies

    def hides(self, kind: str, private: Iterable[str]) -> bool:
        """Whether this kind is hidden in a study that calls `private` what it does."""
        return self.read_only and (kind in self.private or kind in private)


def own_folder(folder: Path) -> bool:
    """Whether a folder and the files in it are no links to another place.

    Only what lies above the folder may be one: an archive on another disk is still the owner's own.
    """
    real = real_path(folder.parent) / folder.name
    return (
        real_path(folder) == real and not folder.is_symlink() and not any(one.is_symlink() for one in folder.iterdir())
    )


# --- accounts -----------------------------------------------------------------------------------


def sign_in_asked(environment: Mapping[str, str]) -> bool:
    """Whether pages are shown to known accounts only."""
    return _on(environment, SIGN_IN)


def allowed(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Who may sign in, as an environment names them: addresses and @domains, or *. Nobody where it names none."""
    return tuple(_listed(environment.get(ALLOW, "")))


def admits(claims: Mapping[str, object], allow: Iterable[str]) -> bool:
    """Whether an account may see the pages.

    Parameters
    ----------
    claims : what the provider says of it, after OpenID Connect: `email` and, where it knows, `email_verified`.
    allow : see `allowed`.
    """
    known = {one.lower() for one in allow}
    if "*" in known:
        return True
    address = str(claims.get("email") or "").strip().lower()
    if claims.get("email_verified") is False or address.count("@") != 1:
        return False
    return address in known or "@" + address.split("@")[1] in known


def _kinds(said: Iterable[str]) -> frozenset[str]:
    """What the environment hides. A word that is no kind hides everything: nobody can tell what was meant."""
    known = {one.lower() for one in said}
    return frozenset(known if known <= set(KINDS) else KINDS)


def _on(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "").strip().lower() not in OFF


def _listed(words: str) -> list[str]:
    return [one.strip() for one in words.split(",") if one.strip()]
