"""What names a checkpoint: a digest of its weights and of the settings that change what they compute.

The folder's name and place do not matter, so renamed and copied checkpoints keep their results.
"""

import hashlib
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from phcore.archive.writing import read_plain, write_atomically
from phcore.checkpoints.formats import (
    ADAPTER_CONFIG,
    INDEX,
    Flaw,
    is_adapter,
    names_in,
    read_json,
    weight_files,
)
from phcore.errors import Fault
from phcore.formatting import real_path

# Entries of config.json and adapter_config.json that change no hidden state: labels, versions, training-only settings.
NO_EFFECT = {
    "_name_or_path", "_commit_hash", "transformers_version", "use_cache", "dtype", "torch_dtype",
    "output_hidden_states", "output_attentions", "return_dict", "base_model_name_or_path", "revision", "peft_version",
    "inference_mode", "auto_mapping", "lora_dropout", "task_type",
}  # fmt: skip
GENERATION = "generation_config.json"
TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "vocab.txt", "merges.txt", "chat_template.jinja", "chat_template.json",
)  # fmt: skip
# tokenizer.4.0.0.json is what `fast_tokenizer_files` of tokenizer_config.json has transformers read instead.
_FURTHER = re.compile(r".*\.model|.*\.tiktoken|tokenizer\..+\.json")

_NOTING: list[set[tuple]] = []
JUST_NOW = 2.0  # seconds: two changes within one tick of a file system's clock cannot be told apart


def fingerprint(folder: str | Path, base: str | Path | None, memory: Path | None = None) -> str:
    """32 hex digits over all weights of a checkpoint, its settings and, for an adapter, its base.

    Parameters
    ----------
    folder, base : of the checkpoint and of the base model; the latter is needed for adapters only.
    memory : a JSON file that remembers the digest of each weight file by its path, size, times and number, so that
        weights are read once. It may be shared by processes: at worst a file is read twice.

    Raises
    ------
    Fault : where a file cannot be read, or changes while it is read.
    """
    folder = Path(folder)
    digest = hashlib.sha256()
    for file in weight_files(folder):
        digest.update(_remembered(file, memory).encode())
    adapter = is_adapter(folder)
    config = read_json(folder / (ADAPTER_CONFIG if adapter else "config.json"))
    digest.update(json.dumps(of_effect(config), sort_keys=True).encode())
    if adapter:
        if base is None:
            raise Fault("an adapter needs its base model", "Choose the base model", folder)
        digest.update(fingerprint(base, None, memory).encode())
    return digest.hexdigest()[:32]


def tokenizer_digest(base: str | Path) -> str:
    """32 hex digits over the tokenizer's files, chat template included.

    Raises
    ------
    Fault : where the folder has no tokenizer, or a file of it cannot be read.
    """
    base = Path(base)
    names = sorted(name for name in names_in(base) if name in TOKENIZER or _FURTHER.fullmatch(name))
    for further in ("chat_templates", "additional_chat_templates"):
        names += sorted(f"{further}/{name}" for name in names_in(base / further))
    if not names:
        raise Fault(
            "there is no tokenizer in the model's folder", "Copy tokenizer.json and its companions into it", base
        )
    digest = hashlib.sha256()
    for name in names:
        try:
            digest.update(name.encode() + b"\0" + hashlib.sha256(read_plain(base / name)).digest())
        except OSError as error:
            raise Fault(f"it cannot be read ({error.strerror})", "Check its permissions", base / name) from None
    return digest.hexdigest()[:32]


def settings(adapter: Path) -> dict:
    """The entries of an adapter's configuration that matter. Raises Flaw where it cannot be read."""
    return of_effect(read_json(adapter / ADAPTER_CONFIG))


def of_effect(config: dict) -> dict:
    """The entries of a configuration that change what is computed.

    PEFT writes sets of names in no fixed order, so lists of names are sorted.
    """

    def plain(value: object) -> object:
        names = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return sorted(value) if names else value

    return {key: plain(value) for key, value in config.items() if key not in NO_EFFECT and value is not None}


def end_tokens(folder: str | Path) -> str:
    """What generation_config.json of a whole model says of the tokens that end an answer, as JSON; "" where it says
    nothing. They are no part of the fingerprint, because hidden states do not depend on them."""
    try:
        said = read_json(Path(folder) / GENERATION).get("eos_token_id")
    except Flaw:  # without the file the model's own settings count, and a broken one is no reason to read nothing
        return ""
    return "" if said is None else json.dumps(said)


def state(folder: str | Path) -> tuple:
    """What a folder's weights and settings are as files: changes with every write, whatever the bytes are then.

    For telling whether what was loaded is what was fingerprinted.

    Raises
    ------
    Fault : where a file is missing or cannot be read.
    """
    folder = Path(folder)
    known = {ADAPTER_CONFIG, "config.json", INDEX, GENERATION}
    settings = [folder / name for name in sorted(names_in(folder) & known)]
    try:
        return tuple((file.name, *_state(file)) for file in [*weight_files(folder), *settings])
    except OSError as error:
        raise Fault(f"the file cannot be read ({error.strerror})", "Check its permissions", folder) from None


@contextmanager
def noting() -> Iterator[set[tuple]]:
    """The files of weights that are opened inside, each as it was at that moment, in the way of `state`.

    A folder or a link that leads elsewhere while weights are read, and back before anybody looks, shows in nothing
    else.
    """
    own: set[tuple] = set()
    _NOTING.append(own)
    try:
        yield own
    finally:
        _NOTING.remove(own)


def elsewhere(opened: set[tuple], known: set[tuple]) -> bool:
    """Whether a file that was opened (`noting`) is none of those of its name in some states (`state`)."""
    return any(one not in known and one[0] in {name for name, *_ in known} for one in opened)


def note(file: str | Path) -> None:
    """Called when a file of weights is opened."""
    if _NOTING:
        with suppress(OSError):  # whoever opens it says so
            _NOTING[-1].add((Path(file).name, *_state(Path(file))))


def _state(file: Path) -> list[int]:
    """Size, times and number of a file. Its change time cannot be set back, as its modification time can."""
    found = file.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _remembered(file: Path, memory: Path | None) -> str:
    place = str(real_path(file))
    try:
        before = _state(file)
        known = _read(memory).get(place)
        if isinstance(known, list) and len(known) == 5 and known[:4] == before and isinstance(known[4], str):
            return known[4]
        with open(file, "rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        changed = _state(file) != before
    except OSError as error:
        raise Fault(f"the file cannot be read ({error.strerror})", "Check its permissions", file) from None
    if changed:
        raise Fault("the file changed while it was read", "Wait until the checkpoint is written", file)
    if memory is not None and time.time() - before[2] / 1e9 > JUST_NOW:
        with suppress(Fault):  # a memory that cannot be kept only costs time
            # Read again: another process may have added its own in the meantime.
            write_atomically(memory, json.dumps(_read(memory) | {place: [*before, found]}).encode(), True)
    return found


def _read(memory: Path | None) -> dict:
    if memory is None or not memory.exists():
        return {}
    try:
        return read_json(memory)
    except Flaw:
        return {}  # a damaged memory only costs time
