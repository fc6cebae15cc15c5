"""The instrument inside anybody's training: a callback for transformers' Trainer and those built on it (TRL).

from phcore.training import TopologyCallback

trainer.add_callback(TopologyCallback("helpful", study="mine", every=8))
"""

from __future__ import annotations

import inspect
import logging
import random
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers.utils import cached_file

from phcore.archive.store import Store
from phcore.errors import Fault
from phcore.formatting import at_home, enumerated, named, real_path, three
from phcore.study import DTYPES, Series, Study
from phcore.training.alarms import BAD, KINDS, Look
from phcore.training.looks import Looks, weights_digest
from phcore.training.schedule import steps_within

log = logging.getLogger(__name__)
ATTEMPTS = 3  # looks that fail in a row before there are no more of them


class TopologyCallback(transformers.TrainerCallback):
    """Looks at the model while it is trained, and leaves training as it found it: the same random states, the same
    modes, the same losses to the last bit. No weights are saved.

    At every look the hidden states of the probe prompts are read, their bars computed, and how far these moved since
    the look before. All of it goes into the archive, as a study that opens like any other, and the main numbers through
    Trainer's own log, from where TensorBoard, Weights & Biases and others take them. What fails here is a warning and
    never ends the training.

    Parameters
    ----------
    objective : what the run is trained towards: the label of its series.
    study : name of the study in the archive, which several runs may share; or a `Study` with every parameter.
    seed : of the run. series : what the run is called in the study; by default by its objective and seed.
    every, schedule : when to look: every so many steps, or steps in words ("log 20", "0..16/2, every 16"; see
        `schedule.steps_of`). By default "log 20".
    probes, layers, subsamples : as in a study file, where `study` is a name.
    model : folder of the base model, where the model in training does not know it.
    cache : the archive's folder; by default the one of the app.
    max_overhead : largest share of the time that looks may take; looks are left out so that it holds. None: no limit.
    stop_on : kinds of alarms (see `alarms.KINDS`) at which training is told to stop.

    Raises
    ------
    Fault : where a parameter cannot be; when training begins nothing is raised any more.
    """

    def __init__(
        self,
        objective: str = "run",
        *,
        study: str | Study = "training",
        seed: int = 0,
        series: str = "",
        every: int | None = None,
        schedule: str = "log 20",
        probes: str | Path = "default",
        layers: Sequence[int] = (),
        subsamples: int = 64,
        model: str | Path | None = None,
        cache: str | Path | None = None,
        max_overhead: float | None = None,
        stop_on: Collection[str] = (),
    ):
        if unknown := set(stop_on) - set(KINDS):
            raise Fault(f"stop_on = {sorted(unknown)[0]!r} is no kind of alarm", f"Choose from {', '.join(KINDS)}")
        if max_overhead is not None and not 0 < max_overhead <= 1:
            raise Fault(
                f"max_overhead = {max_overhead} is no share of the time", "Choose a number up to 1, such as 0.05"
            )
        self.schedule = f"every {every}" if every is not None else schedule
        steps_within(self.schedule, 1)  # what is wrong with it shows now
        name = series or (f"{objective}-seed{seed}" if seed else objective)
        self.name, self.objective, self.seed, self.asked = name, objective, seed, study
        probes = "default" if str(probes) == "default" else str(real_path(at_home(probes)))
        self.chosen = {"probes": probes, "layers": tuple(layers), "subsamples": subsamples}
        self.folder, self.store = model, Store(cache)
        known = study if isinstance(study, Study) else Study(study, Path(model or "."), **self.chosen)
        known.with_(series=(Series(name, Path("."), objective, seed),))  # what cannot be shows now, too
        self.max_overhead, self.stop_on = max_overhead, frozenset(stop_on)
        self.looks: Looks | None = None
        self.steps: frozenset[int] = frozenset()
        self.spent, self.left_out = 0.0, 0  # seconds of all looks, and looks that would have taken too long
        self._began, self._failures, self._trainer = 0.0, 0, None

    @property
    def share(self) -> float:
        """Share of the time since training began that looks have taken."""
        elapsed = time.monotonic() - self._began
        return self.spent / elapsed if elapsed > 0 else 0.0

    # --- what Trainer calls ---------------------------------------------------------------------------

    def on_train_begin(self, args, state, control, model=None, **_: object) -> None:
        self._began, self._trainer = time.monotonic(), _calling_trainer()
        if not state.is_world_process_zero:
            return
        if why := _why_not(args):
            log.warning("No looks at the topology: %s", why)
            return
        self.steps = frozenset(steps_within(self.schedule, state.max_steps))
        with self._timed_and_caught("the first look"):
            self.looks = self._begin(model, Path(args.output_dir), state.global_step)
            with _as_found(model):
                if state.global_step:
                    self.looks.goes_on(_plain(model))
                else:
                    with _without_adapter(model):
                        self.looks.base(_plain(model))

    def on_step_end(self, args, state, control, model=None, **_: object) -> None:
        if self.looks is None or state.global_step not in self.steps:
            return
        if state.global_step != state.max_steps and self._too_dear():
            self.left_out += 1
            return
        with self._timed_and_caught(f"the look at step {state.global_step}"):
            with _as_found(model):
                weights = weights_digest(_beside_the_base(model), _settings(model))
                look, found = self.looks.take(_plain(model), state.global_step, weights)
            numbers = _numbers(look) | {"topology/share_of_time": round(self.share, 4)}
            numbers |= {f"topology/alarm_{one.kind.replace(' ', '_')}": 1 for one in found}
            self._log(state, control, numbers)
            for one in found:
                (log.warning if one.kind in BAD else log.info)("step %s: %s", f"{one.step:,}", one.words)
            if self.stop_on.intersection(one.kind for one in found):
                control.should_training_stop = True

    def on_train_end(self, args, state, control, **_: object) -> None:
        if self.looks is None:
            return
        left = f"; {self.left_out} looks were left out to keep it there" if self.left_out else ""
        words = f"Looks at the topology took {three(100 * self.share)} % of the time ({self.spent:.1f} s){left}."
        log.info(words)
        print(named(f"{words} They are in the study {self.looks.study.name}: {self.store.root}"), flush=True)
        try:
            if lost := self.looks.lost():
                log.warning(
                    "What was read at step %s is not in the archive any more.", enumerated([f"{one:,}" for one in lost])
                )
            self.store.send()
        except Fault as fault:  # the training itself is finished
            log.warning("%s", fault)

    # --- looks ------------------------------------------------------------------------------------------

    def _begin(self, model: torch.nn.Module, out: Path, start: int) -> Looks:
        plain = _plain(model)
        dtype = next((name for name, one in _dtypes().items() if one == plain.dtype), None)
        if dtype is None:
            raise Fault(f"the model computes in {plain.dtype}", f"Train in {', '.join(DTYPES)}")
        if isinstance(self.asked, Study):
            study = self.asked.with_(dtype=dtype, series=())
        else:
            study = Study(self.asked, self.folder or _folder_of(plain), dtype=dtype, **self.chosen)
        return Looks(study, Series(self.name, real_path(out), self.objective, self.seed), self.store, start)

    def _too_dear(self) -> bool:
        """Whether one more look like those before would take more of the time than it may."""
        if self.max_overhead is None or not self.looks.seen:
            return False
        one = self.spent / len(self.looks.seen)
        return self.spent + one > self.max_overhead * (time.monotonic() - self._began + one)

    @contextmanager
    def _timed_and_caught(self, what: str) -> Iterator[None]:
        """What goes wrong with a look is no reason to end a training."""
        started = time.monotonic()
        try:
            yield
            self._failures = 0
        except Exception as error:
            self._failures += 1
            log.warning("%s failed: %s", what, error, exc_info=not isinstance(error, Fault))
            if self._failures >= ATTEMPTS or not (self.looks and self.looks.seen):
                log.warning("There are no more looks at the topology of this run.")
                self.looks = None
        self.spent += time.monotonic() - started

    def _log(self, state, control, numbers: Mapping[str, float]) -> None:
        """Into Trainer's log, which every reporting integration hears; without one, into its history."""
        if self._trainer is not None:
            due = control.should_log  # of Trainer's own entry for this step, which any entry before it would cancel
            self._trainer.log(dict(numbers))
            control.should_log = due
        else:
            state.log_history.append({**numbers, "step": state.global_step})


