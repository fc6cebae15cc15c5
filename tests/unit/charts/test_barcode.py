import pandas as pd
import pytest

from phcore.charts import barcode_and_diagram, bars_domain


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


def test_a_bar_from_a_link_starts_selected(bars):
    spec = barcode_and_diagram(bars, domain=(0, 40), selected="H1-0-2").to_dict()
    assert next(p for p in spec["params"] if p["name"] == "bar")["value"] == [{"bar": "H1-0-2"}]


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
