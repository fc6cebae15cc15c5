"""Find and describe checkpoints without opening a single weight: see `scan`, `describe_model` and `fingerprint`."""

from phcore.checkpoints.fingerprints import elsewhere, end_tokens, fingerprint, noting, state, tokenizer_digest
from phcore.checkpoints.formats import Checkpoint
from phcore.checkpoints.models import (
    Model,
    context_length,
    default_layers,
    describe_model,
    has_chat_template,
    local_models,
    vocabulary_size,
)
from phcore.checkpoints.series import Found, scan
from phcore.checkpoints.steps import IS_BASE, repeated

__all__ = [
    "IS_BASE", "Checkpoint", "Found", "Model", "context_length", "default_layers", "describe_model", "elsewhere",
    "end_tokens", "fingerprint", "has_chat_template", "local_models", "noting", "repeated", "scan", "state",
    "tokenizer_digest", "vocabulary_size",
]  # fmt: skip
