"""Present mode: one chart a slide, with its finding, as large as the screen, and driven by the keyboard.

The charts of a page are its slides, in their order; so are the saved views of a study, from the first that was saved.
Which slide is shown is in the address like anything else (`?present=1&slide=2`, bound to controls of the frame that are
not shown), so that a link to a slide is a link. The browser only reports keys: what is next, the server knows.
"""

from collections.abc import Sequence

import streamlit as st

from pages.parts import links, web
from pages.parts.controls import control, put
from phcore.study.saved_views import View

_KEY, _SLIDE, _COMPONENT = "present", "slide", "present-keys"
_STEPS, _CHARTS, _VIEWS, _PLACE = "present.steps", "present.charts", "present.views", "present.place"
_HIDDEN = "<style>.st-key-present-frame{position:absolute;width:0;height:0;overflow:hidden;visibility:hidden}</style>"
TALLER = 2  # times as high is a chart on a slide: it has the screen for itself
WIDTH = 1200  # pixels of a page as it is laid out: it is enlarged until the screen is full

_KEYS = st.components.v2.component("present_keys", html="<span hidden></span>", js=web.text("present_keys.js"))


def frame(slides: bool) -> None:
    """What present mode needs around a page; called before the page is drawn.

    Parameters
    ----------
    slides : whether the page has any; else it is enlarged as it is.
    """
    st.session_state.pop(_STEPS, None)  # the page says anew what its steps and charts are
    st.session_state[_CHARTS] = []
    st.session_state[_PLACE] = st.container(key="present-frame")
    with st.session_state[_PLACE]:
        st.html(_HIDDEN)
        shown = control(st.toggle, _KEY)
        control(st.number_input, _SLIDE, min_value=1, value=1, step=1)
    if shown:
        st.html(web.style("present.css") + slides * web.style("slide.css"))
        control(st.button, "present-leave", on_click=_leave)


def finish(pages: Sequence[str]) -> None:
    """The same after the page was drawn, when its charts are known.

    Parameters
    ----------
    pages : the names of those with slides in an address, in the order of the navigation; "" for the first.
    """
    if (place := st.session_state.pop(_PLACE, None)) is None:
        return
    number, known = _shown(), len(st.session_state[_CHARTS])
    ends = {"first": number <= 1, "last": number >= known}
    words = f"{_views().index(_view()) + 1} of {len(_views())}: {_view().name}" if _view() else ""
    with place:
        about = {"on": on(), "width": WIDTH, "pages": list(pages), "views": bool(words), **ends}
        _KEYS(key=_COMPONENT, data=about, on_go_change=_pressed, height=1)
    if on() and words:
        st.html(web.html("slide.html.j2", words=words))


def reset() -> None:
    """To the first slide, before the frame is drawn: a page was turned to."""
    if _SLIDE in st.session_state:
        put(_SLIDE, 1)


def on() -> bool:
    return st.session_state.get(_KEY, False)


def tall(pixels: int) -> int:
    """The height of a chart that is so high beside others."""
    return TALLER * pixels if on() else pixels


def shows(chart: str) -> bool:
    """Whether a chart is drawn: each is, but for those that are another slide. Each says its name, in its order."""
    charts = st.session_state.setdefault(_CHARTS, [])
    if chart not in charts:
        charts.append(chart)
    return not on() or charts.index(chart) == _shown() - 1


def steps(key: str, known: Sequence[int]) -> None:
    """Says which widget the keys move, and through which values."""
    st.session_state[_STEPS] = (key, list(known))


def button() -> None:
    control(st.button, "present-enter", on_click=_enter)


def views_button(known: Sequence[View]) -> None:
    """Presents saved views, the first that was saved first."""
    control(st.button, "present-views", on_click=_begin, args=(list(known)[::-1],))


def _shown() -> int:
    """Number of the slide, from 1."""
    return int(st.session_state.get(_SLIDE) or 1)


def _views() -> list[View]:
    return st.session_state.get(_VIEWS, ([], 0))[0]


def _view() -> View | None:
    """The saved view that is shown as a slide."""
    known, place = st.session_state.get(_VIEWS, ([], 0))
    return known[place] if known else None


def _enter() -> None:
    put(_KEY, True)
    put(_SLIDE, 1)


def _leave() -> None:
    put(_KEY, False)
    put(_SLIDE, 1)
    st.session_state.pop(_VIEWS, None)


def _begin(known: list[View], place: int = 0) -> None:
    put(_KEY, True)
    st.session_state[_VIEWS] = (known, place)
    links.follow(known[place].page, known[place].query)


def _pressed() -> None:
    """A key was pressed: enters, leaves, moves the step, or turns to another slide of the page or another view."""
    match st.session_state[_COMPONENT].go:
        case "enter":
            _enter()
        case "leave":
            _leave()
        case "next" | "previous" as word:
            _step(1 if word == "next" else -1)
        case "slide-next" | "slide-previous" as word:
            _turn(1 if word == "slide-next" else -1)


def _step(by: int) -> None:
    key, known = st.session_state.get(_STEPS, (None, []))
    here = st.session_state.get(key) if key else None
    if here in known and 0 <= known.index(here) + by < len(known):
        st.session_state[key] = known[known.index(here) + by]


def _turn(by: int) -> None:
    known, place = st.session_state.get(_VIEWS, ([], 0))
    if known:
        if 0 <= place + by < len(known):
            _begin(known, place + by)
    else:
        put(_SLIDE, max(1, _shown() + by))
