import numpy as np
import pytest

from phcore.figures.charts.vectors import landscape_chart, persistence_image_chart
from phcore.topology.vectors import mean_landscape, persistence_image


@pytest.fixture
def loops(diagrams):
    return diagrams["harmless", 4, 12][0][0][1]


def test_persistence_image(loops, render):
    births, persistences = (0, 24), (0, 12)
    image = persistence_image(loops, birth_range=births, persistence_range=persistences)
    assert "Densest at birth" in render(persistence_image_chart(image.values.T, births, persistences))


def test_pixels_stand_where_the_image_has_them():
    image = np.zeros((4, 2))
    image[3, 0] = 1.0  # the last births, the smallest persistences
    (rows,) = persistence_image_chart(image, (0, 8), (0, 4)).to_dict()["datasets"].values()
    (full,) = [row for row in rows if row["value"]]
    assert (full["birth"], full["birth_end"], full["persistence"], full["persistence_end"]) == (6, 8, 0, 2)


def test_an_empty_image_is_said_in_words(render):
    assert "No bars in this range." in render(persistence_image_chart(np.zeros((5, 5)), (0, 1), (0, 1)))


def test_landscape(loops, render):
    grid = np.linspace(0, 24, 60)
    assert "Highest at" in render(landscape_chart(mean_landscape([loops], grid), grid))


@pytest.mark.parametrize("heights", [np.zeros((5, 20)), np.zeros((1, 20)), np.zeros((0, 20)), np.ones((7, 20))])
def test_flat_and_deep_landscapes(heights, render):
    svg = render(landscape_chart(heights, np.linspace(0, 1, 20)))
    assert ("flat" in svg) == (not heights.any())
