"""How probable a model finds continuations of prompts, all continuations of a prompt in one reading of it.

Those that begin alike share their tokens as the branches of a tree do, and each token attends to the prompt and to its
own branch only. So the prompt is read once, and eight openings cost some eight tokens more. Models that cannot attend
in this way read each continuation by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel

from phcore.activations.batches import in_batches
from phcore.activations.extraction import TOLERANCE, Rows, budget, check_prompts, prepare, trusting
from phcore.activations.reader import Prefix, Reader, Span
from phcore.activations.tokens import first_line
from phcore.errors import Fault

LOGITS = 1 << 26  # numbers of one batch's logits, 256 MB: what bounds a batch where the vocabulary is large

_verdicts: dict[tuple, str] = {}  # what the check of trees found, by architecture and length: "" = fine, else a note


@dataclass(frozen=True)
class Tree:
    """Continuations of a prompt, grown together where they begin alike.

    Attributes
    ----------
    tokens, parents : of each node its token and the node before it, -1 behind the prompt. Parents come first.
    reads : of each continuation, (node, token): the token is judged at the node, -1 is the prompt's last token.
    """

    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    reads: tuple[tuple[tuple[int, int], ...], ...]

    @property
    def branches(self) -> bool:
        return self.parents != tuple(range(-1, len(self.parents) - 1))


def _grow(continuations: Sequence[Sequence[int]]) -> Tree:
    """A continuation's last token is judged, not read: it becomes a node only where another one goes on from it."""
    nodes: dict[tuple[int, ...], int] = {(): -1}
    reads = []
    for one in continuations:
        path = [tuple(one[:k]) for k in range(len(one))]
        for begun in path:
            nodes.setdefault(begun, len(nodes) - 1)
        reads.append(tuple((nodes[begun], token) for begun, token in zip(path, one, strict=True)))
    grown = list(nodes)[1:]
    return Tree(tuple(one[-1] for one in grown), tuple(nodes[one[:-1]] for one in grown), tuple(reads))


@torch.no_grad()
def score(
    model: PreTrainedModel,
    token_ids: Sequence[Sequence[int]],
    continuations: Sequence[Sequence[Sequence[int]]],
    *,
    batch_tokens: int | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    notes: list[str] | None = None,
    layers: Sequence[int] = (),
    spans: Sequence[Span] | None = None,
    tokens: Mapping[int, Span] | None = None,
    taken: Rows | None = None,
) -> list[np.ndarray] | None:
    """Log-probability of continuations of each prompt: ln P(continuation | prompt), summed over its tokens.

    Parameters
    ----------
    token_ids : of each prompt, as `encode` gives them.
    continuations : of each prompt a list, possibly empty, of token ids.
    batch_tokens : tokens computed at once, padding included; by default `budget`.
    progress : called with the share done, from 0 to 1.
    cancelled : asked before each batch; when it returns True, `Stopped` is raised.
    notes : a list that sentences on how it went are added to.
    layers, spans, tokens, taken : where given, what `extract` takes of the prompts goes there in the same reading.

    Returns
    -------
    One float64 array per prompt, as long as its list. It does not depend on the other prompts, nor on the other
    continuations, beyond rounding (1e-4 relative in float32). None where `taken` would need another reading; then
    nothing was read.

    Raises
    ------
    Fault : where there is no prompt, an empty continuation, a token the model does not have, or no memory for a single
        prompt.
    """
    check_prompts(model, token_ids)
    reader, said = Reader(model, sorted(set(layers))), []
    if len(continuations) != len(token_ids):
        raise ValueError(f"{len(token_ids)} prompts and {len(continuations)} lists of continuations")
    flat = [one for several in continuations for one in several]
    if not all(map(len, flat)):
        raise Fault("a continuation has no tokens", "Take the empty one out")
    if flat:
        check_prompts(model, flat)
    # One row of a batch: a prompt, and a tree of continuations in these places of its list.
    rows = [
        (i, _grow(several), range(len(several)))
        for i, several in enumerate(continuations)
        if len(several) or taken is not None
    ]
    found = [np.full(len(several), np.nan) for several in continuations]
    if not rows:
        return found
    prefix = prepare(reader, token_ids, said)
    if taken is not None or any(tree.branches for _, tree, _ in rows):
        verdict = _trees_work(reader, token_ids, rows, prefix)
        if verdict != "" and taken is not None:
            return None
        if verdict:
            said.append(f"Each continuation was read by itself, which is slower ({verdict}).")
        if verdict != "":
            rows = _apart(rows, continuations)

    def read(batch: list[_Row]) -> list[np.ndarray]:
        return _read(reader, token_ids, batch, prefix, taken, spans, tokens)

    def work(batch: list[int]) -> None:
        for k, values in zip(batch, read([rows[k] for k in batch]), strict=True):
            i, _, places = rows[k]
            found[i][list(places)] = values

    lengths = [len(token_ids[i]) - prefix.length + len(tree.tokens) for i, tree, _ in rows]
    # Share of tokens that the output matrix is applied to.
    judged = max((len(tree.tokens) + 1) / length for (_, tree, _), length in zip(rows, lengths, strict=True))
    vocabulary = model.get_input_embeddings().weight.shape[0]
    said += in_batches(
        lengths,
        min(batch_tokens or budget(model), int(LOGITS / vocabulary / judged)),
        work,
        called=lambda k: f"prompt {rows[k][0] + 1} with its continuations ({lengths[k] + prefix.length:,} tokens)",
        progress=progress,
        cancelled=cancelled,
    )
    if notes is not None:
        notes += said
    return found


