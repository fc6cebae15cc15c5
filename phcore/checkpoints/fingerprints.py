"""What names a checkpoint: a digest of its weights and of the settings that change what they compute.

The folder's name and place do not matter, so renamed and copied checkpoints keep their results.
"""

import hashlib
import json
from pathlib import Path

from phcore.archive.store import write_atomically
from phcore.checkpoints.formats import ADAPTER_CONFIG, Checkpoint, Flaw, is_adapter, names_in, read_json, weight_files
from phcore.errors import Fault

# Entries of config.json and adapter_config.json that change no hidden state: labels, versions, training-only settings.
NO_EFFECT = {
    "_name_or_path", "_commit_hash", "transformers_version", "use_cache", "dtype", "torch_dtype",
    "output_hidden_states", "output_attentions", "return_dict", "base_model_name_or_path", "revision", "peft_version",
    "inference_mode", "auto_mapping", "lora_dropout", "task_type",
}  # fmt: skip
TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "vocab.txt", "merges.txt", "chat_template.jinja", "chat_template.json",
)  # fmt: skip


def fingerprint(checkpoint: Checkpoint, base: Checkpoint | None, memory: Path | None = None) -> str:
    """32 hex digits over all weights of a checkpoint, its settings and, for an adapter, its base.

    Parameters
    ----------
    base : the base model; needed for adapters only.
    memory : a JSON file that remembers the digest of each weight file by (path, size, modification time), so that
        weights are read once. It may be shared by processes: at worst a file is read twice.

    Raises
    ------
    Fault : where a file cannot be read, or changes while it is read.
    """
    folder = Path(checkpoint.path)
    digest = hashlib.sha256()
    for file in weight_files(folder):
        digest.update(_remembered(file, memory).encode())
    adapter = is_adapter(folder)
    config = read_json(folder / (ADAPTER_CONFIG if adapter else "config.json"))
    digest.update(json.dumps(_settings(config), sort_keys=True).encode())
    if adapter:
        if base is None:
            raise Fault("an adapter needs its base model", "Choose the base model", folder)
        digest.update(fingerprint(base, None, memory).encode())
    return digest.hexdigest()[:32]


def tokenizer_digest(base: str | Path) -> str:
    """32 hex digits over the tokenizer's files, chat template included.

    Raises
    ------
    Fault : where the folder has no tokenizer.
    """
    base = Path(base)
    names = sorted(n for n in names_in(base) if n in TOKENIZER or n.endswith((".model", ".tiktoken")))
    names += sorted(f"chat_templates/{name}" for name in names_in(base / "chat_templates"))
    if not names:
        raise Fault(
            "there is no tokenizer in the model's folder", "Copy tokenizer.json and its companions into it", base
        )
    digest = hashlib.sha256()
    for name in names:
        digest.update(name.encode() + b"\0" + hashlib.sha256((base / name).read_bytes()).digest())
    return digest.hexdigest()[:32]


def _settings(config: dict) -> dict:
    """The entries that matter. PEFT writes sets of names in no fixed order, so lists of names are sorted."""

    def plain(value: object) -> object:
        names = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return sorted(value) if names else value

    return {key: plain(value) for key, value in config.items() if key not in NO_EFFECT and value is not None}


def _remembered(file: Path, memory: Path | None) -> str:
    place = str(file.resolve())
    before = file.stat()
    known = _read(memory).get(place)
    if isinstance(known, list) and known[:2] == [before.st_size, before.st_mtime_ns]:
        return known[2]
    try:
        with open(file, "rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise Fault(f"the file cannot be read ({error.strerror})", "Check its permissions", file) from None
    after = file.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise Fault("the file changed while it was read", "Wait until the checkpoint is written", file)
    if memory is not None:
        # Read again: another process may have added its own in the meantime.
        write_atomically(
            memory, json.dumps(_read(memory) | {place: [after.st_size, after.st_mtime_ns, found]}).encode()
        )
    return found


def _read(memory: Path | None) -> dict:
    if memory is None or not memory.exists():
        return {}
    try:
        return read_json(memory)
    except Flaw:
        return {}  # a damaged memory only costs time
