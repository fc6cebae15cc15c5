"""One batch: a model run on rows of tokens, and what is wanted gathered from it."""

import copy
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from transformers import PreTrainedModel

from phcore.activations.states import States, depth

Span = tuple[int, int]  # of tokens in a row's text: the first one, and the one behind the last
Output = tuple[dict[int, torch.Tensor], torch.Tensor, dict[int, dict[int, torch.Tensor]]]  # see `Reader.run`


@dataclass(frozen=True)
class Prefix:
    """The tokens all prompts begin with, their keys and values for a batch of one, and their hidden states.

    Attributes
    ----------
    states : by layer (length, d), as the model gives them.
    """

    length: int = 0
    cache: object = None
    states: dict[int, torch.Tensor] = field(default_factory=dict)


class Reader:
    """Runs a model on batches and gathers what is wanted of each row.

    Attributes
    ----------
    pads : whether rows of different lengths are read together, the shorter ones padded.
    """

    def __init__(self, model: PreTrainedModel, layers: list[int]):
        self.model, self.layers = model, layers
        self.device = model.device
        self.pads = True
        self._asked: list[int] | bool = layers or False  # of which layers hidden states are asked
        self._states = States(model)
        # Behind a prefix position ids are given: some versions derive wrong ones from a mask and a cache. Elsewhere
        # they are not: some models (RoBERTa's family) count otherwise.
        self._takes_positions = "position_ids" in inspect.signature(model.forward).parameters

    @property
    def shape(self) -> tuple:
        """What may change how a model of a kind reads: its size, its number format and where it is."""
        width = self.model.config.get_text_config(decoder=True).hidden_size
        return depth(self.model), width, self.model.dtype, self.device.type

    def prefix(self, tokens: Sequence[int]) -> Prefix:
        ids = torch.tensor([list(tokens)], device=self.device)
        output = self.model.base_model(input_ids=ids, use_cache=True, output_hidden_states=bool(self.layers))
        states = self._states(output, self.layers, 1, len(tokens))
        return Prefix(len(tokens), output.past_key_values, {layer: one[0] for layer, one in states.items()})

    def read(self, rows: list[Sequence[int]], prefix: Prefix, **taken) -> Output:
        """Hidden states by layer, each (rows, d), logits at the last tokens (rows, vocabulary), and tokens as `run`
        gives them. `taken` : spans and kept, as for `run`."""
        new = [list(row[prefix.length :]) for row in rows]
        last = torch.tensor([[len(one) - 1] for one in new], device=self.device)
        states, logits, tokens = self.run(new, prefix, last, **taken)
        return states, logits[:, 0], tokens

    def run(
        self,
        new: list[list[int]],
        prefix: Prefix,
        wanted: torch.Tensor,
        spans: Sequence[Span] | None = None,
        kept: Sequence[Span | None] = (),
        positions: list[list[int]] | None = None,
        attends: torch.Tensor | None = None,
    ) -> Output:
        """One forward pass over the tokens that follow the prefix, each row padded on the right.

        Parameters
        ----------
        new : tokens of each row after the prefix.
        wanted : (rows, k) where logits are wanted, as places in `new`.
        spans : of each row, the tokens of its whole text whose hidden states are averaged; by default the hidden
            state at the first of its wanted places.
        kept : of each row, the tokens whose hidden states are given one by one, or None.
        positions : position of each new token in its text; by default one after the other.
        attends : (rows, longest, longest) bool, which new tokens each new token sees; by default itself and all
            before it. The prefix is always seen.

        Returns
        -------
        states, logits, tokens : by layer (rows, d); (rows, k, vocabulary); by place in the batch of those rows of
            which tokens are kept, and layer, (tokens, d). All float32.
        """
        longest = max(map(len, new))
        if not self.pads and attends is None and min(map(len, new)) < longest:
            return self._by_length(new, prefix, wanted, spans, kept)
        # Padded on the right: with causal attention, no real token ever sees the padding.
        ids = torch.tensor([one + [0] * (longest - len(one)) for one in new], device=self.device)
        ones = ids.new_ones(len(new), prefix.length)
        if attends is None:
            lengths = torch.tensor([[len(one)] for one in new], device=self.device)
            mask = torch.cat([ones, torch.arange(longest, device=self.device) < lengths], dim=1).long()
        else:
            whole = torch.cat([ones.bool()[:, None].expand(-1, longest, -1), attends.to(self.device)], dim=2)
            # Added to the attention scores, which every implementation of attention can do.
            mask = torch.zeros(whole.shape, dtype=self.model.dtype, device=self.device)
            mask = mask.masked_fill(~whole, torch.finfo(mask.dtype).min)[:, None]
        inputs = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
        if positions is None and not prefix.length and min(map(len, new)) == longest:
            del inputs["attention_mask"]  # nothing is padded: as plain as can be
        elif positions is None and prefix.length and self._takes_positions:
            places = torch.arange(prefix.length, prefix.length + longest, device=self.device)
            inputs["position_ids"] = places.expand(len(new), -1)
        elif positions is not None:
            padded = [one + [0] * (longest - len(one)) for one in positions]
            inputs["position_ids"] = torch.tensor(padded, device=self.device)
        if prefix.length:
            cache = copy.deepcopy(prefix.cache)  # models append to the cache they are given
            cache.batch_repeat_interleave(len(new))
            inputs |= {"past_key_values": cache, "use_cache": True}
        with head_reads_only(self.model, wanted) as gathered:
            output = self.model(**inputs, output_hidden_states=self._asked)
        if isinstance(self._asked, list) and not output.hidden_states:  # it tells those of all layers or none
            self._asked = True
            return self.run(new, prefix, wanted, spans, kept, positions, attends)
        hidden = self._states(output, self.layers, len(new), longest)
        every = torch.arange(len(new), device=self.device)[:, None]
        if spans is None:
            states = {layer: one[every[:, 0], wanted[:, 0]].float() for layer, one in hidden.items()}
        else:
            states = {layer: _means(one, spans, prefix, layer) for layer, one in hidden.items()}
        # A model that bypasses its head module has logits for every position.
        logits = output.logits if gathered else output.logits[every, wanted]
        tokens = {
            place: {layer: _within(one[place], span, prefix, layer) for layer, one in hidden.items()}
            for place, span in enumerate(kept)
            if span
        }
        return states, logits.float(), tokens

    def _by_length(
        self,
        new: list[list[int]],
        prefix: Prefix,
        wanted: torch.Tensor,
        spans: Sequence[Span] | None,
        kept: Sequence[Span | None],
    ) -> Output:
        """What `run` gives, rows of each length in a pass of their own."""
        tokens: dict[int, dict[int, torch.Tensor]] = {}
        logits: list[torch.Tensor] = [torch.empty(0)] * len(new)
        rows: dict[int, list[torch.Tensor]] = {layer: [torch.empty(0)] * len(new) for layer in self.layers}
        for length in sorted(set(map(len, new))):
            some = [i for i, one in enumerate(new) if len(one) == length]
            own = {"spans": [spans[i] for i in some]} if spans is not None else {}
            own |= {"kept": [kept[i] for i in some]} if kept else {}
            found, likely, each = self.run([new[i] for i in some], prefix, wanted[some], **own)
            for place, i in enumerate(some):
                logits[i] = likely[place]
                for layer, values in found.items():
                    rows[layer][i] = values[place]
            tokens |= {some[place]: values for place, values in each.items()}
        states = {layer: torch.stack(values) for layer, values in rows.items()}
        return states, torch.stack(logits), tokens


