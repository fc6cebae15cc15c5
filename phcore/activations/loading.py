"""Load models and adapters so that what was asked for is what is loaded, or a Fault says why not.

transformers fills missing weights with random numbers and PEFT ignores names it does not know, both with no more than
a line in a log. Here both are faults. Which name in a file is which module is for them to say: what loads exactly is
accepted, whatever it is called.
"""

from __future__ import annotations

import gc
import weakref
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel, modeling_utils
from transformers.utils import logging

from phcore.activations import exactness, vocabulary
from phcore.activations.adapters import PutOn, exchange, put_on
from phcore.activations.device import choose, free_memory
from phcore.activations.telling import kind_of, mend_of, telling_line
from phcore.activations.weights import unmapped
from phcore.checkpoints.against_base import COMPUTED, OTHER_BASE, rows_words, why
from phcore.checkpoints.causes import extra_head
from phcore.checkpoints.formats import KERNELS, examine, read_json
from phcore.errors import Fault, Unusable
from phcore.formatting import count
from phcore.study import devices

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# Weights of 8 and 4 bits, each with what bitsandbytes is asked for. What is computed with them is in bfloat16.
PACKED = {"int8": {"load_in_8bit": True}, "int4": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}}
DRY = "meta"  # the device that holds no numbers: everything is loaded but the weights


def load_model(path: str | Path, dtype: str = "float32", device: str | None = None) -> PreTrainedModel:
    """A whole causal language model, ready to read with.

    Parameters
    ----------
    dtype : "float32", "bfloat16" or "float16": what it computes in, whatever is stored. "int8" or "int4": its weights
        are rounded to so many bits, which needs the package bitsandbytes.
    device : as for `device.choose`; "cuda:all" spreads its layers over all GPUs; "meta" loads everything but the
        numbers, which tells in a moment whether it would load.

    Raises
    ------
    Unusable : where it is unsafe or damaged, or where a weight is missing, superfluous or of another shape.
    Fault : where it is gone, incomplete, unreadable or unknown to transformers, where the memory does not suffice, or
        the device is not there.
    """
    folder, place = Path(path), torch.device(DRY) if device == DRY else choose(device)
    _check(folder, adapter=False)
    if dtype not in DTYPES | PACKED:
        raise Fault(f"the number format {dtype!r} is unknown", f"Choose one of {', '.join(DTYPES | PACKED)}")
    placed = _placed(dtype, device, place)
    logging.disable_progress_bar()
    try:
        with unmapped(modeling_utils):
            model, info = AutoModelForCausalLM.from_pretrained(
                str(folder),
                dtype=DTYPES.get(dtype, torch.bfloat16),
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are told below, by name
                **placed,
                **_attention(folder),
            )
    except Exception as error:  # anything: configurations and weights come from anywhere
        mend = mend_of(error, "Check that the folder holds a causal language model that this transformers knows")
        raise kind_of(error)(f"transformers cannot load it ({telling_line(error)})", mend, folder) from error
    _refuse_what_is_left_over(info, folder)
    if device == DRY:
        return model.eval()
    if dtype in DTYPES:  # rounded weights are not those of the files
        exactness.compare(model, folder)
    model.eval().requires_grad_(False)
    if placed:
        _refuse_what_lies_outside(model, folder)
        return model
    try:
        return model.to(place)
    except torch.OutOfMemoryError:
        mend = "Use a smaller number format, another device or a smaller model"
        raise Fault(f"there is not enough memory for it on {place}", mend, folder) from None


def _placed(dtype: str, device: str | None, place: torch.device) -> dict[str, object]:
    """What transformers is told of where and how weights lie, where it shall put them there itself."""
    if device == DRY:
        return {"device_map": DRY}
    packed = {}
    if dtype in PACKED:
        if find_spec("bitsandbytes") is None:
            raise Fault(f"dtype = {dtype!r} needs the package bitsandbytes", "Install it: pip install bitsandbytes")
        packed = {"quantization_config": BitsAndBytesConfig(**PACKED[dtype], bnb_4bit_compute_dtype=torch.bfloat16)}
    if device == devices.ALL:
        return {"device_map": "auto"} | packed
    return {"device_map": {"": place}} | packed if packed else {}


def _refuse_what_lies_outside(model: PreTrainedModel, folder: Path) -> None:
    """Raise where GPUs were too small for a model, and some of it was left on the CPU or on disk."""
    if {"cpu", "disk"} & {
        str(one) for one in getattr(model, "hf_device_map", {}).values()
    } and model.device.type != "cpu":
        mend = 'Use a smaller number format (dtype = "int8" or "int4"), more GPUs or a smaller model'
        raise Fault("there is not enough memory for it on the GPUs", mend, folder)


def _attention(folder: Path) -> dict[str, str]:
    """What computes attention, where config.json names another way than PyTorch's own two: it was chosen for another
    machine, and may need a package or a GPU that is not here."""
    named = [value for name, value in read_json(folder / "config.json").items() if name in KERNELS]
    return {} if all(one in (None, "eager", "sdpa") for one in named) else {"attn_implementation": "eager"}


