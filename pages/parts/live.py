"""Clouds of the archive measured anew, in whatever way the page asks: computed once per choice, for all sessions."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import data
from phcore import cells, explore
from phcore.explore import Explored, Lens
from phcore.results import Results
from phcore.topology import complexes, generators, maps
from phcore.words import unit_words

MAPPED = 12  # clouds that make the axes of a map
TRIANGLES = 2_000  # drawn at most, and
EDGES = 3_000
COUNTED = 400  # points up to which all triangles are counted: a second's work at a thousand

Cell = tuple[str, int, int]  # series, step, layer


def has_cloud(study: Results, cell: Cell) -> bool:
    series, step, layer = cell
    return study.store.has("clouds", study.record.cloud_key(study.node(series, step), layer))


def prompts(study: Results) -> pd.DataFrame:
    """prompt, text, category, reference. Shared between sessions: never change it in place."""
    return _prompts(study.study.name, study.record.probe_digest)


@st.cache_resource(max_entries=8, show_spinner=False)
def _prompts(name: str, digest: str) -> pd.DataFrame:
    return data.open_study(name).prompts


def categories(study: Results) -> list[str]:
    return sorted(prompts(study)["category"].fillna("").unique())


def index_set(study: Results, subsample: int) -> np.ndarray:
    """(m,) prompt numbers of a subsample; -1 is the whole cloud."""
    asked = study.study
    if subsample == explore.WHOLE:
        return np.arange(study.record.n_prompts)
    return _index_sets(study.record.n_prompts, asked.subsamples, asked.subsample_size, asked.seed)[subsample]


@st.cache_data(max_entries=16, show_spinner=False)
def _index_sets(n_prompts: int, count: int, size: int, seed: int) -> dict[int, np.ndarray]:
    return cells.index_sets(n_prompts, count, size, seed)


def distances(study: Results, cell: Cell, lens: Lens) -> tuple[np.ndarray, float]:
    """All distances of a cell's whole cloud and their median, at raw scale."""
    return _distances(study.study.name, study.record.digest, cell, lens.metric, lens.dimension)


@st.cache_resource(max_entries=24, show_spinner=False)
def _distances(name: str, digest: str, cell: Cell, metric: str, dimension: int) -> tuple[np.ndarray, float]:
    cloud = data.open_study(name).cloud(*cell)
    return explore.distances(cloud, Lens(metric=metric, dimension=dimension))


@dataclass(frozen=True)
class Seen:
    """A cloud as it was looked at, what it took, and the complex in the order in which it grows."""

    explored: Explored
    milliseconds: float
    edges: np.ndarray
    edge_lengths: np.ndarray
    triangles: np.ndarray
    triangle_diameters: np.ndarray
    n_triangles: np.ndarray | None  # of the whole complex, up to each edge; None for many points
    curve: tuple[np.ndarray, np.ndarray]
    linkage: np.ndarray
    order: np.ndarray
    places: np.ndarray

    def complex_at(self, at: float) -> tuple[np.ndarray, np.ndarray, int, int | None]:
        """Edges and triangles to draw at a distance, and how many there are (None: not counted)."""
        edges = int(np.searchsorted(self.edge_lengths, at, "right"))
        drawn = int(np.searchsorted(self.triangle_diameters, at, "right"))
        triangles = None if self.n_triangles is None else int(self.n_triangles[edges])
        return self.edges[: min(edges, EDGES)], self.triangles[:drawn], edges, triangles


def look(study: Results, cell: Cell, lens: Lens) -> Seen:
    """A cell through a lens.

    Raises
    ------
    Fault
        where too few prompts are left, or the cloud has no distances in this metric.
    """
    return _look(study.study.name, study.record.digest, cell, lens)


