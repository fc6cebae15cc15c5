"""What is known of a study before it is computed: checkpoints that would not load, and prompts as the model reads them.

Both come from a trial in a process of its own, which takes some seconds and is kept as long as the files stand still.
"""

import re
from pathlib import Path

import streamlit as st

from pages.parts import data, frame
from pages.parts.web import plain
from phcore import checkpoints
from phcore.errors import Fault
from phcore.formatting import visible
from phcore.pipeline import preflight
from phcore.study import Study, limits, probes


def judged(found: list, model: Path) -> list | None:
    """The series with what a trial says of their checkpoints; None, with a sentence, where the base does not load."""
    try:
        verdict = _tried(str(model), found, _states(found, model))
    except Fault as fault:
        frame.note(data.told(fault))
        return found
    if verdict.base:
        st.error(plain(verdict.base), icon=":material/error:")
        return None
    return preflight.judged(found, verdict)


def prompts(asked: Study) -> bool:
    """Show which columns of the probe set are taken for what, and its first prompts as the model reads them.

    Returns whether the study can be computed with them.
    """
    try:
        probe_set = probes.load(asked.probes)
        limits.refuse_too_many(len(probe_set.prompts))
        read_with = (*_states([], asked.model), checkpoints.tokenizer_digest(asked.model))
        verdict = _read(str(asked.model), probe_set.prompts, asked.chat, read_with)
    except Fault as fault:
        st.error(plain(data.told(fault)), icon=":material/error:")
        return False
    read = re.sub(r"\b(\w+) = \1(?=[,;]|$)", r"\1", probe_set.columns)  # a column that is called what it is
    st.caption(plain(f"{len(probe_set.prompts):,} prompts. Columns that are read: {read}."))
    for sentence in probe_set.notes:
        st.caption(plain(sentence))
    if verdict.prompts:
        st.error(plain(verdict.prompts), icon=":material/error:")
        return False
    with st.expander("The first prompts, as the model reads them", icon=":material/visibility:"):
        for text in verdict.preview:
            st.code(visible(text, lines=True), language=None, wrap_lines=True)
    return True


def _states(found: list, model: Path) -> tuple:
    """What changes when a file does."""
    places = [model, *(Path(one.path) for series in found for one in series.checkpoints if one.ready)]
    states = []
    for place in places:
        try:
            states.append((str(place), checkpoints.state(place)))
        except Fault as fault:
            states.append((str(place), data.told(fault)))
    return tuple(states)


@st.cache_data(max_entries=8, show_spinner="Trying to load the checkpoints, without their weights…")
def _tried(model: str, _found: list, states: tuple) -> preflight.Verdict:
    return preflight.tried(model, _found)


@st.cache_data(max_entries=8, show_spinner="Reading the prompts…")
def _read(model: str, texts: tuple[str, ...], chat: bool, states: tuple) -> preflight.Verdict:
    return preflight.tried(model, (), texts, chat)
