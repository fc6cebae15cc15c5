"""Weights in formats that are not opened here, by the names of files: whose they are, and what makes them readable."""

from __future__ import annotations

import re
from typing import NamedTuple


class OtherFormat(NamedTuple):
    """What is said of a folder that holds such a file. `{}` stands for the first one's name, FOLDER for the folder."""

    names: re.Pattern
    status: str
    fault: str
    hint: str


# The first one that fits is said, so what a trainer's own files tell comes before the general.
OTHER_FORMATS = (
    OtherFormat(
        re.compile(r".*\.(safetensors|bin)\.(incomplete|part|partial|crdownload|download|filepart|tmp)"),
        "incomplete",
        "the download of {} has not ended",
        "Wait for it, or download it again",
    ),
    OtherFormat(
        re.compile(r"adapter_model.*\d+-of-0*(?!1\.)\d+\.safetensors"),
        "refused",
        "the adapter is in several files ({} first), and PEFT reads one",
        "Write the tensors of all of them into one adapter_model.safetensors, with load_file and save_file of "
        "safetensors.torch",
    ),
    OtherFormat(
        re.compile(r"global_step\d+|.*_states\.pt|zero_to_fp32\.py"),
        "refused",
        "the weights are DeepSpeed shards",
        "Merge them with DeepSpeed's tool: python zero_to_fp32.py FOLDER FOLDER --safe_serialization",
    ),
    OtherFormat(
        re.compile(r"model_world_size_\d+_rank_\d+\.pt"),
        "refused",
        "the weights are shards of verl or SkyRL, one for each GPU",
        "Merge them with verl: python -m verl.model_merger merge --backend fsdp --local_dir FOLDER --target_dir OUT. "
        "SkyRL writes safetensors beside them where trainer.hf_save_interval is set",
    ),
    OtherFormat(
        re.compile(r"fsdp_config\.json"),
        "refused",
        "the weights are SkyRL's own ({} lies beside them), pickled for training on",
        "Let SkyRL write safetensors: set trainer.hf_save_interval, and pick the folder of its exports",
    ),
    OtherFormat(
        re.compile(r"pytorch_model_fsdp.*"),
        "refused",
        "the weights are FSDP shards",
        "Merge them with: accelerate merge-weights FOLDER/pytorch_model_fsdp_0 OUTPUT",
    ),
    OtherFormat(
        re.compile(r".*\.distcp|dist_ckpt"),
        "refused",
        "the weights are shards of torch.distributed.checkpoint",
        "Merge them with the trainer's own tool (accelerate merge-weights FOLDER OUTPUT, for verl on Megatron python "
        "-m verl.model_merger merge --backend megatron), or with python -m torch.distributed.checkpoint.format_utils "
        "dcp_to_torch FOLDER OUTPUT.pt, and save them with save_pretrained()",
    ),
    OtherFormat(
        re.compile(r"mp_rank_\d+.*"),
        "refused",
        "the weights are Megatron shards",
        "Convert them with Megatron's tools/checkpoint/convert.py, or with Megatron Bridge, to safetensors",
    ),
    OtherFormat(
        re.compile(r".*\.nemo"),
        "refused",
        "the weights are an archive of NeMo ({})",
        "Convert it with the script for this model in NeMo's scripts/checkpoint_converters",
    ),
    OtherFormat(
        re.compile(r".*\.ckpt"),
        "refused",
        "the weights are pickled ({}), as Lightning writes them, and a pickle can run code when it is opened",
        "Where you trust the file, load it with your own LightningModule and call save_pretrained() on its model, "
        "which writes safetensors",
    ),
    OtherFormat(
        re.compile(r"(\d+_)?adapters\.(safetensors|npz)"),
        "refused",
        "the adapter is MLX's ({}), which PEFT does not read",
        "Fuse it with its base: mlx_lm.fuse --model BASE --adapter-path FOLDER --save-path OUT; one of several, such "
        "as 0000100_adapters.safetensors, has to be called adapters.safetensors for that",
    ),
    OtherFormat(
        re.compile(r"weights(\.\d+)?\.npz"),
        "refused",
        "the weights are MLX's ({})",
        "Save them again with a later mlx_lm: mlx_lm.convert --hf-path FOLDER --mlx-path OUTPUT",
    ),
    OtherFormat(
        re.compile(r".*(checkpoint|ckpt|step|epoch|adapter|weights).*\.(zip|tar|tgz|7z|tar\.(gz|xz|bz2|zst))", re.I),
        "refused",
        "{} is packed",
        "Unpack it beside the other checkpoints",
    ),
    # But for what training leaves beside the weights: never opened, and no reason to refuse a checkpoint.
    OtherFormat(
        re.compile(
            r"(?!optimizer|optim_|scheduler|scaler|rng_state|training_args|random_states|zero_pp_rank|recipe_state|"
            r"extra_state|data\.pt|dataloader|lr_scheduler|trainer_state).*\.(bin|pt|pth|pkl|pickle)",
            re.I,
        ),
        "refused",
        "the weights are pickled ({}), and a pickle can run code when it is opened",
        "Where you trust the file, load it once with transformers (or PEFT) and save it with save_pretrained(), which "
        "writes safetensors",
    ),
    OtherFormat(
        re.compile(r".*\.gguf"),
        "refused",
        "the weights are quantised GGUF ({})",
        'Convert them: AutoModelForCausalLM.from_pretrained(folder, gguf_file="{}").save_pretrained(...)',
    ),
    OtherFormat(
        re.compile(r".*\.(onnx|msgpack|h5|tflite)"),
        "refused",
        "the weights are {}, a format of another library",
        "Use the safetensors of the same checkpoint, or convert them where that library is installed",
    ),
    OtherFormat(
        re.compile(r"consolidated.*\.safetensors"),
        "refused",
        "the weights are in Mistral's own form ({}), whose tensors transformers calls otherwise",
        "Use the Hugging Face form of the same checkpoint, or convert them with transformers' "
        "convert_mistral_weights_to_hf.py",
    ),
    OtherFormat(
        re.compile(r".*\d+-of-0*(?!1\.)\d+\.safetensors"),
        "incomplete",
        "the weights are in several files, {} first, and no index says what is in which",
        "Copy model.safetensors.index.json into the folder, or save the checkpoint again with save_pretrained()",
    ),
    OtherFormat(
        re.compile(r".*\.safetensors"),
        "incomplete",
        "the weights are called {}, a name transformers does not look for",
        "Rename the file to model.safetensors (adapters: adapter_model.safetensors), in a folder of its own with its "
        "config.json (adapters: adapter_config.json)",
    ),
)
