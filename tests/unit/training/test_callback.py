"""Looks at a model in training: training stays as it was, and the study is whole."""

import json
import os
import random
import shutil

import numpy as np
import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model

from phcore import Fault, Study
from phcore.archive.store import Store
from phcore.figures.figure import Choice
from phcore.figures.registry import FIGURES
from phcore.pipeline.plan import plan
from phcore.training import TopologyCallback
from phcore.training import callback as module
from phcore.training.alarms import Look, Measured
from tests import studies

STEPS = 8
pytestmark = pytest.mark.model


@pytest.fixture
def train(llama, tmp_path):
    """Train a little and return (losses, Trainer); `lora` or all weights."""

    def go(callbacks=(), out="run", lora=True, model=None, **arguments):
        torch.manual_seed(0)
        if model is None:
            model = transformers.AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)
            if lora:
                config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], lora_dropout=0.2, task_type="CAUSAL_LM")
                model = get_peft_model(model, config)
        made = torch.Generator().manual_seed(1)
        rows = [{"input_ids": ids, "labels": ids} for ids in torch.randint(3, 300, (64, 12), generator=made)]
        given = {"max_steps": STEPS, "learning_rate": 5e-3, "logging_steps": 1, "report_to": "none", "use_cpu": True,
                 "save_strategy": "no", "disable_tqdm": True, "per_device_train_batch_size": 4}  # fmt: skip
        args = transformers.TrainingArguments(output_dir=str(tmp_path / out), **(given | arguments))
        trainer = transformers.Trainer(model, args, train_dataset=rows, callbacks=list(callbacks))
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
        return [one["loss"] for one in trainer.state.log_history if "loss" in one], trainer

    return go


@pytest.fixture
def watching(tmp_path):
    """A callback with a small study."""

    def make(objective="helpful", **changes):
        probes = tmp_path / "probes.jsonl"
        if not probes.exists():
            studies.write_probes(probes)
        given = {"study": "live", "every": 2, "probes": probes, "layers": (1, 2), "subsamples": 4,
                 "cache": tmp_path / "cache"}  # fmt: skip
        return TopologyCallback(objective, **(given | changes))

    return make


HOW = {
    "plain": {},
    "accumulated": {"gradient_accumulation_steps": 2, "gradient_checkpointing": True},
    "mixed": {"bf16": True},
    "compiled": {"torch_compile": True, "torch_compile_backend": "eager"},  # traced as for any, and run as it is
}
SOON = {("plain", True), ("plain", False), ("accumulated", True), ("mixed", False)}


@pytest.mark.parametrize(
    ("how", "lora"),
    [
        pytest.param(how, lora, id=f"{name}-{lora}", marks=() if (name, lora) in SOON else pytest.mark.long)
        for name, how in HOW.items()
        for lora in (True, False)
    ],
)
def test_losses_are_those_without_it_to_the_bit(train, watching, lora, how):
    plain, _ = train(lora=lora, **how)
    callback = watching(schedule="1, 2, 5", every=None)
    watched, trainer = train([callback], lora=lora, **how)
    assert watched == plain
    assert [one.step for one in callback.looks.seen] == [0, 1, 2, 5, 8]
    assert trainer.model.training


def test_the_study_is_whole_without_any_checkpoint(train, watching, tmp_path):
    _, trainer = train([watching()])
    study = Study.open("live", tmp_path / "cache")
    assert [(one.step, one.kind) for one in study.record.path_of("helpful")] == [
        (0, "base"), (2, "live"), (4, "live"), (6, "live"), (8, "live"),
    ]  # fmt: skip
    assert not list((tmp_path / "run").rglob("*.safetensors"))
    left = plan(study.record, Store(tmp_path / "cache"))
    assert {unit.place.nodes[0].label for unit in left.readings} == {"base"}  # its second reading alone
    record, run = studies.compute(study.record.study, Store(tmp_path / "cache"))
    assert run.warnings == []
    assert [one.step for one in record.path_of("helpful")] == [0, 2, 4, 6, 8]
    whole = Study.open("live", tmp_path / "cache")
    assert whole.complete
    velocities = whole.table("velocities")
    told = [one for one in trainer.state.log_history if "topology/layer_1/velocity" in one]
    order, scale = study.study.order, study.study.scale
    for row in told:
        own = velocities[(velocities["layer"] == 1) & (velocities["step"] == row["step"])]
        own = own[(own["degree"] == 1) & (own["order"] == order) & (own["scale"] == scale)]
        assert row["topology/layer_1/velocity"] == pytest.approx(own["value"].median(), rel=1e-12)


def test_numbers_reach_every_reporting_integration(train, watching):
    heard = []

    class Reporter(transformers.TrainerCallback):
        def on_log(self, args, state, control, logs=None, **_):
            heard.append(dict(logs))

    train([Reporter(), watching()])
    looks = [one for one in heard if "topology/layer_2/velocity" in one]
    assert len(looks) == STEPS / 2
    assert 0 < looks[-1]["topology/share_of_time"] < 1


