"""An archive that is only read: every way to write, every way out of it, and every word that may not be said."""

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from phcore import Study, checkpoints
from phcore.archive import permissions
from phcore.archive.permissions import Permissions
from phcore.archive.store import SCHEMA, Store
from phcore.checkpoints import roots
from phcore.cli import main
from phcore.errors import Fault
from phcore.export.bundle import bundle
from phcore.export.pack import pack, unpack
from phcore.export.report import render
from phcore.export.results import Results
from phcore.pipeline import estimate, jobs, run
from phcore.stages.registry import Place, assembly, keys_of, tables
from phcore.study import kept, measures, probes, resolve
from phcore.topology.explore import Lens, chosen
from tests import studies

ROOT = Path(__file__).resolve().parents[3]
REFUSED = "this server is read-only"


@pytest.fixture
def archive(computed, tmp_path):
    """A copy of a computed archive with a second study that is not to be seen."""
    _, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    folder = store.root / "studies"
    shutil.copytree(folder / "tiny", folder / "secret")
    file = folder / "secret" / "record.json"
    file.write_text(file.read_text().replace('"name": "tiny"', '"name": "secret"'))
    return store


@pytest.fixture
def rights(archive):
    """The same archive with other permissions: only to be read, unless they say otherwise."""

    def give(**values) -> Store:
        return Store(archive.root, Permissions(**{"read_only": True, **values}))

    return give


def state(root: Path) -> dict[str, tuple]:
    """Every file and folder below, with bytes and times."""
    return {
        str(path.relative_to(root)): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in sorted(root.rglob("*"))
    }


# --- from the environment ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Permissions()),
        ({"PHCORE_READ_ONLY": "0"}, Permissions()),
        ({"PHCORE_READ_ONLY": " False "}, Permissions()),
        ({"PHCORE_READ_ONLY": "1"}, Permissions(True)),
        ({"PHCORE_READ_ONLY": "off?"}, Permissions(True)),  # unclear: less
        ({"PHCORE_STUDIES": "a, b"}, Permissions(True, ("a", "b"))),
        ({"PHCORE_READ_ONLY": "0", "PHCORE_STUDIES": "a"}, Permissions(True, ("a",))),
        ({"PHCORE_STUDIES": ""}, Permissions(True, ())),  # a variable that came out empty serves nothing
        ({"PHCORE_READ_ONLY": "1", "PHCORE_PRIVATE": "prompts"}, Permissions(True, None, frozenset({"prompts"}))),
        ({"PHCORE_READ_ONLY": "1", "PHCORE_PRIVATE": "Prompts"}, Permissions(True, None, frozenset({"prompts"}))),
        (
            {"PHCORE_READ_ONLY": "1", "PHCORE_PRIVATE": "prompt"},
            Permissions(True, None, frozenset({"prompts", "paths"})),
        ),
        ({"PHCORE_READ_ONLY": "1", "PHCORE_PRIVATE": "*"}, Permissions(True, None, frozenset({"prompts", "paths"}))),
    ],
)
def test_rights_of_an_environment(environment, expected):
    assert Permissions.read(environment) == expected


def test_a_process_that_is_not_read_only_serves_and_shows_all():
    assert Permissions().serves("anything")
    assert not Permissions().hides("prompts", ("prompts",))
    assert Permissions(True).serves("anything")
    assert not Permissions(True, ("a",)).serves("b")
    assert not Permissions(True, ("a",)).serves("")


# --- writing ----------------------------------------------------------------------------------------


