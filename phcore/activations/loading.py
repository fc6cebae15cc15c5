"""Load models and adapters so that what was asked for is what is loaded, or a Fault says why not.

transformers fills missing weights with random numbers and PEFT ignores names it does not know, both with no more than
a line in a log. Here both are faults.
"""

from __future__ import annotations

import gc
import warnings
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging

from phcore.activations.device import choose, free_memory
from phcore.activations.tokens import first_line
from phcore.checkpoints.against_base import COMPUTED
from phcore.checkpoints.formats import ADAPTER_CONFIG, examine, read_json, weight_files
from phcore.errors import Fault, Unusable

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
ADAPTER = "checkpoint"  # PEFT's name for the adapter in hand; must not be part of a tensor name such as lora_
SWAPPABLE = (None, True, False, "gaussian")  # LoRA initialisations that leave the base weights alone
WARNS_OF_LOSS = ("missing adapter keys", "not initialized", "unexpected")
# What transformers and PEFT say where the files themselves do not fit; any other error may pass (memory, a disk).
MISFIT = ("size mismatch", "mismatched_sizes", "target modules")


def load_model(path: str | Path, dtype: str = "float32", device: str | None = None) -> PreTrainedModel:
    """A whole causal language model, ready to read with.

    Parameters
    ----------
    dtype : "float32", "bfloat16" or "float16": what it computes in, whatever is stored.
    device : as for `device.choose`.

    Raises
    ------
    Unusable : where it is unsafe or damaged, or where a weight is missing, superfluous or of another shape.
    Fault : where it is gone, incomplete, unreadable or unknown to transformers, where the memory does not suffice, or
        the device is not there.
    """
    folder, place = Path(path), choose(device)
    _check(folder, adapter=False)
    if dtype not in DTYPES:
        raise Fault(f"the number format {dtype!r} is unknown", f"Choose one of {', '.join(DTYPES)}")
    logging.disable_progress_bar()
    try:
        model, info = AutoModelForCausalLM.from_pretrained(
            str(folder),
            dtype=DTYPES[dtype],
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:  # anything: configurations and weights come from anywhere
        raise _kind_of(error)(
            f"transformers cannot load it ({first_line(error)})",
            "Check that the folder holds a causal language model",
            folder,
        ) from error
    for what in ("missing_keys", "mismatched_keys", "unexpected_keys"):
        names = sorted(name for name in map(str, info.get(what, ())) if not COMPUTED.fullmatch(name))
        if names:
            raise Unusable(
                f"{len(names)} weights are {what.split('_')[0]}, the first is {names[0]}",
                "Save the checkpoint again with the configuration it was trained with",
                folder,
            )
    _compare_with_file(model, folder)
    try:
        return model.eval().requires_grad_(False).to(place)
    except torch.OutOfMemoryError:
        mend = "Use a smaller number format, another device or a smaller model"
        raise Fault(f"there is not enough memory for it on {place}", mend, folder) from None


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


def _kind_of(error: Exception) -> type[Fault]:
    """Unusable where an error of transformers or PEFT is a verdict about the files, Fault where it may pass."""
    misfit = isinstance(error, (RuntimeError, ValueError)) and any(one in str(error).lower() for one in MISFIT)
    return Unusable if misfit or isinstance(error, SafetensorError) else Fault


def _compare_with_file(model: PreTrainedModel, folder: Path) -> None:
    """Compare three matrices with the file: the last guard against weights that were silently left at random."""
    loaded = model.state_dict()
    prefix = f"{model.base_model_prefix}."
    for file in {(files := weight_files(folder))[0], files[-1]}:
        with safe_open(file, framework="pt") as stored:
            pairs = [
                (name, own)
                for name in sorted(stored.keys())
                for own in (name, prefix + name, name.removeprefix(prefix))
                if own in loaded and list(loaded[own].shape) == stored.get_slice(name).get_shape()
            ]
            for name, own in {pairs[0], pairs[len(pairs) // 2], pairs[-1]} if pairs else ():
                wanted, got = stored.get_tensor(name).to(loaded[own].dtype), loaded[own]
                if not torch.equal(wanted.nan_to_num(), got.cpu().nan_to_num()):
                    raise Unusable(
                        f"{name} is not what the file holds after loading",
                        "Report the model type to transformers",
                        folder,
                    )


class Loader:
    """Opens one checkpoint at a time; adapters share one loaded base.

    Adapters stay beside the weights, are never merged into them and are taken off afterwards, so the base is the same
    bit for bit before and after, and the order in which checkpoints are opened changes nothing.

        with Loader(base) as loader:
            model = loader.open(path, kind)
    """

    def __init__(self, base: str | Path, dtype: str = "float32", device: str | None = None):
        """Raises a Fault where the device (see `device.choose`) is not there: not one checkpoint's, but the run's."""
        self.base, self.dtype, self.device = Path(base), dtype, str(choose(device))
        self._model: PreTrainedModel | None = None
        self._folder: Path | None = None  # of the loaded whole model
        self._adapted = None  # PEFT's wrapper around it, while an adapter is on
        self._spoiled = False  # the adapter in hand may have changed the base's own weights

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
        self._take_off()
        if kind != "adapter":
            return self._whole(self.base if kind == "base" else Path(path))
        _check(Path(path), adapter=True)
        model = self._whole(self.base)
        self._put_on(model, Path(path))
        return model

    def close(self) -> None:
        """Give the memory back."""
        self._model = self._folder = self._adapted = None
        gc.collect()
        free_memory()

    def _whole(self, folder: Path) -> PreTrainedModel:
        if self._model is None or self._folder != folder:
            self.close()  # first: two models need not fit into memory
            self._model = load_model(folder, self.dtype, self.device)
            self._folder = folder
        return self._model

    def _put_on(self, model: PreTrainedModel, folder: Path) -> None:
        from peft import PeftConfig, PeftModel

        settings = read_json(folder / ADAPTER_CONFIG)
        # Trained biases are loaded into the base's own layers, and replicated layers stay: taking off undoes neither.
        self._spoiled = (
            settings["peft_type"] != "LORA"
            or settings.get("init_lora_weights") not in SWAPPABLE
            or settings.get("bias", "none") != "none"
            or bool(settings.get("layer_replication"))
        )
        result = None
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            try:
                config = PeftConfig.from_pretrained(str(folder))
                config.inference_mode = True
                # Whatever base the adapter names (often a place on another machine), the user's base is meant.
                config.base_model_name_or_path = str(self.base)
                self._adapted = PeftModel(model, config, adapter_name=ADAPTER)
                result = self._adapted.load_adapter(
                    str(folder), ADAPTER, is_trainable=False, torch_device=str(model.device)
                )
            except Exception as error:  # anything: adapters come from anywhere
                self._give_up()
                raise _kind_of(error)(
                    f"PEFT cannot load the adapter onto this base ({first_line(error)})",
                    "Pick the base model it was trained from",
                    folder,
                ) from error
        lost = [str(one.message) for one in heard if any(w in str(one.message).lower() for w in WARNS_OF_LOSS)]
        lost += [
            f"{len(names)} weights are {what}, the first is {names[0]}"
            for what, names in (("missing", result.missing_keys), ("unexpected", result.unexpected_keys))
            if names
        ]
        if lost:
            self._give_up()
            raise Unusable(
                f"the adapter does not fit this base ({lost[-1][:200]})",
                "Pick the base model it was trained from",
                folder,
            )
        self._adapted.eval().requires_grad_(False)

    def _take_off(self) -> None:
        if self._adapted is None:
            return
        if self._spoiled:
            self._give_up()
        else:
            self._adapted.unload()
            self._model.__dict__.pop("peft_config", None)
            self._adapted = None

    def _give_up(self) -> None:
        """Forget the base as well: after a failed or unusual adapter only a fresh one is known to be clean."""
        self._spoiled = False
        self.close()
