"""Supervised fine-tuning of one base model towards several objectives, with many early checkpoints.

Top-down: `finetune` reads the conversations, plans a run for every objective (and mixture of objectives) and seed, and
trains one after the other into `OUT/<objective>-seed<seed>/checkpoint-N`, where a study finds them. Only the answers
of the assistant bear loss. Whatever stops it, the same call goes on at the last checkpoint of each run.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from phcore.archive.writing import locked, on_disk, write_atomically
from phcore.checkpoints import context_length, describe_model, fingerprint, state, tokenizer_digest
from phcore.checkpoints.formats import Flaw, read_json
from phcore.errors import Fault
from phcore.formatting import at_home, real_path, visible
from phcore.training.practice import Tracker, quiet_and_seeded
from phcore.training.recipe import Recipe, schedule_of
from phcore.training.runs import Pool, Run, drawn, pools, runs

if TYPE_CHECKING:
    import torch
    from transformers import TrainerCallback

MARK = "recipe.json"  # in a run's folder: what it is trained with, so that nothing else goes on in it
LOCK = ".lock"
AGAIN = "Run the same command again once it is written"


@dataclass(frozen=True)
class Forecast:
    """What a run will take; `size` in bytes on disk, `seconds` by a few steps that were measured on this machine."""

    run: str
    conversations: int
    tokens: int
    steps: int
    checkpoints: int
    size: int
    seconds: float


def finetune(
    base: str | Path,
    out: str | Path,
    objectives: Mapping[str, str | Path],
    *,
    mixes: Mapping[str, Mapping[str, float]] | None = None,
    seeds: int = 1,
    rates: Sequence[float] = (),
    recipe: Recipe = Recipe(),
    only: Sequence[str] = (),
    device: str | None = None,
    callbacks: Callable[[Run], Sequence[TrainerCallback]] = lambda run: (),
    on_event: Callable[[dict], None] | None = None,
    on_note: Callable[[str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[Path]:
    """Fine-tune a model towards several objectives and return the folders of the runs.

        finetune("base", "runs", {"helpful": "helpful.jsonl", "harmless": "harmless.jsonl"},
                 mixes={"mixed": {"helpful": 0.5, "harmless": 0.5}}, seeds=3, recipe=Recipe(steps=128))

    Each is an ordinary Trainer directory with a checkpoint at every step of the schedule, adapters or whole models.
    The log in `trainer_state.json` has the loss and the learning rate of every step and, at step 0 and every
    checkpoint, `eval_<objective>_loss` in nats per token on the conversations that are held out of each file. The
    same seed gives the same weights on the same machine, on a GPU but for rounding, interrupted or not. A finished
    run is left as it is. Several processes may train different runs into one folder.

    Parameters
    ----------
    base : folder of the base model, with a chat template.
    out : folder of all runs.
    objectives : name -> file or folder of conversations, as for `conversations.read`.
    mixes : name -> shares of objectives; a run on both.
    seeds : runs of each objective and mixture, with the seeds 0, 1, ...: other LoRA weights to begin with, and
        another order of conversations.
    rates : highest learning rates, each for runs of its own (`helpful-lr1e-4-seed0`), in place of the recipe's.
    only : names of runs (`helpful-seed0`), to train these of them.
    device : as for `phcore.activations.device.choose`.
    callbacks : of transformers' Trainer, for each run: such as `phcore.training.TopologyCallback`.
    on_event : called after every step with a dict of `stage`, `done`, `total` (steps of all runs), `message` and
        `seconds_left`.
    on_note : called with a sentence for what was cut or left out.
    cancelled : asked after every step; True raises `phcore.pipeline.run.Cancelled`.

    Raises
    ------
    Fault : where the base, the conversations or the recipe cannot be used; where a run's folder holds another recipe or
        other files, which are left alone; where another process trains the run; where a disk or the memory is full.
    """
    plan = Plan.make(base, out, objectives, mixes or {}, seeds, rates, recipe, only, device, on_note)
    total, done = plan.recipe.steps * len(plan.runs), 0
    waiting = []
    for run in plan.runs:  # all of them, before anything is trained
        done += plan.reached(run)
        if not plan.finished(run):
            waiting.append(run)
    tracker = Tracker(total, on_event, cancelled, "finetune", done)
    for run in waiting:
        with _held(run.folder):
            for left in _half_written(run.folder):
                left.unlink()
            write_atomically(run.folder / MARK, json.dumps(plan.mark(run), indent=1).encode())
            place = f"{run.name} ({plan.runs.index(run) + 1} of {len(plan.runs)})"
            with quiet_and_seeded(run.seed, plan.place):
                plan.finetuner(run, callbacks(run)).go(tracker, place)
    return [run.folder for run in plan.runs]


def forecast(
    base: str | Path,
    out: str | Path,
    objectives: Mapping[str, str | Path],
    *,
    mixes: Mapping[str, Mapping[str, float]] | None = None,
    seeds: int = 1,
    rates: Sequence[float] = (),
    recipe: Recipe = Recipe(),
    only: Sequence[str] = (),
    device: str | None = None,
    on_note: Callable[[str], None] | None = None,
) -> list[Forecast]:
    """What each run would take, measured in a few steps of the first; nothing is written into `out`.

    Parameters and faults are those of `finetune`.
    """
    plan = Plan.make(base, out, objectives, mixes or {}, seeds, rates, recipe, only, device, on_note)
    for run in plan.runs:
        plan.reached(run)
    with tempfile.TemporaryDirectory() as folder, quiet_and_seeded(0, plan.place):
        step, evaluation, saved, kept = _measured(plan, Path(folder))
    number = len(plan.schedule)
    seconds = plan.recipe.steps * step + (number + 1) * evaluation
    found = []
    for run in plan.runs:
        examples = drawn(run, plan.pools, plan.recipe.steps * plan.per_step)
        tokens = sum(len(one.ids) for one in examples)
        size = number * saved + kept
        found.append(Forecast(run.name, len(set(examples)), tokens, plan.recipe.steps, number, size, seconds))
    return found


def _measured(plan: Plan, folder: Path) -> tuple[float, float, int, int]:
    """Seconds of a step and of an evaluation; bytes of a checkpoint, and of what the newest one keeps to go on."""
    few = min(3, plan.recipe.steps)
    short = replace(plan, recipe=replace(plan.recipe, steps=few, warmup=0), schedule=(few,))
    trainer = short.finetuner(replace(plan.runs[0], folder=folder / "run"))
    trainer.go()
    steps = [later - earlier for earlier, later in pairwise(trainer.times)]
    from phcore.training.trainer import RESUME

    files = list((folder / "run" / f"checkpoint-{few}").iterdir())
    kept = sum(file.stat().st_size for file in files if file.name in RESUME)
    return median(steps or [0.0]), trainer.evaluation, sum(file.stat().st_size for file in files) - kept, kept


# --- the plan ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """Everything that is known before the first step. `recipe.dtype` is decided, `schedule` are its steps."""

    base: Path
    recipe: Recipe
    schedule: tuple[int, ...]
    runs: list[Run]
    pools: dict[str, Pool]
    padding: int
    place: torch.device
    marks: dict[str, object]  # what all runs have in common

    @classmethod
    def make(cls, base, out, objectives, mixes, seeds, rates, recipe, only, device, on_note) -> Plan:
        """Read what is to be read; parameters and faults are those of `finetune`."""
        schedule = schedule_of(recipe, rates)
        base, out = real_path(at_home(base)), at_home(out)
        planned = runs(out, list(objectives), mixes, seeds, only, rates)
        _check_base(base, recipe)
        import torch

        from phcore.activations.device import choose
        from phcore.activations.tokens import load_tokenizer

        place = choose(device)
        if recipe.dtype == "auto":
            able = place.type == "cuda" and torch.cuda.is_bf16_supported()
            recipe = replace(recipe, dtype="bfloat16" if able else "float32")
        marks = {"base": fingerprint(base, None), "tokenizer": tokenizer_digest(base)}
        tokenizer = load_tokenizer(base)
        if tokenizer_digest(base) != marks["tokenizer"]:
            raise Fault("the tokenizer changed while it was read", AGAIN, base)
        if not tokenizer.chat_template:
            mend = "Put the template (chat_template) into its tokenizer_config.json, or begin with an instruct model"
            raise Fault("the base model has no chat template", mend, base)
        found = pools(objectives, tokenizer, base, recipe.held_out, recipe.max_tokens)
        for sentence in [note for pool in found.values() for note in pool.notes] if on_note else ():
            on_note(sentence)
        padding = next((one for one in (tokenizer.pad_token_id, tokenizer.eos_token_id) if one is not None), 0)
        marks["conversations"] = {name: pool.digest for name, pool in found.items()}
        return cls(base, recipe, schedule, planned, found, padding, place, marks)

    @property
    def per_step(self) -> int:
        """Conversations of one optimizer step."""
        return self.recipe.batch * self.recipe.accumulate

    def mark(self, run: Run) -> dict[str, object]:
        """What a run is trained with: two runs of the same mark are the same run."""
        own = {"objective": run.objective, "parts": dict(run.parts), "seed": run.seed}
        return {**own, **self.marks, "recipe": asdict(self.recipe_of(run))}

    def recipe_of(self, run: Run) -> Recipe:
        return self.recipe if run.rate is None else replace(self.recipe, rate=run.rate)

    def reached(self, run: Run) -> int:
        """The step up to which a run has been trained; 0 where it has not begun.

        Raises
        ------
        Fault : where its folder holds another recipe or other files, or what it needs to go on is gone.
        """
        from phcore.training.trainer import newest_checkpoint, step_of

        if not run.folder.is_dir() or not {*run.folder.iterdir()} - {run.folder / LOCK, *_half_written(run.folder)}:
            return 0
        try:
            found = read_json(run.folder / MARK)
        except Flaw:
            raise Fault("this folder holds other files", "Choose another folder for the runs", run.folder) from None
        if other := _differences(found, self.mark(run)):
            mend = "Choose another folder for the runs"
            raise Fault(f"it was trained with another recipe ({'; '.join(other)})", mend, run.folder)
        if self.finished(run):
            return self.recipe.steps
        newest = newest_checkpoint(run.folder)
        return 0 if newest is None else step_of(newest)

    def finished(self, run: Run) -> bool:
        """Whether nothing is left to do, not even what belongs to saving the last checkpoint."""
        from phcore.training.trainer import PART

        return (run.folder / f"checkpoint-{self.recipe.steps}").is_dir() and not (run.folder / PART).exists()

    def finetuner(self, run: Run, callbacks: Sequence[TrainerCallback] = ()):
        """The run's trainer, with a base model of its own."""
        from phcore.training.trainer import Finetuner, model_for

        recipe, before = self.recipe_of(run), state(self.base)
        model = model_for(self.base, recipe, run.seed, self.place)
        if state(self.base) != before or fingerprint(self.base, None) != self.marks["base"]:
            raise Fault("the base model changed after this training began", AGAIN, self.base)
        return Finetuner(
            model,
            run.folder,
            recipe,
            self.schedule,
            examples=drawn(run, self.pools, self.recipe.steps * self.per_step),
            held_out={name: pool.held_out for name, pool in self.pools.items() if pool.held_out},
            pool=sum(len(self.pools[name].training) for name in run.parts),
            padding=self.padding,
            seed=run.seed,
            place=self.place,
            callbacks=callbacks,
        )


