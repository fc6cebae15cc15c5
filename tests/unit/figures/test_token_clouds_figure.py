"""The tokens of single prompts: which prompt and measure, at which scale, and what is said of them."""

import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.figures import token_clouds
from phcore.figures.figure import Choice
from phcore.figures.registry import FIGURES
from tests.unit.figures.hand_made import PLAIN, Tables, given, read, record_of, rows


def shapes(**changed):
    """Prompt 12 in a and b at two layers, and prompt 0, whose numbers would be seen."""
    names = "series step layer tokens n_distinct median_distance h0_total h1_total two_nn"
    values = [
        ("b", 4, 6, 20, 18, 2.0, 10.0, 3.0, 5.0), ("b", 0, 6, 20, 19, 4.0, 12.0, 2.0, 4.0),
        ("a", 0, 6, 20, 19, 4.0, 12.0, 2.0, 4.0), ("a", 4, 6, 20, 20, 5.0, 15.0, 4.0, 8.0),
        ("a", 0, 12, 20, 20, 10.0, 40.0, 1.0, 6.0), ("a", 4, 12, 20, 20, 10.0, 30.0, 1.5, 3.0),
    ]  # fmt: skip
    own = rows(names, *values, **PLAIN).assign(**{"prompt": 12, "category": "harmful", "h1_count": 3.0} | changed)
    numbers = dict.fromkeys(("tokens", "n_distinct", "median_distance", "h0_total", "h1_total", "two_nn"), 777.0)
    return pd.concat([own, own.assign(prompt=0, category="", **numbers)], ignore_index=True)


def study(table=None):
    return Tables({} if table is None else {"token_shapes": table}, record_of(tokens=(12, 0)))


def values(data):
    return data.rows[["series", "layer", "step", "mean"]].to_numpy().tolist()


def test_the_first_prompt_unless_another_is_chosen():
    data = read("token_clouds", study(shapes()))
    assert (data.prompt, data.category, data.tokens, data.distinct) == (12, "harmful", 20, (18, 20))
    assert values(data) == [
        ["a", 6, 0, 4.0], ["a", 6, 4, 8.0], ["a", 12, 0, 6.0], ["a", 12, 4, 3.0], ["b", 6, 4, 5.0], ["b", 6, 0, 4.0]
    ]  # fmt: skip
    assert data.rows["objective"].tolist() == ["helpful"] * 4 + ["harmless"] * 2
    assert data.rows["lo"].tolist() == data.rows["hi"].tolist() == data.rows["mean"].tolist()
    assert set(read("token_clouds", study(shapes()), prompt=0).rows["mean"]) == {777.0}
    assert len(data.every) == 12
    with pytest.raises(Fault, match="prompt 3 have not been measured") as fault:
        read("token_clouds", study(shapes()), prompt=3)
    assert fault.value.hint == "choose one of: 12, 0"
    controls = {control.field: control for control in FIGURES["token_clouds"].controls}
    assert controls["prompt"].options(study(shapes()), Choice.of(study())) == [12, 0]


@pytest.mark.parametrize(
    ("tokens", "scale", "wanted"),
    [
        ("h1_total", "raw", [2.0, 4.0, 1.0, 1.5, 3.0, 2.0]),
        ("h1_total", "median", [0.5, 0.8, 0.1, 0.15, 1.5, 0.5]),
        ("h0_total", "median", [3.0, 3.0, 4.0, 3.0, 5.0, 3.0]),
        ("two_nn", "median", [4.0, 8.0, 6.0, 3.0, 5.0, 4.0]),  # a dimension has no size
    ],
)
def test_persistence_is_divided_by_the_median_distance_and_dimension_is_not(tokens, scale, wanted):
    data = read("token_clouds", study(shapes()), tokens=tokens, scale=scale)
    assert data.rows["mean"].tolist() == pytest.approx(wanted)
    unit = {"two_nn": ""}.get(tokens, " (distance / median distance)" if scale == "median" else " (distance)")
    assert token_clouds.numbers(data).caption == f"Prompt 12: {token_clouds.MEASURES[tokens]}{unit}, by step"