def _check(folder: Path, *, adapter: bool) -> None:
    """The same checks as when the folder was scanned: it may have changed since."""
    if not folder.is_dir():
        raise Fault("there is no such folder", "Scan the folder of checkpoints again", folder)
    seen = examine(folder, 0)
    if not seen.ready:
        fault, _, mend = seen.finding.rstrip(".").partition(". ")
        verdict = seen.status in ("damaged", "refused") and "cannot be read" not in fault
        raise (Unusable if verdict else Fault)(fault, mend or "Scan the folder of checkpoints again", folder)
    if (seen.kind == "adapter") != adapter:
        raise Fault(f"this is {'a whole model' if adapter else 'an adapter'} now", "Scan the folder again", folder)


def _refuse_what_is_left_over(info: dict, folder: Path) -> None:
    """Raise where the files lack a weight of the model, hold one that it does not have, or one of another shape.

    info : what transformers tells of loading.
    """
    for name, stored, wanted in sorted(info.get("mismatched_keys", ()), key=str):
        shapes = " and ".join(" x ".join(map(str, shape)) for shape in (stored, wanted))
        raise Unusable(
            f"{name} has two shapes, {shapes}: in the weights, and by config.json",
            "Put the config.json beside the weights that was saved with them",
            folder,
        )
    for what in ("missing_keys", "unexpected_keys"):
        names = sorted(name for name in map(str, info.get(what, ())) if not COMPUTED.fullmatch(name))
        if not names:
            continue
        head = extra_head(names) if what == "unexpected_keys" else None
        fault, mend = head or (
            f"{count(len(names), 'weight')} {'is' if len(names) == 1 else 'are'} {what.split('_')[0]}, the first is "
            f"{names[0]}",
            "Save the checkpoint again with the configuration it was trained with",
        )
        raise Unusable(fault, mend, folder)


class Loader:
    """Opens one checkpoint at a time; adapters share one loaded base.

    Adapters stay beside the weights, are never merged into them and are taken off afterwards, so the base is the same
    bit for bit before and after, and the order in which checkpoints are opened changes nothing.

        with Loader(base) as loader:
            model = loader.open(path, kind)

    Attributes
    ----------
    notes : sentences on how the checkpoint in hand was loaded.
    """

    def __init__(self, base: str | Path, dtype: str = "float32", device: str | None = None):
        """Raises a Fault where the device (see `load_model`) is not there: not one checkpoint's, but the run's."""
        self.base, self.dtype = Path(base), dtype
        wanted = devices.wanted() if device is None else device
        self.device = wanted if wanted in (DRY, devices.ALL) else str(choose(device))
        if wanted == devices.ALL:
            choose(wanted)
        self.notes: list[str] = []
        self._model: PreTrainedModel | None = None
        self._folder: Path | None = None  # of the loaded whole model
        self._adapted: PutOn | None = None  # while an adapter is on

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, path: str | Path, kind: str) -> PreTrainedModel:
        """The model of a checkpoint, valid until the next call.

        Parameters
        ----------
        path, kind : as in `checkpoints.Checkpoint`.

        Raises
        ------
        Unusable : where its files can never be loaded exactly on this base; the loader stays usable.
        Fault : where it cannot be loaded for a reason that may pass; the loader stays usable.
        """
        if kind == "adapter":
            return self._with_adapter(Path(path))
        self._take_off()
        self.notes = []
        if kind == "base":
            return self._whole(self.base)
        model = self._whole(Path(path))
        self._compare_with_base(model, Path(path))
        return model

    def _with_adapter(self, folder: Path) -> PreTrainedModel:
        self.notes = []
        _check(folder, adapter=True)
        try:
            if self._adapted is None or not exchange(self._adapted, folder, self.base):
                self._take_off()
                self._adapted = put_on(self._whole(self.base), folder, self.base)
        except Fault:
            self.close()  # only a fresh base is known to be clean
            raise
        self.notes = self._adapted.notes
        return self._model

    def close(self) -> None:
        """Give the memory back: a model that nobody refers to is gone at once, and one that refers to itself is looked
        for (`gc.collect` takes as long as loading a small model, so it is not done for the others)."""
        held = weakref.ref(self._model) if self._model is not None else lambda: None
        self._model = self._folder = self._adapted = None
        if held() is not None:
            gc.collect()
        free_memory()

    def _whole(self, folder: Path) -> PreTrainedModel:
        if self._model is None or self._folder != folder:
            self.close()  # first: two models need not fit into memory
            self._model = load_model(folder, self.dtype, self.device)
            self._folder = folder
        return self._model

    @cached_property
    def _dry_base(self) -> PreTrainedModel:
        return load_model(self.base, self.dtype, DRY)

    def _compare_with_base(self, model: PreTrainedModel, folder: Path) -> None:
        """Raise Unusable for a whole model of another size than the base; note another vocabulary."""
        base = self._dry_base
        for what in ("num_hidden_layers", "hidden_size"):
            own, wanted = (getattr(one.config.get_text_config(decoder=True), what) for one in (model, base))
            if own != wanted:
                fault, mend = why(folder, self.base) or (
                    f"its {what} is {own}, and the base model's {wanted}",
                    OTHER_BASE,
                )
                raise Unusable(fault, mend, folder)
        if words := rows_words(vocabulary.rows_of(model), vocabulary.rows_of(base)):
            self.notes.append(words)

    def _take_off(self) -> None:
        if self._adapted is None:
            return
        if self._adapted.spoils:
            self.close()
        else:
            self._adapted.model.unload()
            self._model.__dict__.pop("peft_config", None)
            self._adapted = None
