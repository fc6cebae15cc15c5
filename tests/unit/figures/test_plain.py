"""Charts as plain Vega-Lite: words of others in their tables show what would work unseen."""

import altair as alt
import pandas as pd
import pytest

from phcore.figures.charts.channels import told
from phcore.figures.charts.dark import for_both
from phcore.figures.charts.linking import nearest_tooltip
from phcore.figures.charts.standing import at_step, height, moving, plain, readable
from phcore.figures.charts.theme import OBJECTIVES, heading, on_dark


def test_a_table_without_unseen_letters_is_the_same_object():
    table = pd.DataFrame({"series": ["helpful", None], "value": [1.0, 2.0]})
    assert readable(table) is table


def test_unseen_letters_are_marks_and_a_table_that_moves_still_does():
    table = readable(moving(lambda step: pd.DataFrame({"series": ["a\u202eb"], "step": [step]}), 1))
    assert table["series"].tolist() == ["a⟨U+202E⟩b"]
    moved = at_step({"one": table}, 4)["one"]
    assert moved.to_dict("records") == [{"series": "a⟨U+202E⟩b", "step": 4}]


def test_a_spec_names_what_is_in_its_tables_as_it_is_there():
    names = ["a\nb", "c\u2028d", "e\tf"]
    table = pd.DataFrame({"series": names, "value": [1, 2, 3]})

    def build():
        y = alt.Y("series:N", sort=names, title="one\ntwo")
        return alt.Chart(table).mark_point().encode(x="value:Q", y=y, color=alt.Color("series:N").scale(domain=names))

    made = plain(build)
    (shown,) = (list(one["series"]) for one in made.tables.values())
    encoding = made.spec["encoding"]
    assert shown == encoding["y"]["sort"] == encoding["color"]["scale"]["domain"] == ["a b", "c d", "e f"]
    assert encoding["y"]["title"] == "one\ntwo"


def test_names_that_every_object_has_are_others_in_tables_and_spec_alike():
    table = pd.DataFrame({"series": ["constructor", "__proto__", "title"]})

    def build():
        return alt.Chart(table).mark_point().encode(y=alt.Y("series:N", sort=["constructor", "__proto__", "title"]))

    made = plain(build)
    (shown,) = (list(one["series"]) for one in made.tables.values())
    assert shown == made.spec["encoding"]["y"]["sort"] == ["constructor ", "__proto__ ", "title"]


def test_a_name_without_end_is_one_line_of_a_heading():
    said = heading("How far?", f"{'W' * 3000} moves most, and {'V' * 3000} least.", 540).to_dict()["subtitle"]
    assert len(said) == 4
    assert " ".join(said).count("…") == 2


def test_a_run_that_is_called_like_a_colour_is_no_colour():
    blue = next(one for one in OBJECTIVES.values() if on_dark(one) != one)
    spec = {"title": {"text": blue, "color": blue}, "encoding": {"y": {"sort": [blue], "title": blue}}}
    made = for_both(spec, [])
    assert made["title"]["text"] == blue != made["title"]["color"]
    assert made["encoding"]["y"] == {"sort": [blue], "title": blue}


@pytest.mark.parametrize("name", ["__proto__", "constructor", "toString", "title", "image", "__defineGetter__"])
def test_a_run_may_be_called_like_what_a_browser_has(name):
    """A browser's Vega refuses a chart whose tooltip has a line of such a name, or shows it as something else."""
    (line,) = told({"s0": name})
    assert line.to_dict()["title"] == f"{name} "
    assert f'{{"{name} ": ' in nearest_tooltip({"s0": name}).to_dict()["value"]["expr"]


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
