import json
import os
import pickle
import shutil
import signal
from contextlib import suppress

import pytest

from phcore import checkpoints
from phcore.checkpoints.formats import examine, read_json
from phcore.checkpoints.safetensors_header import read_header
from phcore.errors import Fault
from tests import paper


@pytest.fixture
def base(tmp_path):
    return paper.model(tmp_path / "base-model")


@pytest.fixture
def here(tmp_path):
    """Where the checkpoint under test goes."""
    return tmp_path / "run" / "checkpoint-8"


def look(here, base=None):
    """The one checkpoint of the run."""
    [one] = checkpoints.scan(here.parent, base)[0].checkpoints
    return one


def assert_found(one, status, *words):
    assert one.status == status, one.finding
    for word in words:
        assert word in one.finding
    assert one.finding.endswith(".")
    assert one.finding.count(". ") >= 1, "a finding names the fault and the mend"


# --- headers ------------------------------------------------------------------------------------


def test_headers_agree_with_the_library(tmp_path):
    import numpy as np
    from safetensors.numpy import save_file

    file = tmp_path / "x.safetensors"
    save_file({"a": np.zeros((2, 3), np.float32), "b": np.zeros((), np.int64), "c": np.zeros((0, 5), np.float16)}, file)
    assert read_header(file) == {"a": ("F32", (2, 3)), "b": ("I64", ()), "c": ("F16", (0, 5))}


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "cut short"),
        (b"\x01\x02", "cut short"),
        ((100).to_bytes(8, "little") + b"{}", "inside its header"),
        ((2**60).to_bytes(8, "little") + b"{}", "impossible length"),
        (b"PK\x03\x04" + b"\0" * 60, "zip archive, as torch.save"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x1f\x8b\x08" + b"\0" * 60, "gzip"),
        (bytes(600), "nothing but zeros"),
        ((4).to_bytes(8, "little") + b"\xff\xfe\x00\x01", "not a safetensors file"),
        ((2).to_bytes(8, "little") + b"[]", "not a safetensors file"),
        *[
            (
                (len(h := json.dumps({"a": bad}).encode())).to_bytes(8, "little") + h + b"\0" * 4,
                "not a safetensors file",
            )
            for bad in (
                None,
                {},
                entry(shape=[-1]),
                entry(shape=[2]),
                entry(offsets=[4, 0]),
                entry(offsets=[0, 4.0]),
                entry(shape="x"),
                entry(shape=[True], dtype=[]),
            )
        ],
        ((len(h := json.dumps({"a": entry()}).encode())).to_bytes(8, "little") + h + b"\0" * 3, "cut short"),
        ((len(h := json.dumps({"a": entry()}).encode())).to_bytes(8, "little") + h + b"\0" * 5, "1 bytes more"),
        ((20_000).to_bytes(8, "little") + b"[" * 20_000, "not a safetensors file"),
    ],
)
def test_headers_of_broken_files(tmp_path, raw, words):
    file = tmp_path / "x.safetensors"
    file.write_bytes(raw)
    with pytest.raises(Fault, match=words):
        read_header(file)


# --- whole or not ---------------------------------------------------------------------------------


def test_kinds(here, base):
    for make, kind in ((paper.model, "full"), (paper.sharded, "sharded"), (paper.lora, "adapter")):
        make(here)
        one = look(here, base)
        assert (one.step, one.kind, one.status, one.finding) == (8, kind, "ready", "")
        shutil.rmtree(here)


def test_empty_folder(here):
    here.mkdir(parents=True)
    assert_found(look(here), "incomplete", "empty")


def test_folder_without_weights(here):
    paper.config(here)
    assert_found(look(here), "incomplete", "holds no weights")


@pytest.mark.parametrize("bytes_lost", [1, 10_000])
def test_weights_that_are_cut_short(here, bytes_lost):
    file = paper.model(here, paper.llama_shapes(hidden=64)) / "model.safetensors"
    os.truncate(file, file.stat().st_size - bytes_lost)
    assert_found(look(here), "damaged", "model.safetensors", "cut short")


