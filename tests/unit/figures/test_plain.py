"""Charts as plain Vega-Lite: words of others in their tables show what would work unseen."""

import pandas as pd

from phcore.figures.charts.standing import at_step, moving, readable


def test_a_table_without_unseen_letters_is_the_same_object():
    table = pd.DataFrame({"series": ["helpful", None], "value": [1.0, 2.0]})
    assert readable(table) is table


def test_unseen_letters_are_marks_and_a_table_that_moves_still_does():
    table = readable(moving(lambda step: pd.DataFrame({"series": ["a\u202eb"], "step": [step]}), 1))
    assert table["series"].tolist() == ["a⟨U+202E⟩b"]
    moved = at_step({"one": table}, 4)["one"]
    assert moved.to_dict("records") == [{"series": "a⟨U+202E⟩b", "step": 4}]
