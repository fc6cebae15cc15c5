"""The calibration script: what it counts, and how it says so."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

SCRIPT = runpy.run_path(str(Path(__file__).resolve().parents[2] / "scripts" / "calibrate.py"))


def runs_of(p):
    """One reading; p (runs, layers), the same for all three p-values but that p_max is twice as large."""
    rows = [
        (
            "walk",
            "prompts",
            seed,
            layer,
            1,
            2.0,
            2.0,
            "raw",
            "transition",
            "index",
            True,
            "velocities",
            value,
            2 * value,
        )
        for seed, layers in enumerate(p)
        for layer, value in enumerate(layers)
    ]
    names = ["kind", "source", "seed", "layer", "degree", "order", "norm", "scale", "per", "by", "with_base", "null"]
    return pd.DataFrame(rows, columns=[*names, "p", "p_max"]).assign(p_bh=lambda t: t["p"])


def test_one_layer_and_any_layer_are_counted_apart():
    found = SCRIPT["rejections"](runs_of([[0.01, 0.9], [0.9, 0.01], [0.9, 0.03], [0.05, 0.9]])).iloc[0]
    assert found.to_dict() == {"p": 0.25, "p_max": 0.5, "p_bh": 0.75}


def test_coverage_is_of_the_mean_over_all_runs():
    table = runs_of([[0.5]] * 4).assign(concentration=[1.0, 2, 3, 6], lo=[0.0, 2.5, 2, 4], hi=[2.0, 3.5, 3, 8])
    assert SCRIPT["coverage"](table).tolist() == [0.5]  # the mean is 3


@pytest.mark.parametrize("runs", [60, 400, 1000])
def test_the_binomial_interval_is_the_exact_one(runs):
    """At most 2.5 % on either side, and one count more would be too many."""
    lo, hi = (round(share * runs) for share in SCRIPT["binomial_interval"](runs))
    assert binom.cdf(lo - 1, runs, 0.05) <= 0.025 < binom.cdf(lo, runs, 0.05)
    assert binom.sf(hi, runs, 0.05) <= 0.025 < binom.sf(hi - 1, runs, 0.05)


def test_shares_outside_the_interval_are_marked():
    words = SCRIPT["judged"](400)
    assert [words(share) for share in (0.01, 0.05, 0.1)] == ["*1.0*", "5.0", "**10.0**"]


def test_a_table_of_readings():
    found = SCRIPT["rejections"](runs_of([[0.01], [0.9]]))["p"]
    text = SCRIPT["markdown"](SCRIPT["by_reading"](found, SCRIPT["percent"]))
    assert text.splitlines() == [
        "| reading | walk, prompts |",
        "| --- | --- |",
        "| per transition, third by index, with base | 50.0 |",
    ]


def test_one_run_of_either_kind():
    table = SCRIPT["concentration_run"]("jump", "prompts", 0, permutations=19)
    assert (table["at_event"] > 2 * table["elsewhere"]).all()
    assert set(table["null"]) == {"velocities", "checkpoints", "studentised"}
    assert len(SCRIPT["rejections"](table)) == 2 * 2 * 2 * 2 * 3
    whole = SCRIPT["permanova_run"]("objective shape", "prompts", 0)
    assert len(whole) == 1
    assert whole["runs"].item() == 9
    assert np.isclose(whole["p"].item() * 280, round(whole["p"].item() * 280))
