"""The one error users see: what is wrong, and how to mend it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phcore.formatting import encodable, named


class Fault(ValueError):
    """Something the user can mend.

    Parameters
    ----------
    fault : what is wrong, one clause without a full stop.
    hint : what to do about it, one clause without a full stop.
    path : the file or folder it is about, if there is one.
    """

    def __init__(self, fault: str, hint: str, path: str | Path | None = None):
        self.fault, self.hint, self.path = encodable(fault), encodable(hint), path

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path is not None else ""
        return named(f"{encodable(place)}{self.fault}. {self.hint}.")

    def __reduce__(self):
        # Exceptions are pickled by their message alone, which cannot rebuild this one in another process.
        return type(self), (self.fault, self.hint, self.path)


class NotAsked(Fault):
    """Something that is computed when somebody asks for it, and nobody has."""


class Unusable(Fault):
    """A verdict about a checkpoint's own bytes: they will never load on this base, so trying again is of no use."""


@contextmanager
def about(path: str | Path | None) -> Iterator[None]:
    """Faults raised inside are about this file or folder, unless they name one themselves."""
    try:
        yield
    except Fault as fault:
        fault.path = path if fault.path is None else fault.path
        raise
