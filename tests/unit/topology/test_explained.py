"""What length, category and norm explain of a cloud, against values made by hand."""

import numpy as np
import pytest

from phcore import Fault
from phcore.topology import explained

RNG = np.random.default_rng(0)
LENGTHS = RNG.uniform(1, 5, 60)


def cloud(share: float) -> np.ndarray:
    """(60, 8), of whose variance exactly this share follows from `LENGTHS`."""
    about = LENGTHS - LENGTHS.mean()
    noise = RNG.normal(size=(60, 8))
    noise -= noise.mean(axis=0)
    noise -= np.outer(about, about @ noise) / (about @ about)
    along = np.outer(about, RNG.normal(size=8))
    scale = np.sqrt(share * np.square(noise).sum() / ((1 - share) * np.square(along).sum()))
    return noise + scale * along + 7


@pytest.mark.parametrize("share", [0.0, 0.15, 0.9])
def test_the_share_is_the_one_that_was_put_in(share):
    x = cloud(share)
    assert explained.share_explained(x, LENGTHS) == pytest.approx(share, abs=1e-9)
    assert explained.share_explained(3 * x - 5, 2 * LENGTHS + 1) == pytest.approx(share, abs=1e-9)
    free = explained.without(x, LENGTHS)
    assert explained.share_explained(free, LENGTHS) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(free.mean(axis=0), x.mean(axis=0))
    left = np.square(free - free.mean(axis=0)).sum() / np.square(x - x.mean(axis=0)).sum()
    assert left == pytest.approx(1 - share)


def test_what_has_nothing_to_do_with_it_explains_its_rank():
    found = [explained.share_explained(RNG.normal(size=(60, 8)), RNG.normal(size=60)) for _ in range(200)]
    assert np.mean(found) == pytest.approx(1 / 59, rel=0.15)


def test_between_groups():
    labels = ["a"] * 20 + ["b"] * 30 + [""] * 10
    x = RNG.normal(size=(60, 8))
    x[20:50] += 2
    own = x[:50]
    means = np.array([x[:20].mean(axis=0)] * 20 + [x[20:50].mean(axis=0)] * 30)
    wanted = np.square(means - own.mean(axis=0)).sum() / np.square(own - own.mean(axis=0)).sum()
    assert explained.share_between(x, labels) == pytest.approx(wanted)
    assert explained.share_between(x, labels) > 0.3
    assert np.isnan(explained.share_between(x, ["a"] * 60))
    assert np.isnan(explained.share_between(x, [""] * 60))


def test_the_first_component_follows_what_stretches_the_cloud():
    x = RNG.normal(size=(60, 8))
    x[:, 3] += 20 * np.exp(LENGTHS)  # any monotone way: ranks
    assert explained.along_first_component(x, LENGTHS) > 0.99
    assert explained.along_first_component(x, -LENGTHS) > 0.99
    assert np.isnan(explained.along_first_component(np.ones((60, 8)), LENGTHS))


def test_nothing_varies_or_nothing_is_finite():
    x = RNG.normal(size=(60, 8))
    assert np.isnan(explained.share_explained(x, np.ones(60)))
    assert np.isnan(explained.share_explained(np.ones((60, 8)), LENGTHS))
    np.testing.assert_array_equal(explained.without(x, np.ones(60)), x)
    with pytest.raises(Fault):
        explained.share_explained(np.full((60, 8), np.nan), LENGTHS)
