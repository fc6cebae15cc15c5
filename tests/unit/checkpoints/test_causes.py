"""Why weights do not load: the tensor and the cause are named, and the mend helps."""

import json

import pytest

from phcore import checkpoints
from phcore.checkpoints.formats import examine
from tests import paper

Q = "base_model.model.model.layers.0.self_attn.q_proj"
GATHER = ("ZeRO-3", "stage3_gather_16bit_weights_on_model_save")


def renamed(word, new):
    return {name.replace(word, new, 1): shape for name, shape in paper.llama_shapes().items()}


WHOLE = {
    "placeholders": (paper.llama_shapes() | {"model.norm.weight": (0,)}, ("model.norm.weight", *GATHER)),
    "torch.compile": (
        {f"_orig_mod.{name}": shape for name, shape in paper.llama_shapes().items()},
        ("_orig_mod.lm_head.weight", "torch.compile", "unwrap_model"),
    ),
    "torch.compile inside": (renamed("layers.0.", "layers.0._orig_mod."), ("layers.0._orig_mod.", "torch.compile")),
    "data parallel": (
        {f"module.{name}": shape for name, shape in paper.llama_shapes().items()},
        ("module.lm_head.weight", "DistributedDataParallel", "unwrap_model"),
    ),
    "fsdp": (renamed("layers.0.", "layers.0._fsdp_wrapped_module."), ("_fsdp_wrapped_module.", "FSDP")),
}


@pytest.mark.parametrize(("shapes", "words"), WHOLE.values(), ids=WHOLE)
def test_whole_models(tmp_path, shapes, words):
    seen = examine(paper.model(tmp_path / "run" / "checkpoint-8", shapes), 8)
    assert not seen.ready
    for word in words:
        assert word in seen.finding


ADAPTERS = {
    "placeholders": ({f"{Q}.lora_A.weight": (2, 8), f"{Q}.lora_B.weight": (0,)}, {}, (f"{Q}.lora_B", *GATHER)),
    "a rank": ({f"{Q}.lora_A.weight": (4, 8)}, {"r": 2}, (f"{Q}.lora_A.weight has rank 4", "says 2", "beside")),
    "a rank by pattern": (
        {f"{Q}.lora_A.weight": (2, 8)}, {"r": 2, "rank_pattern": {"q_proj": 4}}, ("has rank 2", "says 4")
    ),
    "its name": ({f"{Q}.lora_A.default.weight": (2, 8)}, {}, ("(default)", "lora_A.default.weight", "save_pretrained")),
    "another name": ({f"{Q}.lora_B.helpful.weight": (8, 2)}, {}, ("(helpful)", "save_pretrained")),
    "torch.compile": (
        {f"{Q}.lora_A.weight".replace("model.model", "model._orig_mod.model"): (2, 8)}, {}, ("_orig_mod.",)
    ),
    "data parallel": (
        {f"module.{Q}.lora_A.weight": (2, 8)}, {}, ("module.", "Distributed")
    ),
    "nothing": ({}, {}, ("hold no tensors", *GATHER)),
}  # fmt: skip


@pytest.mark.parametrize(("shapes", "changes", "words"), ADAPTERS.values(), ids=ADAPTERS)
def test_adapters(tmp_path, shapes, changes, words):
    folder = paper.lora(tmp_path / "run" / "checkpoint-8", shapes, **changes)
    if not shapes:
        paper.write_tensors(folder / "adapter_model.safetensors", {})
    seen = examine(folder, 8)
    assert not seen.ready
    for word in words:
        assert word in seen.finding


def test_ranks_by_pattern_are_those_of_the_pattern(tmp_path):
    folder = paper.lora(
        tmp_path / "a", {f"{Q}.lora_A.weight": (4, 8)}, r=2, rank_pattern={r"layers\.0\..*q_proj": 4, "(": 9}
    )
    assert examine(folder, 8).ready


def test_a_module_may_be_called_module(tmp_path):
    shapes = paper.llama_shapes() | {"model.module.weight": (8, 8)}
    assert examine(paper.model(tmp_path / "a", shapes), 8).ready


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("v_head.summary.weight", ("a value head", "v_head.summary.weight", "pretrained_model.save_pretrained")),
        ("score.weight", ("a reward or classification head", "score.weight")),
        ("extra.weight", ("extra.weight", "does not have")),
    ],
)
def test_a_head_too_many(tmp_path, name, words):
    base = paper.model(tmp_path / "base")
    paper.model(tmp_path / "run" / "checkpoint-8", paper.llama_shapes() | {name: (1, 8)})
    [one] = checkpoints.scan(tmp_path / "run", base)[0].checkpoints
    assert one.status == "mismatch"
    for word in words:
        assert word in one.finding


def test_a_head_in_place_of_the_one_of_a_language_model(tmp_path):
    base, shapes = paper.model(tmp_path / "base", tie_word_embeddings=False), paper.llama_shapes()
    shapes.pop("lm_head.weight")
    paper.model(tmp_path / "run" / "checkpoint-8", shapes | {"score.weight": (1, 8)}, tie_word_embeddings=False)
    [one] = checkpoints.scan(tmp_path / "run", base)[0].checkpoints
    assert "a reward or classification head" in one.finding


def test_a_matrix_stored_as_a_row(tmp_path):
    base = paper.model(tmp_path / "base")
    flat = {"model.layers.0.self_attn.q_proj.weight": (64,)}
    paper.model(tmp_path / "run" / "checkpoint-8", paper.llama_shapes() | flat)
    [one] = checkpoints.scan(tmp_path / "run", base)[0].checkpoints
    assert "one row of 64 numbers" in one.finding
    assert "FULL_STATE_DICT" in one.finding


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"num_hidden_layers": 3}, "3 layers, and the base model 2"), ({"hidden_size": 16}, "hidden size 16, and")],
)
def test_a_model_of_another_size(tmp_path, changes, words):
    base = paper.model(tmp_path / "base")
    paper.model(tmp_path / "run" / "checkpoint-8", **changes)
    [one] = checkpoints.scan(tmp_path / "run", base)[0].checkpoints
    assert words in one.finding


def test_an_adapter_on_another_base_tells_which_one_it_names(tmp_path):
    base = paper.model(tmp_path / "base")
    paper.lora(tmp_path / "run" / "checkpoint-8", {f"{Q}.lora_A.weight": (2, 16)})
    [one] = checkpoints.scan(tmp_path / "run", base)[0].checkpoints
    assert "the adapter names someone/some-model" in one.finding


def test_an_index_without_metadata(tmp_path):
    folder = paper.sharded(tmp_path / "a")
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    del index["metadata"]
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    finding = examine(folder, 8).finding
    assert "no metadata" in finding
    assert '"metadata": {}' in finding


def test_a_number_format_that_is_none(tmp_path):
    folder = paper.model(tmp_path / "a")
    raw = (folder / "model.safetensors").read_bytes().replace(b'"F32"', b'"BF3"', 1)
    (folder / "model.safetensors").write_bytes(raw)
    finding = examine(folder, 8).finding
    assert "model.embed_tokens.weight in BF3" in finding
    assert "Save the weights as bfloat16" in finding
