"""Fine-tuning: what lies in the folders, what is learned, and what happens when it is stopped."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from phcore import checkpoints
from phcore.cli.main import main
from phcore.errors import Fault
from phcore.pipeline.run import Cancelled
from phcore.training import trainer
from phcore.training.finetune import MARK, finetune, forecast
from phcore.training.recipe import Recipe
from tests import models

RECIPE = Recipe(steps=6, schedule="1, 2, 4", batch=2, held_out=4, max_tokens=128, warmup=2, rate=1e-2, rank=2, alpha=4)
MIX = {"mixed": {"helpful": 0.5, "harmless": 0.5}}
ROOT = Path(__file__).resolve().parents[3]


def weights(run, step=6):
    return next((run / f"checkpoint-{step}").glob("*model.safetensors")).read_bytes()


def history(run, step=6):
    return json.loads((run / f"checkpoint-{step}" / "trainer_state.json").read_text())["log_history"]


def contents(folder):
    return {str(one.relative_to(folder)): one.stat().st_mtime_ns for one in folder.rglob("*")}


# --- what is there afterwards -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(base, tmp_path_factory):
    """(folder of four runs, events)"""
    place = tmp_path_factory.mktemp("finetune")
    events = []
    talk = models.write_conversations(place)
    finetune(base, place / "runs", talk, mixes=MIX, seeds=2, recipe=RECIPE, on_event=events.append,
             only=["helpful-seed0", "helpful-seed1", "harmless-seed0", "mixed-seed1"])  # fmt: skip
    return place / "runs", events


def test_the_scan_finds_every_run_with_objective_and_seed(made, base):
    found = checkpoints.scan(made[0], base)
    assert {(one.objective, one.seed) for one in found} == {
        ("helpful", 0), ("helpful", 1), ("harmless", 0), ("mixed", 1)
    }  # fmt: skip
    for one in found:
        assert [checkpoint.step for checkpoint in one.checkpoints] == [1, 2, 4, 6]
        assert {(checkpoint.kind, checkpoint.status) for checkpoint in one.checkpoints} == {("adapter", "ready")}


def test_only_the_newest_checkpoint_keeps_what_is_needed_to_go_on(made):
    for run in made[0].iterdir():
        assert not (run / trainer.PART).exists()
        for folder in run.glob("checkpoint-*"):
            names = {one.name for one in folder.iterdir()}
            plain = {"adapter_model.safetensors", "adapter_config.json", "trainer_state.json"}
            assert names == plain | (set(trainer.RESUME) if folder.name == "checkpoint-6" else set())


def test_adapters_name_their_base(made, base):
    config = json.loads((made[0] / "mixed-seed1" / "checkpoint-1" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(base.resolve())
    assert (config["r"], config["lora_alpha"]) == (2, 4)
    assert "lm_head" not in config["target_modules"]


def test_the_log_tells_every_step_and_every_held_out_loss(made):
    for run in made[0].iterdir():
        log = history(run)
        steps = {one["step"]: one for one in log if "loss" in one}
        assert list(steps) == [1, 2, 3, 4, 5, 6]
        assert [round(one["learning_rate"], 6) for one in steps.values()] == [0.005, 0.01, 0.01, 0.0075, 0.005, 0.0025]
        judged = [one for one in log if "eval_helpful_loss" in one]
        assert [one["step"] for one in judged] == [0, 1, 2, 4, 6]
        assert all(one["eval_harmless_loss"] > 0 for one in judged)
        assert log[: len(history(run, 2))] == history(run, 2)
        assert 0 < log[-1]["epoch"] < 1


def test_the_base_is_the_same_and_the_seeds_are_not(made):
    runs = {one.name: one for one in made[0].iterdir()}
    assert len({history(one)[0]["eval_helpful_loss"] for one in runs.values()}) == 1
    assert len({weights(one, 1) for one in runs.values()}) == len(runs)
    assert history(runs["helpful-seed0"])[1]["loss"] != history(runs["helpful-seed1"])[1]["loss"]


def test_what_is_trained_on_is_learned(made):
    final = {one.name: history(one)[-1] for one in made[0].iterdir()}
    first = history(made[0] / "helpful-seed0")[0]
    for name in ("helpful", "harmless"):
        assert final[f"{name}-seed0"][f"eval_{name}_loss"] < first[f"eval_{name}_loss"] - 0.05


def test_runs_with_several_learning_rates_are_found_with_their_objectives(base, talk, tmp_path):
    asked = {"recipe": replace(RECIPE, steps=2, schedule="1"), "rates": [1e-2, 2.5e-4], "only": []}
    out = tmp_path / "runs"
    folders = finetune(base, out, {"helpful": talk["helpful"]}, seeds=2, **asked)
    assert [one.name for one in folders] == [
        "helpful-lr1e-2-seed0", "helpful-lr1e-2-seed1", "helpful-lr2.5e-4-seed0", "helpful-lr2.5e-4-seed1"
    ]  # fmt: skip
    highest = {one.name: max(row.get("learning_rate", 0) for row in history(one, 2)) for one in folders}
    assert highest["helpful-lr1e-2-seed1"] == pytest.approx(1e-2)
    assert highest["helpful-lr2.5e-4-seed1"] == pytest.approx(2.5e-4)
    # One seed sees the same conversations at every rate: so the first loss is the same.
    first = {one.name: next(row["loss"] for row in history(one, 2) if "loss" in row) for one in folders}
    assert first["helpful-lr1e-2-seed0"] == first["helpful-lr2.5e-4-seed0"] != first["helpful-lr1e-2-seed1"]
    found = {(one.objective, one.seed) for one in checkpoints.scan(out, base)}
    assert found == {(f"helpful-lr{rate}", seed) for rate in ("1e-2", "2.5e-4") for seed in (0, 1)}
    # The same call leaves them as they are; another rate is another run.
    before = contents(out)
    finetune(base, out, {"helpful": talk["helpful"]}, seeds=2, **asked)
    assert contents(out) == before
    for rates, fault in (([1e-4, 0.0001], "named twice"), ([-1.0], "too small"), ([float("nan")], "too small")):
        with pytest.raises(Fault, match=fault):
            finetune(base, out, {"helpful": talk["helpful"]}, **asked | {"rates": rates})


def test_every_step_is_told(made):
    _, events = made
    assert [one["done"] for one in events] == list(range(1, 25))
    assert events[6]["message"].startswith("helpful-seed1 (2 of 4), step 1 of 6, loss ")
    assert events[-1]["seconds_left"] == 0


# --- stopped, and going on --------------------------------------------------------------------------


def test_a_stopped_run_goes_on_to_the_same_weights(made, base, talk, tmp_path):
    out, events = tmp_path / "runs", []
    asked = {"mixes": MIX, "seeds": 2, "recipe": RECIPE, "only": ["mixed-seed1"], "on_event": events.append}
    for last in (1, 3, 5):  # after a checkpoint, and between two
        with pytest.raises(Cancelled):
            finetune(base, out, talk, **asked, cancelled=lambda last=last: bool(events) and events[-1]["done"] == last)
    finetune(base, out, talk, **asked)
    assert [one["done"] for one in events] == [1, 2, 3, 3, 4, 5, 5, 6]
    for step in (1, 2, 4, 6):
        assert weights(out / "mixed-seed1", step) == weights(made[0] / "mixed-seed1", step)
    assert history(out / "mixed-seed1") == history(made[0] / "mixed-seed1")
    before = contents(out)
    finetune(base, out, talk, **asked)
    assert contents(out).keys() == before.keys()
    assert len(events) == 8


def test_a_kill_within_a_save_costs_that_checkpoint_only(made, base, talk, tmp_path, monkeypatch):
    out, replaced = tmp_path / "runs", os.replace

    def killed(source, target):
        if str(target).endswith("checkpoint-4"):
            raise KeyboardInterrupt
        replaced(source, target)

    monkeypatch.setattr(trainer.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        finetune(base, out, talk, seeds=1, recipe=RECIPE, only=["helpful-seed0"])
    run = out / "helpful-seed0"
    assert (run / trainer.PART / "checkpoint-4").is_dir()
    assert [one.step for one in checkpoints.scan(out, base)[0].checkpoints] == [1, 2]
    monkeypatch.undo()
    finetune(base, out, talk, seeds=1, recipe=RECIPE, only=["helpful-seed0"])
    assert weights(run) == weights(made[0] / "helpful-seed0")
    assert not (run / trainer.PART).exists()


# The process is killed when its second checkpoint has its name, whatever else the machine does.
KILLED = """
import os, signal, sys
from phcore.cli.main import main

