import json
import pickle
import shutil
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from phcore import activations
from phcore.activations import loading
from phcore.errors import Fault, Unusable
from tests.models import ARCHITECTURES, PROMPTS, TARGETS, build_adapter, build_model, edit_json, nudge


@pytest.fixture(scope="module")
def token_ids(llama):
    return activations.encode(llama, PROMPTS[:3])


def states(model, token_ids):
    taken = activations.extract(model, token_ids, range(5))
    return np.stack([taken.clouds[k] for k in range(5)])


def rewrite(file, change):
    """Change the tensors of a safetensors file."""
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, metadata={"format": "pt"})


def copied(source, folder):
    shutil.copytree(source, folder)
    return folder


def hidden_by_peft(base, adapter, token_ids):
    """Last layer's states by PEFT's own way of loading, one prompt at a time."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), adapter).eval()
    with torch.inference_mode():
        return np.stack(
            [model(torch.tensor([i]), output_hidden_states=True).hidden_states[-1][0, -1] for i in token_ids]
        )


# --- what is loaded is what was asked for --------------------------------------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_adapters_act_as_in_peft(tiny, lora, architecture):
    base, adapter = tiny(architecture), lora(architecture)
    token_ids = activations.encode(base, PROMPTS[:3])
    with activations.Loader(base) as loader:
        plain = states(loader.open(base, "base"), token_ids)
        adapted = states(loader.open(adapter, "adapter"), token_ids)
    assert np.linalg.norm(adapted[-1] - plain[-1]) > 0.05 * np.linalg.norm(plain[-1])
    np.testing.assert_allclose(adapted[-1], hidden_by_peft(base, adapter, token_ids), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"target_modules": ["embed_tokens", "q_proj"]},
        {"modules_to_save": ["lm_head"]},
        {"use_dora": True},
        {"use_rslora": True, "rank_pattern": {"q_proj": 4}},
    ],
    ids=["embeddings", "modules_to_save", "dora", "rslora"],
)
def test_kinds_of_lora(llama, token_ids, tmp_path, changes):
    adapter = build_adapter(tmp_path / "adapter", llama, **changes)
    with activations.Loader(llama) as loader:
        before = states(loader.open(llama, "base"), token_ids)
        adapted = states(loader.open(adapter, "adapter"), token_ids)
        after = states(loader.open(llama, "base"), token_ids)
    np.testing.assert_allclose(adapted[-1], hidden_by_peft(llama, adapter, token_ids), rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(before, after)


def test_the_order_of_checkpoints_changes_no_bit(llama, lora, token_ids, tmp_path):
    from peft import IA3Config

    other = build_adapter(tmp_path / "other", llama, seed=1, target_modules=["k_proj", "gate_proj"])
    ia3 = build_adapter(
        tmp_path / "ia3",
        llama,
        config=IA3Config(
            task_type="CAUSAL_LM", target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"]
        ),
    )
    # PiSSA rewrites the base's weights while it is loaded.
    pissa = build_adapter(tmp_path / "pissa", llama, init_lora_weights="pissa")
    full = nudge(llama, tmp_path / "full")
    checkpoints = [
        (llama, "base"),
        (lora("llama"), "adapter"),
        (pissa, "adapter"),
        (ia3, "adapter"),
        (full, "full"),
        (other, "adapter"),
    ]
    orders = [checkpoints, checkpoints[::-1], checkpoints[3:] + checkpoints[:3]]
    seen = []
    for order in orders:
        with activations.Loader(llama) as loader:
            seen.append({path: states(loader.open(path, kind), token_ids) for path, kind in order})
    for path, _ in checkpoints:
        np.testing.assert_array_equal(seen[0][path], seen[1][path])
        np.testing.assert_array_equal(seen[0][path], seen[2][path])
    distinct = {seen[0][path].tobytes() for path, _ in checkpoints}
    assert len(distinct) == len(checkpoints)


@pytest.mark.parametrize(
    ("architecture", "changes"),
    [("gpt2", {"bias": "all"}), ("gpt2", {"bias": "lora_only"}), ("llama", {"layer_replication": [[0, 4], [2, 4]]})],
    ids=["all biases", "adapted biases", "replicated layers"],
)
def test_adapters_that_change_the_base_itself(tiny, tmp_path, architecture, changes):
    base = tiny(architecture)
    adapter = build_adapter(tmp_path / "adapter", base, **changes)
    token_ids = activations.encode(base, PROMPTS[:3])
    with activations.Loader(base) as loader:
        model = loader.open(base, "base")
        weights = {name: one.clone() for name, one in model.state_dict().items()}
        before = states(model, token_ids)
        adapted = loader.open(adapter, "adapter")
        if "bias" in changes:
            bias = "transformer.h.0.attn.c_attn.base_layer.bias"
            assert not torch.equal(adapted.state_dict()[bias], weights[bias.replace(".base_layer", "")])
        else:
            assert adapted.config.num_hidden_layers == 6
        again = loader.open(base, "base")
        assert again.state_dict().keys() == weights.keys()
        assert all(torch.equal(one, weights[name]) for name, one in again.state_dict().items())
        np.testing.assert_array_equal(states(again, token_ids), before)


def test_the_base_is_loaded_once_for_all_adapters(llama, lora, monkeypatch):
    loads = []
    honest = loading.load_model
    monkeypatch.setattr(loading, "load_model", lambda *a: loads.append(a) or honest(*a))
    with activations.Loader(llama) as loader:
        for path, kind in [(llama, "base"), (lora("llama"), "adapter"), (llama, "base"), (lora("llama"), "adapter")]:
            loader.open(path, kind)
    assert len(loads) == 1


@pytest.mark.parametrize("refers_to_itself", [False, True])
def test_weights_go_without_a_collection_where_nothing_holds_them(llama, lora, tmp_path, monkeypatch, refers_to_itself):
    collected = []
    honest = loading.gc.collect
    monkeypatch.setattr(loading.gc, "collect", lambda: collected.append(True) or honest())
    whole = nudge(llama, tmp_path / "whole")
    loading.gc.disable()  # as if none came by itself
    try:
        with activations.Loader(llama) as loader:
            for path, kind in [(llama, "base"), (lora("llama"), "adapter"), (whole, "full"), (llama, "base")]:
                held = weakref.ref(model := loader.open(path, kind))
                if refers_to_itself:
                    model.itself = [model]
                del model
    finally:
        loading.gc.enable()
    assert held() is None
    assert bool(collected) == refers_to_itself


def test_shards_are_the_single_file(llama, token_ids, tmp_path):
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(llama).save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 2
    with activations.Loader(llama) as loader:
        one = states(loader.open(llama, "base"), token_ids)
        many = states(loader.open(tmp_path, "sharded"), token_ids)
    np.testing.assert_array_equal(one, many)


def test_number_format_is_the_one_asked_for(llama):
    assert activations.load_model(llama, "bfloat16").dtype == torch.bfloat16
    with pytest.raises(Fault, match="'int7' is unknown"):
        activations.load_model(llama, "int7")


# --- what is not loaded ---------------------------------------------------------------------------


def test_missing_weights_are_not_left_to_chance(llama, tmp_path):
    folder = copied(llama, tmp_path / "full")
    rewrite(folder / "model.safetensors", lambda t: t.pop("model.layers.1.mlp.up_proj.weight"))
    with pytest.raises(Unusable, match=r"1 weight is missing, the first is model\.layers\.1\.mlp\.up_proj"):
        activations.load_model(folder)


def test_superfluous_weights(llama, tmp_path):
    folder = copied(llama, tmp_path / "full")
    rewrite(folder / "model.safetensors", lambda t: t.update({"v_head.weight": torch.ones(1, 32)}))
    with pytest.raises(Unusable, match=r"a value head beside the language model \(v_head\.weight\)"):
        activations.load_model(folder)
    rewrite(folder / "model.safetensors", lambda t: t.update({"extra.weight": t.pop("v_head.weight")}))
    with pytest.raises(Unusable, match=r"1 weight is unexpected, the first is extra\.weight"):
        activations.load_model(folder)


def test_weights_of_another_shape(llama, tmp_path):
    folder = copied(llama, tmp_path / "full")
    rewrite(folder / "model.safetensors", lambda t: t.update({"model.norm.weight": torch.ones(7)}))
    with pytest.raises(Unusable):
        activations.load_model(folder)


def test_tied_heads_may_be_missing(tmp_path):
    folder = build_model(tmp_path / "tied", "llama", tie_word_embeddings=True)
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")
    model = activations.load_model(folder)
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()


def test_weights_that_differ_from_the_file_after_loading(llama, monkeypatch):
    honest = loading.AutoModelForCausalLM.from_pretrained

    def careless(*arguments, **options):
        model, info = honest(*arguments, **options)
        model.lm_head.weight.data.normal_()
        return model, info

    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained", careless)
    with pytest.raises(Unusable, match="not what the file holds"):
        activations.load_model(llama)


def test_weights_that_are_no_numbers_are_loaded(llama, tmp_path):
    folder = copied(llama, tmp_path / "nan")
    rewrite(folder / "model.safetensors", lambda t: t["lm_head.weight"].fill_(float("nan")))
    assert activations.load_model(folder).lm_head.weight.isnan().all()


def test_pickles_and_code_are_never_opened(llama, tmp_path):
    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    folder = tmp_path / "evil"
    shutil.copytree(llama, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(Unusable, match="pickled"):
        activations.load_model(folder)
    shutil.copy(llama / "model.safetensors", folder)
    (folder / "training_args.bin").write_bytes(pickle.dumps(Evil()))
    (folder / "optimizer.pt").write_bytes(pickle.dumps(Evil()))
    activations.load_model(folder)  # its pickles are beside the point
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    edit_json(folder / "config.json", auto_map={"AutoModelForCausalLM": "evil.Model"})
    with pytest.raises(Unusable, match="auto_map"):
        activations.load_model(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("what", ["cut", "gone", "unknown"])
def test_folders_that_changed_since_they_were_scanned(llama, tmp_path, what):
    folder = copied(llama, tmp_path / "full")
    if what == "cut":
        weights = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(weights[:-100])
    elif what == "gone":
        shutil.rmtree(folder)
    else:
        edit_json(folder / "config.json", model_type="nobody-knows")
    with pytest.raises(Fault) as fault, activations.Loader(llama) as loader:
        loader.open(folder, "full")
    assert fault.value.path == folder
    assert isinstance(fault.value, Unusable) == (what == "cut")


def test_files_that_cannot_be_read_may_be_readable_later(llama, tmp_path, monkeypatch):
    folder = copied(llama, tmp_path / "full")
    honest = Path.read_bytes

    def refuse(path):
        if path == folder / "config.json":
            raise PermissionError(13, "Permission denied")
        return honest(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(Fault, match="cannot be read") as fault:
        activations.load_model(folder)
    assert not isinstance(fault.value, Unusable)


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), False),
        (MemoryError(), False),
        (OSError(5, "Input/output error"), False),
        (RuntimeError("CUDA error: device unavailable"), False),
        (SafetensorError("incomplete metadata"), True),
        (RuntimeError("size mismatch for lm_head.weight"), True),
    ],
)
def test_what_may_pass_is_no_verdict(llama, lora, monkeypatch, error, final):
    def fail(*_arguments, **_options):
        raise error

    with activations.Loader(llama) as loader:
        loader.open(llama, "base")
        with monkeypatch.context() as patch:
            patch.setattr("peft.PeftModel.load_adapter", fail)
            with pytest.raises(Fault, match="PEFT cannot load") as fault:
                loader.open(lora("llama"), "adapter")
        assert isinstance(fault.value, Unusable) == final
        loader.open(lora("llama"), "adapter")
    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained", fail)
    with pytest.raises(Fault, match="transformers cannot load") as fault:
        activations.load_model(llama)
    assert isinstance(fault.value, Unusable) == final


# --- adapters that do not fit, and the loader afterwards ------------------------------------------


def rename_all(tensors):
    for name in list(tensors):
        tensors[name.replace("layers.", "blocks.")] = tensors.pop(name)


MISFITS = {
    "names": rename_all,
    "a missing one": lambda t: t.pop(min(t)),
    "one too many": lambda t: t.update(
        {"base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight": torch.ones(2, 32)}
    ),
    "a shape": lambda t: t.update({min(t): torch.ones(2, 7)}),
}


@pytest.mark.parametrize("change", MISFITS.values(), ids=MISFITS)
def test_adapters_that_do_not_fit(llama, lora, token_ids, tmp_path, change):
    adapter = copied(lora("llama"), tmp_path / "adapter")
    rewrite(adapter / "adapter_model.safetensors", change)
    with activations.Loader(llama) as loader:
        before = states(loader.open(llama, "base"), token_ids)
        with pytest.raises(Unusable):
            loader.open(adapter, "adapter")
        np.testing.assert_array_equal(states(loader.open(llama, "base"), token_ids), before)
        changed = states(loader.open(lora("llama"), "adapter"), token_ids)
        assert not np.array_equal(changed, before)


def test_an_adapter_of_another_architecture(tiny, lora):
    with activations.Loader(tiny("gpt2")) as loader, pytest.raises(Unusable, match="PEFT cannot load"):
        loader.open(lora("llama"), "adapter")


def test_an_adapter_of_a_wider_model(llama, tmp_path):
    wide = build_model(tmp_path / "wide", "llama", hidden_size=64)
    adapter = build_adapter(tmp_path / "adapter", wide)
    with activations.Loader(llama) as loader, pytest.raises(Unusable):
        loader.open(adapter, "adapter")


def test_the_base_an_adapter_names_is_not_looked_up(llama, lora):
    named = json.loads((lora("llama") / "adapter_config.json").read_text())
    assert named["base_model_name_or_path"] == "someone/some-model"
    assert set(named["target_modules"]) == set(TARGETS["llama"])
    with activations.Loader(llama) as loader:
        loader.open(lora("llama"), "adapter")
