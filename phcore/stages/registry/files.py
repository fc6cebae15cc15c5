"""Archive files of results: computed from those they need, and read back as what they hold."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from phcore.archive.store import Store
from phcore.stages.registry.assembly import FROM_THE_ARCHIVE, fact, written
from phcore.stages.registry.discovery import results
from phcore.stages.registry.keys import keys_of, value
from phcore.stages.registry.places import ends
from phcore.stages.registry.result import Missing, Place, Result
from phcore.study.record import Record


def read(record: Record, store: Store, name: str, place: Place) -> Any:
    """A result as what it holds (`Result.decode`); None where it is not in the archive or was damaged."""
    table = store.read(name, keys_of(record).of(name, place))
    return None if table is None else results()[name].decode(table)


def needed(record: Record, place: Place, one: Result) -> dict[str, list[str]]:
    """Name of each need -> keys of its files."""
    keys = keys_of(record)
    return {need: [keys.of(need, end) for end in ends(place, results()[need].per)] for need in one.needs}


@dataclass(frozen=True)
class Kept:
    """A parameter that lies in the archive, such as the categories of the prompts: whoever computes reads it there."""

    name: str
    record: Record


def given(record: Record, place: Place, one: Result) -> dict[str, Any]:
    """What `compute` is given beside its needs, as far as the record says it; the rest is `Kept`."""
    names = one.parameters
    own = {name: Kept(name, record) if name in FROM_THE_ARCHIVE else value(name, record, place) for name in names}
    return own | dict(one.settings)


def from_archive(parameters: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """The same with what is `Kept`. Raises `Missing` where the archive has lost it."""
    return {
        name: fact(one.name, one.record, store, whole=True) if isinstance(one, Kept) else one
        for name, one in parameters.items()
    }


def compute(root: str, name: str, key: str, needs: Mapping[str, list[str]], parameters: Mapping[str, Any]) -> None:
    """Make one archive file of those it needs: what an executor is given, so that all of it are plain values.

    Raises
    ------
    Missing
        where a file it needs is not there, or was damaged and is set aside now.
    """
    store = written(root)
    values = {need: _values(store, need, keys) for need, keys in needs.items()}
    store.write(name, key, results()[name].compute(**values, **from_archive(parameters, store)))


def _values(store: Store, name: str, keys: list[str]) -> Any:
    one = results()[name]
    found = tuple(_kept.value(store, one, key) for key in keys)
    return found[0] if len(found) == 1 else found


class _Recent:
    """What was needed last, as what it holds: the next unit is mostly made of some of it, and to read a file takes as
    long as many a result. A file that changed since is read again, and one that is gone is missed.

    Parameters
    ----------
    most : bytes of tables that are kept. One larger than a sixteenth of it is read anew each time.
    """

    def __init__(self, most: int):
        self._most, self._held = most, 0
        self._values: OrderedDict[tuple, tuple[int, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def value(self, store: Store, one: Result, key: str) -> Any:
        """A file of a result, decoded; its arrays cannot be written to. Raises `Missing` where it is not there."""
        path = store.path(one.name, key)
        try:
            state = path.stat()
            which = str(path), state.st_size, state.st_mtime_ns, state.st_ino
        except OSError:
            which = ()
        with self._lock:
            if which in self._values:
                self._values.move_to_end(which)
                return self._values[which][1]
        table = _table(store, one, key)
        value = _unwritten(one.decode(table))
        if which and 16 * table.nbytes <= self._most:
            with self._lock:
                self._held += table.nbytes - self._values.pop(which, (0, None))[0]
                self._values[which] = table.nbytes, value
                while self._held > self._most:
                    self._held -= self._values.popitem(last=False)[1][0]
        return value


def _unwritten(value: Any) -> Any:
    """The same, its arrays only to be read: the next unit is given them, too."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, (dict, list, tuple)):
        for one in value.values() if isinstance(value, dict) else value:
            _unwritten(one)
    return value


_kept = _Recent(2**26)


def _table(store: Store, one: Result, key: str) -> pa.Table:
    table = store.read(one.name, key)
    if table is None:
        raise Missing(
            f"a result that is needed ({one.label.lower()}) is missing or was damaged",
            "Compute the study again",
            store.path(one.name, key),
        )
    return table
