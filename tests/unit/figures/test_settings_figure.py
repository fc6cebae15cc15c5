import numpy as np
import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.figures.charts.theme import shades
from phcore.figures.registry import FIGURES
from phcore.figures.settings import answer, caption, more, numbers
from tests.unit.figures import hand_made
from tests.unit.figures.hand_made import Tables, drawn, given

STEPS = [0, 1, 2, 4]


NONE = pd.DataFrame({"varied": [], "setting": [], "value": []})


def settings(rows: pd.DataFrame, shares: pd.DataFrame = NONE, **look):
    return drawn("settings", given(rows=rows, shares=shares, steps=STEPS), **look)


@pytest.fixture
def rows():
    """Euclidean peaks at step 2; cosine has the same shape and another unit; one of the sizes peaks at step 4."""
    curves = {
        ("metric", "euclidean"): [1.0, 3.0, 2.0],
        ("metric", "cosine"): [0.01, 0.03, 0.02],
        ("size", "80"): [1.0, 3.0, 2.0],
        ("size", "160"): [1.0, 2.0, 3.0],
    }
    found = [(*name, *pair) for name, values in curves.items() for pair in zip(STEPS[1:], values, strict=True)]
    table = pd.DataFrame(found, columns=["varied", "setting", "step", "value"])
    return table.assign(series="run", objective="mixed")


@pytest.fixture
def concentration(rows):
    shares = rows.drop_duplicates(["varied", "setting"])[["varied", "setting"]]
    return shares.assign(value=[0.4, 0.4, 0.45, 0.3])


def tables(chart) -> list[list[dict]]:
    return list(chart.to_dict()["datasets"].values())


def test_curves_of_another_unit_are_compared_by_shape(rows):
    metric = next(t for t in tables(settings(rows)) if t[0].get("varied") == "metric")
    by_setting = {name: [row["mean"] for row in metric if row["setting"] == name] for name in ("euclidean", "cosine")}
    assert by_setting["euclidean"] == pytest.approx([0.5, 1.5, 1.0])
    assert by_setting["cosine"] == pytest.approx(by_setting["euclidean"])


def test_a_setting_has_one_shade_in_both_panels_and_its_name_once(rows, concentration, render):
    found = tables(settings(rows, concentration))
    curves = {(row["varied"], row["setting"]): row["ink"] for t in found for row in t if "varied" in row}
    dots = {row["setting"]: row["ink"] for t in found for row in t if "setting" in row and "varied" not in row}
    assert {setting: ink for (_, setting), ink in curves.items()} == dots
    assert curves["metric", "euclidean"] == curves["size", "80"] != curves["size", "160"]
    svg = render(settings(rows, concentration))
    for words in (">metric<", ">size<", ">cosine<", ">160<", ">40 %<", ">30 %<", "velocity / its own mean"):
        assert words in svg


def test_settings_stand_in_their_order(rows, concentration):
    shares = settings(rows, concentration).to_dict()["concat"][1]["vconcat"][1]["layer"][0]
    assert shares["encoding"]["y"]["scale"]["domain"] == ["80", "160"]


def test_the_answer_tells_where_the_curves_peak(rows, concentration):
    assert answer(given(rows=rows, shares=concentration)) == (
        "3 of 4 settings peak at step 2; the first third holds 30 % to 45 % of the movement."
    )
    assert more(given(rows=rows, shares=concentration)) == "Other peaks: step 4."
    assert answer(given(rows=rows[rows["varied"] == "metric"], shares=NONE)) == "2 of 2 settings peak at step 2."
    assert more(given(rows=rows[rows["varied"] == "metric"])) == more(given(rows=rows.assign(value=0.0))) == ""
    assert "yet" in answer(given(rows=rows.assign(value=0.0), shares=NONE))


def test_one_many_still_and_nasty(rows, concentration, render):
    many = pd.concat([rows.assign(varied=f"v{k}") for k in range(6)])
    still = rows.assign(value=0.0)
    for part in (
        rows.set_axis([0] * len(rows)),
        still,
        rows.assign(value=np.nan),
        rows.assign(setting="<b>"),
        many,
    ):
        for shares in (NONE, concentration, concentration.assign(value=np.nan)):
            assert "<b>" not in render(settings(part, shares), dark=True)


def test_the_whole_fits_its_width(rows, concentration):
    many = pd.concat([rows.assign(varied=f"v{k}") for k in range(6)])
    spec = settings(many, concentration, width=1120).to_dict()
    across = [panel["vconcat"][0]["width"] for panel in spec["concat"]]
    assert len(across) == 6
    names = spec["concat"][0]["vconcat"][1]["layer"][0]["encoding"]["y"]["axis"]["maxExtent"]
    assert 3 * (across[0] + names) + 2 * spec["spacing"] <= 1120


