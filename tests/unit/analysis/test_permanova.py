"""Permutation of whole runs."""

import itertools
import math

import numpy as np
import pytest
from skbio.stats.distance import DistanceMatrix
from skbio.stats.distance import permanova as reference_permanova

from phcore.analysis.objectives import Standardised
from phcore.analysis.permanova import LABELINGS, WHOLE, permanova, run_distances, runs
from phcore.errors import Fault
from tests.unit.analysis.test_effect_sizes import at, of_cells, points


def distances_of(places):
    return run_distances({str(k): np.atleast_2d(place) for k, place in enumerate(places)})


def test_run_distances_by_hand():
    found = run_distances({"a": [[0.0, 0], [0, 0]], "b": [[3.0, 4], [0, 0]], "c": [[0.0, 0], [0, 1]]})
    np.testing.assert_allclose(found[0], [0, math.sqrt(25 / 2), math.sqrt(1 / 2)])
    np.testing.assert_array_equal(found, found.T)
    for means in ({}, {"a": np.zeros((2, 3)), "b": np.zeros((1, 3))}, {"a": np.zeros((0, 3))}):
        with pytest.raises(Fault, match="do not share their steps"):
            run_distances(means)


@pytest.mark.parametrize("labels", ["aabb", "aaabbbccc", "aaaabbc", "abbbbbbb", "bacbacba"])
def test_permanova_is_that_of_scikit_bio(labels):
    distances = distances_of(points(len(labels), (len(labels), 4)) + np.outer([ord(c) % 3 for c in labels], np.ones(4)))
    found = permanova(distances, list(labels))
    expected = reference_permanova(DistanceMatrix(distances), list(labels), permutations=9999, seed=1)
    assert found.pseudo_f == pytest.approx(expected["test statistic"], rel=1e-10)
    assert found.exact
    # scikit-bio draws labelings at random: three standard errors of a share of 9,999.
    assert found.p == pytest.approx(expected["p-value"], abs=3 * math.sqrt(0.25 / 9999) + 1e-4)


def test_permanova_by_random_labelings_is_that_of_scikit_bio():
    labels = list("aaaaaabbbbbbcccccc")
    distances = distances_of(points(3, (18, 4)) + 0.35 * np.repeat(np.arange(3), 6)[:, None])
    found = permanova(distances, labels)
    expected = reference_permanova(DistanceMatrix(distances), labels, permutations=9999, seed=1)
    assert not found.exact
    assert (found.permutations, found.smallest_p) == (9999, 1e-4)
    assert found.pseudo_f == pytest.approx(expected["test statistic"], rel=1e-10)
    assert found.p == pytest.approx(expected["p-value"], abs=0.01)
    assert found == permanova(distances, labels)
    assert found.p != permanova(distances, labels, seed=1).p
    apart = permanova(distances_of(points(3, (18, 4)) + 50 * np.repeat(np.arange(3), 6)[:, None]), labels)
    assert apart.p == apart.smallest_p


@pytest.mark.parametrize(
    ("labels", "distinct"),
    [("aabb", 3), ("aaabbb", 10), ("aaabb", 10), ("aabc", 6), ("aaabbbccc", 280), ("ab" * 7, 1716)],
)
def test_every_distinct_labeling_is_looked_at_once(labels, distinct):
    """Clear separation is the most extreme labeling: p is the smallest possible one."""
    places = points(4, (len(labels), 2)) * 0.01 + np.outer([ord(c) for c in labels], [10, 0])
    found = permanova(distances_of(places), list(labels))
    assert (found.permutations, found.exact) == (distinct, True)
    assert found.p == found.smallest_p == pytest.approx(1 / distinct)
    assert distinct <= LABELINGS


def test_the_exact_p_by_brute_force():
    labels, places = "aaabbcc", points(6, (7, 3))
    distances = distances_of(places)
    found = permanova(distances, list(labels))
    observed = permanova_f(distances, labels)
    every = np.array([permanova_f(distances, order) for order in set(itertools.permutations(labels))])
    assert found.pseudo_f == pytest.approx(observed)
    assert found.p == pytest.approx((every >= observed - 1e-9).mean())


def permanova_f(distances, labels):
    """Pseudo-F from points' distances, written out."""
    count, names = len(labels), sorted(set(labels))
    total = sum(distances[i, j] ** 2 for i, j in itertools.combinations(range(count), 2)) / count
    inside = 0.0
    for name in names:
        members = [k for k in range(count) if labels[k] == name]
        inside += sum(distances[i, j] ** 2 for i, j in itertools.combinations(members, 2)) / len(members)
    return (total - inside) / (len(names) - 1) / (inside / (count - len(names)))


def test_mean_distances_within_and_between():
    found = permanova(distances_of([[0.0], [2.0], [10.0], [16.0]]), list("aabb"))
    assert (found.within, found.between) == (4, 12)
    assert (found.runs, found.objectives, found.words) == (4, 2, "")


def test_without_a_difference_p_is_not_too_small():
    rng = np.random.default_rng(8)
    p = np.array([permanova(distances_of(rng.normal(size=(9, 5))), list("aaabbbccc")).p for _ in range(400)])
    for level in (0.05, 0.2, 0.5):
        assert (p <= level).mean() == pytest.approx(level, abs=3.5 * math.sqrt(level * (1 - level) / 400))


