"""docs/checkpoints.md: one table of what is read and what is refused, made of what became of the cases."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.wild.case import Case

HEAD = """# Checkpoints

Which folders of checkpoints are understood, and what is said of those that are not. A checkpoint is wherever weights
lie, whatever the folders on the way to it are called: those whose paths differ by a step alone are one series; what
differs besides becomes objective, seed and learning rate, in a table to correct on the Study page. The step is that
of `trainer_state.json`, else what the names say (`step1.5k`, `epoch_1/step_100`, `checkpoint_pct010`,
`stage2-ingredient1-step11931`). Step 0 is always the base model. The same weights at several steps are one point.
Whatever is not used is listed with its reason; nothing is left out without a word.

What stands otherwise in a study file, and wins over names:

```toml
[[series]]
name = "helpful"
path = "/data/runs/helpful"
left_out = ["checkpoint-500"]
[series.steps]
best = 300
```

`make wild` builds each of these folders with tiny models, looks at it as `scan` does, reads what is read, compares
hidden states with those of transformers and PEFT alone, and writes this table (`python -m scripts.wild --write`).
"""
GROUPS = {
    "layouts": "Folders and names",
    "beside": "What lies beside checkpoints",
    "trainers": "Trainers",
    "found": "From somewhere: further names, and faults of copies",
}
LONGEST = 220


def document(became: Sequence[tuple[Case, str, str]]) -> str:
    """The page, of (case, verdict, why) of every case."""
    text = HEAD
    for group in dict.fromkeys(case.group for case, *_ in became):
        text += f"\n## {GROUPS.get(group, group.capitalize())}\n\n| what lies there | what happens |\n|---|---|\n"
        text += "".join(row(case, verdict, why) for case, verdict, why in became if case.group == group)
    return text


def row(case: Case, verdict: str, why: str) -> str:
    """One line of the table."""
    return f"| {title(case)} | {_told(verdict, why)} |\n"


def title(case: Case) -> str:
    """What a case is."""
    return case.title.replace("|", "\\|")


def _told(verdict: str, why: str) -> str:
    if verdict == "not built":  # what the libraries say of it is theirs, and changes
        return f"not tried: {why.split(':')[0]}"
    if verdict != "refused":
        return f"read{why and f': {why}'}" if verdict == "right" else verdict
    sentence = why.split("; ")[0].replace("|", "\\|")
    return f"refused: {sentence}" if len(sentence) <= LONGEST else f"refused: {sentence[:LONGEST].rsplit(' ', 1)[0]} …"
