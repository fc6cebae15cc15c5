"""The script that draws the glossary: its files are up to date, and its pictures show what was computed."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from phcore.analysis.dynamics import concentration, early, null_shares, orders, upper_tail
from phcore.analysis.effect_sizes import hedges_g
from phcore.figures.glossary import PICTURES, TERMS
from phcore.formatting import three
from phcore.topology.clouds import distance_matrix
from phcore.topology.complexes import betti
from phcore.topology.distances import matching
from phcore.topology.summaries import FEATURES
from scripts import draw_glossary
from scripts import glossary_example as example
from scripts import glossary_svg as svg


@pytest.fixture(scope="module")
def drawn() -> dict[str, str]:
    return draw_glossary.pictures()


@pytest.fixture(scope="module")
def shape() -> example.Shape:
    return example.Shape(example.ring_and_cluster())


def elements(svg: str, tag: str, **attributes: str) -> list[ElementTree.Element]:
    found = ElementTree.fromstring(svg).iter(tag)
    return [one for one in found if all(one.get(name) == value for name, value in attributes.items())]


def said(svg: str) -> str:
    return " ".join(one.text for one in elements(svg, "text"))


# --- pictures -------------------------------------------------------------------------------------------


def test_every_term_is_drawn(drawn):
    assert set(drawn) == {term.picture for term in TERMS}


@pytest.mark.parametrize("name", [term.picture for term in TERMS])
def test_the_file_is_what_is_drawn(drawn, name):
    assert (PICTURES / f"{name}.svg").read_bytes() == drawn[name].encode(), "run scripts/draw_glossary.py"


def test_words_in_a_picture_are_escaped():
    drawn = svg.summary([('<script>alert("x")</script> & more', 1.5)], len(FEATURES))
    assert "<script" not in drawn
    assert "<script>" in said(drawn)
    assert ElementTree.fromstring(svg.picture('"<&')).get("aria-label") == '"<&'


@pytest.mark.parametrize("name", ["barcode", "betti"])
def test_as_many_bars_are_drawn_as_were_computed(drawn, shape, name):
    h0, h1 = shape.diagrams
    bars = elements(drawn[name], "line")
    assert sum(one.get("data-kind") == "h0" for one in bars) == len(h0) + 1 == len(shape.points)
    assert sum(one.get("data-kind") == "h1" for one in bars) == len(h1)


def test_lengths_of_bars_are_in_proportion(drawn, shape):
    loops = elements(drawn["barcode"], "line", **{"data-kind": "h1"})
    lengths = np.array([float(one.get("x2")) - float(one.get("x1")) for one in loops])
    persistence = np.diff(shape.diagrams[1]).ravel()
    np.testing.assert_allclose(lengths / lengths.max(), persistence / persistence.max(), atol=0.01)


def test_the_counted_bars_stand_out(drawn, shape):
    bars = [one for one in elements(drawn["betti"], "line") if one.get("data-kind")]
    components, loops = betti(shape.diagrams, 0.8)
    assert sum(one.get("opacity") == "1" for one in bars) == components + loops
    assert f"{components} components" in said(drawn["betti"])
    assert f"{loops} loop" in said(drawn["betti"])


def test_the_bar_says_birth_and_death_of_the_longest_loop(drawn, shape):
    birth, death = shape.longest
    assert {three(birth), three(death), three(death - birth)} <= set(said(drawn["bar"]).split())


def test_the_diagram_has_every_bar(drawn, shape):
    h0, h1 = shape.diagrams
    assert len(elements(drawn["diagram"], "circle")) == len(h0) + 1  # and one in the key
    assert len(elements(drawn["diagram"], "path")) == len(h1) + 1


def test_the_cloud_and_its_subsample_have_every_point(drawn, shape):
    for name in ("cloud", "subsample", "complex_at", "components", "loop"):
        assert len(elements(drawn[name], "circle")) == len(shape.points)


def test_every_point_of_two_diagrams_moves_somewhere(drawn):
    before, after = (example.Shape(cloud).diagrams[1] for cloud in example.series("A", denser=1)[:2])
    moves = len(before) + len(after) - len(matching(before, after))
    assert len(elements(drawn["matched"], "line", stroke=svg.VIOLET)) == moves


def test_the_curve_has_every_velocity(drawn):
    velocity = example.drift(example.series("A")).velocity
    points = elements(drawn["velocity"], "circle")
    assert len(points) == len(velocity) == len(example.STEPS) - 1
    heights = [-float(one.get("cy")) for one in points]
    assert np.corrcoef(heights, velocity)[0, 1] > 0.999


def test_the_null_has_a_column_for_every_value_and_its_p_is_that_of_the_shuffles(drawn):
    velocity = example.drift(example.series("A")).velocity
    shuffled = null_shares(velocity[orders(len(velocity), 1_000, 0)], early(np.arange(len(velocity) + 1)))
    p = upper_tail(concentration(velocity), shuffled)
    assert f"p = {p:.2g}" in said(drawn["null"])
    assert len(elements(drawn["null"], "line", **{"data-kind": "null"})) > 2


def test_the_gaussian_has_as_many_points_as_the_cloud(drawn, shape):
    assert len(elements(drawn["gaussian"], "circle")) == 2 * len(shape.points)


def test_the_effect_size_is_that_of_the_dots_drawn(drawn):
    means = [float(one.get("x1")) for one in elements(drawn["effect"], "line", **{"data-kind": "mean"})]
    places = np.array([float(one.get("cx")) for one in elements(drawn["effect"], "circle")]).reshape(2, -1)
    np.testing.assert_allclose(places.mean(axis=1), means, atol=0.1)
    size = abs(hedges_g(places[0][:, None], places[1][:, None])[0])
    told = float(re.search(r"g = ([\d.]+)", said(drawn["effect"])).group(1))
    assert told == pytest.approx(size, rel=0.02)


# --- the example ----------------------------------------------------------------------------------------


def test_a_representative_is_a_cycle_that_is_born_with_its_bar(shape):
    birth, _ = shape.longest
    around = example.longest_loop(shape)
    lengths = shape.distances[around, np.roll(around, -1)]
    assert len(set(around)) == len(around) > 3
    assert lengths.max() == birth
    assert np.count_nonzero(lengths == birth) == 1


@pytest.mark.parametrize("distance", [0.0, 0.3, 0.5, 0.8, 1.2, 2.0])
def test_bars_and_complex_agree_on_the_number_of_components(shape, distance):
    assert betti(shape.diagrams, distance)[0] == len(np.unique(example.components(shape.distances, distance)))


def test_triangles_are_all_triples_within_the_distance():
    distances = distance_matrix(np.array([[0.0, 0], [1, 0], [0, 1], [1, 1], [9, 9]]))
    assert len(example.triangles(distances, 1.2)) == 0
    assert sorted(example.triangles(distances, 1.5).tolist()) == [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]


def test_the_picture_of_the_bar_may_leave_the_cluster_out(shape):
    ring = example.Shape(shape.points[: example.RING])
    np.testing.assert_allclose(ring.longest, shape.longest)


def test_series_share_their_base():
    one, other = (example.series(name)[0] for name in example.DRIFTS)
    np.testing.assert_array_equal(one, other)