def _means(hidden: torch.Tensor, spans: Sequence[Span], prefix: Prefix, layer: int) -> torch.Tensor:
    """(rows, d) float32, of each row the mean over its span.

    hidden : (rows, longest, d), of the tokens that follow the prefix.
    """
    return torch.stack([_within(row, span, prefix, layer).mean(dim=0) for row, span in zip(hidden, spans, strict=True)])


def _within(row: torch.Tensor, span: Span, prefix: Prefix, layer: int) -> torch.Tensor:
    """(tokens, d) float32, the hidden states of a row in a span, which may begin in the prefix.

    row : (longest, d), of the tokens that follow the prefix.
    """
    (first, behind), shared = span, prefix.length
    parts = [row[max(0, first - shared) : max(0, behind - shared)]]
    if first < shared:
        parts.insert(0, prefix.states[layer][first:behind])
    return torch.cat(parts).float()


@contextmanager
def head_reads_only(model: PreTrainedModel, wanted: torch.Tensor) -> Iterator[list[bool]]:
    """Give the output matrix the hidden states (rows, tokens, d) at `wanted` (rows, k) only, as (rows, k, d).

    What a model does to its logits afterwards (soft caps, scales) still happens. Full logits would be rows x tokens x
    vocabulary numbers, more than everything else together. The list that is given is empty as long as the head has
    not been run in this way.
    """
    gathered: list[bool] = []

    def gather(_module: torch.nn.Module, arguments: tuple) -> tuple:
        hidden, *rest = arguments
        if hidden.ndim != 3:
            return arguments
        gathered.append(True)
        here = wanted.to(hidden.device)  # a model on several GPUs has its head on another one than its inputs
        return hidden[torch.arange(len(here), device=here.device)[:, None], here], *rest

    head = model.get_output_embeddings()
    hook = head.register_forward_pre_hook(gather) if head is not None else None
    try:
        yield gathered
    finally:
        if hook is not None:
            hook.remove()
