"""Setting up a study by point and click, and computing it."""

from pathlib import Path

import pandas as pd
import streamlit as st

from pages.parts import columns, data, frame, picker
from pages.parts.controls import control
from pages.parts.opened_study import begin, checkpoint_tables, overlap_words
from pages.parts.web import WORDS, plain
from phcore import checkpoints
from phcore.archive.store import digest
from phcore.checkpoints.roots import is_inside
from phcore.errors import Fault
from phcore.pipeline import jobs
from phcore.pipeline.estimate import estimate, in_words
from phcore.study import DTYPES, ENGINES, METRICS, ORDERS, PARAMETERS, POOLINGS, PRESETS, SCALES, Series, Study
from phcore.study.kept import folder_of
from phcore.study.record import Record
from phcore.study.resolve import resolve

LARGE = 4e9  # bytes of weights that are too many to read while the page waits
_FAULT = "new_study.fault"  # why the computation did not start
_POOLINGS = {
    "last": "last token of the prompt",
    "mean": "mean over the prompt's text",
    "answer": "mean over its reference answer",
}
_PRESETS = {"default": "this project does", "paper": "Malhotra et al. did, as far as it is known"}
_PRACTICE = "@practice"  # a name that no study can have


def show() -> None:
    """The steps from nothing to a running computation."""
    st.markdown("### 1. Base model and checkpoints")
    left, right = st.columns(2)
    with left:
        model = _model()
    with right:
        words = "The folder above your runs: each sub-folder with checkpoints becomes a series named after it."
        directory = picker.folder("Checkpoints", "checkpoints", words)
    if model is None or directory is None:
        _practice()
        return
    try:
        found = _scan(str(directory), str(model))
    except Fault as fault:
        st.error(plain(data.shown(fault)), icon=":material/error:")
        return
    if not found:
        frame.note(
            f"No checkpoints were found in {directory.name}/. A series is a folder that holds folders such as "
            "checkpoint-100, checkpoint-200; pick the folder above your series.", "search_off",
        )  # fmt: skip
        _practice()
        return

    st.markdown("### 2. Series")
    series = _series_editor(found, str(directory))
    rows = [{"series": one.name} | vars(each) for one in found for each in one.checkpoints]
    checkpoint_tables(pd.DataFrame(rows), expanded=True)

    st.markdown("### 3. Probe set and parameters")
    asked = _parameters(model, directory, series)
    if asked is None:
        return
    st.markdown("### 4. Cost and start")
    if fault := st.session_state.pop(_FAULT, None):
        st.error(plain(fault), icon=":material/error:")
    _start(asked, found)


def _model() -> Path | None:
    """A model from the hub cache or near a root, or any folder inside the roots."""
    known = _local_models()
    names = {str(one.path): f"{one.name} ({one.size / 1e6:.0f} MB)" for one in known if one.status == "ready"}
    options = [*names, picker.BROWSE]
    start = None if names else 0
    choice = control(st.selectbox, "model-choice", options, start, format_func=lambda path: names.get(path, path))
    path = Path(choice) if choice else None
    if choice == picker.BROWSE:
        path = picker.folder("Base model folder", "model", "A folder with config.json and safetensors weights.")
    if path is None:
        return None
    model = checkpoints.describe_model(path, data.roots())
    if model.status != "ready":
        st.error(plain(model.finding), icon=":material/error:")
        return None
    st.caption(plain(f"{model.architecture}, {model.n_layers} layers, hidden size {model.hidden_size}."))
    return path


@st.cache_data(ttl=20, show_spinner="Looking for models on this machine…")
def _local_models() -> list:
    return checkpoints.local_models(data.roots())


@st.cache_data(ttl=10, show_spinner="Looking at the checkpoints…")
def _scan(directory: str, model: str) -> list:
    return checkpoints.scan(directory, model, data.roots())


def _practice() -> None:
    """A way to try everything from nothing."""
    place = data.store().root / "practice"
    if not is_inside(data.store().root, data.roots()):
        return  # the app could not look at what it made
    with st.container(border=True):
        st.markdown("**No checkpoints at hand?**")
        st.write(WORDS["practice"])
        job = jobs.status(data.store(), _PRACTICE)
        if job and job.active:
            frame.job_card(_PRACTICE, "Training")
        elif (place / "runs").is_dir() and job and job.state == "done":
            st.success(plain(job.message), icon=":material/check_circle:")
            control(st.button, "use-practice", on_click=_use_runs, args=(place,))
        else:
            if job and job.state in ("failed", "crashed"):
                st.error(plain(job.message), icon=":material/error:")
            if st.button("Make practice runs", key="practice", icon=":material/school:"):
                jobs.start(data.store(), _PRACTICE, ["practice", str(place)])
                st.rerun()


