"""Clouds of the archive measured anew, in whatever way the page asks: computed once per choice, for all sessions."""

import time
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np
import pandas as pd

from pages.parts import data
from pages.parts.data import Cell
from phcore.analysis import longer_than_noise
from phcore.analysis.longer_than_noise import Noise
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.figures.charts.growth import brackets
from phcore.formatting import percent, unit_words
from phcore.stages.gaussian_nulls import REPLICATES
from phcore.stages.registry import files
from phcore.stages.registry.keys import keys_of
from phcore.stages.registry.result import Place
from phcore.topology import clouds, complexes, explore, generators, maps
from phcore.topology.explore import Explored, Lens
from phcore.topology.gaussian_null import gaussian
from phcore.topology.persistence import Diagrams, diagrams

MAPPED = 12  # clouds that make the axes of a map
TRIANGLES = 2_000  # drawn at most, and
EDGES = 3_000
DRAWN = 400  # points up to which Gaussian clouds are drawn for a look: a second's work
COCYCLES = 500  # and up to which ripser, which holds up every session, is asked for a cocycle


# What prompts depend on: their texts, categories and references, and what is private, which is no part of a study's
# digest. And what a cloud does: once it is there it stays the same, whatever else is being computed.
_texts, _inputs = attrgetter("record.probes_key", "study.private"), attrgetter("version")


def has_cloud(study: Results, cell: Cell) -> bool:
    """Whether the hidden states of a cell are in the archive (its file is checked when it is read)."""
    series, step, layer = cell
    key = keys_of(study.record).of("clouds", Place((study.node(series, step),), layer))
    return study.store.has("clouds", key)


@data.cached(8, by=_texts)
def prompts(study: Results) -> pd.DataFrame:
    """prompt, text, category, reference."""
    return study.prompts


@data.cached(8, by=_texts)
def categories(study: Results) -> list[str]:
    return sorted(prompts(study)["category"].fillna("").unique())


@data.cached(16, by=_inputs)
def index_sets(study: Results) -> dict[int, np.ndarray]:
    """Subsample -> (m,) prompt numbers; -1 is the whole cloud."""
    asked, number = study.study, study.record.n_prompts
    sets = clouds.index_sets(number, asked.subsamples, study.record.subsample_size, asked.seed)
    return sets | {explore.WHOLE: np.arange(number)}


@data.cached(24, by=_inputs)
def distances(study: Results, cell: Cell, metric: str, dimension: int) -> tuple[np.ndarray, float]:
    """All distances of a cell's whole cloud and their median, at raw scale; `metric` and `dimension` as in `Lens`."""
    return explore.distances(_cloud(study, cell), Lens(metric=metric, dimension=dimension))


def _cloud(study: Results, cell: Cell) -> np.ndarray:
    cloud = study.cloud(*cell)
    if cloud is None:  # it was there a moment ago
        raise Fault("the file of these hidden states was damaged and is set aside", "compute the study again")
    return cloud


@dataclass(frozen=True)
class Seen:
    """A cloud as it was looked at, what it took, and the complex in the order in which it grows."""

    explored: Explored
    milliseconds: float
    edges: np.ndarray
    edge_lengths: np.ndarray
    triangles: np.ndarray
    triangle_diameters: np.ndarray
    linkage: np.ndarray
    order: np.ndarray
    brackets: np.ndarray


@data.cached(64, by=_inputs)
def look(study: Results, cell: Cell, lens: Lens) -> Seen:
    """A cell through a lens.

    Raises
    ------
    Fault
        where too few prompts are left, or the cloud has no distances in this metric.
    """
    start = time.perf_counter()
    matrix, median_distance = distances(study, cell, lens.metric, lens.dimension)
    rows = explore.chosen(prompts(study), index_sets(study)[lens.subsample], lens)
    explored = explore.explore(matrix, median_distance, rows, lens)
    spent = 1000 * (time.perf_counter() - start)
    edges, lengths = complexes.edges_by_length(explored.distances)
    triangles, diameters = complexes.triangles_by_diameter(explored.distances, TRIANGLES)
    linkage = generators.linkage(explored.tree, explored.lengths)
    order, places = generators.dendrogram(linkage)
    tree = brackets(explored.lengths, places)
    return Seen(explored, spent, edges[:EDGES], lengths[:EDGES], triangles, diameters, linkage, order, tree)


def look_or_read(study: Results, cell: Cell, lens: Lens) -> tuple[Seen | None, list[np.ndarray]]:
    """A cell through a lens, and its diagrams; without its hidden states None, and those of the archive. As `look`."""
    if not has_cloud(study, cell):
        return None, data.diagrams(study, cell, lens.subsample, lens.scale)
    seen = look(study, cell, lens)
    return seen, seen.explored.bars.diagrams


@data.cached(64, by=_inputs)
def cocycle(study: Results, cell: Cell, lens: Lens, birth: float, death: float) -> np.ndarray:
    """(k, 2) points: the edges that every cycle around the hole of this H1 bar must cross, as ripser finds them."""
    return generators.cocycle(look(study, cell, lens).explored.distances, birth, death)


