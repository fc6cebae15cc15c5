"""The shell: every command, its output and its exit code."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from phcore.stages.tables import COLUMNS

from phcore.cli.main import main
from tests import models, studies


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
    assert set(broken) == {"step", "kind", "path", "size", "status", "finding"}
    assert main(["scan", str(runs)]) == 0
    assert "damaged" in capsys.readouterr().out


def test_scan_of_nothing_says_what_a_series_is(tmp_path, capsys):
    assert main(["scan", str(tmp_path)]) == 0
    assert "No checkpoints here" in capsys.readouterr().out


def test_new_writes_a_study_file_that_computes(runs, llama, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    target = tmp_path / "mine.toml"
    probes = studies.write_probes(tmp_path / "probes.jsonl", 12)
    assert main(["new", str(runs), "--model", str(llama), "--probes", str(probes), "-o", str(target)]) == 0
    target.write_text(target.read_text().replace("subsamples = 64", "subsamples = 3"))
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


def test_studies_lists_what_is_there(archive, capsys):
    assert main(["studies", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["study"] == "tiny"
    assert row["complete"] is True
    assert row["steps"]["helpful"] == [0, 1, 2, 4]


@pytest.mark.parametrize("name", COLUMNS)
def test_tables_as_csv_json_and_parquet(archive, tmp_path, capsysbinary, name):
    assert main(["tables", "tiny", name]) == 0
    text = pd.read_csv(io.BytesIO(capsysbinary.readouterr().out))
    assert list(text.columns) == list(COLUMNS[name])
    assert main(["tables", "tiny", name, "--format", "json"]) == 0
    records = json.loads(capsysbinary.readouterr().out)
    assert main(["tables", "tiny", name, "--format", "parquet", "-o", str(tmp_path / "t.parquet")]) == 0
    parquet = pd.read_parquet(tmp_path / "t.parquet")
    assert len(text) == len(records) == len(parquet)
    assert len(text) or name == "runs"  # one run per objective


def test_an_infinite_order_survives_json(llama, tmp_path, monkeypatch, capsysbinary):
    from phcore.archive.store import Store

    study = studies.build_study(tmp_path, llama, order=float("inf"), subsamples=2)
    studies.compute(study, Store(tmp_path / "cache"))
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    assert main(["tables", "tiny", "velocities", "--format", "json"]) == 0
    assert {one["order"] for one in json.loads(capsysbinary.readouterr().out)} == {1, 2, "inf"}


def test_tables_without_a_name_lists_them(archive, capsys):
    assert main(["tables", "tiny"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in COLUMNS)


def test_clouds_are_written_as_numpy(archive, tmp_path):
    target = tmp_path / "clouds.npy"
    assert main(["clouds", "tiny", "--series", "helpful", "--step", "2", "-o", str(target)]) == 0
    array = np.load(target)
    assert array.shape == (3, 40, array.shape[2])
    assert array.dtype == np.float32


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


@pytest.mark.parametrize("command", ["scan", "new", "estimate", "compute", "studies", "tables", "clouds", "practice"])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "usage" in capsys.readouterr().out


def test_adapters_on_another_base_are_mismatches(tmp_path, llama, capsys):
    other = models.build_model(tmp_path / "other", "llama", hidden_size=48)
    models.build_adapter(tmp_path / "runs" / "helpful" / "checkpoint-1", other)
    assert main(["scan", str(tmp_path / "runs"), "--model", str(llama), "--json"]) == 0
    ((series),) = json.loads(capsys.readouterr().out)
    assert series["checkpoints"][0]["status"] == "mismatch"
