"""Diagrams as vectors: persistence images and landscapes, which have means.

Both are written out here because persim's image has square pixels only and its gridded landscape moves
births and deaths to the grid; the tests compare with its exact forms.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PersistenceImage:
    """A surface over the birth x persistence plane.

    Attributes
    ----------
    values : (rows, columns); row 0 is the lowest persistence, column 0 the lowest birth.
    birth_edges : (columns + 1,) and persistence_edges : (rows + 1,) of the pixels.
    sigma : width of the Gaussian, in units of the distances.
    """

    values: np.ndarray
    birth_edges: np.ndarray
    persistence_edges: np.ndarray
    sigma: float


def persistence_image(
    diagrams: np.ndarray | Sequence[np.ndarray],
    *,
    birth_range: tuple[float, float],
    persistence_range: tuple[float, float],
    pixels: tuple[int, int] = (40, 40),
    sigma: float | None = None,
) -> PersistenceImage:
    """Persistence image (Adams et al., 2017) of a diagram, or the mean image of several.

    Every bar is a Gaussian of width ``sigma`` at (birth, persistence) with its persistence as weight;
    a pixel holds its exact integral. What lies outside the ranges is cut off.

    Parameters
    ----------
    diagrams : (k, 2) bars, or a sequence of such: the image is linear in the bars, so a mean is exact.
    birth_range, persistence_range : the same for all images that are to be compared.
    pixels : (columns, rows), along birth and along persistence.
    sigma : default 1/20 of the persistence range.
    """
    from scipy.special import ndtr  # a tenth of a second, which no other page should wait for

    if isinstance(diagrams, np.ndarray):
        diagrams = [diagrams]
    bars = np.concatenate(diagrams)
    births, persistence = bars[:, 0], bars[:, 1] - bars[:, 0]
    sigma = (persistence_range[1] - persistence_range[0]) / 20 if sigma is None else sigma
    x = np.linspace(*birth_range, pixels[0] + 1)
    y = np.linspace(*persistence_range, pixels[1] + 1)
    # The Gaussian is a product, so its integral over a pixel is a product of differences: (k, columns), (k, rows).
    columns = np.diff(ndtr((x - births[:, None]) / sigma), axis=1)
    rows = np.diff(ndtr((y - persistence[:, None]) / sigma), axis=1)
    return PersistenceImage((rows * persistence[:, None]).T @ columns / len(diagrams), x, y, sigma)


def landscapes(bars: np.ndarray, owner: np.ndarray, grid: np.ndarray, depth: int = 5) -> np.ndarray:
    """Persistence landscapes (Bubenik, 2015) of many diagrams: the ``depth`` highest tents at each value of the grid.

    Parameters
    ----------
    bars : (k, 2) bars of all diagrams; a bar is a tent of slope 1 from birth to death.
    owner : (k,) the number of each bar's diagram: 0, 1, ...
    grid : (g,) distances, ascending.

    Returns
    -------
    (diagrams, depth, g), exact at the grid; 0 where there are fewer bars.
    """
    found = np.zeros((owner.max(initial=-1) + 1, depth, len(grid)))
    # Of the bars of a diagram with one birth (in degree 0, all of them) only the longest are ever among the highest.
    order = np.lexsort((-bars[:, 1], bars[:, 0], owner))
    same = (np.diff(bars[order, 0]) == 0) & (np.diff(owner[order]) == 0)
    longest = order[_rank(np.r_[True, ~same][: len(order)]) < depth]
    (births, deaths), owner = bars[longest].T, owner[longest]
    # One row for each bar and each place of the grid under its tent; the others are 0.
    first, last = np.searchsorted(grid, births, "right"), np.searchsorted(grid, deaths, "left")
    bar = np.repeat(np.arange(len(longest)), np.maximum(last - first, 0))
    place = first[bar] + _rank(np.diff(bar, prepend=-1) != 0)
    height = np.minimum(grid[place] - births[bar], deaths[bar] - grid[place])
    column = owner[bar] * len(grid) + place
    order = np.lexsort((-height, column))
    rank = _rank(np.diff(column[order], prepend=-1) != 0)
    high = order[rank < depth]
    found[owner[bar[high]], rank[rank < depth], place[high]] = height[high]
    return found


def _rank(starts: np.ndarray) -> np.ndarray:
    """0, 1, 2, ... anew from every True."""
    places = np.arange(len(starts))
    return places - np.maximum.accumulate(np.where(starts, places, 0))


def mean_landscape(diagrams: Sequence[np.ndarray], grid: np.ndarray, depth: int = 5) -> np.ndarray:
    """(depth, g): mean of the landscapes of one degree, for example over the subsamples of a cell."""
    owner = np.repeat(np.arange(len(diagrams)), [len(one) for one in diagrams])
    # Diagrams without a bar at the end are no rows there, and count as 0.
    return landscapes(np.concatenate(diagrams), owner, grid, depth).sum(axis=0) / len(diagrams)
