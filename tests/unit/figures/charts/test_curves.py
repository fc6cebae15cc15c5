import pandas as pd
import pytest

from tests.unit.figures.hand_made import distances, velocities

NASTY = ['a"b\\', "image", "<script>alert(1)</script>", "x.y[0]", "step", "q:Q", "it's"]


@pytest.mark.parametrize(("log", "share_y"), [(True, True), (False, False)])
def test_none_one_and_many_layers(curve, floor, render, log, share_y, steps):
    for part in (curve.head(0), curve.head(1), curve[curve["layer"] == 6], curve):
        for below in (None, floor):
            chart = velocities(part, below, steps=steps, step=4, log=log, share_y=share_y)
            assert "How far does each checkpoint move?" in render(chart)


def test_one_panel_per_layer(curve, floor, render, steps):
    svg = render(velocities(curve, floor, steps=steps, step=2))
    for words in ("layer 6", "layer 12", "helpful", "harmless", "mixed", "floor", "step 2", "training step"):
        assert words in svg


def test_layers_stand_in_the_order_of_depth(curve, steps):
    more = pd.concat([curve, curve.assign(layer=curve["layer"] + 100)])
    sort = velocities(more, steps=steps).to_dict()["facet"]["sort"]
    assert sort == ["layer 6", "layer 12", "layer 106", "layer 112"]


def test_playing_the_steps_changes_data_only(curve, floor, shape, steps):
    shapes = {shape(velocities(curve, floor, steps=steps, step=step)) for step in (None, *steps)}
    assert len(shapes) == 1


def test_a_click_chooses_a_step(curve, steps):
    for part in (curve, curve[curve["layer"] == 6]):
        spec = velocities(part, steps=steps).to_dict()
        params = {param["name"]: param for param in spec["params"]}
        layers = spec.get("spec", spec)["layer"]
        assert params["step"]["select"]["fields"] == ["step", "layer"]
        assert params["step"]["views"] == [layer["name"] for layer in layers if "name" in layer]


def test_two_charts_can_share_the_end_of_their_y_axes(curve, steps):
    def ends(part, **options):
        spec = velocities(part[part["layer"] == 6], steps=steps, **options).to_dict()
        channels = [layer.get("encoding", {}).get("y", {}) for layer in spec["layer"]]
        return {tuple(y["scale"]["domain"]) for y in channels if "scale" in y}

    larger = curve.assign(mean=3 * curve["mean"], hi=3 * curve["hi"])
    assert ends(curve) != ends(larger)
    assert ends(curve, top=50.0) == ends(larger, top=50.0) == {(0, 50.0)}


def test_colours_do_not_depend_on_the_choice(curve, steps):
    def scale(part):
        spec = velocities(part, steps=steps, objectives=["helpful", "harmless", "mixed"]).to_dict()
        layers = spec.get("spec", spec)["layer"]
        found = next(la["encoding"]["color"]["scale"] for la in layers if "color" in la.get("encoding", {}))
        return dict(zip(found["domain"], found["range"], strict=True))

    whole = scale(curve)
    for name in whole:
        assert scale(curve[curve["objective"] == name]) == {name: whole[name]}


def test_the_mean_of_an_objective_stands_before_its_runs(curve, render, steps):
    other = curve[curve["series"] == "helpful"]
    other = other.assign(series="helpful, seed 2", mean=3 * other["mean"])
    both = pd.concat([curve, other])
    spec = velocities(both, steps=steps).to_dict()
    rows = next(rows for rows in spec["datasets"].values() if "kind" in rows[0])
    front, behind = ([row for row in rows if row["kind"] == kind] for kind in ("curve", "thin"))
    assert {row["series"] for row in front} == {"helpful", "harmless", "mixed"}
    assert {row["series"] for row in behind} == {"helpful", "helpful, seed 2", "harmless", "mixed"}
    first = other[(other["layer"] == 6) & (other["step"] == 4)]["mean"].item()
    line = next(row for row in front if (row["series"], row["layer"], row["step"]) == ("helpful", 6, 4))
    assert (line["mean"], line["lo"], line["hi"]) == pytest.approx((first * 2 / 3, first / 3, first))
    widths = [layer["mark"]["strokeWidth"] for layer in spec["spec"]["layer"] if layer["mark"]["type"] == "line"]
    assert widths[0] < widths[1]
    one = velocities(curve, steps=steps).to_dict()
    assert not [row for rows in one["datasets"].values() for row in rows if row.get("kind") == "thin"]
    assert "helpful" in render(velocities(both[both["layer"] == 6], steps=steps))


def test_objectives_differ_by_marker_too_and_one_panel_names_its_lines(curve, steps):
    spec = velocities(curve[curve["layer"] == 6], steps=steps).to_dict()
    shapes = next(layer["encoding"]["shape"] for layer in spec["layer"] if "shape" in layer.get("encoding", {}))
    assert len(set(shapes["scale"]["range"])) == 3
    assert shapes["legend"] is None
    named = next(rows for rows in spec["datasets"].values() if rows and "name" in rows[0])
    assert {row["name"] for row in named} == {"helpful", "harmless", "mixed"}


