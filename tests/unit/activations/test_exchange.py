"""Adapters of one shape take each other's place on the model, and are to the bit what they are when put on anew."""

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from phcore import activations
from phcore.activations import adapters, loading
from phcore.errors import Fault, Unusable
from tests.models import PROMPTS, build_adapter, edit_json


@pytest.fixture(scope="module")
def token_ids(llama):
    return activations.encode(llama, PROMPTS[:3])


@pytest.fixture
def built(monkeypatch):
    """Folders of the adapters whose wrapper was built."""
    folders = []
    honest = loading.put_on
    monkeypatch.setattr(
        loading, "put_on", lambda model, folder, base: folders.append(folder) or honest(model, folder, base)
    )
    return folders


def states(model, token_ids):
    taken = activations.extract(model, token_ids, range(5))
    return np.stack([taken.clouds[k] for k in range(5)])


def alone(base, adapter, token_ids):
    with activations.Loader(base) as loader:
        return states(loader.open(adapter, "adapter"), token_ids)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"target_modules": ["embed_tokens", "q_proj"]},
        {"modules_to_save": ["lm_head"]},
        {"use_dora": True},
        {"use_rslora": True, "rank_pattern": {"q_proj": 4}},
        {"trainable_token_indices": [3, 5, 8]},
    ],
    ids=["plain", "embeddings", "modules_to_save", "dora", "rslora", "tokens"],
)
def test_exchanged_adapters_are_those_that_are_put_on(llama, token_ids, tmp_path, built, changes):
    folders = [build_adapter(tmp_path / f"{seed}", llama, seed=seed, **changes) for seed in range(3)]
    edit_json(folders[1] / "adapter_config.json", base_model_name_or_path="elsewhere/it-lay", revision="main")
    wanted = [alone(llama, folder, token_ids) for folder in folders]
    built.clear()
    with activations.Loader(llama) as loader:
        plain = states(loader.open(llama, "base"), token_ids)
        for folder, one in zip([*folders, folders[0]], [*wanted, wanted[0]], strict=True):
            np.testing.assert_array_equal(states(loader.open(folder, "adapter"), token_ids), one)
        np.testing.assert_array_equal(states(loader.open(llama, "base"), token_ids), plain)
    assert built == [folders[0]]
    assert len({one.tobytes() for one in (plain, *wanted)}) == 4


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"target_modules": ["k_proj"]}),
        ({}, {"r": 8}),
        ({}, {"lora_alpha": 3}),
        ({"init_lora_weights": "pissa"}, {"init_lora_weights": "pissa"}),
    ],
    ids=["other modules", "another rank", "another scale", "what changes the base"],
)
def test_adapters_of_another_shape_are_put_on_anew(llama, token_ids, tmp_path, built, first, second):
    folders = [build_adapter(tmp_path / f"{k}", llama, seed=k, **one) for k, one in enumerate((first, second))]
    wanted = [alone(llama, folder, token_ids) for folder in folders]
    built.clear()
    with activations.Loader(llama) as loader:
        for folder, one in zip(folders, wanted, strict=True):
            np.testing.assert_array_equal(states(loader.open(folder, "adapter"), token_ids), one)
    assert built == folders


def test_other_number_formats_in_the_file_are_another_shape(llama, token_ids, tmp_path, built):
    folders = [build_adapter(tmp_path / f"{seed}", llama, seed=seed) for seed in range(2)]
    file = folders[1] / "adapter_model.safetensors"
    save_file({name: one.bfloat16() for name, one in load_file(file).items()}, file, metadata={"format": "pt"})
    with activations.Loader(llama) as loader:
        for folder in folders:
            loader.open(folder, "adapter")
    assert built == folders


def test_what_peft_calls_lost_is_refused_and_the_next_one_starts_afresh(llama, token_ids, tmp_path, monkeypatch):
    folders = [build_adapter(tmp_path / f"{seed}", llama, seed=seed) for seed in range(2)]
    wanted = alone(llama, folders[1], token_ids)
    with activations.Loader(llama) as loader:
        loader.open(folders[0], "adapter")
        with monkeypatch.context() as patched:
            patched.setattr(adapters, "_lost", lambda *_: "1 weight missing")
            with pytest.raises(Unusable, match="does not fit this base"):
                loader.open(folders[1], "adapter")
        np.testing.assert_array_equal(states(loader.open(folders[1], "adapter"), token_ids), wanted)


def test_an_adapter_that_goes_while_it_is_loaded_may_come_back(llama, token_ids, tmp_path, monkeypatch):
    folders = [build_adapter(tmp_path / f"{seed}", llama, seed=seed) for seed in range(2)]
    wanted = alone(llama, folders[1], token_ids)
    with activations.Loader(llama) as loader:
        loader.open(folders[0], "adapter")

        def gone(*_, **__):
            raise OSError("no such file")

        monkeypatch.setattr(loader._adapted.model, "load_adapter", gone)
        with pytest.raises(Fault, match="PEFT cannot load") as error:
            loader.open(folders[1], "adapter")
        assert not isinstance(error.value, Unusable)
        np.testing.assert_array_equal(states(loader.open(folders[1], "adapter"), token_ids), wanted)