@data.cached(64, by=_inputs)
def noise(study: Results, cell: Cell, lens: Lens) -> Noise | None:
    """What Gaussian clouds of the cell's covariance and of as many points reach, at the scale of the lens.

    The archive's clouds where it has them for these very bars; else as many are drawn, of the prompts the lens leaves
    in. None where neither can be.
    """
    unit = 1.0
    if lens.scale == "median":
        unit = data.median_distance(study, *cell) if not has_cloud(study, cell) else distances(
            study, cell, lens.metric, lens.dimension)[1]  # fmt: skip
    kept = _kept_null(study, cell) if _is_own(study, lens) else []
    if not kept and has_cloud(study, cell):
        kept = _drawn_null(study, cell, replace(lens, scale="raw"))
    band = longer_than_noise.noise(kept)
    return band and Noise(tuple(one / unit for one in band.longest), band.clouds)


def _is_own(study: Results, lens: Lens) -> bool:
    """Whether the study has measured bars of just so many prompts in just this way."""
    return lens.archived(study.study.metric) and (lens.subsample >= 0) == bool(study.study.subsamples)


def _kept_null(study: Results, cell: Cell) -> list[Diagrams]:
    place = Place((study.node(*cell[:2]),), cell[2])
    found = files.read(study.record, study.store, "gaussian_nulls", place) or {}
    return [one.diagrams for one in found.get("covariance", {}).values()]


def _drawn_null(study: Results, cell: Cell, lens: Lens) -> list[Diagrams]:
    rows = explore.chosen(prompts(study), index_sets(study)[lens.subsample], lens)
    if len(rows) > DRAWN:
        return []
    cloud = _cloud(study, cell)
    if lens.categories or lens.text.strip():
        cloud = cloud[rows]
    if lens.dimension:
        cloud = maps.reduce(cloud, lens.dimension)
    size, seed = len(rows), study.study.seed
    drawn = (gaussian(cloud, "covariance", size, replicate=k, seed=seed) for k in range(REPLICATES))
    return [diagrams(clouds.distance_matrix(one, metric=lens.metric)) for one in drawn]


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
    if way == "PCA":  # of the cloud as it is, whatever else is asked
        return _shared_map(study, cell, lens.scale)
    return _own_map(study, cell, lens.scale, lens.metric, lens.dimension)


@data.cached(64)
def _shared_map(study: Results, cell: Cell, scale: str) -> Mapped:
    every = cells_with_clouds(study, cell[2])
    basis, reaches = _basis(study, every)
    medians = np.array([data.median_distance(study, *one) if scale == "median" else 1.0 for one in every])
    across, up = (reaches / medians[:, None]).max(axis=0)
    shares = " and ".join(map(percent, basis.explained))
    return Mapped(
        maps.project(_cloud(study, cell), basis) / (data.median_distance(study, *cell) if scale == "median" else 1.0),
        (float(across), float(up)),
        _axes("component", unit_words(scale)),
        f"Principal components of {len(every)} clouds of this layer together ({shares} of their variance), each "
        "centred: the same axes at every step, so what moves is the shape.",
    )


@data.cached(64)
def _own_map(study: Results, cell: Cell, scale: str, metric: str, dimension: int) -> Mapped:
    matrix, median_distance = distances(study, cell, metric, dimension)
    points, shares = maps.classical_mds(matrix / median_distance if scale == "median" else matrix)
    points = maps.align(points, _shared_map(study, cell, scale).points)
    both = " and ".join(map(percent, shares))
    return Mapped(
        points,
        tuple(float(one) for one in np.abs(points).max(axis=0)),
        _axes("axis", unit_words(scale, metric)),
        f"Classical multidimensional scaling of this cloud's own distances ({both} of their spread), turned to lie on "
        "its principal components; the axes are fitted to this cell.",
    )


def _axes(name: str, unit: str) -> tuple[str, str]:
    return f"{name} 1 ({unit})", f"{name} 2 ({unit})"


@data.cached(64)
def cells_with_clouds(study: Results, layer: int) -> tuple[Cell, ...]:
    """Cells of a layer whose clouds are in the archive, the base once."""
    found = {}
    for one in study.record.series:
        for node in study.record.path_of(one.name):
            if has_cloud(study, (one.name, node.step, layer)):
                found.setdefault(node.fingerprint, (one.name, node.step, layer))
    return tuple(found.values())


@data.cached(16, spinner="Laying out the map…", by=_inputs)
def _basis(study: Results, every: tuple[Cell, ...]) -> tuple[maps.Basis, np.ndarray]:
    """The axes of a layer's map, and how far each cell reaches along them, at raw scale."""
    few = every[:: -(-len(every) // MAPPED)]
    basis = maps.joint_basis([_cloud(study, cell) for cell in few])
    return basis, np.array([np.abs(maps.project(_cloud(study, cell), basis)).max(axis=0) for cell in every])
