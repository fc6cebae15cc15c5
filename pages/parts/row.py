"""The row of controls below the first line of a page, and in it which objectives are shown."""

from collections.abc import Sequence

import streamlit as st

from pages.parts import web
from pages.parts.controls import adjust, control
from pages.parts.web import option
from phcore.export.results import Results

_KEY, _MOST = "objectives", 4  # of more, the buttons stand behind one
_OFFERED = "objectives.offered"


def row(widths: Sequence[float]) -> list:
    """Columns of these widths, in which lists have their labels beside them."""
    with st.container(key="controls-row"):
        return st.columns(widths, vertical_alignment="center", gap="small")


def objectives(place, *studies: Results) -> tuple[str, ...]:
    """Buttons that switch objectives off, the same on every page.

    Returns
    -------
    Those that are off. With none left on, all are shown.
    """
    names = list(dict.fromkeys(one.objective for study in studies for one in study.record.series))
    before, st.session_state[_OFFERED] = st.session_state.get(_OFFERED, names), names
    if len(names) < 2:
        return ()
    fresh = [name for name in names if name not in before]  # of another study, or a training that has just begun
    adjust(_KEY, lambda kept: [name for name in names if name in kept or name in fresh] or names)
    place = place if len(names) <= _MOST else place.popover("Objectives")
    on = control(place.pills, _KEY, names, selection_mode="multi", default=names, format_func=option)
    return tuple(name for name in names if on and name not in on)


def left_out(off: Sequence[str]) -> None:
    """A line while objectives are switched off.

    Its place is there always: a browser knows elements by their number, and would draw all charts below a new one anew.
    """
    place = st.empty()
    if off:
        names = web.plain(", ".join(off))
        words = f"Not shown: {names}. What is counted over all runs (p-values, correlations, verdicts) stays whole."
        place.caption(words)
