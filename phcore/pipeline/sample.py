"""How fast this machine is at a study's work, found out in some seconds.

A sample of the prompts is read, and one unit of each other result is computed from clouds that stand in for those of
all prompts. Nothing of it is kept: a sample is no result.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from phcore.archive.store import Store
from phcore.errors import Fault
from phcore.pipeline import reading
from phcore.pipeline.plan import plan
from phcore.stages.diagrams import SAMPLING
from phcore.stages.registry import Place, Result, files, results
from phcore.stages.registry.places import ends, places
from phcore.stages.registry.result import (
    ANSWERED,
    CELL,
    CHECKPOINT,
    FROM_BASE,
    SECOND_READING,
    TOKEN_CELL,
    TRANSITION,
)
from phcore.study import devices
from phcore.study.record import BATCHES, LIVE, Record

READING = 1.0  # seconds of reading, after which no other batch is begun
MEASURING = 2.0  # seconds of computing, after which no third round is begun
PROMPTS = (200, 320)  # that the clouds of a round have; as a time grows between them, so it grows beyond
SHORT = 0.05  # seconds; what takes less is timed twice, because other programs can double that
SUBSAMPLES = 8  # of a round, where the study has more

_OF_ONE_CHECKPOINT = (CHECKPOINT, CELL, SECOND_READING, TOKEN_CELL, ANSWERED)
_WITHOUT_LAYER = (CHECKPOINT, TRANSITION, FROM_BASE, ANSWERED)


@dataclass(frozen=True)
class Sample:
    """What reading some prompts gave.

    Attributes
    ----------
    parts : of a reading, by name, of the prompts that were read.
    seconds : that all prompts of one checkpoint take, opening it included.
    """

    parts: dict[str, object]
    seconds: float


def measured(
    record: Record,
    store: Store,
    tell: Callable[[float, str], None] = lambda share, words: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, float]:
    """Seconds per unit of each result, tables aside.

    Parameters
    ----------
    tell : told what share is done, and what comes next.

    Raises
    ------
    Cancelled : when `cancelled` returned True.
    Fault : where the base model, its tokenizer or the probe set cannot be used.
    """
    todo = plan(record, store)
    if not todo.readings:  # the models may be gone
        lacking = {unit.name for unit in todo.units if unit.place}
        return {name: _of_what_is_there(results()[name], record, store) for name in lacking}
    tell(0.0, "Loading the model")
    asked = reading.asked_of(record)
    sample = _read(record, asked, tell, cancelled)
    tell(0.5, "Computing one result of each kind")
    return _readings(record, sample.seconds) | _others(record, store, asked, sample.parts, cancelled)


# --- models ---------------------------------------------------------------------------------------


def _read(record: Record, asked: reading.Asked, tell: Callable, cancelled: Callable[[], bool]) -> Sample:
    from phcore import activations

    how = {"cancelled": cancelled, "progress": None}
    with activations.Loader(record.study.model, record.study.dtype, devices.wanted(record.study.device)) as loader:
        model, opening = _opened(loader, record)
        tell(0.2, "Reading a sample of the prompts")
        some = batches([len(ids) for ids in asked.tokens], activations.budget(model) // 2)
        try:
            with activations.untried():
                reading.first_reading(
                    model, asked.only(some[0][-1:]), list(record.layers), **how
                )  # the first is slower
                found, spent, behind = [], 0.0, time.monotonic() + READING
                for numbers in some:
                    started = time.monotonic()
                    found.append(reading.first_reading(model, asked.only(numbers), list(record.layers), **how)[0])
                    spent += time.monotonic() - started
                    if time.monotonic() > behind:
                        break
        except activations.Stopped:
            raise reading.Cancelled from None
        read = [number for numbers in some[: len(found)] for number in numbers]
        spent *= sum(map(len, asked.tokens)) / sum(len(asked.tokens[number]) for number in read)
        if asked.answered:
            started = time.monotonic()
            activations.greedy(model, asked.tokenizer, dict([next(iter(asked.answered.items()))]), cancelled=cancelled)
            spent += len(asked.answered) * (time.monotonic() - started)
    return Sample(_joined(found), opening + spent)


def _opened(loader, record: Record) -> tuple[object, float]:
    """The first checkpoint that can be opened, or the base, and the seconds that opening another one takes."""
    for node in (*(node for node in record.ready[1:] if node.kind != LIVE), record.base):
        try:
            if node.kind == "adapter":
                loader.open(record.base.path, "base")
            started = time.monotonic()
            return loader.open(node.path, node.kind), time.monotonic() - started
        except Fault:
            if node == record.base:
                raise
    raise AssertionError("a record begins with its base")


def batches(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Prompts of like length that are read together, so that the first few batches are of all lengths.

    Parameters
    ----------
    lengths : tokens of each prompt. tokens : of a batch, about.
    """
    ordered = sorted(range(len(lengths)), key=lambda number: (lengths[number], number))
    found: list[list[int]] = [[]]
    for number in ordered:
        if found[-1] and lengths[number] * (len(found[-1]) + 1) > tokens:
            found.append([])
        found[-1].append(number)
    # In the middle of each half, of each quarter, ...: a few of them are spread over the lengths.
    spread = [int(len(found) * (2 * k + 1) / 2**depth) for depth in range(1, 16) for k in range(2 ** (depth - 1))]
    return [found[place] for place in dict.fromkeys([*spread, *range(len(found))])]