def test_names_of_series_are_text_and_nothing_else(curve, render, steps):
    parts = [curve[curve["series"] == "helpful"].assign(series=name, objective=name) for name in NASTY]
    svg = render(velocities(pd.concat(parts), steps=steps, step=4))
    assert "<script" not in svg
    for name in ("x.y[0]", "it's", "&lt;script&gt;alert(1)&lt;/script&gt;"):
        assert name in svg


def test_the_floor_reaches_over_the_whole_axis(curve, floor, steps):
    spec = velocities(curve, floor[floor["step"] == 4], steps=steps).to_dict()
    rows = next(rows for rows in spec["datasets"].values() if "kind" in rows[0])
    band = [row for row in rows if row["kind"] == "floor" and row["panel"] == "layer 6"]
    assert [row["step"] for row in band] == [0, 4, 8]


def test_a_null_is_told_from_the_floor_without_colour(curve, floor, render, steps):
    null = floor.assign(lo=floor["lo"] / 2, hi=floor["hi"] / 2)
    spec = velocities(curve, floor, null=null, steps=steps).to_dict()
    bands = [layer["mark"] for layer in spec["spec"]["layer"] if layer["mark"]["type"] == "area"][:2]
    assert ["strokeDash" in mark for mark in bands] == [False, True]
    rows = next(rows for rows in spec["datasets"].values() if "kind" in rows[0])
    band = [row for row in rows if row["kind"] == "null" and row["panel"] == "layer 6"]
    assert [row["step"] for row in band] == [1, 2, 4, 8]  # where there are moves, unlike the floor
    told = next(row for row in rows if row["kind"] == "told")
    assert told["b0"] != told["b1"]
    svg = render(velocities(curve, floor, null=null, steps=steps))
    assert ">Gaussian<" in svg
    assert ">floor<" in svg
    for part, under in ((curve.head(0), None), (curve.head(1), null.head(0)), (curve[curve["layer"] == 6], null)):
        render(velocities(part, null=under, steps=steps))


def test_the_numerical_floor_is_a_line_at_the_largest_of_its_layer(curve, render, steps):
    numerics = pd.DataFrame({"layer": [6, 6, 12], "value": [0.01, 0.03, 0.02]})
    spec = velocities(curve, numerics=numerics, steps=steps).to_dict()
    rows = next(rows for rows in spec["datasets"].values() if "kind" in rows[0])
    assert [(row["panel"], row["mean"]) for row in rows if row["kind"] == "numerics"] == [
        ("layer 6", 0.03),
        ("layer 12", 0.02),
    ]
    told = [row for row in rows if row["kind"] == "told"]
    assert {(row["panel"], row["b0"]) for row in told} == {("layer 6", "0.0300"), ("layer 12", "0.0200")}
    svg = render(velocities(curve, numerics=numerics, steps=steps), dark=True)
    assert svg.count(">numerical floor<") == 2
    one = curve[curve["layer"] == 6]
    assert ">numerical floor<" in render(velocities(one, numerics=numerics[["value"]], steps=steps))
    high = velocities(one, numerics=numerics[["value"]] * 1000, steps=steps).to_dict()
    assert high["layer"][0]["encoding"]["y"]["scale"]["domain"][1] > 30
    for unknown in (numerics.head(0), numerics.assign(value=float("nan"))):
        assert ">numerical floor<" not in render(velocities(curve, numerics=unknown, steps=steps))


def test_the_axis_reaches_up_to_the_null(curve, floor, steps):
    high = floor.assign(lo=100.0, hi=200.0)
    one = velocities(curve[curve["layer"] == 6], null=high[high["layer"] == 6], steps=steps).to_dict()
    scales = [layer["encoding"]["y"].get("scale") for layer in one["layer"] if "y" in layer.get("encoding", {})]
    assert {scale["domain"][1] >= 200 for scale in scales if scale} == {True}


def test_panels_may_be_series(curve, floor, render, steps):
    names = {0: "helpful", 1: 'a"b'}
    parts = [curve[(curve["layer"] == 6) & (curve["series"] == name)] for name in ("helpful", "mixed")]
    both = pd.concat([part.assign(layer=number) for number, part in enumerate(parts)])
    bands = pd.concat([floor[floor["layer"] == 6].assign(layer=number) for number in names])
    svg = render(velocities(both, bands, panels=names, steps=steps, answer="It moves."))
    for words in ("helpful", "a&quot;b"):
        assert words in svg or words.replace("&quot;", '"') in svg
    assert "layer 0" not in svg


def test_objective_distance(curve, floor, render, steps):
    distance = curve[(curve["layer"] == 6) & (curve["series"] == "mixed")].rename(columns={"mean": "value"})
    below = floor[floor["layer"] == 6]
    for part in (distance.assign(value=float("nan")), distance.head(1), distance):
        for under in (None, below):
            chart = distances(part, under, steps=steps, step=2, width=400)
            svg = render(chart)
            assert "How far apart are one and other?" in svg
            assert (">floor<" in svg) == (under is not None)
