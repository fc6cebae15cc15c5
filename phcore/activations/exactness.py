"""Whether what was loaded is what the files hold: the last guard against weights that were silently left at random.

Once for each kind of model, tensors of every kind are compared, in the layout of the file: transformers' own mapping
leads back from what it made of them. After that, three tensors of a file suffice.
"""

import re
from pathlib import Path

import torch
from transformers import PreTrainedModel
from transformers.core_model_loading import revert_weight_conversion

from phcore.activations.weights import stored
from phcore.checkpoints.formats import weight_files
from phcore.errors import Unusable

_trusted: set[tuple] = set()  # kinds of models whose loading was compared in full


def compare(model: PreTrainedModel, folder: Path) -> None:
    """Compare a whole model with its files.

    Raises
    ------
    Unusable : where a tensor is another one than the file's.
    """
    kind = (type(model).__name__, model.config.model_type)
    loaded = model.state_dict()
    if kind in _trusted:
        _compare(_as_stored(loaded, model), folder, few=True)
    else:
        _compare(_as_stored(revert_weight_conversion(model, loaded), model), folder, few=False)
        _trusted.add(kind)


def other_tensor(model: PreTrainedModel, folder: Path, frozen: bool = False) -> str:
    """A tensor of a model's files that a model in memory holds otherwise; "" where it holds them all.

    Adapters may lie beside the weights, and rows be added to its vocabulary or taken away. Tensors that are called
    otherwise in memory are passed over.

    Parameters
    ----------
    frozen : only of those that are not trained.
    """
    trained = {name for name, one in model.named_parameters(remove_duplicate=False) if frozen and one.requires_grad}
    held = {name: one for name, one in model.state_dict().items() if name not in trained}
    own = {name.replace(".base_layer.", "."): one for name, one in held.items()}
    own = _as_stored(own, model)
    for file in weight_files(folder):
        with stored(file) as opened:
            for name in sorted(own.keys() & {*opened.keys()}):
                wanted, got = opened.get_tensor(name), own[name].cpu()
                rows = min(len(wanted), len(got)) if wanted.dim() and got.dim() else None
                wanted, got = (wanted, got) if rows is None else (wanted[:rows], got[:rows])
                if wanted.shape != got.shape or not _equal(wanted.to(got.dtype), got):
                    return name
    return ""


def _as_stored(loaded: dict[str, torch.Tensor], model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """By the names that files use: a bare model lacks the leading module that one with a head has."""
    prefix = f"{model.base_model_prefix}."
    return (
        {name.removeprefix(prefix): one for name, one in loaded.items()}
        | {prefix + name: one for name, one in loaded.items() if not name.startswith(prefix)}
        | loaded
    )


def _compare(loaded: dict[str, torch.Tensor], folder: Path, *, few: bool) -> None:
    files = weight_files(folder)
    for file in sorted({files[0], files[-1]}) if few else files:
        with stored(file) as held:
            known = [
                name
                for name in sorted(held.keys())
                if name in loaded and list(loaded[name].shape) == held.get_slice(name).get_shape()
            ]
            for name in _ends(known) if few else _of_each_kind(known):
                wanted, got = held.get_tensor(name).to(loaded[name].dtype), loaded[name]
                if not _equal(wanted, got.cpu()):
                    raise Unusable(
                        f"{name} is not what the file holds after loading",
                        "Report the model type to transformers, or use another version of it",
                        folder,
                    )


def _equal(wanted: torch.Tensor, got: torch.Tensor) -> bool:
    """Also where both are no number. Only then are copies made, which would be half of a small model again."""
    return torch.equal(wanted, got) or torch.equal(wanted.nan_to_num(), got.nan_to_num())


def _ends(names: list[str]) -> list[str]:
    """The first, the middle and the last one."""
    return sorted({names[0], names[len(names) // 2], names[-1]}) if names else []


def _of_each_kind(names: list[str]) -> list[str]:
    """Of names that differ in numbers only (layers, experts) the first, the middle and the last one."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(re.sub(r"\d+", "#", name), []).append(name)
    return [name for some in kinds.values() for name in _ends(some)]
