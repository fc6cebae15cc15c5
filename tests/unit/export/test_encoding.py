"""Tables as bytes."""

import io

import pandas as pd

from phcore.export.encoding import encode

FORMULAS = ["=HYPERLINK(1)", "+1", "-2", "@SUM(A1)", "\t=1"]


def test_no_cell_is_a_formula():
    frame = pd.DataFrame({"series": [*FORMULAS, "plain\r=1", None], "value": [-1.5] * 7})
    back = pd.read_csv(io.BytesIO(encode(frame, "csv")), keep_default_na=False)
    assert list(back["series"]) == [f"'{one}" for one in FORMULAS] + ["plain =1", ""]
    assert list(back["value"]) == [-1.5] * 7


def test_categories_are_texts_too():
    frame = pd.DataFrame({"series": pd.Categorical(["=1", "a"])})
    assert encode(frame, "csv") == b"series\n'=1\na\n"