def test_labelings_that_are_equally_extreme_count_whatever_their_last_bits():
    """Of the three ways to halve the corners of a square, two are the same up to a quarter turn."""
    for angle in np.linspace(0, 1, 40):
        corners = 0.1 + np.exp(1j * (angle + np.arange(4) * np.pi / 2))
        distances = np.abs(np.subtract.outer(corners, corners))
        assert permanova(distances, list("aabb")).p == pytest.approx(2 / 3)
        assert permanova(distances, list("abba")).p == pytest.approx(2 / 3)
        assert permanova(distances, list("abab")).p == 1


@pytest.mark.parametrize("rounding", [0.0, 1e-13])
def test_equal_runs_of_an_objective_are_as_close_as_can_be(rounding):
    found = permanova(distances_of([[0.0], [rounding], [1.0], [1.0]]), list("aabb"))
    assert found.pseudo_f == math.inf
    assert found.p == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("places", "labels", "words"),
    [
        ([[0.0], [1.0]], "aa", "one objective"),
        ([], "", "one objective"),
        ([[0.0], [1.0], [2.0]], "abc", "one run per objective"),
        ([[0.0], [np.nan], [2.0]], "aab", "missing"),
        ([[1.0], [1.0], [1.0]], "aab", "all runs are equal"),
    ],
)
def test_runs_that_cannot_tell_say_why(places, labels, words):
    distances = distances_of(places) if places else np.zeros((0, 0))
    found = permanova(distances, list(labels))
    assert words in found.words
    assert np.isnan([found.p, found.pseudo_f, found.smallest_p]).all()
    assert found.permutations == 0


def test_labels_that_do_not_fit():
    with pytest.raises(Fault, match="3 labels do not fit"):
        permanova(np.zeros((2, 2)), ["a", "a", "b"])


def seeds(gap, steps=(0, 1, 2), lost=()):
    """Three runs of each of two objectives; gap between the objectives at step 2 only."""
    base, rng, cells = points(0), np.random.default_rng(1), {}
    for objective, k, step in itertools.product("ab", range(3), steps):
        place = rng.normal(size=3) + np.array([gap * (objective == "a") * (step == 2), 0, 0])
        cells[f"{objective}{k}", step] = base if step == 0 else at(*place)
    return of_cells({cell: values for cell, values in cells.items() if cell not in lost})


OBJECTIVE_OF = {f"{objective}{k}": objective for objective in "ab" for k in range(3)}


def test_runs_by_step_and_as_a_whole():
    found = seeds(gap=30.0)
    table = runs(found, OBJECTIVE_OF)
    assert table["step"].tolist() == [WHOLE, 1, 2]  # the base they share tells nothing
    assert (table[["objectives", "runs", "permutations"]] == [2, 6, 10]).all(axis=None)
    by_step = table.set_index("step")
    assert by_step.loc[2, "p"] == by_step.loc[WHOLE, "p"] == pytest.approx(1 / 10)
    assert by_step.loc[2, "between"] > 5 * by_step.loc[2, "within"]
    assert by_step.loc[1, "between"] < 2 * by_step.loc[1, "within"]
    means = {name: found.means.loc[[(name, 1), (name, 2)]].to_numpy() for name in OBJECTIVE_OF}
    whole = permanova(run_distances(means), list("aaabbb"))
    assert by_step.loc[WHOLE, "pseudo_f"] == pytest.approx(whole.pseudo_f)


def test_runs_with_missing_steps():
    table = runs(seeds(30.0, lost={("a0", 2)}), OBJECTIVE_OF).set_index("step")
    assert table["runs"].to_dict() == {WHOLE: 6, 1: 6, 2: 5}
    assert table.loc[WHOLE, "pseudo_f"] == table.loc[1, "pseudo_f"]  # step 1 is all that all runs have
    nothing_shared = runs(seeds(30.0, lost={("a0", 2), ("b0", 1)}), OBJECTIVE_OF)
    assert nothing_shared["step"].tolist() == [1, 2]
    without_a = runs(seeds(30.0, lost={(f"a{k}", 2) for k in range(3)}), OBJECTIVE_OF)
    assert without_a["step"].tolist() == [WHOLE, 1]


def test_runs_of_other_base_models_differ_from_the_start():
    found = seeds(0.0)
    moved = found.means.copy()
    moved.loc[("a0", 0)] += 1.0
    other = Standardised(found.subsamples, moved, found.unit, (), ())
    assert runs(other, OBJECTIVE_OF)["step"].tolist() == [WHOLE, 0, 1, 2]


@pytest.mark.parametrize(
    "objective_of",
    [{}, {"a0": "a", "b0": "b"}, {"a0": "a", "a1": "a"}, {"a0": "a", "b0": "b", "b9": "b"}],
    ids=["none", "one run each", "one objective", "a run without cells"],
)
def test_one_run_per_objective_is_no_table(objective_of):
    table = runs(seeds(30.0), objective_of)
    assert table.empty
    assert list(table.columns) == ["step", "objectives", "runs", "within", "between", "pseudo_f", "p", "permutations"]


def test_series_of_no_objective_are_left_out():
    chosen = {name: objective for name, objective in OBJECTIVE_OF.items() if name != "b2"}
    assert (runs(seeds(30.0), chosen)["runs"] == 5).all()
