"""Folders as trainers and people lay them out: where checkpoints lie, and what they are called."""

from scripts.wild.case import Expected, Workshop, case

RUN = ("run", 0)


def named(*pairs: tuple[str, int]):
    """A run whose folders, adapters all, have these names and steps."""

    def build(made: Workshop) -> Expected:
        for name, _ in pairs:
            made.adapter(f"run/{name}")
        return Expected({RUN: sorted(step for _, step in pairs)})

    return build


for title, pairs in {
    "checkpoint-N": [("checkpoint-8", 8), ("checkpoint-16", 16), ("checkpoint-100", 100)],
    "checkpoint_000N": [("checkpoint_0800", 800), ("checkpoint_1600", 1600)],
    "stepN": [("step1000", 1000), ("step2000", 2000)],
    "step1.5k": [("step500", 500), ("step1.5k", 1500), ("step3k", 3000)],
    "steps with commas": [("step-1,000", 1000), ("step-10,000", 10_000)],
    "1.5M steps": [("step-500k", 500_000), ("step-1.5M", 1_500_000)],
    "global_step_N": [("global_step_10", 10), ("global_step_20", 20)],
    "iter_000N": [("iter_0000100", 100), ("iter_0000200", 200)],
    "epoch-N": [("epoch-1", 1), ("epoch-2", 2), ("epoch-3", 3)],
    "step=N": [("step=100", 100), ("step=200", 200)],
    "steps_N": [("steps_100", 100), ("steps_200", 200)],
    "Nsteps": [("1000steps", 1000), ("2000steps", 2000)],
    "bare numbers": [("100", 100), ("200", 200)],
    "numbers with zeros": [("0000100", 100), ("0000200", 200)],
    "ckpt-1e4": [("ckpt-1e3", 1000), ("ckpt-1e4", 10_000)],
    "stepN-tokensN": [("step-001000-2BT", 1000), ("step-002000-4BT", 2000)],
    "stage, step and tokens": [("stage1-step150-tokens1B", 150), ("stage1-step300-tokens2B", 300)],
    "with the loss": [("checkpoint-100-loss-0.53", 100), ("checkpoint-200-loss-0.41", 200)],
    "step and epoch in one name": [("step100_epoch1", 100), ("step200_epoch2", 200), ("step300_epoch2", 300)],
    "epoch and step in one name": [("epoch_1_step_20", 20), ("epoch_2_step_40", 40)],
    "Lightning's epoch=N-step=N": [("epoch=0-step=10", 10), ("epoch=1-step=20", 20)],
    "decimals": [("checkpoint-0.5", 5), ("checkpoint-1.0", 10), ("checkpoint-1.5", 15)],
    "per cent": [("checkpoint_pct010", 10), ("checkpoint_pct050", 50), ("checkpoint_pct100", 100)],
    "per cent signs": [("10%", 10), ("50%", 50)],
    "tokens alone": [("tokens_1M", 1_000_000), ("tokens_3M", 3_000_000)],
    "ema beside the step": [("step100-ema", 100), ("step200-ema", 200)],
}.items():
    case("layouts", title)(named(*pairs))


@case("layouts")
def steps_count_anew_in_each_epoch(made):
    for epoch in (1, 2):
        for step in (100, 200):
            made.adapter(f"run/epoch_{epoch}_step_{step}")
    return Expected({RUN: [1, 2, 3, 4]}, said=("numbered in order",))


@case("layouts")
def epoch_folders_with_step_folders(made):
    for epoch, step in ((1, 100), (1, 200), (2, 300)):
        made.adapter(f"run/epoch_{epoch}/step_{step}")
    return Expected({RUN: [100, 200, 300]})


@case("layouts")
def learning_rates_below_objectives(made):
    for objective in ("helpful", "harmless"):
        for step in (4, 8):
            made.adapter(f"{objective}/lr1e-5/checkpoint-{step}")
    return Expected({("helpful", 0): [4, 8], ("harmless", 0): [4, 8]})


