"""Leaving prompts out: hand values, a planted prompt, bars computed again, pandas."""

import numpy as np
import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.topology import persistence
from phcore.topology.clouds import distance_matrix, subsamples
from phcore.topology.distances import wasserstein
from phcore.topology.influence import influence, left_out
from phcore.topology.persistence import diagrams
from tests.spaces import circle, high_dimensional


def moved(cloud, seed, size=0.3):
    return cloud + size * np.random.default_rng(seed).normal(size=cloud.shape)


# --- losses --------------------------------------------------------------------------------------


def test_three_points_on_a_line_by_hand():
    before, after = (distance_matrix([[0.0], [1.0], [x]]) for x in (3.0, 6.0))
    # H0: deaths 1 and 2, then 1 and 5. Without 0: 2 and 5. Without 1: 3 and 6. Without 2: 1 and 1.
    ((number, losses),) = left_out(before, after, [[0, 1, 2]], degree=0, order=1, norm=np.inf)
    assert number == 0
    assert losses.tolist() == [0, 0, 3]


def test_a_loop_that_opens_hangs_on_all_its_points():
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    before, after = distance_matrix(square), distance_matrix(2 * square)
    whole = wasserstein(diagrams(before)[1], diagrams(after)[1])
    ((_, losses),) = left_out(before, after, [[0, 1, 2, 3]])
    assert losses.tolist() == [whole] * 4
    assert whole > 0


def test_the_prompt_that_moved_is_found():
    cloud = circle(24)
    later = cloud.copy()
    later[7] = [0.3, 0.2]  # from the circle to its middle
    indices = np.array([np.arange(24), np.arange(24)[::-1]])
    for degree in (0, 1):
        for number, losses in left_out(distance_matrix(cloud), distance_matrix(later), indices, degree=degree):
            assert indices[number, losses.argmax()] == 7
            # Without it both clouds are the same.
            whole = wasserstein(*(diagrams(distance_matrix(points))[degree] for points in (cloud, later)))
            assert losses.max() == pytest.approx(whole)


@pytest.mark.parametrize("degree", [0, 1])
@pytest.mark.parametrize(("order", "norm"), [(1, 2), (2, 2), (2, np.inf), (np.inf, np.inf)])
def test_losses_are_those_of_diagrams_computed_again(degree, order, norm):
    cloud = high_dimensional(30, 0)
    clouds = cloud, moved(cloud, 1)
    indices = subsamples(30, count=3, size=14)

    def distance(row):
        a, b = (diagrams(distance_matrix(points)[np.ix_(row, row)])[degree] for points in clouds)
        return wasserstein(a, b, order=order, norm=norm)

    found = list(left_out(*map(distance_matrix, clouds), indices, degree=degree, order=order, norm=norm))
    assert [number for number, _ in found] == [0, 1, 2]
    for (_, losses), row in zip(found, indices, strict=True):
        expected = [distance(row) - distance([other for other in row if other != prompt]) for prompt in row]
        np.testing.assert_array_equal(losses, expected)
    assert any(losses.any() for _, losses in found)


def test_nothing_moved_nothing_lost():
    d = distance_matrix(high_dimensional(12, 0))
    for _, losses in left_out(d, d, subsamples(12, count=2, size=8)):
        assert losses.tolist() == [0] * 8


def test_losses_scale_with_the_distances():
    d = distance_matrix(high_dimensional(12, 0))
    rows = subsamples(12, count=2, size=8)
    once, twice = (list(left_out(k * d, k * 1.5 * d, rows, degree=0)) for k in (1, 2))
    for (_, a), (_, b) in zip(once, twice, strict=True):
        np.testing.assert_allclose(2 * a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("degree", [0, 1])
def test_duplicates_take_nothing_with_them(degree):
    cloud, later = high_dimensional(10, 0), high_dimensional(10, 3)
    rows = [*range(10), 4]
    ((_, losses),) = left_out(distance_matrix(cloud[rows]), distance_matrix(later[rows]), [range(11)], degree=degree)
    assert losses[[4, 10]].tolist() == [0, 0]
    assert losses.any()


def test_two_points_lose_all_there_is():
    before, after = distance_matrix([[0.0], [1.0]]), distance_matrix([[0.0], [4.0]])
    ((_, losses),) = left_out(before, after, [[0, 1]], degree=0, order=1)
    whole = wasserstein([[0, 1]], [[0, 4]], order=1)
    assert losses.tolist() == [whole, whole]
    ((_, losses),) = left_out(before, after, [[0, 1]])
    assert losses.tolist() == [0, 0]


def test_each_matrix_is_checked_and_ranked_once(monkeypatch):
    calls = []
    ranked = persistence._ranked
    monkeypatch.setattr(persistence, "_ranked", lambda d: calls.append(len(d)) or ranked(d))
    d = distance_matrix(high_dimensional(12, 0))
    assert len(list(left_out(d, 2 * d, subsamples(12, count=4, size=6)))) == 4
    assert calls == [12, 12]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"after": np.zeros((4, 4))}, "same prompts"),
        ({"after": np.full((5, 5), np.nan)}, "NaN"),
        ({"degree": 2}, "H2"),
        ({"indices": [[0], [1]]}, "left out"),
        ({"indices": [0, 1]}, "left out"),
    ],
)
def test_what_cannot_be_is_refused_at_the_call(change, words):
    given = {"before": np.zeros((5, 5)), "after": np.zeros((5, 5)), "indices": [[0, 1, 2]]} | change
    with pytest.raises(Fault, match=words):
        left_out(**given)


# --- by prompt -----------------------------------------------------------------------------------


def test_means_and_deviations_by_hand():
    indices = np.array([[2, 5], [5, 9]])
    prompts, mean, deviation, counts = influence([(0, np.array([1.0, 2.0])), (1, np.array([4.0, 8.0]))], indices)
    assert prompts.tolist() == [2, 5, 9]
    assert mean.tolist() == [1, 3, 8]
    np.testing.assert_array_equal(deviation, [np.nan, np.sqrt(2), np.nan])
    assert counts.tolist() == [1, 2, 1]


def test_some_of_the_subsamples_are_enough():
    indices = np.array([[2, 5], [5, 9]])
    prompts, mean, deviation, counts = influence(iter([(1, np.array([4.0, 8.0]))]), indices)
    assert prompts.tolist() == [2, 5, 9]
    np.testing.assert_array_equal(mean, [np.nan, 4, 8])
    assert np.isnan(deviation).all()
    assert counts.tolist() == [0, 1, 1]
    _, mean, _, counts = influence([], indices)
    assert np.isnan(mean).all()
    assert counts.tolist() == [0, 0, 0]


def test_pandas_agrees():
    indices = subsamples(25, count=9, size=10)
    losses = np.random.default_rng(0).normal(size=indices.shape) + 1000
    prompts, mean, deviation, counts = influence(enumerate(losses), indices)
    table = pd.DataFrame({"prompt": indices.ravel(), "loss": losses.ravel()})
    theirs = table.groupby("prompt")["loss"].agg(["mean", "std", "count"])
    np.testing.assert_array_equal(prompts, theirs.index)
    np.testing.assert_array_equal(counts, theirs["count"])
    np.testing.assert_allclose(mean, theirs["mean"], rtol=1e-13)
    np.testing.assert_allclose(deviation, theirs["std"], rtol=1e-9)