def test_every_way_to_write_is_refused(archive, computed, rights, tmp_path):
    study, _ = computed
    whole = Results.open("tiny", archive)
    before = state(archive.root)
    archive = rights()
    runner = run.Run(whole.record, archive, None)
    known = Results.open("tiny", archive).record
    ways = {
        "write": lambda: archive.write("cells", "k", pd.DataFrame({"a": [1]})),
        "write_file": lambda: archive.write_file(archive.root / "x.json", b"{}"),
        "record": lambda: kept.keep(whole.record, archive),
        "public record": lambda: kept.keep(known, archive),
        "resolve": lambda: resolve.resolve(study, archive),
        "resolve, without keeping": lambda: resolve.resolve(study, archive, keep=False),
        "probes": lambda: resolve.keep_probes(probes.load("default"), known, archive),
        "run": runner.run,
        "publish": lambda: run.publish_missing(known, archive),
        "estimate": lambda: estimate.estimate(known, archive),
        "speeds": lambda: estimate.remember(known, archive, {"cells": 1.0}),
        "attach": lambda: measures.attach(b"series,step,name,value\nhelpful,1,a,1\n", known, archive),
        "job": lambda: jobs.start(archive, "tiny", ["compute", "tiny"]),
        "cancel": lambda: jobs.cancel(archive, "tiny"),
        "enforce": lambda: jobs.enforce(archive, "tiny"),
        "reporter": lambda: jobs.Reporter(archive, "tiny"),
        "job inside": lambda: jobs.run_job(archive, "tiny", lambda reporter: ""),
    }
    for name, way in ways.items():
        with pytest.raises(Fault, match=REFUSED) as refusal:
            way()
        assert str(tmp_path) not in str(refusal.value), name
    assert state(archive.root) == before


def test_without_roots_no_folder_is_looked_at(computed, tmp_path):
    """A read-only server has none."""
    study, _ = computed
    ways = (
        lambda: checkpoints.scan(tmp_path, study.model, []),
        lambda: checkpoints.describe_model(study.model, []),
        lambda: roots.subfolders(tmp_path, []),
        lambda: roots.resolve_inside(tmp_path, []),
    )
    for way in ways:
        with pytest.raises(Fault, match="in the allowed folders"):
            way()
    assert checkpoints.local_models([]) == []


@pytest.mark.parametrize(
    "command",
    [
        ["compute", "tiny"],
        ["compute", "tiny", "--job", "tiny"],
        ["estimate", "tiny"],
        ["practice", "PLACE"],
        ["scan", "PLACE"],
        ["new", "PLACE", "--model", "PLACE"],
        ["measures", "tiny", "PLACE"],
        ["pack", "tiny", "-o", "PLACE/x"],
        ["open", "PLACE/x"],
        ["report", "tiny", "-o", "PLACE/x"],
        ["figures", "tiny", "-o", "PLACE/x"],
        ["tables", "tiny", "cells", "-o", "PLACE/x"],
        ["clouds", "tiny", "--series", "helpful", "--step", "1", "-o", "PLACE/x"],
    ],
    ids=lambda words: "-".join(word for word in words if word.isalpha()),
)
def test_the_command_line_of_a_read_only_process_computes_and_writes_nothing(archive, command, capsys, monkeypatch):
    monkeypatch.setenv("PHCORE_CACHE", str(archive.root))
    monkeypatch.setenv("PHCORE_READ_ONLY", "1")
    for stage in ("tables", "summaries"):
        shutil.rmtree(archive.root / SCHEMA / stage)  # something to compute
    before = state(archive.root)
    assert main.main([word.replace("PLACE", str(archive.root)) for word in command]) == 1
    assert REFUSED in capsys.readouterr().err
    assert state(archive.root) == before


def test_reading_everything_changes_no_byte_and_no_time(archive, rights):
    before = state(archive.root)
    archive = rights()
    seen = Results.open("tiny", archive)
    for name in tables():
        if name != "bars":
            seen.table(name)
    seen.explore("helpful", 1, 1, Lens())
    assert len(seen.prompts) == 40
    assert seen.finished
    assert jobs.all_jobs(archive) == []
    assert state(archive.root) == before


@pytest.mark.parametrize("cut", ["footer", "page"])
def test_a_damaged_file_is_passed_over_and_left_where_it_is(archive, rights, cut):
    known = Results.open("tiny", archive).record
    studies.remove(studies.files(archive, "tables"))
    key = keys_of(known).of("summaries", Place((known.base,), 1))
    file = archive.path("summaries", key)
    whole = file.read_bytes()
    damage = whole[:-30] if cut == "footer" else whole[:40] + bytes(b ^ 255 for b in whole[40:300]) + whole[300:]
    studies.overwrite(file, damage)
    before = state(archive.root)
    archive = rights()
    table = Results.open("tiny", archive).table("summaries")
    assert len(table)
    assert table[(table["step"] == 0) & (table["layer"] == 1) & (table["series"] != "full")].empty
    assert archive.select("summaries", key) is None
    assert archive.damaged
    assert "leaves it where it is" in archive.damaged[0]
    assert state(archive.root) == before
    file.write_bytes(whole)  # mended by its owner
    assert archive.has("summaries", key)