@case("layouts")
def two_learning_rates_of_one_objective(made):
    for objective in ("helpful", "harmless"):
        for rate in ("1e-5", "1e-4"):
            made.adapter(f"{objective}/lr{rate}/checkpoint-4")
    both = [(f"{one}-lr{rate}", 0) for one in ("helpful", "harmless") for rate in ("1e-5", "1e-4")]
    return Expected({one: [4] for one in both})


@case("layouts")
def a_learning_rate_and_epochs_in_the_runs_name(made):
    for step in (4, 8):
        made.adapter(f"lr1e-5_epoch3/checkpoint-{step}")
    return Expected({("epoch3", 0): [4, 8]})


@case("layouts")
def seeds_above_objectives(made):
    for seed in (1, 2):
        for objective in ("helpful", "harmless"):
            made.adapter(f"seed{seed}/{objective}/checkpoint-4")
    return Expected({(one, seed): [4] for one in ("helpful", "harmless") for seed in (1, 2)})


@case("layouts")
def seeds_below_objectives(made):
    for seed in (0, 12):
        for objective in ("helpful", "harmless"):
            made.adapter(f"{objective}/seed_{seed}/checkpoint-4")
    return Expected({(one, seed): [4] for one in ("helpful", "harmless") for seed in (0, 12)})


@case("layouts")
def seeds_in_names(made):
    for name in ("helpful-seed0", "helpful-seed1", "harmless_seed=0"):
        made.adapter(f"{name}/checkpoint-4")
    return Expected({("helpful", 0): [4], ("helpful", 1): [4], ("harmless", 0): [4]})


@case("layouts")
def runs_by_number(made):
    for run in (0, 1, 2):
        for step in (4, 8):
            made.adapter(f"helpful/{run}/checkpoint-{step}")
            made.adapter(f"harmless/{run}/checkpoint-{step}")
    return Expected({(one, run): [4, 8] for one in ("helpful", "harmless") for run in (0, 1, 2)})


@case("layouts")
def runs_by_date(made):
    for day in ("2026-05-01_12-00-00", "2026-05-02_09-30-00"):
        made.adapter(f"helpful/{day}/checkpoint-4")
        made.adapter(f"harmless/{day}/checkpoint-4")
    return Expected({(one, run): [4] for one in ("helpful", "harmless") for run in (0, 1)})


@case("layouts")
def adapters_in_a_folder_named_by_date(made):
    for step in (4, 8):
        made.adapter(f"20260501/checkpoint-{step}")
    return Expected({("experiment", 0): [4, 8]})


@case("layouts")
def rounds_of_preference_training(made):
    for round_ in (1, 2):
        for step in (10, 20):
            made.adapter(f"dpo-iter-{round_}/checkpoint-{step}")
    return Expected({("dpo-iter-1", 0): [10, 20], ("dpo-iter-2", 0): [10, 20]})


@case("layouts")
def whole_models_of_an_actor(made):
    for step in (10, 20):
        made.whole(f"run/global_step_{step}/actor/huggingface")
        made.write(f"run/global_step_{step}/actor/model_world_size_2_rank_0.pt")
    return Expected({RUN: [10, 20]})


@case("layouts")
def sharded_actors(made):
    for step in (10, 20):
        made.write(f"run/global_step_{step}/actor/model_world_size_2_rank_0.pt")
        made.write(f"run/global_step_{step}/actor/huggingface/config.json", (made.base / "config.json").read_bytes())
    return Expected(unusable={f"run/global_step_{step}/actor": "verl.model_merger" for step in (10, 20)})


@case("layouts")
def adapters_one_folder_deeper(made):
    for step in (4, 8):
        made.adapter(f"run/checkpoint-{step}/adapter_model")
    return Expected({RUN: [4, 8]})


@case("layouts")
def adapters_of_an_actor(made):
    for step in (4, 8):
        made.adapter(f"run/global_step_{step}/actor/lora_adapter")
    return Expected({RUN: [4, 8]})


@case("layouts")
def actor_and_critic(made):
    for step in (4, 8):
        made.whole(f"run/global_step_{step}/actor")
        made.whole(f"run/global_step_{step}/critic")
    return Expected({RUN: [4, 8], ("critic", 0): [4, 8]})


