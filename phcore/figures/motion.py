"""What moves in the browser, packed: numbers as base64 of typed arrays, sent once, so that nothing is asked while it
plays."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from phcore.topology.generators import Generators

GRID = 30_000  # places from the middle of a map to its edge


def packed(values: np.ndarray, kind: type) -> str:
    """An array of any shape as base64, little-endian, row by row."""
    return base64.b64encode(np.ascontiguousarray(values, np.dtype(kind).newbyteorder("<"))).decode()


def grid_unit(reach: Sequence[float]) -> float:
    """How far apart two neighbouring places of a packed map are, for points that reach so far from the middle."""
    return float(max(reach)) / GRID or 1.0


def packed_points(points: np.ndarray, unit: float) -> str:
    """(n, 2) places as int16, in units of `grid_unit`; what lies beyond the edge is drawn on it."""
    return packed(np.clip(np.round(points / unit), -(2**15) + 1, 2**15 - 1), np.int16)


@dataclass(frozen=True)
class Frame:
    """What is known of a cell at one step, all at one scale.

    Attributes
    ----------
    points : (n, 2) places on the map; None where nothing says where its prompts lie.
    diagrams : [h0, h1] of the prompts shown; None where they were not measured.
    edges, lengths : (e, 2) and (e,) the shortest pairs of the prompts shown, as their places in `points`, and how far
        apart they are, rising; None where the archive has none.
    """

    step: int
    points: np.ndarray | None
    diagrams: Sequence[np.ndarray] | None = None
    edges: np.ndarray | None = None
    lengths: np.ndarray | None = None


def packed_frame(frame: Frame, unit: float) -> dict:
    """step, points (n x 2 int16), h0 and h1 (k x 2 float64), edges (e x 2 uint16), lengths (e float32)."""
    told: dict = {"step": frame.step}
    if frame.points is not None:
        told["points"] = packed_points(frame.points, unit)
    if frame.diagrams is not None:
        told |= {f"h{degree}": packed(bars, np.float64) for degree, bars in enumerate(frame.diagrams)}
    if frame.edges is not None and len(frame.edges):
        told |= {"edges": packed(frame.edges, np.uint16), "lengths": packed(frame.lengths, np.float32)}
    return told


def packed_complex(
    edges: np.ndarray, lengths: np.ndarray, triangles: np.ndarray, diameters: np.ndarray, bars: Generators
) -> dict:
    """The complex of a cell in the order in which it grows, and the simplices that begin and end its bars.

    Parameters
    ----------
    edges, lengths : (e, 2) and (>= e,); lengths of pairs that are not drawn are left out.
    triangles, diameters : (t, 3) and (t,).
    """
    return {
        "edges": packed(edges, np.uint16),
        "lengths": packed(lengths[: len(edges)], np.float32),
        "triangles": packed(triangles, np.uint16),
        "diameters": packed(diameters, np.float32),
        "merges": packed(bars.merges, np.uint16),
        "births": packed(bars.birth_edges, np.uint16),
        "deaths": packed(bars.death_triangles, np.uint16),
    }


def among(rows: np.ndarray, n: int, edges: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of a whole cloud that lie within some of its prompts, as places among those.

    Parameters
    ----------
    rows : (m,) numbers of the prompts shown, of n.
    edges, lengths : (e, 2) numbers of prompts, and (e,).
    """
    place = np.full(n, -1)
    place[rows] = np.arange(len(rows))
    inside = place[edges.astype(np.intp)] if len(edges) else np.empty((0, 2), np.intp)
    kept = (inside >= 0).all(axis=1)
    return inside[kept], lengths[kept]


def opening_distance(birth: float, death: float, step: float) -> float:
    """A distance at which a bar is alive: its middle, on a step of the slider where one lies within the bar."""
    middle = (birth + death) / 2
    near = round(middle / step) * step
    return near if birth <= near < death else middle


def sentence(step: int, layer: int, series: str, counts: Mapping[str, int]) -> str:
    """What the moving picture shows, for those who cannot see it."""
    return (
        f"Map of {counts['prompts']:,} prompts of {series} at step {step:,}, layer {layer}, beside its barcode: "
        f"{counts['components']:,} components and {counts['loops']:,} loops in all."
    )
