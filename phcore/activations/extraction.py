"""Hidden states of each prompt, at its last token or as a mean, and next-token distributions at its last token. Of
chosen prompts also those at every token.

Three things make it fast: what all prompts begin with (a chat template's opening) is computed once; prompts of like
length are read together; and the output matrix is applied at the last tokens only.
"""

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import PreTrainedModel

from phcore.activations.batches import in_batches
from phcore.activations.tokens import first_line
from phcore.errors import Fault

SHORTEST_PREFIX = 8  # tokens; below it, sharing costs as much as it saves
# Largest relative difference between a row read with a shared prefix and the same row read plainly. In 16 bits, rows
# differ by rounding as soon as they are batched otherwise.
TOLERANCE = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}

Span = tuple[int, int]  # of tokens in a row's text: the first one, and the one behind the last
Output = tuple[dict[int, torch.Tensor], torch.Tensor, dict[int, dict[int, torch.Tensor]]]  # see `Reader.run`

_verdicts: dict[tuple, str] = {}  # what the check of prefix sharing found, by architecture: "" = fine, else a note


@dataclass
class Extraction:
    """What a model makes of n prompts: hidden states as they were asked for, next tokens at the last token of each.

    Attributes
    ----------
    clouds : by layer (0 = embeddings, the last one = after the final norm), float32 (n, d).
    next_roots : float16 (n, vocabulary), square roots of the probabilities of the next token: rounding changes a
        probability by less than a thousandth of it, down to 10^-8.
    tokens : by layer and number of a chosen prompt, float32 (its tokens, d).
    notes : sentences on how it went.
    """

    clouds: dict[int, np.ndarray]
    next_roots: np.ndarray
    tokens: dict[int, dict[int, np.ndarray]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@torch.no_grad()
def extract(
    model: PreTrainedModel,
    token_ids: Sequence[Sequence[int]],
    layers: Sequence[int],
    *,
    spans: Sequence[Span] | None = None,
    tokens: Mapping[int, Span] | None = None,
    batch_tokens: int | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Extraction:
    """Read the prompts. A row does not depend on the others in its batch beyond rounding (1e-4 relative).

    Parameters
    ----------
    token_ids : of each prompt, as `encode` gives them.
    layers : indices into `hidden_states`; only these are kept.
    spans : of each prompt, the tokens whose hidden states are averaged; by default the last token alone.
    tokens : number of a prompt -> those of its tokens whose hidden states are kept one by one.
    batch_tokens : tokens computed at once, padding included; by default `budget`.
    progress : called with the share done, from 0 to 1.
    cancelled : asked before each batch; when it returns True, `Stopped` is raised.

    Raises
    ------
    Fault : where there is no prompt, a layer or token the model does not have, or no memory for a single prompt.
    """
    reader = Reader(model, sorted(set(layers)))
    check_prompts(model, token_ids)
    check_layers(model, layers)
    notes: list[str] = []
    prefix = shared_prefix(reader, token_ids, notes)
    out = Rows(len(token_ids))

    def work(rows: list[int]) -> None:
        own = {"spans": [spans[i] for i in rows]} if spans else {}
        kept = {"kept": [tokens.get(i) for i in rows]} if tokens else {}
        out.put(rows, *reader.read([token_ids[i] for i in rows], prefix, **own, **kept))

    notes += in_batches(
        [len(ids) - prefix.length for ids in token_ids],
        batch_tokens or budget(model),
        work,
        called=lambda i: f"prompt {i + 1} ({len(token_ids[i]):,} tokens)",
        progress=progress,
        cancelled=cancelled,
    )
    return out.extraction(notes)


def budget(model: PreTrainedModel) -> int:
    """Tokens to compute at once: on a CPU few, which stay in its caches; on a GPU many, because it waits for launches,
    and in 16 bits more than in 32."""
    if model.device.type != "cuda":
        return 1024
    return 8192 if model.dtype == torch.float32 else 16_384


def check_prompts(model: PreTrainedModel, token_ids: Sequence[Sequence[int]]) -> None:
    """Raise a Fault where there is no prompt, an empty one, or a token the model does not have."""
    if not token_ids or not all(map(len, token_ids)):
        raise Fault("there is no prompt, or an empty one", "Pick a probe set with at least one prompt, none empty")
    tokens = model.get_input_embeddings().weight.shape[0]
    if max(map(max, token_ids)) >= tokens:
        raise Fault(
            f"the tokenizer knows a token {max(map(max, token_ids))}, the model only {tokens:,} tokens",
            "Put the tokenizer that belongs to the model into its folder",
        )


def check_layers(model: PreTrainedModel, layers: Sequence[int]) -> None:
    """Raise a Fault where there is no layer, or one the model does not have."""
    depth = model.config.get_text_config().num_hidden_layers
    if not layers or not all(0 <= layer <= depth for layer in layers):
        raise Fault(f"layers {list(layers)} were asked for", f"Choose layers from 0 to {depth}")


# --- one batch ----------------------------------------------------------------------------------


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
    """Runs a model on batches and gathers what is wanted of each row."""

    def __init__(self, model: PreTrainedModel, layers: list[int]):
        self.model, self.layers = model, layers
        self.device = model.device
        # Position ids are given where a model takes them: some versions derive wrong ones from a mask and a cache.
        self._takes_positions = "position_ids" in inspect.signature(model.forward).parameters

    def prefix(self, tokens: Sequence[int]) -> Prefix:
        ids = torch.tensor([list(tokens)], device=self.device)
        output = self.model.base_model(input_ids=ids, use_cache=True, output_hidden_states=bool(self.layers))
        return Prefix(len(tokens), output.past_key_values, {k: output.hidden_states[k][0] for k in self.layers})

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
        if self._takes_positions and positions is None:
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
            output = self.model(**inputs, output_hidden_states=self.layers or False)
        every = torch.arange(len(new), device=self.device)[:, None]
        if spans is None:
            states = {layer: output.hidden_states[layer][every[:, 0], wanted[:, 0]].float() for layer in self.layers}
        else:
            states = {layer: _means(output.hidden_states[layer], spans, prefix, layer) for layer in self.layers}
        # A model that bypasses its head module has logits for every position.
        logits = output.logits if gathered else output.logits[every, wanted]
        tokens = {
            place: {layer: _within(output.hidden_states[layer][place], span, prefix, layer) for layer in self.layers}
            for place, span in enumerate(kept)
            if span
        }
        return states, logits.float(), tokens


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
        return hidden[torch.arange(len(wanted), device=wanted.device)[:, None], wanted], *rest

    head = model.get_output_embeddings()
    hook = head.register_forward_pre_hook(gather) if head is not None else None
    try:
        yield gathered
    finally:
        if hook is not None:
            hook.remove()


class Rows:
    """Results in the order of the prompts, whatever the order of the batches."""

    def __init__(self, n: int):
        self.n = n
        self.clouds: dict[int, np.ndarray] = {}
        self.roots = np.empty((n, 0), np.float16)
        self.tokens: dict[int, dict[int, np.ndarray]] = {}

    def extraction(self, notes: list[str]) -> Extraction:
        return Extraction(self.clouds, self.roots, self.tokens, notes)

    def put(
        self,
        rows: list[int],
        states: dict[int, torch.Tensor],
        logits: torch.Tensor,
        tokens: dict[int, dict[int, torch.Tensor]],
    ) -> None:
        """What a batch gave: logits (rows, vocabulary), the rest as `Reader.run` gives it."""
        if not self.clouds:
            # Layers may differ in width: some models project the last one.
            self.clouds = {layer: np.empty((self.n, x.shape[1]), np.float32) for layer, x in states.items()}
            self.roots = np.empty((self.n, logits.shape[1]), np.float16)
        for layer, values in states.items():
            self.clouds[layer][rows] = values.cpu().numpy()
        self.roots[rows] = (logits.log_softmax(dim=-1) / 2).exp().cpu().numpy()
        for place, by_layer in tokens.items():
            for layer, values in by_layer.items():
                self.tokens.setdefault(layer, {})[rows[place]] = values.cpu().numpy()


# --- the shared prefix --------------------------------------------------------------------------


def common_prefix(token_ids: Sequence[Sequence[int]]) -> int:
    """How many tokens all prompts begin with; at least one token of each prompt is left over."""
    first, last = min(token_ids), max(token_ids)  # in dictionary order: what these two share, all share
    most = min(map(len, token_ids)) - 1
    return next((k for k in range(most) if first[k] != last[k]), most)


def shared_prefix(reader: Reader, token_ids: Sequence[Sequence[int]], notes: list[str]) -> Prefix:
    """The prefix to share, or an empty one where sharing does not pay or does not work with this model."""
    length = common_prefix(token_ids) if len(token_ids) > 1 else 0
    if length < SHORTEST_PREFIX:
        return Prefix()
    config = reader.model.config.get_text_config()
    shape = (config.num_hidden_layers, config.hidden_size, length, reader.model.dtype, reader.device.type)
    key = (type(reader.model), *shape)
    try:
        prefix = reader.prefix(token_ids[0][:length])
        if key not in _verdicts:
            verdict = _verdict(reader.model, token_ids, prefix)
            if verdict is None:  # nothing to compare: decide again with the next checkpoint
                return Prefix()
            _verdicts[key] = verdict
    except Exception as error:  # anything: caches differ by architecture, and the plain path always works
        _verdicts[key] = f"its cache cannot be shared: {first_line(error)}"
    if _verdicts[key]:
        notes.append(f"Each prompt was read from its first token on, which is slower ({_verdicts[key]}).")
        return Prefix()
    return prefix


def _verdict(model: PreTrainedModel, token_ids: Sequence[Sequence[int]], prefix: Prefix) -> str | None:
    """Read the shortest, a middle and the longest prompt both ways. "" where they agree, None where none is finite."""
    ordered = sorted(token_ids, key=len)
    rows = [ordered[0], ordered[len(ordered) // 2], ordered[-1]]
    reader = Reader(model, list(range(model.config.get_text_config().num_hidden_layers + 1)))
    shared, *_ = reader.read(rows, prefix)
    plain = [reader.read([row], Prefix())[0] for row in rows]
    worst = 0.0
    for layer in reader.layers:
        wanted = torch.cat([one[layer] for one in plain]).cpu().double()
        if not wanted.isfinite().all():
            return None
        off = (shared[layer].cpu().double() - wanted).norm(dim=1) / wanted.norm(dim=1).clamp(min=1e-12)
        worst = max(worst, off.max().item())
    # `not <=`: a NaN is no agreement
    return "" if worst <= TOLERANCE[model.dtype] else f"sharing its cache changes rows by {worst:.1e}"
