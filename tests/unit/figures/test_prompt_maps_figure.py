"""The prompts on maps: which runs have one, which pairs are joined, and what is said of them, from tables by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.figures import prompt_maps
from phcore.figures.prompt_maps import Frame, Panel, at_step, change_words
from phcore.figures.registry import FIGURES
from tests.unit.figures.hand_made import PLAIN, Tables, given, read, record_of, rows

PROMPTS = 16
MEDIANS = {("a", 0): 2.0, ("a", 1): 1.0, ("a", 4): 3.0, ("b", 0): 2.0, ("b", 4): 8.0, ("a2", 0): 2.0, ("a2", 4): 99.0}


class Study(Tables):
    prompts = pd.DataFrame({"prompt": range(PROMPTS), "category": ["harmful", None] * (PROMPTS // 2)})


def places(series, step, across=1.0, up=2.0, share=0.25):
    """The prompts on a line from one corner to the other, the last first."""
    along = np.linspace(-1, 1, PROMPTS)
    return [(series, step, number, across * t, up * t, share) for number, t in enumerate(along)][::-1]


def tables(*cells, edges=()):
    """Coordinates, cells and edges of layer 6, between those of another."""
    coordinates = rows("series step prompt x y share", *(one for cell in cells for one in cell), **PLAIN | {"layer": 6})
    known = {(one[0], one[1]) for cell in cells for one in cell}
    medians = rows(
        "series step median_distance", *((*key, MEDIANS[key]) for key in sorted(known)), **PLAIN | {"layer": 6}
    )
    pairs = rows("series step a b length", *edges, **PLAIN | {"layer": 6})
    other = {"layer": 12}
    return {
        "coordinates": pd.concat([coordinates.assign(**other, x=99.0), coordinates]),
        "cells": pd.concat([medians.assign(**other, median_distance=99.0), medians]),
        "edges": pd.concat([pairs.assign(**other, length=0.001), pairs]),
    }


@pytest.fixture
def results():
    """The first run of either objective from the base on, and the second of one, of which no map is drawn."""
    edges = [("a", 0, 0, k, 0.1 * k) for k in range(1, 6)] + [("a", 4, 0, k, 1.0 + k) for k in range(1, 5)]
    return Study(tables(
        places("a2", 4), places("a2", 0), places("b", 4, up=12.0), places("b", 0), places("a", 4, across=3.0),
        places("a", 1), places("a", 0), edges=edges,
    ))  # fmt: skip


def test_a_map_of_the_base_and_one_of_the_first_run_of_each_objective(results):
    data = read("maps", results)
    assert [(one.name, one.series) for one in data.panels] == [("base", "a"), ("helpful", "a"), ("harmless", "b")]
    assert [[frame.step for frame in one.frames] for one in data.panels] == [[0], [0, 1, 4], [0, 4]]
    own = data.panels[1].frames[-1]
    assert own.points[[0, -1]].tolist() == [[-3, -2], [3, 2]]  # by the numbers of the prompts
    assert (own.median, own.share) == (3.0, 0.25)
    assert own.edges.tolist() == [[0, 1], [0, 2], [0, 3], [0, 4]]
    assert own.lengths.tolist() == [2.0, 3.0, 4.0, 5.0]
    assert data.panels[1].frames[1].lengths.size == 0
    assert data.categories == ["harmful", ""] * 8


def test_maps_share_their_reach_raw_and_with_size_divided_out(results):
    assert read("maps", results).reach.tolist() == [[3.0, 12.0], [1.0, 2.0]]


def test_pairs_are_joined_up_to_one_length_on_all_maps(results):
    """Of 120 pairs one in forty; the third length of either cell that has any, over its own median."""
    data = read("maps", results)
    assert data.joined == pytest.approx((0.3, 0.15))
    assert prompt_maps._unit(data, data.panels[1].frames[-1]) == pytest.approx((1.0, 0.3))
    relative = read("maps", results, scale="median")
    assert prompt_maps._unit(relative, data.panels[1].frames[-1]) == pytest.approx((3.0, 0.45))


def frame(lengths=(), prompts=PROMPTS, median=1.0, step=0):
    lengths = np.asarray(lengths, float)
    return Frame(step, np.zeros((prompts, 2)), median, np.zeros((len(lengths), 2), int), lengths, 0.5)


@pytest.mark.parametrize(
    ("frames", "joined"),
    [
        ([frame(range(1, 1300), prompts=320, median=2.0)], (1200, 600)),  # 1,276 would be one in forty
        ([frame(range(1, 1300), prompts=310)], (1197, 1197)),
        ([frame(range(1, 10)), frame((5, 7), median=10.0), frame()], (2, 0.7)),  # the poorest cell bounds them all
        ([frame(range(1, 10), prompts=9)], (1, 1)),  # 36 pairs
        ([frame(range(1, 10), prompts=4)], (1, 1)),
    ],
)
def test_how_many_pairs_are_joined(frames, joined):
    assert prompt_maps._joined(frames) == pytest.approx(joined)


def test_without_edges_none_are_joined():
    assert np.isnan(prompt_maps._joined([frame()])).all()


def test_runs_without_the_base_and_clouds_without_numbers_have_no_map():
    started = Study(tables(places("a", 1), places("a", 4), places("b", 0), places("b", 4, across=float("nan"))))
    data = read("maps", started)
    assert [(one.name, one.series) for one in data.panels] == [("base", "a"), ("helpful", "a"), ("harmless", "b")]
    assert data.panels[0].frames == data.panels[2].frames  # the first that has a step 0
    assert [frame.step for frame in data.panels[2].frames] == [0]
    later = read("maps", Study(tables(places("a", 1), places("a", 4))))
    assert [one.name for one in later.panels] == ["helpful"]
    with pytest.raises(Fault, match="not been drawn yet"):
        read("maps", Study())


def test_runs_of_one_objective_go_by_their_own_names():
    of_one = record_of({"a": "helpful", "b": "helpful"})
    panels = read("maps", Study(tables(places("a", 0), places("b", 0)), of_one)).panels
    assert [(one.name, one.series) for one in panels] == [("base", "a"), ("a", "a"), ("b", "b")]


def test_prompts_without_categories():
    class Plain(Tables):
        prompts = pd.DataFrame({"prompt": range(PROMPTS)})

    assert read("maps", Plain(tables(places("a", 0)))).categories == []


def test_the_map_of_a_step_is_the_last_one_not_after_it():
    panel = Panel("helpful", "a", tuple(frame(step=step) for step in (1, 2, 8)))
    steps = {step: at_step(panel, step).step for step in (0, 1, 2, 7, 8, 9, None)}
    assert steps == {0: 1, 1: 1, 2: 2, 7: 2, 8: 8, 9: 8, None: 8}


def test_how_far_apart_the_prompts_are_beside_the_first_step():
    frames = (frame(median=4.0), frame(median=3.0, step=1), frame(median=5.0, step=2))
    panel = Panel("helpful", "a", frames)
    assert [change_words(panel, one) for one in frames] == ["+0 %", "\N{MINUS SIGN}25 %", "+25 %"]
    assert change_words(Panel("base", "a", frames[:1]), frames[0]) == "median distance 4"
    looking = SimpleNamespace(step=1)
    data = given(panels=[Panel("base", "a", frames[:1]), panel])
    assert prompt_maps.answer(data, looking) == (
        "Median distance between prompts, beside the base: helpful \N{MINUS SIGN}25 %."
    )


def test_maps_in_words_and_numbers(results):
    data = read("maps", results)
    said = prompt_maps.caption(data)
    assert said.startswith(
        "Every prompt at layer 6, on the two principal axes of the first cloud (25 % of its variance)"
    )
    assert said.endswith(
        " Lines join prompts at most 0.3 apart in the hidden states themselves, the same for all maps."
    )
    assert "at most 0.15 median distances apart" in prompt_maps.caption(read("maps", results, scale="median"))
    assert "Lines join" not in prompt_maps.caption(read("maps", Study(tables(places("a", 0)))))
    found = prompt_maps.numbers(data)
    assert found.caption == "Median distance between prompts, at layer 6"
    assert found.rows == [
        ["base", "0", "2.00", ""], ["helpful", "0", "2.00", "+0 %"], ["helpful", "1", "1.00", "\N{MINUS SIGN}50 %"],
        ["helpful", "4", "3.00", "+50 %"], ["harmless", "0", "2.00", "+0 %"], ["harmless", "4", "8.00", "+300 %"],
    ]  # fmt: skip
    table = FIGURES["maps"].table(data)
    assert len(table) == 6 * PROMPTS
    assert table.iloc[-1].to_dict() == {
        "objective": "harmless", "series": "b", "step": 4, "prompt": 15, "x": 1.0, "y": 12.0
    }  # fmt: skip