def test_weights_that_are_garbage(here):
    (paper.model(here) / "model.safetensors").write_bytes(os.urandom(5000))
    assert_found(look(here), "damaged", "not a safetensors file")


def test_weights_without_tensors(here):
    paper.config(here)
    paper.write_tensors(here / "model.safetensors", {})
    assert_found(look(here), "incomplete", "no tensors")


def test_a_missing_shard(here):
    (paper.sharded(here) / "model-00002-of-00003.safetensors").unlink()
    assert_found(look(here), "incomplete", "1 of 3", "model-00002-of-00003.safetensors")


def test_a_shard_that_lacks_a_tensor(here):
    paper.sharded(here)
    paper.write_tensors(here / "model-00002-of-00003.safetensors", {"lm_head.weight": (20, 8)})
    assert_found(look(here), "damaged", "index promises")


def test_an_index_that_points_elsewhere(here):
    paper.sharded(here)
    (here / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../../secret.safetensors"}}))
    assert_found(look(here), "refused", "no safetensors file of this folder")


@pytest.mark.parametrize("name", ["config.json", "adapter_config.json", "model.safetensors.index.json"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "missing"),
        (b"\xff\xfe\x00", "mark of byte order"),
        (b"\x00\xfe\x00", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[1]", "no JSON object"),
        (b"[" * 100_000, "not valid JSON"),
    ],
)
def test_json_files_that_cannot_be_read(here, base, name, content, words):
    make = {"config.json": paper.model, "adapter_config.json": paper.lora}.get(name, paper.sharded)
    (make(here) / name).unlink()
    if content is not None:
        (here / name).write_bytes(content)
    one = look(here, base)
    assert not one.ready
    assert one.status == ("incomplete" if content is None else "damaged")
    assert words in one.finding or content is None


def test_weights_under_another_name(here):
    (paper.model(here) / "model.safetensors").rename(here / "weights.safetensors")
    assert_found(look(here), "incomplete", "weights.safetensors", "Rename")


def test_a_folder_that_cannot_be_listed_is_no_crash(tmp_path):
    assert examine(tmp_path / "gone", 3).status == "incomplete"


# --- unsafe, or to be converted -------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "pytorch_model.bin",
        "pytorch_model-00001-of-00002.bin",
        "adapter_model.bin",
        "model.pt",
        "last.ckpt",
        "consolidated.00.pth",
    ],
)
def test_pickled_weights_are_refused_and_not_opened(here, tmp_path, name):
    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    paper.config(here)
    (here / name).write_bytes(pickle.dumps(Evil()))
    (here / "adapter_config.json").write_text('{"peft_type": "LORA"}') if "adapter" in name else None
    assert_found(look(here), "refused", name, "save_pretrained", "safetensors")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["global_step8/", "zero_to_fp32.py", "latest"], "zero_to_fp32.py"),
        (["bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt"], "zero_to_fp32.py"),
        (["pytorch_model_fsdp_0/"], "accelerate merge-weights"),
        (["__0_0.distcp"], "accelerate merge-weights"),
        (["mp_rank_00/"], "convert.py"),
        (["model-q4.gguf"], "gguf_file"),
    ],
)
def test_formats_that_need_a_tool(here, names, words):
    paper.config(here)
    for name in names:
        (here / name).mkdir() if name.endswith("/") else (here / name).write_bytes(b"x")
    assert_found(look(here), "refused", words)


def test_code_of_the_model(here):
    paper.model(here, auto_map={"AutoModelForCausalLM": "modeling_x.X"})
    assert_found(look(here), "refused", "auto_map", "save_pretrained")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"peft_type": "PROMPT_TUNING"}, "PROMPT_TUNING"),
        ({"alora_invocation_tokens": [1, 2]}, "not on weights alone"),
        ({"megatron_config": {"x": 1}, "megatron_core": "os"}, "Python module"),
    ],
)
def test_adapters_that_are_refused(here, base, changes, words):
    paper.lora(here, **changes)
    assert_found(look(here, base), "refused", words)


