"""What trainers leave behind, by name: the files as each of them writes them, with weights that are tiny."""

import json

from scripts.wild.case import Expected, Workshop, case

RUN = ("run", 0)
OTHERS = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin")


def trainer(made: Workshop, place: str, step: int, whole: bool = False, **more) -> None:
    """A checkpoint of transformers' Trainer, with the state that training goes on from."""
    (made.whole if whole else made.adapter)(place)
    made.state(place, step, **more)
    for name in OTHERS:
        made.write(f"{place}/{name}", b"\x80\x04not a pickle that anybody opens")


def trainers_of(kind: str, whole: bool, *extras: str):
    """Runs of a trainer built on transformers' Trainer: checkpoints, the final weights, and files of its own."""

    def build(made: Workshop) -> Expected:
        for step in (4, 8):
            trainer(made, f"run/checkpoint-{step}", step, whole)
        for extra in extras:
            made.write(f"run/{extra}", "{}")
        (made.whole if whole else made.adapter)("run")
        made.state("run", 10)
        return Expected({RUN: [4, 8, 10]}, read=None)

    build.__doc__ = kind
    return build


for title, whole, extras in (
    ("transformers, whole models", True, ("trainer_log.jsonl", "all_results.json")),
    ("TRL's SFTTrainer with LoRA", False, ("README.md", "completions/completions_00001.parquet")),
    ("TRL's DPOTrainer, whole models", True, ("README.md",)),
    ("TRL's GRPOTrainer with LoRA", False, ("README.md", "runs/May01/events.out.tfevents.1")),
    ("TRL's RLOOTrainer with LoRA", False, ("README.md",)),
    ("Axolotl with LoRA", False, ("README.md", "tokenized/data.arrow", "debug.log")),
    ("LLaMA-Factory with LoRA", False, ("trainer_log.jsonl", "train_results.json", "training_loss.png")),
):
    case("trainers", title)(trainers_of(title, whole, *extras))


@case("trainers", "TRL's RewardTrainer: no language model")
def reward_models(made):
    from scripts.wild.case import edit_json

    for step in (4, 8):
        trainer(made, f"run/checkpoint-{step}", step, whole=True)
        edit_json(made.folder / f"run/checkpoint-{step}/config.json", architectures=["LlamaForSequenceClassification"])
    told = {f"run/checkpoint-{step}": "LlamaForSequenceClassification" for step in (4, 8)}
    return Expected(unusable=told)


@case("trainers", "Axolotl's merged model beside its adapters")
def axolotl_merged(made):
    for step in (4, 8):
        trainer(made, f"run/checkpoint-{step}", step)
    made.whole("run/merged")
    return Expected({RUN: [4, 8]}, {"run/merged": "tells no step"})


@case("trainers", "LLaMA-Factory by model, method and run")
def llama_factory(made):
    for method in ("sft", "dpo"):
        for step in (4, 8):
            trainer(made, f"saves/Llama-3-8B/lora/{method}/checkpoint-{step}", step)
    return Expected({("sft", 0): [4, 8], ("dpo", 0): [4, 8]})


@case("trainers", "Unsloth with LoRA")
def unsloth(made):
    from scripts.wild.case import edit_json

    for step in (60, 120):
        trainer(made, f"outputs/checkpoint-{step}", step)
        edit_json(
            made.folder / f"outputs/checkpoint-{step}/adapter_config.json",
            base_model_name_or_path="unsloth/llama-3-8b-bnb-4bit",
            use_gradient_checkpointing="unsloth",
        )
    return Expected({("experiment", 0): [60, 120]}, read=None)


@case("trainers", "torchtune, whole models by epoch")
def torchtune(made):
    for epoch in (0, 1, 2):
        made.whole(f"run/epoch_{epoch}")
        made.write(f"run/epoch_{epoch}/original/config.json", "{}")
    made.write("run/recipe_state/recipe_state.pt")
    made.write("run/logs/log.txt")
    return Expected({RUN: [1, 2, 3]}, read=None)


@case("trainers", "torchtune with LoRA, saved as pickles")
def torchtune_pickles(made):
    for epoch in (0, 1):
        made.write(f"run/epoch_{epoch}/adapter_model.pt")
        made.write(f"run/epoch_{epoch}/adapter_config.json", (made.base / "config.json").read_text())
    return Expected(unusable={"run/epoch_0": "pickled (adapter_model.pt)"})


@case("trainers", "torchtune's files without an index")
def torchtune_without_index(made):
    folder = made.whole("run/epoch_1")
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").unlink()
    for k in (1, 2):
        made.write(f"run/epoch_1/ft-model-0000{k}-of-00002.safetensors", content)
    return Expected(unusable={"run/epoch_1": "no index says what is in which"})


@case("trainers", "verl on Megatron")
def verl_on_megatron(made):
    for step in (10, 20):
        made.write(f"run/global_step_{step}/actor/dist_ckpt/__0_0.distcp")
        made.write(f"run/global_step_{step}/actor/huggingface/tokenizer.json")
        made.write(f"run/global_step_{step}/data.pt")
    made.write("run/latest_checkpointed_iteration.txt", "20")
    return Expected(unusable={f"run/global_step_{step}/actor": "backend megatron" for step in (10, 20)})


@case("trainers", "SkyRL's own checkpoints")
def skyrl(made):
    for step in (10, 20):
        made.write(f"ckpts/global_step_{step}/policy/model_state.pt")
        made.write(f"ckpts/global_step_{step}/policy/optimizer_state.pt")
        made.write(f"ckpts/global_step_{step}/policy/fsdp_config.json", "{}")
        made.write(f"ckpts/global_step_{step}/trainer_state.pt")
        made.write(f"ckpts/global_step_{step}/data.pt")
    return Expected(unusable={f"ckpts/global_step_{step}/policy": "hf_save_interval" for step in (10, 20)})


