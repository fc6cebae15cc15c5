"""One folder: is it a checkpoint, of which kind, is it whole, and may it be opened?

Only names, JSON files and safetensors headers are read here. Pickled files (`*.bin`, `*.pt`, `*.pth`, `*.ckpt`,
`training_args.bin`, `optimizer.pt`, ...) can run code when opened, so nothing ever opens them.
"""

from __future__ import annotations

import codecs
import json
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from phcore.checkpoints.causes import GATHER, own_fault
from phcore.checkpoints.disguises import LONGEST, disguise
from phcore.checkpoints.other_formats import OTHER_FORMATS
from phcore.checkpoints.safetensors_header import Tensor, read_header
from phcore.errors import Fault

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
ADAPTER = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
# Entries of config.json that choose what computes attention and experts.
KERNELS = (
    "_attn_implementation", "_attn_implementation_internal", "attn_implementation", "_experts_implementation",
    "_experts_implementation_internal", "experts_implementation",
)  # fmt: skip
MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # transformers and PEFT read none of them
LARGEST_JSON = 64_000_000  # bytes; the index of a model with 100,000 tensors has about 10 MB

# Adapters that are no change of weights: they need other adapters, or change the prompt instead of the model.
NOT_WEIGHTS = {
    "PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "MULTITASK_PROMPT_TUNING", "CPT", "CARTRIDGE", "ADAPTION_PROMPT",
    "XLORA", "POLY",
}  # fmt: skip


OTHER_HEADS = (
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "RewardModel",
    "ValueHead",
)


class Flaw(Fault):
    """A fault of one checkpoint, with the status it gets: incomplete, damaged, refused or mismatch."""

    def __init__(self, status: str, fault: str, hint: str, path: str | Path | None = None):
        super().__init__(fault, hint, path)
        self.status = status

    @property
    def finding(self) -> str:
        plain_word = self.fault.split(" ")[0].isalpha()  # not a file's or tensor's name
        fault = self.fault[:1].upper() + self.fault[1:] if plain_word else self.fault
        return f"{fault}. {self.hint}."


@dataclass(frozen=True)
class Checkpoint:
    """One saved state.

    Attributes
    ----------
    step : training step; 0 is the base model.
    kind : "base", "full" (one weight file), "sharded" (several), "adapter" (PEFT) or "revision" (of a hub-cache model).
    path : its folder.
    size : bytes of its weight files.
    status : "ready"; "incomplete" (something is missing: a shard, config.json, or for an adapter the choice of a base
        model); "damaged" (cut short or garbled); "refused" (would run code, or a format that must be converted
        first); "mismatch" (not a checkpoint of this base model); in a series also "repeated" (the same
        weights as another one), "unplaced" (nothing tells its step) and "left out" (somebody asked for that).
    finding : what is wrong and how to mend it; empty when ready.
    note : something worth knowing about a ready one.
    folder : what it is called in its series: its folder, from that of the series on, or its revision.
    """

    step: int
    kind: str
    path: Path
    size: int
    status: str = "ready"
    finding: str = ""
    note: str = ""
    folder: str = ""

    @property
    def ready(self) -> bool:
        return self.status == "ready"

    @classmethod
    def of_base(cls, path: str | Path) -> Checkpoint:
        """The base model as the checkpoint at step 0."""
        found = examine(Path(path), step=0)
        return cls(0, "base", found.path, found.size, found.status, found.finding)


def names_in(folder: Path) -> set[str]:
    """Names of what lies directly in a folder; empty where it cannot be read."""
    try:
        return _names_in(folder)
    except OSError:
        return set()


def _names_in(folder: Path) -> set[str]:
    """As `names_in`. Raises OSError where a folder cannot be listed, or listed and not entered."""
    found = {one.name for one in folder.iterdir()}
    if found:
        (folder / min(found)).lstat()
    return found


def holds_weights(folder: Path) -> bool:
    """Whether a folder looks like a model or an adapter, whole or not, in any format we know of."""
    return any(looks_like_weights(name) for name in names_in(folder))


def looks_like_weights(name: str) -> bool:
    """Whether a file or folder of this name holds weights, or says how they are to be used."""
    known = {SINGLE, INDEX, ADAPTER, ADAPTER_CONFIG}
    return name in known or any(other.names.fullmatch(name) for other in OTHER_FORMATS)


def holds_opened_weights(folder: Path) -> bool:
    """Whether weights lie in a folder in a format that is opened here, whatever their names."""
    return any(name.endswith(".safetensors") or name == INDEX for name in names_in(folder))


def is_adapter(folder: Path) -> bool:
    names = names_in(folder)
    return ADAPTER_CONFIG in names or any(name.startswith("adapter_model.") for name in names)


