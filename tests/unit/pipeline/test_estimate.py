"""What a study will cost, measured on a sample."""

import pytest

from phcore.archive.store import SCHEMA, Store
from phcore.pipeline import estimate
from phcore.pipeline.plan import plan
from phcore.study.resolve import resolve
from tests import studies


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
    measured = estimate.measure(record, store)
    todo = plan(record, store)
    assert {unit.name for unit in todo.units if unit.place} <= measured.keys()
    after = estimate.estimate(record, store)
    assert (after.checkpoints, after.results, after.bytes) == (before.checkpoints, before.results, before.bytes)
    assert 0 < after.seconds < 600
    assert not [path for path in (store.root / SCHEMA).glob("*/*") if path.parent.name != "probes"]


def test_a_sample_does_not_stand_in_for_what_was_measured(fresh):
    record, store = fresh
    estimate.remember(record, store, {"diagrams": 123.0})
    assert estimate.measure(record, store)["diagrams"] == 123.0
    assert estimate.speeds(record, store)["diagrams"] == 123.0


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


def test_speeds_that_cannot_be_kept_only_cost_a_measurement(fresh):
    record, store = fresh
    (store.root / "speeds.json").unlink(missing_ok=True)
    (store.root / "speeds.json").mkdir()
    estimate.remember(record, store, {"diagrams": 123.0})
    assert estimate.speeds(record, store) == {}
