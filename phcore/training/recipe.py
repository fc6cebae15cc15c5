"""How runs are fine-tuned: everything but the model, the conversations, the seed and the device."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from phcore.errors import Fault
from phcore.training.schedule import steps_of

DECAYS = ("linear", "cosine", "constant")
FORMATS = ("float32", "bfloat16")
SEEN = 10_000_000  # conversations of a run, whose order is kept in memory


@dataclass(frozen=True)
class Recipe:
    """Numbers of a fine-tuning.

    Attributes
    ----------
    steps : optimizer steps of each run.
    schedule : when checkpoints are saved: see `schedule.steps_of`.
    batch, accumulate : conversations at once, and how often their gradients are added up before a step.
    rate : learning rate of AdamW at its highest.
    warmup : steps until then, in even parts; the first is a part too, never nothing.
    decay : of the rate after that: linear or cosine towards nothing, or constant.
    max_tokens : of one conversation; longer ones are cut.
    held_out : conversations of each objective that are never trained on.
    full : whether all weights are trained, in place of an adapter (LoRA) with the `rank`, `alpha`, `dropout` and
        `targets` (names of layers with commas between, or all-linear: all but the output head).
    dtype : what is computed in; "auto" is bfloat16 on an NVIDIA GPU that has it, else float32.
    save_dtype : what checkpoints are stored in; what a run goes on with is kept exactly.
    """

    steps: int = 128
    schedule: str = "log 20"
    batch: int = 8
    accumulate: int = 1
    rate: float = 2e-4
    warmup: int = 4
    decay: str = "linear"
    weight_decay: float = 0.0
    max_tokens: int = 1024
    held_out: int = 64
    full: bool = False
    rank: int = 8
    alpha: int = 16
    dropout: float = 0.0
    targets: str = "all-linear"
    dtype: str = "auto"
    save_dtype: str = "float32"

    def check(self) -> None:
        """Raise a Fault where a number makes no sense."""
        for name, least, most in (
            ("steps", 1, SEEN), ("batch", 1, SEEN), ("accumulate", 1, SEEN), ("max_tokens", 2, SEEN),
            ("rank", 1, 65_536), ("alpha", 1, 1_000_000), ("warmup", 0, SEEN), ("held_out", 0, SEEN),
            ("weight_decay", 0, 1000), ("dropout", 0, 1), ("rate", 0, 1000),
        ):  # fmt: skip
            value = getattr(self, name)
            if value > most:
                raise Fault(f"{name} is larger than {most:,}", "Choose less")
            if not value >= least:  # nor is it one that is no number
                raise Fault(f"{name} = {value} is too small", f"Choose {least} or more")
        if self.steps * self.batch * self.accumulate > SEEN:
            raise Fault(f"a run would see more than {SEEN:,} conversations", "Train for fewer steps, or smaller ones")
        if self.dropout >= 1:
            raise Fault(f"dropout = {self.dropout} leaves nothing", "Choose less than 1")
        if self.warmup > self.steps:
            raise Fault(f"{self.warmup} steps of warm-up are more than all {self.steps} steps", "Warm up for fewer")
        for name, known in (("decay", DECAYS), ("dtype", ("auto", *FORMATS)), ("save_dtype", FORMATS)):
            if getattr(self, name) not in known:
                raise Fault(f"{name} = {getattr(self, name)!r} is unknown", f"Choose one of {', '.join(known)}")

    def share_of_rate(self, done: int, steps: int) -> float:
        """The learning rate of the step after `done` of `steps`, as a share of the highest.

        transformers' own schedules begin with a rate of nothing, which would make the first checkpoint a copy of the
        base model.
        """
        if done < self.warmup:
            return (done + 1) / self.warmup
        left = (steps - done) / max(1, steps - self.warmup)  # of the decay: 1 at its first step
        return {"linear": left, "cosine": 0.5 - 0.5 * math.cos(math.pi * left), "constant": 1.0}[self.decay]


def schedule_of(recipe: Recipe, rates: Sequence[float] = ()) -> tuple[int, ...]:
    """The steps of a recipe, with each of several learning rates in place of its own, that have a checkpoint.

    Raises
    ------
    Fault : where a number of it makes no sense.
    """
    for one in [recipe, *(replace(recipe, rate=rate) for rate in rates)]:
        one.check()
    return steps_of(recipe.schedule, recipe.steps)