def _numbers(look: Look) -> dict[str, float]:
    """What of a look goes into the log; what is no number is left out."""
    found = {}
    for layer, one in look.layers.items():
        about = {"velocity": one.velocity, "loops": one.loops, "effective_rank": one.rank, "distinct": one.distinct}
        found |= {f"topology/layer_{layer}/{name}": value for name, value in about.items() if np.isfinite(value)}
    return found


# --- leaving training as it was found -------------------------------------------------------------------


@contextmanager
def _as_found(model: torch.nn.Module) -> Iterator[None]:
    """Random states, and whether each module is training, are afterwards what they were before."""
    modes = [(module, module.training) for module in model.modules()]
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    model.eval()
    try:
        with torch.no_grad(), torch.autocast(next(model.parameters()).device.type, enabled=False):
            yield
    finally:
        for module, training in modes:
            module.training = training
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)


def _plain(model: torch.nn.Module) -> torch.nn.Module:
    """The model itself: out of what torch.compile and PEFT wrap around it, with the adapter on."""
    model = getattr(model, "_orig_mod", model)
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _without_adapter(model: torch.nn.Module):
    """PEFT's model with its adapter off, which is the base."""
    model = getattr(model, "_orig_mod", model)
    return model.disable_adapter() if hasattr(model, "disable_adapter") else nullcontext()


