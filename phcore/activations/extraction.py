"""Hidden states of each prompt, at its last token or as a mean, and next-token distributions at its last token. Of
chosen prompts also those at every token.

Three things make it fast: what all prompts begin with (a chat template's opening) is computed once; prompts of like
length are read together; and the output matrix is applied at the last tokens only.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import PretrainedConfig, PreTrainedModel

from phcore.activations.batches import in_batches
from phcore.activations.device import memory_of
from phcore.activations.reader import Prefix, Reader, Span
from phcore.activations.states import depth
from phcore.activations.tokens import first_line
from phcore.errors import Fault

LEAST = 1024  # tokens computed at once
SHORTEST_PREFIX = 8  # tokens; below it, sharing costs as much as it saves
# Largest relative difference between a row read with a shared prefix and the same row read plainly. In 16 bits, rows
# differ by rounding as soon as they are batched otherwise.
TOLERANCE = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}

_verdicts: dict[tuple, str] = {}  # what checks of ways to read found, by architecture: "" = fine, else a note
_trusting: ContextVar[bool] = ContextVar("trusting", default=False)


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
    prefix = prepare(reader, token_ids, notes)
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
    and in 16 bits more than in 32, as far as its memory goes.

    It follows from the model and the device alone, not from a measurement, nor from what is free just now: another
    budget is other rounding, and what is computed again has to have the same bytes.
    """
    if model.device.type not in ("cuda", "mps"):
        return LEAST
    most = 8192 if model.dtype == torch.float32 else 16_384
    weights = sum(one.nbytes for one in model.parameters() if one.device == model.device)
    return within(most, memory_of(model.device) - weights, bytes_of_token(model.config, model.dtype))


def within(most: int, room: int, each: int) -> int:
    """The largest half of a half ... of `most` tokens that takes at most half of the room, and never below `LEAST`.

    Parameters
    ----------
    room : bytes beside the weights.
    each : bytes of a token; what attention and the output matrix need is the other half of the room.
    """
    while most > LEAST and 2 * most * each > room:
        most //= 2
    return most


def bytes_of_token(config: PretrainedConfig, dtype: torch.dtype) -> int:
    """What a token takes while it is read, about: its hidden states at all layers, and what one block makes of it."""
    text = config.get_text_config(decoder=True)
    inner = getattr(text, "intermediate_size", None) or 4 * text.hidden_size
    inner = max(inner) if isinstance(inner, list) else inner  # of some models each layer has its own
    return dtype.itemsize * (text.hidden_size * (text.num_hidden_layers + 1 + 8) + 3 * inner)


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
    last = depth(model)
    if not layers or not all(0 <= layer <= last for layer in layers):
        raise Fault(f"layers {list(layers)} were asked for", f"Choose layers from 0 to {last}")


# --- results -------------------------------------------------------------------------------------


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


def not_finite(clouds: Mapping[int, np.ndarray]) -> list[str]:
    """A sentence where hidden states are NaN or infinite; clouds (n, d) by layer."""
    lost = max((int((~np.isfinite(one).all(axis=1)).sum()) for one in clouds.values()), default=0)
    n = max(map(len, clouds.values()), default=0)
    whose = "all prompts" if lost == n else f"{lost} of {n} prompts"
    words = f"Hidden states of {whose} are not finite, as where weights hold NaN or overflow: they have no topology."
    return [words] if lost else []


# --- ways to read, each tried once on an architecture ---------------------------------------------


def prepare(reader: Reader, token_ids: Sequence[Sequence[int]], notes: list[str]) -> Prefix:
    """Find out how a model can read prompts without changing a row beyond rounding.

    Returns the prefix to share, or an empty one where sharing does not pay or does not work. Where padding changes
    rows, the reader is told. `notes` gets sentences on what has to be done otherwise.
    """
    if len(set(map(len, token_ids))) > 1:
        verdict = _tried(reader, token_ids, "padding", Prefix)
        reader.pads = not verdict
        if verdict:
            notes.append(f"Only prompts of one length were read together, which is slower ({verdict}).")
    length = common_prefix(token_ids) if len(token_ids) > 1 else 0
    if length < SHORTEST_PREFIX:
        return Prefix()
    found: list[Prefix] = []

    def shared() -> Prefix:
        found.append(reader.prefix(token_ids[0][:length]))
        return found[0]

    verdict = _tried(reader, token_ids, "sharing its cache", shared)
    if verdict:
        notes.append(f"Each prompt was read from its first token on, which is slower ({verdict}).")
    if verdict != "":
        return Prefix()
    return found[0] if found else shared()


def common_prefix(token_ids: Sequence[Sequence[int]]) -> int:
    """How many tokens all prompts begin with; at least one token of each prompt is left over."""
    first, last = min(token_ids), max(token_ids)  # in dictionary order: what these two share, all share
    most = min(map(len, token_ids)) - 1
    return next((k for k in range(most) if first[k] != last[k]), most)


@contextmanager
def untried() -> Iterator[None]:
    """Inside, every way to read is taken on trust: where only the time is looked at, and no row is kept."""
    token = _trusting.set(True)
    try:
        yield
    finally:
        _trusting.reset(token)


def trusting() -> bool:
    """Whether this is inside of `untried`."""
    return _trusting.get()


def _tried(reader: Reader, token_ids: Sequence[Sequence[int]], way: str, prefix: Callable[[], Prefix]) -> str | None:
    """Read the shortest, a middle and the longest prompt together, behind a prefix, and each of them alone.

    Returns
    -------
    "" where they agree, else what is wrong, also of earlier models of this kind. None where no row is finite, or the
    memory ends: then the next checkpoint decides.
    """
    if trusting():
        return ""
    key = (type(reader.model), *reader.shape, way, common_prefix(token_ids))
    if key in _verdicts:
        return _verdicts[key]
    ordered = sorted(token_ids, key=len)
    rows = [ordered[0], ordered[len(ordered) // 2], ordered[-1]]
    every = Reader(reader.model, list(range(depth(reader.model) + 1)))
    every.pads = way == "padding" or reader.pads
    alone = [every.read([row], Prefix())[0] for row in rows]
    wanted = {layer: torch.cat([one[layer] for one in alone]).cpu().double() for layer in every.layers}
    if not all(one.isfinite().all() for one in wanted.values()):
        return None
    try:
        together, *_ = every.read(rows, prefix())
        off = max(_off(together[layer].cpu().double(), wanted[layer]) for layer in every.layers)
        # `not <=`: a NaN is no agreement
        _verdicts[key] = "" if off <= TOLERANCE[reader.model.dtype] else f"{way} changes rows by {off:.1e}"
    except (torch.OutOfMemoryError, MemoryError):
        return None
    except Exception as error:  # anything: architectures differ, and reading prompts one by one always works
        _verdicts[key] = f"{way} does not work: {first_line(error)}"
    return _verdicts[key]


def _off(rows: torch.Tensor, wanted: torch.Tensor) -> float:
    """The largest relative difference of a row."""
    return ((rows - wanted).norm(dim=1) / wanted.norm(dim=1).clamp(min=1e-12)).max().item()