def _use_runs(place: Path) -> None:
    st.session_state["model-choice"] = picker.BROWSE
    picker.open_folder("model", place / "base")
    picker.open_folder("checkpoints", place / "runs")


# --- what was found -------------------------------------------------------------------------------


def _series_editor(found: list, key: str) -> tuple[Series, ...]:
    st.caption("One row per run. Runs with the same objective share a colour; give repeated runs different seeds.")
    rows = pd.DataFrame(_row(one) for one in found)
    edited = st.data_editor(
        rows, hide_index=True, disabled=["series", "ready", "steps"], key=f"series-{key}",
        column_config=columns.looks("series"),
    )  # fmt: skip
    return tuple(
        Series(one.name, one.path, str(row.objective or one.name), int(row.seed or 0), bool(row.include))
        for one, row in zip(found, edited.itertuples(), strict=True)
    )


def _row(one) -> dict:
    """A series that was found, as a row to edit."""
    steps = [str(each.step) for each in one.checkpoints if each.status == "ready"]
    shown = ", ".join(steps if len(steps) <= 12 else [*steps[:5], "…", *steps[-5:]])
    about = {"include": bool(steps), "series": one.name, "objective": one.objective, "seed": one.seed}
    return about | {"ready": len(steps), "steps": shown}


# --- parameters -----------------------------------------------------------------------------------


def _parameters(model: Path, directory: Path, series: tuple[Series, ...]) -> Study | None:
    """The study as set up so far; None, with a sentence, where something in it cannot work."""
    n_layers = checkpoints.describe_model(model, data.roots()).n_layers
    left, right, far = st.columns(3)
    name = left.text_input("Name of the study", _free_name(directory.name), key=f"name-{directory}",
                           help="Letters, digits, - _ and dots.")  # fmt: skip
    probes = right.selectbox(
        "Probe set", ["default", *_probe_files(directory)], help=PARAMETERS["probes"], key="probes",
        format_func=lambda p: "the set that ships: 320 prompts" if p == "default" else Path(p).name,
    )  # fmt: skip
    preset = far.selectbox("Measured as", PRESETS, format_func=_PRESETS.get, help=WORDS["preset"], key="preset")
    at = PRESETS[preset]
    of = "" if preset == "default" else f"-{preset}"  # each preset has controls of its own, which begin at its values

    def one_of(column, label: str, name: str, options, words=str):
        return column.selectbox(plain(label), options, options.index(at[name]), format_func=words, key=f"{name}{of}",
                                help=PARAMETERS[name])  # fmt: skip

    with st.expander("More: how it is measured", icon=":material/tune:"):
        a, b, c = st.columns(3)
        layers = a.multiselect("Layers", range(n_layers + 1), checkpoints.default_layers(n_layers),
                               help=PARAMETERS["layers"], key=f"layers-{model}{of}")  # fmt: skip
        whole = b.toggle("Whole cloud, no subsampling", key=f"whole{of}", help=PARAMETERS["subsamples"])
        count = b.number_input("Subsamples", 1, 512, at["subsamples"], key=f"count{of}", disabled=whole,
                               help=PARAMETERS["subsamples"])  # fmt: skip
        size = b.number_input("Prompts per subsample", 4, 2000, at["subsample_size"] or None, key=f"size{of}",
                              disabled=whole, placeholder="half of them, at most 160",
                              help=PARAMETERS["subsample_size"])  # fmt: skip
        seed = b.number_input("Seed", 0, 10_000, at["seed"], key=f"seed{of}", help=PARAMETERS["seed"])
        scale = one_of(c, "Scale", "scale", SCALES)
        metric = one_of(c, "Metric", "metric", METRICS)
        order = one_of(c, "Wasserstein order p", "order", ORDERS, _order)
        norm = one_of(c, "Ground norm q", "norm", ORDERS, _order)
        chat = a.toggle("Chat template", at["chat"], key=f"chat{of}", help=PARAMETERS["chat"])
        pooling = one_of(a, "Pooling", "pooling", POOLINGS, _POOLINGS.get)
        k = a.number_input("Answer tokens", 1, 128, 8, key=f"answer_tokens{of}", disabled=pooling != "answer",
                           help=PARAMETERS["answer_tokens"])  # fmt: skip
        tokens = a.text_input("Prompts to look at token by token", key="tokens", placeholder="none; for instance 0, 12",
                              help=PARAMETERS["tokens"])  # fmt: skip
        dtype = one_of(a, "Number format", "dtype", DTYPES)
        engine = one_of(a, "Engine", "engine", ENGINES)
        second = b.selectbox("Second number format", ("", *DTYPES), format_func=lambda one: one or "none",
                             key="second", help=PARAMETERS["second_dtype"])  # fmt: skip
        beside = c.multiselect("Studies beside", data.study_names(), key="beside", help=PARAMETERS["beside"])
    try:
        asked = Study(
            name=name.strip(), model=model, series=series, probes=probes, chat=chat, layers=tuple(layers), dtype=dtype,
            pooling=pooling, answer_tokens=int(k), tokens=_numbers(tokens),
            subsamples=0 if whole else int(count), subsample_size=int(size or 0), seed=int(seed), scale=scale,
            metric=metric, order=order, norm=norm, engine=engine, second_dtype=second, beside=tuple(beside),
        )  # fmt: skip
    except Fault as fault:
        st.error(plain(data.shown(fault)), icon=":material/error:")
        return None
    if not asked.included:
        frame.note("Include at least one series.")
        return None
    return asked


