"""Links: what a page's address means, what is said of the parts it cannot show, and the button that copies one.

The state of a page is in its address, through bound widgets; a value at its default is left out. A copied link also
holds the defaults, so that it shows the same after they have changed, and the version of its words. No widget that
holds a path is bound.
"""

from collections.abc import Callable, Iterable
from math import isclose
from typing import NoReturn
from urllib.parse import parse_qs

import streamlit as st

from pages.parts import bound, controls, web
from pages.parts.bound import Bound, Words
from pages.parts.web import plain

VERSION = 1  # of the names and words in a link; 0: links that carry none, from before this one
PRESENTING = ("present", "slide")  # parameters that a copied link leaves out
_LONGEST = 60  # characters of a wanted value that are repeated on the page

_SWITCHES = {"true": "on", "false": "off"}

# From each version, what makes of its query one of the next. From 0 to 1 no name and no word changed.
UPGRADES: dict[int, Callable[[dict[str, Words]], dict[str, Words]]] = {0: dict}

_PENDING, _SAID, _WITHHELD, _FOLLOWED = "links.pending", "links.said", "links.withheld", "links.followed"

_COPY = st.components.v2.component(
    "copy_link",
    html='<button type="button"><span></span></button><input readonly hidden aria-label="The link">',
    css=web.text("copy_link.css"),
    js=web.text("copy_link.js"),
)


def upgrade(query: dict[str, Words]) -> dict[str, Words]:
    """The query of a link of any earlier version in the names and words of this one; a newer one as it is.

    Parameters
    ----------
    query : parameter -> its values. `v` says the version; without one (or with one that is no number) it is 0.
    """
    query = {key: tuple(values) for key, values in query.items()}
    for version in range(_version(query) or 0, VERSION):
        query = UPGRADES[version](query)
    return query


def _version(query: dict[str, Words]) -> int | None:
    """The version that a query names; None where that is none."""
    words = query.get("v", ("0",))[-1]
    return int(words) if words.isascii() and words.isdigit() and len(words) < 10 else None


def follow(page: str, query: str) -> None:
    """Opens what a link would, in this visit: for a button to call.

    Parameters
    ----------
    page : by its name in an address.
    query : of the link, without the question mark.
    """
    st.session_state[_FOLLOWED] = (page, parse_qs(query, keep_blank_values=True))


def arrive(page: str) -> bool:
    """Takes a link in, before the page is drawn: the one that was followed, or that of the visit.

    Returns
    -------
    Whether there was one. Later on, the address follows the page.
    """
    st.session_state[_WITHHELD] = {}
    if _FOLLOWED in st.session_state:
        _take(page)
    if _PENDING in st.session_state:
        return False
    query = bound.asked()
    wanted = upgrade(query)
    if "present" in wanted and wanted["present"][-1].lower() in ("1", "yes", "on", ""):
        wanted["present"] = ("true",)
    if wanted != query:
        bound.replace(wanted)
    st.session_state[_PENDING] = wanted
    return True


def turn(page: str) -> NoReturn:
    """To another page, by its name in an address. What is chosen goes along."""
    bound.release()
    st.switch_page(f"{page}.py")


def _take(page: str) -> None:
    """To the page of the link that was followed; once there, its query is that of the address."""
    wanted, query = st.session_state[_FOLLOWED]
    if wanted != page:
        turn(wanted)
    del st.session_state[_FOLLOWED]
    st.session_state.pop(_PENDING, None)
    presenting = {"present": ("true",)} if st.session_state.get("present") else {}
    for key in controls.parameters():
        st.session_state.pop(key, None)
    bound.replace({key: tuple(values) for key, values in query.items()} | presenting)


def withheld(nothing: dict[str, object], beside: str, why: str) -> None:
    """A page says which controls it draws only where there is something to choose from.

    Parameters
    ----------
    nothing : parameter -> the value by which it asks for nothing; a link with another one is told of it.
    beside : the control that is drawn anyway; what is said stands until it changes.
    why : what the controls need, in words.
    """
    st.session_state[_WITHHELD] |= {key: (str(value or ""), beside, why) for key, value in nothing.items()}