def test_clouds_in_one_point_or_of_too_few_tokens_have_no_number():
    table = shapes()
    table.loc[0, "median_distance"] = 0.0  # all tokens in one place
    table.loc[1, "two_nn"] = float("nan")
    assert len(read("token_clouds", study(table)).rows) == 4
    assert (
        len(read("token_clouds", study(table), tokens="h1_total").rows) == 5
    )  # without a dimension: loops all the same
    (one,) = values(read("token_clouds", study(shapes().head(1))))
    assert one == ["b", 6, 4, 5.0]
    with pytest.raises(Fault, match=r"prompt 12 has too few tokens for its intrinsic dimension"):
        read("token_clouds", study(shapes(two_nn=float("nan"))))
    with pytest.raises(Fault, match="have not been measured for this study"):
        read("token_clouds", study())
    with pytest.raises(Fault, match="no prompt of this study is looked at token by token"):
        read("token_clouds", Tables({"token_shapes": shapes()}))


def test_what_changes_most_is_told_by_its_share():
    """In a 4 to 8 is by a half of the larger; 6 to 3, too, and comes later; 0 to 0 is no change."""
    data = read("token_clouds", study(shapes()))
    assert token_clouds.answer(data) == ("Intrinsic dimension (TwoNN) changes most in a, layer 6: from 4.00 to 8.00.")
    h1 = read("token_clouds", study(shapes()), tokens="h1_total")
    assert token_clouds.answer(h1).endswith("changes most in a, layer 6: from 2.00 to 4.00.")
    fell = given(rows=pd.DataFrame({
        "series": ["a", "a", "b", "b"], "layer": 6, "step": [4, 0, 0, 4], "mean": [9.0, 10.0, 0.5, 0.2]
    }), choice={"tokens": "h0_total"})  # fmt: skip
    assert token_clouds.answer(fell).endswith("changes most in b, layer 6: from 0.500 to 0.200.")
    nothing = given(
        rows=pd.DataFrame({"series": "a", "layer": 6, "step": [0, 4], "mean": 0.0}), choice={"tokens": "h1_total"}
    )
    assert token_clouds.answer(nothing).endswith("from 0 to 0.")
    both = given(
        rows=pd.concat([nothing.rows, nothing.rows.assign(series="b", mean=[3.0, 4.0])]), choice={"tokens": "h1_total"}
    )
    assert token_clouds.answer(both).endswith("changes most in b, layer 6: from 3.00 to 4.00.")


def test_a_prompt_in_words():
    said = token_clouds.caption(read("token_clouds", study(shapes())))
    assert said.startswith(
        "Points: the 20 tokens of the text of prompt 12 (harmful), 18 to 20 of them different, without"
    )
    assert "standard deviation of 33 % of it" in said  # 1.4 over the root of 18
    assert said.endswith(
        "From the lowest layer to the highest: at the first step 4.00, 6.00; at the last 5.00 to 8.00, 3.00."
    )
    alike = token_clouds.caption(read("token_clouds", study(shapes(n_distinct=19))))
    assert "prompt 12 (harmful), 19 of them different, without" in alike
    every = token_clouds.caption(read("token_clouds", study(shapes(n_distinct=20, category=""))))
    assert "prompt 12, without" in every
    loops = token_clouds.caption(read("token_clouds", study(shapes()), tokens="h1_total"))
    assert "Sum of all death - birth of loops." in loops
    assert token_clouds.numbers(read("token_clouds", study(shapes()))).rows == [
        ["a", "6", "4.00", "8.00"], ["a", "12", "6.00", "3.00"], ["b", "6", "4.00", "5.00"]
    ]  # fmt: skip
