"""Prompts to token ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from phcore.checkpoints import context_length
from phcore.errors import Fault

# Some chat templates write today's date into the prompt. Clouds must not depend on the day they were taken on.
A_DAY = datetime(2024, 7, 26)


def encode(tokenizer_dir: str | Path, prompts: Sequence[str], chat: bool = True) -> list[list[int]]:
    """Token ids of each prompt, whole: nothing is truncated.

    Parameters
    ----------
    tokenizer_dir : the base model's folder.
    chat : wrap each prompt in the chat template, with the opening of the answer, where the tokenizer has a template.
        Otherwise the raw text is read, with the special tokens the tokenizer adds by itself.

    Raises
    ------
    Fault
        where there is no usable tokenizer, or a prompt is empty or longer than the model's context.
    """
    from transformers import AutoTokenizer

    folder = Path(tokenizer_dir)
    if not folder.is_dir():  # transformers would take a missing path for the name of a hub model
        raise Fault("there is no such folder", "Pick a model folder", folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # anything: the tokenizer's files come from anywhere
        raise Fault(f"the tokenizer cannot be loaded ({_first_line(error)})",
                    "Put the model's tokenizer files into its folder", folder) from error  # fmt: skip
    if chat and tokenizer.chat_template:
        texts = [_in_template(tokenizer, prompt, folder) for prompt in prompts]
        # The template writes the special tokens itself; adding them again would double the first one.
        token_ids = tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
    else:
        token_ids = tokenizer(list(prompts))["input_ids"] if prompts else []
    _check_lengths(token_ids, context_length(folder), folder)
    return token_ids


def _in_template(tokenizer, prompt: str, folder: Path) -> str:
    try:
        return tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}],
            add_generation_prompt=True,
            tokenize=False,
            strftime_now=A_DAY.strftime,
            date_string=A_DAY.strftime("%d %b %Y"),
        )
    except Exception as error:  # a template is a program of the model's authors: anything may come out of it
        raise Fault(f"the chat template fails ({_first_line(error)})",
                    "Correct the template, or read the prompts as raw text", folder) from error  # fmt: skip


def _check_lengths(token_ids: list[list[int]], longest: int, folder: Path) -> None:
    for number, ids in enumerate(token_ids, start=1):
        if not ids:
            raise Fault(f"prompt {number} has no tokens", "Remove the empty prompt from the probe set", folder)
        if longest and len(ids) > longest:
            raise Fault(f"prompt {number} has {len(ids):,} tokens, and the model reads at most {longest:,}",
                        "Shorten the prompt, or remove it from the probe set", folder)  # fmt: skip


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