def test_several_runs_share_a_study(train, watching, tmp_path):
    train([watching()], out="a")
    train([watching("harmless", seed=3)], out="b")
    train([watching()], out="a")  # once more: its looks are those of the last time
    record = Study.open("live", tmp_path / "cache").record
    assert [(one.name, one.objective, one.seed) for one in record.series] == [
        ("harmless-seed3", "harmless", 3), ("helpful", "helpful", 0),
    ]  # fmt: skip
    assert [one.step for one in record.nodes] == [0, *[2, 4, 6, 8] * 2]


def test_a_study_with_other_parameters_is_left_alone(train, watching, tmp_path, caplog):
    train([watching()], out="a")
    before = (tmp_path / "cache" / "studies" / "live" / "record.json").read_bytes()
    _, trainer = train([watching("harmless", subsamples=5)], out="b")
    assert trainer.state.global_step == STEPS
    assert "with another subsamples" in caplog.text
    assert (tmp_path / "cache" / "studies" / "live" / "record.json").read_bytes() == before


def test_what_fails_does_not_end_the_training(train, watching, monkeypatch, caplog):
    def fails(*_):
        raise RuntimeError("no")

    monkeypatch.setattr(module.Looks, "take", fails)
    callback = watching(every=1)
    losses, _ = train([callback])
    assert len(losses) == STEPS
    assert caplog.text.count("failed: no") == module.ATTEMPTS
    assert callback.looks is None


def test_what_the_archive_lost_meanwhile_is_said(train, watching, tmp_path, caplog):
    class Deletes(transformers.TrainerCallback):
        def on_step_end(self, args, state, control, **_):
            if state.global_step == 5:
                shutil.rmtree(tmp_path / "cache")

    losses, _ = train([watching(), Deletes()])
    assert len(losses) == STEPS
    assert "What was read at step 2 and 4 is not in the archive any more." in caplog.text


def test_a_model_without_a_folder_is_said(train, watching, llama, caplog):
    model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(llama))
    model.config._name_or_path = model.name_or_path = ""
    train([watching()], model=model)
    assert "TopologyCallback(model=...)" in caplog.text


def test_another_model_than_the_one_in_the_folder_is_no_base(train, watching, llama, tmp_path, caplog):
    """Its clouds would stand under the name of other weights, for every study on that base."""
    model = transformers.AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight[3, 3] += 1
    _, trainer = train([watching()], model=model)
    assert "not the one in this folder (model.layers.0.mlp.up_proj.weight)" in caplog.text
    assert trainer.state.global_step == STEPS
    assert not list((tmp_path / "cache").rglob("clouds/*"))


def test_the_same_weights_under_other_settings_are_another_look(train, watching, llama, tmp_path):
    """A look of the one under the key of the other would have the hidden states of the other."""

    def run(alpha):
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)
        where = {"target_modules": ["q_proj"], "init_lora_weights": False, "task_type": "CAUSAL_LM"}
        adapted = get_peft_model(model, LoraConfig(r=2, lora_alpha=alpha, **where))
        train([watching(series=f"alpha-{alpha}")], model=adapted, max_steps=2, learning_rate=0.0)

    run(4)
    run(16)
    record = Study.open("live", tmp_path / "cache").record
    assert [one.label for one in record.nodes[1:]] == ["alpha-16", "alpha-4"]
    assert record.nodes[1].fingerprint != record.nodes[2].fingerprint


def test_a_run_that_goes_on_upon_another_base_is_not_looked_at(train, watching, llama, tmp_path, caplog):
    train([watching()], save_strategy="steps", save_steps=2, max_steps=2)
    model = transformers.AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight[3, 3] += 1
    where = {"target_modules": ["q_proj", "v_proj"], "lora_dropout": 0.2, "task_type": "CAUSAL_LM"}
    _, trainer = train(model=get_peft_model(model, LoraConfig(r=2, **where)), max_steps=0, out="other")
    trainer.add_callback(watching())
    trainer.args.max_steps = 4
    trainer.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-2"))
    assert "not the one in this folder (model.layers.0.mlp.up_proj.weight)" in caplog.text
    assert [one.step for one in Study.open("live", tmp_path / "cache").record.path_of("helpful")] == [0, 2]


def test_a_record_does_not_depend_on_which_training_wrote_last(train, watching, tmp_path):
    def records(*order):
        for name in order:
            train([watching(name, cache=tmp_path / "-".join(order))], out=name, max_steps=2)
        return (tmp_path / "-".join(order) / "studies" / "live" / "record.json").read_bytes()

    assert records("helpful", "harmless") == records("harmless", "helpful")


def test_a_larger_vocabulary_is_no_other_model(train, watching, llama):
    model = transformers.AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)
    model.resize_token_embeddings(model.config.vocab_size + 3)
    callback = watching()
    train([callback], model=model)
    assert [one.step for one in callback.looks.seen] == [0, 2, 4, 6, 8]


