"""The studies of the archive in a table, from which one is opened."""

from contextlib import suppress
from datetime import datetime

import pandas as pd
import streamlit as st

from pages.parts import columns, data
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.formatting import percent, visible
from phcore.pipeline import jobs
from phcore.stages.registry import earlier
from phcore.study import kept

_ROW, _MOST = 35, 6  # pixels of a row; rows that are shown before the table scrolls
UNREADABLE, OLDER = "cannot be read", "made by version 0.3: taken over when opened"


def show(opened: str) -> None:
    """A row per study; a click opens it on every page.

    Parameters
    ----------
    opened : the name of the study that is open now.
    """
    names = data.study_names()
    key = f"studies-{opened}-{len(names)}"  # another one opened elsewhere is the selected row here

    def open_row() -> None:
        if rows := st.session_state[key]["selection"]["rows"]:
            st.session_state["study"] = names[rows[0]]

    chosen = {"selection": {"rows": [names.index(opened)] if opened in names else []}}
    columns.show(
        pd.DataFrame([row(name) for name in names]), "studies", key=key, on_select=open_row,
        selection_mode="single-row-required", selection_default=chosen,
        height=_ROW * (min(len(names), _MOST) + 1) + 3,
    )  # fmt: skip


def row(name: str) -> dict:
    """What the table says of a study; one that cannot be read hides no other."""
    about = {"study": visible(name), "state": UNREADABLE}
    store = data.store()
    with suppress(Fault):
        if earlier.is_of_03(store, name):
            return about | {"state": OLDER}
        record = kept.read(store, name)
        if record is not None:
            size, written = on_disk(study := data.View(record, store))
            about |= {
                "state": state(study),
                "model": visible(study.study.model.name),
                "series": len(record.series),
                "checkpoints": len(record.ready),
                "prompts": record.n_prompts,
                "size": size,
                "written": datetime.fromtimestamp(written).astimezone(),
            }
    return about


@data.cached(64)
def on_disk(study: Results) -> tuple[int, float]:
    """Bytes of its files, and when the last of them was written."""
    return study.on_disk


def state(study: Results) -> str:
    """finished, computing 34 %, partly computed, not computed."""
    job = jobs.status(data.store(), study.study.name)
    if job and job.active:
        return f"computing, {percent(job.share)}"
    if not data.missing(study):
        return "finished"
    if data.complete(study):
        return "finished, but for some evidence"
    return "not computed" if data.table(study, "cells").empty else "partly computed"
