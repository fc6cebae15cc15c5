"""What the browser is sent of a cell that moves: read back, it is what was measured."""

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phcore.figures import motion
from phcore.topology.clouds import distance_matrix
from phcore.topology.complexes import edges_by_length, triangles_by_diameter
from phcore.topology.generators import generators


def read(words: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(words), np.dtype(kind).newbyteorder("<"))


@pytest.fixture
def distances() -> np.ndarray:
    return distance_matrix(np.random.default_rng(3).standard_normal((24, 5)))


def test_numbers_come_back_as_they_were():
    values = np.array([[1.5, -2.0], [3.25, 1e300]])
    assert (read(motion.packed(values, np.float64), "f8").reshape(2, 2) == values).all()
    assert motion.packed(np.array([258], np.uint16), np.uint16) == base64.b64encode(b"\x02\x01").decode()
    assert motion.packed(np.empty((0, 2)), np.uint16) == ""


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=40).filter(lambda x: len(x) % 2 == 0))
def test_places_are_off_by_less_than_a_hundredth_of_a_pixel(values):
    points = np.array(values).reshape(-1, 2)
    unit = motion.grid_unit((50.0, 20.0))
    back = read(motion.packed_points(points, unit), "i2").reshape(-1, 2) * unit
    assert np.abs(back - points).max() <= unit / 2 * (1 + 1e-9) <= 50 / 2000 / 100 * 4


def test_what_lies_beyond_the_edge_is_drawn_on_it_and_one_point_has_a_unit():
    assert read(motion.packed_points(np.array([[1e9, -1e9]]), 1.0), "i2").tolist() == [2**15 - 1, -(2**15) + 1]
    assert motion.grid_unit((0.0, 0.0)) == 1.0


def test_a_frame_holds_only_what_is_known():
    bars = [np.array([[0.0, 2.0]]), np.empty((0, 2))]
    whole = motion.Frame(8, np.array([[1.0, 2.0]]), bars, np.array([[0, 1]]), np.array([0.5]))
    told = motion.packed_frame(whole, 1.0)
    assert told["step"] == 8
    assert read(told["h0"], "f8").tolist() == [0.0, 2.0]
    assert told["h1"] == ""
    assert read(told["edges"], "u2").tolist() == [0, 1]
    assert read(told["lengths"], "f4").tolist() == [0.5]
    assert motion.packed_frame(motion.Frame(3, None), 1.0) == {"step": 3}


def test_the_complex_joins_what_the_distances_join(distances):
    edges, lengths = edges_by_length(distances)
    told = motion.packed_complex(edges[:50], lengths, *triangles_by_diameter(distances, 30), generators(distances))
    assert (read(told["edges"], "u2").reshape(-1, 2) == edges[:50]).all()
    assert read(told["lengths"], "f4") == pytest.approx(lengths[:50])
    corners, diameters = read(told["triangles"], "u2").reshape(-1, 3), read(told["diameters"], "f4")
    for points, diameter in zip(corners, diameters, strict=True):
        assert distances[np.ix_(points, points)].max() == pytest.approx(diameter)
    h0, h1 = generators(distances).diagrams
    a, b = read(told["merges"], "u2").reshape(-1, 2).T
    assert (distances[a, b] == h0[:, 1]).all()  # the edge that ends each component is as long as its bar
    a, b = read(told["births"], "u2").reshape(-1, 2).T
    assert (distances[a, b] == h1[:, 0]).all()


def test_pairs_among_some_prompts_are_theirs(distances):
    edges, lengths = edges_by_length(distances)
    rows = np.array([2, 3, 7, 20])
    pairs, own = motion.among(rows, len(distances), edges, lengths)
    wanted, far = edges_by_length(distances[np.ix_(rows, rows)])
    assert (pairs == wanted).all()
    assert (own == far).all()
    none, nothing = motion.among(rows, 24, np.empty((0, 2), int), np.empty(0))
    assert none.shape == (0, 2)
    assert not len(nothing)


@given(st.floats(0, 100), st.floats(0.001, 50), st.sampled_from([0.1, 0.5, 1.0, 2.0]))
def test_a_bar_is_alive_where_the_page_opens(birth, long, step):
    death = birth + long
    assert birth <= motion.opening_distance(birth, death, step) < death


def test_the_distance_is_on_the_slider_where_the_bar_is_long_enough():
    assert motion.opening_distance(41.97, 48.61, 0.5) == 45.5
    assert motion.opening_distance(41.97, 42.03, 0.5) == pytest.approx(42.0)
    assert motion.opening_distance(41.6, 41.8, 0.5) == pytest.approx(41.7)


def test_the_sentence_counts():
    words = motion.sentence(128, 18, "helpful", {"prompts": 160, "components": 160, "loops": 94})
    assert "160 prompts of helpful at step 128, layer 18" in words
    assert "160 components and 94 loops" in words
