"""Lines and areas in the plane as a single mark each, however many there are.

A complex has thousands of edges. As rows of a table they would be sent and drawn one by one at every step of the
slider; as one path, in pixels, they are one string and one mark.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import altair as alt
import numpy as np

NOTHING = "M0,0"  # a path without length: the mark stays, and shows nothing


@dataclass(frozen=True)
class Plane:
    """The window of a plot, in data and in pixels.

    Attributes
    ----------
    x, y : from the left to the right end, from the lower to the upper end of the axes.
    width, height : of the plot in pixels.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    width: int
    height: int

    @property
    def _corner_and_pixel(self) -> tuple[np.ndarray, np.ndarray]:
        """The upper left corner, and one pixel to the right and down, in data."""
        span = np.array([self.x[1] - self.x[0], self.y[0] - self.y[1]])
        return np.array([self.x[0], self.y[1]]), span / [self.width, self.height]

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) data to (..., 2) pixels from the left and from the top."""
        corner, pixel = self._corner_and_pixel
        return (np.asarray(points, dtype=np.float64) - corner) / pixel

    def data(self, pixels: np.ndarray) -> np.ndarray:
        """(..., 2) pixels back to data."""
        corner, pixel = self._corner_and_pixel
        return corner + np.asarray(pixels) * pixel

    def lines(self, points: np.ndarray, closed: bool = False) -> list[str]:
        """A path through each of several runs of points: (k, points per run, 2) in data."""
        return _paths(self.pixels(points), closed)

    def areas(self, corners: np.ndarray) -> list[str]:
        """Filled polygons, (k, corners, 2) in data: all turned the same way, so that where they overlap they add up."""
        corners = self.pixels(corners)
        x, y = corners[..., 0], corners[..., 1]
        turn = (x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1)
        return _paths(np.where((turn < 0)[:, None, None], corners[:, ::-1], corners), closed=True)


def one_path(paths: Iterable[str]) -> str:
    """Several paths as one, which is a mark even if there are none."""
    return "".join(paths) or NOTHING


def path_mark(chart: alt.Chart, field: str, **style) -> alt.Chart:
    """Draws the path in a column, in pixels from the upper left corner; one mark per row."""
    # A symbol of size 4 draws its path at its own measure (Vega scales by half the root of the size).
    return chart.mark_point(size=4, clip=True, **style).encode(
        x=alt.XValue(0), y=alt.YValue(0), shape=alt.Shape(field=field, type="nominal", scale=None, legend=None)
    )


def _paths(runs: np.ndarray, closed: bool) -> list[str]:
    end = "Z" if closed else ""
    rounded = (np.round(runs, 1) + 0.0).tolist()  # -0.0 is 0
    return ["M" + "L".join(f"{x:g},{y:g}" for x, y in run) + end for run in rounded]
