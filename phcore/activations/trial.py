"""What a computation would meet, found out before it: everything is loaded but the numbers, and prompts are read as
text.

    python -m phcore.activations.trial < question.json > answer.json

is the same for programs that do not want torch in their own process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from phcore.activations.loading import DRY, Loader
from phcore.activations.tokens import as_read
from phcore.checkpoints.formats import ADAPTER_CONFIG, is_adapter, read_json, tensors
from phcore.errors import Fault

SHOWN = 3  # prompts that are shown as the model reads them


@dataclass
class Verdict:
    """What was found out.

    Attributes
    ----------
    base : why the base model cannot be used, in sentences; "" where it can.
    prompts : why the prompts cannot be read, in sentences; "" where they can.
    preview : the first prompts as the model reads them.
    findings : by folder of a checkpoint, why it cannot be loaded.
    notes : by folder, how it would be loaded.
    """

    base: str = ""
    prompts: str = ""
    preview: list[str] = field(default_factory=list)
    findings: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def trial(
    base: str | Path,
    checkpoints: Sequence[tuple[str | Path, str]] = (),
    prompts: Sequence[str] = (),
    chat: bool = True,
) -> Verdict:
    """Try a study without reading a weight.

    Parameters
    ----------
    checkpoints : folder and kind of each. Those with equal names, shapes and settings are tried once.
    prompts : all that the study reads; () for none.
    chat : as for `encode`.
    """
    found, known = Verdict(), {}
    with Loader(base, device=DRY) as loader:
        try:
            loader.open(base, "base")
        except Fault as fault:
            found.base = _sentences(fault)
            return found
        for folder, kind in checkpoints:
            try:
                alike = _alike(Path(folder))
                if alike not in known:
                    loader.open(folder, kind)
                    known[alike] = "", " ".join(loader.notes)
            except Fault as fault:
                known[alike := str(folder)] = _sentences(fault), ""
            finding, note = known[alike]
            if finding:
                found.findings[str(folder)] = finding
            elif note:
                found.notes[str(folder)] = note
    try:
        found.preview = as_read(base, prompts, chat)[:SHOWN] if prompts else []
    except Fault as fault:
        found.prompts = _sentences(fault)
    return found


def _alike(folder: Path) -> str:
    """What loading depends on but for the numbers."""
    settings = read_json(folder / (ADAPTER_CONFIG if is_adapter(folder) else "config.json"))
    plain = sorted((name, one.dtype, one.shape) for name, one in tensors(folder).items())
    return sha256(json.dumps([settings, plain], sort_keys=True).encode()).hexdigest()


def _sentences(fault: Fault) -> str:
    return f"{fault.fault}. {fault.hint}."


def main() -> None:
    question = json.load(sys.stdin)
    answer = sys.stdout
    with redirect_stdout(sys.stderr):  # libraries that print
        found = trial(**question)
    json.dump(asdict(found), answer)


if __name__ == "__main__":
    main()
