"""Barcodes step by step, and the loops of cells beside those of Gaussian clouds, from bars made by hand."""

import numpy as np
import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.figures import barcode, loops
from phcore.figures.registry import FIGURES
from tests.unit.figures.hand_made import PLAIN, Tables, among_others, read, record_of, rows

CELLS = [("a", 0), ("a", 1), ("a", 4), ("b", 0), ("b", 4)]


@pytest.fixture
def results():
    """Two loops at the base, of lengths 1 and 3; at steps after it one less. Subsample 2 is the first; 5 is another."""
    bars = [(series, step, 2, degree, birth, death) for series, step in CELLS
            for degree, birth, death in ((0, 0.0, 9.0), (1, 2.0, 5.0), (1, 2.0, 3.0))[: 2 + (step == 0)]]  # fmt: skip
    bars += [(series, step, 5, 1, 0.0, 99.0) for series, step in CELLS]
    cells = [(series, step, 2.0 if step == 0 else 4.0) for series, step in CELLS]
    tables = {
        "bars": rows("series step subsample degree birth death", *bars, **PLAIN | {"layer": 6}),
        "cells": among_others(rows("series step median_distance", *cells, **PLAIN | {"layer": 6}), "median_distance"),
    }
    return Tables(tables, record_of({"a": "helpful", "b": "harmless"}))


def test_the_first_subsample_of_each_cell(results):
    data = read("barcode", results)
    assert data.shown == ("a", 4)
    assert not data.bars["subsample"].ne(2).any()
    assert barcode.cells(data.bars) == {"a": [0, 1, 4], "b": [0, 4]}
    assert data.bars.query("series == 'a' and step == 0")[["degree", "birth", "death"]].to_numpy().tolist() == [
        [0, 0.0, 9.0], [1, 2.0, 5.0], [1, 2.0, 3.0]
    ]  # fmt: skip
    assert data.earlier  # series and steps without bars are left out
    median = read("barcode", results, scale="median").bars
    assert median.query("series == 'a' and degree == 1 and step == 4")[["birth", "death"]].to_numpy().tolist() == [
        [0.5, 1.25]
    ]  # fmt: skip
    assert median.query("series == 'b' and degree == 1 and step == 0")["death"].tolist() == [2.5, 1.5]
    one = read("barcode", results, series="b", step=4)
    assert (barcode.cells(one.bars), one.shown, one.earlier) == ({"b": [4]}, ("b", 4), False)
    with pytest.raises(Fault, match="no cell of layer 12 has any bar"):
        read("barcode", results, layer=12)
    whole = Tables(results.given, record_of({"a": "helpful"}, (1, 4)))
    assert not read("barcode", whole).earlier


@pytest.mark.parametrize(
    ("many", "most", "found"),
    [(3, 3, [0, 1, 2]), (4, 3, [0, 2, 3]), (9, 5, [0, 2, 4, 6, 8]), (5, 2, [0, 4]), (0, 2, []), (7, 4, [0, 2, 4, 6])],
)
def test_of_many_steps_some_are_shown_the_first_and_the_last_among_them(many, most, found):
    assert barcode.spread(list(range(many)), most) == found


def test_the_longest_loop_is_by_what_lies_between_birth_and_death(results):
    data = read("barcode", results)
    found = barcode.numbers(data)
    assert found.header == ["series", "0", "1", "4"]
    assert found.rows == [["a", "2 (3.00)", "1 (3.00)", "1 (3.00)"], ["b", "2 (3.00)", "–", "1 (3.00)"]]
    late = pd.DataFrame({"series": "a", "step": 1, "degree": [1, 1, 0], "birth": [8.0, 1, 0], "death": [9.0, 4, 99]})
    assert barcode.loops(late)[["loops", "longest"]].to_numpy().tolist() == [[2.0, 3.0]]
    assert barcode.loops(late[late["degree"] == 0])[["loops", "longest"]].to_numpy().tolist() == [[0.0, 0.0]]