# --- other studies ----------------------------------------------------------------------------------

NO_STUDIES = ["secret", "no-such", "", ".", "..", "../studies/tiny", "tiny/", "tiny/../secret", "studies", "*", "t*",
              "/etc/passwd", "tiny\0", "tiny.toml", "TINY"]  # fmt: skip


@pytest.mark.parametrize("name", NO_STUDIES)
def test_a_study_that_is_not_served_is_one_that_does_not_exist(archive, rights, name):
    archive = rights(studies=("tiny",))
    with pytest.raises(Fault) as fault:
        Results.open(name, archive)
    assert fault.value.fault == f"no study is called {name!r}"
    assert fault.value.hint == "Give a study file (.toml) or one of: tiny"
    assert kept.names(archive) == ["tiny"]


def test_a_study_file_is_not_opened_by_its_path(archive, computed, rights, tmp_path):
    study, _ = computed
    path = study.write(tmp_path / "mine.toml")
    assert Results.open(path, archive).study.name == "tiny"
    archive = rights()
    with pytest.raises(Fault) as there:
        Results.open(path, archive)
    with pytest.raises(Fault) as gone:
        Results.open(tmp_path / "gone.toml", archive)
    assert there.value.hint == gone.value.hint
    assert "no study is called" in there.value.fault


def test_the_record_of_another_study_is_not_read_at_all(archive, rights):
    archive = rights(studies=("tiny",))
    assert kept.read(archive, "secret") is None
    assert kept.read(archive, "tiny").study.name == "tiny"


def test_studies_beside_are_shown_where_they_are_served(archive, rights):
    file = archive.root / "studies" / "tiny" / "record.json"
    plain = json.loads(file.read_text())
    plain["study"]["beside"] = ["secret"]
    file.write_text(json.dumps(plain))
    archive = rights(studies=("tiny",))
    assert Results.open("tiny", archive).study.beside == ()
    assert "secret" not in Results.open("tiny", archive).table("findings").to_csv()
    archive = rights()
    assert Results.open("tiny", archive).study.beside == ("secret",)


def test_jobs_of_others_are_unknown_and_those_of_a_study_say_nothing_of_their_own(archive, rights):
    for name in ("tiny", "secret", "@practice", "@estimate-tiny"):
        place = jobs.folder(archive, name)
        place.mkdir(parents=True)
        mine = jobs.Status(
            name, "running", label="helpful", message="/home/me/x", warnings=("/home/me/y",), pid=os.getpid()
        )
        jobs._write(archive, mine)
    assert jobs.status(archive, "secret").message == "/home/me/x"
    archive = rights(studies=("tiny",))
    seen = jobs.status(archive, "tiny")
    assert (seen.state, seen.label, seen.message, seen.warnings, seen.pid) == ("running", "", "", (), 0)
    assert [jobs.status(archive, name) for name in ("secret", "@practice", "@estimate-tiny")] == [None] * 3
    assert [one.name for one in jobs.all_jobs(archive)] == ["tiny"]


def test_a_dead_job_is_told_dead_without_a_word_being_written(archive, rights):
    place = jobs.folder(archive, "tiny")
    place.mkdir(parents=True)
    jobs._write(archive, jobs.Status("tiny", "running", pid=2**22 + 1))
    (place / "log.txt").write_text("cannot read /home/me/prompts.jsonl")
    before = state(archive.root)
    archive = rights()
    seen = jobs.status(archive, "tiny")
    assert (seen.state, seen.message) == ("crashed", "")
    assert state(archive.root) == before


@pytest.mark.parametrize("name", ["../studies/tiny", "..", "/etc", "", "a/b", "a\0b", ".hidden", "@../x"])
def test_job_names_lead_to_no_other_folder(archive, name):
    with pytest.raises(Fault):
        jobs.folder(archive, name)


# --- ways out of the archive ------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["../tables/x", "/etc/passwd", "..", "", "a/b", "a\\b", "a\0b", ".x"])
def test_keys_lead_to_no_other_file(archive, key):
    for way in (archive.path, archive.has, archive.read, archive.select):
        with pytest.raises(Fault):
            way("probes", key)


