"""What tokens say, where the tokenizer of a study is at hand."""

from collections.abc import Iterable
from pathlib import Path

from phcore.checkpoints.fingerprints import tokenizer_digest
from phcore.errors import Fault


def token_texts(model: str | Path, digest: str, tokens: Iterable[int]) -> dict[int, str] | None:
    """Token -> its text, by the tokenizer in a model's folder.

    Parameters
    ----------
    model : the base model's folder.
    digest : of the tokenizer that read the prompts (`Record.tokenizer`).

    Returns
    -------
    None where the folder has no such tokenizer: another one would give other words.
    """
    path = Path(model) / "tokenizer.json"
    try:
        if not path.is_file() or tokenizer_digest(model) != digest:
            return None
    except (Fault, OSError):
        return None
    from tokenizers import Tokenizer  # takes a moment

    tokenizer = Tokenizer.from_file(str(path))
    return {token: tokenizer.decode([token], skip_special_tokens=False) for token in sorted(set(map(int, tokens)))}
