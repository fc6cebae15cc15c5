"""What can be known of a study before it is computed: what is not usable, and what the model reads of its prompts.

Loading is tried in a process of its own, so that neither pages nor a command keep torch in theirs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from phcore.archive import installed
from phcore.archive.typed import from_json
from phcore.checkpoints.series import Found
from phcore.errors import Fault
from phcore.formatting import real_path

LONGEST = 300  # seconds


@dataclass(frozen=True)
class Verdict:
    """As `activations.trial.Verdict`."""

    base: str
    prompts: str
    preview: list[str]
    findings: dict[str, str]
    notes: dict[str, str]


def tried(model: str | Path, found: Sequence[Found], prompts: Sequence[str] = (), chat: bool = True) -> Verdict:
    """Try to load the base model and every checkpoint that is ready, and to read the prompts.

    Raises
    ------
    Fault : where the trial itself did not come to its end.
    """
    ready = [(str(real_path(one.path)), one.kind) for series in found for one in series.checkpoints if one.ready]
    question = {"base": str(real_path(model)), "checkpoints": ready, "prompts": list(prompts), "chat": chat}
    return from_json(_answer(json.dumps(question).encode()), Verdict)


def _answer(question: bytes) -> bytes:
    """Of another process, which ends with it."""
    command = [sys.executable, "-m", "phcore.activations.trial"]
    how = {"capture_output": True, "timeout": LONGEST, "check": True, "cwd": installed.APP}
    try:
        return subprocess.run(command, input=question, **how).stdout
    except subprocess.TimeoutExpired:
        raise Fault(
            f"loading was tried for {LONGEST} seconds without an end", "Compute, which takes its time"
        ) from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        why = lines[-1][:200] if lines else f"code {error.returncode}"
        raise Fault(f"loading could not be tried ({why})", "Compute, which says what is wrong") from None


def judged(found: Sequence[Found], verdict: Verdict) -> list[Found]:
    """The series that were found, with what the trial says of their checkpoints."""

    def told(one):
        place = str(real_path(one.path))
        if finding := verdict.findings.get(place):
            return replace(one, status="refused", finding=finding[:1].upper() + finding[1:])
        notes = [sentence for sentence in (one.note, verdict.notes.get(place, "")) if sentence]
        if len(notes) == 2 and notes[1] in notes[0]:
            return one
        return replace(one, note=" ".join(notes)) if one.ready else one

    return [replace(one, checkpoints=[told(each) for each in one.checkpoints]) for one in found]
