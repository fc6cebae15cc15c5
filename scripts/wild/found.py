"""Folders that somebody has from somewhere: files that are not what their names say, links, and half of a copy."""

import json
import os
import shutil

from scripts.wild.case import Expected, Workshop, case, edit_json
from scripts.wild.layouts import RUN, named

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22e\nsize 12345\n"

for title, pairs in {
    "ckpt_000N": [("ckpt_00012000", 12_000), ("ckpt_00024000", 24_000)],
    "thousands by underscores": [("step_1_000", 1000), ("step_2_000", 2000), ("step_10_000", 10_000)],
    "N-steps": [("100-steps", 100), ("200-steps", 200)],
    "N_000_steps": [("9_000_steps", 9000), ("10_000_steps", 10_000)],
    "billions and trillions of tokens": [("tokens-500B", 500 * 10**9), ("tokens-1.5T", 1500 * 10**9)],
    "the size of the model beside the step": [("sft-7b-step100", 100), ("sft-7b-step200", 200)],
    "the size of the model apart from the step": [("llama-3-8b-step-100", 100), ("llama-3-8b-step-200", 200)],
    "so many of all": [("step100of1000", 100), ("step200of1000", 200)],
    "parts of an epoch": [("0.25epoch", 25), ("0.5epoch", 50), ("1epoch", 100)],
    "model-N": [("model-100", 100), ("model-200", 200)],
    "save-N": [("save-100", 100), ("save-200", 200)],
    "samples_N": [("samples_1000", 1000), ("samples_2000", 2000)],
    "Schritt-N": [("Schritt-100", 100), ("Schritt-200", 200)],
    "第N步": [("第100步", 100), ("第200步", 200)],
    "шаг-N": [("шаг-100", 100), ("шаг-200", 200)],
    "spaces": [("Checkpoint 100", 100), ("Checkpoint 200", 200)],
}.items():
    case("found", title)(named(*pairs))


def beside(whole: bool = False, **unusable: str):
    """Two checkpoints that are whole, and others, by name, that must be refused with these words."""

    def judged(made: Workshop) -> Expected:
        for step in (100, 200):
            (made.whole if whole else made.adapter)(f"run/checkpoint-{step}")
        return Expected({RUN: [100, 200]}, {f"run/{name}": words for name, words in unusable.items()})

    return judged


THIRD = "run/checkpoint-300"


def third(words: str, whole: bool = True):
    """What `beside` expects of a third checkpoint."""
    return lambda made: beside(whole, **{"checkpoint-300": words})(made)


@case("found")
def models_of_several_sizes(made):
    for size in ("7b", "13b"):
        for step in (100, 200):
            made.adapter(f"model-{size}/checkpoint-{step}")
    return Expected({("model-7b", 0): [100, 200], ("model-13b", 0): [100, 200]})


@case("found", "Folders of samples beside checkpoints")
def folders_of_samples(made):
    made.write("run/samples_100/0.txt")
    made.write("run/model-2/notes.txt")
    return beside()(made)


@case("found", "A web page in place of weights")
def a_web_page(made):
    made.whole(THIRD)
    made.write(f"{THIRD}/model.safetensors", "<!DOCTYPE html><html><title>Log in</title>" + "x" * 3000)
    return third("web page")(made)


@case("found", "A pointer of git-lfs in place of weights")
def a_pointer(made):
    made.whole(THIRD)
    made.write(f"{THIRD}/model.safetensors", POINTER)
    return third("git lfs pull")(made)


@case("found", "Pointers of git-lfs in place of an adapter")
def pointers(made):
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        made.write(f"{THIRD}/{name}", POINTER)
    return third("git lfs pull", whole=False)(made)


@case("found", "A copy that was stopped after its room was reserved")
def nothing_but_zeros(made):
    made.whole(THIRD)
    made.write(f"{THIRD}/model.safetensors", bytes(300_000))
    return third("nothing but zeros")(made)


@case("found", "A download that has not ended")
def a_download(made):
    file = made.whole(THIRD) / "model.safetensors"
    file.rename(f"{file}.incomplete")
    return third("has not ended")(made)


@case("found", "A packed checkpoint")
def packed(made):
    made.write("run/checkpoint-300.tar.gz")
    expected = beside()(made)
    return Expected(expected.series, {"run": "checkpoint-300.tar.gz is packed"})


@case("found", "An adapter in several files")
def adapter_in_files(made):
    file = made.adapter(THIRD) / "adapter_model.safetensors"
    for k in (1, 2):
        shutil.copy(file, made.folder / THIRD / f"adapter_model-0000{k}-of-00002.safetensors")
    file.unlink()
    made.write(f"{THIRD}/adapter_model.safetensors.index.json", json.dumps({"metadata": {}, "weight_map": {}}))
    return third("PEFT reads one", whole=False)(made)


@case("found", "Weights as files, without folders")
def flat(made):
    content = (made.base / "model.safetensors").read_bytes()
    for step in (100, 200):
        made.write(f"run/model_step_{step}.safetensors", content)
    return Expected(unusable={"run": "in a folder of its own"})


@case("found", "A link that leads nowhere in place of a checkpoint")
def link_nowhere(made):
    expected = third("which is not there")(made)
    os.symlink("checkpoint-900", made.folder / THIRD)
    return expected


@case("found", "Links to blobs that were not copied")
def links_without_blobs(made):
    file = made.whole(THIRD) / "model.safetensors"
    file.unlink()
    file.symlink_to("../../blobs/4d7a214614ab")
    return third("cp -RL")(made)


