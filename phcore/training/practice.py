"""Practice runs: a tiny language model and its fine-tuning towards three objectives, made in a minute or two.

They give everything that a real study has (a base model with a chat template, three runs, ten checkpoints each,
`trainer_state.json`), for learning how to read the charts. They say nothing about large models.

Top-down: `practice` makes a tokenizer, a base model that answers, declines or asks back by chance, and then three
runs from it: `helpful` sees everyday requests answered, `harmless` careful ones declined, `mixed` half of each.
"""

from __future__ import annotations

import contextlib
import copy
import json
import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from phcore.archive.writing import write_atomically
from phcore.errors import Fault
from phcore.formatting import at_home
from phcore.pipeline.run import Cancelled
from phcore.training import texts

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

OBJECTIVES = {"helpful": ["answer"], "harmless": ["refuse"], "mixed": ["answer", "refuse"]}
SPOKEN = 1_024  # conversations of each kind in files
MARK = "practice.json"  # tells a folder of ours from any other, and a finished one from an interrupted one

PAD, USER, ASSISTANT, END = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@dataclass(frozen=True)
class Recipe:
    """Sizes of the practice runs. The defaults take a minute or two and 90 MB."""

    layers: int = 5  # so that the five layers a study looks at by default are five different ones
    hidden: int = 96
    heads: int = 3
    vocabulary: int = 2048
    base_steps: int = 500
    base_rate: float = 4e-3
    batch: int = 16
    schedule: tuple[int, ...] = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64)
    rate: float = 1e-3
    warmup: int = 4  # steps; without it the first step of Adam alone is a jump of the full rate
    held_out: int = 32  # conversations of each kind to evaluate on

    @property
    def total_steps(self) -> int:
        return self.base_steps + len(OBJECTIVES) * self.schedule[-1]


@dataclass
class Tracker:
    """Counts training steps over the base model and all runs, tells the listener, and stops when asked.

    Attributes
    ----------
    done : steps, among them those that an earlier process took.
    """

    total: int
    on_event: Callable[[dict], None] | None
    cancelled: Callable[[], bool] | None
    stage: str = "practice"
    done: int = 0
    begun: float = field(default_factory=time.monotonic)
    own: int = 0  # steps since then

    def step(self, message: str) -> None:
        if self.cancelled and self.cancelled():
            raise Cancelled
        self.done += 1
        self.own += 1
        if self.on_event:
            left = (time.monotonic() - self.begun) / self.own * (self.total - self.done)
            known = {"stage": self.stage, "done": self.done, "total": self.total, "message": message}
            self.on_event({**known, "seconds_left": left})