def test_shades_go_from_dark_to_light_around_the_colour():
    def light(colour):
        return sum(int(colour[at : at + 2], 16) for at in (1, 3, 5))

    assert shades("#0072B2", 1) == ["#0072b2"]
    assert shades("#0072B2", 0) == []
    for number in range(2, 9):
        found = shades("#0072B2", number)
        assert len(set(found)) == number
        assert sorted(found, key=light) == found
        assert light(found[0]) < light("#0072B2") < light(found[-1])


# --- what is read -----------------------------------------------------------------------------------


@pytest.fixture
def results():
    """Subsample sizes of b, of which size 9 moves early; of a nothing is known. Prompt length comes from elsewhere."""
    curves = {("b", "subsample size", "9"): (3.0, 1.0, 1.0), ("b", "subsample size", "12"): (1.0, 1.0, 2.0),
              ("a", "subsample size", "12"): (np.nan,) * 3}  # fmt: skip
    values = [(*name, k, k + 1, value) for name, moved in curves.items() for k, value in enumerate(moved)]
    table = hand_made.rows("series varied setting step_from step value", *values, degree=None, order=None, norm=None)
    length = table.query("series == 'b' and setting == '9'").assign(varied="prompt length", setting="removed")
    other = table.assign(layer=12, value=7.0)
    return Tables({
        "sensitivity": pd.concat([other, table.tail(3), table.head(6)], ignore_index=True),
        "length_removed": pd.concat([length, length.assign(layer=12)], ignore_index=True),
    })  # fmt: skip


def test_the_first_series_that_moves_is_shown_unless_another_is_chosen(results):
    data = hand_made.read("settings", results)
    assert set(data.rows["series"]) == {"b"}
    assert set(data.rows["objective"]) == {"harmless"}
    assert data.rows[["varied", "setting"]].drop_duplicates().to_numpy().tolist() == [
        ["subsample size", "9"], ["subsample size", "12"], ["prompt length", "removed"]
    ]  # fmt: skip
    assert data.shares["value"].tolist() == pytest.approx([0.6, 0.25, 0.6])
    assert data.steps == [0, 1, 2, 4]
    assert len(FIGURES["settings"].table(data)) == 9
    with pytest.raises(Fault, match="nothing moves in a at layer 6"):
        hand_made.read("settings", results, series="a")
    with pytest.raises(Fault, match="have not been tried"):
        hand_made.read("settings", Tables())
    (control,) = FIGURES["settings"].controls
    assert control.options(results, None) == ["b", "a"]


def test_settings_in_words_and_numbers(results):
    data = hand_made.read("settings", results)
    assert caption(data).startswith("H1 velocity over its own mean, by step; below, the share of it in the first third")
    assert caption(data).endswith("Prompt length: the logarithm of the number of tokens, regressed out of every cloud.")
    assert "Scale raw, where" in caption(data)
    bare = Tables({"sensitivity": results.given["sensitivity"]})
    components = caption(hand_made.read("settings", bare, degree=0))
    assert components.startswith("Other settings are tried for H1; this is what is shown. H1 velocity")
    assert components.endswith("at most four fifths of the prompts.")
    assert numbers(data).rows[0] == ["subsample size", "9", "0.60"]


def test_curves_that_do_not_move_have_no_peak(rows):
    still = rows.assign(value=rows["value"].where(rows["setting"] != "160", 0.0))
    assert answer(given(rows=still, shares=NONE)) == "3 of 3 settings peak at step 2."
    many = pd.concat([rows.query("setting == '80'").assign(setting=f"{k}", value=[float(k == at) for at in range(3)])
                      for k in (0, 0, 1, 2)])  # fmt: skip
    assert "settings peak at step" in answer(given(rows=many.drop_duplicates(["setting", "step"]), shares=NONE))


def test_of_many_other_peaks_four_are_named():
    def peaks(*at):
        curves = [("size", f"{k}", step, float(step == peak)) for k, peak in enumerate(at) for step in range(9)]
        return more(given(rows=pd.DataFrame(curves, columns=["varied", "setting", "step", "value"]), shares=NONE))

    assert peaks(7, 7, 1, 2, 3, 4) == "Other peaks: step 1, 2, 3, 4."
    assert peaks(7, 7, 1, 2, 3, 4, 5) == "Other peaks: step 1, 2, 3, 4, …."
