"""Archive files of results: computed from those they need, and read back as what they hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    found = tuple(one.decode(_table(store, one, key)) for key in keys)
    return found[0] if len(found) == 1 else found


def _table(store: Store, one: Result, key: str) -> pa.Table:
    table = store.read(one.name, key)
    if table is None:
        raise Missing(
            f"a result that is needed ({one.label.lower()}) is missing or was damaged",
            "Compute the study again",
            store.path(one.name, key),
        )
    return table