def _half_written(folder: Path) -> list[Path]:
    """What a process that was killed left of a mark."""
    return list(folder.glob(f".{MARK}.*.tmp"))


def _check_base(base: Path, recipe: Recipe) -> None:
    found = describe_model(base)
    if found.status != "ready":
        fault, _, mend = found.finding.rstrip(".").partition(". ")
        raise Fault(fault, mend or "Choose the folder of a whole model", base)
    longest = context_length(base)
    if longest and recipe.max_tokens > longest:
        fault = f"max_tokens = {recipe.max_tokens:,} is more than the model reads ({longest:,})"
        raise Fault(fault, f"Choose --max-tokens {longest} or less", base)


def _differences(found: dict, wanted: dict, within: str = "") -> list[str]:
    """Where two marks differ, in words: `steps 64 there, 128 now`."""
    wanted = json.loads(json.dumps(wanted))
    words = []
    for key in sorted(found.keys() | wanted.keys()):
        there, now = found.get(key), wanted.get(key)
        if isinstance(there, dict) and isinstance(now, dict):
            words += _differences(there, now, f"{key} of " if key == "parts" else within)
        elif there != now:
            digests = isinstance(there, str) and isinstance(now, str) and len(there) == len(now) == 32
            said = visible(f"{within}{key} {there}")[:100]  # the file may hold anything
            words.append(f"another {key}" if digests else f"{said} there, {now} now")
    return words


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """A run's folder for this process alone, as long as it trains."""
    with on_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / LOCK, wait=False))
        except BlockingIOError:
            raise Fault("another process trains this run", "Wait for it, or name other runs (--only)", folder) from None
        yield