def read_json(path: Path) -> dict:
    """A JSON file that holds an object.

    Raises
    ------
    Flaw : "incomplete" where it is missing, "damaged" where it is not UTF-8, not JSON or not an object.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):  # who reads a pipe waits for ever, and a device has no end
            raise Flaw("damaged", f"{path.name} is no plain file", f"Put the right {path.name} there", path)
        if about.st_size > LARGEST_JSON:
            raise Flaw("damaged", f"{path.name} is far too large", f"Put the right {path.name} there", path)
        content = path.read_bytes()
        if told := disguise(content[:LONGEST]):
            raise Flaw("damaged", f"{path.name}: {told[0]}", told[1], path)
        if content.startswith(MARKS):
            fault = f"{path.name} begins with a mark of byte order, as some editors on Windows write it"
            raise Flaw("damaged", fault, "Save it as UTF-8 without such a mark (BOM)", path)
        found = json.loads(content.decode("utf-8"))
    except Flaw:  # which is a ValueError, too
        raise
    except FileNotFoundError:
        raise Flaw("incomplete", f"{path.name} is missing", "Copy it into the folder", path) from None
    except OSError as error:
        raise Flaw("damaged", f"{path.name} cannot be read ({error.strerror})", "Check its permissions", path) from None
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise Flaw("damaged", f"{path.name} is not valid JSON", f"Put a whole {path.name} there", path) from None
    if not isinstance(found, dict):
        raise Flaw("damaged", f"{path.name} holds no JSON object", f"Put the right {path.name} there", path)
    return found


def shards(folder: Path) -> list[Path]:
    """The weight files of a full model, in order of name: one, or those its index names.

    Raises
    ------
    Flaw : where there are none, or where the index names files that are missing or outside the folder.
    """
    if (folder / SINGLE).exists():  # as transformers: the single file wins over an index
        return [folder / SINGLE]
    index = read_json(folder / INDEX)
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise Flaw("damaged", f"{INDEX} lists no weights", "Save the checkpoint again", folder)
    names = sorted({str(name) for name in weight_map.values()})
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise Flaw(
                "refused",
                f"{INDEX} names {name!r}, which is no safetensors file of this folder",
                "Save the checkpoint again",
                folder,
            )
    if not isinstance(index.get("metadata"), dict):  # transformers asks for it
        raise Flaw(
            "damaged", f"{INDEX} has no metadata, without which transformers reads no index",
            f'Add an entry "metadata": {{}} to {INDEX}', folder,
        )  # fmt: skip
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise Flaw(
            "incomplete",
            f"{len(missing)} of {len(names)} weight files are missing, the first is {missing[0]}",
            "Copy the missing files into the folder, or save the checkpoint again",
            folder,
        )
    return [folder / name for name in names]


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint or model. Raises Flaw as `shards` does."""
    if is_adapter(folder):
        if not (folder / ADAPTER).is_file():
            raise Flaw("incomplete", f"{ADAPTER} is missing", "Copy it into the folder", folder)
        return [folder / ADAPTER]
    return shards(folder)


def tensors(folder: Path) -> dict[str, Tensor]:
    """Name, number format and shape of every stored tensor, from the headers.

    Raises
    ------
    Flaw : "damaged" where a header cannot be read or a shard lacks what the index promises; else as `shards`.
    """
    found: dict[str, Tensor] = {}
    files = weight_files(folder)
    for file in files:
        try:
            found |= read_header(file)
        except Fault as fault:
            raise Flaw("damaged", f"{file.name}: {fault.fault}", fault.hint, folder) from None
    if len(files) > 1 or files[0].name not in (SINGLE, ADAPTER):
        absent = sorted(set(read_json(folder / INDEX)["weight_map"]) - set(found))
        if absent:
            raise Flaw(
                "damaged",
                f"the index promises {absent[0]}, and no weight file has it",
                "Save the checkpoint again",
                folder,
            )
    if not found:
        fault = "the weight files hold no tensors, as where DeepSpeed ZeRO-3 saved without gathering the weights"
        raise Flaw("incomplete", fault, GATHER, folder)
    return found


def examine(folder: Path, step: int) -> Checkpoint:
    """Look at one checkpoint folder on its own, not comparing it with a base. Never raises for what it finds."""
    kind = "adapter" if is_adapter(folder) else "full"
    files: list[Path] = []
    try:
        _refuse_broken_links(folder)
        _refuse_formats(folder)
        files = weight_files(folder)
        if kind == "full" and files[0].name != SINGLE:
            kind = "sharded"
        _check_config(folder, kind)
        stored = tensors(folder)
        if kind != "adapter":
            _refuse_bare_integers(stored, read_json(folder / "config.json"))
        if found := own_fault(stored, read_json(folder / ADAPTER_CONFIG) if kind == "adapter" else None):
            raise Flaw(*found)
    except Flaw as flaw:
        return Checkpoint(step, kind, folder, _size(files or _files(folder)), flaw.status, flaw.finding)
    return Checkpoint(step, kind, folder, _size(files))


def _refuse_broken_links(folder: Path) -> None:
    """Raise a Flaw where the folder, its weights or its settings are links that lead nowhere, as where links of the hub
    cache were copied without what they stand for."""
    ours = (folder / name for name in sorted(names_in(folder)) if name.endswith((".safetensors", ".json")))
    for one in (folder, *ours):
        if one.is_symlink() and not one.exists():
            fault = f"{one.name} is a link to {one.readlink()}, which is not there"
            mend = "Copy what it leads to, too (cp -RL and rsync -L do), or let the link lead to where that is now"
            raise Flaw("incomplete", fault, mend)


