"""Where the prompts of a layer lie on its map, at every step: from the archive's tables, without hidden states, too."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pages.parts import data, live
from pages.parts.data import Cell
from phcore.export.results import Results
from phcore.formatting import percent
from phcore.topology.explore import Lens


@dataclass(frozen=True)
class Places:
    """Of one series at a layer, at the scale asked for.

    Attributes
    ----------
    steps : step -> (n, 2) places of all prompts; none where nothing says where they lie.
    reach : (2,) how far any cell of the layer reaches along the axes.
    words : what the axes are.
    """

    steps: dict[int, np.ndarray]
    reach: tuple[float, float]
    words: str


def of(study: Results, cell: Cell, lens: Lens, way: str) -> Places:
    """The map on which a cell is shown: of its whole series where the axes are shared ("PCA"), else of it alone."""
    if way == "MDS" and live.has_cloud(study, cell):
        mapped = live.map_of(study, cell, lens, way)
        return Places({cell[1]: mapped.points}, mapped.reach, mapped.words)
    series, _, layer = cell
    kept = _kept(study, series, layer, lens.scale)
    return kept if kept.steps else _measured(study, series, layer, lens)


def unit(study: Results, cell: Cell, scale: str) -> float:
    """What distances of a cell are divided by."""
    return data.median_distance(study, *cell) if scale == "median" else 1.0


@data.cached(8)
def _layer(study: Results, layer: int) -> pd.DataFrame:
    """The table of coordinates at a layer: of all layers it takes seconds to read."""
    return Results.table(study, "coordinates", layer=layer)


@data.cached(64)
def _kept(study: Results, series: str, layer: int, scale: str) -> Places:
    table = _layer(study, layer)
    steps, reach, share = {}, np.zeros(2), {}
    for (name, step), rows in table.groupby(["series", "step"]):
        points = rows.sort_values("prompt")[["x", "y"]].to_numpy(np.float64)
        by = unit(study, (name, int(step), layer), scale)
        if not np.isfinite(points).all() or not by > 0:
            continue
        reach = np.maximum(reach, np.abs(points / by).max(axis=0))
        if name == series:
            steps[int(step)], share[int(step)] = points / by, float(rows["share"].iloc[0])
    low, high = (percent(one(share.values(), default=0)) for one in (min, max))
    part = low if low == high else f"{low} to {high}"
    words = (
        f"Two principal axes of the first cloud of this series, with {part} of the variance of its steps; each cloud "
        "about its own mean. The same axes at every step, so what moves is the shape."
    )
    return Places(steps, tuple(map(float, reach)), words)


def _measured(study: Results, series: str, layer: int, lens: Lens) -> Places:
    """Of a study without that table: of the cells whose hidden states are there, on axes of their own."""
    mapped = {
        step: live.map_of(study, (name, step, layer), lens, "PCA")
        for name, step, layer in live.cells_with_clouds(study, layer)
        if name == series or not step
    }
    if not mapped:
        return Places({}, (1.0, 1.0), "")
    first = next(iter(mapped.values()))
    return Places({step: one.points for step, one in sorted(mapped.items())}, first.reach, first.words)


@data.cached(16)
def edges(study: Results, series: str, layer: int) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Step -> the shortest pairs of its whole cloud, (e, 2) numbers of prompts and (e,) raw distances in the study's
    own metric; only steps of which the archive has them."""
    table = Results.table(study, "edges", series=series, layer=layer)
    return {
        int(step): (rows[["a", "b"]].to_numpy(np.intp), rows["length"].to_numpy(np.float64))
        for step, rows in table.groupby("step")
    }


@data.cached(32)
def bars(study: Results, series: str, layer: int, subsample: int) -> dict[int, list[np.ndarray]]:
    """Step -> [h0, h1] of a subsample (-1: the whole cloud), raw, as the archive has them."""
    table = Results.table(study, "bars", series=series, layer=layer)
    table = table[table["subsample"] == subsample].sort_values(["step", "birth", "death"])
    return {
        int(step): [rows.loc[rows["degree"] == degree, ["birth", "death"]].to_numpy() for degree in (0, 1)]
        for step, rows in table.groupby("step")
    }
