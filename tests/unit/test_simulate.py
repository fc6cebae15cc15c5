"""Simulated studies: what the clouds do by rule, what theory says of their diagrams, the project's columns."""

import itertools

import numpy as np
import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.stages.registry import tables
from scripts.simulate import BURST, GROWTH, KINDS, MEMORY, event, path, simulate

SMALL = {"prompts": 30, "dimension": 3, "checkpoints": 7, "subsamples": 3, "size": 20}


def speeds(study, scale="raw", degree=1, series="run 0"):
    """(T,) mean velocity of one curve."""
    v = study.velocities
    part = v[(v["scale"] == scale) & (v["degree"] == degree) & (v["series"] == series) & (v["layer"] == 0)]
    return part.groupby("step")["value"].mean().to_numpy()


def draws(seed=0, checkpoints=10, prompts=400, dimension=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(1, prompts, dimension)), rng.normal(size=(checkpoints, 1, prompts, dimension))


# --- clouds by their rule ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["fresh", "drift", "walk"])
def test_without_change_every_transition_moves_points_alike(kind):
    base, noise = draws()
    moves = np.diff(path(kind, base, noise, np.zeros(400), move=0.2), axis=0)
    # 1,200 coordinates: four standard errors of a standard deviation
    np.testing.assert_allclose(moves.std(axis=(1, 2, 3)), 0.2, rtol=4 / np.sqrt(2 * 1200))


def test_stationary_noise_remembers():
    base, noise = draws(checkpoints=40)
    drift = path("drift", base, noise, np.zeros(400)) - base
    correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in itertools.pairwise(drift)]
    np.testing.assert_allclose(correlation, MEMORY, atol=4 * (1 - MEMORY**2) / np.sqrt(1200))
    fresh = path("fresh", base, noise, np.zeros(400)) - base
    assert abs(np.corrcoef(fresh[0].ravel(), fresh[1].ravel())[0, 1]) < 4 / np.sqrt(1200)


@pytest.mark.parametrize(("kind", "fast"), [("early burst", [0, 1, 2]), ("late burst", [6, 7, 8])])
def test_a_burst_is_where_it_says(kind, fast):
    base, noise = draws()
    moves = np.diff(path(kind, base, noise, np.zeros(400)), axis=0).std(axis=(1, 2, 3))
    slow = np.diff(path("walk", base, noise, np.zeros(400)), axis=0).std(axis=(1, 2, 3))
    expected = np.isin(np.arange(9), fast) * (BURST - 1) + 1
    np.testing.assert_allclose(moves / slow, expected)


@pytest.mark.parametrize("source", ["prompts", "weights"])
def test_all_runs_and_layers_start_from_one_base(source):
    study = simulate("fresh", seed=3, series=2, layers=2, source=source, **SMALL)
    base = study.summaries[study.summaries["step"] == 0].set_index(["layer", "subsample"]).drop(columns=["series"])
    one, other = (base.iloc[k * 6 : k * 6 + 6] for k in (0, 1))
    pd.testing.assert_frame_equal(one, other)
    later = study.summaries[study.summaries["step"] == 1].groupby("series")["h0_death_mean"].first()
    assert later.nunique() == 2


def test_weights_move_all_prompts_by_one_map():
    """The move of the centred cloud lies in the span of the cloud's columns."""
    base, _ = draws()
    rng = np.random.default_rng(1)
    maps = rng.normal(size=(5, 1, 3, 3))
    moved = path("walk", base, base @ maps, np.zeros(400), move=0.1)[-1, 0]
    _, residual, *_ = np.linalg.lstsq(base[0], moved, rcond=None)
    np.testing.assert_allclose(residual, 0, atol=1e-20)


# --- what theory says of the diagrams ------------------------------------------------------------


def test_a_shift_moves_nothing_topological():
    """Rips diagrams know distances alone; what is left is rounding."""
    study = simulate("shift", seed=1, **SMALL)
    assert study.velocities["value"].max() < 1e-12
    assert study.distances["value"].max() < 1e-12


