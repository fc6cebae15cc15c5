"""One fine-tuning run on transformers' Trainer, which can be killed at any time and goes on from its last checkpoint.

Imports torch and transformers: `finetune` imports this module when it trains.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.utils.data import SequentialSampler

from phcore.activations.loading import DTYPES, load_model
from phcore.activations.tokens import first_line
from phcore.archive.writing import on_disk
from phcore.checkpoints.formats import read_json
from phcore.errors import Fault
from phcore.training.examples import Example, padded
from phcore.training.practice import Tracker
from phcore.training.recipe import Recipe

PART = ".part"  # of a run's folder: a checkpoint that is not whole yet; there until all is done that belongs to it
EXACT = "exact.safetensors"  # what is trained, as it is computed with: the weights beside it may be rounded
SEAL = "resume.json"  # digests of what a run goes on with: one flipped bit would be another run
# What only a run that goes on needs: kept in its newest checkpoint.
RESUME = ("optimizer.pt", "scheduler.pt", "rng_state.pth", EXACT, SEAL)
SEALED = (*RESUME[:-1], "trainer_state.json")
PUT_BACK = "Put it back, or train into another folder"
UNWANTED = ("training_args.bin", "README.md")  # a pickle, and a card with nothing on it


def model_for(base: Path, recipe: Recipe, seed: int, place: torch.device) -> torch.nn.Module:
    """The base model on its device, ready to be trained: all weights, or an adapter that `seed` has drawn.

    Raises
    ------
    Fault : where the base cannot be loaded, or has no layers of the names that the recipe targets.
    """
    # Weights that are trained themselves have to hold small changes, so they are never rounded to 16 bits.
    model = load_model(base, "float32" if recipe.full else recipe.dtype, str(place))
    if recipe.full:
        return model.requires_grad_(True)
    from peft import LoraConfig, get_peft_model

    names = [one.strip() for one in recipe.targets.split(",")]
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=names[0] if names == ["all-linear"] else names,
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # one library says it of the other
            return get_peft_model(model, config)
    except (RuntimeError, MemoryError) as error:
        if not is_memory(error):
            raise
        raise Fault(f"there is not enough memory for it on {place}", "Lower --rank", base) from None
    except ValueError as error:
        raise Fault(f"PEFT cannot adapt this model ({first_line(error)})", "Name other --targets", base) from error


def is_memory(error: Exception) -> bool:
    """Whether it says that the memory does not suffice; torch's allocator of the CPU has no kind of error for that."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def trained(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """What is trained, by name."""
    return {name: one for name, one in model.named_parameters() if one.requires_grad}


class Arguments(transformers.TrainingArguments):
    """On the one device that was chosen: transformers would take all GPUs there are."""

    place: torch.device | None = None

    @property
    def device(self) -> torch.device:
        return super().device if self.place is None else self.place

    @property
    def n_gpu(self) -> int:
        return 0 if self.device.type == "cpu" else 1


