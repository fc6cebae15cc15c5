"""The tables of a study, put together from the archive.

A finished study has them published: one file each, under a key made of those of its parts. Until then a table is put
together from whatever is there, so that results show as they arrive.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

import pandas as pd

from phcore.archive.permissions import Permissions
from phcore.archive.store import Store
from phcore.errors import Fault
from phcore.stages.registry.discovery import results, tables
from phcore.stages.registry.keys import keys_of, learned, value
from phcore.stages.registry.places import labelled, labels, places
from phcore.stages.registry.result import ROWS, WHOLE_STUDY, Missing, Place, Table
from phcore.study import kept
from phcore.study.record import Record

Where = dict[str, object]  # column -> the value it shall have


def file_of(record: Record, name: str) -> tuple[str, str]:
    """Folder and name of a published table in the archive."""
    return "tables", f"{name}-{keys_of(record).of_table(name)}"


def is_published(record: Record, store: Store, name: str) -> bool:
    return store.has(*file_of(record, name))


def table(record: Record, store: Store, name: str, where: Where | None = None, whole: bool = False) -> pd.DataFrame:
    """One documented table, as far as it is there; with its columns in their order.

    Parameters
    ----------
    where : column -> value, to read only matching rows.
    whole : for publishing: every part has to be there.

    Raises
    ------
    KeyError
        for a name that is no table's.
    Missing
        where `whole` is asked for and a part is not there.
    """
    one, where = tables()[name], where or {}
    frame = store.select(*file_of(record, name), where)
    if frame is None:
        if whole and one.published:
            raise Missing(f"the table {name} is missing or was damaged", "Compute the study again", store.root)
        if one.published and not one.live:
            return pd.DataFrame(columns=list(one.columns))
        frame = assembled(record, store, one, where, whole)
        for column in where.keys() & set(frame.columns):
            frame = frame[frame[column] == where[column]]
    return frame.reindex(columns=list(one.columns)).reset_index(drop=True)


def assembled(
    record: Record, store: Store, one: Table, where: Where | None = None, whole: bool = False
) -> pd.DataFrame:
    """A table put together from its parts, whatever is published.

    Parameters
    ----------
    whole : for publishing: every part has to be there.

    Raises
    ------
    Missing
        where `whole` is asked for and a part is not there.
    """
    given: dict[str, Any] = {}
    if one.gathers:
        given["rows"] = gathered(record, store, one, where or {}, whole)
    given |= {need: table(record, store, need, whole=whole) for need in one.needs}
    given |= {name: fact(name, record, store, whole) for name in one.parameters} | dict(one.settings)
    frame = given["rows"] if one.compute is None else one.compute(**given)
    if one.order is not None:
        frame = in_order(frame, record, one.order)
    return frame.reindex(columns=list(one.columns))


def gathered(record: Record, store: Store, one: Table, where: Where, whole: bool = False) -> pd.DataFrame:
    """Rows of all files of a result, each with the labels of its place in front.

    Raises
    ------
    Missing
        where `whole` is asked for and a file is not there.
    """
    kind, keys = results()[one.gathers].per, keys_of(record)
    names = labels(kind)
    rows = [(*label, keys.of(one.gathers, place)) for label, place in labelled(record, kind)]
    frame = pd.DataFrame(rows, columns=[*names, "key"])
    for column in where.keys() & set(names):  # read only the files that are asked for
        frame = frame[frame[column] == where[column]]
    if frame.empty:
        return frame.drop(columns="key")
    if not whole:
        return store.scan(one.gathers, frame, one.select)
    counts = Counter(frame["key"])
    _all_there(store, one, counts)
    wanted = sum(store.rows(one.gathers, key) * times for key, times in counts.items())
    found = store.scan(one.gathers, frame, one.select)
    _all_there(store, one, counts)  # all may have vanished before they were counted: then no row is what was wanted
    if len(found) != wanted:  # a file was damaged, or vanished while they were read
        raise Missing(f"a file of the table {one.name} is missing or was damaged", "Compute it again", store.root)
    return found


def _all_there(store: Store, one: Table, keys: Iterable[str]) -> None:
    if gone := [key for key in keys if not store.has(one.gathers, key)]:
        raise Missing(
            f"{len(gone)} files of the table {one.name} are missing or were damaged",
            "Compute the study again",
            store.path(one.gathers, gone[0]),
        )


def publish(record: Record, store: Store, name: str) -> None:
    """Write one finished table as a file of its own.

    Raises
    ------
    Missing
        where one of its parts is not in the archive, or was damaged and is set aside now.
    """
    store.write(*file_of(record, name), assembled(record, store, tables()[name], whole=True))


def compute(root: str, record: Record, name: str) -> None:
    """`publish` as an executor is given it."""
    publish(record, written(root), name)


@lru_cache(maxsize=1)
def written(root: str) -> Store:
    """The archive that a worker writes to: to open DuckDB anew takes longer than many a table."""
    return Store(root)


def in_order(frame: pd.DataFrame, record: Record, keys: tuple[str, ...] = ROWS) -> pd.DataFrame:
    """Rows in the order of the study's series, then by `keys` where the frame has them."""
    if frame.empty:
        return frame
    order = {one.name: k for k, one in enumerate(record.series)}
    keys = [name for name in keys if name in frame]
    frame = frame.assign(_series=frame["series"].map(order))
    return frame.sort_values(["_series", *keys], kind="stable").drop(columns="_series").reset_index(drop=True)


