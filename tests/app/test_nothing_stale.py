"""What pages keep of a study is forgotten once the study, or one beside it, is another."""

import json
import os
import shutil
from dataclasses import replace

import pytest

from pages.parts import data, live, preview
from phcore.archive.store import SCHEMA
from phcore.pipeline import preflight
from phcore.pipeline.run import publish_missing
from phcore.study import kept
from phcore.study.probes import load
from phcore.study.record import LIVE
from phcore.study.resolve import keep_probes
from tests import studies
from tests.app.conftest import run, words


@pytest.fixture
def store(computed, tmp_path, monkeypatch, server):
    """A copy of the small study's archive, as the pages' own."""
    found = studies.copy_archive(computed[1], tmp_path / "cache")
    monkeypatch.setenv("PHCORE_CACHE", str(found.root))
    server()
    return found


def test_categories_and_references_that_were_rewritten_are_shown(store, tmp_path):
    record = kept.read(store, "tiny")
    assert live.categories(data.open_study("tiny")) == ["a", "b"]
    path = tmp_path / "probes.jsonl"
    with open(record.study.probes) as file:
        rows = [json.loads(line) | {"category": "c", "reference": "Seven"} for line in file]
    path.write_text("\n".join(map(json.dumps, rows)))
    probes = load(str(path))
    changed = replace(record, category_digest=probes.category_digest, reference_digest=probes.reference_digest)
    assert changed.probe_digest == record.probe_digest
    keep_probes(probes, changed, store)
    kept.keep(changed, store)
    study = data.open_study("tiny")
    assert live.categories(study) == ["c"]
    assert set(live.prompts(study)["reference"]) == {"Seven"}


@pytest.mark.parametrize("change", ["seed", "finding", "private"])
def test_what_stands_in_no_key_is_shown_as_it_is_now(store, change):
    """A run's seed, why a checkpoint is left out, what is private: other words, and no other number."""
    record = kept.read(store, "tiny")
    before = data.open_study("tiny")
    table = data.table(before, "checkpoints")
    runs = (replace(record.series[0], seed=9), *record.series[1:])
    other = {
        "seed": replace(record, study=record.study.with_(series=runs)),
        "finding": replace(record, nodes=(*record.nodes[:-1], replace(record.nodes[-1], finding="it is another"))),
        "private": replace(record, study=record.study.with_(private=("prompts",))),
    }[change]
    kept.keep(other, store)
    after = data.open_study("tiny")
    assert data.version(after) != data.version(before)
    if change != "private":
        assert not data.table(after, "checkpoints").equals(table)
    kept.keep(other, store)
    assert data.version(data.open_study("tiny")) == data.version(after)  # nothing changed, and nothing is read again


def test_findings_follow_a_study_beside(store, computed):
    """They read its tables: when it is computed again with other numbers, they are put together again."""
    record = kept.read(store, "tiny")
    kept.keep(replace(record, study=record.study.with_(name="own", beside=("tiny", "none"))), store)
    study = data.open_study("own")
    before = data.version(study)
    data.table(study, "findings")
    assert data.version(data.open_study("own")) == before
    other = replace(record, study=record.study.with_(scale="median"))
    publish_missing(other, store)
    kept.keep(other, store)
    assert data.version(data.open_study("own")) != before
    os.rename(store.root / "studies" / "tiny", store.root / "studies" / "none")
    assert data.version(data.open_study("own")) != before


@pytest.mark.parametrize("file", ["chat_template.jinja", "tokenizer.json", "config.json"])
def test_prompts_are_read_again_with_another_template_or_tokenizer(llama, tmp_path, monkeypatch, file):
    """A template that was missing, and was added, refuses nothing any more."""
    asked, refused = [], preflight.Verdict("", "There is no template.", (), {}, ())
    monkeypatch.setattr(preflight, "tried", lambda *given: asked.append(given) or refused)
    model = shutil.copytree(llama, tmp_path / "model")
    study = studies.build_study(tmp_path, model)
    assert not preview.prompts(study)
    assert not preview.prompts(study)
    assert len(asked) == 1
    text = (model / file).read_text()
    (model / file).write_text(f"{text} ")
    assert not preview.prompts(study)
    assert len(asked) == 2


@pytest.mark.parametrize("page", ["overview", "trajectories", "study"])
def test_looks_of_a_training_show_by_themselves(store, start, page):
    """A study that trainings look at: nobody computes it here, and it says when it was looked at last."""
    record = kept.read(store, "tiny")
    looked_at = replace(record.nodes[-1], kind=LIVE)
    kept.keep(replace(record, nodes=(*record.nodes[:-1], looked_at)), store)
    shutil.rmtree(store.root / SCHEMA / "tables")  # which only `compute` writes
    shutil.rmtree(store.root / SCHEMA / "sensitivity")
    study = data.open_study("tiny")
    before = data.version(study)
    said = words(start(store.root, page, study="tiny"))
    assert "Looked at while it trains, the last time at" in said
    assert "not complete" not in said
    assert ("The rest is computed on the Study page" in said) is (page != "study")
    file = store.root / "studies/tiny/record.json"
    os.utime(file, (1, 1))
    assert data.written(study) == 1
    assert data.version(study) != before
    assert "the last time at 1970-01-01" in words(start(store.root, page, study="tiny"))


def test_an_objective_that_comes_later_is_on(store, start):
    """As while trainings join a study one after the other; what was switched off before stays off."""
    record = kept.read(store, "tiny")
    first, second, third = record.study.series
    fewer = record.study.with_(series=(first, second))
    kept.keep(replace(record, study=fewer, nodes=tuple(one for one in record.nodes if one.label != third.name)), store)
    app = start(store.root, "trajectories", study="tiny")
    assert set(app.session_state["objectives"]) == {first.objective, second.objective}
    app.session_state["objectives"] = [first.objective]
    run(app)
    kept.keep(record, store)
    assert set(run(app).session_state["objectives"]) == {first.objective, third.objective}
    assert app.session_state["objectives.offered"] == [first.objective, second.objective, third.objective]
