"""Measures of the user's own: accuracy, toxicity, anything that has a value per checkpoint."""

import streamlit as st

from pages.parts import data
from phcore.export.results import Results
from phcore.figures.figure import Choice, Look
from phcore.pipeline.run import publish_missing
from phcore.study import measures


def own(study: Results, choice: Choice, look: Look) -> None:
    """Takes a file of them; a read-only server takes none."""
    if data.read_only():
        return
    with st.expander("Measures of your own", icon=":material/upload_file:"):
        names = ", ".join(one.name for one in study.record.series)
        st.write(
            "A CSV file with the columns `series`, `step`, `name` and `value`, one line per checkpoint and measure. "
            f"Series of this study: {names}. Training logs (`trainer_state.json`) are read by themselves."
        )
        file = st.file_uploader("CSV file", type="csv", key="e_file")
        if file is not None and st.button("Add to the study", type="primary", key="e_add"):
            with data.refusing():
                record = measures.attach(file.getvalue(), study.record, data.store())
                with st.spinner("Comparing them with topology…"):
                    publish_missing(record, data.store())
                st.rerun()
            return
        if measures.own_file(study.study.name, data.store()).exists():
            st.caption("This study has such a file; a new one takes its place.")
