"""Each of the 41 numbers: a hand value, the empty diagram, permutation, the scaling law, an oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phcore.topology.clouds import distance_matrix
from phcore.topology.persistence import diagrams
from phcore.topology.summaries import FEATURE_WORDS, FEATURES, SCALE_DEGREE, rescale, summary

EMPTY = np.empty((0, 2))
H0 = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0], [0.0, 6.0]])
H1 = np.array([[1.0, 2.0], [2.0, 4.0], [2.0, 8.0], [4.0, 5.0], [6.0, 16.0]])
# persistence 1, 2, 6, 1, 10; birth/death 1/2, 1/2, 1/4, 4/5, 3/8

HAND = {
    "h0_death_mean": 3.0,
    "h0_death_min": 1.0,
    "h0_death_q1": 1.75,
    "h0_death_median": 2.5,
    "h0_death_q3": 3.75,
    "h0_death_max": 6.0,
    "h0_death_std": np.sqrt((4 + 1 + 0 + 9) / 4),
    "h1_birth_mean": 3.0,
    "h1_birth_min": 1.0,
    "h1_birth_q1": 2.0,
    "h1_birth_median": 2.0,
    "h1_birth_q3": 4.0,
    "h1_birth_max": 6.0,
    "h1_birth_std": np.sqrt((4 + 1 + 1 + 1 + 9) / 5),
    "h1_death_mean": 7.0,
    "h1_death_min": 2.0,
    "h1_death_q1": 4.0,
    "h1_death_median": 5.0,
    "h1_death_q3": 8.0,
    "h1_death_max": 16.0,
    "h1_death_std": np.sqrt((25 + 9 + 1 + 4 + 81) / 5),
    "h1_persistence_mean": 4.0,
    "h1_persistence_min": 1.0,
    "h1_persistence_q1": 1.0,
    "h1_persistence_median": 2.0,
    "h1_persistence_q3": 6.0,
    "h1_persistence_max": 10.0,
    "h1_persistence_std": np.sqrt((9 + 4 + 4 + 9 + 36) / 5),
    "h1_ratio_mean": 0.485,
    "h1_ratio_min": 0.25,
    "h1_ratio_q1": 0.375,
    "h1_ratio_median": 0.5,
    "h1_ratio_q3": 0.5,
    "h1_ratio_max": 0.8,
    "h1_ratio_std": np.sqrt((0.015**2 * 2 + 0.235**2 + 0.315**2 + 0.11**2) / 5),
    "h0_total_persistence": 12.0,
    "h0_count": 4.0,
    "h0_entropy": np.log(12) - (2 * np.log(2) + 3 * np.log(3) + 6 * np.log(6)) / 12,
    "h1_total_persistence": 20.0,
    "h1_count": 5.0,
    "h1_entropy": np.log(20) - (2 * np.log(2) + 6 * np.log(6) + 10 * np.log(10)) / 20,
}


def by_name(found):
    return dict(zip(FEATURES, found, strict=True))


@st.composite
def two_diagrams(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, m = draw(st.integers(1, 30)), draw(st.integers(0, 30))
    birth = rng.random(m) + 0.01
    return [
        np.column_stack([np.zeros(n), rng.random(n) + 0.01]),
        np.column_stack([birth, birth + rng.random(m) + 0.01]),
    ]


def test_there_are_41_named_numbers():
    assert len(FEATURES) == len(set(FEATURES)) == 41
    assert set(FEATURES) == set(HAND) == set(FEATURE_WORDS) == set(SCALE_DEGREE)
    assert len(set(FEATURE_WORDS.values())) == 41


@pytest.mark.parametrize("name", FEATURES)
def test_hand_value(name):
    np.testing.assert_allclose(by_name(summary([H0, H1]))[name], HAND[name], rtol=1e-14)


@pytest.mark.parametrize("name", FEATURES)
def test_an_empty_diagram_gives_zero(name):
    assert by_name(summary([EMPTY, EMPTY]))[name] == 0
    other = by_name(summary([H0, EMPTY] if name.startswith("h1") else [EMPTY, H1]))
    assert other[name] == 0  # and the other degree does not leak into it


@pytest.mark.parametrize("name", FEATURES)
def test_scaling_law(name):
    small, large = by_name(summary([H0, H1])), by_name(summary([7 * H0, 7 * H1]))
    np.testing.assert_allclose(large[name], small[name] * 7 ** SCALE_DEGREE[name], rtol=1e-13)


@settings(max_examples=50)
@given(pair=two_diagrams(), seed=st.integers(0, 100))
def test_permutation(pair, seed):
    rng = np.random.default_rng(seed)
    np.testing.assert_allclose(summary([rng.permutation(d) for d in pair]), summary(pair), rtol=1e-12, atol=1e-14)


@settings(max_examples=50)
@given(pair=two_diagrams())
def test_numpy_and_persim_agree(pair):
    from persim.persistent_entropy import persistent_entropy  # loads Matplotlib

    h0, h1 = pair
    found = by_name(summary(pair))
    columns = {"h0_death": h0[:, 1]}
    if len(h1):
        columns |= {
            "h1_birth": h1[:, 0],
            "h1_death": h1[:, 1],
            "h1_persistence": h1[:, 1] - h1[:, 0],
            "h1_ratio": h1[:, 0] / h1[:, 1],
        }
    for name, column in columns.items():
        expected = [
            np.mean(column),
            np.min(column),
            np.percentile(column, 25),
            np.median(column),
            np.percentile(column, 75),
            np.max(column),
            np.std(column),
        ]
        statistics = [found[f"{name}_{s}"] for s in ("mean", "min", "q1", "median", "q3", "max", "std")]
        np.testing.assert_allclose(statistics, expected, rtol=1e-12, atol=1e-14)
    for k, h in enumerate(pair):
        assert found[f"h{k}_count"] == len(h)
        np.testing.assert_allclose(found[f"h{k}_total_persistence"], np.diff(h).sum(), rtol=1e-12)
        if len(h):
            np.testing.assert_allclose(
                found[f"h{k}_entropy"],
                persistent_entropy(h)[0],
                rtol=1e-10,
                atol=1e-12,
            )


def test_entropy_of_equal_bars_is_the_log_of_their_number():
    bars = np.tile([0.0, 5.0], (8, 1))
    np.testing.assert_allclose(by_name(summary([bars, EMPTY]))["h0_entropy"], np.log(8))


def test_rescaling_is_dividing_the_distances():
    d = distance_matrix(np.random.default_rng(0).normal(size=(40, 3)))
    raw = np.stack([summary(diagrams(d)), summary(diagrams(d[:30, :30]))])
    expected = np.stack([summary(diagrams(d / 3.7)), summary(diagrams(d[:30, :30] / 3.7))])
    np.testing.assert_allclose(rescale(raw, 3.7), expected, rtol=1e-12)
    np.testing.assert_allclose(rescale(raw, np.array([3.7, 3.7])), expected, rtol=1e-12)


def test_a_cloud_without_a_unit_keeps_its_zeros():
    np.testing.assert_array_equal(rescale(np.zeros((2, 41)), np.array([0.0, 2.0])), np.zeros((2, 41)))
