"""What is known before anything is computed."""

import io
import json
import shutil
import subprocess
import sys

import pytest
from transformers import AutoConfig, AutoModelForSeq2SeqLM

from phcore import activations, checkpoints
from phcore.activations.trial import trial
from phcore.errors import Fault
from phcore.pipeline import preflight
from tests.models import PROMPTS, build_adapter, build_model, build_tokenizer, edit_json, nudge


@pytest.fixture
def copied(llama, tmp_path):
    shutil.copytree(llama, tmp_path / "base")
    return tmp_path / "base"


def test_a_study_that_works_is_one(llama, lora, tmp_path):
    full = nudge(llama, tmp_path / "full")
    found = trial(llama, [(lora("llama"), "adapter"), (full, "full")], PROMPTS)
    assert (found.base, found.prompts, found.findings, found.notes) == ("", "", {}, {})
    assert found.preview == activations.as_read(llama, PROMPTS)[:3]
    assert "<user>What is a loop?</user><answer>" in found.preview[0]
    assert trial(llama, (), PROMPTS[:1], chat=False).preview == ["<s>" + PROMPTS[0]]


def test_no_weight_is_read(llama, lora, tmp_path, monkeypatch):
    """The numbers of a whole model may be anything: only those of adapters are looked at."""
    full = nudge(llama, tmp_path / "full")
    monkeypatch.setattr("phcore.activations.exactness.compare", lambda *_: pytest.fail("weights were compared"))
    assert trial(llama, [(full, "full"), (lora("llama"), "adapter")]).findings == {}


def test_each_checkpoint_that_would_not_load_says_why(tiny, lora, llama, tmp_path):
    other, wide = lora("gpt2"), build_model(tmp_path / "wide", "llama", hidden_size=64)
    found = trial(llama, [(lora("llama"), "adapter"), (other, "adapter"), (wide, "full")])
    assert set(found.findings) == {str(other), str(wide)}
    assert "PEFT cannot load" in found.findings[str(other)]
    assert "hidden size 64" in found.findings[str(wide)]


def test_what_is_alike_is_tried_once(llama, tmp_path, monkeypatch):
    some = [(build_adapter(tmp_path / str(k), llama, seed=k), "adapter") for k in range(3)]
    opened = []
    honest = activations.Loader.open
    monkeypatch.setattr(activations.Loader, "open", lambda self, *a: opened.append(a) or honest(self, *a))
    trial(llama, some)
    assert len(opened) == 2  # the base, and one of them


# --- models ---------------------------------------------------------------------------------------


def test_an_encoder_and_a_decoder_are_no_causal_model(tmp_path):
    config = AutoConfig.for_model("t5", d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, vocab_size=600)
    AutoModelForSeq2SeqLM.from_config(config).save_pretrained(tmp_path)
    build_tokenizer(tmp_path)
    assert "encoder-decoder" in checkpoints.describe_model(tmp_path).finding


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "clip"}, ("no causal language model for the type CLIP", "Pick a model that says the next")),
        ({"model_type": "of-tomorrow"}, ("does not know the model type of-tomorrow", "Update transformers")),
        ({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}, ("itsandbytes", "Install")),
        ({"quantization_config": {"quant_method": "compressed-tensors"}}, ("compressed", "Install")),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, ("gptq", "Install")),
    ],
    ids=["vision", "unknown", "bitsandbytes", "compressed", "gptq"],
)
def test_models_that_do_not_load_here(copied, changes, words):
    edit_json(copied / "config.json", **changes)
    told = trial(copied).base
    for word in words:
        assert word.lower() in told.lower(), told


KERNELS = ["kernels-community/flash-attn2", "someone/kernel:attention", "paged|someone/kernel"]


@pytest.mark.parametrize("name", ["_attn_implementation", "_attn_implementation_internal", "attn_implementation"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels_from_a_hub_are_refused(copied, name, kernel):
    edit_json(copied / "config.json", **{name: kernel})
    assert checkpoints.describe_model(copied).status == "refused"
    assert "kernel from a hub" in trial(copied).base
    with pytest.raises(Fault, match="kernel from a hub"):
        activations.load_model(copied)
    edit_json(copied / "config.json", **{name: {"text_config": kernel}})
    assert checkpoints.describe_model(copied).status == "refused"


@pytest.mark.parametrize("name", ["_attn_implementation_internal", "attn_implementation"])
@pytest.mark.parametrize("kind", ["flash_attention_2", "flex_attention", "sdpa", "eager"])
def test_attention_of_another_machine_is_computed_with_what_is_here(copied, name, kind):
    edit_json(copied / "config.json", **{name: kind})
    assert trial(copied).base == ""
    assert activations.load_model(copied).config._attn_implementation in ("sdpa", "eager")


# --- prompts --------------------------------------------------------------------------------------


def test_prompts_that_cannot_be_read(llama, copied):
    assert "prompt 1 has" in trial(llama, (), ["long " * 200]).prompts
    (copied / "chat_template.jinja").write_text("always the same")
    assert "all prompts would read the same" in trial(copied, (), PROMPTS).prompts
    assert trial(copied, (), PROMPTS, chat=False).prompts == ""


def test_another_chat_template_than_the_base_is_said(llama, tmp_path):
    full = nudge(llama, tmp_path / "run" / "checkpoint-8")
    adapter = build_adapter(tmp_path / "lora" / "checkpoint-8", llama)
    for folder in (full, adapter):
        [one] = checkpoints.scan(folder.parent, llama)[0].checkpoints
        assert "template" not in one.note
        (folder / "chat_template.jinja").write_text("<other>{{ messages[0].content }}")
        [one] = checkpoints.scan(folder.parent, llama)[0].checkpoints
        assert one.ready
        assert "Its chat template is another one than the base's" in one.note


# --- in a process of its own ------------------------------------------------------------------------


def test_the_trial_of_another_process_is_the_same(llama, lora, tmp_path, monkeypatch, far_work):
    monkeypatch.chdir(tmp_path)
    other = lora("gpt2")
    shutil.copytree(other, tmp_path / "runs" / "helpful" / "checkpoint-2")
    shutil.copytree(lora("llama"), tmp_path / "runs" / "helpful" / "checkpoint-4")
    series = checkpoints.scan("runs", llama)
    verdict = preflight.tried(llama, series, PROMPTS)
    assert verdict.preview == activations.as_read(llama, PROMPTS)[:3]
    [one] = preflight.judged(series, verdict)
    assert [each.status for each in one.checkpoints] == ["refused", "ready"]
    assert one.checkpoints[0].finding.startswith("PEFT cannot load")


def test_a_trial_that_dies_is_a_sentence(llama, monkeypatch, far_work):
    def die(*_arguments, **_options):
        raise subprocess.CalledProcessError(1, "python", stderr=b"Traceback\nMemoryError: none left")

    monkeypatch.setattr(preflight.subprocess, "run", die)
    with pytest.raises(Fault, match="MemoryError: none left"):
        preflight.tried(llama, ())


def test_what_libraries_print_does_not_spoil_the_answer(llama, monkeypatch, capsys):
    module = sys.modules[trial.__module__]
    monkeypatch.setattr(module, "trial", lambda **question: print("hello") or trial(**question))
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps({"base": str(llama)})))
    module.main()
    assert json.loads(capsys.readouterr().out)["base"] == ""
