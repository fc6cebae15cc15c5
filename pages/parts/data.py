"""Cached reading for the pages: a value per study and choice, computed once and shared between sessions."""

import atexit
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts.web import plain
from phcore.archive.permissions import Permissions
from phcore.archive.store import Store
from phcore.checkpoints.roots import allowed_roots
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.pipeline import jobs
from phcore.study.kept import folder_of, names
from phcore.study.redaction import redact_fault

SHIPPED = "smollm2-135m-instruct"
Cell = tuple[str, int, int]  # series, step, layer


@st.cache_resource(show_spinner=False)  # `prepare` asks for it where there is no page to say so
def store() -> Store:
    """The archive, with the one connection that all pages read through, and what the server may do with it."""
    return Store(permissions=Permissions.read(os.environ))


atexit.register(store.clear)  # DuckDB complains of a connection that outlives the interpreter


def read_only() -> bool:
    """Whether this server only shows. What is left out on the page would be refused anyway."""
    return store().permissions.read_only


def roots() -> list[Path]:
    """The folders that pages may look at: none on a read-only server."""
    return [] if read_only() else allowed_roots(os.environ)


def shown(fault: Fault) -> Fault:
    """A fault as the page says it: to strangers without any place."""
    return redact_fault(fault, [store().root]) if read_only() else fault


def told(fault: Fault) -> str:
    """A fault as the page says it, as a sentence: where no place stands before it, it begins with a capital."""
    words = str(shown(fault))
    return words if fault.path is not None else words[:1].upper() + words[1:]


@contextmanager
def refusing() -> Iterator[None]:
    """Says what went wrong in what was asked for; the rest of the block is left out."""
    try:
        yield
    except Fault as fault:
        st.error(plain(told(fault)), icon=":material/error:")


def study_names() -> list[str]:
    """Studies in the archive; the one that ships comes first, then the latest."""
    with refusing():
        return sorted(names(store()), key=lambda name: name != SHIPPED)
    return []  # of an archive in a bucket that cannot be reached


class View(Results):
    """A study whose tables are read once, for all sessions."""

    def table(self, name: str, /, **where: object) -> pd.DataFrame:
        found = table(self, name)
        for column, value in where.items():
            found = found[found[column] == value]
        return found.reset_index(drop=True) if where else found


def open_study(name: str) -> View:
    return View.open(name, store())  # its connection to DuckDB takes longer to make than a table to read


def opened(name: str) -> View | None:
    """The same where it can be read; of one that cannot the page says why, and shows any other."""
    with refusing():
        return open_study(name)
    return None


def prepare() -> None:
    """Has read what the first page of the first study rests on, before anybody asks."""
    with suppress(Exception):  # whatever is wrong is said on the page
        for name in study_names()[:1]:
            study = open_study(name)
            if complete(study):
                table(study, "findings")


_REACHED: set[tuple] = set()


def _has_reached(study: Results, state: str) -> bool:
    """Whether a study is "complete" or "finished". Once it is, it stays so; pages ask many times."""
    asked = (study.store.root, study.version, state)
    if asked not in _REACHED and getattr(study, state):
        _REACHED.add(asked)
    return asked in _REACHED


def complete(study: Results) -> bool:
    """Whether the bars and what follows from them are finished."""
    return _has_reached(study, "complete")


def missing(study: Results) -> list[str]:
    """Tables that a finished study has and this one lacks."""
    return [] if _has_reached(study, "finished") else study.missing


def version(study: Results) -> str:
    """Changes whenever the study's tables may have changed: its record and keys, the clock while it is being computed,
    and the same of the studies beside it, which its findings read."""
    digest = "-".join([study.version, *map(_beside, study.study.beside)])
    name = study.study.name
    return digest if _has_reached(study, "finished") else f"{digest}-{_pulse(name)}-{written(study)}"


def written(study: Results) -> float:
    """When a study's record was last written, as after each look of a training at it, in seconds since 1970."""
    with suppress(OSError):
        return (folder_of(study.study.name, store()) / "record.json").stat().st_mtime
    return 0.0


