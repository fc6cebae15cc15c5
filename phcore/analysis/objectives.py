"""Where objectives go: mean summaries in units of resampling noise, paths on a plane, distances by step.

Paired Wasserstein distances saturate after a few steps of training; means of summaries over subsamples do
not. Both ways are here, each with the floor it has to be read against.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import pandas as pd

from phcore.analysis.dynamics import distance_matrices
from phcore.errors import Fault
from phcore.study import SCALES
from phcore.topology.maps import classical_mds, shares, signed, two_columns
from phcore.topology.summaries import FEATURES, at_other_scale
from phcore.topology.vectors import landscapes

CELL = ["series", "step"]
# A spread below this share of a feature's size is rounding of a constant.
_CONSTANT = 1e-9


@dataclass(frozen=True)
class Standardised:
    """The summaries of one layer, every feature divided by its resampling standard deviation.

    Attributes
    ----------
    subsamples : index (series, step, subsample), one column per feature that varies; others have no unit.
    means : index (series, step), the mean over the subsamples of each cell.
    unit : feature -> the standard deviation it was divided by.
    left_out : (series, step) of cells that say nothing: not finite, or empty diagrams throughout.
    """

    subsamples: pd.DataFrame
    means: pd.DataFrame
    unit: pd.Series
    left_out: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Paths:
    """Checkpoints of all series on one plane.

    Attributes
    ----------
    points : series, step, pc1, pc2, in ``unit``; the base model, if all series share it, is (0, 0).
    explained : shares of the variance along the two axes; NaN if nothing varies.
    unit : what 1 on the axes is, in the distances the plane was made from.
    loadings : feature x (pc1, pc2), unit vectors; empty where the axes are not made of features.
    left_out : (series, step) of checkpoints without a place.
    """

    points: pd.DataFrame
    explained: tuple[float, float]
    unit: float
    loadings: pd.DataFrame
    left_out: tuple[tuple[str, int], ...]


def standardise(summaries: pd.DataFrame, layer: int) -> Standardised:
    """Express the summaries of a layer in units of resampling noise.

    The unit of a feature is its standard deviation over the subsamples of a cell (ddof 1), pooled over
    the layer's cells; a base model that several series share is counted once.

    Parameters
    ----------
    summaries : the ``summaries`` table, each series with its base as step 0.

    Raises
    ------
    Fault : no usable cell in this layer, or a single subsample per cell, which has no spread.
    """
    table = summaries[summaries["layer"] == layer].set_index([*CELL, "subsample"])[list(FEATURES)]
    if table.empty:
        raise Fault(f"the summaries of layer {layer} have not been measured yet", "compute the study")
    table = table.astype(np.float64).sort_index()
    said = pd.DataFrame({"finite": np.isfinite(table).all(axis=1), "bars": (table != 0).any(axis=1)})
    said = said.groupby(level=CELL, observed=True).agg({"finite": "all", "bars": "any"}).all(axis=1)
    if not said.any():
        raise Fault(f"layer {layer} has no cell with a finite, nonempty diagram", "look at another layer")
    table = table[said.reindex(table.index.droplevel("subsample")).to_numpy()]
    cells = table.groupby(level=CELL, observed=True)
    sizes, means = cells.size(), cells.mean()
    if sizes.max() < 2:
        raise Fault(
            f"layer {layer} has one subsample per cell, which has no spread to measure by",
            "compute the study with subsamples, or compare its distances instead",
        )
    counted = ~_repeated_base(means.to_numpy(), means.index) & (sizes > 1)
    unit = np.sqrt(cells.var()[counted].mean())
    unit = unit[unit > _CONSTANT * table.abs().max()]
    scaled = table[unit.index] / unit
    return Standardised(scaled, scaled.groupby(level=CELL, observed=True).mean(), unit, tuple(said.index[~said]))


def summary_distance(standardised: Standardised, a: tuple[str, int], b: tuple[str, int]) -> float:
    """Euclidean distance between the mean summaries of two cells (series, step)."""
    return float(np.linalg.norm(standardised.means.loc[a] - standardised.means.loc[b]))


def split_half_floor(standardised: Standardised, repeats: int = 200, seed: int = 0) -> pd.DataFrame:
    """How far apart two random halves of a cell's own subsamples are.

    The halves are half as large as a cell and unpaired, so the floor errs on the high side by about
    sqrt(2). It covers the noise of resampling these prompts, and nothing else: neither another choice
    of prompts (subsamples of a cloud overlap) nor another training seed.

    Returns
    -------
    Index (series, step): median and q95 of the distance between the means of the halves.
    """
    rng = np.random.default_rng(seed)
    floors = {}
    for cell, rows in standardised.subsamples.groupby(level=CELL, observed=True):
        count = len(rows)
        half = count // 2
        # (repeats, count): 1/half in one half, -1/(count - half) in the other; one product gives all means.
        weights = np.r_[np.full(half, 1 / half), np.full(count - half, -1 / (count - half))] if half else [0.0]
        halves = rng.permuted(np.tile(weights, (repeats, 1)), axis=1)
        distances = np.linalg.norm(halves @ rows.to_numpy(), axis=1)
        floors[cell] = (np.median(distances), np.quantile(distances, 0.95)) if half else (np.nan, np.nan)
    index = pd.MultiIndex.from_tuples(floors, names=CELL)
    return pd.DataFrame(floors.values(), index=index, columns=["median", "q95"])


def standardised_layers(
    summaries: pd.DataFrame, cells: pd.DataFrame, scale: str, layers: Sequence[int], subsamples: int
) -> Iterator[tuple[dict, Standardised, pd.DataFrame]]:
    """Layer and scale, standardised summaries and their split-half floors, where there is a spread to measure by.

    Parameters
    ----------
    summaries : at `scale`; they are given at both.
    cells : series, step, layer and median_distance of each.
    """
    if summaries.empty or subsamples < 2:
        return
    medians = summaries[["series", "step", "layer"]].merge(cells, "left")["median_distance"].to_numpy()
    for other in SCALES:
        frame = summaries if other == scale else _rescaled(summaries, medians, other)
        for layer in layers:
            try:
                one = standardise(frame, layer)
            except Fault:  # a layer without bars has no summaries to compare
                continue
            yield {"layer": layer, "scale": other}, one, split_half_floor(one)


def _rescaled(summaries: pd.DataFrame, medians: np.ndarray, scale: str) -> pd.DataFrame:
    """Summaries of the one scale at the other."""
    values = at_other_scale(summaries[list(FEATURES)].to_numpy(), medians, scale)
    return summaries.assign(**dict(zip(FEATURES, values.T, strict=True)))


def paths_means(standardised: Standardised, floors: pd.DataFrame) -> Paths:
    """Paths of the mean summaries on their first two principal components, in units of the floor.

    The floor is the median over cells of the median split-half distance (see `split_half_floor`): a distance of 1 on
    the plane is what resampling alone would give.
    """
    means = standardised.means
    floor = float(floors["median"].median())
    paths = paths_vectors(means.to_numpy(), means.index, unit=floor if floor > 0 else 1.0)
    return replace(paths, loadings=paths.loadings.set_axis(means.columns), left_out=standardised.left_out)


def paths_vectors(vectors: np.ndarray, cells: pd.MultiIndex, unit: float = 1.0) -> Paths:
    """Principal components of any vectors, for example mean persistence landscapes.

    Parameters
    ----------
    vectors : (cells, ...) one array per cell, flattened here.
    cells : (series, step) of each; each series with its base as step 0.
    unit : divides the coordinates.
    """
    flat = np.asarray(vectors, dtype=np.float64).reshape(len(cells), -1)
    finite = np.isfinite(flat).all(axis=1)
    left_out, cells, flat = tuple(cells[~finite]), cells[finite], flat[finite]
    if not len(flat):
        raise Fault("no checkpoint has a place on the plane", "look at another layer")
    once = ~_repeated_base(flat, cells)
    centre = flat[once].mean(axis=0)
    _, singular, axes = np.linalg.svd(flat[once] - centre, full_matrices=False)
    axes = signed(axes[:2])
    coordinates = two_columns((flat - centre) @ axes.T)
    points = _points(cells, coordinates / unit)
    loadings = pd.DataFrame(two_columns(axes.T), columns=["pc1", "pc2"])
    return Paths(points, shares(singular**2), unit, loadings, left_out)


def paths_landscapes(bars: pd.DataFrame, depth: int = 5, points: int = 120) -> Paths:
    """Paths of the mean persistence landscapes; the unit is the distance between those of two halves of a cell.

    Parameters
    ----------
    bars : series, step, subsample, birth, death of one layer and degree.
    depth, points : landscapes, and distances they are looked at, from 0 to the last death.

    Raises
    ------
    Fault : there is no bar.
    """
    if bars.empty:
        raise Fault("no checkpoint has a bar of this degree here", "look at another layer or degree")
    grid = np.linspace(0.0, bars["death"].max(), points)
    diagrams = bars.groupby([*CELL, "subsample"], sort=False, observed=True)
    each = landscapes(bars[["birth", "death"]].to_numpy(), diagrams.ngroup().to_numpy(), grid, depth)
    index = diagrams.size().index.droplevel("subsample")
    starts = np.flatnonzero(~index.duplicated())
    of_cell = np.split(each, starts[1:])
    halves = [np.linalg.norm(part[::2].mean(axis=0) - part[1::2].mean(axis=0)) for part in of_cell if len(part) > 1]
    unit = float(np.median(halves)) if halves else 1.0
    return paths_vectors(np.array([part.mean(axis=0) for part in of_cell]), index[starts], unit=unit or 1.0)


def paths_mds(
    distances: pd.DataFrame, layer: int, degree: int = 1, order: float = 2.0, norm: float = 2.0, scale: str = "raw"
) -> Paths:
    """Classical multidimensional scaling of the distances between all checkpoints (Torgerson, 1952).

    ``explained`` is the share of the two largest eigenvalues in the sum of all absolute ones: Wasserstein
    distances do not fit into any Euclidean space, and what is negative counts as unexplained.

    Parameters
    ----------
    distances : the ``distances`` table. Checkpoints that miss distances to others are left out, those
        that miss most first. The base is repeated as step 0 of every series without a step 0 of its own.
    """
    matrix = distance_matrices(distances).get((layer, degree, order, norm, scale))
    if matrix is None:
        raise Fault(
            f"there are no distances for layer {layer}, H{degree}, order {order:g}, norm {norm:g}, {scale}",
            "compute the study with these settings",
        )
    own_start = {series for series, step in matrix.index if step == 0}  # also where it finds no place
    left_out = []
    while (missing := matrix.isna().sum()).any():
        left_out.append(missing.idxmax())
        matrix = matrix.drop(index=left_out[-1:], columns=left_out[-1:])
    coordinates, explained = classical_mds(matrix.to_numpy())
    placed = dict(zip(matrix.index, coordinates, strict=True))
    base = placed.pop(("base", 0), None)
    if base is not None:
        starts = {(series, 0): base for series, _ in placed if series not in own_start}
        placed |= starts if placed else {("base", 0): base}
    cells = pd.MultiIndex.from_tuples(sorted(placed), names=CELL)
    points = _points(cells, np.array([placed[cell] for cell in cells]))
    return Paths(points, explained, 1.0, pd.DataFrame(columns=["pc1", "pc2"]), tuple(left_out))


def objective_distance(standardised: Standardised, floors: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    """Distance between two series by step, in mean summaries.

    Parameters
    ----------
    floors : `split_half_floor` of the same summaries.

    Returns
    -------
    step (those both series have), value, floor, floor_q95: the larger of the two cells' split-half
    median and 95 % quantile.
    """
    means = standardised.means
    steps = common_steps(means.index, a, b)
    first, second = (pd.MultiIndex.from_product([[name], steps], names=CELL) for name in (a, b))
    value = np.linalg.norm(means.loc[first].to_numpy() - means.loc[second].to_numpy(), axis=1)
    floor = np.fmax(floors.loc[first].to_numpy(), floors.loc[second].to_numpy())
    return pd.DataFrame({"step": steps, "value": value, "floor": floor[:, 0], "floor_q95": floor[:, 1]})


def objective_wasserstein(
    distances: pd.DataFrame, floors: pd.DataFrame, a: str, b: str, **wanted: object
) -> pd.DataFrame:
    """Distance between two series by step, as the mean Wasserstein distance of paired subsamples.

    Parameters
    ----------
    distances, floors : the tables of those names. The base is step 0 of a series without one of its own;
        where both start there, step 0 is no row.
    wanted : layer, degree, order, norm and scale of both.

    Returns
    -------
    step (those both series have), value, and the resampling floor of both cells at that step: floor
    (mean), floor_q10, floor_q90; NaN where the floors table has none.
    """
    pairs = _where(distances, wanted)
    names = {name: _names(pairs, name) for name in (a, b)}
    pairs = pairs[(pairs["step_a"] == pairs["step_b"])]
    either = (pairs["series_a"].isin(names[a]) & pairs["series_b"].isin(names[b])) | (
        pairs["series_a"].isin(names[b]) & pairs["series_b"].isin(names[a])
    )
    table = pairs[either].rename(columns={"step_a": "step"})[["step", "value"]]
    own = _where(floors, wanted)
    own = own[own["series"].isin([a, b])].astype({"step": table["step"].dtype, "value": np.float64})
    by_step = own.groupby("step")["value"]
    floor = pd.DataFrame(
        {"floor": by_step.mean(), "floor_q10": by_step.quantile(0.1), "floor_q90": by_step.quantile(0.9)}
    )
    return table.dropna().join(floor, on="step").sort_values("step", ignore_index=True)


def _names(pairs: pd.DataFrame, series: str) -> list[str]:
    """What the checkpoints of a series are called in the distances table: "base" too if it starts there."""
    steps = pd.concat([pairs.loc[pairs[f"series_{side}"] == series, f"step_{side}"] for side in "ab"])
    return [series] if steps.empty or (steps == 0).any() else [series, "base"]


def _where(table: pd.DataFrame, wanted: dict) -> pd.DataFrame:
    return table[np.logical_and.reduce([table[column] == value for column, value in wanted.items()])]


def common_steps(index: pd.MultiIndex, *names: str) -> np.ndarray:
    """The steps, ascending, that every one of these series has in an index (series, step)."""
    series, steps = index.get_level_values("series"), index.get_level_values("step")
    return reduce(np.intersect1d, [steps[series == name] for name in names])


def _repeated_base(vectors: np.ndarray, cells: pd.MultiIndex) -> np.ndarray:
    """(cells,) true for step 0 of a series whose numbers an earlier series already has: the shared base model."""
    seen: set[bytes] = set()
    repeated = []
    for row in vectors + 0.0:  # -0 is 0
        repeated.append((found := row.tobytes()) in seen)
        seen.add(found)
    return np.array(repeated, dtype=bool) & (cells.get_level_values("step") == 0)


def _points(cells: pd.MultiIndex, coordinates: np.ndarray) -> pd.DataFrame:
    """Coordinates (cells, 2) as a table, moved so that a shared base lies at (0, 0)."""
    start = coordinates[cells.get_level_values("step") == 0]
    if len(start) and np.allclose(start, start[0]):
        coordinates = coordinates - start[0]
    return cells.to_frame(index=False, name=CELL).assign(pc1=coordinates[:, 0], pc2=coordinates[:, 1])
