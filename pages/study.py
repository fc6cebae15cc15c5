"""What is compared? Open a study, or set one up from a model and folders of checkpoints."""

import streamlit as st

from pages.parts import data, frame, new_study

frame.header(
    "What is compared?",
    "A study follows a language model through its fine-tuning checkpoints and measures the shape of its hidden states.",
)

mode = st.segmented_control(
    "View", ["Open a study", "New study"], default="Open a study", key="view", label_visibility="collapsed",
    required=True,
)  # fmt: skip
if mode == "New study":
    new_study.show()
    st.stop()

study = frame.choose_study()
if study is None:
    st.stop()

record = study.record
steps = {one.name: [node.step for node in record.path_of(one.name)] for one in record.series}
objectives = list(dict.fromkeys(one.objective for one in record.series))
columns = st.columns(4)
columns[0].metric("Base model", study.study.model.name, help="Step 0 of every series.")
columns[1].metric("Series", f"{len(record.series)}", help=", ".join(steps))
columns[2].metric("Checkpoints", f"{len(record.ready)}", help="The base model counted once.")
columns[3].metric("Probe prompts", f"{record.n_prompts}", help="The fixed prompts whose hidden states are compared.")

job = frame.jobs.status(data.store(), study.study.name)
if job and (job.active or job.state in ("failed", "crashed", "cancelled")):
    frame.job_card(study.study.name, "Computing")

st.markdown("### At a glance")
from pages.parts import glance  # noqa: E402

glance.show(study)

st.markdown("### What was found")
new_study.checkpoint_tables(data.table(study, "checkpoints"))
new_study.compute_box(study)

with st.expander("How it was measured", icon=":material/tune:"):
    new_study.parameter_table(study)
