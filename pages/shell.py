"""The frame around every page: title, navigation, and the gate where an account is asked for."""

import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # `streamlit run` from another folder
    sys.path.insert(0, str(ROOT))

st.set_page_config(page_title="Toposcope", page_icon=str(ROOT / "pages" / "parts" / "icon.svg"), layout="wide")
# On a wide screen charts stay side by side at a size that can be read from the back of a room.
st.html("<style>.stMainBlockContainer{max-width:1280px;margin:0 auto}</style>")

from pages.parts import sign_in  # noqa: E402

stop = sign_in.stop()
PAGES = ROOT / "pages"
page = st.navigation(
    [
        st.Page(
            PAGES / "study.py",
            title="Study",
            icon=":material/folder_open:",
            default=True,
            help="What is compared? Open a study, or set one up from a model and folders of checkpoints.",
        ),
        st.Page(
            PAGES / "barcodes.py",
            title="Barcodes",
            icon=":material/bar_chart:",
            help="What shape is this cloud? Barcode and persistence diagram of one cell, or of two side by side.",
        ),
        st.Page(
            PAGES / "trajectories.py",
            title="Trajectories",
            icon=":material/timeline:",
            help="How do the objectives move? Velocity, paths and distances from step to step.",
        ),
        st.Page(
            PAGES / "evidence.py",
            title="Evidence",
            icon=":material/verified:",
            help="Can it be believed? Velocity against pure noise, and against what simpler numbers say.",
        ),
        st.Page(
            PAGES / "share.py",
            title="Share",
            icon=":material/ios_share:",
            help="What can be sent? A report, figures and tables, the study itself, and the methods.",
        ),
    ],
    position="hidden" if stop else "top",
)
(stop or page.run)()
