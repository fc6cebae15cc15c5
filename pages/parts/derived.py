"""What the Trajectories page draws, computed once per study and choice, and shared between sessions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import data
from phcore.analysis import dynamics, objectives
from phcore.stages.results import Results
from phcore.topology import clouds, vectors

Choice = tuple[int, float, str]  # degree, order, scale


def _where(frame: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    degree, order, scale = choice
    return frame[(frame["degree"] == degree) & (frame["order"] == order) & (frame["scale"] == scale)]


def shared_by_floor(study: Results) -> float:
    """Share of its prompts that a subsample's partner repeats: 0 where the floor compares disjoint subsamples."""
    asked = study.study
    if not asked.subsamples:
        return 0.0
    return _shared_by_floor(study.record.n_prompts, asked.subsamples, asked.subsample_size, asked.seed)


@st.cache_data(max_entries=64, show_spinner=False)
def _shared_by_floor(n_prompts: int, count: int, size: int, seed: int) -> float:
    sets = clouds.subsamples(n_prompts, count=count, size=size, seed=seed)
    return clouds.overlap(sets, clouds.partners(sets, n_prompts, seed=seed))


def curve(study: Results, choice: Choice, per: str) -> pd.DataFrame:
    """series, objective, layer, step_from, step, mean, sd, lo, hi (10 and 90 % of the subsamples)."""
    return _curve(study.study.name, data.version(study), choice, per)


@st.cache_resource(max_entries=32, show_spinner=False)
def _curve(name: str, version: str, choice: Choice, per: str) -> pd.DataFrame:
    study = data.open_study(name)
    rows = _where(data.table(study, "velocities"), choice)
    if rows.empty:
        return pd.DataFrame(columns=["series", "objective", "layer", "step_from", "step", "mean", "sd", "lo", "hi"])
    result = dynamics.velocity_curve(rows, per).rename(columns={"q10": "lo", "q90": "hi"})
    return result.assign(objective=result["series"].map(data.objectives(study)))


def floor(study: Results, choice: Choice, per: str) -> pd.DataFrame:
    """layer, step, lo, hi: 10 to 90 % of the resampling floors of the cells at that step."""
    return _floor(study.study.name, data.version(study), choice, per)


@st.cache_resource(max_entries=32, show_spinner=False)
def _floor(name: str, version: str, choice: Choice, per: str) -> pd.DataFrame:
    study = data.open_study(name)
    rows = _where(data.table(study, "floors"), choice)
    if rows.empty:
        return pd.DataFrame(columns=["layer", "step", "lo", "hi"])
    grouped = rows.groupby(["layer", "step"])["value"]
    band = pd.DataFrame({"lo": grouped.quantile(0.1), "hi": grouped.quantile(0.9)}).reset_index()
    if per == "step":  # a velocity per training step is divided by its gap, and so is the floor it is read against
        moves = curve(study, choice, "transition").groupby("step")["step_from"].max()
        gap = band["step"] - band["step"].map(moves)
        band = band.assign(lo=band["lo"] / gap, hi=band["hi"] / gap).dropna()
    return band[band["step"] > 0] if per == "step" else band


def standardised(study: Results, layer: int, scale: str) -> tuple[objectives.Standardised, pd.DataFrame]:
    """Mean summaries of a layer in units of their resampling spread, and the split-half floors."""
    return _standardised(study.study.name, data.version(study), layer, scale)


@st.cache_resource(max_entries=32, show_spinner=False)
def _standardised(name: str, version: str, layer: int, scale: str) -> tuple[objectives.Standardised, pd.DataFrame]:
    one = objectives.standardise(data.summaries(data.open_study(name), scale), layer)
    return one, objectives.split_half_floor(one)


def paths(study: Results, way: str, layer: int, choice: Choice) -> objectives.Paths:
    """Paths on a plane: "pca" of mean summaries, "landscape" (PCA of mean landscapes) or "mds" of all distances."""
    return _paths(study.study.name, data.version(study), way, layer, choice)


@st.cache_resource(max_entries=64, show_spinner="Laying out the paths…")
def _paths(name: str, version: str, way: str, layer: int, choice: Choice) -> objectives.Paths:
    study = data.open_study(name)
    degree, _, scale = choice
    if way == "pca":
        return objectives.paths_means(*standardised(study, layer, scale))
    if way == "mds":
        return objectives.paths_mds(
            data.table(study, "distances"), layer, degree, study.study.order, study.study.norm, scale
        )
    return _landscape_paths(study, layer, degree, scale)


def _landscape_paths(study: Results, layer: int, degree: int, scale: str, depth: int = 5) -> objectives.Paths:
    """PCA of the cells' mean landscapes; the unit is the distance between those of two halves of the subsamples."""
    end = data.longest_death(study, layer, scale)
    grid = np.linspace(0.0, end, 120)
    bars = study.table("bars", layer=layer, degree=degree)
    if scale == "median":
        units = data.table(study, "cells")[["series", "step", "layer", "median_distance"]]
        unit = bars[["series", "step", "layer"]].merge(units, "left")["median_distance"]
        bars = bars.assign(birth=bars["birth"] / unit, death=bars["death"] / unit)
    diagrams = bars.groupby(["series", "step", "subsample"], sort=False, observed=True)
    each = vectors.landscapes(bars[["birth", "death"]].to_numpy(), diagrams.ngroup().to_numpy(), grid, depth)
    index = diagrams.size().index.droplevel("subsample")
    starts = np.flatnonzero(~index.duplicated())
    of_cell = np.split(each, starts[1:])
    halves = [np.linalg.norm(part[::2].mean(axis=0) - part[1::2].mean(axis=0)) for part in of_cell if len(part) > 1]
    unit = float(np.median(halves)) if halves else 1.0
    return objectives.paths_vectors(np.array([part.mean(axis=0) for part in of_cell]), index[starts], unit=unit or 1.0)


def between(
    study: Results, wasserstein: bool, a: str, b: str, layer: int, choice: Choice
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Distance between two series by step, and its floor: (step, value), (step, lo, hi)."""
    if not wasserstein:
        one, floors = standardised(study, layer, choice[2])
        table = objectives.objective_distance(one, floors, a, b)
        return table[["step", "value"]], _band(table, "floor", "floor_q95")
    degree, _, scale = choice
    table = objectives.objective_wasserstein(
        data.table(study, "distances"), data.table(study, "floors"), a, b,
        layer=layer, degree=degree, order=study.study.order, norm=study.study.norm, scale=scale,
    )  # fmt: skip
    return table[["step", "value"]], _band(table, "floor_q10", "floor_q90")


def _band(table: pd.DataFrame, low: str, high: str) -> pd.DataFrame:
    return table[["step", low, high]].rename(columns={low: "lo", high: "hi"}).dropna()


def features(study: Results, layer: int, scale: str, x: str, y: str) -> pd.DataFrame:
    """series, objective, step, x, y: mean of two features over the subsamples of each cell."""
    table = data.summaries(study, scale)
    means = table[table["layer"] == layer].groupby(["series", "step"], as_index=False)[[*{x, y}]].mean()
    return pd.DataFrame(
        {
            "series": means["series"],
            "objective": means["series"].map(data.objectives(study)),
            "step": means["step"],
            "x": means[x],
            "y": means[y],
        }
    )


def as_paths(study: Results, one: objectives.Paths) -> pd.DataFrame:
    points = one.points.rename(columns={"pc1": "x", "pc2": "y"})
    return points.assign(objective=points["series"].map(data.objectives(study)))
