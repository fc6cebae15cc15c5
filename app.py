"""The door: starts the app, nothing else.

The shell script lies inside `pages/`, whose folder has no `pages/` of its own. Were it this file, Streamlit would run
a page directly on a cold deep link, without the frame around it.
"""

from pathlib import Path

import streamlit as st

app = st.App(Path(__file__).resolve().parent / "pages" / "shell.py")

if __name__ == "__main__":
    app.run()
