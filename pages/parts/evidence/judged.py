"""What several sections draw, computed once per study and choice, and shared between sessions."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.parts import data, derived
from phcore.analysis import against_null as controls
from phcore.analysis.against_geometry import CHANGES
from phcore.stages.results import Results
from phcore.topology.gaussian_null import KINDS


def measured(study: Results) -> bool:
    """Whether any of the evidence is there."""
    return any(not data.table(study, name).empty for name in ("geometry_velocity", "gaussian_velocities"))


def against_null(study: Results, choice: derived.Choice) -> pd.DataFrame:
    """Each velocity with the floor of its step, its own null and, as size_alone, the mean of the isotropic one."""
    return _judged(study.study.name, data.version(study), choice)


@st.cache_resource(max_entries=16, show_spinner=False)
def _judged(name: str, version: str, choice: derived.Choice) -> pd.DataFrame:
    study = data.open_study(name)
    degree, order, scale = choice
    rows = data.table(study, "gaussian_velocities")
    rows = rows[(rows["degree"] == degree) & (rows["order"] == order) & (rows["scale"] == scale)]
    own = {kind: rows[rows["kind"] == kind] for kind in KINDS}
    curve = derived.curve(study, choice, "transition")
    table = controls.against_null(curve, own["covariance"])
    size = own["isotropic"].groupby(controls.TRANSITION)["value"].mean().rename("size_alone").reset_index()
    floor = derived.floor(study, choice, "transition").rename(columns={"lo": "floor_lo", "hi": "floor_hi"})
    table = table.merge(size, "left", on=controls.TRANSITION).merge(floor, "left", on=["layer", "step"])
    names = ["series", "layer", "step_from", "step", "mean", "lo", "hi", "floor_lo", "floor_hi", "null", "null_lo",
             "null_hi", "place", "size_alone"]  # fmt: skip
    return table[names]


def numerics(study: Results, choice: derived.Choice, layer: int) -> pd.DataFrame:
    """kind, largest (mean over subsamples, the largest of all checkpoints read twice), checkpoints."""
    degree, order, scale = choice
    rows = data.table(study, "numerical_noise")
    rows = rows[
        (rows["degree"] == degree) & (rows["order"] == order) & (rows["scale"] == scale) & (rows["layer"] == layer)
    ]
    each = rows.groupby(["kind", "series", "step"], sort=False)["value"].mean().reset_index()
    each = each.drop_duplicates(["kind", "step", "value"])  # series repeat the base they share
    return each.groupby("kind", sort=False).agg(largest=("value", "max"), checkpoints=("value", "size")).reset_index()


def ranks(study: Results, degree: int, scale: str) -> pd.DataFrame:
    """layer, words, rho, lo, hi, transitions: what each geometric change has to do with velocity."""
    table = data.table(study, "geometry_velocity")
    own = table[(table["degree"] == degree) & (table["scale"] == scale)]
    return own.assign(words=own["quantity"].map(CHANGES))[["layer", "words", "rho", "lo", "hi", "transitions"]]


def unexplained(study: Results, degree: int, scale: str) -> pd.DataFrame:
    """What geometry leaves of velocity at each scale, the chosen one first."""
    table = data.table(study, "unexplained")
    own = table[table["degree"] == degree]
    own = own.sort_values("scale", key=lambda column: column != scale)
    return own.drop(columns=["degree", "order", "norm"])


def loops(study: Results) -> pd.DataFrame:
    """Number of H1 bars of each cell beside those of its Gaussian clouds."""
    return _loops(study.study.name, data.version(study))


@st.cache_resource(max_entries=8, show_spinner=False)
def _loops(name: str, version: str) -> pd.DataFrame:
    study = data.open_study(name)
    return controls.bar_counts(data.table(study, "summaries"), data.table(study, "gaussian_nulls"))