def judge() -> list[str]:
    """What is to be said of the link that opened the page, after it was drawn: a sentence per part not shown."""
    drawn = bound.drawn()
    if wanted := st.session_state.get(_PENDING):
        st.session_state[_PENDING] = {}
        st.session_state[_SAID] = missed(wanted, drawn, st.session_state[_WITHHELD])
    # What is said of a value stands until that value changes.
    said = st.session_state.get(_SAID, [])
    kept = [(key, shown, words) for key, shown, words in said if key not in drawn or drawn[key].value == shown]
    st.session_state[_SAID] = kept
    return [words for _, _, words in kept]


def missed(
    wanted: dict[str, Words], drawn: dict[str, Bound], withheld: dict[str, tuple[str, str, str]]
) -> list[tuple[str, Words, str]]:
    """(parameter, what is shown, sentence) for each part of a link that the page does not show.

    Parameters
    ----------
    wanted : the query of the link, upgraded.
    drawn : the widgets of the page. A known parameter that has none here, such as the step of a section that is not
        open, changes nothing on the page, and nothing is said; but for those `withheld`:
    withheld : parameter -> the value that asks for nothing, the control beside it, what it needs (see `withheld`).
    """
    said, known = [], controls.parameters()
    version = _version(wanted)
    if version is None:
        said.append(("v", (), f"The link's version “{_quoted(wanted['v'])}” is no number; it is read as an old link."))
    elif version > VERSION:
        said.append(("v", (), f"The link was made by a newer version of this app (links of version {version}, here "
                     f"{VERSION}). What is known here is shown."))  # fmt: skip
    strange = [key for key in wanted if key not in known and key != "v"]
    if strange:
        names = ", ".join(f"“{_quoted([key])}”" for key in strange[:5]) + (", …" if len(strange) > 5 else "")
        said.append(("", (), f"The link has parts that no page knows: {names}. They change nothing."))
    for key, values in wanted.items():
        if key in drawn and not _same(values, drawn[key].value):
            shown = drawn[key].value
            words = ", ".join(plain(_SWITCHES.get(one, one)) for one in shown) or "none"
            said.append((key, shown, f"The link asks for the {known.get(key, key)} “{_quoted(values)}”, which is "
                         f"not available here. Shown: {words}."))  # fmt: skip
        elif key in withheld and key not in drawn:
            nothing, beside, why = withheld[key]
            if values[-1] != nothing:
                said.append((beside, drawn[beside].value, f"The link asks for the {known[key]} “{_quoted(values)}”, "
                             f"which needs {why}. Shown: what the archive has."))  # fmt: skip
    return said


def _same(wanted: Words, shown: Words) -> bool:
    """Whether two lists of words of a URL say the same: 42 and 42.0 do, and True and true."""
    wanted = tuple(one for one in wanted if one)
    return len(wanted) == len(shown) and all(map(_alike, wanted, shown))


def _alike(a: str, b: str) -> bool:
    if a == b or (a.lower() == b and b in _SWITCHES):
        return True
    try:
        return isclose(float(a), float(b), rel_tol=1e-9)
    except ValueError:
        return False


def _quoted(values: Iterable[str]) -> str:
    """A stranger's words, as words and not as Markdown, cut short."""
    text = " ".join(", ".join(values).split())
    return plain(text[:_LONGEST] + ("…" if len(text) > _LONGEST else ""))


def state() -> dict[str, Words]:
    """The whole state of the page as the query of a link: every value, those at their defaults too."""
    query = {key: one.value for key, one in bound.drawn().items() if key not in PRESENTING}
    # Emptied lists and texts stay in the address as an empty word; what was never filled has no place in it.
    empty = {key: ("",) for key, one in bound.drawn().items() if not one.value and one.default}
    return {key: value for key, value in query.items() if value} | empty | {"v": (str(VERSION),)}


def copy_button() -> None:
    """The button. To be drawn after the page, when its defaults are known."""
    defaults = [[key, list(one.default)] for key, one in bound.drawn().items() if one.default and key not in PRESENTING]
    _COPY(key="copy-link", data={"defaults": defaults, "version": str(VERSION)}, width="content")
