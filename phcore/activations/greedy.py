"""What a model answers: the most probable token after each prompt, and after that, until it ends."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from phcore.activations.batches import Stopped

MOST = 40  # tokens of an answer


@dataclass(frozen=True)
class Greedy:
    """The beginning of an answer.

    Attributes
    ----------
    tokens : its ids, without the one that ends it.
    text : the same as words.
    ended : whether the model ended it there; otherwise it would go on.
    """

    tokens: tuple[int, ...]
    text: str
    ended: bool


@torch.inference_mode()
def greedy(
    model: PreTrainedModel,
    tokenizer,
    prompts: Mapping[int, Sequence[int]],
    most: int = MOST,
    cancelled: Callable[[], bool] | None = None,
) -> dict[int, Greedy]:
    """The first tokens of the greedy answer to each prompt.

    One prompt is answered at a time, so that an answer does not depend on the others: in a batch with others, rounding
    could turn which of two tokens is the more probable.

    Parameters
    ----------
    prompts : number -> token ids, as `encode` gives them.
    most : tokens at most; fewer where the model's context ends.
    cancelled : asked before each prompt; when it returns True, `Stopped` is raised.
    """
    ends, found = end_tokens(model, tokenizer), {}
    for number, ids in prompts.items():
        if cancelled is not None and cancelled():
            raise Stopped
        tokens, ended = _continued(model, ids, most, ends)
        found[number] = Greedy(tuple(tokens), tokenizer.decode(tokens, skip_special_tokens=True), ended)
    return found


def end_tokens(model: PreTrainedModel, tokenizer) -> set[int]:
    """Every token that ends an answer, as the model's own settings and its tokenizer say."""
    settings, own = getattr(model, "generation_config", None), model.config.get_text_config()
    said = [getattr(one, "eos_token_id", None) for one in (settings, own, tokenizer)]
    return {int(one) for ids in said if ids is not None for one in (ids if isinstance(ids, list | tuple) else [ids])}


def _continued(model: PreTrainedModel, ids: Sequence[int], most: int, ends: set[int]) -> tuple[list[int], bool]:
    """Tokens after the prompt, and whether the next one would end the answer."""
    longest = getattr(model.config.get_text_config(), "max_position_embeddings", None) or len(ids) + most
    tokens, cache = [], None
    while len(tokens) <= most:
        # A model that keeps nothing reads the whole text anew.
        given = tokens[-1:] if cache is not None else [*ids, *tokens]
        out = model(input_ids=torch.tensor([given], device=model.device), past_key_values=cache, use_cache=True)
        token, cache = int(out.logits[0, -1].float().argmax()), getattr(out, "past_key_values", None)
        if token in ends:
            return tokens, True
        if len(tokens) == most or len(ids) + len(tokens) >= longest:
            break
        tokens.append(token)
    return tokens, False
