"""The hidden states that a model gives, in one form whatever the architecture: (rows, tokens, d) by layer.

Most models have one stream of hidden states. Some carry several side by side (Gemma 3n, DeepSeek V4): there, the hidden
state of a token is what all of them hold, one after the other. The last layer, behind the final norm, is one stream
everywhere.
"""

import torch
from transformers import PreTrainedModel

from phcore.errors import Fault


def depth(model: PreTrainedModel) -> int:
    """Blocks of a model: its hidden states are numbered from 0 (embeddings) to here."""
    told = model.config.get_text_config(decoder=True).num_hidden_layers
    blocks = getattr(model.get_decoder(), "layers", None)
    # LongCat counts what it keeps keys for, of which each of its blocks has two.
    return min(told, len(blocks)) if isinstance(blocks, torch.nn.ModuleList) and len(blocks) else told


class States:
    """What a model calls its hidden states, brought into one form."""

    def __init__(self, model: PreTrainedModel):
        self.model = model
        self._streams_lead: bool | None = None  # whether the axis of streams stands in front

    def __call__(self, output, layers: list[int], rows: int, tokens: int) -> dict[int, torch.Tensor]:
        """By layer (rows, tokens, d), of the output of a forward pass over so many rows and tokens.

        Raises
        ------
        Fault : where the model does not tell the hidden states of these layers.
        """
        if not layers:
            return {}
        given = output.hidden_states
        found = {}
        for layer in layers:
            state = given[layer] if given is not None and layer < len(given) else None
            if state is not None and state.ndim == 4:
                state = self._flat(state)
            if state is None or tuple(state.shape[:2]) != (rows, tokens):
                shape = "nothing" if state is None else f"the shape {tuple(state.shape)}"
                raise Fault(
                    f"transformers gives no hidden states of layer {layer} for this kind of model ({shape} for {rows} "
                    f"x {tokens} tokens)",
                    "Choose other layers, or another version of transformers",
                )
            found[layer] = state.to(self.model.device)  # a model on several GPUs has its layers on each
        return found

    def _flat(self, state: torch.Tensor) -> torch.Tensor:
        """(rows, tokens, streams * d), of (streams, rows, tokens, d) or (rows, tokens, streams, d)."""
        if self._streams_lead is None:  # a single row tells the axes apart
            ids = torch.zeros(1, 3, dtype=torch.long, device=self.model.device)
            output = self.model(input_ids=ids, use_cache=False, output_hidden_states=True)
            self._streams_lead = next(one for one in output.hidden_states if one.ndim == 4).shape[0] != 1
        return (state.movedim(0, 2) if self._streams_lead else state).flatten(2)