def _refuse_formats(folder: Path) -> None:
    """Raise a Flaw for weights that are there in no format we open, and for folders without any."""
    try:
        names = _names_in(folder)
    except PermissionError:
        mend = "Give the user who runs this the right to read it: chmod -R +rX FOLDER, by its owner"
        raise Flaw("incomplete", "the folder may not be read by this user", mend) from None
    except OSError as error:
        raise Flaw("incomplete", f"the folder cannot be read ({error.strerror})", "Check that it is there") from None
    for name in sorted(names):
        if _is_pipe_or_device(folder / name):
            raise Flaw("refused", f"{name} is a pipe or a device, which no checkpoint has", "Copy the checkpoint again")
    if not names:
        raise Flaw("incomplete", "the folder is empty", "Save the checkpoint again")
    if names & {SINGLE, INDEX, ADAPTER}:
        return
    for other in OTHER_FORMATS:
        found = sorted(name for name in names if other.names.fullmatch(name))
        if found:
            raise Flaw(other.status, other.fault.format(found[0]), other.hint.format(found[0]))
    raise Flaw("incomplete", "the folder holds no weights", "Save the checkpoint again")


def _is_pipe_or_device(path: Path) -> bool:
    """Whoever opens a pipe waits for ever, libraries included, and a device has no end."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _check_config(folder: Path, kind: str) -> None:
    """Refuse configurations that would run code, and those we know we cannot use."""
    if kind != "adapter":
        config = read_json(folder / "config.json")
        if isinstance(mlx := config.get("quantization"), dict) and "group_size" in mlx:
            raise Flaw(
                "refused",
                f"the weights are quantised by MLX, to {mlx.get('bits')} bits",
                "Use the weights before that, or undo it: mlx_lm.convert --hf-path FOLDER --mlx-path OUT --dequantize",
            )
        _refuse_other_heads(config)
        _refuse_kernels(config)
        if "auto_map" in config:
            raise Flaw(
                "refused",
                "config.json asks for the model's own Python code (auto_map)",
                "If transformers has this model type built in, load it there once and save it with save_pretrained()",
            )
        return
    config = read_json(folder / ADAPTER_CONFIG)
    peft_type = config.get("peft_type")
    if not isinstance(peft_type, str):
        raise Flaw("damaged", f"{ADAPTER_CONFIG} names no peft_type", "Save the adapter again with PEFT")
    if peft_type in NOT_WEIGHTS or config.get("alora_invocation_tokens"):
        raise Flaw(
            "refused",
            f"an adapter of type {peft_type} acts on prompts or other adapters, not on weights alone",
            "Use adapters that change weights, such as LoRA",
        )
    if config.get("megatron_config"):
        raise Flaw(
            "refused",
            f"{ADAPTER_CONFIG} names a Python module to import (megatron_core)",
            "Save the adapter without megatron_config",
        )


def _refuse_other_heads(config: dict) -> None:
    """Raise a Flaw where a model gives scores or classes in place of next tokens, as reward models do."""
    named = config.get("architectures")
    first = named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""
    if first.endswith(OTHER_HEADS):
        raise Flaw(
            "refused",
            f"a {first} does not predict a next token",
            "Pick checkpoints of the language model itself, such as the policy that was trained with it",
        )


def _refuse_bare_integers(stored: dict[str, Tensor], config: dict) -> None:
    """Raise a Flaw where matrices are stored in whole numbers and no quantisation says what those stand for."""
    if config.get("quantization_config"):
        return
    bare = sorted(n for n, one in stored.items() if n.endswith(".weight") and one.dtype[0] in "IU" and one.shape[1:])
    if bare:
        raise Flaw(
            "refused",
            f"{bare[0]} is stored in whole numbers ({stored[bare[0]].dtype}), and config.json tells of no quantisation",
            "Copy the config.json that was saved with these weights, or save them in bfloat16, float16 or float32",
        )


def _refuse_kernels(config: dict) -> None:
    """Raise a Flaw where a configuration names code on a hub that computes parts of the model."""
    for part in (config, *(one for one in config.values() if isinstance(one, dict))):
        for name in KERNELS:
            named = part.get(name)
            values = named.values() if isinstance(named, dict) else [named]
            if remote := next((one for one in values if isinstance(one, str) and re.search(r"[/@:]", one)), None):
                raise Flaw(
                    "refused",
                    f"config.json asks for a kernel from a hub ({name} = {remote}), which is code of others",
                    f'Write "{name}": "sdpa" in config.json: attention that PyTorch has itself gives the same states',
                )


def _files(folder: Path) -> list[Path]:
    return [folder / name for name in names_in(folder)]


def _size(files: list[Path]) -> int:
    return sum(file.stat().st_size for file in files if file.is_file())
