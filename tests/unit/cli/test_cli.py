"""The shell: every command, its output and its exit code."""

import dataclasses
import io
import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phcore.archive.store import Store
from phcore.cli.main import COMMANDS, main, parser
from phcore.stages.registry import tables
from phcore.study import kept
from tests import models, studies

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def archive(computed, monkeypatch):
    monkeypatch.setenv("PHCORE_CACHE", str(computed[1]))
    return computed[1]


@pytest.fixture
def runs(tmp_path, llama):
    return studies.build_runs(tmp_path / "runs", llama)


def test_scan_lists_series_and_findings(runs, llama, capsys):
    assert main(["scan", str(runs), "--model", str(llama), "--json"]) == 0
    found = {one["series"]: one for one in json.loads(capsys.readouterr().out)}
    assert set(found) == {"helpful", "harmless", "full"}
    assert [one["step"] for one in found["helpful"]["checkpoints"]] == [1, 2, 4]
    assert {one["status"] for one in found["helpful"]["checkpoints"]} == {"ready"}
    broken = found["harmless"]["checkpoints"][-1]
    assert (broken["step"], broken["status"]) == (4, "damaged")
    assert broken["finding"]
    assert set(broken) == {"step", "kind", "path", "folder", "size", "status", "finding", "note"}
    assert main(["scan", str(runs)]) == 0
    assert "damaged" in capsys.readouterr().out


def test_what_is_left_out_is_said_at_once(tmp_path, llama, capsys):
    run = studies.build_runs(tmp_path / "runs", llama, "helpful") / "helpful"
    (run / "checkpoint-4").rename(run / "best")
    shutil.copytree(run / "checkpoint-2", run / "last")
    study = tmp_path / "mine.toml"
    assert main(["new", str(tmp_path / "runs"), "--model", str(llama), "-o", str(study)]) == 0
    said = capsys.readouterr().err
    assert "best: Its folder tells no step" in said
    assert "last: It holds the same weights as checkpoint-2" in said
    assert main(["scan", str(tmp_path / "runs"), "--model", str(llama)]) == 0
    assert "unplaced" in capsys.readouterr().out


def test_a_terminal_obeys_no_name(tmp_path, llama, hostile, monkeypatch, capsys):
    name = studies.HOSTILE.replace("/", "") + "\n\r\x9b1m"
    studies.build_runs(tmp_path / "runs", llama)
    (tmp_path / "runs" / "helpful").rename(tmp_path / "runs" / name)
    monkeypatch.setenv("PHCORE_CACHE", str(hostile))
    capsys.readouterr()  # what saving models has said
    for words in (["scan", str(tmp_path / "runs")], ["scan", str(tmp_path / "runs"), "--json"], ["studies"],
                  ["studies", "--json"], ["findings", "hostile"], ["findings", "hostile", "--json"],
                  ["clouds", "hostile", "--series", name, "--step", "1", "-o", str(tmp_path / "c.npy")]):  # fmt: skip
        main(words)
        said = capsys.readouterr()
        told = (said.out + said.err).replace("\n", "")
        assert "evil" in told
        assert not [letter for letter in told if not letter.isprintable()], words


def test_every_command_speaks_through_one_function():
    """Which lets no letter through that works unseen. The lines of progress are made of visible words, too."""
    for path in sorted((ROOT / "phcore" / "cli").glob("*.py")):
        printed = path.read_text(encoding="utf-8").count("print(")
        assert printed == {"command.py": 2, "computing.py": 3}.get(path.name, 0), path


def test_scan_of_nothing_says_what_a_series_is(tmp_path, capsys):
    assert main(["scan", str(tmp_path)]) == 0
    assert "No checkpoints here" in capsys.readouterr().out


