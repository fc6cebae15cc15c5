"""A study that is open: its checkpoints and parameters as tables, and what is still to be computed."""

import os
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import streamlit as st

from pages.parts import columns, data
from phcore.export.results import Results
from phcore.pipeline import jobs
from phcore.pipeline.plan import plan
from phcore.study import PARAMETERS
from phcore.study.kept import folder_of
from phcore.study.record import Record
from phcore.topology import clouds


def checkpoint_tables(table: pd.DataFrame, expanded: bool = False) -> None:
    """All checkpoints with their status; problems first, each with its sentence."""
    problems = table[table["status"] != "ready"]
    for _, row in problems.head(5).iterrows():
        st.warning(f"**{row['series']}, step {row['step']}** is left out: {row['finding']}", icon=":material/warning:")
    if len(problems) > 5:
        st.warning(f"{len(problems) - 5} more checkpoints are left out: see the table.", icon=":material/warning:")
    title = f"{len(table)} checkpoints, {len(table) - len(problems)} ready"
    with st.expander(title, icon=":material/list:", expanded=expanded):
        columns.show(table, "checkpoints", height=280)


def subsample_words(record: Record) -> str:
    """How each cloud is measured, with the size that this many prompts allow."""
    asked = record.study
    if not asked.subsamples:
        return "Each cloud is measured whole."
    size = clouds.subsample_size(record.n_prompts, asked.subsample_size)
    fewer = f" (four fifths of the prompts, as there are no more than {asked.subsample_size})"
    return f"Each cloud is measured on {asked.subsamples} subsamples of {size}{fewer * (size < asked.subsample_size)}."


def parameter_table(study: Results) -> None:
    """Every parameter with its value and what it means."""
    values = asdict(study.study) | {"layers": list(study.record.layers)}
    rows = [(name, str(values[name]), words) for name, words in PARAMETERS.items()]
    columns.show(pd.DataFrame(rows, columns=["parameter", "value", "meaning"]), "parameters")


# --- computing it -----------------------------------------------------------------------------------


def begin(name: str, study_file: Path) -> None:
    jobs.start(data.store(), name, ["compute", str(study_file), "--workers", str(workers())])


def workers() -> int:
    return os.cpu_count() or 1


def compute_box(study: Results) -> None:
    """What an opened study still lacks, and the button that computes it."""
    job = jobs.status(data.store(), study.study.name)
    if job and job.active:
        return
    if study.finished:
        st.caption("Every table of this study is finished. A second run would compute nothing.")
        return
    model = Path(study.study.model)
    if not model.exists():
        lacks = "has no evidence yet" if study.complete else "is unfinished"
        words = f"This study {lacks}, and its base model ({model.name}) is not on this machine."
        st.info(words, icon=":material/cloud_off:")
        return
    todo = plan(study.record, data.store()).totals()
    st.write("Missing: " + ", ".join(f"{label.lower()} {count:,}" for label, count in todo.items()) + ".")
    words = "Compute" if study.complete else "Continue computing"
    if st.button(words, type="primary", icon=":material/play_arrow:", key="continue"):
        begin(study.study.name, folder_of(study.study, data.store()) / "study.toml")
        st.rerun()
