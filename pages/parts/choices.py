"""How a new study is measured: the controls, whose choices outlast a wrong click elsewhere on the page."""

from pathlib import Path

import streamlit as st

from pages.parts import data, frame
from pages.parts.web import WORDS, plain
from phcore import checkpoints
from phcore.checkpoints.roots import is_inside
from phcore.errors import Fault
from phcore.study import (
    DTYPES,
    ENGINES,
    METRICS,
    ORDERS,
    PACKED,
    PARAMETERS,
    POOLINGS,
    PRESETS,
    SCALES,
    Series,
    Study,
)  # fmt: skip

_KEPT = "choices.kept"
_POOLINGS = {
    "last": "its last token, where the answer starts",
    "mean": "the mean over its words",
    "answer": "the mean over its reference answer",
}
_PRESETS = {"default": "as this project does", "paper": "as the paper did (Malhotra et al.)",
            "quick": "quickly, for a first look"}  # fmt: skip


def kept(key: str, otherwise: object) -> object:
    """What was chosen before its control went away, because something above it was changed; else the default."""
    return st.session_state.get(_KEPT, {}).get(key, otherwise)


def keep(key: str, value):
    """Remembers a choice, and returns it."""
    st.session_state.setdefault(_KEPT, {})[key] = value
    return value


def _one_of(place, label: str, key: str, options, otherwise: object, words=str, about: str = ""):
    """A list to choose one from."""
    options = list(options)
    before = kept(key, otherwise)
    index = options.index(before if before in options else otherwise)
    help = PARAMETERS.get(about or key, about)
    return keep(key, place.selectbox(plain(label), options, index, format_func=words, key=key, help=plain(help)))


def parameters(model: Path, directory: Path, series: tuple[Series, ...]) -> Study | None:
    """The study as set up so far; None, with a sentence, where something in it cannot work."""
    left, right, far = st.columns(3)
    key = f"name-{directory}"
    name = keep(key, left.text_input("Name of the study", kept(key, _free_name(directory.name)), key=key,
                                     help="Letters, digits, - _ and dots."))  # fmt: skip
    probes = _one_of(right, "Prompts", "probes", ["default", *_probe_files(directory)], "default",
                     lambda p: "the set that ships: 320 prompts" if p == "default" else Path(p).name)  # fmt: skip
    preset = _one_of(far, "Measured", "preset", PRESETS, "default", _PRESETS.get, WORDS["preset"])
    at = PRESETS[preset]
    of = "" if preset == "default" else f"-{preset}"  # each preset has controls of its own, which begin at its values

    def one_of(place, label: str, name: str, options, words=str):
        return _one_of(place, label, f"{name}{of}", options, at[name], words, name)

    def number(place, label: str, name: str, least: int, most: int, otherwise, **looks):
        key = f"{name}{of}"
        help = PARAMETERS[{"count": "subsamples", "size": "subsample_size"}.get(name, name)]
        return keep(
            key, place.number_input(plain(label), least, most, kept(key, otherwise), key=key, help=plain(help), **looks)
        )

    left, right, far = st.columns(3)
    pooling = one_of(left, "A prompt's point is", "pooling", POOLINGS, _POOLINGS.get)
    k = number(right, "Tokens of the answer", "answer_tokens", 1, 128, 8, disabled=pooling != "answer")
    tokens = _prompts_of(far, "Look inside prompts, token by token", "tokens")

    with st.expander("More: how it is measured", icon=":material/tune:"):
        a, b, c = st.columns(3)
        n_layers = checkpoints.describe_model(model, data.roots()).n_layers
        key = f"layers-{model}{of}"
        layers = keep(key, a.multiselect("Layers", range(n_layers + 1),
                                         kept(key, checkpoints.default_layers(n_layers)),
                                         help=PARAMETERS["layers"], key=key))  # fmt: skip
        key = f"whole{of}"
        whole = keep(key, b.toggle("Whole cloud, no subsampling", kept(key, False), key=key,
                                   help=PARAMETERS["subsamples"]))  # fmt: skip
        count = number(b, "Subsamples", "count", 1, 512, at["subsamples"], disabled=whole)
        size = number(b, "Prompts per subsample", "size", 4, 2000, at["subsample_size"] or None, disabled=whole,
                      placeholder="half of them, at most 160")  # fmt: skip
        seed = number(b, "Seed", "seed", 0, 10_000, at["seed"])
        scale = one_of(c, "Scale", "scale", SCALES)
        metric = one_of(c, "Metric", "metric", METRICS)
        order = one_of(c, "Wasserstein order p", "order", ORDERS, _order)
        norm = one_of(c, "Ground norm q", "norm", ORDERS, _order)
        key = f"chat{of}"
        chat = keep(key, a.toggle("Chat template", kept(key, at["chat"]), key=key, help=PARAMETERS["chat"]))
        dtype = one_of(a, "Number format", "dtype", (*DTYPES, *PACKED))
        engine = one_of(a, "Engine", "engine", ENGINES)
        second = _one_of(b, "Second number format", "second", ("", *DTYPES, *PACKED), "", lambda one: one or "none",
                         "second_dtype")  # fmt: skip
        others = data.study_names()
        answers = _prompts_of(a, "Keep the answers to prompts", "answers")
        beside = [one for one in kept("beside", []) if one in others]
        beside = keep("beside", c.multiselect("Studies beside", others, beside, key="beside",
                                              help=PARAMETERS["beside"]))  # fmt: skip
    try:
        asked = Study(
            name=name.strip(), model=model, series=series, probes=probes, chat=chat, layers=tuple(layers), dtype=dtype,
            pooling=pooling, answer_tokens=int(k), tokens=_numbers(tokens), answers=_numbers(answers),
            subsamples=0 if whole else int(count), subsample_size=int(size or 0), seed=int(seed), scale=scale,
            metric=metric, order=order, norm=norm, engine=engine, second_dtype=second, beside=tuple(beside),
        )  # fmt: skip
    except Fault as fault:
        st.error(plain(data.told(fault)), icon=":material/error:")
        return None
    if not asked.included:
        frame.note("Include at least one series.")
        return None
    return asked


