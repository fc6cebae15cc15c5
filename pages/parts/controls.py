"""Controls, their words (`controls.toml`), and the names under which pages keep their state.

`st.session_state` has three kinds of keys, and by its form each says which it is:

`b_layer`
    a control that links carry: its name in the address, which never changes. One prefix per page.
`tour-next`, `c_measure`, `t_play`
    a control that links leave out, such as a button or what plays: a name for tests and styles.
`tour.step`
    what a module keeps for itself: its name, a dot, and what it is. No control has a dot in its key.
"""

import tomllib
from collections.abc import Callable, Container
from functools import cache
from pathlib import Path

import streamlit as st

from phcore.export.results import Results
from phcore.figures.figure import DEGREES, SCALES
from phcore.figures.registry import FIGURES
from phcore.formatting import visible

_WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

OPEN, NEW = "Open a study", "New study"  # what the Study page is asked for
_SAME, _BROUGHT = "controls.same", "controls.brought"  # what was chosen last: for all pages, and for the one arrived at
_LISTS = ("selectbox", "multiselect")  # of names, which they show as they are: no Markdown


def control(widget: Callable, key: str, *arguments, **named):
    """Draws a control with its words from `controls.toml`: `control(st.selectbox, "t_layer", layers)`.

    Parameters
    ----------
    key : its name; of one that links carry, in the address.
    arguments, named : of the widget, but for its label; what is named here goes before the file's.
    """
    own = _WORDS[key] | named
    if own.pop("link", None):
        own["bind"] = "query-params"
    same = own.pop("same", None)
    if same:
        _brought(same, key, arguments[0] if arguments else None)
    if widget.__name__ in _LISTS:
        words = own.get("format_func", str)
        own["format_func"] = lambda one: visible(words(one))
    value = widget(own.pop("label"), *arguments, key=key, **own)
    if same:
        st.session_state.setdefault(_SAME, {})[same] = value
    return value


def arrived(from_another: bool) -> None:
    """Before a page is drawn: whether its reader came from another one, whose choices then hold here, too."""
    st.session_state[_BROUGHT] = dict(st.session_state.get(_SAME, {})) if from_another else {}


def lead(state: dict[str, object]) -> None:
    """Sets controls of a page that is opened next: for a button to call."""
    st.session_state.update(state)
    same = {_WORDS[key]["same"]: value for key, value in state.items() if "same" in _WORDS.get(key, {})}
    st.session_state.setdefault(_SAME, {}).update(same)


def adjust(key: str, change: Callable) -> None:
    """Changes what was chosen with a control, here or on the page before, where something was."""
    brought, same = st.session_state.get(_BROUGHT, {}), _WORDS[key].get("same")
    if brought.get(same) is not None:
        brought[same] = change(brought[same])
    elif st.session_state.get(key) is not None and (value := change(st.session_state[key])) != st.session_state[key]:
        st.session_state[key] = value


def _brought(same: str, key: str, options: Container | None) -> None:
    """Sets a control, once, to what was chosen of the same on the page before, where it exists here."""
    value = st.session_state.get(_BROUGHT, {}).pop(same, None)
    wanted = value if isinstance(value, list) else [value]  # of buttons several may be chosen
    if value is not None and options is not None and all(one in options for one in wanted):
        st.session_state[key] = value


@cache
def parameters() -> dict[str, str]:
    """Every parameter that a link may have -> its name in a sentence."""
    figures = {one.key: one.link or one.label.lower() for figure in FIGURES.values() for one in figure.controls}
    return figures | {key: about["link"] for key, about in _WORDS.items() if "link" in about}


def asked(key: str, otherwise: object = None) -> object:
    """The value of a linked control before it is drawn: the page's, or that of a link, which is a word."""
    return st.session_state.get(key, st.query_params.get(key, otherwise))


def chosen(key: str, options: Container) -> object:
    """The same where it is one of the options; None where it is not, and forgotten, for it no longer exists."""
    value = asked(key)
    if value in options:
        return value
    st.session_state.pop(key, None)
    return None


def put(key: str, value: object) -> None:
    """Sets a control, or what a page keeps: for a button to call."""
    st.session_state[key] = value


# --- choices that several pages have ----------------------------------------------------------------


def degree(place, key: str) -> int:
    """Loops or components."""
    return DEGREES[control(place.selectbox, key, list(DEGREES))]


def layer(place, study: Results, key: str) -> int:
    """A layer of a study, the middle one first."""
    layers = list(study.record.layers)
    return control(place.selectbox, key, layers, len(layers) // 2)


def scale(place, study: Results, key: str) -> str:
    """ "raw" or "median", the study's own first."""
    return control(place.selectbox, key, SCALES, SCALES.index(study.study.scale))
