"""What a prompt's point in a cloud is: which tokens are read, and over which of them the hidden states are averaged.

And which tokens are the points of a prompt's own cloud.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from phcore.activations.reader import Span
from phcore.activations.tokens import own_tokens
from phcore.checkpoints import context_length
from phcore.errors import Fault


@dataclass(frozen=True)
class Pooling:
    """How the rows of clouds are read.

    Attributes
    ----------
    token_ids : of each prompt, what is read for its row. The prompts' own where no answer is read behind them.
    spans : the tokens that are averaged, as for `extract`; None: the last one alone.
    """

    token_ids: Sequence[Sequence[int]]
    spans: Sequence[Span] | None = None

    def reversed(self) -> "Pooling":
        """The prompts from the last to the first."""
        return Pooling(self.token_ids[::-1], self.spans and self.spans[::-1])


def of_last(token_ids: Sequence[Sequence[int]]) -> Pooling:
    """The hidden state at the last token of each prompt."""
    return Pooling(token_ids)


def of_own_text(
    model_path: str | Path, prompts: Sequence[str], token_ids: Sequence[Sequence[int]], chat: bool
) -> Pooling:
    """The mean over the tokens of each prompt's own text: those of the template are the same in every prompt.

    Raises Fault as `own_tokens` does.
    """
    return Pooling(token_ids, own_tokens(model_path, prompts, chat))


def every_token(model_path: str | Path, prompts: Sequence[str], chat: bool, chosen: Sequence[int]) -> dict[int, Span]:
    """Number of a chosen prompt -> the tokens of its own text that are points of its own cloud.

    The first token of a text is left out. Attention that looks nowhere looks there, and its hidden state is far out
    whatever it says (Xiao et al. 2024, arXiv:2309.17453; Sun et al. 2024, arXiv:2402.17762): as a point, it would be
    the one long bar of the cloud. A chat template begins with a token of its own, so that this takes none of the
    prompt's.

    Raises Fault as `own_tokens` does.
    """
    spans = own_tokens(model_path, prompts, chat) if chosen else []
    return {number: (max(1, spans[number][0]), max(1, spans[number][1])) for number in chosen}


def of_answers(
    model_path: str | Path, token_ids: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], count: int
) -> Pooling:
    """The mean over the first `count` tokens of each answer, read behind its prompt; over all of a shorter one.

    Parameters
    ----------
    answers : as `reference_tokens` gives them.

    Raises
    ------
    Fault : where a prompt has no answer, or fills the model's context so that none fits behind it.
    """
    context, folder = context_length(Path(model_path)), Path(model_path)
    read, spans = [], []
    for number, (ids, answer) in enumerate(zip(token_ids, answers, strict=True), start=1):
        room = context - len(ids) if context else count
        own = list(answer[: max(0, min(count, room))])
        if not own:
            why = "has no reference answer" if not answer else "leaves no room for an answer in the model's context"
            raise Fault(f"prompt {number} {why}", "Correct the probe set, or choose pooling = last or mean", folder)
        read.append([*ids, *own])
        spans.append((len(ids), len(ids) + len(own)))
    return Pooling(read, spans)