replace = os.replace

def killed(source, target):
    replace(source, target)
    if str(target).endswith("checkpoint-4"):
        os.kill(os.getpid(), signal.SIGKILL)

os.replace = killed
sys.exit(main())
"""


@pytest.mark.long  # in this process: `test_a_stopped_run_goes_on_to_the_same_weights`
def test_a_killed_process_is_gone_on_from(base, talk, tmp_path):
    words = [
        "--only=harmless-seed0",
        "--steps=12",
        "--schedule=every 4",
        "--batch=2",
        "--held-out=4",
        "--max-tokens=128",
    ]
    words += [f"--objective={name}={file}" for name, file in talk.items()]
    environment = {**os.environ, "PHCORE_CACHE": str(tmp_path / "cache")}
    called = [sys.executable, "-c", KILLED, "finetune", str(base), str(tmp_path / "runs"), *words]
    assert subprocess.run(called, cwd=ROOT, env=environment, check=False).returncode == -signal.SIGKILL
    run = tmp_path / "runs" / "harmless-seed0"
    assert (run / "checkpoint-4").exists()
    assert not (run / "checkpoint-8").exists()
    recipe = Recipe(steps=12, schedule="every 4", batch=2, held_out=4, max_tokens=128)
    for out in ("runs", "whole"):
        finetune(base, tmp_path / out, talk, recipe=recipe, only=["harmless-seed0"])
    assert weights(run, 12) == weights(tmp_path / "whole" / "harmless-seed0", 12)


def test_a_kill_within_the_first_write_is_no_folder_of_others(made, base, talk, tmp_path):
    left = tmp_path / "runs" / "helpful-seed0" / f".{MARK}.1.2.tmp"
    left.parent.mkdir(parents=True)
    left.write_text("{")
    finetune(base, tmp_path / "runs", talk, recipe=RECIPE, only=["helpful-seed0"])
    assert weights(left.parent) == weights(made[0] / "helpful-seed0")
    assert not left.exists()


def test_a_kill_after_the_last_checkpoint_leaves_nothing_behind(base, talk, tmp_path, monkeypatch):
    def killed(*_: object):
        raise KeyboardInterrupt

    out, asked = tmp_path / "runs", {"recipe": RECIPE, "only": ["helpful-seed0"]}
    monkeypatch.setattr(trainer, "forget", killed)
    with pytest.raises(KeyboardInterrupt):
        finetune(base, out, talk, **asked)
    monkeypatch.setattr(trainer, "forget", lambda *_: None)
    finetune(base, out, talk, **asked)
    (out / "helpful-seed0" / trainer.PART).mkdir()  # that kill came with the last one
    monkeypatch.undo()
    finetune(base, out, talk, **asked)
    run = out / "helpful-seed0"
    assert {one.parent.name for one in run.glob("*/optimizer.pt")} == {"checkpoint-6"}
    assert not (run / trainer.PART).exists()


@pytest.mark.parametrize("name", [*trainer.SEALED, trainer.SEAL])
def test_a_damaged_checkpoint_is_not_gone_on_from(base, talk, tmp_path, name):
    asked = {"recipe": RECIPE, "only": ["helpful-seed0"]}
    events = []
    with pytest.raises(Cancelled):
        finetune(base, tmp_path, talk, **asked, on_event=events.append, cancelled=lambda: len(events) == 3)
    file = tmp_path / "helpful-seed0" / "checkpoint-2" / name
    whole = file.read_bytes()
    file.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    with pytest.raises(Fault, match=r"damaged|is not JSON|cannot be read"):
        finetune(base, tmp_path, talk, **asked)
    file.write_bytes(whole)
    finetune(base, tmp_path, talk, **asked)


def test_dropout_goes_on_where_it_was(base, talk, tmp_path):
    recipe, events = replace(RECIPE, dropout=0.3, accumulate=2, save_dtype="bfloat16"), []
    finetune(base, tmp_path / "whole", talk, recipe=recipe, only=["helpful-seed0"])
    with pytest.raises(Cancelled):
        finetune(base, tmp_path / "runs", talk, recipe=recipe, only=["helpful-seed0"], on_event=events.append,
                 cancelled=lambda: len(events) == 3)  # fmt: skip
    finetune(base, tmp_path / "runs", talk, recipe=recipe, only=["helpful-seed0"])
    assert weights(tmp_path / "runs" / "helpful-seed0") == weights(tmp_path / "whole" / "helpful-seed0")


def test_all_weights(base, talk, tmp_path):
    from safetensors.torch import load_file

    recipe, events = replace(RECIPE, full=True, save_dtype="bfloat16", rate=1e-3), []
    finetune(base, tmp_path / "whole", talk, recipe=recipe, only=["helpful-seed0"])
    with pytest.raises(Cancelled):
        finetune(base, tmp_path / "runs", talk, recipe=recipe, only=["helpful-seed0"], on_event=events.append,
                 cancelled=lambda: len(events) == 3)  # fmt: skip
    finetune(base, tmp_path / "runs", talk, recipe=recipe, only=["helpful-seed0"])
    run = tmp_path / "runs" / "helpful-seed0"
    assert weights(run) == weights(tmp_path / "whole" / "helpful-seed0")
    found = checkpoints.scan(tmp_path / "runs", base)[0].checkpoints
    assert {(one.kind, one.status) for one in found} == {("full", "ready")}
    assert {str(one.dtype) for one in load_file(run / "checkpoint-1" / "model.safetensors").values()} == {
        "torch.bfloat16"
    }


# --- folders that are there already -----------------------------------------------------------------


def test_another_recipe_is_refused_and_nothing_is_touched(made, base, talk):
    before = contents(made[0])
    for change, words in ({"rate": 1e-3}, "rate 0.01 there, 0.001 now"), ({"steps": 8}, "steps 6 there, 8 now"):
        with pytest.raises(Fault, match="trained with another recipe") as raised:
            finetune(base, made[0], talk, seeds=2, recipe=replace(RECIPE, **change), only=["helpful-seed0"])
        assert words in str(raised.value)
    with pytest.raises(Fault, match="another harmless"):
        finetune(base, made[0], {**talk, "harmless": talk["helpful"]}, recipe=RECIPE, only=["helpful-seed0"])
    assert contents(made[0]) == before


def test_other_peoples_folders_are_refused(base, talk, tmp_path):
    precious = tmp_path / "runs" / "helpful-seed0" / "precious"
    precious.mkdir(parents=True)
    for mark in (None, "[]", "not JSON", "[" * 100_000):
        if mark:
            (precious.parent / MARK).write_text(mark)
        with pytest.raises(Fault, match="holds other files"):
            finetune(base, tmp_path / "runs", talk, recipe=RECIPE)
    (precious.parent / MARK).write_text('{"tempo": 120}')
    with pytest.raises(Fault, match="another recipe"):
        finetune(base, tmp_path / "runs", talk, recipe=RECIPE)
    assert precious.is_dir()


def test_a_run_is_trained_by_one_process(base, talk, tmp_path):
    import fcntl

    run = tmp_path / "runs" / "helpful-seed0"
    run.mkdir(parents=True)
    with open(run / ".lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Fault, match="another process trains this run"):
            finetune(base, tmp_path / "runs", talk, recipe=RECIPE, only=["helpful-seed0"])


# --- before it begins -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"recipe": replace(RECIPE, batch=0)}, "batch = 0 is too small"),
        ({"recipe": replace(RECIPE, rate=float("nan"))}, "rate = nan"),
        ({"recipe": replace(RECIPE, decay="slow")}, "decay = 'slow' is unknown"),
        ({"recipe": replace(RECIPE, warmup=9)}, "9 steps of warm-up are more than all 6"),
        ({"recipe": replace(RECIPE, schedule="7")}, "step 7 of the schedule is after the last, 6"),
        ({"recipe": replace(RECIPE, max_tokens=1000)}, "more than the model reads"),
        ({"recipe": replace(RECIPE, held_out=30)}, "30 are to be held out"),
        ({"recipe": replace(RECIPE, targets="q_projection")}, "PEFT cannot adapt this model"),
        ({"seeds": 0}, "0 seeds are none"),
        ({"only": ["helpful-seed9"]}, "there is no run 'helpful-seed9'"),
        ({"mixes": {"mixed": {"helpful": 1, "kind": 1}}}, "made of 'kind', which is no objective"),
        ({"mixes": {"mixed": {"helpful": 1}}}, "fewer than two objectives"),
        ({"mixes": {"mixed": {"helpful": 1, "harmless": 0}}}, "a share of 0"),
        ({"mixes": {"helpful": {"helpful": 1, "harmless": 1}}}, "an objective and a mixture"),
    ],
)
def test_what_cannot_be_trained_is_said_before_anything_is(base, talk, tmp_path, change, fault):
    with pytest.raises(Fault, match=fault):
        finetune(base, tmp_path / "runs", talk, **({"recipe": RECIPE} | change))
    assert not list(tmp_path.glob("runs/*/checkpoint-*"))


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "checkpoints", "step3", "12"])
def test_names_that_would_not_be_found_again(base, talk, tmp_path, name):
    with pytest.raises(Fault, match="would not be found again"):
        finetune(base, tmp_path / "runs", {name: talk["helpful"]}, recipe=RECIPE)


def test_a_forecast_writes_nothing(base, talk, tmp_path):
    found = forecast(base, tmp_path / "runs", talk, mixes=MIX, seeds=2, recipe=RECIPE)
    assert [one.run for one in found] == [
        "helpful-seed0", "helpful-seed1", "harmless-seed0", "harmless-seed1", "mixed-seed0", "mixed-seed1"
    ]  # fmt: skip
    assert {(one.conversations, one.steps, one.checkpoints) for one in found} == {(12, 6, 4)}
    assert all(one.tokens > 100 and one.size > 10_000 and one.seconds > 0 for one in found)
    assert not (tmp_path / "runs").exists()


# --- the command ------------------------------------------------------------------------------------


@pytest.fixture
def shell(base, talk, tmp_path, monkeypatch):
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    words = ["finetune", str(base), str(tmp_path / "runs"), "--batch=2", "--held-out=4", "--max-tokens=64"]
    words += [f"--objective={name}={file}" for name, file in talk.items()]
    words += ["--steps=2", "--warmup=1", "--schedule=1"]
    return lambda *more: main([*words, *more])


def test_the_command(shell, tmp_path, capsys):
    assert shell("--mix=mixed=helpful:1,harmless:3", "--only=mixed-seed0", "--dry-run") == 0
    told = capsys.readouterr()
    assert "mixed-seed0" in told.out
    assert "Nothing was written" in told.out
    assert not (tmp_path / "runs").exists()
    assert shell("--mix=mixed=helpful:1,harmless:3", "--only=mixed-seed0") == 0
    told = capsys.readouterr()
    assert "Finished: 1 run" in told.out
    assert "conversations cut to 64 tokens" in told.err
    assert "finetune 2/2" in told.err


def test_the_command_refuses_what_it_does_not_understand(shell, capsys):
    for words, fault in (
        (["--mix=mixed"], "--mix mixed is no name with a value"),
        (["--mix=mixed=helpful,harmless"], "helpful is no objective with a share"),
        (["--objective=helpful"], "--objective helpful is no name with a value"),
        (["--objective=helpful=x"], "an objective is named twice"),
    ):
        assert shell(*words) == 1
        assert fault in capsys.readouterr().err


def test_an_interrupt_says_how_to_go_on(shell, monkeypatch, capsys):
    def interrupted(*_: object, **__: object):
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer.Finetuner, "go", interrupted)
    assert shell() == 130
    assert "The same command goes on at the last checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"rate": 1e300}, "rate is larger"), ({"rate": float("nan")}, "rate = nan"), ({"alpha": 10**400}, "alpha is"),
     ({"rank": 10**9}, "rank is larger"), ({"steps": 10**12}, "steps is larger"), ({"batch": 10**7}, "10,000,000"),
     ({"weight_decay": float("inf")}, "weight_decay is"), ({"accumulate": 10**9}, "accumulate is")],
)  # fmt: skip
def test_numbers_that_no_machine_could_follow_are_refused(changes, words):
    with pytest.raises(Fault, match=words):
        replace(RECIPE, **changes).check()


def test_more_runs_than_anybody_trains_are_refused_before_they_are_listed(base, talk, tmp_path):
    with pytest.raises(Fault, match="2,000,000,000 runs are too many"):
        finetune(base, tmp_path / "runs", talk, seeds=10**9, recipe=RECIPE)


def test_memory_that_does_not_suffice_is_a_sentence_on_the_cpu_too(base, talk, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 128000000000 bytes")

    monkeypatch.setattr(trainer.Finetuner, "training_step", fails)
    with pytest.raises(Fault, match="not enough memory"):
        finetune(base, tmp_path / "runs", talk, recipe=RECIPE, only=["helpful-seed0"])


@pytest.mark.parametrize("changed", ["model.safetensors", "tokenizer_config.json"])
def test_a_base_that_changes_while_it_is_read_trains_nothing(base, talk, tmp_path, monkeypatch, changed):
    """Its runs would stand under the name of other weights, or of another chat template."""
    from phcore.activations import tokens

    own = tmp_path / "base"
    shutil.copytree(base, own)

    def then_changed(read):
        def now(*given, **how):
            found = read(*given, **how)
            text = (own / changed).read_bytes()
            (own / changed).write_bytes(text.replace(b"{", b"{ ", 1) if changed.endswith("json") else text)
            return found

        return now

    if changed.endswith("json"):
        monkeypatch.setattr(tokens, "load_tokenizer", then_changed(tokens.load_tokenizer))
    else:
        monkeypatch.setattr(trainer, "load_model", then_changed(trainer.load_model))
    with pytest.raises(Fault, match="changed"):
        finetune(own, tmp_path / "runs", talk, recipe=RECIPE, only=["helpful-seed0"])
    assert not list(tmp_path.glob("runs/*/checkpoint-*"))


@pytest.mark.parametrize(
    ("flag", "words"),
    [("--watch=../elsewhere", "'../elsewhere' cannot be used"), ("--watch-layers=99", "layer 99 was asked for"),
     ("--watch-probes=nowhere.jsonl", "nowhere.jsonl"), ("--max-overhead=nan", "no share of the time"),
     ("--watch-at=every 0", "asks for no step")],
)  # fmt: skip
def test_looks_that_cannot_be_taken_are_said_before_the_training(
    base, talk, tmp_path, capsys, monkeypatch, flag, words
):
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    asked = ["finetune", str(base), str(tmp_path / "runs"), f"--objective=helpful={talk['helpful']}", "--watch=live"]
    assert main([*asked, "--held-out=4", "--max-tokens=128", flag]) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_looks_that_were_not_taken_are_not_said_to_be_there(base, talk, tmp_path, capsys, monkeypatch):
    from phcore.training.looks import Looks

    def fails(*_):
        raise Fault("the disk is full", "Make room")

    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Looks, "base", fails)
    asked = ["finetune", str(base), str(tmp_path / "runs"), f"--objective=helpful={talk['helpful']}", "--watch=live",
             "--steps=1", "--warmup=0", "--batch=2", "--held-out=4", "--max-tokens=128", "--rank=2"]  # fmt: skip
    assert main(asked) == 0
    assert "No looks were taken: they failed" in capsys.readouterr().out
    assert main(asked) == 0
    assert "No looks were taken: all runs were finished" in capsys.readouterr().out
