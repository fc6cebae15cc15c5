"""Setting up a study by point and click, and computing it."""

from pathlib import Path

import streamlit as st

from pages.parts import bringing, choices, data, found_series, frame, picker, preview, to_top
from pages.parts.controls import control
from pages.parts.opened_study import begin, overlap_words
from pages.parts.web import WORDS, plain
from phcore import checkpoints
from phcore.archive.store import digest
from phcore.checkpoints.roots import is_inside
from phcore.errors import Fault
from phcore.pipeline import jobs
from phcore.pipeline.estimate import estimate, in_words
from phcore.study import Study
from phcore.study.kept import folder_of
from phcore.study.record import Record
from phcore.study.resolve import resolve

LARGE = 4e9  # bytes of weights that are too many to read while the page waits
_FAULT = "new_study.fault"  # why the computation did not start
_PRACTICE = "@practice"  # a name that no study can have


def show() -> None:
    """The steps from nothing to a running computation."""
    st.markdown("#### 1. Base model and checkpoints")
    left, right = st.columns(2)
    with left:
        model = _model()
    with right:
        words = "The folder above your runs: each sub-folder with checkpoints becomes a series named after it."
        directory = picker.folder("Checkpoints", "checkpoints", words)
        here = model is not None and bringing.is_here(directory, "checkpoints")
    if model is None or directory is None:
        _practice()
        return
    if not here:
        return
    try:
        found = _scan(str(directory), str(model))
    except Fault as fault:
        st.error(plain(data.told(fault)), icon=":material/error:")
        return
    if not found:
        frame.note(
            f"No checkpoints were found in {directory.name}/. A series is a folder that holds folders such as "
            "checkpoint-100, checkpoint-200; pick the folder above your series.", "search_off",
        )  # fmt: skip
        _practice()
        return
    found = preview.judged(found, model)
    if found is None:
        return

    st.markdown("#### 2. Series")
    series = found_series.edited(found, str(directory))

    st.markdown("#### 3. Prompts and measuring")
    asked = choices.parameters(model, directory, series)
    if asked is None or not preview.prompts(asked):
        return
    st.markdown("#### 4. Cost and start")
    if fault := st.session_state.pop(_FAULT, None):
        st.error(plain(fault), icon=":material/error:")
    _start(asked, found)


def _model() -> Path | None:
    """A model from the hub cache or near a root, or any folder inside the roots."""
    known = _local_models()
    names = {str(one.path): f"{one.name} ({one.size / 1e6:.0f} MB)" for one in known if one.status == "ready"}
    options = [*names, picker.BROWSE]
    before = choices.kept("model-choice", None if names else picker.BROWSE)
    start = options.index(before) if before in options else None
    choice = control(st.selectbox, "model-choice", options, start, format_func=lambda path: names.get(path, path))
    choices.keep("model-choice", choice)
    path = Path(choice) if choice else None
    if choice == picker.BROWSE:
        path = picker.folder("Base model folder", "model", "A folder with config.json and safetensors weights.")
    if not bringing.is_here(path, "model"):
        return None
    model = checkpoints.describe_model(path, data.roots())
    if model.status != "ready":
        st.error(plain(model.finding[:1].upper() + model.finding[1:]), icon=":material/error:")
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
    choices.keep("preset", "quick")  # to see it finished soon


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
            "How long that takes depends on this machine: measuring takes some ten seconds."
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
        st.session_state[_FAULT] = data.told(fault)
        return
    begin(asked.name, folder_of(asked, data.store()) / "study.toml")
    st.session_state["study"] = asked.name
    st.session_state["view"] = "Open a study"
    to_top.next_time()


@st.cache_data(ttl=30, show_spinner="Reading the checkpoints once…", max_entries=8)
def _resolved(draft: str) -> Record | str:
    """The record of a draft, or the sentence that says why there is none."""
    try:
        return resolve(Study.read(draft), data.store(), keep=False, roots=data.roots())
    except Fault as fault:
        return data.told(fault)
