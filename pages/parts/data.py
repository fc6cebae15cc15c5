"""Cached reading for the pages. Everything is keyed by small values: a study's digest and the table's name."""

from __future__ import annotations

import atexit
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from phcore.archive.permissions import Permissions
from phcore.archive.store import Store
from phcore.checkpoints.roots import allowed_roots
from phcore.errors import Fault
from phcore.pipeline import jobs
from phcore.stages.results import Results
from phcore.study.kept import names
from phcore.study.redaction import redact_fault
from phcore.topology.summaries import FEATURES, rescale

SHIPPED = "smollm2-135m-instruct"


@st.cache_resource
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


def study_names() -> list[str]:
    """Studies in the archive; the one that ships comes first, then the latest."""
    return sorted(names(store()), key=lambda name: name != SHIPPED)


def open_study(name: str) -> Results:
    return Results.open(name, store())  # its connection to DuckDB takes longer to make than a table to read


_COMPLETE: set[str] = set()
_FINISHED: set[str] = set()


def complete(study: Results) -> bool:
    """Whether the bars and what follows from them are finished. Such tables never change; pages ask many times."""
    if study.version not in _COMPLETE and study.complete:
        _COMPLETE.add(study.version)
    return study.version in _COMPLETE


def finished(study: Results) -> bool:
    """Whether every table is, the evidence too."""
    if study.version not in _FINISHED and study.finished:
        _FINISHED.add(study.version)
    return study.version in _FINISHED


def version(study: Results) -> str:
    """Changes whenever the study's tables may have changed: its keys, and the clock while it is being computed."""
    digest = "-".join([study.version, *study.study.beside])
    if finished(study):
        return digest
    job = jobs.status(store(), study.study.name)
    pulse = int(time.time() // 3) if job and job.active else (job.updated if job else 0)
    return f"{digest}-{pulse}"


def table(study: Results, name: str) -> pd.DataFrame:
    """A whole table. Shared between sessions: never change it in place."""
    return _table(study.study.name, version(study), name)


@st.cache_resource(max_entries=24, show_spinner=False)
def _table(study: str, version: str, name: str) -> pd.DataFrame:
    return open_study(study).table(name)


def bars(study: Results, series: str, step: int, layer: int) -> pd.DataFrame:
    return _bars(study.study.name, version(study), series, step, layer)


@st.cache_resource(max_entries=64, show_spinner=False)
def _bars(study: str, version: str, series: str, step: int, layer: int) -> pd.DataFrame:
    return open_study(study).bars(series, step, layer)


def objectives(study: Results) -> dict[str, str]:
    """series -> objective."""
    return {one.name: one.objective for one in study.record.series}


def summaries(study: Results, scale: str) -> pd.DataFrame:
    """The summaries table at either scale."""
    return _summaries(study.study.name, version(study), scale)


@st.cache_resource(max_entries=8, show_spinner=False)
def _summaries(name: str, version: str, scale: str) -> pd.DataFrame:
    study = open_study(name)
    frame = table(study, "summaries")
    if scale == study.study.scale or frame.empty:
        return frame
    units = frame[["series", "step", "layer"]].merge(table(study, "cells"), "left")["median_distance"].to_numpy()
    values = rescale(frame[list(FEATURES)].to_numpy(), units if scale == "median" else 1 / units)
    return frame.assign(**dict(zip(FEATURES, values.T, strict=True)))


def about(study: Results, series: str, step: int, layer: int) -> dict | None:
    """What is known of a cell: its row of the table of cells."""
    return _about(study.study.name, version(study)).get((series, step, layer))


@st.cache_resource(max_entries=16, show_spinner=False)
def _about(study: str, version: str) -> dict[tuple[str, int, int], dict]:
    rows = _table(study, version, "cells").to_dict("records")
    return {(row["series"], row["step"], row["layer"]): row for row in rows}


def unit(study: Results, series: str, step: int, layer: int) -> float:
    """Median pairwise distance of a cell's cloud; NaN where it is not known."""
    row = about(study, series, step, layer)
    return row["median_distance"] if row else float("nan")


def scaled_bars(study: Results, series: str, step: int, layer: int, scale: str) -> pd.DataFrame:
    """Bars of a cell at a scale: subsample, degree, birth, death."""
    frame = bars(study, series, step, layer)
    if scale == "raw" or frame.empty:
        return frame
    return frame.assign(**{name: frame[name] / unit(study, series, step, layer) for name in ("birth", "death")})


def longest_death(study: Results, layer: int, scale: str) -> float:
    """The last death of any cell at this layer: the end of an axis that stays the same from step to step."""
    longest = _of_layer(study.study.name, version(study), layer, scale, ("h0_death_max", "h1_death_max"))["max"]
    return longest if longest > 0 else 1.0


def earliest_loop(study: Results, layer: int, scale: str) -> float:
    """The first birth of a loop in any cell at this layer."""
    return max(0.0, _of_layer(study.study.name, version(study), layer, scale, ("h1_birth_min",))["min"])


@st.cache_resource(max_entries=128, show_spinner=False)
def _of_layer(name: str, version: str, layer: int, scale: str, features: tuple[str, ...]) -> dict[str, float]:
    study = open_study(name)
    frame = table(study, "summaries")
    frame = frame[frame["layer"] == layer]
    values = frame[list(features)].to_numpy()
    if not values.size:
        return {"min": 0.0, "max": 0.0}
    if scale != study.study.scale:  # births and deaths alone, which are distances: quicker than all 41
        known = _about(name, version)
        cells = zip(frame["series"], frame["step"], frame["layer"], strict=True)
        units = np.array([[known[cell]["median_distance"]] for cell in cells])
        values = values / units if scale == "median" else values * units
    return {"min": float(np.nanmin(values)), "max": float(np.nanmax(values))}