@case("trainers", "SkyRL's exports")
def skyrl_exports(made):
    for step in (10, 20):
        made.whole(f"exports/global_step_{step}/policy")
    return Expected({("experiment", 0): [10, 20]}, read=None)


@case("trainers", "OpenRLHF: states of DeepSpeed beside models for Hugging Face")
def openrlhf(made):
    for step in (10, 20):
        made.write(f"run/_actor/global_step{step}/mp_rank_00_model_states.pt")
        made.whole(f"run/global_step{step}_hf")
    return Expected({RUN: [10, 20]})


@case("trainers", "DeepSpeed ZeRO, not merged")
def deepspeed(made):
    for step in (4, 8):
        made.write(f"run/checkpoint-{step}/global_step{step}/zero_pp_rank_0_mp_rank_00_optim_states.pt")
        made.write(f"run/checkpoint-{step}/zero_to_fp32.py", "")
        made.write(f"run/checkpoint-{step}/latest", f"global_step{step}")
    return Expected(unusable={f"run/checkpoint-{step}": "zero_to_fp32.py" for step in (4, 8)})


@case("trainers", "DeepSpeed ZeRO without its script, beside checkpoints that are whole")
def deepspeed_alone(made):
    made.adapter("run/checkpoint-4")
    made.adapter("run/checkpoint-8")
    made.write("run/checkpoint-16/global_step16/mp_rank_00_model_states.pt")
    return Expected({RUN: [4, 8]}, {"run/checkpoint-16": "DeepSpeed shards"})


@case("trainers", "DeepSpeed's state beside whole weights")
def deepspeed_merged(made):
    for step in (4, 8):
        trainer(made, f"run/checkpoint-{step}", step, whole=True)
        made.write(f"run/checkpoint-{step}/global_step{step}/zero_pp_rank_0_mp_rank_00_optim_states.pt")
        made.write(f"run/checkpoint-{step}/zero_to_fp32.py", "")
    return Expected({RUN: [4, 8]}, read=None)


@case("trainers", "FSDP shards of accelerate")
def fsdp(made):
    for step in (4, 8):
        made.write(f"run/checkpoint-{step}/pytorch_model_fsdp_0/__0_0.distcp")
        made.write(f"run/checkpoint-{step}/optimizer_0/__0_0.distcp")
        made.state(f"run/checkpoint-{step}", step)
    return Expected(unusable={f"run/checkpoint-{step}": "accelerate merge-weights" for step in (4, 8)})


@case("trainers", "torchtitan's distributed checkpoints")
def torchtitan(made):
    for step in (100, 200):
        made.write(f"run/step-{step}/__0_0.distcp")
    return Expected(unusable={f"run/step-{step}": "dcp_to_torch" for step in (100, 200)})


@case("trainers", "Megatron-LM")
def megatron(made):
    for step in (100, 200):
        made.write(f"run/iter_{step:07}/mp_rank_00/model_optim_rng.pt")
    made.write("run/latest_checkpointed_iteration.txt", "200")
    return Expected(unusable={f"run/iter_{step:07}": "Megatron" for step in (100, 200)})


@case("trainers", "NeMo's archive")
def nemo(made):
    made.write("run/helpful.nemo")
    return Expected(unusable={"run": "NeMo"})


@case("trainers", "Lightning")
def lightning(made):
    made.write("lightning_logs/version_0/checkpoints/epoch=0-step=10.ckpt")
    made.write("lightning_logs/version_0/checkpoints/epoch=1-step=20.ckpt")
    made.write("lightning_logs/version_0/hparams.yaml")
    return Expected(unusable={"lightning_logs/version_0/checkpoints": "LightningModule"})


@case("trainers", "LLM Foundry's models by batch")
def composer(made):
    for batch in (100, 200):
        made.whole(f"run/huggingface/ba{batch}")
        made.write(f"run/ep0-ba{batch}-rank0.pt")
    return Expected({RUN: [100, 200]}, {"run": "pickled"})


@case("trainers", "GGUF")
def gguf(made):
    made.write("run/checkpoint-8/model-Q4_K_M.gguf", b"GGUF")
    return Expected(unusable={"run/checkpoint-8": "gguf_file"})


@case("trainers", "MLX with LoRA")
def mlx(made):
    for step in (100, 200):
        made.write(f"adapters/{step:07}_adapters.safetensors", b"\2\0\0\0\0\0\0\0{}")
    made.write("adapters/adapters.safetensors", b"\2\0\0\0\0\0\0\0{}")
    made.write("adapters/adapter_config.json", json.dumps({"fine_tune_type": "lora", "num_layers": 16}))
    return Expected(unusable={"adapters": "mlx_lm.fuse"})


@case("trainers", "MLX, quantised")
def mlx_quantised(made):
    from scripts.wild.case import edit_json

    folder = made.whole("run/checkpoint-8")
    edit_json(folder / "config.json", quantization={"group_size": 64, "bits": 4})
    return Expected(unusable={"run/checkpoint-8": "MLX"})


@case("trainers", "Mistral's own form")
def consolidated(made):
    folder = made.whole("run/checkpoint_000100")
    (folder / "model.safetensors").rename(folder / "consolidated.safetensors")
    return Expected(unusable={"run/checkpoint_000100": "Hugging Face form"})


@case("trainers", "Flax and TensorFlow")
def flax(made):
    made.write("run/step_100/flax_model.msgpack")
    made.write("run/step_200/tf_model.h5")
    return Expected(unusable={"run/step_100": "another library", "run/step_200": "another library"})