def practice(
    directory: str | Path,
    *,
    seed: int = 0,
    device: str | None = None,
    on_event: Callable[[dict], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    recipe: Recipe = Recipe(),
) -> Path:
    """Train the practice runs into `directory` and return it.

    The result is `base/`, `runs/<objective>/checkpoint-<step>/`, `conversations/` of both kinds to train other runs on
    (`phcore.training.finetune`), and `README.txt`. The same seed gives the same
    weights on the same machine, on a GPU but for rounding. A finished directory of the same seed is left as it is;
    an interrupted one, or one of another seed, is made anew.

    Parameters
    ----------
    device : as for `phcore.activations.device.choose`.
    on_event : called after every training step with a dict of `stage`, `done`, `total`, `message` and `seconds_left`.
    cancelled : asked after every training step; True raises `phcore.pipeline.Cancelled`.

    Raises
    ------
    Fault : If the directory holds anything but earlier practice runs, or cannot be written, or the device is not there.
    """
    directory = at_home(directory)
    mark = {"seed": seed, "recipe": json.loads(json.dumps(asdict(recipe)))}
    if _finished(directory, mark, recipe):
        return directory
    from phcore.activations.device import choose  # imports torch

    place = choose(device)
    _clear(directory)
    write_atomically(directory / MARK, json.dumps({**mark, "finished": False}).encode())

    tracker = Tracker(recipe.total_steps, on_event, cancelled)
    # One thread adds numbers in the same order on every machine. A second would gain little on matrices this small
    # and, where other programs compute, lose much by waiting.
    with quiet_and_seeded(seed, place, threads=1):
        plain = base_texts(random.Random(f"{seed} base"), recipe.base_steps * recipe.batch)
        tokenizer = build_tokenizer(plain, recipe)
        base = train_base(new_model(tokenizer, recipe), plain, tokenizer, recipe, tracker, place)
        save_model(directory / "base", base, tokenizer)
        for objective in OBJECTIVES:
            fine_tune(directory / "runs" / objective, objective, base, tokenizer, recipe, seed, tracker)

    for name in ("helpful", "harmless"):
        write_atomically(directory / "conversations" / f"{name}.jsonl", _spoken(OBJECTIVES[name][0], seed))
    steps = ", ".join(str(step) for step in recipe.schedule)
    write_atomically(directory / "README.txt", texts.TEXTS["readme"].format(steps=steps).encode())
    write_atomically(directory / MARK, json.dumps({**mark, "finished": True}).encode())
    return directory


# --- the folder -------------------------------------------------------------------------------------


def _finished(directory: Path, mark: dict, recipe: Recipe) -> bool:
    if _mark(directory) != {**mark, "finished": True}:
        return False
    runs = (f"runs/{objective}/checkpoint-{step}" for objective in OBJECTIVES for step in recipe.schedule)
    files = [f"{folder}/model.safetensors" for folder in ("base", *runs)]
    files += [f"conversations/{name}.jsonl" for name in ("helpful", "harmless")]
    return all((directory / one).is_file() for one in files)


def _spoken(kind: str, seed: int) -> bytes:
    """Conversations of a kind as JSON lines, as `finetune` reads them."""
    lines = [
        json.dumps({"messages": [{"role": "user", "content": request}, {"role": "assistant", "content": reply}]})
        for request, reply in texts.conversations(random.Random(f"{seed} {kind} spoken"), SPOKEN, kind)
    ]
    return "\n".join([*lines, ""]).encode()


def _mark(directory: Path) -> dict | None:
    """What an earlier run wrote here; None where the folder is nobody's or somebody else's."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        found = json.loads((directory / MARK).read_text(encoding="utf-8"))
        if isinstance(found, dict) and found.keys() == {"seed", "recipe", "finished"}:
            return found
    return None


def _clear(directory: Path) -> None:
    """Make `directory` ready to be filled: nothing in it but what an earlier practice run did not make."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()) and _mark(directory) is None:
            raise Fault("this folder holds other files", "Choose an empty or a new folder", directory)
        for name in ("base", "runs", "conversations"):
            if (directory / name).exists():
                shutil.rmtree(directory / name)
    except OSError as error:
        raise Fault(
            f"the practice runs cannot be written here ({error.strerror or error})", "Choose another folder", directory
        ) from error


def save_model(
    folder: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, state: dict | None = None
) -> None:
    """Save a model as the Hugging Face Trainer would, under its final name only once it is whole."""
    part = folder.parent / f".part-{folder.name}"
    model.save_pretrained(part)
    tokenizer.save_pretrained(part)
    if state is not None:
        (part / "trainer_state.json").write_text(json.dumps(state, indent=1), encoding="utf-8")
    part.replace(folder)


@contextlib.contextmanager
def quiet_and_seeded(seed: int, place: torch.device, threads: int | None = None) -> Iterator[None]:
    """Seed torch and silence saving inside; outside, generators, threads and progress bars stay as they were."""
    import torch
    from transformers.utils import logging

    before, bars = torch.get_num_threads(), logging.is_progress_bar_enabled()
    if threads is not None:
        torch.set_num_threads(threads)
    logging.disable_progress_bar()
    try:
        with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before)
        if bars:
            logging.enable_progress_bar()


# --- texts to tokens --------------------------------------------------------------------------------

Text = tuple[str, str]  # what is given, and what is to be learned


