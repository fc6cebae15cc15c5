"""Adapters as people have them: what PEFT loads is loaded, and acts as it does in PEFT."""

import shutil

import numpy as np
import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, Gemma3ForCausalLM

from phcore import activations, checkpoints
from phcore.errors import Unusable
from tests.models import HIDDEN, PROMPTS, VOCABULARY, build_adapter, build_model, build_tokenizer, edit_json

SMALL = {"num_hidden_layers": 2, "hidden_size": HIDDEN, "intermediate_size": 48, "num_attention_heads": 4,
         "num_key_value_heads": 2, "head_dim": 8, "vocab_size": VOCABULARY, "max_position_embeddings": 128}  # fmt: skip


def last_states(model, token_ids):
    """(n, d), plainly: of each prompt alone, the last layer at its last token."""
    with torch.inference_mode():
        given = [model.eval()(torch.tensor([ids]), output_hidden_states=True).hidden_states[-1] for ids in token_ids]
    return np.stack([one[0, -1].numpy() for one in given])


def assert_acts_as(folder, base, wanted, token_ids, notes=()):
    """The adapter is found ready, loads, and gives these states; then the base is what it was."""
    [one] = checkpoints.scan(folder, base)[0].checkpoints
    assert one.ready, one.finding
    with activations.Loader(base) as loader:
        plain = last_states(loader.open(base, "base"), token_ids)
        model = loader.open(folder, "adapter")
        depth = activations.depth(model)
        got = activations.extract(model, token_ids, [depth]).clouds[depth]
        told = loader.notes
        np.testing.assert_array_equal(last_states(loader.open(base, "base"), token_ids), plain)
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4)
    assert np.linalg.norm(got - plain) > 0.01 * np.linalg.norm(plain)
    assert len(told) == len(notes)
    for sentence, words in zip(told, notes, strict=True):
        assert words in sentence


def trained(model, config, folder, seed=0):
    """Save an adapter of a model with random weights; the model with it."""
    torch.manual_seed(seed)
    adapted = peft.get_peft_model(model, config)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter += 0.2 * torch.randn_like(parameter)
    adapted.save_pretrained(folder)
    return adapted


@pytest.fixture(scope="module")
def token_ids(llama):
    return activations.encode(llama, PROMPTS[:3])


# --- vocabularies of other lengths ----------------------------------------------------------------


@pytest.mark.parametrize("rows", [VOCABULARY + 8, VOCABULARY - 8])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"target_modules": ["embed_tokens", "q_proj"]},
        {"modules_to_save": ["embed_tokens", "lm_head"]},
        {"target_modules": ["lm_head", "q_proj"]},
    ],
    ids=["stored beside", "on the table", "trained", "on the head"],
)
def test_other_vocabularies_than_the_base(llama, token_ids, tmp_path, rows, changes):
    model = AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)
    model.resize_token_embeddings(rows, mean_resizing=False)
    settings = {"r": 2, "task_type": "CAUSAL_LM", "target_modules": ["q_proj", "v_proj"]} | changes
    adapted = trained(model, peft.LoraConfig(**settings), tmp_path / "adapter")
    words = "8 rows more" if rows > VOCABULARY else "8 rows fewer"
    assert_acts_as(tmp_path / "adapter", llama, last_states(adapted, token_ids), token_ids, [words])


def test_whole_models_with_other_vocabularies(llama, token_ids, tmp_path):
    model = AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)
    model.resize_token_embeddings(VOCABULARY + 8, mean_resizing=False)
    model.save_pretrained(tmp_path / "more")
    with activations.Loader(llama) as loader:
        taken = activations.extract(loader.open(tmp_path / "more", "full"), token_ids, [4])
        assert "8 rows more" in loader.notes[0]
    assert taken.next_roots.shape[1] == VOCABULARY + 8
    np.testing.assert_allclose(taken.clouds[4], last_states(model, token_ids), rtol=1e-3, atol=1e-4)


# --- types and settings ---------------------------------------------------------------------------


@pytest.mark.parametrize("only_topk", [False, True])
def test_vectors_of_a_shared_bank(llama, token_ids, tmp_path, only_topk):
    """VBLoRA: PEFT calls the bank missing in every layer, although it is there once."""
    model = AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)
    config = peft.VBLoRAConfig(
        r=2, num_vectors=16, vector_length=8, topk=2, target_modules=["q_proj"], save_only_topk_weights=only_topk
    )
    trained(model, config, tmp_path / "adapter")
    again = AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)
    wanted = last_states(peft.PeftModel.from_pretrained(again, tmp_path / "adapter"), token_ids)
    assert_acts_as(tmp_path / "adapter", llama, wanted, token_ids)


def test_replicated_layers(llama, token_ids, tmp_path):
    model = AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)
    config = peft.LoraConfig(r=2, target_modules=["q_proj"], layer_replication=[[0, 4], [2, 4]])
    adapted = trained(model, config, tmp_path / "adapter")
    assert_acts_as(tmp_path / "adapter", llama, last_states(adapted, token_ids), token_ids)