def _beside_the_base(model: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    """What the model's folder does not hold: what is trained, and all of an adapter, some of which may be frozen."""
    prefix = getattr(getattr(getattr(model, "_orig_mod", model), "base_model", None), "prefix", None)
    adapter = f".{prefix}" if isinstance(prefix, str) and prefix else None
    return [(name, one) for name, one in model.named_parameters() if one.requires_grad or (adapter and adapter in name)]


def _settings(model: torch.nn.Module) -> dict[str, dict]:
    """Settings of PEFT's adapters, by name."""
    configs = getattr(getattr(model, "_orig_mod", model), "peft_config", None) or {}
    return {name: one.to_dict() for name, one in configs.items()}


def _dtypes() -> dict[str, torch.dtype]:
    from phcore.activations.loading import DTYPES as formats

    return formats


def _folder_of(model: torch.nn.Module) -> Path:
    """The folder that the model was loaded from: its own, or that of the hub's cache.

    Raises
    ------
    Fault : where it is not on this machine.
    """
    name = str(model.name_or_path or "")
    if name and Path(name).is_dir():
        return real_path(name)
    try:
        return Path(cached_file(name, "config.json", local_files_only=True)).parent
    except (OSError, ValueError, TypeError):
        raise Fault(
            f"the folder of the base model ({name or 'no name'}) is not known",
            "Give it to the callback: TopologyCallback(model=...)",
        ) from None


def _why_not(args: transformers.TrainingArguments) -> str:
    """Why the model cannot be looked at in this training; "" where it can."""
    if getattr(args, "fsdp", None) or (getattr(args, "fsdp_config", None) and args.fsdp_config.get("version")):
        return "FSDP spreads the weights over several processes, and none of them has the whole model"
    if getattr(args, "deepspeed", None) and transformers.integrations.is_deepspeed_zero3_enabled():
        return "DeepSpeed ZeRO-3 spreads the weights over several processes, and none of them has the whole model"
    return ""


def _calling_trainer() -> transformers.Trainer | None:
    """The Trainer that calls: it gives callbacks its model and its state, but not itself, and only its own `log`
    reaches every reporting integration, whatever the order of callbacks."""
    frame = inspect.currentframe()
    while frame is not None:
        if isinstance(one := frame.f_locals.get("self"), transformers.Trainer):
            return one
        frame = frame.f_back
    return None