@st.cache_resource(max_entries=64, show_spinner=False)
def _look(name: str, digest: str, cell: Cell, lens: Lens) -> Seen:
    study = data.open_study(name)
    start = time.perf_counter()
    matrix, unit = distances(study, cell, lens)
    rows = explore.chosen(prompts(study), index_set(study, lens.subsample), lens)
    explored = explore.explore(matrix, unit, rows, lens)
    spent = 1000 * (time.perf_counter() - start)
    edges, lengths = complexes.edges_by_length(explored.distances)
    triangles, diameters = complexes.triangles_by_diameter(explored.distances, TRIANGLES)
    counts = None
    if len(rows) <= COUNTED:
        counts = np.append(0, np.cumsum(complexes.triangle_counts(explored.distances)))
    linkage = generators.linkage(explored.tree, explored.lengths)
    order, places = generators.dendrogram(linkage)
    curve = complexes.betti_curve(explored.bars.diagrams)
    return Seen(explored, spent, edges, lengths, triangles, diameters, counts, curve, linkage, order, places)


# --- the map ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mapped:
    """Places of all prompts of a cell, how far any cell reaches along the axes, and what the axes are."""

    points: np.ndarray
    reach: tuple[float, float]
    axes: tuple[str, str]
    words: str


def map_of(study: Results, cell: Cell, lens: Lens, way: str) -> Mapped:
    """The cell's cloud on a plane: "PCA" (axes shared by all cells of the layer) or "MDS" of its own distances."""
    return _map(study.study.name, study.record.digest, cell, lens, way, cached(study, cell[2]))


@st.cache_resource(max_entries=64, show_spinner=False)
def _map(name: str, digest: str, cell: Cell, lens: Lens, way: str, cached: tuple[Cell, ...]) -> Mapped:
    study = data.open_study(name)
    basis, reach = _basis(name, digest, cached, lens.scale)
    unit = data.unit(study, *cell) if lens.scale == "median" else 1.0
    places = maps.project(study.cloud(*cell), basis) / unit
    if way == "PCA":
        shares = " and ".join(f"{share:.0%}" for share in basis.explained)
        return Mapped(
            places,
            reach,
            _axes("component", unit_words(lens.scale)),
            f"Principal components of {len(cached)} clouds of this layer together ({shares} of their variance), each "
            "centred: the same axes at every step, so what moves is the shape.",
        )
    matrix, own = distances(study, cell, lens)
    points, shares = maps.classical_mds(matrix / own if lens.scale == "median" else matrix)
    points = maps.align(points, places)
    both = " and ".join(f"{share:.0%}" for share in shares)
    return Mapped(
        points,
        tuple(float(one) for one in np.abs(points).max(axis=0)),
        _axes("axis", unit_words(lens.scale, lens.metric)),
        f"Classical multidimensional scaling of this cloud's own distances ({both} of their spread), turned to lie on "
        "its principal components; the axes are fitted to this cell.",
    )


def _axes(name: str, unit: str) -> tuple[str, str]:
    return f"{name} 1 ({unit})", f"{name} 2 ({unit})"


def cached(study: Results, layer: int) -> tuple[Cell, ...]:
    """Cells of a layer whose clouds are in the archive, the base once."""
    return _cached_cells(study.study.name, data.version(study), layer)


@st.cache_data(max_entries=64, show_spinner=False)
def _cached_cells(name: str, version: str, layer: int) -> tuple[Cell, ...]:
    study = data.open_study(name)
    found = {}
    for one in study.record.series:
        for node in study.record.path_of(one.name):
            if has_cloud(study, (one.name, node.step, layer)):
                found.setdefault(node.fingerprint, (one.name, node.step, layer))
    return tuple(found.values())


@st.cache_resource(max_entries=16, show_spinner="Laying out the map…")
def _basis(name: str, digest: str, cached: tuple[Cell, ...], scale: str) -> tuple[maps.Basis, tuple[float, float]]:
    study = data.open_study(name)
    few = cached[:: -(-len(cached) // MAPPED)]
    basis = maps.joint_basis([study.cloud(*cell) for cell in few])
    reaches = []
    for cell in cached:
        unit = data.unit(study, *cell) if scale == "median" else 1.0
        reaches.append(np.abs(maps.project(study.cloud(*cell), basis)).max(axis=0) / unit)
    across, up = np.max(reaches, axis=0)
    return basis, (float(across), float(up))
