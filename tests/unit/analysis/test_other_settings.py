"""What other settings would show: the order of the curves, the scale as one setting more, and their concentration."""

import pandas as pd
import pytest

from phcore.analysis.other_settings import concentrations, settings

COLUMNS = ["varied", "setting", "scale", "step_from", "step", "value"]


def rows(varied, setting, values=(1.0, 1.0, 1.0), scale="raw"):
    return [(varied, setting, scale, step, step + 1, value) for step, value in enumerate(values)]


def test_settings_stand_in_the_order_of_what_is_varied_and_numbers_by_size():
    found = [*rows("metric", "cosine"), *rows("subsamples", "16"), *rows("subsamples", "8"), *rows("order", "2")]
    table = settings(pd.DataFrame(found, columns=COLUMNS), "raw")
    assert [tuple(name) for name in table[["varied", "setting"]].drop_duplicates().to_numpy()] == [
        ("subsamples", "8"),
        ("subsamples", "16"),
        ("metric", "cosine"),
        ("order", "2"),
        ("scale", "raw"),
    ]


def test_the_other_scale_is_one_setting_of_the_own_order_alone():
    found = [*rows("order", "1", scale="median"), *rows("order", "2", (4.0, 5.0, 6.0), "median"), *rows("order", "2")]
    table = settings(pd.DataFrame(found, columns=COLUMNS), "raw")
    scales = table[table["varied"] == "scale"]
    assert scales.loc[scales["setting"] == "median", "value"].tolist() == [4, 5, 6]
    assert scales.loc[scales["setting"] == "raw", "value"].tolist() == [1, 1, 1]
    assert set(table.loc[table["varied"] == "order", "setting"]) == {"2"}


def test_the_share_of_the_first_third_of_each_curve():
    found = [*rows("prompts", "even", (2.0, 1.0, 1.0)), *rows("prompts", "odd", (1.0, 1.0, 2.0))]
    table = concentrations(settings(pd.DataFrame(found, columns=COLUMNS), "raw"))
    assert table["setting"].tolist() == ["even", "odd"]
    assert table["value"].tolist() == pytest.approx([0.5, 0.25])