@case("layouts")
def a_snapshot_of_the_hub_with_step_folders(made):
    repository = "models--org--tiny-runs"
    for step in (100, 200):
        made.whole(f"{repository}/snapshots/abc/step{step}")
    made.write(f"{repository}/refs/main", "abc")
    return Expected({("tiny-runs", 0): [100, 200]})


@case("layouts")
def revisions_of_the_hub(made):
    repository = "models--org--tiny"
    for step, commit in ((0, "a"), (1000, "b"), (2000, "c")):
        made.copy_of_base(f"{repository}/snapshots/a") if step == 0 else made.whole(f"{repository}/snapshots/{commit}")
        made.write(f"{repository}/refs/step{step}", commit)
    made.write(f"{repository}/refs/main", "c")
    return Expected({("tiny", 0): [1000, 2000]}, said=("same weights as step2000", "base model itself"))


@case("layouts")
def stages_among_the_revisions(made):
    repository = "models--org--tiny"
    names = ["stage1-step100-tokens1B", "stage1-step200-tokens2B"]
    names += [f"stage2-ingredient{k}-step{step}-tokens1B" for k in (1, 2) for step in (10, 20)]
    for name in names:
        made.whole(f"{repository}/snapshots/{name}")
        made.write(f"{repository}/refs/{name}", name)
    twos = {(f"stage2-ingredient{k}", 0): [10, 20] for k in (1, 2)}
    return Expected({("stage1", 0): [100, 200], **twos})


@case("layouts")
def eight_folders_deep(made):
    for step in (4, 8):
        made.adapter(f"a/b/c/d/helpful/v0/checkpoint-{step}/adapter")
        made.adapter(f"a/b/c/d/harmless/v0/checkpoint-{step}/adapter")
    return Expected({("helpful", 0): [4, 8], ("harmless", 0): [4, 8]})


@case("layouts")
def steps_above_a_folder_of_the_trainer(made):
    for step in (100, 200):
        made.whole(f"run/{step}/iter_0000001")
    return Expected({RUN: [100, 200]})


@case("layouts")
def objectives_in_the_names_of_checkpoints(made):
    for objective in ("helpful", "harmless"):
        for step in (100, 200):
            made.adapter(f"step{step}-{objective}")
    return Expected({("helpful", 0): [100, 200], ("harmless", 0): [100, 200]})


# --- what stands beside the checkpoints ----------------------------------------------------------------


@case("beside")
def best_and_last_are_copies(made):
    for k, step in enumerate((4, 8, 12)):
        made.adapter(f"run/checkpoint-{step}", seed=k)
    made.adapter("run/best", seed=1)
    made.adapter("run/last", seed=2)
    return Expected({RUN: [4, 8, 12]}, said=("same weights as checkpoint-8", "same weights as checkpoint-12"))


@case("beside")
def best_is_nobodys_copy(made):
    for step in (4, 8):
        made.adapter(f"run/checkpoint-{step}")
    made.adapter("run/best")
    return Expected({RUN: [4, 8]}, {"run/best": "tells no step"})


@case("beside")
def best_with_its_state(made):
    for step in (4, 12):
        made.adapter(f"run/checkpoint-{step}")
    made.adapter("run/best")
    made.state("run/best", 8)
    return Expected({RUN: [4, 8, 12]})


@case("beside")
def final_stands_last(made):
    for step in (4, 8):
        made.adapter(f"run/checkpoint-{step}")
    made.adapter("run/final")
    return Expected({RUN: [4, 8, 9]}, said=("stands last",))


@case("beside")
def a_merged_copy_among_adapters(made):
    for step in (4, 8):
        made.adapter(f"run/checkpoint-{step}")
    made.whole("run/merged")
    return Expected({RUN: [4, 8]}, {"run/merged": "tells no step"})


@case("beside")
def the_final_adapter_in_the_runs_folder(made):
    for k, step in enumerate((4, 8)):
        made.adapter(f"run/checkpoint-{step}", seed=k)
    made.adapter("run", seed=1)
    return Expected({RUN: [4, 8]}, said=("same weights as checkpoint-8",))


@case("beside")
def other_final_weights_in_the_runs_folder(made):
    for step in (4, 8):
        made.adapter(f"run/checkpoint-{step}")
    made.adapter("run")
    made.state("run", 10)
    return Expected({RUN: [4, 8, 10]})


