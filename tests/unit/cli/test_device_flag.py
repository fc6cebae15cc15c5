"""--device, and what goes before what."""

import pytest

from phcore.cli.main import main
from phcore.study import devices
from tests import studies

FINETUNE = ["finetune", "BASE", "PLACE", "--objective=a=none.jsonl", "--max-tokens=64"]


@pytest.mark.parametrize("command", [["compute", "STUDY"], ["estimate", "STUDY"], ["practice", "PLACE"], FINETUNE])
@pytest.mark.parametrize("way", ["flag", "environment", "study file"])
def test_a_device_that_is_not_there_is_said_before_anything_is_read(
    command, way, llama, tmp_path, monkeypatch, capsys
):  # fmt: skip
    if command[0] in ("practice", "finetune") and way == "study file":
        pytest.skip("training has no study")
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(devices.DEVICE, {"flag": "cpu", "environment": "cuda", "study file": ""}[way])
    asked = studies.build_study(tmp_path, llama, device="cuda" if way == "study file" else "cpu")
    words = {"STUDY": str(asked.write(tmp_path / "tiny.toml")), "PLACE": str(tmp_path / "practice"), "BASE": str(llama)}
    flags = ["--device", "cuda"] if way == "flag" else []
    assert main([*(words.get(one, one) for one in command), *flags]) == 1
    told = capsys.readouterr().err
    assert "there is no NVIDIA GPU (cuda) that PyTorch can use here. Choose another with --device" in told
    assert not (tmp_path / "practice").exists()


def test_a_flag_that_names_no_device(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path))
    assert main(["practice", str(tmp_path / "x"), "--device", "gpu"]) == 1
    assert "--device = 'gpu' is no device" in capsys.readouterr().err
