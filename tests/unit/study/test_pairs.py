"""Which two checkpoints are compared: what is read, in proportion to the checkpoints; all, where they are asked for."""

import json
from dataclasses import replace
from itertools import combinations
from math import comb

import pytest

from phcore import Series, Study
from phcore.errors import Fault
from phcore.pipeline.plan import all_units
from phcore.study.pairs import WALKED, left_out, needed, pairs, without_walk
from phcore.study.record import ALL, NEEDED, Node, Record


def record_of(steps: dict[str, list[int]], ready=True, **changes) -> Record:
    """A record of series with these steps; series a and a2 have one objective."""
    study = Study("x", "base", tuple(Series(name, name, objective=name[0]) for name in steps))
    nodes = [Node("base", 0, "base", "base", 1, "ready" if ready else "failed", "", "base")]
    nodes += [
        Node(name, step, "full", f"{name}/{step}", 1, "ready", "", f"{name}/{step}")
        for name, own in steps.items()
        for step in own
    ]
    return Record(study, (1, 2), 2, 8, 40, "p", "t", tuple(nodes), **changes)


def names(found) -> set[str]:
    return {f"{a.label}{a.step}-{b.label}{b.step}" for a, b in found}


def test_a_long_series_is_compared_with_the_base_its_neighbours_and_others_at_the_same_step():
    steps = [*range(1, WALKED + 2)]
    record = record_of({"a": steps, "a2": [2, 50], "b": [2, 3]})
    short = {"a22-a250", "b2-b3"}
    base = {f"base0-a{step}" for step in steps} | {"base0-a22", "base0-a250", "base0-b2", "base0-b3"}
    next_to = {f"a{step}-a{step + 1}" for step in steps[:-1]}
    same_step = {"a2-a22", "a2-b2", "a22-b2", "a3-b3"}
    assert names(needed(record)) == short | base | next_to | same_step
    assert without_walk(record) == ["a"]
    assert left_out(record) == comb(len(record.ready), 2) - len(needed(record))


def test_in_a_series_of_at_most_twelve_each_is_compared_with_each():
    record = record_of({"a": [*range(1, WALKED + 1)]})
    assert needed(record) == [*combinations(record.ready, 2)]
    assert not without_walk(record)
    assert left_out(record) == 0


def test_each_pair_comes_once_and_in_the_order_of_the_record():
    record = record_of({"b": [1, 2, 3], "a": [0, 1, 3]})  # a starts at a step 0 of its own
    found, place = needed(record), {node: number for number, node in enumerate(record.ready)}
    assert len(set(found)) == len(found)
    assert all(place[a] < place[b] for a, b in found)
    assert found == sorted(found, key=lambda pair: (place[pair[0]], place[pair[1]]))
    assert "base0-a0" in names(found)


def test_a_base_that_is_left_out_is_compared_with_nothing():
    record = record_of({"a": [1, 2], "b": [1]}, ready=False)
    assert names(needed(record)) == {"a1-a2", "a1-b1"}


def planned(count: int, pairs: str = NEEDED) -> int:
    """Files of distances of a study of three series."""
    record = record_of({name: [*range(1, count + 1)] for name in ("a", "a2", "b")}, pairs=pairs)
    return sum(unit.name == "distances" and unit.place is not None for unit in all_units(record))


def test_work_grows_in_proportion_to_the_checkpoints():
    assert planned(20) <= 2 * planned(10)
    ten_more = 2 * 3 * 10 * 3  # layers, series; each with the base, the one before and one other at the same step
    assert planned(40) - planned(30) == planned(30) - planned(20) == ten_more
    assert planned(20, ALL) == 2 * comb(61, 2)


def test_once_all_are_asked_for_all_are_compared():
    record = record_of({"a": [*range(1, 30)]}, pairs=ALL)
    assert pairs(record) == [*combinations(record.ready, 2)]
    assert left_out(record) == 0
    assert not without_walk(record)
    assert pairs(replace(record, pairs=NEEDED)) == needed(record)


def test_a_record_of_before_has_all_pairs_and_others_say_which():
    record = record_of({"a": [1, 2]})
    assert Record.from_json(record.to_json()) == record
    plain = json.loads(record.to_json())
    del plain["pairs"]
    assert Record.from_json(json.dumps(plain).encode()).pairs == ALL
    with pytest.raises(Fault, match="'most' pairs"):
        Record.from_json(json.dumps(plain | {"pairs": "most"}).encode())
