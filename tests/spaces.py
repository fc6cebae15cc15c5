"""Point clouds and distance matrices of known shape, for the tests of topology."""

import numpy as np
from hypothesis import strategies as st

from phcore.topology.clouds import distance_matrix


def circle(n, radius=1.0):
    angles = 2 * np.pi * np.arange(n) / n
    return radius * np.column_stack([np.cos(angles), np.sin(angles)])


def high_dimensional(n, seed):
    """A cloud as models make them: a few dimensions and noise in many."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 8)) @ rng.normal(size=(8, 100)) + 0.3 * rng.normal(size=(n, 100))


@st.composite
def matrices(draw, largest=12):
    """Distance matrices with and without ties, not all of them metric: Rips needs only symmetry."""
    n = draw(st.integers(1, largest))
    kind = draw(st.sampled_from(["points", "grid", "tied", "free"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if kind == "points":
        return distance_matrix(rng.normal(size=(n, 3)))
    if kind == "grid":  # equal distances and duplicate points
        return distance_matrix(rng.integers(0, 3, size=(n, 2)))
    values = rng.integers(1, 5, size=(n, n)) if kind == "tied" else rng.random((n, n))
    upper = np.triu(values.astype(float), 1)
    return upper + upper.T
