import shutil

import numpy as np
import psutil
import pytest
import safetensors
from peft.utils import save_and_load
from transformers import modeling_utils

from phcore import activations
from phcore.activations import weights
from tests.models import PROMPTS, build_adapter


def mapped(folder) -> list[str]:
    """Files of a folder that are mapped into this process."""
    return [one.path for one in psutil.Process().memory_maps() if one.path.startswith(str(folder))]


def test_what_was_loaded_stays_when_its_files_are_cut(llama, tmp_path):
    """As who saves over a checkpoint cuts them first: the process would end there if they were mapped."""
    base, adapter = shutil.copytree(llama, tmp_path / "base"), build_adapter(tmp_path / "adapter", llama)
    token_ids = activations.encode(base, PROMPTS[:3])
    with activations.Loader(base) as loader:
        model = loader.open(adapter, "adapter")
        before = activations.extract(model, token_ids, [1, 2]).clouds
        assert not mapped(tmp_path)
        for file in tmp_path.rglob("*.safetensors"):
            file.write_bytes(b"")
        after = activations.extract(model, token_ids, [1, 2]).clouds
    assert all(np.array_equal(before[layer], after[layer]) for layer in (1, 2))


@pytest.mark.parametrize("kind", ["base", "adapter"])
def test_nothing_is_mapped_while_it_is_loaded(llama, lora, monkeypatch, kind):
    """Of transformers, of PEFT and of this project: whatever is opened is opened as `stored` does."""
    opened = []

    def watched(file, *rest, **how):
        opened.append(how.get("backend"))
        return safetensors.safe_open(file, *rest, **how)

    for module in (weights, safetensors.torch):
        monkeypatch.setattr(module, "safe_open", watched)
    with activations.Loader(llama) as loader:
        loader.open({"base": llama, "adapter": lora("llama")}[kind], kind)
    assert len(opened) >= 2
    assert set(opened) == {"pread"}


def test_the_libraries_are_left_as_they_were():
    theirs = modeling_utils.safe_open, save_and_load.safe_load_file
    with weights.unmapped(modeling_utils), weights.unmapped(save_and_load):
        assert modeling_utils.safe_open is weights.stored
        assert save_and_load.safe_load_file is not theirs[1]
    assert (modeling_utils.safe_open, save_and_load.safe_load_file) == theirs


def test_a_library_that_reads_by_other_names_is_not_passed_over():
    with pytest.raises(ValueError, match="argument"):
        weights.unmapped(shutil)
