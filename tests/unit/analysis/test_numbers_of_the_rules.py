"""The numbers that rules are made of, as docs/method.md gives them: whoever changes one changes what is found."""

import inspect

import pytest

from phcore.analysis import (
    against_geometry,
    category_directions,
    claims,
    courses,
    displacements,
    dynamics,
    early_change,
    effect_sizes,
    foretelling,
    halfway,
    headline,
    multiplicity,
    objectives,
    permanova,
    readings,
    windows,
)

NUMBERS = {
    claims: {"LEVEL": 0.05, "EARLY_ENOUGH": 1.5, "SETTLED": 0.25, "ALIKE": 1.25, "HALF": 0.5, "COARSE": 1 / 8,
             "_ORDERS": 9_999, "_EXACT": 100_000, "_TIE": 1e-9},
    readings: {"MEANS": 0.0, "_SAME_PROGRESS": 0.01, "_SAME_DEPTH": 0.05},
    windows: {"QUARTERS": 4, "FEWEST_RATES": 6, "MOST_RATES": 48, "COVERED": 0.75, "_NEARLY": 0.1, "_EQUAL": 1e-6},
    halfway: {"FEWEST": 4},
    headline: {"NOTICEABLE": 0.01},
    courses: {"DEPTHS": (0.2, 0.4, 0.6, 0.8, 1.0)},
    displacements: {"LEVEL": 0.95, "_CONSTANT": 1e-9},
    objectives: {"_CONSTANT": 1e-9},
    effect_sizes: {"_CONSTANT": 1e-9},
    multiplicity: {"_CONSTANT": 1e-9},
    permanova: {"_TIE": 1e-10, "LABELINGS": 10_000, "WHOLE": -1},
    dynamics: {"PERMUTATIONS": 10_000, "TIE": 1e-10, "DISTANCE": ["layer", "degree", "order", "norm", "scale"]},
    early_change: {"_NORMAL": 1.96, "_MOST": 0.45, "_FLAT": 1e-9},
    against_geometry: {"ALL_LAYERS": -1, "RESAMPLES": 1_000, "FEW": 10},
    foretelling: {"RESAMPLES": 1_000, "SHUFFLES": 4_999, "FEWEST_RUNS": 3},
    category_directions: {"MOST": 4},
}  # fmt: skip
DEFAULTS = [
    (permanova.permanova, {"n": 9_999, "seed": 0}),
    (early_change.concentration_table, {"n": 10_000, "seed": 0}),
    (dynamics.dynamics, {"n": 10_000, "seed": 0}),
    (dynamics.velocity_curve, {"per": "transition"}),
    (dynamics.stable_step, {"share": 0.25}),
    (dynamics.early, {"by": "index"}),
    (dynamics.curves, {"whole_only": False}),
    (objectives.split_half_floor, {"repeats": 200, "seed": 0}),
    (objectives.paths_landscapes, {"depth": 5, "points": 120}),
    (objectives.paths_mds, {"degree": 1, "order": 2.0, "norm": 2.0, "scale": "raw"}),
    (objectives.paths_vectors, {"unit": 1.0}),
    (effect_sizes.separation, {"repeats": 200, "seed": 0}),
    (effect_sizes.energy_distance, {"unbiased": False}),
    (against_geometry.against_velocity, {"resamples": 1_000, "seed": 0}),
    (against_geometry.unexplained, {"resamples": 1_000, "seed": 0}),
    (against_geometry.block_weights, {"resamples": 1_000, "seed": 0}),
    (against_geometry.changes, {"scale": "raw"}),
    (foretelling.early_final, {"n": 1_000, "shuffles": 4_999, "seed": 0}),
]


@pytest.mark.parametrize("module", NUMBERS, ids=lambda one: one.__name__.rpartition(".")[2])
def test_a_rule_has_the_numbers_that_the_method_gives(module):
    assert {name: getattr(module, name) for name in NUMBERS[module]} == NUMBERS[module]


@pytest.mark.parametrize(("function", "given"), DEFAULTS, ids=lambda one: getattr(one, "__name__", ""))
def test_what_is_not_said_is_as_the_method_says(function, given):
    parameters = inspect.signature(function).parameters
    assert {name: parameters[name].default for name in given} == given


def test_the_penalties_of_the_ridge_go_from_none_to_almost_all():
    assert against_geometry._PENALTIES.tolist() == [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]
