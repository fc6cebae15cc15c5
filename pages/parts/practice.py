"""Practice runs: a way to try everything from nothing."""

from pathlib import Path

import streamlit as st

from pages.parts import data, frame, picker
from phcore.pipeline import jobs

_JOB = "@practice"  # a name that no study can have


def offer() -> None:
    """A way to try everything from nothing."""
    place = data.store().root / "practice"
    if not picker.inside(data.store().root, data.roots()):
        return  # the app could not look at what it made
    with st.container(border=True):
        st.markdown("**No checkpoints at hand?**")
        st.write(
            "Train a tiny language model on this machine and fine-tune it towards helpful, harmless and mixed, "
            "with ten checkpoints each: under two minutes on two cores."
        )
        job = jobs.status(data.store(), _JOB)
        if job and job.active:
            frame.job_card(_JOB, "Training")
        elif (place / "runs").is_dir() and job and job.state == "done":
            st.success(job.message, icon=":material/check_circle:")
            st.button("Use the practice runs", key="use-practice", type="primary", on_click=_use, args=(place,))
        else:
            if job and job.state in ("failed", "crashed"):
                st.error(job.message, icon=":material/error:")
            if st.button("Make practice runs", key="practice", icon=":material/school:"):
                jobs.start(data.store(), _JOB, ["practice", str(place)])
                st.rerun()


def _use(place: Path) -> None:
    st.session_state["model-choice"] = picker.BROWSE
    picker.open_folder("model", place / "base")
    picker.open_folder("checkpoints", place / "runs")