_Row = tuple[int, Tree, Sequence[int]]


def _apart(rows: list[_Row], continuations: Sequence[Sequence[Sequence[int]]]) -> list[_Row]:
    """Each continuation in a row of its own."""
    return [(i, _grow([continuations[i][place]]), [place]) for i, _, places in rows for place in places]


def _read(
    reader: Reader,
    token_ids: Sequence[Sequence[int]],
    rows: list[_Row],
    prefix: Prefix,
    taken: Rows | _Seen | None = None,
    spans: Sequence[Span] | None = None,
    tokens: Mapping[int, Span] | None = None,
) -> list[np.ndarray]:
    """Log-probabilities of the continuations of each row, all rows in one batch."""
    new, positions, wanted = [], [], []
    widest = max(len(tree.tokens) for _, tree, _ in rows) + 1
    for i, tree, _ in rows:
        rest = list(token_ids[i][prefix.length :])
        depths: list[int] = []
        for parent in tree.parents:
            depths.append(0 if parent < 0 else depths[parent] + 1)
        new.append([*rest, *tree.tokens])
        positions.append([prefix.length + k for k in (*range(len(rest)), *(len(rest) + depth for depth in depths))])
        places = range(len(rest) - 1, len(rest) + len(tree.tokens))  # the prompt's last token, then the nodes
        wanted.append([*places, *[places[0]] * (widest - len(places))])
    branched = {}
    if any(tree.branches for _, tree, _ in rows):  # else each row is a plain text
        starts = [len(one) - len(tree.tokens) for one, (_, tree, _) in zip(new, rows, strict=True)]
        branched = {"positions": positions, "attends": _attention(starts, rows)}
    own = spans and [spans[i] for i, _, _ in rows]
    kept = [tokens.get(i) for i, _, _ in rows] if tokens else ()
    where = torch.tensor(wanted, device=reader.device)
    states, logits, each = reader.run(new, prefix, where, own, kept, **branched)
    if taken is not None:
        taken.put([i for i, _, _ in rows], states, logits[:, 0], each)
    judged = [
        (row, node + 1, token, owner)
        for row, (_, tree, _) in enumerate(rows)
        for owner, reads in enumerate(tree.reads)
        for node, token in reads
    ]
    if not judged:
        return [np.empty(0) for _ in rows]
    row, place, token, owner = (torch.tensor(column, device=reader.device) for column in zip(*judged, strict=True))
    likely, all_of_them = logits[row, place, token].cpu(), logits.logsumexp(dim=-1)[row, place].cpu()
    logs = likely.double() - all_of_them.double()
    out = np.zeros((len(rows), max(len(tree.reads) for _, tree, _ in rows)))
    np.add.at(out, (row.cpu().numpy(), owner.cpu().numpy()), logs.numpy())
    return [out[k, : len(tree.reads)] for k, (_, tree, _) in enumerate(rows)]


