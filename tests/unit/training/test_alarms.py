from dataclasses import replace

import numpy as np
import pytest

from phcore.training.alarms import KINDS, UNUSUAL, Look, Measured, alarms

QUIET = Measured(True, distinct=40, rank=15.0, loops=20.0, velocity=1.0)


def run(*changes, looks=12, layers=(1, 3), seed=0):
    """A quiet run whose last looks are changed."""
    random = np.random.default_rng(seed)
    made = [
        Look(k, {layer: replace(QUIET, velocity=float(np.exp(0.1 * random.normal())) if k else float("nan"))
                 for layer in layers}, f"weights {k}")
        for k in range(looks)
    ]  # fmt: skip
    for k, change in zip(range(looks - len(changes), looks), changes, strict=True):
        made[k] = replace(made[k], layers={layer: replace(one, **change) for layer, one in made[k].layers.items()})
    return made


def kinds(looks):
    return [one.kind for one in alarms(looks)]


def test_a_quiet_run_gives_no_reason():
    for seed in range(50):
        looks = run(looks=20, seed=seed)
        assert [kinds(looks[:k]) for k in range(1, 21)] == [[]] * 20


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"finite": False}, "not finite", "at layers 1, 3"),
        ({"rank": 7.5}, "collapse", "effective rank 15 -> 7.5 at layer 1"),
        ({"distinct": 20}, "collapse", "distinct points 40 -> 20"),
        ({"loops": 5.0}, "collapse", "loops 20 -> 5"),
        ({"velocity": 5.0}, "jump", "times as far as in the last looks"),
    ],
)
def test_each_fault_is_told(change, kind, words):
    looks = run(change)
    [alarm] = alarms(looks)
    assert (alarm.kind, alarm.step) == (kind, 11)
    assert words in alarm.words


@pytest.mark.parametrize("change", [{"rank": 7.6}, {"distinct": 21}, {"loops": 5.1}, {"velocity": 1.3}])
def test_a_little_less_is_no_reason(change):
    assert kinds(run(change)) == []


def test_an_alarm_is_given_once_for_what_lasts():
    looks = run({"rank": 5.0}, {"rank": 4.0})
    assert (kinds(looks[:-1]), kinds(looks)) == (["collapse"], [])


def test_few_loops_say_nothing_about_their_share():
    looks = [replace(one, layers={k: replace(m, loops=4.0) for k, m in one.layers.items()}) for one in run()]
    last = replace(looks[-1], layers={k: replace(m, loops=0.0) for k, m in looks[-1].layers.items()})
    assert kinds([*looks[:-1], last]) == []


def test_a_jump_at_a_few_layers_is_none():
    looks = run(layers=(1, 2, 3))
    far = looks[-1].layers | {1: replace(QUIET, velocity=9.0)}
    assert kinds([*looks[:-1], replace(looks[-1], layers=far)]) == []
    assert kinds([*looks[:-1], replace(looks[-1], layers=far | {2: replace(QUIET, velocity=9.0)})]) == ["jump"]


def test_nothing_is_unusual_before_there_is_anything_usual():
    assert kinds(run({"velocity": 50.0}, looks=6)) == []  # the first of them has none
    assert kinds(run({"velocity": 50.0}, looks=7)) == ["jump"]


def test_how_unusual_is_pinned():
    """`UNUSUAL` spreads of the logarithms, a tenth each where looks are all alike."""
    alike = [replace(one, layers={k: replace(m, velocity=1.0) for k, m in one.layers.items()}) for one in run()]
    for factor, told in ((0.99, []), (1.01, ["jump"])):
        last = {k: replace(QUIET, velocity=float(np.exp(0.1 * UNUSUAL * factor))) for k in (1, 3)}
        assert kinds([*alike[:-1], replace(alike[-1], layers=last)]) == told


def test_weights_that_stand_still():
    looks = run()
    same = replace(looks[-1], weights=looks[-2].weights)
    [alarm] = alarms([*looks[:-1], same])
    assert (alarm.kind, alarm.words) == ("frozen", "No weight has changed since step 10.")
    assert kinds([*looks[:-1], replace(same, weights="")]) == []


def test_training_that_settled():
    looks = run({"velocity": 8.0}, *[{"velocity": 0.2}] * 4, looks=20)
    [alarm] = alarms(looks)
    assert alarm.kind == "stable"
    assert "Since step 15" in alarm.words
    assert "stable" not in kinds(looks[:-1])
    one_layer_moves = looks[-1].layers | {3: replace(QUIET, velocity=3.0)}
    assert "stable" not in kinds([*looks[:-1], replace(looks[-1], layers=one_layer_moves)])


def test_no_looks_and_the_kinds_that_there_are():
    assert alarms([]) == []
    assert KINDS == ("not finite", "collapse", "jump", "frozen", "stable")
