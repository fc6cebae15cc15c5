"""A study whose checkpoints lie in a bucket and whose archive lies in another, over a real connection."""

from pathlib import Path

import pytest

from phcore.archive.store import Store
from phcore.cli.main import main
from phcore.formatting import mirror
from tests import buckets, studies


def results(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name.startswith("v2/")}


def on_disk(root: Path) -> dict[str, bytes]:
    return {one.relative_to(root).as_posix(): one.read_bytes() for one in root.rglob("*.parquet")}


@pytest.fixture
def far(s3, llama, tmp_path, monkeypatch):
    """A small study, here and with all its checkpoints in a bucket; the archive is in the bucket."""
    study = studies.build_few(tmp_path, llama, "helpful", "full", name="mine")
    buckets.put(llama, f"s3://{s3}/base")
    buckets.put(tmp_path / "runs", f"s3://{s3}/runs")
    there = tuple(type(one)(one.name, f"s3://{s3}/runs/{one.name}") for one in study.series)
    monkeypatch.setenv("PHCORE_CACHE", f"s3://{s3}/archive")
    monkeypatch.chdir(tmp_path)
    study.with_(model=f"s3://{s3}/base", series=there).write(tmp_path / "mine.toml")
    return study, f"s3://{s3}"


def test_a_study_in_a_bucket_is_the_study_on_a_disk(far, tmp_path, monkeypatch, capsys):
    study, bucket = far
    text = Path("mine.toml").read_text()
    assert f'model = "{bucket}/base"' in text
    assert str(mirror()) not in text
    assert main(["scan", f"{bucket}/runs", "--model", f"{bucket}/base"]) == 0
    said = capsys.readouterr()
    assert f"{bucket}/runs/helpful" in said.out
    assert "to bring from" in said.err
    assert main(["compute", "mine.toml", "--workers", "1"]) == 0
    said = capsys.readouterr()
    assert str(mirror()) not in said.out + said.err

    near = Store(tmp_path / "near")
    studies.compute(study, near)
    archive = buckets.held(f"{bucket}/archive")
    assert results(archive) == on_disk(near.root)
    assert str(mirror()).encode() not in archive["studies/mine/record.json"]
    assert f'"{bucket}/runs/helpful/checkpoint-1"'.encode() in archive["studies/mine/record.json"]

    assert main(["compute", "mine.toml", "--workers", "1"]) == 0
    assert "Nothing was missing" in capsys.readouterr().out

    # Another machine, that has nothing yet and may only read.
    monkeypatch.setenv("PHCORE_MIRROR", str(tmp_path / "other"))
    monkeypatch.setenv("PHCORE_READ_ONLY", "1")
    assert main(["studies"]) == 0
    assert "mine  complete" in capsys.readouterr().out
    assert main(["tables", "mine", "velocities"]) == 0
    shown = capsys.readouterr().out
    monkeypatch.setenv("PHCORE_CACHE", str(near.root))
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    assert main(["tables", "mine", "velocities"]) == 0
    assert capsys.readouterr().out == shown
    assert not list((tmp_path / "other").rglob("*.safetensors"))