def _joined(found: list[dict]) -> dict[str, object]:
    """Parts of several readings as those of one."""
    states = {layer: np.concatenate([one["states"][layer] for one in found]) for layer in found[0]["states"]}
    roots = np.concatenate([one["next_tokens"].next_roots for one in found])
    return found[0] | {"states": states, "next_tokens": replace(found[0]["next_tokens"], next_roots=roots)}


def _readings(record: Record, seconds: float) -> dict[str, float]:
    """As a run reckons them: the time of a reading is shared among what is kept of it."""
    last = record.ready[-1]
    kept = [
        one.name
        for one in results().values()
        if one.reads_a_model
        for place in places(record, one.per)
        if place.nodes == (last,) and not place.reading and one.part != "lengths"
    ]
    found = {
        one.name: 0.0 if one.part == "lengths" else seconds / (len(record.layers) if again else len(kept))
        for one in results().values()
        for again in [one.per == SECOND_READING]
        if one.reads_a_model
    }
    return found


# --- everything else --------------------------------------------------------------------------------


def _others(record: Record, store: Store, asked: reading.Asked, parts: dict, cancelled: Callable) -> dict[str, float]:
    """Of one unit of each, at the size of the study where that is small, else led on from smaller ones.

    What is drawn on subsamples takes a time of its own, and as much again for each of them: prompts that none of them
    draws cost it little. The rest grows with the prompts as it does between two sizes.
    """
    few, most = (min(n, record.n_prompts) for n in PROMPTS)
    count, behind = record.study.subsamples, time.monotonic() + MEASURING
    drawn = min(SUBSAMPLES, count)

    def round_of(n: int, subsamples: int) -> dict[str, float]:
        study = record.study.with_(subsamples=subsamples, subsample_size=record.subsample_size)
        values = reading.stand_ins(asked, parts, record.layers[-1], n)
        return _round(replace(record, study=study, n_prompts=n), store, values, cancelled)

    once = round_of(few, min(1, count))  # whatever has to be imported is there from here on
    large = round_of(most, drawn)
    small = round_of(few, min(1, count)) if most < record.n_prompts and time.monotonic() < behind else {}
    live = np.mean([np.ptp(states, axis=0).max() > 0 for states in parts["states"].values()])
    found = {}
    for name, seconds in large.items():
        one = results()[name]
        if _drawn(one, count):
            more = max(0.0, seconds - small.get(name, once[name])) / max(1, drawn - 1)
            found[name] = seconds + more * max(0, _drawn(one, count) - drawn)
        else:
            power = np.clip(np.log(seconds / small[name]) / np.log(most / few), 0, 2) if name in small else 1.0
            found[name] = seconds * (record.n_prompts / most) ** power
        found[name] = float(found[name] * (1 if one.per in _WITHOUT_LAYER else live))
    return found


def _of_what_is_there(one: Result, record: Record, store: Store) -> float:
    """Seconds of a unit made of the base's results in the archive; 0 where one of those was left behind."""
    place, values = _place(one, record), {}
    for need in one.needs:
        value = files.read(record, store, need, ends(place, results()[need].per)[0])
        if value is None:
            return 0.0
        values[need] = value
    return _unit(one, place, values, record, store)[1]


def _place(one: Result, record: Record) -> Place:
    """Where the base stands for every checkpoint."""
    nodes = (record.base,) * (1 if one.per in _OF_ONE_CHECKPOINT else 2)
    layer = None if one.per in _WITHOUT_LAYER else record.layers[-1]
    return Place(nodes, layer, BATCHES if one.per == SECOND_READING else "")


def _unit(one: Result, place: Place, values: dict, record: Record, store: Store) -> tuple[pa.Table, float]:
    """A unit made of `values`, which stand for those of each of its checkpoints, and the seconds that took."""
    needs = {need: values[need] for need in one.needs}
    if len(place.nodes) > 1:
        needs = {need: (value, results()[need].stands_in(value)) for need, value in needs.items()}
    given = files.from_archive(files.given(record, place, one), store)
    table, seconds = _timed(lambda: one.compute(**needs, **given))
    if seconds < SHORT:
        seconds = (seconds + _timed(lambda: one.compute(**needs, **given))[1]) / 2
    return table, seconds


def _timed(compute: Callable[[], pa.Table]) -> tuple[pa.Table, float]:
    started = time.perf_counter()
    return compute(), time.perf_counter() - started


def _drawn(one: Result, count: int) -> int:
    """How many of so many subsamples it, or what it is made from, is measured on; 0 where it is on none."""
    if SAMPLING[0] in one.parameters:
        return min(count, one.settings.get("few", count))
    return max((_drawn(results()[need], count) for need in one.needs), default=0)


def _round(record: Record, store: Store, parts: dict, cancelled: Callable[[], bool]) -> dict[str, float]:
    """Seconds of a unit of each result. Where it takes several checkpoints, the one that was read stands for each."""
    layer, values, found = record.layers[-1], {}, {}
    for one in results().values():
        if cancelled():
            raise reading.Cancelled
        if one.reads_a_model:
            if one.part in parts:
                where = {} if one.per in _WITHOUT_LAYER else {"layer": layer}
                values[one.name] = one.decode(one.compute(parts[one.part], **where))
            continue
        if not values.keys() >= set(one.needs):  # of a study that keeps no tokens, say
            continue
        table, found[one.name] = _unit(one, _place(one, record), values, record, store)
        values[one.name] = one.decode(table)
    return found
