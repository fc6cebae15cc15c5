"""A training of two processes (DDP): the first one looks, and both train as without it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from phcore import Study
from tests import studies

ROOT = Path(__file__).resolve().parents[3]
TRAIN = """
import json, os, sys
from pathlib import Path
import torch, transformers
from peft import LoraConfig, get_peft_model
from phcore.training import TopologyCallback

base, place, watched = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "watched"
torch.manual_seed(0)
model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
model = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"], lora_dropout=0.2, task_type="CAUSAL_LM"))
made = torch.Generator().manual_seed(1)
rows = [{"input_ids": ids, "labels": ids} for ids in torch.randint(3, 300, (64, 12), generator=made)]
args = transformers.TrainingArguments(
    output_dir=str(place / "run"), max_steps=6, learning_rate=5e-3, logging_steps=1, report_to="none", use_cpu=True,
    save_strategy="no", disable_tqdm=True, per_device_train_batch_size=2, ddp_backend="gloo",
)
where = {"study": "live", "probes": place / "probes.jsonl", "cache": place / "cache"}
callback = TopologyCallback("helpful", every=2, layers=(1, 3), subsamples=4, **where)
trainer = transformers.Trainer(model, args, train_dataset=rows, callbacks=[callback] if watched else [])
trainer.train()
assert torch.distributed.get_world_size() == 2
losses = [one["loss"] for one in trainer.state.log_history if "loss" in one]
(place / f"losses-{sys.argv[3]}-{os.environ['RANK']}.json").write_text(json.dumps(losses))
assert (callback.looks is not None) == (watched and os.environ["RANK"] == "0")
"""


@pytest.mark.long
def test_the_first_of_two_processes_looks_and_losses_are_as_without(llama, tmp_path):
    studies.write_probes(tmp_path / "probes.jsonl")
    script = tmp_path / "train.py"
    script.write_text(TRAIN)
    for how in ("plain", "watched"):
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", str(script),
                   str(llama), str(tmp_path), how]  # fmt: skip
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
    plain, watched = (json.loads((tmp_path / f"losses-{how}-0.json").read_text()) for how in ("plain", "watched"))
    assert watched == plain
    assert len(plain) == 6
    path = Study.open("live", tmp_path / "cache").record.path_of("helpful")
    assert [one.step for one in path] == [0, 2, 4, 6]
