"""The callback in TRL's own trainers: run by `make test-trl`, in an environment that has TRL."""

import math

import pytest

pytest.importorskip("trl")  # before torch is imported for what would be skipped
pytest.importorskip("datasets")

from phcore import Study
from phcore.training import TopologyCallback
from tests import models, studies

STEPS = 6
GIVEN = {"max_steps": STEPS, "per_device_train_batch_size": 2, "logging_steps": 1, "report_to": "none", "use_cpu": True,
         "save_strategy": "no", "disable_tqdm": True, "learning_rate": 1e-3, "bf16": False, "seed": 0}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return models.build_chat_model(tmp_path_factory.mktemp("trl") / "base")


def rows(kind):
    from datasets import Dataset

    asked = [{"role": "user", "content": "Name a river."}]
    good, bad = ({"role": "assistant", "content": words} for words in ("The Rhine flows north.", "No."))
    if kind == "sft":
        return Dataset.from_list([{"messages": [*asked, good]}] * 16)
    if kind == "grpo":
        return Dataset.from_list([{"prompt": asked}] * 16)
    return Dataset.from_list([{"prompt": asked, "chosen": [good], "rejected": [bad]}] * 16)


def trained(kind, base, folder, callbacks, adapter=True):
    import torch
    import trl
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM

    from phcore.activations.tokens import load_tokenizer

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    peft = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], lora_dropout=0.1, task_type="CAUSAL_LM")
    how = {"model": model, "train_dataset": rows(kind), "processing_class": load_tokenizer(base)}
    how["callbacks"] = callbacks
    if adapter:
        how["peft_config"] = peft
    if kind == "sft":
        trainer = trl.SFTTrainer(args=trl.SFTConfig(output_dir=str(folder), max_length=64, **GIVEN), **how)
    elif kind == "dpo":
        trainer = trl.DPOTrainer(args=trl.DPOConfig(output_dir=str(folder), max_length=64, **GIVEN), **how)
    else:  # rewards that differ between the answers of a group: their lengths
        args = trl.GRPOConfig(output_dir=str(folder), num_generations=2, max_completion_length=8, **GIVEN)
        trainer = trl.GRPOTrainer(args=args, reward_funcs=_length, **how)
    trainer.train()
    # The loss of GRPO is nothing at each first step; its gradient is not.
    return [(one["loss"], one["grad_norm"]) for one in trainer.state.log_history if "loss" in one]


def _length(completions, **_):
    return [float(len(one[0]["content"])) for one in completions]


@pytest.mark.parametrize("adapter", [True, False])
@pytest.mark.parametrize("kind", ["sft", "dpo", "grpo"])
def test_losses_and_gradients_are_those_without_it_and_the_study_is_there(kind, adapter, base, tmp_path):
    plain = trained(kind, base, tmp_path / "plain", [], adapter)
    callback = TopologyCallback(kind, study="trl", every=2, probes=studies.write_probes(tmp_path / "probes.jsonl"),
                                layers=(1, 3), subsamples=4, cache=tmp_path / "cache", model=base)  # fmt: skip
    watched = trained(kind, base, tmp_path / "watched", [callback], adapter)
    assert watched == plain
    assert len(watched) == STEPS
    assert all(math.isfinite(loss) and math.isfinite(norm) for loss, norm in watched)
    assert len({norm for _, norm in watched}) > 1
    record = Study.open("trl", tmp_path / "cache").record
    assert [node.step for node in record.path_of(kind)] == [0, 2, 4, 6]
