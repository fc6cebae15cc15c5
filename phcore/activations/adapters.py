"""Adapters of PEFT, put on a loaded base model so that what their files hold is what acts, or a Fault says why not."""

import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers import PreTrainedModel

from phcore.activations import vocabulary
from phcore.activations.telling import kind_of, mend_of, telling_line
from phcore.activations.weights import stored, unmapped
from phcore.checkpoints.against_base import OTHER_BASE, why
from phcore.checkpoints.formats import ADAPTER as ADAPTER_FILE
from phcore.checkpoints.formats import ADAPTER_CONFIG, read_json, tensors
from phcore.errors import Fault, Unusable
from phcore.formatting import count, enumerated

ADAPTER = "checkpoint"  # PEFT's name for the adapter in hand; must not be part of a tensor name such as lora_
SWAPPABLE = (None, True, False, "gaussian")  # LoRA initialisations that leave the base weights alone
MERGED = "Merge it into its base where it was trained (merge_and_unload), and save the whole model"
_NAMES_A_PLACE = ("base_model_name_or_path", "revision")  # settings that change nothing: the user's base is meant
_IGNORED = re.compile(r"Unexpected keyword arguments (\[.*?\])")  # PEFT's warning


@dataclass
class PutOn:
    """An adapter on a base model.

    Attributes
    ----------
    model : PEFT's wrapper around the base.
    spoils : whether it may change the base's own weights, so that taking it off does not bring the base back.
    notes : sentences on what had to be done otherwise.
    shape : what it has in common with those that it can be exchanged for; see `_shape`.
    loading : how PEFT was asked to load it.
    """

    model: torch.nn.Module
    spoils: bool
    notes: list[str]
    shape: tuple = ()
    loading: dict = field(default_factory=dict)


def put_on(model: PreTrainedModel, folder: Path, base: Path) -> PutOn:
    """Put an adapter on a model.

    Raises
    ------
    Unusable : where it does not fit.
    Fault : where it cannot be loaded for a reason that may pass. In both cases the model may have been changed.
    """
    from peft import PeftConfig, PeftModel
    from peft.utils import save_and_load

    settings = read_json(folder / ADAPTER_CONFIG)
    # Trained biases are loaded into the base's own layers, and replicated layers stay: taking off undoes neither.
    spoils = (
        settings["peft_type"] != "LORA"
        or settings.get("init_lora_weights") not in SWAPPABLE
        or settings.get("bias", "none") != "none"
        or bool(settings.get("layer_replication"))
    )
    notes = []
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            if words := vocabulary.fit_to_adapter(model, folder):
                notes.append(words)
                spoils = True
            config = PeftConfig.from_pretrained(str(folder))
            config.inference_mode = True
            # Whatever base the adapter names (often a place on another machine), the user's base is meant.
            config.base_model_name_or_path = str(base)
            renamed = _other_class(model, config, folder)
            adapted = PeftModel(model, config, adapter_name=ADAPTER)
            where = "cpu" if model.device.type == "meta" else str(model.device)
            loading = {"is_trainable": False, "key_mapping": renamed, "torch_device": where}
            with unmapped(save_and_load):
                result = adapted.load_adapter(str(folder), ADAPTER, **loading)
        except Exception as error:  # anything: adapters come from anywhere
            raise _cannot_load(error, folder, base) from error
    for one in heard:
        if found := _IGNORED.search(str(one.message)):
            names = enumerated(re.findall(r"'([^']*)'", found[1]))
            notes.append(f"The installed PEFT does not know {names} in {ADAPTER_CONFIG}, and goes without.")
    _refuse_what_is_lost(adapted, folder, base, result)
    adapted.eval().requires_grad_(False)
    return PutOn(adapted, spoils, notes, _shape(folder), loading)


def exchange(on: PutOn, folder: Path, base: Path) -> bool:
    """Load an adapter into the wrapper of another one that has its shape.

    Five times as fast as to build the wrapper anew, and the same: PEFT copies every tensor over one of the other's.

    Returns
    -------
    Whether it was done. Where it was not, nothing was changed.

    Raises
    ------
    Unusable, Fault : as `put_on` does.
    """
    if on.spoils or on.shape != _shape(folder):
        return False
    from peft.utils import save_and_load

    try:
        with unmapped(save_and_load):
            result = on.model.load_adapter(str(folder), ADAPTER, **on.loading)
    except Exception as error:  # anything: adapters come from anywhere
        raise _cannot_load(error, folder, base) from error
    _refuse_what_is_lost(on.model, folder, base, result)
    on.model.eval().requires_grad_(False)
    return True