def test_new_writes_a_study_file_that_computes(runs, llama, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    target = tmp_path / "mine.toml"
    probes = studies.write_probes(tmp_path / "probes.jsonl", 12)
    assert main(["new", str(runs), "--model", str(llama), "--probes", str(probes), "-o", str(target)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == str(target)
    assert "Study runs, series full, harmless, helpful. Next:" in told[1]
    assert told[1].endswith(f" estimate {target}")
    target.write_text(
        target.read_text().replace("subsamples = 64", "subsamples = 3").replace("layers = ", "layers = [1]  # ")
    )
    assert main(["estimate", str(target), "--workers", "1"]) == 0
    assert "checkpoints to read" in capsys.readouterr().out
    assert main(["studies"]) == 0
    assert capsys.readouterr().out == ""  # an estimate leaves no study behind
    assert main(["compute", str(target), "--workers", "1"]) == 0
    told = capsys.readouterr()
    assert "Finished: study runs" in told.out
    assert "left out: harmless, step 4" in told.err
    assert main(["compute", "runs", "--workers", "1"]) == 0
    assert "Nothing was missing" in capsys.readouterr().out
    assert main(["estimate", str(target)]) == 0
    assert "computed already" in capsys.readouterr().out


def test_new_writes_over_nothing_that_was_edited(runs, llama, tmp_path, capsys):
    target = tmp_path / "mine.toml"
    words = ["new", str(runs), "--model", str(llama), "-o", str(target)]
    assert main(words) == 0
    assert main(words) == 0  # the same again
    edited = target.read_text().replace("subsamples = 64", "subsamples = 3")
    target.write_text(edited)
    assert main(words) == 1
    assert "--force" in capsys.readouterr().err
    assert target.read_text() == edited
    assert main([*words, "--force"]) == 0
    assert "subsamples = 64" in target.read_text()
    assert "order = 2.0" in target.read_text()
    assert main([*words, "--force", "--preset", "paper"]) == 0
    assert "order = 1.0" in target.read_text()
    assert "subsample_size = 160" in target.read_text()


@pytest.mark.parametrize(
    ("name", "content"), [("gone.jsonl", None), ("notes.txt", "What is a loop?"), ("empty.jsonl", '{"text": "no"}')]
)
def test_new_looks_at_the_probes_at_once(runs, llama, tmp_path, capsys, name, content):
    if content is not None:
        (tmp_path / name).write_text(content)
    target = tmp_path / "mine.toml"
    assert main(["new", str(runs), "--model", str(llama), "--probes", str(tmp_path / name), "-o", str(target)]) == 1
    assert name in capsys.readouterr().err
    assert not target.exists()


def test_studies_lists_what_is_there(archive, capsys):
    assert main(["studies", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["study"] == "tiny"
    assert row["complete"] is True
    assert row["steps"]["helpful"] == [0, 1, 2, 4]


@pytest.mark.parametrize("name", tables())
def test_tables_as_csv_json_and_parquet(archive, tmp_path, capsysbinary, name):
    assert main(["tables", "tiny", name]) == 0
    text = pd.read_csv(io.BytesIO(capsysbinary.readouterr().out))
    assert list(text.columns) == list(tables()[name].columns)
    assert main(["tables", "tiny", name, "--format", "json"]) == 0
    records = json.loads(capsysbinary.readouterr().out)
    assert main(["tables", "tiny", name, "--format", "parquet", "-o", str(tmp_path / "t.parquet")]) == 0
    parquet = pd.read_parquet(tmp_path / "t.parquet")
    assert len(text) == len(records) == len(parquet)
    assert len(text) or name in ("runs", "halfway")  # one run per objective, few checkpoints


@pytest.mark.parametrize(
    ("name", "more", "read"),
    [
        ("t.parquet", [], pd.read_parquet),
        ("t.PARQUET", [], pd.read_parquet),
        ("t.json", [], pd.read_json),
        ("t.csv", [], pd.read_csv),
        ("t.txt", [], pd.read_csv),
        ("t.csv", ["--format", "parquet"], pd.read_parquet),
    ],
)
def test_a_table_is_what_its_file_is_called(archive, tmp_path, name, more, read):
    assert main(["tables", "tiny", "cells", "-o", str(tmp_path / name), *more]) == 0
    assert list(read(tmp_path / name).columns) == list(tables()["cells"].columns)


@pytest.mark.parametrize(
    "words", [["tables", "tiny", "cells"], ["clouds", "tiny", "--series", "full", "--step", "2"]]
)  # fmt: skip
def test_a_missing_folder_is_a_sentence(archive, tmp_path, capsys, words):
    assert main([*words, "-o", str(tmp_path / "none" / "x.npy")]) == 1
    assert "cannot be written (No such file or directory)" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_infinite_order_survives_json(llama, tmp_path, monkeypatch, capsysbinary):
    from phcore.archive.store import Store

    study = studies.build_few(tmp_path, llama, "full", order=float("inf"), subsamples=2)
    studies.compute(study, Store(tmp_path / "cache"))
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    assert main(["tables", "tiny", "velocities", "--format", "json"]) == 0
    assert {one["order"] for one in json.loads(capsysbinary.readouterr().out)} == {1, 2, "inf"}


def test_tables_without_a_name_lists_them(archive, capsys):
    assert main(["tables", "tiny"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in tables())


def test_clouds_are_written_as_numpy(archive, tmp_path):
    target = tmp_path / "clouds.npy"
    assert main(["clouds", "tiny", "--series", "helpful", "--step", "2", "-o", str(target)]) == 0
    array = np.load(target)
    assert array.shape == (3, 40, array.shape[2])
    assert array.dtype == np.float32
    assert main(["clouds", "tiny", "--series", "helpful", "--step", "2", "--layer", "1", "-o", str(target)]) == 0
    np.testing.assert_array_equal(np.load(target), array[1:2])
    assert [one.name for one in tmp_path.iterdir()] == ["clouds.npy"]


def test_clouds_that_are_not_there_name_those_that_are(computed, tmp_path, monkeypatch, capsys):
    from phcore.export.results import Results
    from phcore.stages.registry import Place, keys_of

    shutil.copytree(computed[1], tmp_path / "cache")
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    results = Results.open("tiny")
    node = results.node("helpful", 2)
    for layer in (0, 2):
        key = keys_of(results.record).of("clouds", Place((node,), layer))
        results.store.path("clouds", key).unlink()
    words = ["clouds", "tiny", "--series", "helpful", "--step", "2", "-o", str(tmp_path / "x.npy")]
    assert main(words) == 1
    assert "layer 0 are not in this archive. Ask for layer 1, which is there." in capsys.readouterr().err
    assert main([*words, "--layer", "1"]) == 0


@pytest.mark.parametrize("words", [["findings", "runs"], ["report", "runs", "-o", "R"], ["figures", "runs", "-o", "F"]])
def test_what_was_never_computed_says_so(runs, llama, tmp_path, monkeypatch, capsys, words):
    from phcore.archive.store import Store
    from phcore.study.resolve import resolve

    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    resolve(studies.build_study(tmp_path, llama, name="runs"), Store())
    assert main([str(tmp_path / one) if one in "RF" else one for one in words]) == 1
    assert "nothing of runs has been computed yet" in capsys.readouterr().err


def test_figures_are_no_picture(archive, tmp_path, capsys):
    assert main(["figures", "tiny", "-o", str(tmp_path / "f.png")]) == 1
    assert "one zip. Call it f.zip." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tables", "nobody", "bars"], "no study is called"),
        (["tables", "tiny", "colours"], "no table 'colours'"),
        (["clouds", "tiny", "--series", "helpful", "--step", "3", "-o", "x.npy"], "no usable checkpoint at step 3"),
        (["clouds", "tiny", "--series", "who", "--step", "0", "-o", "x.npy"], "'who'"),
        (["compute", "nowhere.toml"], "no such study file"),
        (["scan", "/nowhere/at/all"], "nowhere"),
        (["new", "/tmp", "--model", "/nowhere/at/all"], "nowhere"),
    ],
)
def test_what_cannot_be_done_says_why(archive, capsys, arguments, words):
    assert main(arguments) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["tables"], ["tables", "tiny", "bars", "--format", "xls"], ["dance"]])
def test_wrong_usage_is_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.name)
def test_every_command_has_help_that_ends_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command.name, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "usage" in told
    line = told.splitlines()[-1]
    words = shlex.split(line.partition("phcore ")[2])
    assert line.startswith("example: python -m phcore ")
    assert parser().parse_args(words).run is command.run  # the example is one
    for names, how in command.arguments:
        assert how.get("help"), (command.name, names)


def test_a_console_command_shows_its_own_name(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["/usr/bin/toposcope", "scan"])
    with pytest.raises(SystemExit):
        main(["scan", "-h"])
    assert "example: toposcope scan /data/runs" in capsys.readouterr().out


def test_no_command_is_there_twice():
    names = [one.name for one in COMMANDS]
    assert len(names) == len(set(names))


def test_adapters_on_another_base_are_mismatches(tmp_path, llama, capsys):
    other = models.build_model(tmp_path / "other", "llama", hidden_size=48)
    models.build_adapter(tmp_path / "runs" / "helpful" / "checkpoint-1", other)
    assert main(["scan", str(tmp_path / "runs"), "--model", str(llama), "--json"]) == 0
    ((series),) = json.loads(capsys.readouterr().out)
    assert series["checkpoints"][0]["status"] == "mismatch"


def test_subsamples_that_overlap_are_said(computed, capsys):
    from phcore.cli.computing import _say_overlap

    record = kept.read(Store(computed[1]), "tiny")
    for size, words in ((20, ""), (30, "note: Subsamples of 30 out of 40 prompts overlap")):
        _say_overlap(dataclasses.replace(record, study=record.study.with_(subsample_size=size)))
        said = capsys.readouterr().err
        assert said.startswith(words)
        assert bool(said) == bool(words)


def test_a_folder_that_holds_the_base_beside_the_runs_makes_a_study_of_the_runs(tmp_path, llama, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    studies.build_runs(tmp_path / "all" / "runs", llama, "helpful")
    shutil.copytree(llama, tmp_path / "all" / "base")
    assert main(["new", "all", "--model", "all/base", "-o", "mine.toml"]) == 0
    said = capsys.readouterr()
    assert "series helpful. Next: " in said.out
    assert "base/ is the base model itself" in said.err
    assert main(["new", "all/runs", "--model", "all/runs", "-o", "other.toml"]) == 1
    assert "Pick the folder with config.json" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["", ".", "/", ".."])
@pytest.mark.parametrize(
    "words", ["tables tiny cells", "clouds tiny --series helpful --step 1", "pack tiny", "report tiny", "figures tiny"]
)
def test_a_place_that_can_be_no_file_is_a_sentence(archive, tmp_path, monkeypatch, capsys, words, target):
    monkeypatch.chdir(tmp_path)
    assert main([*words.split(), "-o", target]) == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_what_is_wrong_with_a_call_is_said_without_what_a_terminal_obeys(capsys):
    with pytest.raises(SystemExit) as end:
        main(["findings", "tiny", "\x1b[2J\u202e"])
    assert end.value.code == 2
    assert "␛[2J⟨U+202E⟩" in capsys.readouterr().err
