import pandas as pd
import pytest

from phcore.figures.charts.bars import barcode_rows, bars_domain, cap_bars, group_words, shape_answer

COLUMNS = ["subsample", "degree", "birth", "death"]


def table(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS).astype({"subsample": int, "degree": int})


HAND = table(
    (0, 1, 2.0, 5.0),
    (0, 0, 0.0, 3.0),
    (0, 0, 0.0, 1.0),
    (1, 0, 0.0, 3.0),
    (1, 1, 2.5, 2.75),
    (1, 1, 2.0, 5.0),
)


def test_equal_bars_are_one_row_with_their_number():
    shown, k, n = cap_bars(HAND)
    assert (k, n) == (6, 6)
    assert shown[["bar", "multiplicity", "subsamples"]].to_numpy().tolist() == [
        ["H0-0-0", 1, 1],
        ["H0-0-1", 2, 2],
        ["H1-0-0", 2, 2],
        ["H1-1-1", 1, 1],
    ]
    assert shown["persistence"].tolist() == [1.0, 3.0, 3.0, 0.25]


def test_the_cap_keeps_the_most_persistent_of_each_degree():
    shown, k, n = cap_bars(HAND, cap=2)
    assert shown["bar"].tolist() == ["H0-0-1", "H1-0-0"]
    assert (k, n) == (4, 6)


def test_a_degree_takes_the_room_the_other_leaves(bars):
    only_h1 = bars[bars["degree"] == 1]
    shown, _, _ = cap_bars(only_h1, cap=10)
    assert len(shown) == 10
    shown, _, _ = cap_bars(pd.concat([only_h1, HAND[HAND["degree"] == 0]]), cap=10)
    assert (shown["degree"] == 0).sum() == 2
    assert (shown["degree"] == 1).sum() == 8


def test_names_do_not_depend_on_the_order_of_the_table_or_on_the_cap(bars):
    names = cap_bars(bars, cap=10_000)[0].set_index(["degree", "birth", "death"])["bar"]
    mixed = cap_bars(bars.sample(frac=1, random_state=0), cap=20)[0].set_index(["degree", "birth", "death"])
    assert mixed["bar"].equals(names.reindex(mixed.index))
    assert names.is_unique


def test_no_bars():
    shown, k, n = cap_bars(table())
    assert (len(shown), k, n) == (0, 0, 0)
    assert bars_domain(table()) == (0.0, 1.0)


def test_the_axis_ends_a_little_beyond_the_last_death(bars):
    low, high = bars_domain(bars)
    assert low == 0
    assert bars["death"].max() < high < 1.1 * bars["death"].max()


@pytest.mark.parametrize("order", ["birth", "death", "persistence"])
@pytest.mark.parametrize("height", [200, 500])
def test_rows_stay_inside_the_plot_and_do_not_cross(bars, order, height):
    rows, pitch = barcode_rows(bars, cap=150, order=order, end=30.0, height=height)
    assert rows["y"].is_monotonic_increasing
    assert rows["y"].between(0, height).all()
    assert rows["degree"].is_monotonic_increasing
    assert pitch > 0
    h1 = rows[rows["degree"] == 1]
    by = {"birth": h1["birth"], "death": h1["death"], "persistence": h1["death"] - h1["birth"]}[order]
    assert by.is_monotonic_increasing


def test_the_infinite_bar_closes_h0_and_is_said_to_never_die():
    rows, _ = barcode_rows(HAND, cap=100, order="birth", end=9.0, height=400)
    endless = rows[rows["endless"]]
    assert endless[["bar", "birth", "death", "death_words", "subsample_words"]].to_numpy().tolist() == [
        ["H0-endless", 0.0, 9.0, "never", "2 of 2"]
    ]
    assert rows[rows["degree"] == 0]["endless"].tolist() == [False, False, True]


def test_a_choice_of_loops_only_has_no_infinite_bar():
    rows, _ = barcode_rows(HAND[HAND["degree"] == 1], cap=100, order="birth", end=9.0, height=400)
    assert not rows["endless"].any()


def test_words_of_the_groups():
    one = HAND[HAND["subsample"] == 0]
    assert group_words(one, 100) == {0: "H0: 3 components", 1: "H1: 1 loop"}
    assert group_words(HAND, 100) == {0: "H0: 2 distinct bars", 1: "H1: 2 distinct bars"}
    assert group_words(HAND, 2) == {
        0: "H0: the 1 longest of 2 distinct bars",
        1: "H1: the 1 longest of 2 distinct bars",
    }


def test_the_answer_counts_the_component_that_never_merges():
    one = HAND[HAND["subsample"] == 0]
    assert shape_answer(one) == (
        "3 components, the last merge at 3.00; 1 loop, the longest from 2.00 to 5.00 (distance)."
    )
    assert shape_answer(one[one["degree"] == 0]) == ("3 components, the last merge at 3.00; no loops (distance).")
    assert shape_answer(HAND, "cosine distance") == (
        "2 subsamples, on average 2.50 components and 1.50 loops each: the last merge at 3.00; "
        "the longest loop from 2.00 to 5.00 (cosine distance)."
    )
    assert shape_answer(table()) == "1 component; no loops (distance)."


def test_the_answer_does_not_need_an_unbroken_index():
    twice = pd.concat([HAND, HAND.assign(subsample=HAND["subsample"] + 2)])
    assert "4 subsamples" in shape_answer(twice)
