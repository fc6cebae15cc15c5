"""The one error users see: what is wrong, and how to mend it."""

from pathlib import Path


class Fault(ValueError):
    """Something the user can mend.

    Parameters
    ----------
    fault : what is wrong, one clause without a full stop.
    hint : what to do about it, one clause without a full stop.
    path : the file or folder it is about, if there is one.
    """

    def __init__(self, fault: str, hint: str, path: str | Path | None = None):
        self.fault, self.hint, self.path = fault, hint, path
        place = f"{path}: " if path is not None else ""
        super().__init__(f"{place}{fault}. {hint}.")

    def __reduce__(self):
        # Exceptions are pickled by their message alone, which cannot rebuild this one in another process.
        return type(self), (self.fault, self.hint, self.path)


class Unusable(Fault):
    """A verdict about a checkpoint's own bytes: they will never load on this base, so trying again is of no use."""
