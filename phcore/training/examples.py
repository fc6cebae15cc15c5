"""Conversations to tokens, of which the assistant's answers are to be learned and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from phcore.errors import Fault
from phcore.training.conversations import Conversation

if TYPE_CHECKING:
    from torch import Tensor

IGNORED = -100  # the label that torch's cross entropy leaves out
_TAGS = re.compile(
    r"\{%-?\s*generation\b"
)  # marks what the assistant says, in templates that were written for training


@dataclass(frozen=True)
class Example:
    """Token ids of one conversation, and the same as labels: IGNORED but for answers and their end tokens."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def learned(self) -> int:
        """Tokens that bear loss: the first has none before it that could predict it."""
        return sum(label != IGNORED for label in self.labels[1:])


def encode(conversation: Conversation, tokenizer, folder: Path) -> Example:
    """One conversation in the chat template, whole.

    Parameters
    ----------
    tokenizer, folder : of the base model, and where it lies.

    Raises
    ------
    Fault : where the template fails, or shows the answers other than they are.
    """
    try:
        if _TAGS.search(tokenizer.get_chat_template()):
            return _by_tags(conversation, tokenizer, folder)
        return _by_comparison(conversation, tokenizer, folder)
    except Fault as fault:
        mend = "Correct the conversation, or the chat template of the base model"
        raise Fault(f"{conversation.place}: {fault.fault}", mend) from fault


def _by_tags(conversation: Conversation, tokenizer, folder: Path) -> Example:
    wanted = {"tokenize": True, "return_dict": True, "return_assistant_tokens_mask": True}
    found = _templated(conversation.messages, tokenizer, folder, **wanted)
    ids, learned = found["input_ids"], found["assistant_masks"]
    if not any(learned):
        raise Fault("the chat template marks no answer in it", "")
    return Example(tuple(ids), tuple(token if bears else IGNORED for token, bears in zip(ids, learned, strict=True)))


def _by_comparison(conversation: Conversation, tokenizer, folder: Path) -> Example:
    """What the template adds with each answer: found in the text, which is then made to tokens once."""
    from phcore.activations.tokens import first_line

    text = _templated(conversation.messages, tokenizer, folder)
    spans = [_span(conversation, k, text, tokenizer, folder) for k in _answers(conversation)]
    try:
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    except Exception as error:  # anything: the tokenizer's files come from anywhere
        raise Fault(f"the tokenizer fails ({first_line(error)})", "") from error
    ids = encoded["input_ids"]
    labels = [IGNORED] * len(ids)
    for start, end in spans:
        # Offsets of blanks can be empty, so what lies between the first and the last token is learned whole.
        inside = [k for k, (a, b) in enumerate(encoded["offset_mapping"]) if a < b and b > start and a < end]
        for k in range(inside[0], inside[-1] + 1):
            labels[k] = ids[k]
    return Example(tuple(ids), tuple(labels))


def _answers(conversation: Conversation) -> list[int]:
    return [k for k, (role, _) in enumerate(conversation.messages) if role == "assistant"]


def _span(conversation: Conversation, k: int, text: str, tokenizer, folder: Path) -> tuple[int, int]:
    """Where message k and the end token after it stand in the text of the whole conversation.

    The text begins as the one without the answer does, and goes on as the one with it: so the answer lies between the
    ends of what is common. What the template writes before it is no part of it, nor are blanks after its end token.
    """
    without = _templated(conversation.messages[:k], tokenizer, folder, add_generation_prompt=True)
    including = _templated(conversation.messages[: k + 1], tokenizer, folder)
    start, end = _shared(without, text), _shared(including, text)
    said = conversation.messages[k][1].strip()
    start = text.find(said, start, end)
    if start < 0:
        raise Fault(f"the chat template does not show answer {k + 1} as it stands", "")
    return start, start + len(text[start:end].rstrip())


def _shared(one: str, other: str) -> int:
    """How many letters two texts begin with in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((k for k, (a, b) in pairs if a != b), min(len(one), len(other)))


def _templated(messages: Sequence[tuple[str, str]], tokenizer, folder: Path, **how):
    from phcore.activations.tokens import in_template

    return in_template(tokenizer, [{"role": role, "content": content} for role, content in messages], folder, **how)


def shortened(example: Example, longest: int) -> Example:
    """The first `longest` tokens."""
    return Example(example.ids[:longest], example.labels[:longest])


def padded(examples: Sequence[Example], padding: int) -> dict[str, Tensor]:
    """One batch (examples, longest), padded on the right."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    def stacked(rows: list[Sequence[int]], value: int) -> Tensor:
        return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=value)

    return {
        "input_ids": stacked([one.ids for one in examples], padding),
        "attention_mask": stacked([[1] * len(one.ids) for one in examples], 0),
        "labels": stacked([one.labels for one in examples], IGNORED),
    }
