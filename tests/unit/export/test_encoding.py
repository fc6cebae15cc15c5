"""Tables as bytes."""

import io

import numpy as np
import pandas as pd
import pytest

from phcore.export.encoding import encode

FORMULAS = ["=HYPERLINK(1)", "+1", "-2", "@SUM(A1)", "\t=1", "\n=1", "＝1", "＋1", "－1", "＠SUM(A1)"]


def test_no_cell_is_a_formula():
    frame = pd.DataFrame({"series": [*FORMULAS, "plain\r=1", None], "value": [-1.5] * (len(FORMULAS) + 2)})
    back = pd.read_csv(io.BytesIO(encode(frame, "csv")), keep_default_na=False)
    assert list(back["series"]) == [f"'{one}" for one in FORMULAS] + ["plain =1", ""]
    assert list(back["value"]) == [-1.5] * (len(FORMULAS) + 2)


def test_categories_are_texts_too():
    frame = pd.DataFrame({"series": pd.Categorical(["=1", "a"])})
    assert encode(frame, "csv") == b"series\n'=1\na\n"


@pytest.mark.parametrize("texts", [["a", "b", None], ["a, b", 'c "d"', "two\nlines"]])
def test_csv_reads_back_as_it_was(texts):
    """Numbers to the last bit, what is not known as nothing; and words whatever is in them."""
    frame = pd.DataFrame(
        {"text": texts, "value": [0.1 + 0.2, np.nan, 1e-300], "order": [1.0, 2.0, np.inf], "n": [1, 2, 3],
         "known": [True, False, True]}
    )  # fmt: skip
    content = encode(frame, "csv")
    assert content.startswith(b"text,value,order,n,known\n")
    assert (b'"' in content) == (texts[-1] is not None)  # quotes only where something needs them
    back = pd.read_csv(io.BytesIO(content))
    pd.testing.assert_frame_equal(back, frame, check_dtype=False, check_exact=True)


def test_a_column_of_several_types_is_written_as_it_is():
    frame = pd.DataFrame({"order": [1.0, "inf"], "n": [1, 2]})
    assert encode(frame, "csv") == b"order,n\n1.0,1\ninf,2\n"
