"""Folders in a bucket on a page: what it takes to have one here, and the button that brings it."""

from pathlib import Path

import streamlit as st

from pages.parts import data
from pages.parts.web import plain
from phcore.archive.addresses import address_of
from phcore.checkpoints import mirror


def is_here(place: Path | None, key: str) -> bool:
    """Whether a folder that was picked is on this machine, as its bucket has it; else the page says what is to come."""
    if place is None or not address_of(place):
        return place is not None
    with data.refusing():
        lacks = _lacks(str(place))
        if not lacks:
            return True
        st.caption(plain(f"{lacks}."))
        if st.button("Bring it here", key=f"{key}-bring", icon=":material/cloud_download:"):
            bar = st.progress(0.0)
            with mirror.watched(lambda words, share: bar.progress(share, plain(words))):
                mirror.bring(place, data.roots())
            _lacks.clear()
            st.rerun()
    return False


@st.cache_data(ttl=10, show_spinner="Asking the bucket…")
def _lacks(place: str) -> str:
    """What is to be brought, in words; "" where that is nothing."""
    return str(mirror.lacking(Path(place), data.roots()) or "")
