"""Studies as an archive keeps them: what is private stays so, and one that cannot be read hides no other."""

import json
import os
import shutil
import signal
from dataclasses import replace

import pytest

from phcore import Fault
from phcore.archive.permissions import KINDS, Permissions
from phcore.archive.store import Store
from phcore.cli.main import COMMANDS, main
from phcore.export.results import Results
from phcore.figures.registry import PRINTED
from phcore.study import Series, kept, raised, saved_views
from phcore.study.record import FORMAT, LIVE, Node
from phcore.study.resolve import resolve
from tests import studies


@pytest.fixture
def store(computed, tmp_path, monkeypatch):
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    return studies.copy_archive(computed[1], tmp_path / "cache")


@pytest.fixture
def asked(computed, tmp_path):
    """The study file it is computed from; it calls nothing private."""
    return computed[0].write(tmp_path / "tiny.toml")


def shown(store) -> list[str]:
    """The first prompts as strangers see them."""
    return list(Results.open("tiny", Store(store.root, Permissions(True))).prompts["text"][:2])


def make_private(store) -> None:
    file = kept.folder_of("tiny", store) / "study.toml"
    file.write_text(file.read_text().replace("private = []", 'private = ["prompts"]'))


WRITES = {
    "compute": ["compute", "{file}", "--workers", "1"],
    "compute by name": ["compute", "tiny", "--workers", "1"],
    "follow": ["follow", "{file}", "--every", "0.2", "--idle", "0.001", "--workers", "1"],
    "estimate": ["estimate", "{file}", "--workers", "1"],
    "measures": ["measures", "tiny", "{csv}"],
    "pack": ["pack", "{file}", "-o", "{out}/pack.zip"],
    "report": ["report", "{file}", "-o", "{out}/report.html"],
    "figures": ["figures", "{file}", "-o", "{out}/figures.zip"],
    "findings": ["findings", "{file}"],
    "tables": ["tables", "{file}", "cells", "-o", "{out}/cells.csv"],
    "studies": ["studies"],
}
ELSEWHERE = {
    "private",
    "new",
    "scan",
    "probes",
    "unpack",
    "open",
    "practice",
    "finetune",
    "sweep",
    "serve",
    "app",
}  # no study of the archive is written by them


def test_every_command_is_tried():
    assert {one.name for one in COMMANDS} - {words[0] for words in WRITES.values()} <= ELSEWHERE | {"clouds", "summary"}


@pytest.mark.parametrize("words", WRITES.values(), ids=WRITES)
def test_what_was_private_survives_every_command(store, asked, tmp_path, words, monkeypatch):
    # What all figures hold is tested with permissions: here, those that are about prompts.
    monkeypatch.setattr("phcore.export.images.KINDS", {})
    for module in ("export.bundle", "figures.registry"):
        monkeypatch.setattr(f"phcore.{module}.PRINTED", {name: PRINTED[name] for name in ("maps", "barcode")})
    make_private(store)
    assert shown(store) == ["prompt 0 (private)", "prompt 1 (private)"]
    csv = tmp_path / "own.csv"
    csv.write_text("series,step,name,value\nhelpful,4,accuracy,0.5\n")
    named = {"file": asked, "csv": csv, "out": tmp_path}
    assert main([word.format(**named) for word in words]) == 0
    assert shown(store) == ["prompt 0 (private)", "prompt 1 (private)"]
    for made in tmp_path.glob("*.html"):
        assert "number 1 please" not in made.read_text()


def test_only_the_owners_word_takes_it_back(store, asked, capsys):
    assert main(["private", "tiny", "prompts", "paths"]) == 0
    assert "private: prompts, paths" in capsys.readouterr().out
    assert shown(store)[0] == "prompt 0 (private)"
    assert main(["compute", str(asked), "--workers", "1"]) == 0
    assert shown(store)[0] == "prompt 0 (private)"
    assert main(["private", "tiny"]) == 0
    assert shown(store)[0].startswith("Describe a river")
    assert Results.open("tiny", store).finished


