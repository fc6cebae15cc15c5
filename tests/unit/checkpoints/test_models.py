import json
import os
import shutil
import subprocess
import sys
import time
from functools import partial

import pytest

from phcore import checkpoints
from phcore.checkpoints import Checkpoint, fingerprints
from phcore.errors import Fault
from tests import paper


@pytest.mark.parametrize(
    ("n_layers", "layers"),
    [(30, [6, 12, 18, 24, 30]), (12, [2, 5, 7, 10, 12]), (4, [1, 2, 3, 4]), (1, [1]), (2, [1, 2])],
)
def test_default_layers(n_layers, layers):
    assert checkpoints.default_layers(n_layers) == layers


# --- models -------------------------------------------------------------------------------------


def test_a_model(tmp_path):
    one = checkpoints.describe_model(paper.model(tmp_path / "tiny"))
    assert (one.name, one.architecture, one.model_type) == ("tiny", "LlamaForCausalLM", "llama")
    assert (one.n_layers, one.hidden_size, one.context, one.dtype) == (2, 8, 64, "F32")
    assert one.parameters == 20 * 8 * 2 + 8 + 2 * (64 + 128)
    assert one.size == (tmp_path / "tiny" / "model.safetensors").stat().st_size
    assert one.ready
    assert not one.chat


@pytest.mark.parametrize("architecture", ["gpt2", "gpt_neox", "llama", "qwen2", "opt"])
def test_real_models(tiny, architecture):
    one = checkpoints.describe_model(tiny(architecture))
    assert (one.n_layers, one.hidden_size, one.context, one.chat, one.status) == (4, 32, 128, True, "ready")


def test_the_vocabulary_is_that_of_the_configuration(tmp_path):
    assert checkpoints.vocabulary_size(paper.model(tmp_path / "tiny", vocab_size=20)) == 20
    assert (
        checkpoints.vocabulary_size(paper.model(tmp_path / "inner", vocab_size=None, text_config={"vocab_size": 7}))
        == 7
    )
    assert checkpoints.vocabulary_size(paper.model(tmp_path / "untold", vocab_size=None)) == 0
    assert checkpoints.vocabulary_size(tmp_path / "gone") == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: None, "no such folder"),
        (lambda folder: paper.lora(folder / "helpful" / "checkpoint-8"), "Pick the folder with config.json"),
        (lambda folder: paper.model(folder / "base"), "here that is base/"),
        (lambda folder: paper.lora(folder), "adapter"),
        (lambda folder: paper.config(folder), "no weights"),
        (lambda folder: paper.model(folder, architectures=["BertForMaskedLM"]), "next token"),
        (lambda folder: paper.model(folder, num_hidden_layers=None), "number of layers"),
        (lambda folder: (paper.model(folder) / "config.json").write_bytes(b"\xff"), "not valid JSON"),
        (lambda folder: (paper.model(folder) / "config.json").unlink(), "config.json is missing"),
        (lambda folder: paper.model(folder, auto_map={"a": "b"}), "auto_map"),
    ],
)
def test_models_that_cannot_be_used(tmp_path, make, words):
    make(tmp_path / "x")
    one = checkpoints.describe_model(tmp_path / "x")
    assert not one.ready
    assert words in one.finding


def test_where_a_chat_template_may_be(tmp_path):
    folder = paper.model(tmp_path / "x")
    for file, content in {
        "tokenizer_config.json": json.dumps({"chat_template": "x"}),
        "chat_template.jinja": "x",
    }.items():
        (folder / file).write_text(content)
        assert checkpoints.describe_model(folder).chat
        (folder / file).unlink()


