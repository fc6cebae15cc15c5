"""What is compared? The studies of the archive: open one, see what it is and lacks, or make a new one."""

import streamlit as st

from pages.parts import controls, data, frame, new_study, opened_study, studies, to_top, toolbar, verdicts
from pages.parts.web import plain

place = frame.header("study")
if not data.read_only():
    mode = controls.control(st.segmented_control, "view", [controls.OPEN, controls.NEW], default=controls.OPEN)
    if mode == controls.NEW:
        new_study.show()
        toolbar.stop()

study = frame.choose_study(place)
if data.study_names():
    studies.show(st.session_state["study"])
if study is None:
    toolbar.stop()

to_top.draw()
st.markdown(f"#### {plain(study.study.name)}")
if data.read_only():
    frame.job_line(study)
else:
    opened_study.computing(study)
opened_study.about(study)
opened_study.alarms(study)
checkpoints = data.table(study, "checkpoints")
opened_study.left_out(checkpoints)

opened_study.checkpoints(checkpoints)
if data.complete(study):
    with st.expander("Verdicts in full", icon=":material/gavel:"):
        verdicts.cards(study)
with st.expander("How it was measured", icon=":material/tune:"):
    opened_study.parameter_table(study)
with st.expander("The study file", icon=":material/description:"):
    opened_study.study_file(study)
