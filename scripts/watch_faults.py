"""Faults that are planted into training, and quiet runs: which alarm comes when, and what the loss shows.

    python scripts/watch_faults.py --runs 10 --quiet 20

Printed, in Markdown: of each fault how many runs gave an alarm, its kind, how many steps after the fault it came, and
how many steps before the loss showed anything; of quiet runs the false alarms in 1,000 steps. A practice model (tiny,
pretrained in a minute) is fine-tuned with LoRA; docs/training.md has the figures of the last run.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
import transformers

from phcore.training import TopologyCallback, finetune
from phcore.training.alarms import BAD, UNUSUAL
from phcore.training.examples import Example
from phcore.training.practice import Recipe as Practice
from phcore.training.practice import practice, quiet_and_seeded
from phcore.training.recipe import Recipe
from tests.models import write_conversations

STEPS, AT, EVERY = 96, 48, 4
FAULTS = ("learning rate x100", "a batch of garbage", "frozen weights", "NaN in one layer", "labels shuffled")
LOSSES = 24  # recent losses that a loss is compared with, by the same rule as velocities


class Fault(transformers.TrainerCallback):
    """Plants one, before the step `AT` is taken."""

    def __init__(self, kind: str):
        self.kind = kind

    def on_step_begin(self, args, state, control, model=None, optimizer=None, **_: object) -> None:
        step = state.global_step + 1
        if step >= AT and self.kind in ("learning rate x100", "frozen weights"):
            for group in optimizer.param_groups:
                group["lr"] = group["lr"] * 100 if self.kind == "learning rate x100" else 0.0
        if step == AT and self.kind == "NaN in one layer":
            with torch.no_grad():
                next(one for name, one in model.named_parameters() if "layers.2" in name and one.requires_grad).fill_(
                    float("nan")
                )


def planted(examples: list[Example], kind: str, per_step: int, vocabulary: int) -> list[Example]:
    """The examples of all steps, with those of a fault among them."""
    made, draw = list(examples), random.Random(0)
    for k in range((AT - 1) * per_step, len(made)):
        one = made[k]
        if kind == "a batch of garbage" and k < AT * per_step:
            ids = tuple(draw.randrange(vocabulary) for _ in one.ids)
            made[k] = Example(ids, ids)
        if kind == "labels shuffled":
            labels = [label for label in one.labels if label >= 0]
            draw.shuffle(labels)
            left = iter(labels)
            made[k] = Example(one.ids, tuple(next(left) if label >= 0 else label for label in one.labels))
    return made


def shown(losses: list[float]) -> int | None:
    """The first step from `AT` on at which the loss is unusual, or no number; None where it never is."""
    for step in range(AT, len(losses) + 1):
        value, recent = losses[step - 1], np.log(losses[max(0, step - 1 - LOSSES) : step - 1])
        if not np.isfinite(value):
            return step
        middle = np.median(recent)
        spread = max(1.4826 * float(np.median(np.abs(recent - middle))), 0.1)
        if np.log(value) > middle + UNUSUAL * spread:
            return step
    return None


def one_run(base: Path, conversations: dict, kind: str, seed: int, folder: Path) -> tuple[list, list[float]]:
    """(alarms, losses) of one run; `kind` is a fault, or "" for none."""
    recipe = Recipe(
        steps=STEPS, schedule=str(STEPS), batch=8, max_tokens=128, warmup=4, held_out=8, decay="constant", rate=1e-3
    )
    plan = finetune.Plan.make(base, folder / "runs", conversations, {}, seed + 1, recipe, (), "cpu", None)
    run = next(one for one in plan.runs if one.seed == seed)
    callback = TopologyCallback(
        "run", study="one", every=EVERY, probes=folder.parent / "probes.jsonl", layers=(1, 3, 5), subsamples=8,
        cache=folder / "cache", model=base,
    )  # fmt: skip
    losses: list[float] = []
    with quiet_and_seeded(seed, plan.place):
        trainer = plan.finetuner(run, [Fault(kind), callback])
        vocabulary = trainer.model.config.vocab_size
        trainer.train_dataset = planted(trainer.train_dataset, kind, plan.per_step, vocabulary)
        trainer._save_checkpoint = lambda *_: None
        with contextlib.suppress(Exception):  # a loss that is no number ends it
            trainer.go()
        losses = [one["loss"] for one in trainer.state.log_history if "loss" in one]
    return callback.looks.raised if callback.looks else [], losses


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=10, help="of each fault")
    options.add_argument("--quiet", type=int, default=20, help="runs without one")
    o = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        base = practice(place / "practice", recipe=Practice(schedule=(1,))) / "base"
        written = write_conversations(place)
        from tests.studies import write_probes

        write_probes(place / "probes.jsonl", 60)
        conversations = {"helpful": written["helpful"]}
        print("| training | runs | alarms | steps after the fault | steps before the loss shows it | loss shows it |")
        print("|---|--:|---|--:|--:|--:|", flush=True)
        for kind in FAULTS:
            told, delays, leads, seen = Counter(), [], [], 0
            for seed in range(o.runs):
                with tempfile.TemporaryDirectory(dir=place) as folder:
                    alarms, losses = one_run(base, conversations, kind, seed, Path(folder))
                first = next((one for one in alarms if one.step >= AT and one.kind in BAD), None)
                told[first.kind if first else "none"] += 1
                by_loss = shown(losses)
                seen += by_loss is not None
                if first:
                    delays.append(first.step - AT)
                    if by_loss is not None:
                        leads.append(by_loss - first.step)
            words = ", ".join(f"{kind} {count}" for kind, count in told.most_common())
            delay = f"{median(delays):.0f} ({min(delays)} to {max(delays)})" if delays else "-"
            lead = f"{median(leads):.0f}" if leads else "-"
            print(f"| {kind} at step {AT} | {o.runs} | {words} | {delay} | {lead} | {seen} of {o.runs} |", flush=True)
        false, settled = Counter(), 0
        for seed in range(o.quiet):
            with tempfile.TemporaryDirectory(dir=place) as folder:
                alarms, _ = one_run(base, conversations, "", 100 + seed, Path(folder))
            false.update(one.kind for one in alarms if one.kind in BAD)
            settled += any(one.kind == "stable" for one in alarms)
        words = ", ".join(f"{kind} {count}" for kind, count in false.most_common()) or "none"
        print(f"| quiet | {o.quiet} | {words} | - | - | - |")
        steps = o.quiet * STEPS
        print(f"\nFalse alarms: {1000 * false.total() / steps:.2f} in 1,000 steps ({steps:,}, a look every {EVERY}).")
        print(f"{settled} of {o.quiet} quiet runs were called settled.")


if __name__ == "__main__":
    main()
