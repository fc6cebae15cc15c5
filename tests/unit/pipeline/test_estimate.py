"""What a study will cost, measured on the base model."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from phcore.archive.store import SCHEMA, Store
from phcore.pipeline import estimate
from phcore.pipeline.plan import plan
from phcore.study.resolve import resolve
from tests import studies


def measure(record, store) -> dict[str, float]:
    with ThreadPoolExecutor(1) as executor:
        return estimate.measure(record, store, executor)


@pytest.fixture
def fresh(llama, tmp_path):
    """(record, store) of a study of which nothing is computed."""
    store = Store(tmp_path / "cache")
    return resolve(studies.build_few(tmp_path, llama, "helpful"), store), store


def test_what_was_measured_tells_what_the_rest_will_take(fresh):
    record, store = fresh
    before = estimate.estimate(record, store)
    assert before.seconds is None
    assert before.checkpoints == 4 + 2  # the base and three, and the first and the last once more
    measured = measure(record, store)
    todo = plan(record, store)
    assert {unit.name for unit in todo.units if unit.place} <= measured.keys()
    after = estimate.estimate(record, store)
    assert (after.checkpoints, after.results) == (3 + 1, len(todo.units) - len(todo.readings))
    assert 0 < after.seconds < 600
    assert after.bytes < before.bytes
    assert not list((store.root / SCHEMA).glob("tables/*"))


def test_measuring_computes_the_base_and_nothing_else(fresh):
    record, store = fresh
    measure(record, store)
    lacks = plan(record, store)
    assert not [unit for unit in lacks.units if unit.place and set(unit.place.nodes) == {record.base}]
    assert plan(record, store, of=record.base).empty
    assert {unit.place.nodes for unit in lacks.of("next_tokens")} == {(node,) for node in record.ready[1:]}


def test_what_is_there_already_is_measured_too(fresh):
    """Computed under another name, or by a run that was killed: how long it took is known to nobody."""
    record, store = fresh
    measure(record, store)
    (store.root / "speeds.json").unlink()
    assert estimate.estimate(record, store).seconds is None
    kept = {path: path.stat().st_mtime_ns for path in (store.root / SCHEMA).glob("*/*")}
    measure(record, store)
    assert estimate.estimate(record, store).seconds > 0
    assert {path: path.stat().st_mtime_ns for path in (store.root / SCHEMA).glob("*/*")} == kept


def test_a_finished_study_costs_nothing(computed, tmp_path):
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    cost = estimate.estimate(resolve(computed[0], store), store)
    assert cost.nothing
    assert (cost.checkpoints, cost.results, cost.bytes, cost.seconds) == (0, 0, 0, 0)
    assert estimate.in_words(cost) == "Everything is computed already."


def test_more_workers_take_less_time_but_for_reading(fresh):
    record, store = fresh
    todo = plan(record, store)
    estimate.remember(record, store, {unit.kind: 1.0 for unit in todo.units})
    one, two = (estimate.estimate(record, store, workers).seconds for workers in (1, 2))
    read = len(todo.readings)
    assert (one, two) == (len(todo.units), read + (len(todo.units) - read) / 2)