def test_a_tokenizer_that_changes_meanwhile_is_no_look(train, watching, llama, tmp_path, monkeypatch, caplog):
    from phcore.pipeline import reading

    own = tmp_path / "own"
    shutil.copytree(llama, own)
    encoded = reading.Asked.of.__func__

    def then_changed(cls, *given):
        found = encoded(cls, *given)
        (own / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
        return found

    monkeypatch.setattr(reading.Asked, "of", classmethod(then_changed))
    train([watching(model=own)])
    assert "the tokenizer changed" in caplog.text


def test_looks_take_no_more_than_they_may(train, watching, monkeypatch):
    callback = watching(every=1, max_overhead=0.5)
    clock = iter(np.arange(0, 1e6, 1.0))  # each reading of the clock is a second later: a look takes one
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    train([callback])
    assert callback.left_out > 0
    assert callback.looks.seen[-1].step == STEPS  # the last is always taken


def test_alarms_are_kept_and_stop_where_they_should(train, watching, tmp_path, monkeypatch, caplog):
    def look(self, node, weights):
        return Look(node.step, {1: Measured(node.step < 4, 40, 15.0, 20.0, 1.0)}, weights)

    monkeypatch.setattr(module.Looks, "_measured", look)
    _, trainer = train([watching(stop_on=("not finite",))])
    assert trainer.state.global_step == 4
    rows = [json.loads(line) for line in (tmp_path / "cache/studies/live/alarms.jsonl").read_text().splitlines()]
    assert [(one["series"], one["step"], one["kind"]) for one in rows] == [("helpful", 4, "not finite")]
    assert "Hidden states are not finite at layer 1." in caplog.text


def test_a_run_that_goes_on_takes_later_looks_again(train, watching, tmp_path):
    train([watching()], save_strategy="steps", save_steps=4)
    callback = watching()
    torch.manual_seed(0)
    _, trainer = train([callback], max_steps=4)
    record = Study.open("live", tmp_path / "cache").record
    assert [one.step for one in record.path_of("helpful")] == [0, 2, 4]
    callback = watching()
    trainer.callback_handler.callbacks[-1:] = [callback]
    trainer.args.max_steps = STEPS
    trainer.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-4"))
    record = Study.open("live", tmp_path / "cache").record
    assert [one.step for one in record.path_of("helpful")] == [0, 2, 4, 6, 8]


def test_states_are_what_they_were(llama):
    model = transformers.AutoModelForCausalLM.from_pretrained(llama).train()
    model.model.layers[1].eval()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    before = random.random(), np.random.rand(), torch.rand(1).item()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    with module._as_found(model):
        assert not model.training
        random.random(), np.random.rand(), torch.rand(1)
    assert (random.random(), np.random.rand(), torch.rand(1).item()) == before
    assert model.training
    assert not model.model.layers[1].training


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"stop_on": ("boom",)}, "no kind of alarm"), ({"max_overhead": 5}, "no share of the time"),
     ({"study": "../up"}, "study name"), ({"subsamples": -1}, "subsamples"),
     ({"every": 0}, "asks for no step"), ({"every": None, "schedule": "now and then"}, "no part of a schedule")],
)  # fmt: skip
def test_parameters_that_cannot_be_are_said_before_training(watching, changes, words):
    with pytest.raises(Fault, match=words):
        watching(**changes)


def test_sharded_weights_are_a_sentence(tmp_path, watching, llama, caplog):
    args = transformers.TrainingArguments(output_dir=str(tmp_path), report_to="none", use_cpu=True)
    state = transformers.TrainerState(max_steps=8)
    callback = watching()
    args.fsdp = ["full_shard"]
    callback.on_train_begin(args, state, transformers.TrainerControl(), model=None)
    assert "FSDP spreads the weights" in caplog.text
    assert callback.looks is None


def test_a_study_of_looks_is_found_from_any_folder(train, watching, llama, tmp_path, monkeypatch):
    monkeypatch.chdir(llama.parent)
    train([watching(model=llama.name)], max_steps=2)
    monkeypatch.chdir(tmp_path)
    assert Study.open("live", tmp_path / "cache").study.model == llama


def test_a_look_has_all_that_the_first_page_shows(train, watching, tmp_path):
    train([watching()], max_steps=4)
    study = Study.open("live", tmp_path / "cache")
    choice = Choice.of(study, layer=2)
    panels = FIGURES["maps"].read(study, choice)["panels"]
    assert [(one.name, [frame.step for frame in one.frames]) for one in panels] == [
        ("base", [0]), ("helpful", [0, 2, 4]),
    ]  # fmt: skip
    assert FIGURES["net_change"].read(study, choice)["rows"]["step"].max() == 4
    assert FIGURES["paths"].read(study, choice)["points"]["step"].max() == 4
    with pytest.raises(Fault, match="effect sizes need two series"):
        FIGURES["effects"].read(study, choice)


def test_a_record_is_dated_when_a_look_is_whole(train, watching, tmp_path, monkeypatch):
    file, times = tmp_path / "cache/studies/live/record.json", []
    measured = module.Looks._measured

    def then(self, *given):
        found = measured(self, *given)
        os.utime(file, (0, 0))
        return found

    monkeypatch.setattr(module.Looks, "_measured", then)
    callback = watching()
    monkeypatch.setattr(callback, "_log", lambda *_: times.append(file.stat().st_mtime))
    train([callback], max_steps=4)
    assert len(times) >= 2
    assert min(times) > 0