def test_a_lost_study_file_opens_nothing(store, computed):
    make_private(store)
    resolve(computed[0], store)
    (kept.folder_of("tiny", store) / "study.toml").unlink()
    assert shown(store)[0] == "prompt 0 (private)"
    resolve(computed[0], store)
    assert shown(store)[0] == "prompt 0 (private)"


def test_a_damaged_study_file_opens_nothing(store, computed):
    (kept.folder_of("tiny", store) / "study.toml").write_text("private = [")
    assert shown(store)[0] == "prompt 0 (private)"
    resolve(computed[0], store)
    assert shown(store)[0] == "prompt 0 (private)"


# --- records that cannot be read ------------------------------------------------------------------------


@pytest.fixture
def two(store):
    """The study, and a copy of it under another name."""
    shutil.copytree(kept.folder_of("tiny", store), kept.folder_of("other", store))
    return store


BAD = {
    "empty": b"", "no object": b"[]", "number": b"5", "cut": b'{"format": 2, "study"', "nested": b"[" * 100_000,
    "no nodes": b'{"format": 2, "study": {"name": "a", "model": "/m"}, "nodes": []}', "not UTF-8": b"\xff\xfe{}",
    "types": json.dumps({"format": FORMAT, "study": 7, "nodes": {}}).encode(),
}  # fmt: skip


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
@pytest.mark.parametrize("read_only", [False, True])
def test_one_bad_record_hides_no_other(two, content, read_only, capsys):
    (kept.folder_of("other", two) / "record.json").write_bytes(content)
    store = Store(two.root, Permissions(read_only))
    assert sorted(kept.names(store)) == ["other", "tiny"]
    assert Results.open("tiny", store).others() == ["other"]
    with pytest.raises(Fault, match="the study other cannot be read"):
        Results.open("other", store)
    if not read_only:
        assert main(["studies"]) == 0
        said = capsys.readouterr()
        assert "tiny  complete" in said.out
        assert "the study other cannot be read" in said.out + said.err


def test_a_newer_record_is_left_alone(store, computed, asked, capsys):
    file = kept.folder_of("tiny", store) / "record.json"
    plain = json.loads(file.read_text()) | {"format": FORMAT + 1, "something": "new"}
    file.write_text(json.dumps(plain))
    before = file.read_bytes()
    for study in ("tiny", str(asked)):
        assert main(["compute", study, "--workers", "1"]) == 1
        assert "newer version" in capsys.readouterr().err
    with pytest.raises(Fault, match="newer version"):
        resolve(computed[0], store)
    assert file.read_bytes() == before


def test_a_damaged_record_is_made_anew_from_the_study_file(store, asked, capsys):
    (kept.folder_of("tiny", store) / "record.json").write_bytes(b"{")
    assert main(["compute", str(asked), "--workers", "1"]) == 0
    assert Results.open("tiny", store).finished


def test_a_folder_that_was_renamed_is_a_study_of_that_name(store):
    kept.folder_of("tiny", store).rename(store.root / "studies" / "renamed")
    study = Results.open("renamed", store)
    assert study.study.name == "renamed"
    assert study.finished
    assert kept.names(store) == ["renamed"]


def test_another_study_of_the_same_name_is_refused(store, computed, tmp_path, llama):
    """Also where its base is the same: other folders with other weights."""
    from tests import models

    models.build_adapter(tmp_path / "mine" / "run" / "checkpoint-5", llama, seed=77)
    other = computed[0].with_(
        series=(kept.Study("x", "/m").series or ()) + (studies.Series("run", tmp_path / "mine/run"),)
    )
    with pytest.raises(Fault, match="another study is called tiny"):
        resolve(other, store)