def _numbers(words: str) -> tuple[int, ...]:
    """Whole numbers with commas or spaces between them. Raises a Fault for anything else."""
    parts = words.replace(",", " ").split()
    if wrong := [one for one in parts if not (one.isascii() and one.isdigit())]:
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
    kinds = ("*.jsonl", "*.csv", "*.parquet")
    near = [place for place in (directory, directory.parent) if is_inside(place, allowed)]
    found = (path for place in near for kind in kinds for path in place.glob(kind))
    return sorted(str(path) for path in found if is_inside(path, allowed))


# --- cost and start -------------------------------------------------------------------------------


def _start(asked: Study, found: list) -> None:
    draft = data.store().root / "drafts" / f"{digest(asked.to_dict())}.toml"
    if not draft.exists():
        data.store().write_file(draft, asked.to_toml().encode())
    measuring = f"@estimate-{asked.name}"  # no study can be called that
    job = jobs.status(data.store(), measuring)
    names = {one.name for one in asked.included}
    weights = sum(c.size for one in found if one.name in names for c in one.checkpoints)
    if weights > LARGE and not (job and job.state == "done"):
        st.write(
            f"These checkpoints hold {weights / 1e9:.0f} GB of weights. They are read once to recognise them later; "
            "measuring does that first, and then says what the study will cost."
        )
        _measure(measuring, draft, job)
        return
    record = _resolved(str(draft))
    if isinstance(record, str):
        st.error(plain(record), icon=":material/error:")
        return
    if words := overlap_words(record):
        frame.note(words)
    cost = estimate(record, data.store(), frame.workers())
    if cost.seconds is None:
        st.write(
            f"{cost.checkpoints:,} checkpoints to read, {cost.results:,} results to compute, "
            f"about {cost.bytes / 1e6:.0f} MB of disk. "
            "How long that takes depends on this machine: measuring reads the base model once, "
            "work the study needs anyway."
        )
        _measure(measuring, draft, job)
    else:
        st.write(plain(in_words(cost)))
    if cost.bytes > cost.free_bytes:
        st.error("There is not enough free disk for this study.", icon=":material/hard_drive:")
    taken = asked.name in data.study_names()
    if taken:
        frame.note(f"There is a study called {asked.name} already: choose another name.")
    control(st.button, "compute", disabled=taken, on_click=_compute, args=(asked,))


def _measure(name: str, draft: Path, job: jobs.Status | None) -> None:
    """The button that measures this machine, or the measurement under way."""
    if job and job.state != "done":
        frame.job_card(name, "Measuring")
    if not (job and job.active) and st.button("Measure this machine", icon=":material/speed:", key="measure"):
        jobs.start(data.store(), name, ["estimate", str(draft), "--workers", str(frame.workers())])
        st.rerun()


def _compute(asked: Study) -> None:
    """Start the computation and show the study: its results arrive there."""
    try:
        resolve(asked, data.store(), roots=data.roots())
    except Fault as fault:
        st.session_state[_FAULT] = str(data.shown(fault))
        return
    begin(asked.name, folder_of(asked, data.store()) / "study.toml")
    st.session_state["study"] = asked.name
    st.session_state["view"] = "Open a study"


@st.cache_data(ttl=30, show_spinner="Reading the checkpoints once…", max_entries=8)
def _resolved(draft: str) -> Record | str:
    """The record of a draft, or the sentence that says why there is none."""
    try:
        return resolve(Study.read(draft), data.store(), keep=False, roots=data.roots())
    except Fault as fault:
        return str(data.shown(fault))
