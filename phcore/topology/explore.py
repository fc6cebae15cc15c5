"""One cloud looked at closely: which prompts, in which metric, and which of them make each bar.

What a study keeps is measured in one way. Here a cloud that lies in the archive is measured anew in any way one
asks for, in a few milliseconds, and every bar leads back to its prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from phcore.errors import Fault
from phcore.topology import clouds, generators, maps
from phcore.topology.clouds import WHOLE
from phcore.topology.generators import Generators

MOST = 1_000  # points of a cloud that are measured live: its bars take some 50 ms
_ORDER = 20  # seed of the order in which points are taken when fewer are asked for


@dataclass(frozen=True)
class Lens:
    """How a cloud is looked at. The defaults are the whole cloud as the archive has it.

    Attributes
    ----------
    subsample : number of the study's index set; -1 is the whole cloud.
    points : how many of these prompts at most; 0 is all. Fewer points are always among the more.
    categories : only prompts of these; empty is all.
    text : only prompts that hold these words (whatever their case).
    metric : "euclidean" or "cosine".
    dimension : principal components kept before distances are taken; 0 keeps the cloud as it is.
    scale : "raw", or "median" (distances divided by the median distance of the whole cloud).
    """

    subsample: int = WHOLE
    points: int = 0
    categories: tuple[str, ...] = ()
    text: str = ""
    metric: str = "euclidean"
    dimension: int = 0
    scale: str = "raw"

    def archived(self, metric: str) -> bool:
        """Whether the archive of a study with this metric holds these very bars (at either scale)."""
        return replace(self, scale="raw") == Lens(subsample=self.subsample, metric=metric)


def distances(cloud: np.ndarray, lens: Lens) -> tuple[np.ndarray, float]:
    """All distances of the whole cloud as the lens takes them, at raw scale, and their median.

    Raises
    ------
    Fault : where the cloud has no distances in this metric, see `clouds.distance_matrix`.
    """
    if lens.dimension:
        cloud = maps.reduce(cloud, lens.dimension)
    matrix = clouds.distance_matrix(cloud, metric=lens.metric)
    return matrix, clouds.median_distance(matrix)


def chosen(prompts: pd.DataFrame, index_set: np.ndarray, lens: Lens) -> np.ndarray:
    """Numbers of the prompts that the lens looks at, in order.

    Parameters
    ----------
    prompts : prompt (0, 1, ... in order), text, category: the study's probe set.
    index_set : (m,) prompts of the subsample.
    """
    own = prompts.iloc[index_set]
    keep = np.ones(len(own), dtype=bool)
    if lens.categories:
        keep &= own["category"].fillna("").isin(lens.categories).to_numpy()
    if lens.text.strip():
        keep &= own["text"].str.contains(lens.text.strip(), case=False, regex=False).to_numpy()
    rows = np.asarray(index_set)[keep]
    most = min(lens.points or MOST, MOST)
    if len(rows) > most:
        # One order for all prompts of the probe set, so that a few points are among the more, in every subsample.
        place = np.random.default_rng(_ORDER).permutation(len(prompts))
        rows = rows[np.argsort(place[rows])[:most]]
    return np.sort(rows)


def ranked(diagrams: Sequence[np.ndarray]) -> pd.DataFrame:
    """degree, birth, death, persistence, place (in its diagram), rank (1 is the most persistent of its degree).

    Parameters
    ----------
    diagrams : one (k, 2) array per degree, each sorted by (birth, death).
    """
    parts = [
        pd.DataFrame({"degree": degree, "birth": bars[:, 0], "death": bars[:, 1], "place": range(len(bars))})
        for degree, bars in enumerate(diagrams)
    ]
    table = pd.concat(parts, ignore_index=True)
    table.insert(3, "persistence", table["death"] - table["birth"])
    rank = table.groupby("degree")["persistence"].rank(method="first", ascending=False)
    return table.assign(rank=rank.astype(int))


@dataclass(frozen=True)
class Explored:
    """The points looked at, their distances, and the bars with the points that make them.

    Attributes
    ----------
    rows : (n,) prompt numbers; all other indices count within these.
    distances : (n, n) at the scale of the lens.
    bars : diagrams with the simplices that begin and end each bar.
    tree, lengths : (n - 1, 2) and (n - 1,): the minimum spanning tree, by length.
    """

    rows: np.ndarray
    distances: np.ndarray
    bars: Generators
    tree: np.ndarray
    lengths: np.ndarray

    @cached_property
    def table(self) -> pd.DataFrame:
        """The bars, `ranked`."""
        return ranked(self.bars.diagrams)

    def merge(self, place: int) -> Merge:
        """What ends the H0 bar at this place of its diagram."""
        edge = place + int((self.lengths == 0).sum())  # equal points merge at distance 0 and make no bar
        a, b = generators.merge_groups(self.tree, edge)
        return Merge(tuple(self.tree[edge]), a, b, float(self.lengths[edge]))

    def loop(self, place: int) -> Loop:
        """What begins and ends the H1 bar at this place of its diagram, and a cycle born with it."""
        edge, triangle = self.bars.birth_edges[place], self.bars.death_triangles[place]
        birth, death = self.bars.diagrams[1][place]
        cycle = generators.loop(self.distances, edge)
        return Loop(tuple(edge), tuple(triangle), cycle, float(birth), float(death))

    def touched(self, points: set[int]) -> pd.DataFrame:
        """degree, place of the bars that begin or end at one of these points: their edges and triangles."""
        of_loops = np.hstack([self.bars.birth_edges, self.bars.death_triangles])
        rows = [
            (degree, place)
            for degree, simplices in enumerate((self.bars.merges, of_loops))
            for place in np.flatnonzero(np.isin(simplices, list(points)).any(axis=1))
        ]
        return pd.DataFrame(rows, columns=["degree", "place"])


@dataclass(frozen=True)
class Merge:
    """Two points, the groups they belong to just before they merge, and the distance at which they do."""

    edge: tuple[int, int]
    first: np.ndarray  # holds edge[0]
    second: np.ndarray
    distance: float


@dataclass(frozen=True)
class Loop:
    """A cycle born with an H1 bar (one of several), the edge that closes it and the triangle that fills it."""

    edge: tuple[int, int]
    triangle: tuple[int, int, int]
    cycle: np.ndarray  # (k,) points in order
    birth: float
    death: float


def explore(matrix: np.ndarray, median_distance: float, rows: np.ndarray, lens: Lens) -> Explored:
    """The bars of some points of a cloud.

    Parameters
    ----------
    matrix, median_distance : from `distances`.
    rows : from `chosen`.

    Raises
    ------
    Fault : for fewer than two points, or a median distance of zero to divide by.
    """
    if len(rows) < 2:
        raise Fault(f"{len(rows) or 'no'} prompt{'s'[: len(rows) != 1]} left to look at", "loosen the filters")
    part = matrix[np.ix_(rows, rows)]
    if lens.scale == "median":
        if not median_distance:
            raise Fault("half of all distances are zero, so the median is no unit", "choose the raw scale")
        part = part / median_distance
    return Explored(rows, part, generators.generators(part), *generators.spanning_tree(part))
