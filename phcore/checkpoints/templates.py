"""Chat templates: whether a folder has one, and whether it is another one than the base model's."""

from pathlib import Path

from phcore.checkpoints.formats import Flaw, read_json


def has_chat_template(path: Path) -> bool:
    return bool(chat_template(path))


def chat_template(path: Path) -> object:
    """The chat template in a folder, a text or several by name; None where it has none, or none that can be read."""
    try:
        return (path / "chat_template.jinja").read_text(encoding="utf-8").rstrip()
    except (OSError, UnicodeDecodeError):
        pass
    for name in ("chat_template.json", "tokenizer_config.json"):
        try:
            found = read_json(path / name).get("chat_template")
        except Flaw:
            continue
        if found:
            return found.rstrip() if isinstance(found, str) else found
    return None


def template_words(folder: Path, base: Path) -> str:
    """That a checkpoint has another chat template than the base, in a sentence; "" where it has none, or the same."""
    own = chat_template(folder)
    if not own or own == chat_template(base):
        return ""
    return "Its chat template is another one than the base's: every checkpoint is read with that of the base."
