"""Present mode: the page alone, large, over the full width, and driven by the keyboard.

It is a value in the address like any other (`?present=1`, bound to a switch of the frame that is not shown), so that a
link to a slide is a link. For a step the browser only reports the key: which one is next, the server knows.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts.controls import linked

_KEY, _STEPS, _COMPONENT = "present", "present.steps", "present-keys"
WIDTH = 1200  # pixels of a page as it is laid out: it is enlarged until the screen is full

# The header only leaves the screen: the links of the navigation are in it, and where it has no room it drops them.
_STYLE = """<style>
header[data-testid=stHeader]{position:fixed;left:0;width:100%;transform:translateY(-200%);visibility:hidden}
[data-testid=stSidebar],.st-key-toolbar,.st-key-glossary,.st-key-tour-start,
[data-testid=stMainBlockContainer] [data-testid=stExpander]{display:none!important}
[data-testid=stMainBlockContainer].stMainBlockContainer{max-width:none;zoom:var(--present-zoom,1.35);
padding:1rem 1.5rem}
[data-testid=stVegaLiteChart]{margin:0 auto}
.st-key-present-leave{position:fixed;right:.75rem;bottom:.5rem;width:auto;z-index:100;opacity:.35}
.st-key-present-leave:hover,.st-key-present-leave:focus-within{opacity:1}
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
  + "[role=dialog], [role=menu], [role=radiogroup], [data-testid=stDataFrame]"

const meaning = (event, on) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return null
  const path = event.composedPath()  // from inside a component's shadow, too
  if (path.some(one => one instanceof Element && one.matches(FIELDS))) return null
  if (!on) return event.key === "f" ? "enter" : null
  const word = KEYS[event.key] ?? null
  const turns = event.shiftKey && (word === "next" || word === "previous") && event.key.startsWith("Arrow")
  return turns ? "page-" + word : word
}

// Charts on a canvas have as many pixels as the screen is said to have: said to have more, they stay sharp enlarged.
const native = Object.getOwnPropertyDescriptor(window, "devicePixelRatio")
const sharpen = zoom => Object.defineProperty(window, "devicePixelRatio", zoom === 1 ? native
  : { configurable: true, get: () => native.get.call(window) * zoom })

// Through the links of the navigation: a page that the server turns to would lose its address. An embedded page
// has none, and is visited anew.
const turn = (by, pages) => {
  const name = window.location.pathname.split("/").pop(), next = pages[Math.max(0, pages.indexOf(name)) + by]
  if (next === undefined) return
  const address = new URL("./" + next, window.location.href)
  const links = [...document.querySelectorAll("a[data-testid=stTopNavLink]")]
  const link = links.find(one => one.pathname === address.pathname)
  if (link) return link.click()
  const query = new URLSearchParams(window.location.search)
  for (const key of ["embed", "embed_options", "present", "study"])
    for (const value of query.getAll(key)) address.searchParams.append(key, value)
  window.location.assign(address)
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  parentElement.presentStop?.()
  const enlarge = () => {
    const zoom = Math.min(3, Math.max(1, window.innerWidth / data.width))
    document.documentElement.style.setProperty("--present-zoom", zoom)
    sharpen(data.on ? zoom : 1)
  }
  enlarge()
  const listen = event => {
    const word = meaning(event, data.on)
    if (!word) return
    event.preventDefault()
    event.stopPropagation()
    if (word.startsWith("page-")) turn(word === "page-next" ? 1 : -1, data.pages)
    else setTriggerValue("go", word)
  }
  window.addEventListener("keydown", listen, true)
  window.addEventListener("resize", enlarge)
  parentElement.presentStop = () => {
    window.removeEventListener("keydown", listen, true)
    window.removeEventListener("resize", enlarge)
  }
  return parentElement.presentStop
}
""",
)


def frame(pages: Sequence[str]) -> None:
    """What present mode needs around a page; called before the page is drawn.

    Parameters
    ----------
    pages : the names of all pages in an address, in the order of the navigation; "" for the first.
    """
    st.session_state.pop(_STEPS, None)  # the page says anew what its steps are
    with st.container(key="present-frame"):
        st.html("<style>.st-key-present-frame{position:absolute;width:0;height:0;overflow:hidden}</style>")
        on = st.toggle("Present", **linked("present", "present mode"))
        _KEYS(key=_COMPONENT, data={"on": on, "width": WIDTH, "pages": list(pages)}, on_go_change=_pressed, height=1)
    if on:
        st.html(_STYLE)
        st.button("Leave (Esc)", key="present-leave", on_click=_set, args=(False,), type="tertiary",
                  icon=":material/close_fullscreen:")  # fmt: skip


def on() -> bool:
    return st.session_state.get(_KEY, False)


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
