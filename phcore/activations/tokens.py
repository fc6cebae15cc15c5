"""Prompts to token ids."""

from collections.abc import Callable, Sequence
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
_MARK = "\ue000"  # in place of a prompt: a letter that Unicode leaves to private use
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
    texts, how = _texts(tokenizer, prompts, folder, chat)
    token_ids = tokenized(tokenizer, texts, folder, **how)["input_ids"]
    _check_lengths(token_ids, context_length(folder), folder)
    return token_ids


def own_tokens(tokenizer_dir: str | Path, prompts: Sequence[str], chat: bool = True) -> list[tuple[int, int]]:
    """Where the text of each prompt stands among the tokens that `encode` gives: from the first one to behind the last.

    What the chat template and the tokenizer add is outside; a token that holds letters of both is inside.

    Raises
    ------
    Fault : as `encode` does, and where the tokenizer or the template does not tell where the prompt stands.
    """
    tokenizer = load_tokenizer(tokenizer_dir)
    folder = Path(tokenizer_dir)
    mend = "Choose pooling = last and no tokens, or read the prompts as raw text"
    if not tokenizer.is_fast:
        raise Fault("the tokenizer does not tell which letters its tokens stand for", mend.split(",")[0], folder)
    texts, how = _texts(tokenizer, prompts, folder, chat)
    (around,), _ = _texts(tokenizer, [_MARK], folder, chat)
    opening, *closing = around.split(_MARK)
    if len(closing) != 1 or not all(text.startswith(opening) and text.endswith(closing[0]) for text in texts):
        raise Fault("the chat template does not repeat each prompt once, as it is", mend, folder)
    spans = []
    places = tokenized(tokenizer, texts, folder, return_offsets_mapping=True, **how)["offset_mapping"]
    for number, (text, letters) in enumerate(zip(texts, places, strict=True), start=1):
        first, behind = len(opening), len(text) - len(closing[0])
        own = [k for k, (start, end) in enumerate(letters) if start < end and start < behind and end > first]
        if not own:
            raise Fault(f"prompt {number} has no tokens of its own", "Give it words, or choose pooling = last", folder)
        spans.append((own[0], own[-1] + 1))
    return spans


def lengths(tokenizer_dir: str | Path, prompts: Sequence[str]) -> list[int]:
    """Tokens of the text of each prompt alone, without template and special tokens. Raises Fault as `encode` does."""
    texts = tokenized(load_tokenizer(tokenizer_dir), prompts, Path(tokenizer_dir), add_special_tokens=False)
    return [len(ids) for ids in texts["input_ids"]]


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


def tokenized(tokenizer, texts: Sequence[str], folder: Path, **how) -> dict[str, list]:
    """What a tokenizer says of each text, `input_ids` among it; a Fault where one that could be loaded cannot be used
    after all."""
    try:
        return tokenizer(list(texts), **how) if texts else {"input_ids": [], "offset_mapping": []}
    except Exception as error:  # anything: the tokenizer's files come from anywhere
        raise Fault(
            f"the tokenizer fails ({first_line(error)})", "Put the model's own tokenizer files into its folder", folder
        ) from error


def _texts(tokenizer, prompts: Sequence[str], folder: Path, chat: bool) -> tuple[list[str], dict]:
    """What is read of each prompt, and how it is tokenized."""
    if chat and tokenizer.chat_template:
        shape = _content(tokenizer, folder)
        asked = ([{"role": "user", "content": shape(prompt)}] for prompt in prompts)
        # The template writes the special tokens itself; adding them again would double the first one.
        how = {"add_special_tokens": False}
        return [in_template(tokenizer, messages, folder, add_generation_prompt=True) for messages in asked], how
    return list(prompts), {}


def _content(tokenizer, folder: Path) -> Callable[[str], object]:
    """What a template wants as the content of a message: a text, or a list of parts, as those of multimodal models.

    Raises
    ------
    Fault : where neither comes out of it, so that all prompts would be the same.
    """
    for shape in (str, lambda text: [{"type": "text", "text": text}]):
        try:
            if _MARK in in_template(tokenizer, [{"role": "user", "content": shape(_MARK)}], folder):
                return shape
        except Fault as fault:
            failed = fault
        else:
            failed = None
    raise failed or Fault(
        "what is asked does not come out of the chat template, so that all prompts would read the same",
        "Put the template of the model into its folder, or read the prompts as raw text",
        folder,
    )


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


def as_read(tokenizer_dir: str | Path, prompts: Sequence[str], chat: bool = True) -> list[str]:
    """The text that a model reads of each prompt, template and special tokens included. Raises Fault as `encode`."""
    tokenizer = load_tokenizer(tokenizer_dir)
    return [tokenizer.decode(ids) for ids in encode(tokenizer_dir, prompts, chat)]


def _check_lengths(token_ids: list[list[int]], longest: int, folder: Path) -> None:
    for number, ids in enumerate(token_ids, start=1):
        if not ids:
            raise Fault(f"prompt {number} has no tokens", "Give it words in the probe set", folder)
        if longest and len(ids) > longest:
            raise Fault(
                f"prompt {number} has {len(ids):,} tokens, and the model reads at most {longest:,}",
                "Shorten it in the probe set",
                folder,
            )


def first_line(error: Exception) -> str:
    """What an error of another library says, short enough for a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
