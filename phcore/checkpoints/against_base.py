"""Does a checkpoint fit the base model? Names and shapes only, from the headers: no weight is read."""

import re
from filecmp import cmp
from pathlib import Path

from phcore.checkpoints.formats import ADAPTER_CONFIG, Flaw, is_adapter, read_json, tensors, weight_files
from phcore.checkpoints.safetensors_header import Tensor

OTHER_BASE = "Pick the base model this checkpoint was trained from"
# Names differ by a leading module between a bare model and the one with a head: h.0 and transformer.h.0.
PREFIX = re.compile(r"^(base_model\.model\.)?((model|transformer|gpt_neox|backbone)\.)?(?=.)")
# Tables that old versions stored and new ones compute, and heads that tied embeddings may stand for.
COMPUTED = re.compile(r".*(rotary_emb\.inv_freq|attn\.(masked_)?bias|attention\.(masked_)?bias)")
HEADS = {"lm_head.weight", "embed_out.weight", "output.weight"}
EMBEDDINGS = (
    "embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight", "decoder.embed_tokens.weight",
)  # fmt: skip
TRANSPOSED = {"gpt2", "openai-gpt"}  # their linear layers (Conv1D) store (in, out) instead of (out, in)
LORA = re.compile(r"(?P<module>.+)\.lora_(?P<kind>A|B|embedding_A|embedding_B)(\.[^.]+)?(\.weight)?")


class Base:
    """Names and shapes of a base model's tensors. Raises Flaw where its files cannot be used."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.config = read_json(self.path / "config.json")
        self.tensors = {_plain(name): tensor for name, tensor in tensors(self.path).items()}
        embeddings = next((self.tensors[name] for name in EMBEDDINGS if name in self.tensors), None)
        self.tied_head: Tensor | None = None if HEADS & set(self.tensors) else embeddings

    def tensor(self, name: str) -> Tensor | None:
        return self.tensors.get(name) or (self.tied_head if name in HEADS else None)


def same_weights(folder: Path, base: Path) -> bool:
    """Whether a whole model has the weights of the base to the last byte. Reads no further than the first other one."""
    if folder.resolve() == base.resolve():
        return True
    if is_adapter(folder):
        return False
    try:
        own, theirs = weight_files(folder), weight_files(base)
        return len(own) == len(theirs) and all(cmp(a, b, shallow=False) for a, b in zip(own, theirs, strict=True))
    except (OSError, Flaw):
        return False


def check_full(folder: Path, base: Base) -> None:
    """Raise a Flaw where a full checkpoint and the base differ in a tensor's presence or shape."""
    own = {_plain(name): tensor for name, tensor in tensors(folder).items()}
    for name in sorted(own):
        wanted = base.tensor(name)
        if wanted is None:
            if COMPUTED.fullmatch(name):
                continue
            raise Flaw("mismatch", f"it holds {name}, which the base model does not have", OTHER_BASE)
        _check_shape(name, own[name], wanted)
    tied = bool(read_json(folder / "config.json").get("tie_word_embeddings", True))
    for name in sorted(set(base.tensors) - set(own)):
        if COMPUTED.fullmatch(name) or (tied and name in HEADS):
            continue
        raise Flaw("incomplete", f"{name} is missing from the weights", "Save the checkpoint again")


def check_adapter(folder: Path, base: Base) -> None:
    """Raise a Flaw where a LoRA adapter's modules are not in the base, or have other sizes.

    Other PEFT types are checked when they are loaded.
    """
    config = read_json(folder / ADAPTER_CONFIG)
    if config.get("peft_type") != "LORA":
        return
    transposed = str(base.config.get("model_type")) in TRANSPOSED  # a file may say anything
    matched = 0
    for name, tensor in sorted(tensors(folder).items()):
        found = LORA.fullmatch(name)
        # transformers may fuse experts into one tensor while loading: their names here say nothing
        if ".experts." in name:
            matched += 1
        elif found:
            _check_lora(base, _plain(found["module"]), found["kind"], tensor, transposed)
            matched += 1
        else:
            wanted = base.tensor(_plain(re.sub(r"\.(modules_to_save(\.default)?|base_layer)(?=\.)", "", name)))
            if wanted is not None:
                _check_shape(_plain(name), tensor, wanted)
                matched += 1
    if not matched:
        raise Flaw("mismatch", "none of the adapter's tensors belongs to a module of the base model", OTHER_BASE)


def _check_shape(name: str, own: Tensor, wanted: Tensor) -> None:
    if wanted.shape != own.shape:
        fault = f"{name} is {_times(own.shape)} here and {_times(wanted.shape)} in the base model"
        raise Flaw("mismatch", fault, OTHER_BASE)


def _check_lora(base: Base, module: str, kind: str, tensor: Tensor, transposed: bool) -> None:
    weight = base.tensor(f"{module}.weight")
    if weight is None:
        raise Flaw("mismatch", f"the adapter changes {module}, which the base model does not have", OTHER_BASE)
    if len(weight.shape) != 2 or len(tensor.shape) != 2:
        return  # convolutions: checked at loading
    if kind.startswith("embedding"):  # A is (rank, tokens), B is (width, rank); the table is (tokens, width)
        wanted = weight.shape[0] if kind.endswith("A") else weight.shape[1]
    else:  # A is (rank, in), B is (out, rank); a weight is (out, in)
        out, into = weight.shape[::-1] if transposed else weight.shape
        wanted = into if kind == "A" else out
    size = tensor.shape[1] if kind.endswith("A") else tensor.shape[0]
    if size != wanted:
        raise Flaw(
            "mismatch",
            f"the adapter's {module} has size {size} where the base model has {wanted} (adapter "
            f"tensor {_times(tensor.shape)}, base weight {_times(weight.shape)})",
            OTHER_BASE,
        )


def _plain(name: str) -> str:
    """A tensor or module name without the prefixes that wrappers add."""
    return PREFIX.sub("", name)


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a scalar"