# --- against the base -----------------------------------------------------------------------------


def test_an_adapter_without_a_base(here):
    paper.lora(here)
    assert_found(look(here), "incomplete", "needs its base model", "someone/some-model")


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (paper.llama_shapes(hidden=16), ["20 x 16", "20 x 8"]),
        (paper.llama_shapes(layers=3), ["layers.2", "does not have"]),
    ],
)
def test_full_checkpoints_of_another_base(here, base, shapes, words):
    if "20 x 16" not in words:
        shapes = dict(sorted(shapes.items(), key=lambda one: one[0] != "lm_head.weight"))
        shapes.pop("lm_head.weight")
    paper.model(here, shapes)
    assert_found(look(here, base), "mismatch", *words)


def test_a_full_checkpoint_with_a_missing_tensor(here, base):
    shapes = paper.llama_shapes()
    shapes.pop("model.layers.1.mlp.up_proj.weight")
    paper.model(here, shapes)
    assert_found(look(here, base), "incomplete", "layers.1.mlp.up_proj.weight", "missing")


def test_heads_and_computed_tables_may_come_and_go(here, base):
    shapes = paper.llama_shapes()
    shapes.pop("lm_head.weight")
    paper.model(here, shapes | {"model.layers.0.self_attn.rotary_emb.inv_freq": (4,)})
    assert look(here, base).ready
    paper.model(here, shapes, tie_word_embeddings=False)
    assert_found(look(here, base), "incomplete", "lm_head.weight")
    tied = paper.model(base.with_name("tied"), shapes)
    paper.model(here)
    assert look(here, tied).ready


def test_names_with_and_without_the_prefix_of_the_head(here, base):
    paper.model(here, {name.removeprefix("model."): shape for name, shape in paper.llama_shapes().items()})
    assert look(here, base).ready


Q = "base_model.model.model.layers.0.self_attn.q_proj"


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({f"{Q}.lora_A.weight": (2, 16)}, ["layers.0.self_attn.q_proj", "2 x 16", "8 x 8"]),
        ({f"{Q}.lora_B.weight": (16, 2)}, ["16 x 2"]),
        ({Q.replace("layers.0", "layers.7") + ".lora_A.weight": (2, 8)}, ["layer 7", "layers 0 to 1"]),
        ({"base_model.model.model.embed_tokens.lora_embedding_B": (9, 2)}, ["9 x 2"]),
        ({f"{Q}.lora_A.weight": (2, 8), "base_model.model.lm_head.weight": (20, 9)}, ["lm_head.weight", "20 x 9"]),
    ],
)
def test_adapters_of_another_base(here, base, shapes, words):
    paper.lora(here, shapes)
    assert_found(look(here, base), "mismatch", *words)


@pytest.mark.parametrize(
    "shapes",
    [
        {
            "base_model.model.model.embed_tokens.lora_embedding_A": (2, 20),
            "base_model.model.model.embed_tokens.lora_embedding_B": (8, 2),
        },
        {f"{Q}.lora_A.weight": (2, 8), "base_model.model.lm_head.weight": (20, 8)},
        {f"{Q}.lora_A.weight": (2, 8), f"{Q}.lora_magnitude_vector": (8,)},
        {"base_model.model.lm_head.lora_A.weight": (2, 8), "base_model.model.lm_head.lora_B.weight": (20, 2)},
    ],
    ids=["embeddings", "modules_to_save", "dora", "head"],
)
def test_adapters_that_fit(here, base, shapes):
    paper.lora(here, shapes)
    assert look(here, base).ready


def test_an_adapter_on_a_tied_head(here, tmp_path):
    shapes = paper.llama_shapes()
    shapes.pop("lm_head.weight")
    tied = paper.model(tmp_path / "tied", shapes)
    paper.lora(here, {"base_model.model.lm_head.lora_B.weight": (20, 2)})
    assert look(here, tied).ready


