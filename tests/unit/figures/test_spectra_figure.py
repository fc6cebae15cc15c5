"""Effective rank, RankMe and alpha-ReQ; what length and category explain; and the direction between categories."""

import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.figures import confounds, directions, spectra
from phcore.figures.figure import Choice
from phcore.figures.registry import FIGURES
from tests.unit.figures.hand_made import PLAIN, Tables, given, read, rows


@pytest.fixture
def results():
    """The rank falls by 3 in a and rises by 4 in b; at layer 12 of b, by 1."""
    ranks = [("a", 1, 6, 9.0), ("a", 2, 6, 7.0), ("a", 4, 6, 6.0), ("b", 1, 6, 2.0), ("b", 4, 6, 6.0),
             ("b", 1, 12, 2.0), ("b", 4, 12, 3.0)]  # fmt: skip
    geometry = rows("series step layer effective_rank", *ranks[::-1], **PLAIN)
    own = rows("series step layer rank_me alpha_req alpha_fit", ("a", 1, 6, 5.0, 1.5, 0.9), ("a", 4, 6, 4.0, 1.0, 0.5),
               ("b", 1, 6, 3.0, 2.0, 0.8), **PLAIN)  # fmt: skip
    return Tables({"geometry": geometry, "spectra": own})


def test_the_measure_that_is_chosen(results):
    ranks = read("spectra", results)
    assert ranks.rows["series"].tolist() == ["a", "a", "a", "b", "b", "b", "b"]
    assert ranks.rows["mean"].tolist() == ranks.rows["lo"].tolist() == ranks.rows["hi"].tolist()
    assert sorted(ranks.rows["mean"]) == [2.0, 2.0, 3.0, 6.0, 6.0, 7.0, 9.0]
    assert sorted(read("spectra", results, spectrum="rank_me").rows["mean"]) == [3.0, 4.0, 5.0]
    assert len(FIGURES["spectra"].table(ranks)) == 7
    assert ranks.fit == (0.5, 0.8)


def test_where_the_spectrum_changes_most(results):
    assert spectra.answer(read("spectra", results)) == "Effective rank changes most in b, layer 6: from 2.00 to 6.00."
    assert spectra.answer(read("spectra", results, spectrum="rank_me")) == (
        "RankMe changes most in a, layer 6: from 5.00 to 4.00."
    )


def test_what_the_measure_is_and_of_how_many_prompts(results):
    assert spectra.caption(read("spectra", results)).startswith("How many directions the variance")
    assert spectra.caption(read("spectra", results)).endswith(" Of whole clouds of 40 prompts, which bound every rank.")
    law = spectra.caption(read("spectra", results, spectrum="alpha_req"))
    assert "R² of the lines: 0.50 at least, 0.80 in the middle. Of whole clouds" in law
    assert "R² of the lines" not in spectra.caption(read("spectra", results, spectrum="rank_me"))
    found = spectra.numbers(read("spectra", results))
    assert found.caption == "effective rank, by step"
    assert sorted(found.rows)[0] == ["a", "6", "9.00", "7.00", "6.00"]


def test_spectra_that_were_not_measured(results):
    earlier = Tables({"geometry": results.given["geometry"]})
    assert read("spectra", earlier).every["rank_me"].isna().all()
    with pytest.raises(Fault, match="RankMe has not been measured"):
        read("spectra", earlier, spectrum="rank_me")
    with pytest.raises(Fault, match="spectra of the clouds have not been measured"):
        read("spectra", Tables())


# --- prompt length and category ---------------------------------------------------------------------


def shares(**changed):
    names = "series step layer length_share category_share norm_share first_component prompts categories fewest most"
    values = [("b", 4, 12, 0.3, 0.2, 0.1, 0.8), ("a", 1, 6, 0.1, 0.4, 0.2, 0.5), ("a", 4, 6, 0.2, 0.5, 0.3, 0.6)]
    return rows(names, *[(*one, 41, 3, 10, 20) for one in values], **PLAIN).assign(**changed)


@pytest.mark.parametrize(
    ("confound", "said"),
    [
        ("length_share", "Prompt length explains 30 % at most {}, 20 % in the middle; chance 2.5 %."),
        ("category_share", "Category explains 50 % at most {}, 40 % in the middle; chance 5.0 %."),
        ("norm_share", "Norm of the hidden states explains 30 % at most {}, 20 % in the middle; chance 2.5 %."),
        ("first_component", "At most a rank correlation of 0.80 {}, 0.60 in the middle."),
    ],
)
def test_what_explains_most_of_a_cloud(confound, said):
    data = read("confounds", Tables({"confounds": shares()}), confound=confound)
    assert data.rows["series"].tolist() == ["a", "a", "b"]
    assert data.rows["mean"].tolist() == data.rows["lo"].tolist() == data.rows["hi"].tolist()
    first = confound in ("length_share", "first_component")
    where = "(layer 12, step 4, b)" if first else "(layer 6, step 4, a)"
    assert confounds.answer(data) == said.format(where)


def test_shares_at_the_first_and_at_the_last_step():
    data = read("confounds", Tables({"confounds": shares()}))
    said = confounds.caption(data)
    assert said.startswith("Share of a cloud's variance (R² of a linear regression")
    assert (
        "Over all series at layers 6, 12: at the first step 0.10 and at the last step from 0.20 to 0.30. What" in said
    )
    one = read("confounds", Tables({"confounds": shares(layer=6)}), confound="category_share")
    assert "lies between the means of the categories. Over all series at layer 6: at" in confounds.caption(one)
    assert confounds.numbers(data).rows == [["a", "6", "0.100", "0.200"], ["b", "12", "–", "0.300"]]
    assert confounds.numbers(data).caption == "What prompt length explains, by step"