def _shape(folder: Path) -> tuple:
    """The same for adapters with the same settings, whatever base they name, and the same tensors, numbers aside."""
    settings = {name: value for name, value in read_json(folder / ADAPTER_CONFIG).items() if name not in _NAMES_A_PLACE}
    return settings, tensors(folder)


def _cannot_load(error: Exception, folder: Path, base: Path) -> Fault:
    kind, told = kind_of(error), f"PEFT cannot load the adapter onto this base ({telling_line(error)})"
    mend = mend_of(error, "Check that the installed PEFT is as new as the one that saved it")
    if kind is Unusable:  # the files tell more than PEFT does
        told, mend = why(folder, base) or (told, OTHER_BASE)
    return kind(told, mend, folder)


def _refuse_what_is_lost(adapted, folder: Path, base: Path, result) -> None:
    if words := _lost(adapted, folder, result):
        own = f"the adapter does not fit this base ({words})", OTHER_BASE
        if 0 < len(result.unexpected_keys) < len(tensors(folder)):  # the others have their places
            own = f"the installed PEFT finds no place for some of the adapter ({words})", MERGED
        fault, mend = why(folder, base) or own
        raise Unusable(fault, mend, folder)


def _lost(adapted, folder: Path, result) -> str:
    """What of the adapter's files does not act now, or acts and is in no file: "" for nothing."""
    if names := [name for name in result.unexpected_keys if not _stored_twice(name, folder)]:
        return f"{count(len(names), 'weight')} unexpected, the first is {names[0]}"
    if not result.missing_keys:
        return ""
    from peft import get_peft_model_state_dict

    # PEFT calls tensors missing that a method shares or makes from others. What it would save says what there is.
    held, own = tensors(folder), get_peft_model_state_dict(adapted, adapter_name=ADAPTER)
    names = sorted(set(own) - set(held)) if set(own) & set(held) else result.missing_keys
    return f"{count(len(names), 'weight')} missing, the first is {names[0]}" if names else ""


def _stored_twice(name: str, folder: Path) -> bool:
    """Whether a tensor of a file is a copy of one that was loaded: PEFT stores tables of tokens of another length under
    the wrapper's name, too."""
    twin = name.replace(".modules_to_save.", ".")
    names = tensors(folder)
    with stored(folder / ADAPTER_FILE) as held:
        return twin != name and twin in names and torch.equal(held.get_tensor(name), held.get_tensor(twin))


def _other_class(model: PreTrainedModel, config, folder: Path) -> dict[str, str] | None:
    """PEFT's mapping of names for an adapter that was made on the text model inside of this one, or around it.

    Such an adapter names the same layers by another path. It goes on exactly the modules that its files name: those of
    the same name beside the text model (of pictures, of sound) it never knew.
    """
    modules = dict(model.named_modules())
    trained = sorted({_module(name) for name in tensors(folder)})
    if any(name in modules for name in trained):
        return None
    ours = _layers(model, modules)
    theirs = next((found[1] for name in trained if (found := re.match(r"(.*?\.layers)\.\d+\.", name))), None)
    if ours is None or theirs is None:
        return None
    placed = {name: f"{ours}{name.removeprefix(theirs)}" for name in trained if name.startswith(f"{theirs}.")}
    if len(placed) < len(trained) or not all(name in modules for name in placed.values()):
        return None
    config.target_modules = set(placed.values())
    return {rf"^{re.escape(theirs)}\.": f"{ours}."}  # PEFT takes base_model.model. off before


def _layers(model: PreTrainedModel, modules: dict[str, torch.nn.Module]) -> str | None:
    """The name of the list of layers of the text model."""
    decoder = model.get_decoder()
    text = next((name for name, one in modules.items() if one is decoder), None)
    return None if text is None or f"{text}.layers" not in modules else f"{text}.layers"


def _module(name: str) -> str:
    """The module that a tensor of an adapter's file belongs to."""
    plain = name.removeprefix("base_model.model.")
    return re.split(r"\.(?:lora_|ia3_|hada_|lokr_|oft_|boft_|vera_|modules_to_save|base_layer)", plain)[0]
