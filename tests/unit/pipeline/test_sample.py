"""A sample of a study's work tells what all of it takes."""

import numpy as np
import pytest

from phcore.archive.store import SCHEMA, Store
from phcore.pipeline import reading, sample
from phcore.pipeline.plan import plan
from phcore.pipeline.reading import Cancelled
from phcore.study import kept
from phcore.study.record import ALL
from phcore.study.resolve import resolve
from tests import studies


@pytest.fixture(scope="module")
def fresh(llama, tmp_path_factory):
    """(record, store) of a study of which nothing is computed."""
    folder = tmp_path_factory.mktemp("sampled")
    store = Store(folder / "cache")
    return resolve(studies.build_few(folder, llama, "helpful", tokens=(0, 7), answers=(1,)), store), store


def test_every_kind_of_unit_is_timed_and_nothing_is_kept(fresh):
    record, store = fresh
    before = {path for path in store.root.rglob("*") if path.is_file()}
    told = []
    found = sample.measured(record, store, lambda share, words: told.append(share))
    assert {unit.name for unit in plan(record, store).units if unit.place} <= found.keys()
    assert all(seconds >= 0 for seconds in found.values())
    assert {path for path in store.root.rglob("*") if path.is_file()} == before
    assert not list((store.root / SCHEMA).glob("clouds/*"))
    assert told == sorted(told)


def test_no_model_is_opened_where_none_is_missing(computed, tmp_path, monkeypatch):
    """Of a study that came in a pack, whose models are nowhere."""
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    record = sample.replace(kept.read(store, "tiny"), pairs=ALL)
    monkeypatch.setattr(reading, "asked_of", lambda record: pytest.fail("what would be read is of no interest"))
    assert sample.measured(record, store)["distances"] > 0


def test_a_cancelled_sample_ends(fresh):
    with pytest.raises(Cancelled):
        sample.measured(*fresh, cancelled=lambda: True)


@pytest.mark.parametrize("lengths", [[5], [9, 2, 7, 2, 40], list(range(1, 300))])
def test_batches_hold_each_prompt_once_and_come_from_all_lengths(lengths):
    found = sample.batches(lengths, 100)
    assert sorted(number for batch in found for number in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[k] for k in batch) <= 100 for batch in found)
    if len(found) > 8:
        first = [np.median([lengths[k] for k in batch]) for batch in found[:3]]
        assert first[1] < first[0] < first[2]


def test_what_is_drawn_grows_with_subsamples_and_the_rest_with_prompts(fresh, monkeypatch):
    """As a unit that takes a second and another for each subsample, or one for each ten thousand pairs of prompts."""
    record, store = fresh
    record = sample.replace(record, n_prompts=4_000, study=record.study.with_(subsamples=64))

    def took(smaller, *_):
        drawn = 1.0 + smaller.study.subsamples
        return {
            "diagrams": drawn,
            "variant_loops": 1.0 + min(16, smaller.study.subsamples),
            "edges": smaller.n_prompts**2,
        }

    monkeypatch.setattr(sample, "_round", took)
    monkeypatch.setattr(reading, "stand_ins", lambda *_: {})
    found = sample._others(record, store, None, {"states": {1: np.eye(3)}}, lambda: False)
    assert found == pytest.approx({"diagrams": 65.0, "variant_loops": 17.0, "edges": 4_000.0**2})


def test_clouds_without_shape_cost_next_to_nothing(fresh, monkeypatch):
    """The embedding of a template's last token is the same in each prompt."""
    record, store = fresh
    monkeypatch.setattr(sample, "_round", lambda *_: {"edges": 1.0, "departures": 1.0})
    monkeypatch.setattr(reading, "stand_ins", lambda *_: {})
    found = sample._others(record, store, None, {"states": {0: np.ones((3, 3)), 1: np.eye(3)}}, lambda: False)
    assert found == {"edges": 0.5, "departures": 1.0}