def test_a_record_with_a_crooked_key_reads_nothing(archive, rights):
    outside = archive.root.parent / "outside.parquet"
    pd.DataFrame({"prompt": [0], "text": ["stolen"], "category": [""], "reference": [None]}).to_parquet(outside)
    file = archive.root / "studies" / "tiny" / "record.json"
    plain = json.loads(file.read_text()) | {"probe_digest": "../../../outside"}
    file.write_text(json.dumps(plain))
    archive = rights()
    assert Results.open("tiny", archive).prompts.empty  # prompts lie under a digest of what the record says
    plain = json.loads(file.read_text()) | {"scalars": "../../../outside"}
    file.write_text(json.dumps(plain))
    with pytest.raises(Fault, match="names no result"):
        Results.open("tiny", archive).table("behaviour")


def test_sql_reaches_results_only(archive, rights):
    archive = rights()
    outside = archive.root.parent / "outside.csv"
    outside.write_text("a\n1\n")
    shutil.copy(outside, archive.root / "studies" / "tiny" / "measures.csv")
    study = archive.root / "studies" / "tiny"
    up = archive.root / SCHEMA / ".." / "studies" / "tiny" / "record.json"
    beside = archive.root.parent / "cache-2" / "x.csv"
    for path in (outside, study / "measures.csv", up, beside, "/etc/passwd"):
        with pytest.raises(duckdb.Error, match=r"(?i)permission|disabled|not allowed"):
            archive.sql("SELECT * FROM read_csv($path)", {"path": str(path)})
    with pytest.raises(duckdb.Error):
        archive.sql("SET enable_external_access=true")
    with pytest.raises(duckdb.Error):
        archive.sql(f"COPY (SELECT 1) TO '{archive.root.parent}/written.csv'")
    assert not (archive.root.parent / "written.csv").exists()


@pytest.mark.parametrize("what", ["folder", "record", "study file", "studies"])
def test_links_to_other_studies_are_not_followed(archive, rights, tmp_path, what):
    folder = archive.root / "studies"
    away = tmp_path / "away"
    if what == "folder":
        shutil.move(folder / "secret", away)
        (folder / "secret").symlink_to(away)
    elif what == "studies":
        (folder / "up").symlink_to(folder)
    else:
        name = {"record": "record.json", "study file": "study.toml"}[what]
        shutil.move(folder / "secret" / name, away)
        (folder / "secret" / name).symlink_to(away)
    assert what == "studies" or "secret" in kept.names(archive)
    archive = rights()
    assert set(kept.names(archive)) == ({"tiny", "secret"} if what == "studies" else {"tiny"})
    for name in ("secret",) if what != "studies" else ("up", "up/tiny"):
        with pytest.raises(Fault, match="no study is called"):
            Results.open(name, archive)
    assert what == "studies" or kept.read(archive, "secret") is None


def test_results_that_are_links_out_of_the_archive_are_not_read(archive, rights, tmp_path):
    known = Results.open("tiny", archive).record
    file = archive.path("probes", known.probes_key)
    shutil.move(file, tmp_path / "elsewhere.parquet")
    file.symlink_to(tmp_path / "elsewhere.parquet")
    assert len(Results.open("tiny", archive).prompts) == 40
    archive = rights()
    assert Results.open("tiny", archive).prompts.empty
    assert not archive.has("probes", known.probes_key)
    assert archive.select("probes", known.probes_key) is None
    assert archive.scan("probes", pd.DataFrame({"key": [known.probes_key]})).empty


def test_an_archive_that_is_itself_reached_by_a_link_is_served(archive, tmp_path):
    (tmp_path / "link").symlink_to(archive.root)
    linked = Store(tmp_path / "link", Permissions(True, ("tiny",)))
    assert Results.open("tiny", linked).finished


# --- paths and prompts ------------------------------------------------------------------------------