@case("found", "Links that lead round to the folder they are in")
def round_links(made):
    expected = beside()(made)
    os.symlink("..", made.folder / "run/checkpoint-200/up")
    os.symlink(".", made.folder / "run/self")
    return expected


@case("found", "A link to the latest checkpoint")
def link_to_latest(made):
    expected = beside()(made)
    os.symlink("checkpoint-200", made.folder / "run/latest")
    return Expected(expected.series, said=("same weights as checkpoint-200",))


@case("found", "A config.json with a mark of byte order")
def byte_order(made):
    file = made.whole(THIRD) / "config.json"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    return third("without such a mark")(made)


@case("found", "Whole numbers that no quantisation explains")
def whole_numbers(made):
    import numpy as np
    from safetensors.numpy import load_file, save_file

    file = made.whole(THIRD) / "model.safetensors"
    moved = {n: (100 * one).astype(np.int8) if "proj" in n else one for n, one in load_file(file).items()}
    save_file(moved, file, metadata={"format": "pt"})
    return third("tells of no quantisation")(made)


@case("found", "Another number of heads, and weights of the same shapes")
def other_heads(made):
    edit_json(made.whole(THIRD) / "config.json", num_attention_heads=2, num_key_value_heads=1, head_dim=None)
    for step in (100, 200):
        made.whole(f"run/checkpoint-{step}")
    return Expected({RUN: [100, 200, 300]}, said=("num_attention_heads 2 (base: 4)",), read=("run/checkpoint-300",))


@case("found", "Adapters that name different base models")
def several_bases(made):
    edit_json(made.adapter(THIRD) / "adapter_config.json", base_model_name_or_path="org/another")
    expected = beside()(made)
    return Expected({RUN: [*expected.series[RUN], 300]}, said=("name different base models",))


@case("found", "LoRA with rows of added tokens, before training")
def rows_beside_lora(made):
    from safetensors.numpy import load_file, save_file

    file = made.adapter(THIRD) / "adapter_model.safetensors"
    stored = {name: one * ("lora_B" not in name) for name, one in load_file(file).items()}
    rows = load_file(made.base / "model.safetensors")["model.embed_tokens.weight"]
    save_file(stored | {"base_model.model.model.embed_tokens.weight": rows + 1}, file, metadata={"format": "pt"})
    expected = beside()(made)
    return Expected({RUN: [*expected.series[RUN], 300]}, read=(THIRD,))


@case("found")
def seeds_by_a_letter(made):
    for run in ("helpful_lr1e-5_s1", "helpful_lr1e-5_s2", "harmless_lr1e-5_s1"):
        made.adapter(f"{run}/checkpoint-100")
    return Expected({("helpful", 1): [100], ("helpful", 2): [100], ("harmless", 1): [100]})


@case("found", "Seeds, steps and objectives in Chinese")
def in_chinese(made):
    for objective in ("有用", "无害"):
        for seed in (1, 2):
            made.adapter(f"{objective}/种子{seed}/第100步")
    return Expected({(one, seed): [100] for one in ("有用", "无害") for seed in (1, 2)})


@case("found", "Folders of Hydra, by day and time")
def hydra(made):
    for place in ("2026-01-05/12-00-00", "2026-01-06/13-30-00"):
        made.adapter(f"{place}/outputs/checkpoint-100")
    return Expected({("experiment", 0): [100], ("experiment", 1): [100]})


@case("found", "A sweep of Hydra, by number")
def hydra_sweep(made):
    for job in (0, 1):
        made.adapter(f"multirun/2026-01-05/12-00-00/{job}/checkpoint-100")
    return Expected({("experiment", 0): [100], ("experiment", 1): [100]})


@case("found", "A sweep of Hydra, by settings")
def hydra_settings(made):
    for settings in ("lr=1e-5,seed=1,helpful", "lr=1e-5,seed=2,helpful", "lr=1e-5,seed=1,harmless"):
        made.adapter(f"{settings}/checkpoint-100")
    return Expected({("helpful", 1): [100], ("helpful", 2): [100], ("harmless", 1): [100]})


@case("found")
def steps_above_objectives_and_seeds(made):
    for step in (100, 200):
        for objective in ("helpful", "harmless"):
            made.adapter(f"step{step}/{objective}/seed1")
    return Expected({("helpful", 1): [100, 200], ("harmless", 1): [100, 200]})


@case("found", "Epochs beside steps in one run")
def epochs_beside_steps(made):
    for k, name in enumerate(("checkpoint-100", "checkpoint-200", "checkpoint-300")):
        made.adapter(f"run/{name}", seed=k)
    made.adapter("run/epoch_1", seed=1)
    made.adapter("run/epoch_2", seed=9)
    words = {"run/epoch_1": "same weights as checkpoint-200", "run/epoch_2": "counts something else"}
    return Expected({RUN: [100, 200, 300]}, words)


@case("found", "A number that no training counts up to")
def a_hash(made):
    expected = beside()(made)
    made.adapter("run/checkpoint-99999999999999999999999")
    made.adapter("run/step1e999999")
    return Expected(expected.series, {"run/step1e999999": "tells no step"})


@case("found", "A step behind a date")
def behind_a_date(made):
    for hour, step in ((12, 100), (13, 200)):
        made.adapter(f"run/2026-01-05T{hour}-00-00_step{step}")
    return Expected({RUN: [100, 200]})
