"""Present mode: the page alone, large, over the full width, and driven by the keyboard.

It is a value in the address like any other (`?present=1`, bound to a switch of the frame that is not shown), so that a
link to a slide is a link. The browser only reports keys; what the next step or page is, the server knows.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

_KEY, _STEPS, _COMPONENT = "present", "present_steps", "present-keys"
ZOOM = 1.35  # of words and charts: read from the back of a room at 1920 pixels

_STYLE = f"""<style>
header[data-testid=stHeader],[data-testid=stSidebar],[data-testid=stToolbar],.st-key-toolbar,.st-key-glossary,
[data-testid=stMainBlockContainer] [data-testid=stExpander]{{display:none!important}}
[data-testid=stMainBlockContainer].stMainBlockContainer{{max-width:none;zoom:{ZOOM};padding:1rem 1.5rem 1rem}}
[data-testid=stVegaLiteChart]{{margin:0 auto}}
.st-key-present-leave{{position:fixed;right:.75rem;bottom:.5rem;width:auto;z-index:100;opacity:.35}}
.st-key-present-leave:hover,.st-key-present-leave:focus-within{{opacity:1}}
</style>"""

_KEYS = st.components.v2.component(
    "present_keys",
    html="<span hidden></span>",
    js="""
const KEYS = {
  ArrowRight: "next", n: "next", ArrowLeft: "previous", p: "previous",
  PageDown: "page-next", PageUp: "page-previous", Escape: "leave",
}
const FIELDS = "input, textarea, select, [contenteditable=true], [role=slider], [role=listbox], [role=combobox], "
  + "[role=dialog], [role=menu], [data-testid=stDataFrame]"

const meaning = (event, on) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return null
  const path = event.composedPath()  // from inside a component's shadow, too
  if (path.some(one => one instanceof Element && one.matches(FIELDS))) return null
  if (!on) return event.key === "f" ? "enter" : null
  const word = KEYS[event.key] ?? null
  const turns = event.shiftKey && (word === "next" || word === "previous") && event.key.startsWith("Arrow")
  return turns ? "page-" + word : word
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  parentElement.presentStop?.()
  const listen = event => {
    const word = meaning(event, data.on)
    if (!word) return
    event.preventDefault()
    event.stopPropagation()
    setTriggerValue("go", word)
  }
  window.addEventListener("keydown", listen, true)
  parentElement.presentStop = () => window.removeEventListener("keydown", listen, true)
  return parentElement.presentStop
}
""",
)


def frame(pages: Sequence, here) -> None:
    """What present mode needs around a page; called before the page is drawn.

    Parameters
    ----------
    pages : all pages of the navigation, in their order.
    here : the one to be drawn.
    """
    st.session_state.pop(_STEPS, None)  # the page says anew what its steps are
    with st.container(key="present-frame"):
        st.html("<style>.st-key-present-frame{position:absolute;width:0;height:0;overflow:hidden}</style>")
        on = st.toggle("Present", key=_KEY, bind="query-params")
        keys = _KEYS(key=_COMPONENT, data={"on": on}, on_go_change=_pressed, height=1)
    if on:
        st.html(_STYLE)
        st.button("Leave (Esc)", key="present-leave", on_click=_set, args=(False,), type="tertiary",
                  icon=":material/close_fullscreen:")  # fmt: skip
    turn = {"page-next": 1, "page-previous": -1}.get(keys.go or "", 0)
    place = pages.index(here) + turn
    if turn and 0 <= place < len(pages):
        st.switch_page(pages[place], query_params={_KEY: "true"})


def steps(key: str, known: Sequence[int]) -> None:
    """Says which widget the keys move, and through which values."""
    st.session_state[_STEPS] = (key, list(known))


def button() -> None:
    st.button("Present", key="present-enter", icon=":material/slideshow:", type="tertiary", on_click=_set, args=(True,),
              help="Full width, large type, no controls around. Left and right: the step. Page up and down: the page. "
              "Esc: back. The key f starts it, too.")  # fmt: skip


def _set(value: bool) -> None:
    st.session_state[_KEY] = value


def _pressed() -> None:
    """A key was pressed: enters, leaves, or moves the step."""
    word = st.session_state[_COMPONENT].go
    if word in ("enter", "leave"):
        _set(word == "enter")
    key, known = st.session_state.get(_STEPS, (None, []))
    here = st.session_state.get(key) if key else None
    if here in known and word in ("next", "previous"):
        place = known.index(here) + (1 if word == "next" else -1)
        if 0 <= place < len(known):
            st.session_state[key] = known[place]