def test_a_served_study_names_no_folder(archive, computed, rights, tmp_path):
    study, _ = computed
    whole = Results.open("tiny", archive)
    told = f"{study.series[0].path}/checkpoint-1/model.safetensors is cut off. Look into {study.model}."
    odd = whole.record.without(whole.record.nodes[-1], told)
    kept.keep(odd, archive)
    archive = rights()
    seen = Results.open("tiny", archive)
    assert seen.record.nodes[-1].finding == f"model.safetensors is cut off. Look into {Path(study.model).name}."
    everything = [repr(seen.record), repr(seen.study), str(seen.study.to_dict()), seen.table("checkpoints").to_csv()]
    for node in seen.record.nodes:  # each has a label and a name
        everything = [text.replace(node.path, "") for text in everything]
    for part in {str(study.model.parent), str(study.series[0].path.parent), str(Path(study.probes).parent), "/"}:
        assert not [text for text in everything if part in text]
    assert seen.study.model.name == study.model.name
    assert [one.name for one in seen.record.series] == [one.name for one in study.series]


def test_names_in_place_of_paths_change_no_key(archive, rights):
    whole = Results.open("tiny", archive)
    odd = whole.record.without(whole.record.nodes[-1], "/a/b is cut off")
    kept.keep(odd, archive)
    numbers = Results(odd, archive).table("velocities")
    archive = rights()
    seen = Results.open("tiny", archive)
    assert seen.record.digest == odd.digest
    assert replace(seen.record, scalars="x").digest == odd.digest
    assert assembly.named(seen.record) == assembly.named(odd)
    pd.testing.assert_frame_equal(seen.table("velocities"), numbers)
    assert len(numbers)


def call_private(archive, *kinds, text=None):
    file = archive.root / "studies" / "tiny" / "study.toml"
    file.write_text(text or file.read_text().replace("private = []", f"private = {list(kinds)}"))


def test_private_prompts_are_numbers_with_their_category(archive, rights):
    shown = Results.open("tiny", archive).prompts
    call_private(archive, "prompts")
    assert Results.open("tiny", archive).prompts["text"].tolist() == shown["text"].tolist()  # to their owner
    archive = rights()
    seen = Results.open("tiny", archive).prompts
    assert seen["text"].tolist() == [f"prompt {k} (private)" for k in range(40)]
    assert seen["category"].tolist() == shown["category"].tolist()
    assert seen["reference"].isna().all()
    assert Results.open("tiny", archive).study.private == ("prompts",)


def test_the_word_filter_does_not_tell_what_private_prompts_say(archive, rights):
    assert len(chosen(Results.open("tiny", archive).prompts, range(40), Lens(text="number"))) == 40
    call_private(archive, "prompts")
    archive = rights()
    seen = Results.open("tiny", archive)
    assert len(chosen(seen.prompts, range(40), Lens(text="number"))) == 0
    assert len(chosen(seen.prompts, range(40), Lens(text="private"))) == 40
    assert len(seen.explore("helpful", 1, 1, Lens(text="private")).rows) == 40


@pytest.mark.parametrize("text", ["private = 7", "not toml [", 'model = "x"\nprivate = ["promts"]', "\0"])
def test_a_study_file_nobody_understands_hides_everything(archive, rights, text):
    call_private(archive, text=text)
    archive = rights()
    assert Results.open("tiny", archive).study.private == permissions.KINDS
    assert Results.open("tiny", archive).prompts["text"].str.contains("private").all()


def test_private_by_the_record_or_by_the_server(archive, rights):
    archive = rights(private=frozenset({"prompts"}))
    assert Results.open("tiny", archive).prompts["text"].iloc[3] == "prompt 3 (private)"
    file = archive.root / "studies" / "tiny" / "record.json"
    plain = json.loads(file.read_text())
    plain["study"]["private"] = ["prompts"]
    file.write_text(json.dumps(plain))
    archive = rights()
    assert Results.open("tiny", archive).prompts["text"].iloc[3] == "prompt 3 (private)"


def test_calling_something_private_asks_for_nothing_to_be_computed(archive, computed, tmp_path):
    study, _ = computed
    before = Results.open("tiny", archive)
    path = study.with_(private=("prompts",)).write(tmp_path / "tiny.toml")
    after = Results.open(path, archive)
    assert after.study.private == ("prompts",)
    assert after.record.digest == before.record.digest
    assert after.finished


def test_private_in_the_study_file(tmp_path):
    with pytest.raises(Fault, match="private = 'names' is unknown"):
        Study("a", tmp_path, private=("names",))
    study = Study("a", tmp_path, private="prompts")
    assert study.private == ("prompts",)
    assert Study.read(study.write(tmp_path / "a.toml")) == study
    with pytest.raises(Fault, match="no name of a study"):
        Study("a", tmp_path, beside=("../b",))


