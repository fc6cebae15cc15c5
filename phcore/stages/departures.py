"""Departures: how far the next tokens of a checkpoint are from those of the base its series starts from, by prompt."""

from phcore.stages.divergences import compute
from phcore.stages.registry.result import CELL_WORDS, FROM_BASE, Result, Table

RESULT = Result(
    name="departures",
    label="Behaviour",
    per=FROM_BASE,
    needs=("next_tokens",),
    compute=compute,
    size=lambda record: 3_000 + record.n_prompts * 16,
)
TABLE = Table(
    name="departures",
    gathers="departures",
    order=("step", "prompt"),
    evidence=True,
    later=True,
    columns={
        "series": CELL_WORDS["series"],
        "step": "training step of the checkpoint",
        "prompt": "number of the prompt",
        "value": "Jensen-Shannon divergence of its next tokens from the base model's, at least (nats)",
        "slack": "how much more it can be: what the tokens that are not kept can add",
    },
)
