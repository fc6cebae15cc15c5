import numpy as np
import pytest

from phcore.analysis import longer_than_noise
from phcore.analysis.longer_than_noise import Noise
from phcore.topology.clouds import distance_matrix
from phcore.topology.gaussian_null import gaussian
from phcore.topology.persistence import diagrams

NONE = np.empty((0, 2))


def test_by_hand():
    clouds = [[np.array([[0.0, 2.0]]), np.array([[1.0, 1.5], [1.0, 1.2]])], [np.array([[0.0, 3.0]]), NONE]]
    band = longer_than_noise.noise(clouds)
    assert band == Noise((3.0, 0.5), 2)
    own = np.array([[1.0, 1.5], [2.0, 2.6], [2.0, 4.0]])  # as long as noise is not longer than noise
    assert longer_than_noise.outlasting(own, 1, band) == 2
    words = longer_than_noise.sentence([np.array([[0.0, 3.1]]), own], band)
    assert "2 of 3 loops and 1 of 1 component" in words
    assert "2 Gaussian clouds" in words
    said = longer_than_noise.answer([np.array([[0.0, 3.1]]), own], band)
    assert said == "2 of 3 loops and 1 of 1 component last longer than noise."


def test_nothing_is_drawn_where_there_are_no_clouds_and_empty_diagrams_have_no_length():
    assert longer_than_noise.noise([]) is None
    assert longer_than_noise.noise([[NONE, NONE]]).longest == (0.0, 0.0)
    assert longer_than_noise.outlasting(NONE, 1, Noise((0.0, 0.0), 1)) == 0


@pytest.mark.parametrize("factor", [0.01, 7.0])
def test_the_count_does_not_depend_on_the_unit(factor):
    cloud = np.random.default_rng(1).standard_normal((40, 6))
    drawn = [diagrams(distance_matrix(gaussian(cloud, "covariance", 40, replicate=k))) for k in range(4)]
    band = longer_than_noise.noise(drawn)
    scaled = longer_than_noise.noise([[factor * bars for bars in one] for one in drawn])
    own = diagrams(distance_matrix(cloud))
    assert [longer_than_noise.outlasting(bars, k, band) for k, bars in enumerate(own)] == [
        longer_than_noise.outlasting(factor * bars, k, scaled) for k, bars in enumerate(own)
    ]


def test_a_circle_is_longer_than_noise_and_a_gaussian_cloud_seldom():
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    circle = np.column_stack([np.cos(turn), np.sin(turn)])

    def found(cloud: np.ndarray, seed: int) -> int:
        drawn = [gaussian(cloud, "covariance", len(cloud), replicate=k, seed=seed) for k in range(16)]
        band = longer_than_noise.noise([diagrams(distance_matrix(one)) for one in drawn])
        return longer_than_noise.outlasting(diagrams(distance_matrix(cloud))[1], 1, band)

    assert found(circle, 0) == 1
    hits = sum(found(np.random.default_rng(k).standard_normal((40, 4)), k) > 0 for k in range(40))
    assert hits <= 7  # one in 17 of forty is 2.4; more than 7 has a chance of 4 in 1,000