# --- a process of its own ---------------------------------------------------------------------------


def test_a_server_started_read_only_is_and_stays_so(archive):
    code = (
        "import os\n"
        "from pages.parts import data\nfrom phcore import Fault\nfrom phcore.export.results import Results\n"
        "from phcore.study.kept import names\n"
        "assert data.read_only()\n"
        "os.environ['PHCORE_STUDIES'] = 'secret'\n"  # too late
        "store = data.store()\nprint(names(store), repr(data.open_study('tiny').study.model))\n"
        "del os.environ['PHCORE_STUDIES']\nassert data.roots() == []\n"
        "try: data.open_study('secret')\n"
        "except Fault as fault: print(fault)\n"
        "try: data.store().write('cells', 'k', None)\n"
        "except Fault as fault: print(fault)\n"
    )
    given = os.environ | {"PHCORE_STUDIES": "tiny", "PHCORE_CACHE": str(archive.root)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=given, capture_output=True, text=True, check=True)
    first, second, third = done.stdout.strip().split("\n")
    assert first.startswith("['tiny'] PosixPath(")
    assert "/" not in first
    assert second.startswith("no study is called 'secret'")
    assert third.startswith(REFUSED)


# --- accounts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "allow", "expected"),
    [
        ({"email": "a@x.org", "email_verified": True}, "a@x.org", True),
        ({"email": " A@X.org "}, "b@x.org, a@x.org", True),
        ({"email": "a@x.org"}, "@x.org", True),
        ({"email": "a@x.org", "email_verified": False}, "@x.org", False),
        ({"email": "a@evil-x.org"}, "@x.org", False),
        ({"email": "a@x.org.evil.com"}, "@x.org", False),
        ({"email": "a@x.org@evil.com"}, "@x.org", False),
        ({"email": "a@evil.com,a@x.org"}, "@x.org", False),
        ({"email": ""}, "", False),
        ({}, "@x.org", False),
        ({"email": None}, "@", False),
        ({"email": "x.org"}, "x.org", False),
        ({"sub": "1"}, "*", True),
        ({"email": "a@x.org"}, "", False),
    ],
)
def test_who_is_admitted(claims, allow, expected):
    assert permissions.admits(claims, permissions.allowed({"PHCORE_ALLOW": allow})) is expected


def test_nobody_is_admitted_where_nobody_was_named():
    assert not permissions.admits({"email": "a@x.org"}, permissions.allowed({}))


# --- what leaves as a file ------------------------------------------------------------------------------


def test_a_read_only_process_packs_and_opens_nothing(archive, rights, tmp_path):
    results = Results.open("tiny", archive)
    sent = pack(results, tmp_path / "sent.zip").path
    before = state(archive.root)
    archive = rights()
    with pytest.raises(Fault, match=REFUSED):
        pack(Results.open("tiny", archive), tmp_path / "again.zip")
    with pytest.raises(Fault, match=REFUSED):
        unpack(sent, archive, "other")
    assert state(archive.root) == before
    assert not (tmp_path / "again.zip").exists()


def written(asked, *_) -> dict[str, bytes]:
    return {"svg": (str(asked.spec) + str(json.loads(asked.data))).encode()}


def test_reports_and_figures_hold_no_private_prompt_and_no_path(archive, rights, computed, monkeypatch):
    texts = Results.open("tiny", archive).prompts["text"].tolist()
    folders = (str(computed[0].model), str(archive.root), str(computed[0].series[0].path.parent))
    archive = rights(private=frozenset({"prompts"}))
    results = Results.open("tiny", archive)
    # What is drawn is searched before it is drawn: its words, and every row of its tables.
    monkeypatch.setattr("phcore.export.bundle.drawn", written)
    page = render(results)
    assert "private" in page
    with zipfile.ZipFile(io.BytesIO(bundle(results))) as made:
        names = [name for name in made.namelist() if name.endswith((".csv", ".json", ".toml", ".txt", ".svg"))]
        plain = [made.read(name).decode() for name in names]
    for text in (page, *plain):
        assert not any(prompt in text for prompt in texts)
        assert not any(folder in text for folder in folders)
