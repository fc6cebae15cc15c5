"""Persistence images and landscapes: hand values, linearity, stability, persim."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phcore.topology.distances import wasserstein
from phcore.topology.vectors import landscapes, mean_landscape, persistence_image

EMPTY = np.empty((0, 2))
RANGES = {"birth_range": (0.0, 2.0), "persistence_range": (0.0, 1.0)}


def bars(seed, count=20):
    rng = np.random.default_rng(seed)
    birth = rng.random(count)
    return np.column_stack([birth, birth + rng.random(count) + 1e-3])


def landscape(diagram, grid, depth=5):
    """One by itself, by sorting all tents."""
    tents = np.maximum(np.minimum(grid - diagram[:, :1], diagram[:, 1:] - grid), 0.0)
    return -np.sort(-np.pad(tents, ((0, depth), (0, 0))), axis=0)[:depth]


def one_landscape(diagram, grid, depth=5):
    return mean_landscape([diagram], grid, depth)


# --- landscapes ----------------------------------------------------------------------------------


def test_two_tents_by_hand():
    grid = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    found = one_landscape(np.array([[0.0, 4.0], [2.0, 6.0]]), grid, depth=3)
    assert found.tolist() == [[0, 1, 2, 1, 2, 1, 0], [0, 0, 0, 1, 0, 0, 0], [0] * 7]


def test_an_empty_diagram_is_flat():
    assert not one_landscape(EMPTY, np.linspace(0, 1, 9)).any()
    assert one_landscape(EMPTY, np.linspace(0, 1, 9), depth=2).shape == (2, 9)


@pytest.mark.parametrize("seed", range(5))
def test_landscapes_agree_with_persim(seed):
    from persim.landscapes import PersLandscapeExact  # loads Matplotlib

    diagram, grid = bars(seed), np.linspace(-0.1, 2.1, 101)
    exact = PersLandscapeExact(dgms=[diagram], hom_deg=0)
    exact.compute_landscape()
    expected = [np.interp(grid, *np.transpose(pairs)) for pairs in exact.critical_pairs[:5]]
    np.testing.assert_allclose(one_landscape(diagram, grid), expected, atol=1e-12)


@given(seed=st.integers(0, 1000), noise=st.floats(1e-6, 0.3))
def test_landscapes_are_stable(seed, noise):
    """Bubenik (2015), theorem 13: the largest difference is at most the bottleneck distance."""
    a = bars(seed)
    b = a + noise * np.random.default_rng(seed + 1).uniform(-0.5, 0.5, a.shape)
    b = b[b[:, 1] > b[:, 0]]
    grid = np.linspace(-1, 3, 200)
    gap = np.abs(one_landscape(a, grid, 25) - one_landscape(b, grid, 25)).max()
    assert gap <= wasserstein(a, b, order=np.inf, norm=np.inf) * (1 + 1e-9)


@given(seed=st.integers(0, 1000))
def test_landscapes_are_ordered_and_scale(seed):
    grid = np.linspace(0, 2, 50)
    found = one_landscape(bars(seed), grid)
    assert (np.diff(found, axis=0) <= 0).all()
    assert (found >= 0).all()
    np.testing.assert_allclose(one_landscape(3 * bars(seed), 3 * grid), 3 * found, atol=1e-12)


def test_many_landscapes_at_once_are_those_of_each():
    grid = np.linspace(0, 3, 41)
    components = np.c_[np.zeros(40), np.linspace(0.05, 2, 40)]  # one birth for all, as in degree 0
    diagrams = [bars(0), EMPTY, components, np.r_[bars(1, 3), bars(1, 3)], np.array([[0.1, 0.11], [5.0, 6.0]])]
    owner = np.repeat(np.arange(len(diagrams)), [len(diagram) for diagram in diagrams])
    mixed = np.random.default_rng(0).permutation(len(owner))
    found = landscapes(np.concatenate(diagrams)[mixed], owner[mixed], grid, depth=4)
    np.testing.assert_array_equal(found, [landscape(diagram, grid, depth=4) for diagram in diagrams])
    assert landscapes(EMPTY, np.zeros(0, dtype=int), grid).shape == (0, 5, 41)


def test_mean_landscape():
    grid = np.linspace(0, 2, 50)
    expected = (landscape(bars(0), grid) + landscape(bars(1, 3), grid) + 0) / 3
    np.testing.assert_allclose(mean_landscape([bars(0), bars(1, 3), EMPTY], grid), expected)


# --- images --------------------------------------------------------------------------------------


def test_one_bar_inside_keeps_its_weight():
    image = persistence_image(np.array([[1.0, 1.5]]), **RANGES, pixels=(40, 20), sigma=0.02)
    assert image.values.shape == (20, 40)
    assert image.values.sum() == pytest.approx(0.5)
    row, column = np.unravel_index(image.values.argmax(), image.values.shape)
    assert image.persistence_edges[row] <= 0.5 <= image.persistence_edges[row + 1]
    assert image.birth_edges[column] <= 1.0 <= image.birth_edges[column + 1]


def test_images_agree_with_persim():
    from persim import PersistenceImager  # loads Matplotlib

    diagram = bars(3)
    theirs = PersistenceImager(
        birth_range=(0, 2), pers_range=(0, 1), pixel_size=0.05, kernel_params={"sigma": [[0.01, 0.0], [0.0, 0.01]]}
    )
    image = persistence_image(diagram, **RANGES, pixels=(40, 20), sigma=0.1)
    np.testing.assert_allclose(image.values, theirs.transform(diagram).T, atol=1e-12)  # persim: birth first


def test_the_mean_image_is_the_mean_of_images():
    several = [bars(0), EMPTY, bars(1, 4)]
    singles = [persistence_image(diagram, **RANGES).values for diagram in several]
    np.testing.assert_allclose(persistence_image(several, **RANGES).values, np.mean(singles, axis=0), atol=1e-15)


def test_the_image_of_nothing_is_dark():
    image = persistence_image(EMPTY, **RANGES)
    assert not image.values.any()
    assert image.sigma == 0.05


def test_an_image_does_not_depend_on_the_unit():
    a = persistence_image(bars(2), **RANGES)
    b = persistence_image(10 * bars(2), birth_range=(0, 20), persistence_range=(0, 10))
    np.testing.assert_allclose(b.values, 10 * a.values, rtol=1e-9)  # the weight is a persistence