def test_a_study_that_moved_is_the_same(store, computed, tmp_path):
    study, _ = computed
    places = {}
    for one in study.series:
        places[one.name] = tmp_path / "moved" / one.name
        shutil.copytree(one.path, places[one.name])
    moved = study.with_(series=tuple(studies.Series(name, path) for name, path in places.items()))
    assert resolve(moved, store).series[0].path == places["helpful"]


# --- while it is trained ----------------------------------------------------------------------------


def looks(record, name, *steps):
    """The record with looks at a run."""
    study = record.study
    if name not in {one.name for one in study.series}:
        study = study.with_(series=(*study.series, Series(name, study.series[0].path, name)))
    new = tuple(Node(name, step, LIVE, f"look-{step}", 0, "ready", fingerprint=f"{name}{step}") for step in steps)
    return replace(record, study=study, nodes=(*record.nodes, *new))


def path(store, name) -> list[int]:
    return [node.step for node in kept.read(store, "tiny").nodes if node.label == name]


def test_a_look_that_came_meanwhile_is_not_lost(store):
    before = kept.read(store, "tiny")
    kept.keep(looks(looks(before, "helpful", 8), "live", 2, 4), store)  # a training, while a computation goes on
    made = kept.keep_with_looks(replace(before, pairs="all"), before, store)
    assert made == kept.read(store, "tiny")
    assert made.pairs == "all"
    assert path(store, "helpful") == [1, 2, 4, 8]
    assert path(store, "live") == [2, 4]
    assert [one.name for one in made.study.series] == [*(one.name for one in before.study.series), "live"]


def test_looks_that_were_left_out_on_purpose_stay_out(store):
    plain = kept.read(store, "tiny")
    before = looks(plain, "live", 2, 4)
    kept.keep(before, store)
    assert kept.keep_with_looks(plain, before, store) == plain  # the series was taken out of the study file


def test_a_computation_during_a_training_keeps_its_looks(store, asked, monkeypatch):
    from phcore.study import resolve as module

    before, fingerprints = kept.read(store, "tiny"), module._nodes

    def meanwhile(*given):
        found = fingerprints(*given)
        kept.keep(looks(before, "live", 2), store)
        return found

    monkeypatch.setattr(module, "_nodes", meanwhile)
    record = resolve(before.study, store)
    assert "live" in {one.name for one in record.study.series}
    assert path(store, "live") == [2]


@pytest.mark.parametrize("read_only", [False, True])
def test_links_in_a_circle_and_unknown_homes_hide_no_other_study(store, read_only, capsys):
    studies = store.root / "studies"
    (studies / "loop").symlink_to(studies / "loop")
    (studies / "inner").mkdir()
    for name in ("record.json", "study.toml"):
        (studies / "inner" / name).symlink_to(studies / "inner" / name)
    shutil.copytree(studies / "tiny", studies / "homeless")
    (studies / "homeless" / "study.toml").write_text('model = "~nobody-is-called-so/x"')
    here = Store(store.root, Permissions(read_only))
    for name in ("loop", "inner"):
        with pytest.raises(Fault):
            Results.open(name, here)
    assert {"tiny", "homeless"} <= set(kept.names(here))
    assert Results.open("homeless", here).study.private == ()


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("name", ["record.json", "study.toml", "views.json", "alarms.jsonl"])
def test_a_pipe_in_a_studys_folder_is_waited_for_by_nobody(store, name, read_only):
    def late(*_):
        raise TimeoutError("it waits for a pipe")

    file = store.root / "studies" / "tiny" / name
    file.unlink(missing_ok=True)
    os.mkfifo(file)
    here = Store(store.root, Permissions(read_only))
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    try:
        assert kept.names(here) == ["tiny"]
        assert raised.read("tiny", here) == []
        if name == "views.json":
            with pytest.raises(Fault, match="cannot be read"):
                saved_views.views("tiny", here)
        if name == "record.json":
            with pytest.raises(Fault, match="a pipe or a device"):
                Results.open("tiny", here)
        else:
            assert Results.open("tiny", here).study.private == (KINDS if name == "study.toml" and read_only else ())
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
