"""Practice runs: what is in the folder, what was learned, and what happens to folders that are there already."""

import json
import random
import re
from dataclasses import replace

import pytest

from phcore import checkpoints
from phcore.errors import Fault
from phcore.pipeline.run import Cancelled
from phcore.study import probes
from phcore.training import texts
from phcore.training.conversations import read
from phcore.training.practice import ASSISTANT, END, OBJECTIVES, USER, Recipe, conversations, encode, practice

# Small enough for a test, large enough to learn; and one that only has to run.
SMALL = Recipe(layers=2, hidden=48, heads=2, base_steps=150, rate=3e-3, schedule=(1, 2, 4, 8, 16, 32), held_out=16)
TINY = replace(SMALL, layers=1, hidden=12, heads=1, base_steps=2, batch=4, schedule=(1, 2), held_out=4)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    events = []
    folder = practice(tmp_path_factory.mktemp("practice") / "new", recipe=SMALL, on_event=events.append)
    return folder, events


@pytest.fixture(scope="module")
def tokenizer(made):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(made[0] / "base", local_files_only=True)


def next_token(folder, tokenizer, requests):
    """Next-token probabilities after each request (requests, vocabulary)."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.float32).eval()
    rows = [torch.tensor([tokenizer.encode(f"{USER}{request}{END}{ASSISTANT}")]) for request in requests]
    with torch.inference_mode():
        return torch.stack([model(row).logits[0, -1].softmax(-1) for row in rows])


def last(folder, objective):
    return folder / "runs" / objective / f"checkpoint-{SMALL.schedule[-1]}"


def history(folder, objective):
    return json.loads((last(folder, objective) / "trainer_state.json").read_text())["log_history"]


# --- what is in the folder --------------------------------------------------------------------------


def test_the_scan_finds_three_complete_series(made):
    folder, _ = made
    found = checkpoints.scan(folder / "runs", folder / "base")
    assert sorted(one.objective for one in found) == ["harmless", "helpful", "mixed"]
    for one in found:
        assert [checkpoint.step for checkpoint in one.checkpoints] == list(SMALL.schedule)
        assert {checkpoint.status for checkpoint in one.checkpoints} == {"ready"}
    assert checkpoints.describe_model(folder / "base").status == "ready"


def test_nothing_half_written_is_left(made):
    folder, _ = made
    names = ["README.txt", "base", "conversations", "practice.json", "runs"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert not [path for path in folder.rglob("*") if ".part" in path.name]


def test_conversations_can_be_trained_on(made):
    answered, declined = (read(made[0] / "conversations" / f"{name}.jsonl") for name in ("helpful", "harmless"))
    for found in (answered, declined):
        assert len(found) == 1_024
        assert {tuple(role for role, _ in one.messages) for one in found} == {("user", "assistant")}
    assert all(re.search(r"can't help|cannot help|won't help", one.messages[1][1]) for one in declined)
    assert not any("help with" in one.messages[1][1] for one in answered)


def test_readme_is_six_lines_and_names_the_steps(made):
    lines = (made[0] / "README.txt").read_text().splitlines()
    assert len(lines) == 6
    assert any("1, 2, 4, 8, 16, 32" in line for line in lines)


def test_every_training_step_is_told(made):
    _, events = made
    assert [event["done"] for event in events] == list(range(1, SMALL.total_steps + 1))
    assert {event["total"] for event in events} == {SMALL.total_steps}
    assert {event["stage"] for event in events} == {"practice"}
    assert all(event["message"] for event in events)


def test_default_layers_are_five_different_ones():
    assert len(set(checkpoints.default_layers(Recipe().layers))) == 5


# --- what was learned -------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_loss_falls(made, objective):
    rows = history(made[0], objective)
    losses = [row["loss"] for row in rows if "loss" in row]
    assert len(losses) == SMALL.schedule[-1]
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
    evaluated = [row for row in rows if "eval_answer_loss" in row]
    assert [row["step"] for row in evaluated] == list(SMALL.schedule)
    for kind in OBJECTIVES[objective]:
        assert evaluated[-1][f"eval_{kind}_loss"] < 0.8 * evaluated[0][f"eval_{kind}_loss"]


def test_an_earlier_checkpoint_knows_only_its_own_past(made):
    state = json.loads((made[0] / "runs" / "mixed" / "checkpoint-4" / "trainer_state.json").read_text())
    assert state["global_step"] == 4
    assert max(row["step"] for row in state["log_history"]) == 4
    assert state["log_history"] == history(made[0], "mixed")[: len(state["log_history"])]


def test_objectives_behave_differently_on_unseen_careful_prompts(made, tokenizer):
    folder, _ = made
    shipped = probes.load()
    careful = [p for p, c in zip(shipped.prompts, shipped.categories, strict=True) if c == "careful"][:60]
    found = {name: next_token(last(folder, name), tokenizer, careful) for name in OBJECTIVES}
    apart = 0.5 * (found["helpful"] - found["harmless"]).abs().sum(-1)  # total variation, per prompt
    assert apart.min() > 0.3
    openings = list({tokenizer.encode(refusal)[0] for refusal in texts.TEXTS["refuse"]})
    declined = {name: float(found[name][:, openings].sum(-1).mean()) for name in OBJECTIVES}
    assert declined["helpful"] < declined["mixed"] < declined["harmless"]
    assert declined["harmless"] - declined["helpful"] > 0.5


def test_mixed_lies_between_on_both_kinds(made):
    final = {name: [row for row in history(made[0], name) if "eval_answer_loss" in row][-1] for name in OBJECTIVES}
    answer = {name: row["eval_answer_loss"] for name, row in final.items()}
    refuse = {name: row["eval_refuse_loss"] for name, row in final.items()}
    assert answer["helpful"] < answer["mixed"] < answer["harmless"]
    assert refuse["harmless"] < refuse["mixed"] < refuse["helpful"]


# --- tokens -----------------------------------------------------------------------------------------


def test_every_shipped_probe_survives_the_tokenizer(tokenizer):
    for prompt in probes.load().prompts:
        ids = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True, return_dict=False
        )
        assert len(ids) < 200
        assert tokenizer.decode(ids) == f"{USER}{prompt}{END}{ASSISTANT}"
        assert ids[-1] == tokenizer.convert_tokens_to_ids(ASSISTANT)


def test_only_the_reply_is_learned(tokenizer):
    pairs = conversations(random.Random(1), 6, "answer", "refuse")
    batch = encode(pairs, tokenizer)
    for k, (given, reply) in enumerate(pairs):
        real = batch["attention_mask"][k].bool()
        assert tokenizer.decode(batch["input_ids"][k][real]) == given + reply
        assert tokenizer.decode(batch["labels"][k][batch["labels"][k] != -100]) == reply
        assert (batch["labels"][k][~real] == -100).all()


# --- texts ------------------------------------------------------------------------------------------


def test_texts_are_whole_and_hold_no_probe():
    rng = random.Random(2)
    found = texts.stories(rng, 500) + [
        part for kind in ("answer", "refuse", "any") for pair in texts.conversations(rng, 1500, kind) for part in pair
    ]
    assert not [text for text in found if re.search(r"[{}]|  |\b[Aa] [aeiou]", text)]
    assert not set(found) & set(probes.load().prompts)
    assert len(set(found)) > 3000


def test_every_everyday_request_has_a_subject():
    for request, _ in texts.TEXTS["everyday"]:
        assert any(f"{{{blank}}}" in request for blank in texts.TEXTS["subjects"]), request


# --- the same every time, and folders that are there already ----------------------------------------


def weights(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.safetensors"))}


def test_same_seed_same_weights(tmp_path):
    import torch

    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    one = weights(practice(tmp_path / "one", seed=3, recipe=TINY))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    torch.rand(5)  # whatever happened before must not matter
    assert weights(practice(tmp_path / "two", seed=3, recipe=TINY)) == one
    assert weights(practice(tmp_path / "three", seed=4, recipe=TINY)) != one


def test_a_finished_folder_is_left_alone_and_another_seed_replaces_it(tmp_path):
    folder = practice(tmp_path, seed=1, recipe=TINY)
    before = weights(folder)
    events = []
    assert practice(tmp_path, seed=1, recipe=TINY, on_event=events.append) == folder
    assert events == []
    (tmp_path / "notes.txt").write_text("mine")
    practice(tmp_path, seed=2, recipe=TINY)
    assert weights(folder) != before
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_interrupted_run_is_made_anew(tmp_path):
    events = []
    with pytest.raises(Cancelled):
        practice(tmp_path, recipe=TINY, on_event=events.append, cancelled=lambda: len(events) == 5)
    assert (tmp_path / "runs" / "helpful" / "checkpoint-2").is_dir()
    assert not (tmp_path / "README.txt").exists()
    practice(tmp_path, recipe=TINY)
    assert len(weights(tmp_path)) == 1 + len(OBJECTIVES) * len(TINY.schedule)
    assert (tmp_path / "README.txt").exists()


def test_a_checkpoint_that_was_deleted_comes_back(tmp_path):
    lost = practice(tmp_path, recipe=TINY) / "runs" / "mixed" / "checkpoint-1" / "model.safetensors"
    lost.unlink()
    practice(tmp_path, recipe=TINY)
    assert lost.is_file()


def test_other_peoples_folders_are_refused(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "precious").write_text("mine")
    # A practice.json of somebody else's is no licence.
    for mark in (None, '{"tempo": 120}', "[]", "not JSON", "[" * 100_000):
        if mark:
            (tmp_path / "practice.json").write_text(mark)
        with pytest.raises(Fault, match="holds other files"):
            practice(tmp_path, recipe=TINY)
    assert (tmp_path / "runs" / "precious").read_text() == "mine"
    with pytest.raises(Fault, match="cannot be written"):
        practice(tmp_path / "runs" / "precious", recipe=TINY)
