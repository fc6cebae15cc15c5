"""Which device is asked for: the spelling, and which of several wishes counts. Whether it is there: activations/."""

import pytest

from phcore import devices
from phcore.cli.main import main
from phcore.errors import Fault
from phcore.study import Series, Study
from phcore.study.record import Node, Record
from tests import studies

NAMES = ("auto", "cpu", "cuda", "cuda:0", "cuda:12", "mps")


@pytest.fixture
def unset(monkeypatch):
    monkeypatch.delenv(devices.DEVICE, raising=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_study_takes_the_names_there_are(name, tmp_path):
    study = Study("a", tmp_path, device=name)
    assert Study.read(study.write(tmp_path / "a.toml")).device == name


@pytest.mark.parametrize("name", ["", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:1 ", "cuda:0,1", "meta", 1, None])
def test_and_no_other(name, tmp_path):
    with pytest.raises(Fault, match="is no device"):
        Study("a", tmp_path, device=name)


def test_the_environment_goes_before_the_study(unset, monkeypatch):
    assert devices.wanted() == "auto"
    assert devices.wanted("cuda:1") == "cuda:1"
    monkeypatch.setenv(devices.DEVICE, "cpu")
    assert devices.wanted("cuda:1") == "cpu"
    monkeypatch.setenv(devices.DEVICE, "")
    assert devices.wanted("cuda:1") == "cuda:1"
    monkeypatch.setenv(devices.DEVICE, "fast")
    with pytest.raises(Fault, match=r"PHCORE_DEVICE = 'fast' is no device. Choose one of auto"):
        devices.wanted()


def test_no_key_depends_on_it(tmp_path):
    """The same numbers but for rounding: what one machine has computed, another finds."""

    def keys(device):
        study = Study("a", tmp_path, (Series("s", tmp_path / "s"),), device=device)
        base, last = Node("base", 0, "base", "b", 1, "ready", "", "f"), Node("s", 1, "full", "c", 1, "ready", "", "g")
        record = Record(study, (1,), 2, 8, 4, "p", "t", (base, last))
        pair = record.velocity_key(base, last, 1), record.numerics_key(last, 1, "batches"), record.scores_key(last)
        return record.digest, record.cell_key(base, 1), record.sensitivity_key((base, last), 1), *pair

    assert len({keys(name) for name in NAMES}) == 1


@pytest.mark.parametrize("command", [["compute", "STUDY"], ["estimate", "STUDY"], ["practice", "PLACE"]])
@pytest.mark.parametrize("way", ["flag", "environment", "study file"])
def test_a_device_that_is_not_there_is_said_before_anything_is_read(
    command, way, llama, tmp_path, monkeypatch, capsys
):  # fmt: skip
    if (command[0], way) == ("practice", "study file"):
        pytest.skip("practice runs have no study")
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(devices.DEVICE, {"flag": "cpu", "environment": "cuda", "study file": ""}[way])
    asked = studies.build_study(tmp_path, llama, device="cuda" if way == "study file" else "cpu")
    words = {"STUDY": str(asked.write(tmp_path / "tiny.toml")), "PLACE": str(tmp_path / "practice")}
    flags = ["--device", "cuda"] if way == "flag" else []
    assert main([*(words.get(one, one) for one in command), *flags]) == 1
    told = capsys.readouterr().err
    assert "there is no NVIDIA GPU (cuda) that PyTorch can use here. Choose another with --device" in told
    assert not (tmp_path / "practice").exists()


def test_a_flag_that_names_no_device(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path))
    assert main(["practice", str(tmp_path / "x"), "--device", "gpu"]) == 1
    assert "--device = 'gpu' is no device" in capsys.readouterr().err