def test_growth_moves_raw_diagrams_by_its_factor_and_median_ones_not_at_all():
    study = simulate("scaling", seed=1, **SMALL)
    for degree in (0, 1):
        raw = speeds(study, "raw", degree)
        np.testing.assert_allclose(raw[1:] / raw[:-1], GROWTH, rtol=1e-9)
        assert raw[0] > 0.01
        assert speeds(study, "median", degree).max() < 1e-12


def test_a_jump_is_the_fastest_transition_at_both_scales():
    study = simulate("jump", seed=1, move=0.02, **SMALL)
    for scale in ("raw", "median"):
        v = speeds(study, scale)
        assert v.argmax() == event(len(v))
        assert v.max() > 3 * np.delete(v, v.argmax()).max()


def test_only_one_objective_changes_its_shape():
    """The longest loop of a circle against the loops of noise; other runs keep those of the base."""
    study = simulate("objective shape", seed=2, series=4, objectives=2, move=0.02, **SMALL)
    assert study.objectives == {
        "run 0": "objective 0",
        "run 1": "objective 1",
        "run 2": "objective 0",
        "run 3": "objective 1",
    }
    last = study.summaries[study.summaries["step"] == 6].groupby("series")["h1_persistence_max"].mean()
    assert last[["run 0", "run 2"]].min() > 3 * last[["run 1", "run 3"]].max()


# --- tables --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_tables_of_a_study(kind):
    study = simulate(kind, seed=0, series=2, layers=2, steps=[0, 1, 2, 4, 8, 16, 32], **SMALL)
    for name in ("velocities", "distances", "summaries"):
        frame = getattr(study, name)
        assert list(frame.columns) == list(tables()[name].columns)
        assert frame.notna().all(axis=None)
    assert len(study.velocities) == 2 * 2 * 6 * 3 * 4
    assert len(study.distances) == 2 * 2 * 21 * 4
    assert (study.prompts, study.size) == (30, 20)
    means = study.velocities.groupby(["series", "step", "layer", "degree", "scale"])["value"].mean()
    before = study.distances["step_b"].map({1: 0, 2: 1, 4: 2, 8: 4, 16: 8, 32: 16})
    walked = study.distances[study.distances["step_a"] == before]
    walked = walked.set_index(["series_b", "step_b", "layer", "degree", "scale"])["value"].sort_index()
    np.testing.assert_allclose(means.to_numpy(), walked.to_numpy())


def test_a_seed_is_a_study_and_fewer_distances_are_the_same_ones():
    whole = simulate("walk", seed=5, **SMALL)
    pd.testing.assert_frame_equal(whole.velocities, simulate("walk", seed=5, **SMALL).velocities)
    assert not np.allclose(speeds(whole), speeds(simulate("walk", seed=6, **SMALL)))
    part = simulate("walk", seed=5, degrees=(1,), scales=("median",), **SMALL).velocities
    expected = whole.velocities[(whole.velocities["degree"] == 1) & (whole.velocities["scale"] == "median")]
    pd.testing.assert_frame_equal(part, expected.reset_index(drop=True))
    brief = simulate("walk", seed=5, summarise=False, **SMALL)
    pd.testing.assert_frame_equal(brief.distances, whole.distances)
    assert len(brief.summaries) == 0


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"kind": "flood"}, "unknown kind"),
        ({"source": "moon"}, "unknown source"),
        ({"checkpoints": 3}, "first third"),
        ({"dimension": 1}, "circle"),
        ({"steps": [0, 1, 2]}, "steps do not fit"),
        ({"steps": [0, 1, 2, 2, 3, 4, 5]}, "steps do not fit"),
    ],
)
def test_what_cannot_be_simulated(changed, fault):
    with pytest.raises(Fault, match=fault):
        simulate(**({"kind": "walk", "seed": 0} | SMALL | changed))
