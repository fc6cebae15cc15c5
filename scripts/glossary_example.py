"""Clouds small enough to draw: points in the plane, taken through the functions that measure real clouds.

One cloud of 24 points explains shapes; series of 96 points, which have enough for subsamples, explain change.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components

from phcore.topology.clouds import distance_matrix, partners, subsamples
from phcore.topology.complexes import triangles_by_diameter
from phcore.topology.distances import wasserstein
from phcore.topology.generators import generators, loop
from phcore.topology.persistence import cell_diagrams, diagrams
from phcore.topology.summaries import FEATURES, summary

RING, CLUSTER = 15, 9
DENSER = 4  # a series has so many times the points
STEPS = tuple(range(10))
SUBSAMPLES, SIZE = 16, 48
# How the ring changes while the cloud drifts: one objective closes it, the other opens it.
DRIFTS = {"A": -0.65, "B": 0.45}
_SEED = 5  # a cloud with one large loop and one that is noise


@dataclass(frozen=True)
class Shape:
    """A cloud with its distances and its two diagrams."""

    points: np.ndarray

    @cached_property
    def distances(self) -> np.ndarray:
        return distance_matrix(self.points)

    @cached_property
    def diagrams(self) -> list[np.ndarray]:
        return diagrams(self.distances)

    @property
    def longest(self) -> np.ndarray:
        """(2,) birth and death of the most persistent loop."""
        loops = self.diagrams[1]
        return loops[np.argmax(loops[:, 1] - loops[:, 0])]


@dataclass(frozen=True)
class Drift:
    """The transitions of a series: mean velocity of H1, and the floor's 10 and 90 % at the later checkpoint."""

    velocity: np.ndarray
    low: np.ndarray
    high: np.ndarray


def ring_and_cluster(ring: int = RING, cluster: int = CLUSTER) -> np.ndarray:
    """(ring + cluster, 2): a noisy circle, then a small cluster beside it."""
    rng = np.random.default_rng(_SEED)
    angles = (np.arange(ring) + rng.uniform(-0.3, 0.3, ring)) * 2 * np.pi / ring
    circle = np.column_stack([np.cos(angles), np.sin(angles)]) * (1 + rng.normal(0, 0.07, (ring, 1)))
    return np.concatenate([circle, rng.normal([2.35, -0.35], 0.2, (cluster, 2))])


def series(objective: str, denser: int = DENSER) -> list[np.ndarray]:
    """The cloud at each of `STEPS`: it changes quickly at first, and step 0 is the same for every objective."""
    rng = np.random.default_rng(_SEED + 1)
    ring = denser * RING
    start = ring_and_cluster(ring, denser * CLUSTER)
    away = np.zeros_like(start)
    away[:ring] = DRIFTS[objective] * start[:ring]
    later = [start + (1 - 0.45**step) * away + rng.normal(0, 0.03, start.shape) for step in STEPS[1:]]
    return [start, *later]


def edges(distances: np.ndarray, distance: float) -> np.ndarray:
    """(k, 2) pairs of points at most ``distance`` apart."""
    return np.argwhere(np.triu(distances <= distance, 1))


def triangles(distances: np.ndarray, distance: float) -> np.ndarray:
    """(k, 3) triples of points pairwise at most ``distance`` apart."""
    found, diameters = triangles_by_diameter(distances, most=len(distances) ** 3)
    return found[diameters <= distance]


def components(distances: np.ndarray, distance: float) -> np.ndarray:
    """(n,) number of the component of each point."""
    return connected_components(distances <= distance, directed=False)[1]


def longest_loop(shape: Shape) -> np.ndarray:
    """(k,) points around the most persistent loop, in order."""
    found = generators(shape.distances)
    return loop(shape.distances, found.birth_edges[int(np.argmax(np.diff(found.diagrams[1]).ravel()))])


def drift(clouds: list[np.ndarray]) -> Drift:
    """Velocities and floor of a series, as the pipeline computes them: paired subsamples, disjoint partners."""
    sets = subsamples(len(clouds[0]), count=SUBSAMPLES, size=SIZE)
    others = partners(sets, len(clouds[0]))
    loops, partner_loops = ([_loops(cloud, rows) for cloud in clouds] for rows in (sets, others))
    moved = [_apart(before, after) for before, after in pairwise(loops)]
    resampled = [_apart(one, other) for one, other in zip(loops[1:], partner_loops[1:], strict=True)]
    low, high = np.quantile(resampled, [0.1, 0.9], axis=1)
    return Drift(np.mean(moved, axis=1), low, high)


def summaries(clouds: dict[str, list[np.ndarray]]) -> pd.DataFrame:
    """The table of that name for several series, with one layer."""
    rows = []
    for name, own in clouds.items():
        sets = subsamples(len(own[0]), count=SUBSAMPLES, size=SIZE)
        for step, cloud in zip(STEPS, own, strict=True):
            for subsample, one in enumerate(cell_diagrams(distance_matrix(cloud), sets)):
                values = dict(zip(FEATURES, summary(one), strict=True))
                rows.append({"series": name, "step": step, "layer": 0, "subsample": subsample} | values)
    return pd.DataFrame(rows)


def _loops(cloud: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    return [h1 for _, h1 in cell_diagrams(distance_matrix(cloud), rows)]


def _apart(one: list[np.ndarray], other: list[np.ndarray]) -> list[float]:
    return [wasserstein(a, b) for a, b in zip(one, other, strict=True)]