def _pulse(name: str) -> str:
    """Changes while a study is being computed."""
    job = jobs.status(store(), name)
    pulse = int(time.time() // 3) if job and job.active else (job.updated if job else 0)
    return f"{pulse}-{int(time.time() // 10)}" if store().far else f"{pulse}"  # another machine may compute it


def _beside(name: str) -> str:
    """What the study of this name is now, by its file: to open it at each question would take longer than to draw."""
    with suppress(OSError):
        file = (folder_of(name, store()) / "record.json").stat()
        return f"{name} {file.st_mtime_ns} {file.st_ino} {_pulse(name)}"
    return f"{name}, which there is not"


def cached(max_entries: int, *, spinner: bool | str = False, by: Callable[[Results], object] = version):
    """Decorates a function of a study: computed once per study, state and arguments, for all sessions.

    What it returns is shared: never change it in place. `st.cache_resource.clear()` forgets everything.

    Parameters
    ----------
    max_entries : how many values are kept.
    spinner : what is said while one is computed; False for nothing.
    by : of the study, what the value depends on. `version` follows a computation; what does not change with it, such
        as a cloud once it is there, goes by less.

    The other arguments are positional and small: they are told apart by their `repr`, which takes Streamlit less time
    than to hash an object. A table is none, because a long one has no whole `repr`.
    """

    def decorate(function):
        def kept(key: str, _study: Results, _arguments: tuple):
            return function(_study, *_arguments)

        # Streamlit keeps caches apart by name and source, which all of these would share; an edited one starts anew.
        kept.__module__, kept.__qualname__ = function.__module__, f"{function.__qualname__} {hash(function.__code__)}"
        kept = st.cache_resource(kept, max_entries=max_entries, show_spinner=spinner)

        @wraps(function)
        def read(study: Results, *arguments):
            return kept(repr((study.study.name, by(study), arguments)), study, arguments)

        return read

    return decorate


@cached(24)
def table(study: Results, name: str) -> pd.DataFrame:
    """A whole table."""
    return Results.table(study, name)  # whatever reads through this function itself


@cached(64)
def bars(study: Results, series: str, step: int, layer: int) -> pd.DataFrame:
    """Bars of a cell at raw scale: subsample, degree, birth, death."""
    return study.bars(series, step, layer)


@cached(16)
def _cells(study: Results) -> dict[Cell, dict]:
    rows = table(study, "cells").to_dict("records")
    return {(row["series"], row["step"], row["layer"]): row for row in rows}


def about(study: Results, series: str, step: int, layer: int) -> dict | None:
    """What is known of a cell: its row of the table of cells."""
    return _cells(study).get((series, step, layer))


def median_distance(study: Results, series: str, step: int, layer: int) -> float:
    """Median pairwise distance of a cell's cloud; NaN where it is not known."""
    row = about(study, series, step, layer)
    return row["median_distance"] if row else float("nan")


def scaled_bars(study: Results, series: str, step: int, layer: int, scale: str) -> pd.DataFrame:
    """Bars of a cell at a scale: subsample, degree, birth, death."""
    frame = bars(study, series, step, layer)
    if scale == "raw" or frame.empty:
        return frame
    median = median_distance(study, series, step, layer)
    return frame.assign(birth=frame["birth"] / median, death=frame["death"] / median)


def diagrams(study: Results, cell: Cell, subsample: int, scale: str) -> list[np.ndarray]:
    """H0 and H1 of one subsample of a cell, as the archive has them, by birth and death: (n, 2) each."""
    frame = scaled_bars(study, *cell, scale)
    frame = frame[frame["subsample"] == subsample].sort_values(["birth", "death"])
    return [frame.loc[frame["degree"] == degree, ["birth", "death"]].to_numpy() for degree in (0, 1)]


def longest_death(study: Results, layer: int, scale: str) -> float:
    """The last death of any cell at this layer: the end of an axis that stays the same from step to step."""
    longest = _ends(study, layer, scale, ("h0_death_max", "h1_death_max"))[1]
    return longest if longest > 0 else 1.0


def earliest_loop(study: Results, layer: int, scale: str) -> float:
    """The first birth of a loop in any cell at this layer."""
    return max(0.0, _ends(study, layer, scale, ("h1_birth_min",))[0])


@cached(128)
def _ends(study: Results, layer: int, scale: str, features: tuple[str, ...]) -> tuple[float, float]:
    """The least and the most of some summaries that are distances, over all cells of a layer; zeros without any."""
    frame = table(study, "summaries")
    frame = frame[frame["layer"] == layer]
    values = frame[list(features)].to_numpy()
    if not values.size:
        return 0.0, 0.0
    if scale != study.study.scale:
        cells = zip(frame["series"], frame["step"], frame["layer"], strict=True)
        medians = np.array([[median_distance(study, *cell) or np.nan] for cell in cells])  # NaN: a cloud of one place
        values = values / (medians if scale == "median" else 1 / medians)
    return float(np.nanmin(values)), float(np.nanmax(values))