class Finetuner(transformers.Trainer):
    """Trains on examples in the order in which they are given, evaluates and saves at the steps of the schedule.

    Parameters
    ----------
    folder : of the run; `checkpoint-N` in it is whole whenever it is there.
    examples : of all steps, `recipe.batch * recipe.accumulate` for each of them.
    held_out : examples by category; the log gets `eval_<category>_loss`, nats per token.
    pool : how many different examples there are, for the epoch that the log says.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        folder: Path,
        recipe: Recipe,
        schedule: Sequence[int],
        examples: Sequence[Example],
        held_out: Mapping[str, Sequence[Example]],
        pool: int,
        padding: int,
        seed: int,
        place: torch.device,
        callbacks: Sequence[transformers.TrainerCallback] = (),
    ):
        self.folder, self.recipe = folder, recipe
        self.held_out = {
            name: [padded(found[k : k + recipe.batch], padding) for k in range(0, len(found), recipe.batch)]
            for name, found in held_out.items()
        }
        steps = len(examples) // (recipe.batch * recipe.accumulate)
        optimizer = torch.optim.AdamW(trained(model).values(), lr=recipe.rate, weight_decay=recipe.weight_decay)
        factor = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: recipe.share_of_rate(done, steps))
        with _device(place):
            arguments = _arguments(folder, recipe, seed, steps, place)
            super().__init__(
                model,
                arguments,
                data_collator=lambda rows: padded(rows, padding),
                train_dataset=list(examples),
                callbacks=[
                    _Steps(frozenset(schedule), bool(held_out), recipe.batch * recipe.accumulate / pool),
                    *callbacks,
                ],
                optimizers=(optimizer, factor),
            )
        self.remove_callback(transformers.PrinterCallback)
        self.times: list[float] = []  # when each step was done, on the clock of time.monotonic
        self.evaluation = 0.0  # seconds of the last one

    def go(self, tracker: Tracker | None = None, words: str = "") -> None:
        """Train to the end, from the newest checkpoint of the folder on where there is one.

        Raises
        ------
        Fault : where the memory does not suffice, a loss is no number, a checkpoint cannot be written, or what the
            newest one keeps to go on is gone or damaged.
        Cancelled : where the tracker says so; what was saved stays.
        """
        self.tracker, self.words = tracker, words
        newest = newest_checkpoint(self.folder)
        if newest is not None:
            check_seal(newest)
            forget(self.folder, newest.name)
        shutil.rmtree(self.folder / PART, ignore_errors=True)
        if newest is not None and newest.name == f"checkpoint-{self.args.max_steps}":
            return
        self.args.eval_on_start = newest is None and bool(self.held_out)
        try:
            self.train(resume_from_checkpoint=None if newest is None else str(newest))
        except (RuntimeError, MemoryError) as error:
            if not is_memory(error):
                raise
            mend = "Halve --batch and double --accumulate, or lower --max-tokens"
            raise Fault(f"there is not enough memory for it on {self.args.device}", mend, self.folder) from None

    # --- what Trainer would do otherwise ------------------------------------------------------------

    def _get_train_sampler(self, train_dataset=None) -> SequentialSampler:
        return SequentialSampler(train_dataset or self.train_dataset)

    def evaluate(self, *_: object, **__: object) -> dict[str, float]:
        """Losses on what is held out, as one entry of the log."""
        begun = time.monotonic()
        losses = {f"eval_{name}_loss": self._loss(batches) for name, batches in self.held_out.items()}
        self.evaluation = time.monotonic() - begun
        self.log(losses)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, losses)
        return losses

    def _loss(self, batches: Sequence[dict[str, torch.Tensor]]) -> float:
        self.model.eval()
        total, count = 0.0, 0
        with torch.no_grad():
            for batch in batches:
                learned = int((batch["labels"][:, 1:] != -100).sum())
                total += self.model(**self._prepare_inputs(batch)).loss.item() * learned
                count += learned
        return total / count

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        super().log(logs, start_time)
        if "loss" not in logs:
            return
        self.times.append(time.monotonic())
        if not math.isfinite(logs["loss"]):
            fault = f"the loss of step {self.state.global_step} is no number"
            raise Fault(fault, "Lower --rate, or compute with --dtype float32, in a new folder", self.folder)
        if self.tracker:
            now = f"step {self.state.global_step} of {self.state.max_steps}, loss {logs['loss']:.2f}"
            self.tracker.step(f"{self.words}, {now}")

    def _get_output_dir(self, trial) -> str:
        return str(self.folder / PART)

    def _save_checkpoint(self, model, trial) -> None:
        """As Trainer does, but under its final name once it is whole, with what a run needs to go on in it alone."""
        name = f"checkpoint-{self.state.global_step}"
        part = self.folder / PART / name
        try:
            with on_disk(self.folder / name):
                shutil.rmtree(part.parent, ignore_errors=True)
                super()._save_checkpoint(model, trial)
                weights = {key: one.detach().contiguous() for key, one in trained(self.model).items()}
                save_file(weights, part / EXACT)
                for unwanted in UNWANTED:
                    (part / unwanted).unlink(missing_ok=True)
                store_as(part, self.recipe.save_dtype)
                seal(part)
                _flush(part)
                os.replace(part, self.folder / name)
                forget(self.folder, name)
                part.parent.rmdir()
        except (RuntimeError, SafetensorError) as error:  # how torch and safetensors say that a disk is full
            fault = f"it cannot be written ({first_line(error)})"
            raise Fault(fault, "Make room on the disk, then run the same command again", self.folder / name) from error

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model=None) -> None:
        found, own = load_file(Path(resume_from_checkpoint) / EXACT), trained(self.model)
        if found.keys() != own.keys() or any(found[name].shape != own[name].shape for name in own):
            raise Fault("it holds other weights than are trained", "Train into a new folder", resume_from_checkpoint)
        with torch.no_grad():
            for name, one in own.items():
                one.copy_(found[name])


class _Steps(transformers.TrainerCallback):
    """Evaluation and a checkpoint at the steps of the schedule; epochs as shares of the examples that there are."""

    def __init__(self, schedule: frozenset[int], evaluate: bool, epoch: float):
        self.schedule, self.evaluate, self.epoch = schedule, evaluate, epoch

    def on_step_end(self, args, state, control, **_: object) -> None:
        state.epoch = state.global_step * self.epoch
        control.should_save = state.global_step in self.schedule
        control.should_evaluate = control.should_save and self.evaluate


def _arguments(folder: Path, recipe: Recipe, seed: int, steps: int, place: torch.device) -> Arguments:
    made = Arguments(
        output_dir=str(folder),
        seed=seed,
        max_steps=steps,
        per_device_train_batch_size=recipe.batch,
        gradient_accumulation_steps=recipe.accumulate,
        learning_rate=recipe.rate,
        bf16=recipe.dtype == "bfloat16",
        use_cpu=place.type == "cpu",
        logging_steps=1,
        logging_nan_inf_filter=False,  # a loss that is no number shall be seen
        save_strategy="no",  # the schedule says when
        eval_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=place.type == "cuda",
    )
    made.place = place
    return made


@contextmanager
def _device(place: torch.device) -> Iterator[None]:
    """accelerate takes the device from the environment, else the first there is."""
    before = os.environ.get("ACCELERATE_TORCH_DEVICE")
    os.environ["ACCELERATE_TORCH_DEVICE"] = str(place)
    try:
        yield
    finally:
        if before is None:
            del os.environ["ACCELERATE_TORCH_DEVICE"]
        else:
            os.environ["ACCELERATE_TORCH_DEVICE"] = before


# --- checkpoints of a run ---------------------------------------------------------------------------


def newest_checkpoint(folder: Path) -> Path | None:
    """The last one of a run, from which it goes on; None where there is none.

    Raises
    ------
    Fault : where what it needs for that has been taken away.
    """
    newest = _last(folder)
    lost = [name for name in RESUME if newest is not None and not (newest / name).is_file()]
    if lost and _last(folder) != newest:  # another process has saved one meanwhile
        return newest_checkpoint(folder)
    if lost:
        raise Fault(f"the run cannot go on without {lost[0]}", PUT_BACK, newest)
    return newest


def _last(folder: Path) -> Path | None:
    steps = [one.name.removeprefix("checkpoint-") for one in folder.glob("checkpoint-*") if one.is_dir()]
    return max((folder / f"checkpoint-{step}" for step in steps if step.isdecimal()), key=step_of, default=None)


def step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("checkpoint-"))


def seal(folder: Path) -> None:
    """Write down digests of what a run goes on with."""
    (folder / SEAL).write_text(json.dumps({name: _digest(folder / name) for name in SEALED}))


def check_seal(folder: Path) -> None:
    """Raise a Fault where what a run goes on with is not what was saved."""
    kept = read_json(folder / SEAL)
    for name in SEALED:
        if kept.get(name) != _digest(folder / name):
            raise Fault(f"the run cannot go on: {name} or {SEAL} is damaged", PUT_BACK, folder)


def _digest(file: Path) -> str:
    try:
        with open(file, "rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise Fault(f"it cannot be read ({error.strerror or error})", PUT_BACK, file) from error


def forget(folder: Path, newest: str) -> None:
    """Remove from all checkpoints but the newest what is only needed for going on."""
    for old in folder.glob("checkpoint-*"):
        for name in RESUME if old.name != newest else ():
            (old / name).unlink(missing_ok=True)


def store_as(folder: Path, dtype: str) -> None:
    """Round the weights of a checkpoint to another number format, in its files."""
    wanted = DTYPES[dtype]
    for file in folder.glob("*model*.safetensors"):
        weights = load_file(file)
        if any(one.is_floating_point() and one.dtype != wanted for one in weights.values()):
            rounded = {name: one.to(wanted) if one.is_floating_point() else one for name, one in weights.items()}
            save_file(rounded, file, metadata={"format": "pt"})
    if (config := folder / "config.json").is_file():
        config.write_text(json.dumps(read_json(config) | {"dtype": dtype}, indent=2), encoding="utf-8")


def _flush(folder: Path) -> None:
    for file in folder.iterdir():
        with open(file, "rb") as written:
            os.fsync(written.fileno())
