"""What is computed only when somebody asks: the distances between all checkpoints, asked for where they are missing."""

from dataclasses import replace

import streamlit as st

from pages.parts import data, frame
from pages.parts.web import plain
from phcore.export.results import Results
from phcore.formatting import count
from phcore.pipeline import jobs
from phcore.pipeline.estimate import estimate
from phcore.pipeline.plan import plan
from phcore.study.record import ALL


def offer(study: Results) -> None:
    """The button that computes them, or the computation under way; nothing where this server or machine cannot."""
    if data.read_only():
        return
    name = study.study.name
    job = jobs.status(data.store(), name)
    if job and job.active:
        frame.job_card(name, "Distances between all checkpoints")
        return
    missing, seconds, possible = _cost(study)
    if not possible:
        frame.note("They cannot be computed here: the bars of this study are not on this machine.", "cloud_off")
        return
    if job and job.state in ("failed", "crashed"):
        st.error(plain(job.message), icon=":material/error:")
    about = "" if seconds is None else f" (about {frame.duration(seconds)})"
    words = plain(f"Compute the {count(missing, 'missing distance')}{about}")
    if st.button(words, key="all-pairs", icon=":material/grid_on:"):
        jobs.start(data.store(), name, ["compute", name, "--pairs", ALL, "--workers", str(frame.workers())])
        st.rerun()


@data.cached(8)
def _cost(study: Results) -> tuple[int, float | None, bool]:
    """How many are missing, the seconds they take, and whether what they are made from is in the archive."""
    record = replace(study.record, pairs=ALL)
    todo = plan(record, data.store())
    missing = [unit for unit in todo.of("distances") if unit.place]
    return len(missing), estimate(record, data.store(), frame.workers()).seconds, not todo.readings