def test_models_of_the_roots(tmp_path):
    paper.hub(tmp_path / "hub", "org/big", {"main": "a1", "step5": "b2"})
    paper.model(tmp_path / "work" / "models" / "mine")
    paper.model(tmp_path / "work" / "models" / "broken", auto_map={"a": "b"})
    paper.model(tmp_path / "work" / "runs" / "helpful" / "checkpoint-8")
    paper.model(tmp_path / "work" / "encoder", architectures=["BertModel"])
    paper.model(tmp_path / "work" / ".venv" / "hidden")
    paper.model(tmp_path / "work" / "a" / "b" / "c" / "too-deep")
    paper.lora(tmp_path / "work" / "adapter")
    paper.model(tmp_path / "outside")
    (tmp_path / "work" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "work" / "circle").symlink_to(tmp_path / "work")
    found = checkpoints.local_models([tmp_path / "hub", tmp_path / "work"])
    assert [(one.name, one.ready) for one in found] == [("mine", True), ("org/big", True), ("broken", False)]
    assert found[1].path == tmp_path / "hub" / "models--org--big" / "snapshots" / "a1"


def test_models_whose_files_lie_outside_the_roots(tmp_path):
    outside = paper.model(tmp_path / "outside" / "model")
    paper.model(tmp_path / "outside" / "bert", architectures=["BertModel"])
    work = tmp_path / "work"
    for name, linked in {"weights": "model.safetensors", "config": "config.json"}.items():
        folder = paper.model(work / name)
        (folder / linked).unlink()
        (folder / linked).symlink_to(outside / linked)
    hub = paper.hub(work, "org/kept", {"main": "a1"})
    (hub / "refs" / "other").write_text("c3")
    (hub / "snapshots" / "c3").symlink_to(outside)
    (paper.hub(work, "org/sly", {"main": "b2"}) / "snapshots" / "b2" / "model.safetensors").unlink()
    sly = work / "models--org--sly" / "snapshots" / "b2"
    (sly / "model.safetensors").symlink_to(outside / "model.safetensors")
    (work / "no-model").mkdir()
    (work / "no-model" / "config.json").symlink_to(outside / "config.json")
    encoder = paper.model(work / "encoder", architectures=["BertModel"])
    (encoder / "extra").symlink_to(outside)
    found = {one.name: one for one in checkpoints.local_models([work])}
    assert {name: one.status for name, one in found.items()} == {
        "org/kept": "ready",
        "config": "refused",
        "org/sly": "refused",
        "weights": "refused",
    }
    assert found["config"].architecture == ""
    assert (found["weights"].architecture, found["weights"].parameters) == ("LlamaForCausalLM", 0)
    assert "model.safetensors is a link that leads out" in found["org/sly"].finding
    # one that the user names is opened all the same
    assert checkpoints.describe_model(work / "weights").ready
    whole = {one.name: one.ready for one in checkpoints.local_models([tmp_path])}
    assert whole["weights"]
    assert whole["config"]
    assert whole["org/sly"]


def test_looking_at_checkpoints_imports_no_torch():
    heavy = {"torch", "transformers", "peft"}
    code = f"import sys, phcore.checkpoints, phcore.checkpoints.roots; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- fingerprints ---------------------------------------------------------------------------------


@pytest.fixture
def base(tmp_path):
    return Checkpoint.of_base(paper.model(tmp_path / "base-model"))


def of(path, base=None, memory=None):
    return checkpoints.fingerprint(path, base and base.path, memory)


@pytest.fixture
def old_enough(monkeypatch):
    """Files that were written just now are remembered, too."""
    monkeypatch.setattr(fingerprints, "JUST_NOW", -1e9)


def test_the_base_is_step_0(base):
    assert (base.step, base.kind, base.status) == (0, "base", "ready")


def test_place_and_name_do_not_matter(tmp_path, base):
    for make in (paper.model, paper.sharded, paper.lora):
        before = of(make(tmp_path / "a"), base)
        shutil.copytree(tmp_path / "a", tmp_path / "copy")
        (tmp_path / "a").rename(tmp_path / "b")
        assert of(tmp_path / "b", base) == of(tmp_path / "copy", base) == before
        shutil.rmtree(tmp_path / "b")
        shutil.rmtree(tmp_path / "copy")


