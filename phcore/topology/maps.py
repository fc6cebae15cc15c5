"""A cloud in two dimensions, and clouds on one map.

Every cloud is centred on its own mean first: what moves on a map is a change of shape, not drift of the whole cloud.
Signs are open in principle; here the largest entry of every axis of `joint_basis` is positive, and in `reduce` and
`classical_mds` the largest coordinate along each axis.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phcore.errors import Fault
from phcore.topology.clouds import about_mean, checked_cloud, validated_distance_matrix

# Up to this many rows or columns the axes come from a matrix of that size, beyond from products with vectors.
_SMALL = 1024
# Variance along an axis up to this share of that along the first is rounding.
_FLAT = 1e-12


@dataclass(frozen=True)
class Basis:
    """Two axes for several clouds.

    Attributes
    ----------
    axes : (2, hidden) orthonormal rows. Where the clouds do not vary, any directions; the second is 0 for hidden = 1.
    explained : shares of the pooled variance along each axis; 0 if nothing varies.
    """

    axes: np.ndarray
    explained: tuple[float, float]


def joint_basis(clouds: Sequence[np.ndarray]) -> Basis:
    """Principal axes of several clouds pooled, each centred on its own mean.

    Exact to rounding in float64 where either side of the pooled cloud has at most 1,024 entries; beyond, in float32
    by the Lanczos method.

    Parameters
    ----------
    clouds : one or more (n, hidden) arrays; n may differ.

    Raises
    ------
    Fault : no cloud, different widths, or a cloud that is empty, not two-dimensional or not finite.
    """
    centred = [about_mean(checked_cloud(cloud)) for cloud in clouds]
    if len({cloud.shape[1] for cloud in centred}) != 1:
        raise Fault(
            f"{len(centred)} clouds of {len({cloud.shape[1] for cloud in centred})} different widths share no axes",
            "pass clouds of one layer of one model",
        )
    total = sum(np.square(cloud).sum() for cloud in centred)
    n, hidden = sum(map(len, centred)), centred[0].shape[1]
    if not total:
        axes = np.empty((0, hidden))
    elif hidden <= min(n, _SMALL):
        axes = _leading(sum(cloud.T @ cloud for cloud in centred), 2)[1]
    elif n <= _SMALL:
        pooled = np.concatenate(centred)
        axes = _leading(pooled @ pooled.T, 2)[1] @ pooled
    else:
        axes = _lanczos(np.concatenate([(cloud / np.sqrt(total)).astype(np.float32) for cloud in centred]))
    axes = _completed(np.linalg.qr(axes.T)[0].T, centred)
    along = sum(np.square(cloud @ axes.T).sum(axis=0) for cloud in centred)
    return Basis(axes, tuple((along / total).tolist()) if total else (0.0, 0.0))


def _leading(gram: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(r,) largest eigenvalues, falling, and (r, m) their eigenvectors; r = min(count, m)."""
    from scipy.linalg import eigh

    m = len(gram)
    values, vectors = eigh(gram, subset_by_index=[max(0, m - count), m - 1])
    return values[::-1], vectors.T[::-1]


def _lanczos(pooled: np.ndarray) -> np.ndarray:
    """(2, hidden) right singular vectors of the two largest singular values, largest first."""
    from scipy.sparse.linalg import LinearOperator, eigsh

    hidden = pooled.shape[1]
    scatter = LinearOperator((hidden, hidden), matvec=lambda v: pooled.T @ (pooled @ v), dtype=pooled.dtype)
    # A start that is drawn, not made of ones: layer normalisation leaves only rounding along the ones.
    start = np.random.default_rng(0).normal(size=hidden).astype(pooled.dtype)
    values, vectors = eigsh(scatter, k=2, v0=start)
    return vectors.T[np.argsort(-values)].astype(np.float64)


def _completed(axes: np.ndarray, centred: list[np.ndarray]) -> np.ndarray:
    """(r, hidden) orthonormal rows -> (2, hidden), with a fixed direction in place of an axis of rounding."""
    along = sum(np.square(cloud @ axes.T).sum(axis=0) for cloud in centred)
    axes = signed(axes[along > _FLAT * along.max(initial=0.0)])
    hidden = axes.shape[1]
    full = np.zeros((2, hidden))
    full[: len(axes)] = axes
    for row in range(len(axes), min(2, hidden)):
        full[row, np.abs(full).sum(axis=0).argmin()] = 1.0  # the coordinate farthest from the axes that are there
        full[row] -= full[:row].T @ (full[:row] @ full[row])
        full[row] /= np.linalg.norm(full[row])
    return full