def test_whose_bars_they_are_is_said(results):
    data = read("barcode", results)
    assert "Of subsample 2, the same prompts at every step, at layer 6. " in barcode.caption(data)
    assert barcode.caption(data).endswith(" shows that of the last step before it.")
    whole = type(data)(**vars(data) | {"bars": data.bars.assign(subsample=-1), "earlier": False})
    assert "Of the whole cloud, at layer 6. " in barcode.caption(whole)
    assert barcode.caption(whole).endswith("the axes are those of all steps and series.")
    first = type(data)(**vars(data) | {"bars": data.bars.assign(subsample=0).head(1)})
    assert "Of subsample 0, " in barcode.caption(first)
    other = FIGURES["barcode"].at(data, "b", 0)
    assert (other.shown, other.bars is data.bars) == (("b", 0), True)


# --- how many loops ---------------------------------------------------------------------------------


def counted():
    """Series share their base. Bars per cell: 5 at the base, above its Gaussian clouds; 20 above; 4 within; 1 below."""
    cells = {("a", 0, 6): 5.0, ("b", 0, 6): 5.0, ("a", 1, 6): 20.0, ("b", 1, 6): 4.0, ("a", 1, 12): 1.0}
    summaries = [(*cell, b, bars + b) for cell, bars in cells.items() for b in (-1, 0, 1)]
    nulls = [(*cell, kind, k, mean + k) for cell in cells for kind, mean in (("covariance", 4.0), ("isotropic", 50.0))
             for k in np.linspace(-1, 1, 11)]  # fmt: skip
    return {"summaries": rows("series step layer subsample h1_count", *summaries, **PLAIN),
            "gaussian_nulls": rows("series step layer kind replicate h1_count", *nulls, **PLAIN)}  # fmt: skip


def test_loops_are_counted_beside_those_of_gaussian_clouds():
    tables = counted()
    data = read("loops", Tables(tables))
    assert loops.sentence(data) == "2 of 4 cells have more loops than a matching Gaussian cloud."
    assert "the cells have 1.00 to 8.50 loops, matching clouds 4.00, clouds" in loops.caption(data)
    assert "total variance in every direction 50.0." in loops.caption(data)
    same = tables["gaussian_nulls"].assign(h1_count=5.0)
    assert loops.sentence(read("loops", Tables(tables | {"gaussian_nulls": same}))).startswith(
        "2 of 4 cells have fewer loops than a matching Gaussian cloud"
    )
    wide = tables["gaussian_nulls"].assign(h1_count=np.resize([0.0, 99.0], len(tables["gaussian_nulls"])))
    assert loops.sentence(read("loops", Tables(tables | {"gaussian_nulls": wide}))).startswith(
        "None of 4 cells has fewer"
    )
    for nulls in (tables["gaussian_nulls"].query("kind == 'isotropic'"), tables["gaussian_nulls"].head(0)):
        with pytest.raises(Fault, match="have not been counted"):
            read("loops", Tables(tables | {"gaussian_nulls": nulls}))
    some = tables["gaussian_nulls"].query("series == 'a'")  # one cell without a null hides no other
    assert len(read("loops", Tables(tables | {"gaussian_nulls": some})).counts) > 0
    elsewhere = tables["gaussian_nulls"].assign(series="z")
    with pytest.raises(Fault, match="have not been counted"):
        read("loops", Tables(tables | {"gaussian_nulls": elsewhere}))


def test_of_very_many_steps_some_are_drawn(results, monkeypatch):
    assert barcode.MOST == 36
    for most, steps in ((4, [0, 4]), (1, [0, 4]), (8, [0, 1, 4])):
        monkeypatch.setattr(barcode, "MOST", most)
        data = read("barcode", results)
        assert barcode.cells(data.bars)["a"] == steps
        assert data.earlier
