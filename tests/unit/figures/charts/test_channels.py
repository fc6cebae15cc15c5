import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from phcore.figures.charts.channels import by_marker, by_objective, in_rows, interval_words, p_words, row_names, spread

NAN = float("nan")


def test_words_of_intervals_and_p():
    assert interval_words([1.0, 2.0], [0.5, NAN], [1.5, NAN]) == ["1.00 (0.500 to 1.50)", "2.00"]
    assert p_words(0.00499).replace("\u00a0", " ") == "p = 0.005"
    assert p_words(0.0001).endswith("0.0001")
    assert p_words(NAN) == "p unknown"


def test_words_that_do_not_touch_stay_where_they_are():
    assert spread([10, 90, 50], 16, 0, 100) == [10, 90, 50]
    assert spread([], 16, 0, 100) == []


def test_words_in_one_place_stand_around_it_in_their_order():
    assert spread([50, 50], 16, 0, 100) == [42, 58]
    assert spread([100, 100, 0], 16, 0, 100) == [84, 100, 0]


@given(st.lists(st.floats(0, 300), max_size=12))
def test_words_are_apart_inside_and_in_the_order_of_their_places(places):
    found = spread(places, 16, 0, 300)
    assert len(found) == len(places)
    order = sorted(range(len(places)), key=lambda at: (places[at], at))
    moved = [found[at] for at in order]
    assert all(b - a >= 16 - 1e-9 for a, b in pairwise(moved))
    assert all(-1e-9 <= place <= 300 + 1e-9 for place in moved)


def test_more_words_than_room_keep_their_distance():
    found = spread([0.0] * 10, 16, 0, 100)
    assert all(math.isclose(b - a, 16) for a, b in pairwise(found))


def test_every_row_keeps_its_name():
    """The app's theme leaves out labels that stand close, and moves those at the ends inwards."""
    axis = row_names("setting", ["a", "b"], 60).to_dict()["axis"]
    assert not axis["labelOverlap"]
    assert not axis["labelFlush"]


def test_a_legend_of_many_names_stands_in_rows_that_fit():
    few, many = ["helpful", "harmless"], [f"helpful-lr{k}e-4" for k in range(9)]
    assert in_rows(few, 600) == {}
    assert in_rows(many, 600) == {"columns": 4}  # 14 letters each
    assert in_rows(many, 100) == {"columns": 1}
    for names, columns in ((few, None), (many, 4)):
        told = (
            by_objective(names, None, "circle", 600).to_dict()["legend"],
            by_marker(names, width=600).to_dict()["legend"],
        )
        assert [one.get("columns") for one in told] == [columns] * 2