def test_what_changes_a_fingerprint(tmp_path, base):
    other_base = Checkpoint.of_base(paper.model(tmp_path / "other", fill=b"\1"))
    seen = {
        "full": of(paper.model(tmp_path / "1", fill=b"\0"), base),
        "weights": of(paper.model(tmp_path / "2", fill=b"\2"), base),
        "config": of(paper.model(tmp_path / "3", fill=b"\0", rope_theta=5), base),
        "untied": of(paper.model(tmp_path / "4", fill=b"\0", tie_word_embeddings=False), base),
        "adapter": of(paper.lora(tmp_path / "5", fill=b"\0"), base),
        "alpha": of(paper.lora(tmp_path / "6", fill=b"\0", lora_alpha=5), base),
        "adapter's weights": of(paper.lora(tmp_path / "7", fill=b"\3"), base),
        "base": of(paper.lora(tmp_path / "8", fill=b"\0"), other_base),
    }
    assert len(set(seen.values())) == len(seen), seen


def test_what_does_not_change_a_fingerprint(tmp_path, base):
    lora, whole = partial(paper.lora, fill=b"\0"), partial(paper.model, fill=b"\0")
    adapter = of(lora(tmp_path / "a"), base)
    said = {"base_model_name_or_path": "/elsewhere", "lora_dropout": 0.1, "peft_version": "9"}
    assert of(lora(tmp_path / "b", **said), base) == adapter
    assert of(lora(tmp_path / "c", target_modules=["up_proj", "q_proj"], corda_config=None), base) == adapter
    full = of(whole(tmp_path / "d"))
    assert of(whole(tmp_path / "e", _name_or_path="x", transformers_version="9", dtype="float16")) == full
    (tmp_path / "e" / "optimizer.pt").write_bytes(b"x")
    assert of(tmp_path / "e") == full


def test_an_adapter_needs_its_base(tmp_path):
    with pytest.raises(Fault, match="base model"):
        of(paper.lora(tmp_path / "a"))


def test_weights_are_read_once(tmp_path, monkeypatch, old_enough):
    folder, memory = paper.sharded(tmp_path / "a"), tmp_path / "cache" / "memory.json"
    first = of(folder, memory=memory)
    read = []
    honest = fingerprints.hashlib.file_digest
    monkeypatch.setattr(
        fingerprints.hashlib, "file_digest", lambda file, kind: read.append(file.name) or honest(file, kind)
    )
    assert of(folder, memory=memory) == first
    assert read == []
    # the same size and other bytes, and the old time put back
    changed = folder / "model-00001-of-00003.safetensors"
    then = changed.stat().st_mtime_ns
    time.sleep(0.02)  # a tick of the file system's clock
    changed.write_bytes(changed.read_bytes()[:-1] + b"\7")
    os.utime(changed, ns=(then, then))
    assert of(folder, memory=memory) != first
    assert read == [str(changed)]


def test_what_was_written_just_now_is_read_again(tmp_path):
    """Two writes within one tick of the file system's clock leave the same times."""
    folder, memory = paper.model(tmp_path / "a"), tmp_path / "memory.json"
    of(folder, memory=memory)
    assert not memory.exists()


def test_the_state_of_a_folder_changes_with_every_write(tmp_path):
    folder = paper.model(tmp_path / "a")
    before = checkpoints.state(folder)
    assert checkpoints.state(folder) == before
    file = folder / "model.safetensors"
    other = folder / "other"
    shutil.copy2(file, other)
    os.replace(other, file)  # the same bytes, size and modification time: another file
    assert checkpoints.state(folder) != before
    before = checkpoints.state(folder)
    time.sleep(0.02)
    (folder / "config.json").write_text((folder / "config.json").read_text())
    assert checkpoints.state(folder) != before
    file.unlink()
    with pytest.raises(Fault):
        checkpoints.state(folder)


@pytest.mark.parametrize("content", [b"", b"\xff\xff", b"[]", b'{"x": 1'])
@pytest.mark.usefixtures("old_enough")
def test_a_damaged_memory_only_costs_time(tmp_path, content):
    memory = tmp_path / "memory.json"
    memory.write_bytes(content)
    folder = paper.model(tmp_path / "a")
    assert of(folder, memory=memory) == of(folder)
    assert list(json.loads(memory.read_text())) == [str(folder / "model.safetensors")]


