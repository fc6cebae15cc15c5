"""A study whose checkpoints and archive lie in a bucket, over a real connection to an S3-compatible server."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from phcore import Study
from phcore.archive.addresses import address_of, local
from phcore.archive.store import Store
from phcore.cli.main import main
from phcore.formatting import mirror
from phcore.pipeline import follow as following
from phcore.pipeline.reading import Cancelled
from phcore.study.resolve import resolve
from tests import buckets, studies

ROOT = Path(__file__).resolve().parents[3]


def results(address: str) -> dict[str, bytes]:
    return {name: data for name, data in buckets.held(address).items() if name.startswith("v2/")}


def on_disk(root: Path) -> dict[str, bytes]:
    return {one.relative_to(root).as_posix(): one.read_bytes() for one in root.rglob("*.parquet")}


@pytest.fixture
def here(llama, tmp_path):
    """A small study of folders on this machine: the base and one checkpoint."""
    study = studies.build_few(tmp_path, llama, "helpful", name="mine")
    return study.with_(series=[replace(study.series[0], left_out=("checkpoint-2", "checkpoint-4"))])


@pytest.fixture
def far(s3, here, llama, tmp_path, monkeypatch):
    """The bucket that holds the study's checkpoints and its archive; mine.toml says so."""
    bucket = f"s3://{s3}"
    buckets.put(llama, f"{bucket}/base")
    buckets.put(tmp_path / "runs" / "helpful", f"{bucket}/runs/helpful")
    monkeypatch.setenv("PHCORE_CACHE", f"{bucket}/archive")
    monkeypatch.chdir(tmp_path)
    series = tuple(replace(one, path=local(f"{bucket}/runs/{one.name}")) for one in here.series)
    here.with_(model=f"{bucket}/base", series=series).write(tmp_path / "mine.toml")
    return bucket


def said(capsys, *command: str) -> str:
    """What a command says, none of it the mirror's place."""
    capsys.readouterr()
    assert main([*command]) == 0
    words = capsys.readouterr()
    assert str(mirror()) not in words.out + words.err
    return words.out + words.err


def test_a_study_in_a_bucket_is_the_study_on_a_disk(far, here, tmp_path, monkeypatch, capsys):
    assert f'model = "{far}/base"' in Path("mine.toml").read_text()
    told = said(capsys, "scan", f"{far}/runs", "--model", f"{far}/base")
    assert f"to bring from {far}/runs." in told
    assert f"helpful (objective helpful, seed 0)  {far}/runs/helpful" in told
    assert f'"path": "{far}/runs/helpful/checkpoint-1"' in said(capsys, "scan", f"{far}/runs", "--quick", "--json")
    assert "Finished: study mine" in said(capsys, "compute", "mine.toml", "--workers", "1")

    near = Store(tmp_path / "near")
    studies.compute(here, near)
    assert results(f"{far}/archive") == on_disk(near.root)
    record = buckets.held(f"{far}/archive")["studies/mine/record.json"].decode()
    assert f'"{far}/runs/helpful/checkpoint-1"' in record
    assert str(tmp_path) not in record.replace(here.probes, "")

    before = buckets.system().find(f"{far}/archive", detail=True)
    assert "Nothing was missing" in said(capsys, "compute", "mine.toml", "--workers", "1")
    assert buckets.system().find(f"{far}/archive", detail=True) == before

    # Another machine, that has nothing yet and may only read.
    monkeypatch.setenv("PHCORE_MIRROR", str(tmp_path / "other"))
    monkeypatch.setenv("PHCORE_READ_ONLY", "1")
    assert "mine  complete" in said(capsys, "studies")
    shown = said(capsys, "tables", "mine", "velocities")
    monkeypatch.setenv("PHCORE_CACHE", str(near.root))
    assert said(capsys, "tables", "mine", "velocities") == shown
    assert "helpful" in shown
    assert not list((tmp_path / "other").rglob("*.safetensors"))


def test_a_place_that_no_root_names_is_not_asked(far, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PHCORE_ROOTS", str(tmp_path))
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    assert main(["compute", "mine.toml"]) == 1
    assert f"{far}/base: nothing is asked of this place" in capsys.readouterr().err
    assert not mirror().exists()


def test_a_checkpoint_that_is_uploaded_meanwhile_is_followed(far, s3, tmp_path, monkeypatch):
    monkeypatch.setattr(following, "plan", lambda *_: type("", (), {"empty": True}))
    run, store = tmp_path / "runs" / "helpful", Store(tmp_path / "cache")
    system = buckets.system()
    system.rm(f"{s3}/runs/helpful", recursive=True)
    said, computed = [], []

    def upload(step: int, *names: str) -> None:
        for name in names:
            system.put_file(str(run / f"checkpoint-{step}" / name), f"{s3}/runs/helpful/checkpoint-{step}/{name}")

    def quiet() -> None:
        monkeypatch.setattr(following, "SETTLED", -1.0)

    both = ("adapter_config.json", "adapter_model.safetensors")
    events = [lambda: upload(1, *both), quiet, lambda: upload(2, *both[:1]), lambda: upload(2, *both[1:])]

    def cancelled() -> bool:
        if not events:
            return True
        events.pop(0)()
        return False

    def compute(record):
        computed.append([node.step for node in record.path_of("helpful")])
        return record

    study = Study.read("mine.toml")
    study = study.with_(series=[replace(study.series[0], left_out=())])

    def look():
        return resolve(study, store, keep=False, roots=[local(far)])

    with pytest.raises(Cancelled):
        following.follow(look, compute, store, said.append, cancelled, every=0.01)
    assert computed == [[0], [0, 1], [0, 1, 2]]  # the base while the first is uploaded
    assert "one more being written" in said[1]


@pytest.mark.long
def test_a_computation_that_is_killed_loses_nothing(far, here, far_work, tmp_path):
    """Killed while results are on the disk that the bucket does not have yet."""
    command = [sys.executable, "-m", "phcore", "compute", str(tmp_path / "mine.toml"), "--workers", "1"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    root = Store().root
    assert address_of(root, "archives") == f"{far}/archive"
    ends = time.monotonic() + 300
    while time.monotonic() < ends and process.poll() is None and len(on_disk(root)) < 12:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    made = {name: data for name, data in on_disk(root).items() if not Path(name).name.startswith(".")}
    assert made.keys() - results(f"{far}/archive").keys()
    subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    near = Store(tmp_path / "near")
    studies.compute(here, near)
    assert results(f"{far}/archive") == on_disk(near.root)


@pytest.mark.long
def test_another_machine_goes_on_from_what_the_bucket_holds(far, here, tmp_path, monkeypatch, capsys):
    said(capsys, "compute", "mine.toml", "--workers", "1")
    monkeypatch.setenv("PHCORE_MIRROR", str(tmp_path / "other"))
    Study.read("mine.toml").with_(norm=1.0).write(tmp_path / "mine.toml")
    told = said(capsys, "compute", "mine.toml", "--workers", "1")
    assert "Finished: study mine" in told
    assert "Hidden states" not in told
    assert len(on_disk(Store().root)) < len(results(f"{far}/archive")) / 2  # what is made now is made of
    near = Store(tmp_path / "near")
    for study in (here, here.with_(norm=1.0)):
        studies.compute(study, near)
    assert results(f"{far}/archive") == on_disk(near.root)
