"""A checkpoint and prompts in, clouds, next-token distributions and judged answers out: `encode`, `Loader`, `extract`,
`answers`.

This package imports torch: import it only where hidden states are taken.
"""

import os

# Before torch and the Hugging Face libraries are imported, which read these once.
os.environ |= {
    "HF_HUB_OFFLINE": "1",  # what is on disk is all there is: nothing is ever fetched
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_SAFETENSORS_CONVERSION": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
# Idle torch threads sleep instead of spinning: while other processes compute diagrams on the same cores, spinning made
# extraction several times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from phcore.activations.batches import Stopped
from phcore.activations.device import threads, use_threads
from phcore.activations.extraction import Extraction, budget, extract, not_finite, untried
from phcore.activations.greedy import greedy
from phcore.activations.loading import Loader, load_model
from phcore.activations.pooling import Pooling, every_token, of_answers, of_last, of_own_text
from phcore.activations.scoring import Answers, answers, read, reference_tokens, refusal_tokens
from phcore.activations.states import depth
from phcore.activations.tokens import as_read, encode, lengths, load_tokenizer, own_tokens
from phcore.activations.trees import score

__all__ = [
    "Answers", "Extraction", "Loader", "Pooling", "Stopped", "answers", "as_read", "budget", "depth", "encode",
    "every_token", "extract", "greedy", "lengths", "load_model", "load_tokenizer", "not_finite", "of_answers",
    "of_last", "of_own_text", "own_tokens", "read",
    "reference_tokens", "refusal_tokens", "score", "threads", "untried", "use_threads",
]  # fmt: skip
