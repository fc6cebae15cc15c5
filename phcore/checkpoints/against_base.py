"""Does a checkpoint fit the base model? Names and shapes only, from the headers: no weight is read."""

import re
from filecmp import cmp
from pathlib import Path
from types import UnionType

from phcore.checkpoints.causes import extra_head, flattened
from phcore.checkpoints.formats import ADAPTER_CONFIG, Flaw, is_adapter, read_json, tensors, weight_files
from phcore.checkpoints.safetensors_header import Tensor, times
from phcore.formatting import count, real_path

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
# Entries of config.json, by their names in several models, that change what is computed and no shape.
SETTINGS = (
    ("num_attention_heads", "n_head"), ("num_key_value_heads",), ("rope_theta", "rotary_emb_base"),
    ("hidden_act", "hidden_activation", "activation_function"),
    ("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon"),
)  # fmt: skip
LORA = re.compile(r"(?P<module>.+)\.lora_(?P<kind>A|B|embedding_A|embedding_B)(\.[^.]+)?(\.weight)?")


class Base:
    """Names and shapes of a base model's tensors. Raises Flaw where its files cannot be used."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.config = read_json(self.path / "config.json")
        self.tensors = {_plain(name): tensor for name, tensor in tensors(self.path).items()}
        embeddings = next((self.tensors[name] for name in EMBEDDINGS if name in self.tensors), None)
        self.tied_head: Tensor | None = None if HEADS & set(self.tensors) else embeddings

    @property
    def rows(self) -> int:
        """Rows of its vocabulary, 0 where no table of tokens has a name that is known."""
        tables = (one for name, one in self.tensors.items() if _is_table(name) and len(one.shape) == 2)
        return next((one.shape[0] for one in tables), 0)

    def tensor(self, name: str) -> Tensor | None:
        return self.tensors.get(name) or (self.tied_head if name in HEADS else None)


def same_weights(folder: Path, base: Path) -> bool:
    """Whether a whole model has the weights of the base to the last byte. Reads no further than the first other one."""
    if real_path(folder) == real_path(base):
        return True
    return not is_adapter(folder) and same_bytes(folder, base)


def same_bytes(a: Path, b: Path) -> bool:
    """Whether the weight files of two folders are the same to the last byte; not where they cannot be read."""
    try:
        own, theirs = weight_files(a), weight_files(b)
        return len(own) == len(theirs) and all(cmp(x, y, shallow=False) for x, y in zip(own, theirs, strict=True))
    except (OSError, Flaw):
        return False


def check_full(folder: Path, base: Base) -> str:
    """Compare a full checkpoint with the base by names and shapes, as far as both use the same names.

    Where they do not, transformers may still map them to the same modules, and loading decides.

    Returns
    -------
    A note: a sentence where it has another number of tokens than the base, else "".

    Raises
    ------
    Flaw : where it is no checkpoint of this base.
    """
    own = {_plain(name): tensor for name, tensor in tensors(folder).items()}
    config = read_json(folder / "config.json")
    _check_config(config, base)
    rows = _check_shapes(own, base)
    strange = [name for name in sorted(own) if base.tensor(name) is None and not COMPUTED.fullmatch(name)]
    tied = bool(config.get("tie_word_embeddings", True))
    absent = [
        name
        for name in sorted(set(base.tensors) - set(own))
        if not (COMPUTED.fullmatch(name) or (tied and name in HEADS))
    ]
    if strange and not absent:
        fault, mend = extra_head(strange) or (f"it holds {strange[0]}, which the base model does not have", OTHER_BASE)
        raise Flaw("mismatch", fault, mend)
    if absent and not strange:
        raise Flaw("incomplete", f"{absent[0]} is missing from the weights", "Save the checkpoint again")
    if absent and (head := extra_head(strange)) and set(absent) <= HEADS:
        raise Flaw("mismatch", *head)
    return " ".join(filter(None, [rows_words(rows, base.rows) if rows else "", _settings_words(config, base.config)]))


def _settings_words(config: dict, of_base: dict) -> str:
    """What a configuration computes otherwise from weights of the same shapes, in a sentence; "" where nothing."""
    told = []
    for names in SETTINGS:
        own, theirs = (_first(one, names, int | float | str) for one in (config, of_base))
        if own is not None and theirs is not None and own != theirs:
            told.append(f"{names[0]} {own} (base: {theirs})")
    return f"Its config.json says otherwise than the base's: {', '.join(told)}." if told else ""


def _check_config(config: dict, base: Base) -> None:
    """Raise a Flaw where a configuration is that of a model of another kind or size."""
    for names, noun in ((("num_hidden_layers", "n_layer"), "layer"), (("hidden_size", "n_embd", "d_model"), "")):
        own, theirs = (_first(one, names) for one in (config, base.config))
        if own and theirs and own != theirs:
            what = (count(own, noun), count(theirs, noun)) if noun else (f"hidden size {own}", str(theirs))
            raise Flaw("mismatch", f"it has {what[0]}, and the base model {what[1]}", OTHER_BASE)


def _first(config: dict, names: tuple[str, ...], kinds: type | UnionType = int):
    """The first of these entries that is of a kind, of the text model where there are several; else None."""
    parts = [config, config.get("text_config"), config.get("rope_parameters")]
    both = {name: one for part in parts if isinstance(part, dict) for name, one in part.items()}
    return next((both[name] for name in names if isinstance(both.get(name), kinds)), None)


def _check_shapes(own: dict[str, Tensor], base: Base) -> int:
    """Raise a Flaw where a tensor has another shape than the base's. Returns the rows of its vocabulary, 0 where it has
    as many as the base."""
    rows = 0
    for name in sorted(own):
        wanted = base.tensor(name)
        if wanted is None or own[name].shape == wanted.shape:
            continue
        if _is_table(name) and len(own[name].shape) == 2 and own[name].shape[1:] == wanted.shape[1:]:
            rows = own[name].shape[0]
            continue
        _check_shape(name, own[name], wanted)
    return rows


def _is_table(name: str) -> bool:
    """Whether a tensor has a row for each token."""
    return (
        name in HEADS or name.endswith(EMBEDDINGS) or name in {f"{head.removesuffix('.weight')}.bias" for head in HEADS}
    )


def rows_words(rows: int, of_base: int) -> str:
    """What a checkpoint's rows of the vocabulary are beside those of the base model, in a sentence; "" where equal."""
    if rows == of_base:
        return ""
    more = rows > of_base
    rest = "their tokens have no probability in the base" if more else "the others have no probability in it"
    return (
        f"Its vocabulary has {count(abs(rows - of_base), 'row')} {'more' if more else 'fewer'} than the base's: {rest}."
    )