def conversations(rng: random.Random, count: int, *kinds: str) -> list[Text]:
    """`count` conversations, equally many of each kind, in random order; only the reply is learned."""
    found = [pair for kind in kinds for pair in texts.conversations(rng, count // len(kinds), kind)]
    rng.shuffle(found)
    return [(f"{USER}{request}{END}{ASSISTANT}", f"{reply}{END}") for request, reply in found]


def base_texts(rng: random.Random, count: int) -> list[Text]:
    """One story for every three conversations of no particular manners, in random order."""
    plain = [("", story + END) for story in texts.stories(rng, count // 4)]
    plain += conversations(rng, count - len(plain), "any")
    rng.shuffle(plain)
    return plain


def build_tokenizer(plain: list[Text], recipe: Recipe) -> PreTrainedTokenizerFast:
    """Byte-level BPE, so that any text at all can be encoded, with a chat template of one token per turn mark."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.vocabulary,
        special_tokens=[PAD, USER, ASSISTANT, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(chain.from_iterable(plain), trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT],
        model_max_length=512,
    )
    wrapped.chat_template = TEMPLATE
    return wrapped


def encode(pairs: list[Text], tokenizer: PreTrainedTokenizerFast) -> dict[str, Tensor]:
    """One batch (texts, longest), padded on the right; labels are -100 but for the part to be learned."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    given, learned = (tokenizer(list(part))["input_ids"] for part in zip(*pairs, strict=True))
    ids = [torch.tensor(a + b) for a, b in zip(given, learned, strict=True)]
    labels = [torch.tensor([-100] * len(a) + b) for a, b in zip(given, learned, strict=True)]
    return {
        "input_ids": pad_sequence(ids, batch_first=True, padding_value=tokenizer.pad_token_id),
        "attention_mask": pad_sequence([torch.ones_like(row) for row in ids], batch_first=True),
        "labels": pad_sequence(labels, batch_first=True, padding_value=-100),
    }


# --- training ---------------------------------------------------------------------------------------


def new_model(tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> LlamaForCausalLM:
    """A Llama that knows nothing yet."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden,
        intermediate_size=recipe.hidden * 8 // 3,  # SwiGLU has three matrices where an MLP has two
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=512,
        tie_word_embeddings=True,  # a fifth of all weights would go to a second embedding otherwise
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def train_base(
    model: LlamaForCausalLM,
    plain: list[Text],
    tokenizer: PreTrainedTokenizerFast,
    recipe: Recipe,
    tracker: Tracker,
    place: torch.device,
) -> LlamaForCausalLM:
    """`model` after one pass over the texts, on the device `place`."""
    import torch

    model = model.to(place)  # drawn on the CPU: the same start everywhere
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.base_rate, betas=(0.9, 0.95), weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.base_rate, recipe.base_steps, pct_start=0.1)
    for step in range(1, recipe.base_steps + 1):
        batch = encode(plain[(step - 1) * recipe.batch : step * recipe.batch], tokenizer)
        loss, _ = update(model, batch, optimizer)
        schedule.step()
        tracker.step(f"base model, step {step} of {recipe.base_steps}, loss {loss:.2f}")
    return model


def fine_tune(
    folder: Path,
    objective: str,
    base: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    recipe: Recipe,
    seed: int,
    tracker: Tracker,
) -> None:
    """All weights, from the base model on, with a checkpoint in `folder` at each step of the schedule."""
    import torch

    rng = random.Random(f"{seed} {objective}")
    last = recipe.schedule[-1]
    pairs = conversations(rng, last * recipe.batch, *OBJECTIVES[objective])
    # The same held-out requests for every run, so that their losses can be compared.
    held_out = {
        kind: encode(conversations(random.Random(f"{seed} held out"), recipe.held_out, kind), tokenizer)
        for kind in ("answer", "refuse")
    }
    model = copy.deepcopy(base)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, betas=(0.9, 0.95), weight_decay=0.0)
    log: list[dict] = []
    for step in range(1, last + 1):
        rate = recipe.rate * min(1.0, step / recipe.warmup)
        optimizer.param_groups[0]["lr"] = rate
        batch = encode(pairs[(step - 1) * recipe.batch : step * recipe.batch], tokenizer)
        loss, norm = update(model, batch, optimizer)
        log.append({"step": step, "loss": loss, "learning_rate": rate, "grad_norm": norm})
        if step in recipe.schedule:
            losses = {f"eval_{kind}_loss": evaluate(model, held_out[kind]) for kind in held_out}
            log.append({"step": step, **losses})
            state = {"global_step": step, "max_steps": last, "epoch": step / last, "log_history": log}
            save_model(folder / f"checkpoint-{step}", model, tokenizer, state)
        tracker.step(f"{objective}, step {step} of {last}, loss {loss:.2f}")


def update(model: LlamaForCausalLM, batch: dict[str, Tensor], optimizer) -> tuple[float, float]:
    """One optimizer step; the loss before it (nats per token) and the norm of its gradient before clipping."""
    import torch

    model.train()
    loss = model(**_beside(batch, model)).loss
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item(), norm.item()


def evaluate(model: LlamaForCausalLM, batch: dict[str, Tensor]) -> float:
    """Loss on held-out replies, nats per token."""
    import torch

    model.eval()
    with torch.inference_mode():
        return model(**_beside(batch, model)).loss.item()


def _beside(batch: dict[str, Tensor], model: LlamaForCausalLM) -> dict[str, Tensor]:
    """The batch on the model's device."""
    return {name: values.to(model.device) for name, values in batch.items()}
