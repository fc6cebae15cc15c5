"""Base models: what one is, and which ones are on this machine."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

from phcore.checkpoints.formats import Flaw, examine, holds_weights, names_in, read_json, tensors
from phcore.checkpoints.hub import references, repository_of
from phcore.checkpoints.names import step_of
from phcore.checkpoints.roots import is_inside, refuse_outside
from phcore.checkpoints.series import way_out
from phcore.checkpoints.templates import has_chat_template
from phcore.formatting import real_path

MOST_FOLDERS = 3000
DEEPEST = 3
# How transformers calls classes that say the next token of a text; some of the last kind have an encoder beside.
CAUSAL = ("ForCausalLM", "LMHeadModel", "ModelWithLMHead", "GenerationDecoder", "ForConditionalGeneration")
SKIP = {"node_modules", "site-packages", "__pycache__", "blobs", "refs", "datasets"}


@dataclass(frozen=True)
class Model:
    """A base model.

    Attributes
    ----------
    name : org/name for models of the hub cache, else the folder's name.
    architecture, model_type : as config.json names them.
    n_layers : blocks; hidden states are numbered 0 (embeddings) to n_layers.
    size : bytes of the weight files. parameters : numbers in them.
    dtype : the stored number format, e.g. "BF16".
    chat : whether it has a chat template.
    vocabulary : tokens that it can say; 0 where the configuration does not tell.
    context : longest prompt in tokens; 0 where the configuration does not tell.
    status, finding : as for checkpoints.
    """

    path: Path
    name: str
    architecture: str = ""
    model_type: str = ""
    n_layers: int = 0
    hidden_size: int = 0
    size: int = 0
    parameters: int = 0
    dtype: str = ""
    chat: bool = False
    vocabulary: int = 0
    context: int = 0
    status: str = "ready"
    finding: str = ""

    @property
    def ready(self) -> bool:
        return self.status == "ready"


def default_layers(n_layers: int) -> list[int]:
    """Five evenly spaced layers, round(L k / 5) for k = 1..5; fewer where the model has fewer."""
    # Python rounds halves to even; the method's round() means the nearest layer, either serves.
    return sorted({max(1, round(n_layers * k / 5)) for k in range(1, 6)})


def describe_model(path: str | Path, roots: Sequence[Path] | None = None) -> Model:
    """What is in a model folder. `status` and `finding` tell what is wrong.

    Parameters
    ----------
    roots : where the folder has to lie; None where any may be named.

    Raises
    ------
    Fault : where it lies elsewhere.
    """
    refuse_outside(path, roots)
    path = Path(path)
    if not path.is_dir():
        return Model(path, path.name, status="incomplete", finding="There is no such folder. Pick a model folder.")
    if not (holds_weights(path) or "config.json" in names_in(path)):
        return Model(path, path.name, status="incomplete", finding=_no_model(path))
    seen = examine(path, step=0)
    facts: dict = {"size": seen.size, "status": seen.status, "finding": seen.finding, "chat": has_chat_template(path)}
    try:
        if seen.kind == "adapter":
            raise Flaw("refused", "this is an adapter, not a whole model", "Pick the base model it was trained from")
        config = read_json(path / "config.json")
        facts |= _shape(config)
        if seen.ready:
            stored = tensors(path).values()
            facts["parameters"] = sum(prod(one.shape) for one in stored)
            facts["dtype"] = Counter(one.dtype for one in stored).most_common(1)[0][0]
            _check_usable(facts, config)
    except Flaw as flaw:
        if seen.ready:
            facts |= {"status": flaw.status, "finding": flaw.finding}
    return Model(path, _name(path), **facts)


def _no_model(path: Path) -> str:
    """What is said of a folder without a model: a folder of runs, or one above the model, is picked easily."""
    below = [name for name in sorted(names_in(path)) if "config.json" in names_in(path / name)]
    models = [name for name in below if step_of(name) is None]
    inside = f": here that is {models[0]}/" if models else ""
    return f"This folder holds no model. Pick the folder with config.json and the weights of the base model{inside}."


def _check_usable(facts: dict, config: dict) -> None:
    if config.get("is_encoder_decoder") is True and not facts["architecture"].endswith("ForCausalLM"):
        raise Flaw(
            "refused",
            f"a {facts['architecture'] or facts['model_type']} reads a text with an encoder before it says anything "
            "(encoder-decoder), and has no states of a prompt at its last token",
            "Pick a causal language model",
        )
    if facts["architecture"] and not facts["architecture"].endswith(CAUSAL):
        raise Flaw(
            "refused", f"a {facts['architecture']} does not predict a next token", "Pick a causal language model"
        )
    if not facts["n_layers"] or not facts["hidden_size"]:
        raise Flaw("refused", "config.json tells no number of layers or no hidden size", "Pick another base model")


def _shape(config: dict) -> dict:
    """Facts from config.json under the names that different model types use."""
    inner = config.get("text_config")
    both = {**config, **inner} if isinstance(inner, dict) else config

    def first(*names: str) -> int:
        return next((both[name] for name in names if isinstance(both.get(name), int)), 0)

    def listed(*names: str) -> int:
        """How many layers a list or a string of their kinds names, as hybrid models have it."""
        return next((len(both[name]) for name in names if isinstance(both.get(name), (list, str))), 0)

    architectures = config.get("architectures")
    return {
        "architecture": str(architectures[0]) if isinstance(architectures, list) and architectures else "",
        "model_type": str(config.get("model_type", "")),
        "n_layers": first(
            "num_hidden_layers", "n_layer", "n_layers", "num_layers", "decoder_layers", "num_decoder_layers"
        )
        or listed("layers_block_type", "layer_types", "hybrid_override_pattern"),
        "hidden_size": first("hidden_size", "n_embd", "d_model", "emb_dim"),
        "vocabulary": first("vocab_size", "n_vocab"),
        "context": first("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len"),
    }


def context_length(path: str | Path) -> int:
    """Longest prompt the model's configuration allows, in tokens; 0 where it does not tell."""
    return _shape(read_json(Path(path) / "config.json"))["context"]


