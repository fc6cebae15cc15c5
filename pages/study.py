"""What is compared? Open a study, or set one up from a model and folders of checkpoints."""

import streamlit as st

from pages.parts import controls, data, frame, new_study, opened_study, toolbar
from pages.parts.web import plain

place = frame.header("study")
if not data.read_only():
    mode = controls.control(st.segmented_control, "view", [controls.OPEN, controls.NEW], default=controls.OPEN)
    if mode == controls.NEW:
        new_study.show()
        toolbar.stop()

study = frame.choose_study(place)
if study is None:
    toolbar.stop()

record = study.record
names = ", ".join(one.name for one in record.series)
st.markdown(
    f"**{plain(study.study.model.name)}** and {len(record.series)} series of its checkpoints ({plain(names)}): "
    f"{len(record.ready)} checkpoints with the base model, read on {record.n_prompts} prompts at layers "
    f"{plain(', '.join(map(str, record.layers)))} of {record.n_layers}. " + plain(opened_study.subsample_words(record))
)

if data.read_only():
    frame.job_line(study)
else:
    frame.job_card(study.study.name, "Computing")

st.markdown("### At a glance")
opened_study.glance(study)

if not data.table(study, "cells").empty:
    st.markdown("### Five claims, and what this study says of them")
    opened_study.verdicts(study)

st.markdown("### Checkpoints")
opened_study.checkpoint_tables(data.table(study, "checkpoints"))
if not data.read_only():
    opened_study.compute_box(study)

with st.expander("How it was measured", icon=":material/tune:"):
    opened_study.parameter_table(study)
