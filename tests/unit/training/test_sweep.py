"""Sweeps by the command: trained, computed, concluded, and gone on with."""

import pytest

from phcore.archive import writing
from phcore.cli.main import main
from phcore.study import Study
from tests import studies


@pytest.fixture
def words(base, talk, tmp_path, monkeypatch):
    """What a small sweep is asked for; it is run where its study file may be written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    probes = studies.write_probes(tmp_path / "probes.jsonl", 24)
    told = ["sweep", str(base), str(tmp_path / "runs"), "--rates=1e-2,1e-3", "--seeds=2", "--steps=4",
            "--schedule=1,2,4", "--batch=2", "--held-out=4", "--max-tokens=128", "--rank=2", "--name=many",
            "--layers=1", "--subsamples=4", f"--probes={probes}", "--workers=1"]  # fmt: skip
    return told + [f"--objective={name}={file}" for name, file in talk.items()]


@pytest.mark.long
def test_a_sweep_ends_in_what_early_movement_told(words, tmp_path, capsys):
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "Finished: study many." in out
    assert "H1 velocity in the first third of the checkpoints, and the end of each run:" in out
    assert "8 runs" in out
    study = Study.read(tmp_path / "many.toml")
    assert sorted({one.objective for one in study.series}) == [
        "harmless-lr1e-2", "harmless-lr1e-3", "helpful-lr1e-2", "helpful-lr1e-3"
    ]  # fmt: skip
    assert (study.layers, study.subsamples) == ((1,), 4)
    # Other runs do not become this study.
    elsewhere = [str(tmp_path / "others") if one == str(tmp_path / "runs") else one for one in words]
    (tmp_path / "many.toml").rename(tmp_path / "kept.toml")
    assert main(elsewhere) != 0
    assert "another study is called many" in capsys.readouterr().err
    assert not (tmp_path / "others").exists()
    (tmp_path / "kept.toml").rename(tmp_path / "many.toml")
    # The same command finds everything done, and says the same.
    assert main(words) == 0
    again = capsys.readouterr().out
    assert "Nothing was missing: study many." in again
    assert again.splitlines()[1:] == out.splitlines()[1:]


def test_what_cannot_be_used_is_said_before_anything_is_trained(words, tmp_path, capsys):
    (tmp_path / "many.toml").write_text('name = "another"')
    assert main(words) != 0
    assert "this file says something else" in capsys.readouterr().err
    (tmp_path / "many.toml").unlink()
    for wrong, said in (("--rates=fast", "are no numbers"), ("--rates=", "names no learning rate"),
                        ("--probes=nowhere.jsonl", "nowhere.jsonl"), ("--layers=99", "99")):  # fmt: skip
        assert main([*words, wrong]) != 0
        assert said in capsys.readouterr().err
    for wrong, said in (("--rates=nan", "rate = nan"), ("--rates=-1", "rate = -1.0"), ("--steps=0", "steps = 0"),
                        ("--rates=1e300", "rate is larger"), ("--schedule=9", "after the last")):  # fmt: skip
        assert main([*words, wrong]) == 1
        assert said in capsys.readouterr().err
        assert not (tmp_path / "many.toml").exists()  # which would refuse the words that are right
    assert not (tmp_path / "runs").exists()


def test_a_study_file_is_whole_or_not_there(words, tmp_path, capsys, monkeypatch):
    """Half of one, left by a kill or a full disk, would be called something else by the same command for ever."""
    monkeypatch.setattr(writing.os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert main(words) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert not (tmp_path / "many.toml").exists()


def test_a_dry_run_writes_nothing(words, tmp_path, capsys):
    assert main([*words, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "8 runs" in out
    assert "helpful-lr1e-3-seed1" in out
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "many.toml").exists()
