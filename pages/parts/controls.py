"""Controls whose value is in the address, and the names under which pages keep their state.

`st.session_state` has three kinds of keys, and by its form each says which it is:

`b_layer`
    a control that links carry: its name in the address, made by `linked`. One prefix per page; it never changes.
`tour-next`, `c_measure`, `b_play`
    a control that links leave out, such as a button or what plays: a name for tests and styles.
`tour.step`
    what a module keeps for itself: its name, a dot, and what it is. No control has a dot in its key.
"""

import ast
from collections.abc import Container
from functools import cache
from pathlib import Path

import streamlit as st

from phcore.export.results import Results
from phcore.figures.figure import DEGREES, SCALES
from phcore.figures.registry import FIGURES


def linked(key: str, words: str) -> dict[str, str]:
    """Makes a control a part of links: `st.selectbox("Layer", layers, **linked("t_layer", "layer"))`.

    Parameters
    ----------
    key : its name in the address.
    words : its name in a sentence about a link. Both are written out: `parameters` reads them in the source.
    """
    return {"key": key, "bind": "query-params"}


@cache
def parameters() -> dict[str, str]:
    """Every parameter that a link may have -> its name in a sentence.

    Those of figures are in their registry. All others are read from the source of the pages, because a page is a
    script: it cannot be imported without being drawn.

    Raises
    ------
    ValueError
        where `linked` is called with something that is not written out, or a parameter has two names.
    """
    found = {one.key: one.link or one.label.lower() for figure in FIGURES.values() for one in figure.controls}
    for file in sorted(Path(__file__).resolve().parents[1].rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and "linked" in (getattr(call.func, name, "") for name in ("id", "attr")):
                key, words = map(ast.literal_eval, call.args)
                if found.setdefault(key, words) != words:
                    raise ValueError(f"{file.name}: the parameter {key!r} is called {found[key]!r} elsewhere")
    return found


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

_SCALE_WORDS = "Raw distances mix size with shape; divided by the median, only shape."


def degree(place, name: dict[str, str]) -> int:
    """Loops or components. `name`: from `linked`."""
    return DEGREES[place.selectbox("Degree", list(DEGREES), **name)]


def layer(place, study: Results, name: dict[str, str], words: str | None = None, label: str = "Layer") -> int:
    """A layer of a study, the middle one first; `words` say what it is for."""
    layers = list(study.record.layers)
    return place.selectbox(label, layers, len(layers) // 2, **name, help=words)


def scale(place, study: Results, name: dict[str, str], words: str | None = _SCALE_WORDS) -> str:
    """ "raw" or "median", the study's own first."""
    return place.selectbox("Scale", SCALES, SCALES.index(study.study.scale), **name, help=words)
