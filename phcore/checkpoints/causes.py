"""Why weights do not load, told from names, shapes and settings: what trainers do to files, each with what mends it."""

import re
from collections.abc import Mapping
from math import prod

from phcore.checkpoints.safetensors_header import Tensor, times

# Leading or inner parts of names that wrappers around a model add, and what each wrapper is.
WRAPPERS = {
    "_orig_mod": "torch.compile",
    "_fsdp_wrapped_module": "FSDP",
    "_checkpoint_wrapped_module": "activation checkpointing",
    "_forward_module": "Lightning Fabric",
    "module": "DistributedDataParallel or DeepSpeed",
}
UNWRAP = "Save the model inside of the wrapper: accelerator.unwrap_model(model).save_pretrained(FOLDER)"
GATHER = (
    "Save again with stage3_gather_16bit_weights_on_model_save = true in the DeepSpeed configuration, or merge the "
    "training checkpoint with: python zero_to_fp32.py FOLDER OUTPUT --safe_serialization"
)
NAMED = re.compile(r".*\.(?:lora_\w+|modules_to_save)\.(?P<name>(?!weight|bias)[^.]+)(?:\.weight|\.bias)?")
A = re.compile(r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?:embedding_)?A(?:\.[^.]+)?(?:\.weight)?")
# Heads beside or in place of the one that says the next token.
HEADS = re.compile(r"(?:.*\.)?(?P<head>v_head|value_head|score|classifier|qa_outputs|reward_head|regression_head)\..*")
HEAD_KINDS = {"v_head": "a value", "value_head": "a value", "classifier": "a classification"} | dict.fromkeys(
    ("score", "reward_head", "regression_head"), "a reward or classification"
)


def own_fault(stored: Mapping[str, Tensor], adapter: dict | None = None) -> tuple[str, str, str] | None:
    """What no model can be loaded from, whatever it was trained from.

    Parameters
    ----------
    stored : the tensors of a checkpoint by name.
    adapter : settings of an adapter; None for a whole model.

    Returns
    -------
    Status (as of a checkpoint), fault and mend; None where nothing of the kind is there.
    """
    hollow = sorted(name for name, one in stored.items() if not prod(one.shape) and name.endswith(("weight", "bias")))
    if hollow:
        number = f"{len(hollow)} of {len(stored)} tensors are empty, the first is {hollow[0]}"
        fault = (
            f"{number} (shape {list(stored[hollow[0]].shape)}): DeepSpeed ZeRO-3 saved placeholders, not the weights"
        )
        return "damaged", fault, GATHER
    for word, wrapper in WRAPPERS.items():
        # "module" is an ordinary word inside of names: only what every name begins with was added.
        wrapped = [n for n in stored if word in n.split(".")] if word != "module" else _all_begin(stored, "module.")
        if wrapped:
            fault = f"names of weights hold {word}., which {wrapper} adds, the first is {min(wrapped)}"
            return "refused", fault, f"{UNWRAP}, or take {word}. out of the names of the tensors"
    if adapter is None:
        return None
    named = sorted((name, found["name"]) for name in stored if (found := NAMED.fullmatch(name)))
    if named:
        name, adapter = named[0]
        fault = f"names of weights hold the name of the adapter ({adapter}), the first is {name}"
        return "refused", fault, "Save it with PEFT's model.save_pretrained(FOLDER), which leaves that name out"
    if wrong := _wrong_rank(adapter, stored):
        mend = "Put the adapter_config.json beside the weights that was saved with them"
        return "damaged", wrong, mend
    return None


def _all_begin(stored: Mapping[str, Tensor], word: str) -> list[str]:
    plain = [name for name in stored if name.removeprefix("base_model.model.").startswith(word)]
    return plain if len(plain) == len(stored) else []


def _wrong_rank(settings: dict, stored: Mapping[str, Tensor]) -> str:
    """The first tensor of another rank than an adapter's settings say, in words."""
    if settings.get("peft_type") != "LORA" or settings.get("target_parameters"):
        return ""
    patterns = settings.get("rank_pattern")
    patterns = patterns if isinstance(patterns, dict) else {}
    for name, tensor in sorted(stored.items()):
        found = A.fullmatch(name)
        # Experts that transformers fuses have the ranks of all of them together.
        if not found or len(tensor.shape) != 2 or ".experts" in name:
            continue
        said = next((rank for key, rank in patterns.items() if _fits(str(key), found["module"])), settings.get("r"))
        if isinstance(said, int) and said != tensor.shape[0]:
            return f"{name} has rank {tensor.shape[0]}, and adapter_config.json says {said}"
    return ""


def _fits(pattern: str, module: str) -> bool:
    """As PEFT matches a rank pattern with a module."""
    try:
        return re.match(rf"(.*\.)?({pattern})$", module) is not None
    except re.error:
        return False


def extra_head(names: list[str]) -> tuple[str, str] | None:
    """Fault and mend where names are those of a head that is none of a language model."""
    found = next((one for name in sorted(names) if (one := HEADS.fullmatch(name))), None)
    if not found:
        return None
    kind = HEAD_KINDS.get(found["head"], "another")
    return (
        f"it holds {kind} head beside the language model ({found[0]})",
        "Save the language model without that head: with TRL model.pretrained_model.save_pretrained(FOLDER), else from "
        "the model of class ...ForCausalLM",
    )


def flattened(name: str, own: Tensor, wanted: Tensor) -> tuple[str, str] | None:
    """Fault and mend where a matrix is stored as one row of numbers."""
    if len(own.shape) != 1 or len(wanted.shape) < 2:
        return None
    return (
        f"{name} is one row of {own.shape[0]:,} numbers here and {times(wanted.shape)} in the base model, as FSDP "
        "stores shards",
        "Save with a full state dict (fsdp_state_dict_type: FULL_STATE_DICT), or merge the shards with: accelerate "
        "merge-weights FOLDER OUTPUT",
    )