@case("beside")
def the_base_among_the_runs(made):
    for step in (4, 8):
        made.adapter(f"helpful/checkpoint-{step}")
    made.copy_of_base("base")
    return Expected({("helpful", 0): [4, 8]})


@case("beside")
def the_base_beside_the_checkpoints(made):
    for step in (4, 8):
        made.whole(f"run/checkpoint-{step}")
    made.copy_of_base("run/base")
    return Expected({RUN: [4, 8]}, said=("base model itself",))


@case("beside")
def the_state_of_a_recipe(made):
    for epoch in (1, 2):
        made.whole(f"run/epoch_{epoch}")
    made.write("run/recipe_state/recipe_state.pt")
    return Expected({RUN: [1, 2]})


@case("beside")
def a_trained_epoch_zero(made):
    for epoch in (0, 1, 2):
        made.whole(f"run/epoch_{epoch}")
    return Expected({RUN: [1, 2, 3]}, said=("epoch_0 was trained already",))


@case("beside")
def a_trained_step_zero(made):
    for step in (0, 100, 200):
        made.whole(f"run/step{step}")
    return Expected({RUN: [1, 100, 200]}, said=("step0 was trained already",))


@case("beside")
def a_step_zero_that_is_the_base(made):
    made.copy_of_base("run/checkpoint-0")
    made.whole("run/checkpoint-8")
    return Expected({RUN: [8]}, said=("base model itself",))


@case("beside")
def one_adapter_copied_to_every_step(made):
    for step in (4, 8, 12):
        made.adapter(f"run/checkpoint-{step}", seed=7)
    return Expected({RUN: [4]}, said=("same weights as checkpoint-4",))


@case("beside")
def an_adapter_that_changes_nothing(made):
    from safetensors.numpy import load_file, save_file

    folder = made.adapter("run/checkpoint-4")
    file = folder / "adapter_model.safetensors"
    save_file({n: one * ("lora_B" not in n) for n, one in load_file(file).items()}, file, metadata={"format": "pt"})
    made.adapter("run/checkpoint-8")
    return Expected({RUN: [4, 8]}, said=("changes nothing",))


@case("beside")
def an_adapter_and_a_whole_model_in_one_folder(made):
    made.whole("run/checkpoint-4")
    made.adapter("run/checkpoint-4")
    made.adapter("run/checkpoint-8")
    return Expected({RUN: [4, 8]}, said=("whole model, too",))


@case("beside")
def further_adapters_in_a_checkpoint(made):
    for step in (4, 8):
        made.adapter(f"run/checkpoint-{step}")
        made.adapter(f"run/checkpoint-{step}/reference")
    return Expected({RUN: [4, 8]}, said=("not read: reference",))


@case("beside")
def the_state_file_against_the_names(made):
    for epoch in (1, 2):
        made.whole(f"run/epoch_{epoch}")
        made.state(f"run/epoch_{epoch}", 120 * epoch)
    return Expected({RUN: [120, 240]}, said=("trainer_state.json",))


@case("beside")
def two_folders_of_one_step(made):
    made.adapter("run/checkpoint-8")
    made.adapter("run/checkpoint-8-copy")
    made.adapter("run/checkpoint-16")
    return Expected({RUN: [8, 16]}, {"run/checkpoint-8-copy": "same step 8"})


@case("beside")
def a_checkpoint_that_was_never_written(made):
    made.adapter("run/checkpoint-4")
    made.write("run/checkpoint-8/trainer_state.json", "{}")
    return Expected({RUN: [4]}, {"run/checkpoint-8": "no weights"})


@case("beside")
def a_checkpoint_that_is_half_written(made):
    made.adapter("run/checkpoint-4")
    made.adapter("run/tmp-checkpoint-8")
    return Expected({RUN: [4]}, {"run/tmp-checkpoint-8": "still writing"})


@case("beside")
def logs_and_caches(made):
    made.adapter("run/checkpoint-4")
    made.write("run/logs/events.out.tfevents")
    made.write("run/runs/step_100/events")
    made.write("wandb/run-20260501/files/config.yaml")
    return Expected({RUN: [4]})