def test_settings_of_a_newer_peft(llama, token_ids, tmp_path):
    folder = build_adapter(tmp_path / "adapter", llama)
    model = AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)
    wanted = last_states(peft.PeftModel.from_pretrained(model, folder), token_ids)
    edit_json(folder / "adapter_config.json", of_tomorrow=1, other={"a": 2})
    assert_acts_as(folder, llama, wanted, token_ids, ["does not know of_tomorrow and other"])


def test_a_weight_that_is_missing_is_missing_whatever_the_type(llama, tmp_path):
    model = AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)
    config = peft.VBLoRAConfig(r=2, num_vectors=16, vector_length=8, topk=2, target_modules=["q_proj"])
    trained(model, config, tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    weights = load_file(file)
    weights.pop(next(name for name in weights if "logits_A" in name))
    save_file(weights, file, metadata={"format": "pt"})
    with activations.Loader(llama) as loader, pytest.raises(Unusable, match="1 weight missing"):
        loader.open(tmp_path / "adapter", "adapter")


def test_an_adapter_of_which_some_finds_no_place_is_not_said_to_be_of_another_base(llama, tmp_path):
    """As PEFT itself saves it of some mixtures: with names that it does not know when it loads."""
    place = build_adapter(tmp_path / "adapter", llama)
    file = place / "adapter_model.safetensors"
    weights = load_file(file)
    lost = [name for name in weights if "layers.1" in name and "q_proj" in name]
    renamed = {name.replace("q_proj", ".q_proj") if name in lost else name: one for name, one in weights.items()}
    save_file(renamed, file, metadata={"format": "pt"})
    with activations.Loader(llama) as loader, pytest.raises(Unusable) as refused:
        loader.open(place, "adapter")
    assert refused.value.fault.startswith("the installed PEFT finds no place for some of the adapter")
    assert "Merge it" in refused.value.hint
    assert f"{len(lost)} weights unexpected" in refused.value.fault


# --- names that only the libraries map --------------------------------------------------------------


def mixture(folder):
    config = AutoConfig.for_model("mixtral", **SMALL, num_local_experts=4, num_experts_per_tok=2)
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    build_tokenizer(folder)
    return folder


def test_routers_of_mixtures(tmp_path, token_ids):
    """In Mixtral's files the router is block_sparse_moe.gate, and the module mlp.gate."""
    base = mixture(tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    config = peft.LoraConfig(r=2, lora_alpha=16, target_modules=["gate", "q_proj"])
    adapted = trained(model, config, tmp_path / "adapter")
    assert_acts_as(tmp_path / "adapter", base, last_states(adapted, token_ids), token_ids)


@pytest.fixture(scope="module")
def gemma(tmp_path_factory):
    """A model of texts and pictures, and its text model alone."""
    vision = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
              "image_size": 28, "patch_size": 14}  # fmt: skip
    config = AutoConfig.for_model("gemma3", text_config=SMALL, vision_config=vision, mm_tokens_per_image=4)
    torch.manual_seed(0)
    whole = AutoModelForCausalLM.from_config(config)
    folder = tmp_path_factory.mktemp("gemma")
    whole.save_pretrained(folder / "whole")
    text = Gemma3ForCausalLM(whole.config.text_config)
    text.model.load_state_dict(whole.model.language_model.state_dict())
    text.tie_weights()
    text.save_pretrained(folder / "text")
    for place in (folder / "whole", folder / "text"):
        build_tokenizer(place)
    return folder


@pytest.mark.parametrize(("made_on", "put_on"), [("text", "whole"), ("whole", "text")])
def test_adapters_made_on_the_other_class_of_a_model(gemma, token_ids, tmp_path, made_on, put_on):
    """The vision tower has a q_proj, too: the adapter goes on the layers of the text alone."""
    model = AutoModelForCausalLM.from_pretrained(gemma / made_on, dtype=torch.float32)
    target = ["q_proj"] if made_on == "text" else r".*language_model.*q_proj"
    adapted = trained(model, peft.LoraConfig(r=2, target_modules=target), tmp_path / "adapter")
    assert_acts_as(tmp_path / "adapter", gemma / put_on, last_states(adapted, token_ids), token_ids)


def test_a_text_model_that_was_tuned_whole_is_a_checkpoint_of_the_multimodal_one(gemma, tmp_path):
    shutil.copytree(gemma / "text", tmp_path / "run" / "checkpoint-8")
    [one] = checkpoints.scan(tmp_path / "run", gemma / "whole")[0].checkpoints
    assert one.ready, one.finding
    with activations.Loader(gemma / "whole") as loader:
        loader.open(one.path, one.kind)


def test_a_model_of_another_size_is_none_of_this_base(llama, tmp_path):
    other = build_model(tmp_path / "deeper", "llama", num_hidden_layers=5)
    with activations.Loader(llama) as loader, pytest.raises(Unusable, match="5 layers, and the base model 4 layers"):
        loader.open(other, "full")
