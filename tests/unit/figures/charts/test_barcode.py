import pandas as pd
import pytest

from phcore.figures.charts.barcode import barcode_and_diagram, barcode_now
from phcore.figures.charts.bars import bars_domain
from phcore.topology.complexes import betti
from tests.unit.figures.charts.test_moving import taken_apart


def views(chart) -> dict:
    """Scale domains of the two plots, by view and channel."""
    first, second = chart.to_dict()["hconcat"]

    def domain(layer, channel):
        return layer["encoding"][channel]["scale"]["domain"]

    diagram = next(layer for layer in second["layer"] if layer.get("name", "").startswith("diagram"))
    return {
        "barcode": domain(first["layer"][0], "x"),
        "x": domain(diagram, "x"),
        "y": domain(diagram, "y"),
    }


@pytest.mark.parametrize("stacked", [False, True])
def test_no_bar_one_bar_and_many(bars, render, stacked):
    size = {"stacked": True, "width": 540, "height": 260} if stacked else {}
    for part in (bars.head(0), bars.head(1), bars[bars["degree"] == 1], bars[bars["subsample"] == 0], bars):
        svg = render(barcode_and_diagram(part, domain=bars_domain(bars), **size))
        assert "What shape is this cloud?" in svg


def test_axes_do_not_depend_on_the_bars(bars):
    for part in (bars, bars.head(3)):
        domains = views(barcode_and_diagram(part, domain=(0.0, 40.0)))
        assert list(domains.values()) == [[0.0, 40.0]] * 3


def test_the_diagram_is_square(bars):
    _, diagram = barcode_and_diagram(bars, domain=(0, 40), height=320).to_dict()["hconcat"]
    assert diagram["width"] == diagram["height"] == 320


def test_both_plots_make_and_show_the_same_selections(bars):
    spec = barcode_and_diagram(bars, domain=(0, 40)).to_dict()
    made = {layer["name"] for plot in spec["hconcat"] for layer in plot["layer"] if "name" in layer}
    params = {param["name"]: param for param in spec["params"]}
    assert set(params) == {"near_bar", "bar"}
    for param in params.values():
        assert set(param["views"]) == made
        assert param["select"]["fields"] == ["bar"]
        assert param["select"]["nearest"] is True
    for plot in spec["hconcat"]:
        assert any("or" in str(layer.get("transform")) for layer in plot["layer"])


def test_names_of_views_stay_the_same_from_one_drawing_to_the_next(bars, shape):
    one = bars[bars["subsample"] == 0]
    assert shape(barcode_and_diagram(one, domain=(0, 40))) == shape(barcode_and_diagram(one, domain=(0, 40)))


def test_the_distance_and_the_selected_bar_change_tables_only(bars):
    one = bars[bars["subsample"] == 0]
    spec, standing = taken_apart(barcode_and_diagram(one, domain=(0, 40), at=3.0))
    other, wanted = taken_apart(barcode_and_diagram(one, domain=(0, 40), at=9.0))
    assert spec == other
    for name, table in barcode_now(standing, 9.0).items():
        pd.testing.assert_frame_equal(table, wanted[name])
    rows = next(t for t in barcode_now(standing, 9.0, "H1-0-2", ["H0-0-1"]).values() if "alive" in t)
    assert rows.loc[rows["held"], "bar"].tolist() == ["H1-0-2"]
    assert rows.loc[rows["marked"], "bar"].tolist() == ["H0-0-1"]


def test_bars_alive_at_a_distance_are_the_betti_numbers(bars):
    one = bars[bars["subsample"] == 0]
    diagrams = [one.loc[one["degree"] == degree, ["birth", "death"]].to_numpy() for degree in (0, 1)]
    for at in (0.0, 2.0, float(one["death"].median()), float(one["birth"].max()), 39.0):
        _, tables = taken_apart(barcode_and_diagram(one, domain=(0, 40), at=at))
        rows = next(t for t in tables.values() if "alive" in t)
        assert tuple(rows[rows["degree"] == k]["alive"].sum() for k in (0, 1)) == betti(diagrams, at)


def test_without_a_distance_every_bar_stands_out(bars):
    _, tables = taken_apart(barcode_and_diagram(bars, domain=(0, 40)))
    assert next(t for t in tables.values() if "alive" in t)["alive"].all()
    assert not any(set(table) == {"at"} for table in tables.values())


def test_the_infinite_bar_is_marked_in_both_plots(bars, render):
    assert render(barcode_and_diagram(bars, domain=bars_domain(bars))).count("∞") >= 2


def test_many_bars_are_capped(bars):
    spec = barcode_and_diagram(bars, domain=(0, 40), cap=30).to_dict()
    assert max(len(rows) for rows in spec["datasets"].values()) == 31  # and the infinite one


def test_words_are_text_and_nothing_else(bars, render):
    nasty = '</script><script>alert("1")</script> \\'
    svg = render(barcode_and_diagram(bars, domain=(0, 40), unit=nasty, question=nasty, answer=nasty))
    assert "<script" not in svg
    assert "&lt;script" in svg


def test_one_point_is_one_component(render):
    none = pd.DataFrame({"subsample": [], "degree": [], "birth": [], "death": []}).astype(
        {"subsample": int, "degree": int}
    )
    assert "1 component" in render(barcode_and_diagram(none, domain=(0, 1)))


def test_what_is_no_longer_than_noise_is_pale_in_both_plots(bars, render):
    _, standing = taken_apart(barcode_and_diagram(bars, domain=(0.0, 3.0), noise=(0.5, 0.2)))
    rows = next(table for table in standing.values() if "beyond" in table)
    finite = rows[~rows["endless"]]
    limit = finite["degree"].map({0: 0.5, 1: 0.2})
    assert (finite["beyond"] == (finite["death"] - finite["birth"] > limit)).all()
    assert rows.loc[rows["endless"], "beyond"].all()
    band = next(table for table in standing.values() if "noise" in table)
    assert (band["noise"] - band["death"]).round(9).eq(0.2).all()
    assert render(barcode_and_diagram(bars, domain=(0.0, 3.0), noise=(0.5, 0.2)))
    _, without = taken_apart(barcode_and_diagram(bars, domain=(0.0, 3.0)))
    assert next(table for table in without.values() if "beyond" in table)["beyond"].all()