def test_gpt2_stores_its_weights_transposed(here, tmp_path):
    base = paper.model(tmp_path / "gpt2", {"transformer.h.0.attn.c_attn.weight": (8, 24)}, model_type="gpt2")
    name = "base_model.model.transformer.h.0.attn.c_attn"
    paper.lora(here, {f"{name}.lora_A.weight": (2, 8), f"{name}.lora_B.weight": (24, 2)})
    assert look(here, base).ready
    paper.lora(here, {f"{name}.lora_A.weight": (2, 24)})
    assert_found(look(here, base), "mismatch", "size 24", "has 8")


def test_a_base_that_names_no_type(here, tmp_path):
    base = paper.model(tmp_path / "strange", model_type=["llama"])
    paper.lora(here)
    assert look(here, base).ready


def test_other_kinds_of_adapters_are_left_to_peft(here, base):
    paper.lora(here, {"base_model.model.whatever": (3,)}, peft_type="IA3")
    assert look(here, base).ready


@pytest.mark.parametrize("architecture", ["gpt2", "gpt_neox", "llama", "qwen2", "opt"])
def test_real_adapters_and_checkpoints_fit(tiny, lora, tmp_path, architecture):
    run = tmp_path / "run"
    trained = shutil.copytree(tiny(architecture), run / "checkpoint-1") / "model.safetensors"
    trained.write_bytes(trained.read_bytes()[:-1] + b"x")
    shutil.copytree(lora(architecture), run / "checkpoint-2")
    statuses = [(c.kind, c.status) for c in checkpoints.scan(run, tiny(architecture))[0].checkpoints]
    assert statuses == [("full", "ready"), ("adapter", "ready")]


@pytest.mark.parametrize("rows", [18, 28])
def test_other_tokens_are_no_other_base(here, base, rows):
    """Tokens that are added, padded or cut, in a whole model and in what an adapter stores beside."""
    more = "8 rows more" if rows == 28 else "2 rows fewer"
    paper.model(here, paper.llama_shapes(rows=rows))
    assert look(here, base).ready
    assert more in look(here, base).note
    adapter = here.parent.with_name("lora") / "checkpoint-8"
    paper.lora(adapter, {f"{Q}.lora_A.weight": (2, 8), "base_model.model.lm_head.weight": (rows, 8)})
    assert more in look(adapter, base).note
    paper.lora(adapter, {"base_model.model.model.embed_tokens.lora_embedding_A": (2, rows)})
    assert more in look(adapter, base).note


def test_names_that_only_the_libraries_can_map_are_left_to_loading(here, base):
    paper.lora(here, {"base_model.model.model.layers.0.mlp.gate.lora_A.weight": (2, 8)})
    assert look(here, base).ready
    shapes = {name.replace("model.layers", "backbone.blocks"): one for name, one in paper.llama_shapes().items()}
    other = here.parent.with_name("mapped") / "checkpoint-8"
    paper.model(other, shapes)
    assert look(other, base).ready


@pytest.fixture
def at_once():
    """Whoever waits for a pipe fails, and does not wait for ever."""

    def late(*_):
        raise TimeoutError("it waits for a pipe")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "trainer_state.json", "tokenizer.json", "README.md"]
)
def test_a_pipe_among_the_files_is_waited_for_by_nobody(here, base, name, at_once):
    paper.model(here)
    assert look(here, base).status == "ready"
    (here / name).unlink(missing_ok=True)
    os.mkfifo(here / name)
    assert_found(look(here, base), "refused", name, "a pipe or a device")
    with pytest.raises(Fault, match="no plain file"):
        read_json(here / name)
    with pytest.raises(Fault, match="no plain file"):
        read_header(here / name)
    shutil.rmtree(here)
    paper.model(here)
    (base / name).unlink(missing_ok=True)
    os.mkfifo(base / name)
    assert not checkpoints.Checkpoint.of_base(base).ready
    with suppress(Fault):  # of the base, where that cannot be used
        look(here, base)


def test_a_device_is_no_file_of_a_checkpoint(here, base, at_once):
    paper.model(here)
    (here / "config.json").unlink()
    (here / "config.json").symlink_to("/dev/zero")
    assert look(here, base).status == "refused"
