"""Prompts to token ids."""

from collections.abc import Sequence
from pathlib import Path

from phcore.checkpoints import context_length
from phcore.errors import Fault

# Some chat templates write today's date into the prompt. Clouds must not depend on the day they were taken on, so
# templates see one fixed day: as a variable (Llama 3.1), or as a macro in front that hides transformers' function of
# the same name (a function of ours cannot be handed in: templates only get data).
DATE = "26 Jul 2024"
DAY = {
    "%d": "26", "%m": "07", "%b": "Jul", "%B": "July", "%Y": "2024", "%y": "24", "%a": "Fri", "%A": "Friday",
    "%H": "12", "%M": "00", "%S": "00",
}  # fmt: skip
FILTERS = "".join(f" | replace('{code}', '{words}')" for code, words in DAY.items())
MACRO = "{% macro strftime_now(format) %}{{ format" + FILTERS + " }}{% endmacro %}{{ '' }}"


def encode(tokenizer_dir: str | Path, prompts: Sequence[str], chat: bool = True) -> list[list[int]]:
    """Token ids of each prompt, whole: nothing is truncated.

    Parameters
    ----------
    tokenizer_dir : the base model's folder.
    chat : wrap each prompt in the chat template, with the opening of the answer, where the tokenizer has a template.
        Otherwise the raw text is read, with the special tokens the tokenizer adds by itself.

    Raises
    ------
    Fault : where there is no usable tokenizer, or a prompt is empty or longer than the model's context.
    """
    tokenizer = load_tokenizer(tokenizer_dir)
    folder = Path(tokenizer_dir)
    if chat and tokenizer.chat_template:
        asked = ([{"role": "user", "content": prompt}] for prompt in prompts)
        texts = [in_template(tokenizer, messages, folder, add_generation_prompt=True) for messages in asked]
        # The template writes the special tokens itself; adding them again would double the first one.
        token_ids = tokenized(tokenizer, texts, folder, add_special_tokens=False)
    else:
        token_ids = tokenized(tokenizer, prompts, folder)
    _check_lengths(token_ids, context_length(folder), folder)
    return token_ids


def load_tokenizer(tokenizer_dir: str | Path):
    """The tokenizer in a base model's folder; a Fault where there is none that can be used."""
    from transformers import AutoTokenizer

    folder = Path(tokenizer_dir)
    if not folder.is_dir():  # transformers would take a missing path for the name of a hub model
        raise Fault("there is no such folder", "Pick a model folder", folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # anything: the tokenizer's files come from anywhere
        raise Fault(
            f"the tokenizer cannot be loaded ({first_line(error)})",
            "Put the model's tokenizer files into its folder",
            folder,
        ) from error
    return tokenizer


def tokenized(tokenizer, texts: Sequence[str], folder: Path, **how) -> list[list[int]]:
    """Token ids of each text; a Fault where a tokenizer that could be loaded cannot be used after all."""
    try:
        return tokenizer(list(texts), **how)["input_ids"] if texts else []
    except Exception as error:  # anything: the tokenizer's files come from anywhere
        raise Fault(
            f"the tokenizer fails ({first_line(error)})", "Put the model's own tokenizer files into its folder", folder
        ) from error


def in_template(tokenizer, messages: Sequence[dict[str, str]], folder: Path, **how):
    """A conversation in the chat template, as text, or as what else `how` asks of `apply_chat_template`.

    Raises
    ------
    Fault : where the template fails.
    """
    try:
        template = tokenizer.get_chat_template()
        return tokenizer.apply_chat_template(
            list(messages),
            chat_template=MACRO + template if "strftime_now" in template else template,
            date_string=DATE,
            **({"tokenize": False} | how),
        )
    except Exception as error:  # a template is a program of the model's authors: anything may come out of it
        raise Fault(
            f"the chat template fails ({first_line(error)})",
            "Correct the template, or read the prompts as raw text",
            folder,
        ) from error


def _check_lengths(token_ids: list[list[int]], longest: int, folder: Path) -> None:
    for number, ids in enumerate(token_ids, start=1):
        if not ids:
            raise Fault(f"prompt {number} has no tokens", "Remove the empty prompt from the probe set", folder)
        if longest and len(ids) > longest:
            raise Fault(
                f"prompt {number} has {len(ids):,} tokens, and the model reads at most {longest:,}",
                "Shorten the prompt, or remove it from the probe set",
                folder,
            )


def first_line(error: Exception) -> str:
    """What an error of another library says, short enough for a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