def vocabulary_size(path: str | Path) -> int:
    """How many tokens a model can say; 0 where its folder is gone or its configuration does not tell."""
    try:
        return _shape(read_json(Path(path) / "config.json"))["vocabulary"]
    except Flaw:
        return 0


def _name(path: Path) -> str:
    """org/name@revision for a snapshot of the hub cache."""
    repository = path.parent.parent
    if path.parent.name != "snapshots" or not repository.name.startswith("models--"):
        return real_path(path).name
    name = repository.name.removeprefix("models--").replace("--", "/")
    refs = [ref for ref, snapshot in references(repository).items() if snapshot == path]
    return name if "main" in refs or not refs else f"{name}@{refs[0]}"


def local_models(roots: Sequence[Path]) -> list[Model]:
    """Models in the allowed roots, up to three folders deep, usable ones first.

    Hub-cache snapshots are listed where a revision names them. Checkpoint folders (with a step in their names),
    adapters and models of other kinds are left out. A model with a file that is a link out of the roots is refused.
    """
    found: dict[Path, Model] = {}
    for path in _model_folders(roots):
        model = _describe_inside(path, roots)
        if model is not None:
            found.setdefault(real_path(path), model)
    return sorted(found.values(), key=lambda one: (not one.ready, one.name.lower()))


def _describe_inside(path: Path, roots: Sequence[Path]) -> Model | None:
    """A causal language model, or None. Nothing is read through a link that leads out of the roots."""
    repository = repository_of(real_path(path))  # snapshots link into its blobs
    fence = [*roots, repository] if repository else roots
    escaped = way_out(path, fence)
    if not escaped:
        model = describe_model(path)
        return model if model.architecture.endswith(CAUSAL) else None
    model = Model(path, _name(path), status="refused", finding=escaped)
    if not is_inside(path / "config.json", fence):
        return model if holds_weights(path) else None
    try:
        model = replace(model, **_shape(read_json(path / "config.json")))
    except Flaw:
        return None
    return model if model.architecture.endswith(CAUSAL) else None


def _model_folders(roots: Sequence[Path]) -> list[Path]:
    """Folders with a config.json, breadth first; at most MOST_FOLDERS are looked at."""
    waiting = [(Path(root), 0) for root in roots]
    found, seen = [], 0
    while waiting and seen < MOST_FOLDERS:
        folder, depth = waiting.pop(0)
        seen += 1
        if folder.name.startswith("models--"):
            snapshots = [path for ref, path in references(folder).items() if step_of(ref) is None]
            found += [path for path in dict.fromkeys(snapshots) if path.is_dir() and is_inside(path, roots)]
            continue
        names = sorted(names_in(folder))
        if "config.json" in names and step_of(folder.name) is None:
            found.append(folder)
        elif depth < DEEPEST:
            children = (folder / name for name in names if not name.startswith(".") and name not in SKIP)
            waiting += [
                (child, depth + 1)
                for child in children
                if child.is_dir() and (not child.is_symlink() or is_inside(child, roots))
            ]
    return found
