"""Rows of a vocabulary: trainers add tokens, pad the table to a round number, or take rows away."""

from math import prod
from pathlib import Path

import torch
from transformers import PreTrainedModel

from phcore.checkpoints.against_base import rows_words
from phcore.checkpoints.formats import tensors


def rows_of(model: PreTrainedModel) -> int:
    """Rows of a model's table of tokens."""
    return model.get_input_embeddings().weight.shape[0]


def fit_to_adapter(model: PreTrainedModel, folder: Path) -> str:
    """Give a model as many rows as an adapter's files have, where they hold a table of tokens or a head.

    Rows that are added are 0, and those of an adapter's own table are loaded over them.

    Returns
    -------
    A sentence where rows were added or cut, else "".
    """
    before, wanted = rows_of(model), _rows_in(folder, model)
    if not wanted or wanted == before:
        return ""
    model.resize_token_embeddings(wanted, mean_resizing=False)
    with torch.no_grad():
        for module in (model.get_input_embeddings(), model.get_output_embeddings()):
            if module is not None:
                module.weight[before:] = 0
    return rows_words(wanted, before)


def _rows_in(folder: Path, model: PreTrainedModel) -> int:
    """Rows of the vocabulary that an adapter was trained with; 0 where its files do not tell."""
    tables = {
        name
        for name, module in model.named_modules()
        if module is model.get_input_embeddings() or module is model.get_output_embeddings()
    }
    for name, tensor in tensors(folder).items():
        plain = name.removeprefix("base_model.model.")
        module = next((one for one in tables if plain.startswith(f"{one}.")), None)
        if module is None or len(tensor.shape) != 2 or not prod(tensor.shape):
            continue
        kind = plain.removeprefix(f"{module}.")
        if kind.startswith("lora_embedding_A"):
            return tensor.shape[1]
        if kind.startswith("lora_B") or kind in ("weight", "base_layer.weight") or kind.startswith("modules_to_save"):
            return tensor.shape[0]
    return 0