def project(cloud: np.ndarray, basis: Basis) -> np.ndarray:
    """(n, 2) coordinates of a cloud on the map, about its own mean, in units of the hidden states."""
    centred = about_mean(checked_cloud(cloud))
    if centred.shape[1] != basis.axes.shape[1]:
        raise Fault(
            f"a cloud of width {centred.shape[1]} has no place on axes of width {basis.axes.shape[1]}",
            "pass a cloud of the layer and the model that the axes are of",
        )
    return centred @ basis.axes.T


def reduce(cloud: np.ndarray, dimension: int) -> np.ndarray:
    """Principal components of one cloud.

    Parameters
    ----------
    cloud : (n, hidden).
    dimension : how many to keep, >= 1. From the rank of the centred cloud on, all distances stay as they are, to a
        millionth of the cloud's size.

    Returns
    -------
    (n, dimension), about the mean, the most variance first; 0 beyond the rank.
    """
    if dimension < 1:
        raise Fault(f"a cloud cannot be reduced to {dimension} dimensions", "keep at least one")
    centred = about_mean(checked_cloud(cloud))
    n, hidden = centred.shape
    if hidden < n:
        components = centred @ _leading(centred.T @ centred, dimension)[1].T
    else:
        # Many times faster than a singular value decomposition. What is rounding in the squares must not become a
        # spread by the root: equal points would part.
        values, vectors = _leading(centred @ centred.T, dimension)
        components = vectors.T * np.sqrt(np.where(values > _FLAT * values[0], values, 0.0))
    return np.pad(signed(components.T).T, ((0, 0), (0, dimension - components.shape[1])))


def classical_mds(distances: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Classical multidimensional scaling (Torgerson, 1952) on a plane.

    Parameters
    ----------
    distances : (n, n), not necessarily of points in a Euclidean space.

    Returns
    -------
    (n, 2) coordinates about their mean, in units of the distances, and for each axis its eigenvalue's share in the
    sum of all absolute ones: what is negative fits into no Euclidean space and counts as unexplained. NaN if all
    points are in one place.
    """
    squared = validated_distance_matrix(distances) ** 2
    # Double centring: B = -J D^2 J / 2 with J = I - 1/n.
    gram = -(squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean()) / 2
    eigenvalues, vectors = np.linalg.eigh(gram)
    eigenvalues, vectors = eigenvalues[::-1], vectors[:, ::-1]
    coordinates = signed(vectors.T[:2]).T * np.sqrt(np.maximum(eigenvalues[:2], 0))
    return two_columns(coordinates), shares(eigenvalues)


def align(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Points rotated, reflected and moved onto a reference, by least squares (orthogonal Procrustes, no scaling).

    Parameters
    ----------
    points, reference : (n, 2), row by row the same points.
    """
    points, reference = np.asarray(points, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if points.shape != reference.shape or not len(points):
        raise Fault(
            f"points of the shape {points.shape} and {reference.shape} do not pair up", "pass the same points twice"
        )
    centred, centre = points - points.mean(axis=0), reference.mean(axis=0)
    u, _, vt = np.linalg.svd(centred.T @ (reference - centre))
    return centred @ (u @ vt) + centre


def signed(axes: np.ndarray) -> np.ndarray:
    """(k, d) rows with the sign that makes the entry of the largest size positive."""
    return axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]


def two_columns(array: np.ndarray) -> np.ndarray:
    """(n, k) -> (n, 2): one or no axis leaves the rest at 0."""
    return np.pad(array[:, :2], ((0, 0), (0, max(0, 2 - array.shape[1]))))


def shares(spectrum: np.ndarray) -> tuple[float, float]:
    """Shares of the first two values in the sum of the absolute ones; NaN if that is 0."""
    total = np.abs(spectrum).sum()
    first = np.pad(np.maximum(spectrum[:2], 0), (0, max(0, 2 - len(spectrum))))
    return tuple((first / total).tolist()) if total > 0 else (float("nan"), float("nan"))
