"""What is measured since 0.4: places against the base, copies that are no runs, and what older studies lack."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from phcore.analysis.next_tokens import divergence
from phcore.archive.store import Store
from phcore.export.results import Results
from phcore.stages import runs
from phcore.stages.findings import subjects
from phcore.stages.registry import Place, files, keys_of, results, tables
from phcore.stages.registry.keys import value
from phcore.stages.registry.places import labelled, places
from phcore.stages.registry.result import FROM_BASE, WHOLE_STUDY
from phcore.study.record import TOP, WHOLE
from tests import studies

SHIPPED = Path(__file__).resolve().parents[3] / "cache"


@pytest.fixture(scope="module")
def study(computed):
    return Results.open("tiny", computed[1])


def test_every_checkpoint_is_held_against_the_base_its_series_starts_from(study):
    record = study.record
    found = dict(labelled(record, FROM_BASE))
    assert set(found) == {("helpful", 1), ("helpful", 2), ("helpful", 4), ("harmless", 1), ("harmless", 2), ("full", 2)}
    for (series, step), place in found.items():
        assert [node.step for node in place.nodes] == [0, step]
        assert place.nodes[0] == record.base
        assert place.nodes[1].label == series
    base = dataclasses.replace(record.base, status="refused")
    without = dataclasses.replace(record, nodes=(base, *record.nodes[1:]))
    assert list(places(without, FROM_BASE)) == []


def test_departures_are_divergences_from_the_base(study):
    record, store = study.record, study.store
    node = record.path_of("helpful")[-1]
    one, other = (files.read(record, store, "next_tokens", Place((each,))) for each in (record.base, node))
    expected, slack = divergence(one, other)
    assert not slack.any()
    table = study.table("departures", series="helpful", step=4)
    np.testing.assert_allclose(table["value"], expected)
    np.testing.assert_allclose(table["slack"], slack)
    assert table["prompt"].tolist() == list(range(record.n_prompts))


def test_a_copy_of_a_run_is_none(study):
    record = study.record
    assert value("run_of", record, WHOLE_STUDY) == {"helpful": "helpful", "harmless": "harmless", "full": "full"}
    mark = record.path_of("helpful")[1].fingerprint
    nodes = tuple(
        dataclasses.replace(node, fingerprint=mark) if (node.label, node.step) == ("harmless", 1) else node
        for node in record.nodes
    )
    copied = dataclasses.replace(record, nodes=nodes)
    (one,) = subjects((copied, study.table))
    assert one.run_of == {"helpful": "helpful", "harmless": "helpful", "full": "full"}
    assert one.runs == ["helpful", "full"]
    assert keys_of(copied).of_table("runs") != keys_of(record).of_table("runs")
    assert (one.name, one.base) == (record.study.model.name, record.base.fingerprint)


def test_runs_are_compared_without_copies(monkeypatch):
    seen = {}
    monkeypatch.setattr("phcore.analysis.permanova.runs", lambda one, objectives: seen.update(objectives))
    list(runs._each(None, None, {"a": "x", "b": "x", "c": "y"}, {"a": "a", "b": "a", "c": "c"}))
    assert seen == {"a": "x", "c": "y"}


def test_what_its_readings_are_gone_for_a_study_is_finished_without(computed, tmp_path):
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    study = Results.open("tiny", store)
    assert study.finished
    studies.remove(studies.table_files(store, "departures", "halfway", "windows"))
    assert set(study.missing) == {"departures", "halfway", "windows"}
    studies.remove(studies.files(store, "departures"))
    assert set(study.missing) == {"departures", "halfway", "windows"}  # the next tokens are there
    studies.remove(studies.files(store, "next_tokens"))
    assert study.missing == ["windows"]
    assert study.findings()[4].verdict == "cannot be told"
    assert not results()["next_tokens"].shown


def test_what_all_next_tokens_and_learning_rates_change_and_what_not():
    """Of a study whose record says neither, as those of before did not."""
    record = Results.open("tiny-instruct", Store(SHIPPED)).record
    assert record.next_tokens == WHOLE
    nodes = tuple(dataclasses.replace(node, learned=None) for node in record.nodes)
    record = dataclasses.replace(record, next_tokens=TOP, nodes=nodes)

    def others(changed):
        before, after = keys_of(record), keys_of(changed)
        of_results = {
            name
            for name, one in results().items()
            if [before.of(name, place) for place in places(record, one.per)]
            != [after.of(name, place) for place in places(changed, one.per)]
        }
        return of_results, {name for name in tables() if before.of_table(name) != after.of_table(name)}

    files_, tables_ = others(dataclasses.replace(record, next_tokens=WHOLE))
    assert files_ == {"next_tokens", "divergences", "departures"}
    assert tables_ == {"divergence", "departures", "halfway", "behaviour_moves", "lags"}
    nodes = tuple(dataclasses.replace(node, learned=float(node.step)) for node in record.nodes)
    assert others(dataclasses.replace(record, nodes=nodes)) == (set(), {"windows"})
