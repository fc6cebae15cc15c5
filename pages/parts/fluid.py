"""How wide charts are: as the window has room, so that nothing scrolls sideways on a phone.

Charts are laid out by the server, which sees no window: a component says once how wide the page's content is. Where
that is less than a full chart, the page is drawn again; on a wide screen nothing more happens.
"""

from typing import NamedTuple

import streamlit as st

from pages.parts import present, web

FULL, GAP, APART = 1100, 16, 760  # pixels of a whole chart, between two, and from which on two stand side by side
_KEPT, _COMPONENT = "fluid.width", "room"

_ROOM = st.components.v2.component("room", html="<span hidden></span>", js=web.text("room.js"))


class Room(NamedTuple):
    """Pixels of a chart alone in its row, and of one beside another. A slide holds one chart."""

    full: int
    half: int

    @classmethod
    def of(cls, full: int) -> "Room":
        return cls(full, (full - GAP) // 2 if full >= APART and not present.on() else full)

    def beside(self, share: float) -> "Room":
        """What is left beside a column that takes this share; where the page is narrow, it stands below or above."""
        return Room.of(round((1 - share) * self.full) - GAP) if self.full >= APART else self

    def pair(self) -> list:
        """Places for two charts: side by side, or where there is no room for that below each other."""
        return st.columns(2) if self.half < self.full else [*st.columns(1), *st.columns(1)]


def room() -> Room:
    """What there is in this window. To be called first, as it brings the styles of the figures, too."""
    known = st.session_state.get(_KEPT, FULL)
    with st.container(key="room-frame"):
        # With an element, as styles that stand alone reach the browser after the page.
        st.html(f"{web.style('figures.css')}<span hidden></span>")
        _ROOM(key=_COMPONENT, data={"most": FULL, "known": known}, on_width_change=_measured, height=1)
    return Room.of(known)


def _measured() -> None:
    if width := st.session_state[_COMPONENT].width:
        st.session_state[_KEPT] = max(280, min(FULL, int(width)))
