"""Charts as plain Vega-Lite: words of others in their tables show what would work unseen."""

import altair as alt
import pandas as pd
import pytest

from phcore.figures.charts.standing import at_step, height, moving, plain, readable


def test_a_table_without_unseen_letters_is_the_same_object():
    table = pd.DataFrame({"series": ["helpful", None], "value": [1.0, 2.0]})
    assert readable(table) is table


def test_unseen_letters_are_marks_and_a_table_that_moves_still_does():
    table = readable(moving(lambda step: pd.DataFrame({"series": ["a\u202eb"], "step": [step]}), 1))
    assert table["series"].tolist() == ["a⟨U+202E⟩b"]
    moved = at_step({"one": table}, 4)["one"]
    assert moved.to_dict("records") == [{"series": "a⟨U+202E⟩b", "step": 4}]


@pytest.mark.parametrize(("there", "rows"), [("ab", 1), ("abc", 2), ("a", 1), ("", 1)])
def test_a_chart_is_as_high_as_the_panels_that_have_rows(there, rows):
    """The order of the panels names those that are switched off, too."""
    table = pd.DataFrame({"x": [1.0] * len(there), "name": list(there)})

    def build():
        mark = alt.Chart(height=100).mark_point().encode(x="x:Q")
        facet = alt.Facet("name:N", sort=["a", "b", "c", "d"])
        return alt.FacetChart(data=table, spec=mark, facet=facet, columns=2)

    one = height(plain(lambda: alt.FacetChart(data=table, spec=alt.Chart(height=100).mark_point(), columns=1,
                                              facet=alt.Facet("x:Q"))))  # fmt: skip
    assert height(plain(build)) == one + (rows - 1) * (one - 64)