def check_adapter(folder: Path, base: Base) -> str:
    """Compare a LoRA adapter with the base by names and shapes, as far as both use the same names.

    Whether PEFT finds the other modules, and other types of adapters, is seen when they are loaded.

    Returns
    -------
    A note, as `check_full` does.

    Raises
    ------
    Flaw : where it is no adapter of this base.
    """
    config = read_json(folder / ADAPTER_CONFIG)
    if config.get("peft_type") != "LORA":
        return ""
    transposed = str(base.config.get("model_type")) in TRANSPOSED  # a file may say anything
    deepest = _first(base.config, ("num_hidden_layers", "n_layer", "n_layers")) or 0
    rows = 0
    for name, tensor in sorted(tensors(folder).items()):
        layer = re.search(r"\.(?:layers|h|blocks)\.(\d+)\.", name)
        if layer and deepest and int(layer[1]) >= deepest and not config.get("layer_replication"):
            fault = f"the adapter changes layer {layer[1]}, and the base model has layers 0 to {deepest - 1}"
            raise Flaw("mismatch", fault, _base_of(config))
        found = LORA.fullmatch(name)
        # transformers may fuse experts into one tensor while loading: their names here say nothing
        if ".experts." in name:
            continue
        if found:
            rows = _check_lora(base, found, tensor, transposed, _base_of(config)) or rows
            continue
        plain = _plain(re.sub(r"\.(modules_to_save(\.default)?|base_layer)(?=\.)", "", name))
        if base.tensor(plain) is not None:
            rows = _check_shapes({plain: tensor}, base) or rows
    return rows_words(rows, base.rows) if rows else ""


def _base_of(config: dict) -> str:
    """The mend for an adapter on another base than its own, which it often names."""
    named = config.get("base_model_name_or_path")
    return OTHER_BASE + (f" (the adapter names {named})" if isinstance(named, str) and named else "")


def why(folder: Path, base: Path) -> tuple[str, str] | None:
    """Fault and mend for a checkpoint that does not load on a base, where files tell the cause."""
    try:
        (check_adapter if is_adapter(folder) else check_full)(folder, Base(base))
    except Flaw as flaw:
        return flaw.fault, flaw.hint
    return None


def _check_shape(name: str, own: Tensor, wanted: Tensor) -> None:
    if wanted.shape != own.shape:
        fault = f"{name} is {times(own.shape)} here and {times(wanted.shape)} in the base model"
        raise Flaw("mismatch", *(flattened(name, own, wanted) or (fault, OTHER_BASE)))


def _check_lora(base: Base, found: re.Match, tensor: Tensor, transposed: bool, mend: str) -> int:
    """Raise a Flaw where a tensor of LoRA does not go with the base's weight. Returns the rows of the vocabulary it was
    made for, 0 where they are the base's or it has nothing to do with them."""
    module, kind = _plain(found["module"]), found["kind"]
    weight = base.tensor(f"{module}.weight")
    if weight is None or len(weight.shape) != 2 or len(tensor.shape) != 2:
        return 0  # by other names, or convolutions: seen at loading
    if kind.startswith("embedding"):  # A is (rank, tokens), B is (width, rank); the table is (tokens, width)
        wanted = weight.shape[0] if kind.endswith("A") else weight.shape[1]
    else:  # A is (rank, in), B is (out, rank); a weight is (out, in)
        out, into = weight.shape[::-1] if transposed else weight.shape
        wanted = into if kind == "A" else out
    size = tensor.shape[1] if kind.endswith("A") else tensor.shape[0]
    if size == wanted:
        return 0
    if _is_table(f"{module}.weight") and kind in ("embedding_A", "B"):
        return size
    raise Flaw(
        "mismatch",
        f"the adapter's {module} has size {size} where the base model has {wanted} (adapter tensor "
        f"{times(tensor.shape)}, base weight {times(weight.shape)})",
        mend,
    )


def _plain(name: str) -> str:
    """A tensor or module name without the prefixes that wrappers add."""
    return PREFIX.sub("", name)
