"""The frame around every page: title, navigation, the gate for accounts, present mode, and the tools of a page."""

import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # `streamlit run` from another folder
    sys.path.insert(0, str(ROOT))

from pages.parts import links, present, sign_in, toolbar  # noqa: E402
from pages.parts.navigation import PAGES  # noqa: E402

st.set_page_config(page_title="Toposcope", page_icon=str(ROOT / "pages" / "parts" / "icon.svg"), layout="wide")
# On a wide screen charts stay side by side at a size that can be read from the back of a room.
st.html("<style>.stMainBlockContainer{max-width:1280px;margin:0 auto}</style>")

known = [
    st.Page(
        ROOT / "pages" / f"{one.name}.py", title=one.name.capitalize(), icon=f":material/{one.icon}:",
        default=one is PAGES[0], help=f"{one.question} {one.help}",
    )
    for one in PAGES
]  # fmt: skip
stop = sign_in.stop()
# Embedded (`?embed=true`), a page is a figure in somebody else's frame.
page = st.navigation(known, position="hidden" if stop or st.context.is_embedded else "top")
if stop:
    stop()
else:
    links.arrive()
    present.frame([one.url_path for one in known])
    toolbar.begin(page.url_path or PAGES[0].name)
    page.run()
    toolbar.fill()