def _prompts_of(place, label: str, key: str) -> str:
    """A line for numbers of prompts, as it was written."""
    about = {"help": PARAMETERS[key], "placeholder": "none; numbers of prompts, such as 0, 12"}
    return keep(key, place.text_input(plain(label), kept(key, ""), key=key, **about))


def _numbers(words: str) -> tuple[int, ...]:
    """Whole numbers with commas or spaces between them. Raises a Fault for anything else."""
    parts = words.replace(",", " ").split()
    if wrong := [one for one in parts if not (one.isascii() and one.isdigit() and len(one) < 10)]:
        raise Fault(f"{wrong[0][:20]!r} is no number of a prompt", "Give whole numbers, 0 for the first prompt: 0, 12")
    return tuple(int(one) for one in parts)


def _order(value: float) -> str:
    return "inf (bottleneck)" if value == float("inf") else f"{value:g}"


def _free_name(wanted: str) -> str:
    """The folder's name as a study name; numbered where a study has it already."""
    plain = "".join(ch if ch.isalnum() or ch in "-_." else "-" for ch in wanted).strip("-_.") or "study"
    taken = set(data.study_names())
    return next(name for name in [plain, *(f"{plain}-{k}" for k in range(2, 10_000))] if name not in taken)


@st.cache_data(ttl=10)
def _probe_files(directory: Path) -> list[str]:
    """Probe sets lie beside the checkpoints, or one folder up."""
    allowed = data.roots()
    kinds = ("*.jsonl", "*.csv", "*.tsv", "*.parquet")
    near = [place for place in (directory, directory.parent) if is_inside(place, allowed)]
    found = (path for place in near for kind in kinds for path in place.glob(kind))
    return sorted(str(path) for path in found if is_inside(path, allowed))
