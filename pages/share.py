"""What can be sent? A report, figures and tables, the study itself, and what a paper says of the method."""

import streamlit as st

from pages.parts import data, frame, sharing
from pages.parts.controls import linked

PARTS = {
    "Report": sharing.report,
    "Figures and tables": sharing.figures_and_tables,
    "The study": sharing.whole_study,
    "Methods": sharing.methods,
}

if data.read_only():
    del PARTS["The study"]  # it would be refused

study = frame.ready_study("share", otherwise=sharing.open_pack)
part = linked(st.segmented_control, "s_part", list(PARTS), default="Report")
PARTS[part](study)