def test_two_processes_share_a_memory(tmp_path):
    """Whatever the order of their writes, the file stays whole and the digests right."""
    code = """
import sys
import time
from pathlib import Path
from phcore.checkpoints import fingerprint, fingerprints
fingerprints.JUST_NOW = -1e9
for folder in sorted(Path(sys.argv[1]).iterdir()):
    print(fingerprint(folder, None, Path(sys.argv[2])))
"""
    for k in range(20):
        paper.model(tmp_path / "models" / f"{k:02}", fill=bytes([k]))
    command = [sys.executable, "-c", code, str(tmp_path / "models"), str(tmp_path / "memory.json")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = [process.communicate()[0] for process in both]
    assert first == second
    assert len(set(first.split())) == 20
    assert json.loads((tmp_path / "memory.json").read_text())
    assert sorted(one.name for one in tmp_path.iterdir()) == ["memory.json", "models"]


def test_a_file_that_is_being_written(tmp_path, monkeypatch):
    folder = paper.model(tmp_path / "a")
    honest = fingerprints.hashlib.file_digest

    def slow(file, kind):
        found = honest(file, kind)
        os.utime(folder / "model.safetensors", ns=(1, 1))
        return found

    monkeypatch.setattr(fingerprints.hashlib, "file_digest", slow)
    with pytest.raises(Fault, match="changed while it was read"):
        of(folder)


def test_tokenizers(tmp_path):
    folder = paper.model(tmp_path / "a")
    with pytest.raises(Fault, match="no tokenizer"):
        checkpoints.tokenizer_digest(folder)
    seen = []
    for name in ("tokenizer.json", "chat_template.jinja", "spiece.model"):
        (folder / name).write_text("1")
        seen.append(checkpoints.tokenizer_digest(folder))
    (folder / "chat_template.jinja").write_text("2")
    seen.append(checkpoints.tokenizer_digest(folder))
    (folder / "additional_chat_templates").mkdir()
    for name in ("tokenizer.4.0.0.json", "additional_chat_templates/default.jinja"):  # which transformers may prefer
        (folder / name).write_text("1")
        seen.append(checkpoints.tokenizer_digest(folder))
    assert len(set(seen)) == len(seen)
    (folder / "config.json").write_text("{}")
    shutil.copytree(folder, tmp_path / "b")
    assert checkpoints.tokenizer_digest(tmp_path / "b") == seen[-1]


@pytest.mark.parametrize("spoil", [os.mkdir, os.mkfifo])
def test_a_tokenizer_that_cannot_be_read_is_a_sentence(tmp_path, spoil):
    folder = paper.model(tmp_path / "a")
    spoil(folder / "tokenizer.json")
    with pytest.raises(Fault, match=r"tokenizer.json: it cannot be read"):
        checkpoints.tokenizer_digest(folder)


def test_hybrid_models_tell_their_layers_one_by_one(tmp_path):
    place = paper.model(tmp_path / "hybrid", num_hidden_layers=None, layers_block_type=["mamba", "attention", "mamba"])
    assert checkpoints.describe_model(place).n_layers == 3
    xlm = {"n_layers": 5, "emb_dim": 24, "hidden_size": None}
    place = paper.model(tmp_path / "xlm", num_hidden_layers=None, **xlm)
    assert (checkpoints.describe_model(place).n_layers, checkpoints.describe_model(place).hidden_size) == (5, 24)
    place = paper.model(tmp_path / "prophet", num_hidden_layers=None, num_decoder_layers=6)
    assert checkpoints.describe_model(place).n_layers == 6
    place = paper.model(tmp_path / "older", num_hidden_layers=None, hybrid_override_pattern="M-M*")
    assert checkpoints.describe_model(place).n_layers == 4


def test_a_memory_that_cannot_be_kept_only_costs_time(tmp_path, old_enough):
    folder = paper.model(tmp_path / "a")
    (tmp_path / "memory").mkdir()
    assert of(folder, memory=tmp_path / "memory") == of(folder)