@pytest.mark.parametrize(
    ("changed", "uneven"),
    [({}, False), ({"most": 21}, True), ({"most": 21, "categories": 1}, False), ({"most": 90, "categories": 2}, True)],
)
def test_uneven_categories_are_said_to_be_so(changed, uneven):
    said = read("confounds", Tables({"confounds": shares(**changed)})).uneven
    assert bool(said) == uneven
    if uneven:
        assert f"the smallest has 10 prompts, the largest {changed['most']}, so" in said


def test_one_cloud_has_its_shares_and_chance():
    data = read("confounds", Tables({"confounds": shares().head(1)}))
    assert len(data.rows) == 1
    assert data.chance == read("confounds", Tables({"confounds": shares()})).chance


def test_length_explains_what_it_does_without_categories():
    data = read("confounds", Tables({"confounds": shares(category_share=float("nan"), fewest=float("nan"))}))
    assert len(data.rows) == 3


def test_confounds_that_were_not_measured():
    with pytest.raises(Fault, match="has not been measured for this study"):
        read("confounds", Tables())
    none = shares(category_share=float("nan"), norm_share=float("nan"))
    with pytest.raises(Fault, match="names no two categories"):
        read("confounds", Tables({"confounds": none}), confound="category_share")
    with pytest.raises(Fault, match="no cloud varies"):
        read("confounds", Tables({"confounds": none}), confound="norm_share")


# --- the direction between two categories -----------------------------------------------------------


def turned():
    """Of two pairs of categories; in a the direction turns to 0.5, in b to 0.25."""
    names = "series step first second gap cosine_base halves"
    values = [("b", 1, 1.1, 0.9, 0.8), ("b", 4, 1.2, 0.25, 0.7), ("a", 4, 1.4, 0.5, 0.75), ("a", 1, 1.3, 0.8, 0.9)]
    table = rows(names, *[(*one[:2], "harmful", "harmless", *one[2:]) for one in values], **PLAIN | {"layer": 6})
    table = table.assign(n_first=30, n_second=10, first_at=-0.5, second_at=0.5)
    other = {"gap": 9.0, "cosine_base": -1.0, "halves": -1.0}
    return pd.concat([table, table.assign(second="neutral", **other), table.assign(layer=12, **other),
                      table.assign(first="cheerful", **other)], ignore_index=True)  # fmt: skip


def test_the_direction_of_the_first_pair_unless_another_is_chosen():
    results = Tables({"directions": turned()})
    data = read("directions", results)
    assert (data.first, data.second) == ("harmful", "harmless")
    assert data.rows[["series", "gap"]].to_numpy().tolist() == [["a", 1.4], ["a", 1.3], ["b", 1.1], ["b", 1.2]]
    assert directions.answer(data) == (
        "It turns most in b: cosine 0.25 with the base's direction, gap 1.20 (1 and 1 at the base)."
    )
    assert directions.more(data) == (
        "Gap and cosine with the base's direction at the last checkpoint: b 1.20 and 0.25, a 1.40 and 0.50."
    )
    first = turned().assign(cosine_before=float("nan"))  # the base has none before it
    assert len(read("directions", Tables({"directions": first})).rows) == 4
    other = read("directions", results, between=("harmful", "neutral"))
    assert (other.second, set(other.rows["gap"])) == ("neutral", {9.0})
    (control,) = FIGURES["directions"].controls
    assert control.options(results, Choice.of(results)) == [
        ("harmful", "harmless"), ("harmful", "neutral"), ("cheerful", "harmless")
    ]  # fmt: skip
    many = pd.concat([data.rows.assign(series=f"run {k}", objective=f"run {k}") for k in range(5)])
    assert directions.more(given(rows=many)).endswith(" (and 1 more).")
    assert "more" not in directions.more(given(rows=many[many["series"] != "run 4"]))
    runs = data.rows.assign(objective="one")
    assert directions.more(given(rows=runs)).endswith("at the last checkpoint: one 1.30 and 0.38.")


def test_a_direction_in_words_and_numbers():
    data = read("directions", Tables({"directions": turned()}))
    said = directions.caption(data)
    assert said.startswith("Difference of the means of harmless (10 prompts) and harmful (30), as in")
    assert "from -0.5 (mean of harmful at the base) to 0.5 (of harmless)" in said
    assert "have a cosine of 0.70 to 0.90: so" in said
    assert "have a cosine" not in directions.caption(type(data)(**vars(data) | {"rows": data.rows.assign(halves=None)}))
    assert directions.numbers(data).rows == [["a", "1.30 / 0.80", "1.40 / 0.50"], ["b", "1.10 / 0.90", "1.20 / 0.25"]]


def test_directions_that_are_none():
    with pytest.raises(Fault, match="no direction between two categories"):
        read("directions", Tables())
    with pytest.raises(Fault, match="the means of harmful and harmless are the same at layer 6"):
        read("directions", Tables({"directions": turned().assign(gap=float("nan"))}))
    assert read("directions", Tables({"directions": turned()}), layer=12).rows["gap"].tolist() == [9.0] * 4
