"""Which device is asked for: the spelling, and which of several wishes counts. Whether it is there: activations/."""

import pytest

from phcore.errors import Fault
from phcore.stages.registry import keys_of
from phcore.study import Series, Study, devices
from phcore.study.record import Node, Record

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
        return record.digest, keys_of(record).study

    assert len({keys(name) for name in NAMES}) == 1