def _attention(starts: list[int], rows: list[_Row]) -> torch.Tensor:
    """(rows, longest, longest) bool: prompts see what is before them, nodes their prompt and their own branch."""
    longest = max(start + len(tree.tokens) for start, (_, tree, _) in zip(starts, rows, strict=True))
    # Padding sees something as well: attention to nothing at all is not a number.
    sees = torch.ones(len(rows), longest, longest, dtype=torch.bool).tril()
    for row, (start, (_, tree, _)) in enumerate(zip(starts, rows, strict=True)):
        nodes = len(tree.tokens)
        branch = torch.eye(nodes, dtype=torch.bool)
        for node, parent in enumerate(tree.parents):
            if parent >= 0:
                branch[node] |= branch[parent]
        sees[row, start : start + nodes, start : start + nodes] = branch
    return sees


def _trees_work(reader: Reader, token_ids: Sequence[Sequence[int]], rows: list[_Row], prefix: Prefix) -> str | None:
    """Read the shortest, a middle and the longest row as trees and plainly. "" where they agree, None where none is
    finite, else what is wrong."""
    if trusting():
        return ""
    ordered = sorted(rows, key=lambda row: len(token_ids[row[0]]) + len(row[1].tokens))
    some = [ordered[0], ordered[len(ordered) // 2], ordered[-1]]
    longest = len(token_ids[some[-1][0]]) + len(some[-1][1].tokens)
    key = (type(reader.model), *reader.shape, longest, bool(prefix.length), tuple(reader.layers))
    if key in _verdicts:
        return _verdicts[key]
    told = {i: [[token for _, token in reads] for reads in tree.reads] for i, tree, _ in some}
    alone = _apart(some, told)
    plain = np.concatenate([np.empty(0), *(_read(reader, token_ids, [row], Prefix())[0] for row in alone)])
    if not np.isfinite(plain).all():  # nothing to compare: decide again with the next checkpoint
        return None
    seen = _Seen()
    try:
        trees = np.concatenate(_read(reader, token_ids, some, prefix, seen))
        off = np.max(np.abs(trees - plain) / np.maximum(1, np.abs(plain)), initial=0)
        # `not <=`: a NaN is no agreement
        agree = off <= TOLERANCE[reader.model.dtype]
        _verdicts[key] = "" if agree else f"reading several at once changes log-probabilities by {off:.1e}"
        if agree and (worst := _changed_by_what_follows(reader, token_ids, some, seen)):
            _verdicts[key] = f"what follows a prompt changes its hidden states by {worst:.1e}"
    except Exception as error:  # anything: attention differs by architecture, and the plain path always works
        _verdicts[key] = f"several cannot be read at once: {first_line(error)}"
    return _verdicts[key]


class _Seen:
    """Takes what `Rows` does, of one batch."""

    states: dict[int, torch.Tensor]

    def put(self, _rows: list[int], states: dict[int, torch.Tensor], *_others: object) -> None:
        self.states = states


def _changed_by_what_follows(
    reader: Reader, token_ids: Sequence[Sequence[int]], rows: list[_Row], seen: _Seen
) -> float:
    """The largest relative difference of prompts' hidden states with continuations behind them and without; 0 where
    they agree. Some models that are called causal look both ways."""
    alone = [reader.read([token_ids[i]], Prefix())[0] for i, _, _ in rows]
    worst = 0.0
    for layer, states in seen.states.items():
        wanted = torch.cat([one[layer] for one in alone]).cpu().double()  # Apple's GPUs know no 64-bit numbers
        off = (states.cpu().double() - wanted).norm(dim=1) / wanted.norm(dim=1).clamp(min=1e-12)
        worst = max(worst, off.max().item())
    return 0.0 if worst <= TOLERANCE[reader.model.dtype] else worst