# --- what a table can be given beside the parameters and facts of its study -------------------------


def fact(name: str, record: Record, store: Store, whole: bool) -> Any:
    """What a declaration is given by name; with `whole`, `Missing` is raised where the archive has lost it."""
    file = {"categories": ("probes", record.probes_key), "scalars": ("scalars", record.scalars)}.get(name, ("", ""))
    if whole and file[1] and store.read(*file) is None:  # lost, or damaged and set aside just now
        raise Missing(f"what the study keeps of its {file[0]} is missing", "Compute the study again", store.path(*file))
    return FROM_THE_ARCHIVE[name](record, store) if name in FROM_THE_ARCHIVE else value(name, record, WHOLE_STUDY)


def prompts(record: Record, store: Store, permissions: Permissions | None = None) -> pd.DataFrame:
    """prompt (number), text, category, reference. Texts that are private stay in the archive: each is its number.

    Parameters
    ----------
    permissions : of those who see it; where none are given, the archive's.
    """
    found = store.read("probes", record.probes_key)
    if found is None:
        return pd.DataFrame(columns=["prompt", "text", "category", "reference"])
    frame = found.to_pandas()
    if (permissions or store.permissions).hides("prompts", record.study.private):
        return frame.assign(text=[f"prompt {number} (private)" for number in frame["prompt"]], reference=None)
    return frame


def _categories(record: Record, store: Store) -> dict[int, str]:
    """Prompt number -> category; "" where the probe set names none."""
    found = prompts(record, store)
    return dict(zip(found["prompt"], found["category"].fillna(""), strict=True))


def _logged(record: Record, store: Store) -> pd.DataFrame | None:
    """What training logs and the user's file say."""
    found = store.read("scalars", record.scalars) if record.scalars else None
    return None if found is None else found.to_pandas()


def _reader(record: Record, store: Store) -> Callable[[str], pd.DataFrame]:
    return lambda name: table(record, store, name)


def _beside(record: Record, store: Store) -> list[tuple[Record, Callable[[str], pd.DataFrame]]]:
    """The studies named beside this one that are in the archive and can be read, each with what reads its tables."""
    found = []
    for name in record.study.beside:
        with suppress(Fault):  # it is said where that study is opened
            found.append(kept.read(store, name))
    return [(one, _reader(one, store)) for one in found if one]


FROM_THE_ARCHIVE: dict[str, Callable[[Record, Store], Any]] = {
    "record": lambda record, store: record,
    "categories": _categories,
    "scalars": _logged,
    "read": _reader,
    "beside": _beside,
    "learned": lambda record, store: learned(record),
}


# --- what there is, and what is missing ---------------------------------------------------------------


def published(evidence: bool | None = None) -> Iterator[str]:
    """Names of the tables of a finished study; only those that judge others, or only the others."""
    for one in tables().values():
        if one.published and evidence in (None, one.evidence):
            yield one.name


def missing(record: Record, store: Store) -> list[str]:
    """Names of the tables that a finished study has and this one lacks."""
    lacking = [name for name in published() if not is_published(record, store, name)]
    return [name for name in lacking if not (tables()[name].later and _gone(record, store, name))]


def _gone(record: Record, store: Store, name: str) -> bool:
    """Whether nothing is left of the readings that a table is made from, and neither is what was made of them."""
    one = tables()[name]
    if not one.gathers:
        return any(
            tables()[need].later and not is_published(record, store, need) and _gone(record, store, need)
            for need in one.needs
        )
    keys, gathered = keys_of(record), results()[one.gathers]
    kept = [(one.gathers, keys.of(one.gathers, place)) for place in places(record, gathered.per)]
    kept += [(need, keys.of(need, place)) for need in gathered.needs for place in places(record, results()[need].per)]
    return not any(store.has(*file) for file in kept)


def parts(record: Record, one: Table) -> Iterator[tuple[str, str]]:
    """(folder, key) of every archive file that has to be there before a table is published."""
    if one.gathers:
        for _, place in labelled(record, results()[one.gathers].per):
            yield one.gathers, keys_of(record).of(one.gathers, place)
    for need in one.needs:
        needed = tables()[need]
        if needed.published:
            yield file_of(record, need)
        else:
            yield from parts(record, needed)


def bars_of_cell(record: Record, store: Store, series: str, step: int, layer: int) -> pd.DataFrame:
    """Bars of one cell: from its own file, or from the published bars of a study that came without cells."""
    node = next(node for node in record.path_of(series) if node.step == step)
    own = store.read("diagrams", keys_of(record).of("diagrams", Place((node,), layer)))
    if own is not None:
        return own.to_pandas().astype({"subsample": int, "degree": int})
    frame = store.select(*file_of(record, "bars"), {"series": series, "step": step, "layer": layer})
    columns = ["subsample", "degree", "birth", "death"]
    return pd.DataFrame(columns=columns) if frame is None else frame[columns]


def named(record: Record) -> tuple[tuple[str, str], ...]:
    """(folder, key) of every archive file that a study's record names, each once; in an order keys do not change."""
    found = [("probes", record.probes_key)]
    found += [("scalars", record.scalars)] if record.scalars else []
    keys = keys_of(record)  # once: to look it up takes as long as to make a key
    for one in results().values():
        found += [(one.name, keys.of(one.name, place)) for place in places(record, one.per)]
    found += [file_of(record, name) for name in tables()]
    return tuple(dict.fromkeys(found))
