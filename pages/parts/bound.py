"""What Streamlit knows of the widgets that are bound to the URL: the only place that reads its bookkeeping.

There is no public way to ask a bound widget for its default, or for the words by which its value stands in a URL.
Streamlit is pinned, and `tests/app/test_links.py` compares what is found here with what the browser writes.
"""

from typing import NamedTuple

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.query_params import _coerce_value_for_query_url

Words = tuple[str, ...]  # of one parameter in a URL: none, one, or several of a list


class Bound(NamedTuple):
    """A widget's value and its default, as they stand in a URL."""

    value: Words
    default: Words


def drawn() -> dict[str, Bound]:
    """The bound widgets that this run has drawn, by key."""
    context = get_script_run_ctx()
    if context is None:
        return {}
    state = context.session_state._state
    now = context.shared.widget_ids_this_run.snapshot()
    found = {}
    for key, binding in state.query_params._bindings_by_param.items():
        about = state.get_widget_metadata(binding.widget_id)
        if about is None or key not in st.session_state or binding.widget_id not in now:
            continue
        values = (st.session_state[key], about.deserializer(None))
        found[key] = Bound(*(_words(about.serializer(value), about.value_type) for value in values))
    return found


def _words(serialized: object, kind: str) -> Words:
    if serialized is None:
        return ()
    words = _coerce_value_for_query_url(serialized, kind)
    return tuple(one for one in ([words] if isinstance(words, str) else words) if one)


def asked() -> dict[str, Words]:
    """The query of this page's address; without Streamlit's own parameters (`embed`)."""
    return {key: tuple(st.query_params.get_all(key)) for key in st.query_params}


def replace(query: dict[str, Words]) -> None:
    """Another query for this page, before any of its widgets is drawn: they start from it."""
    release()
    st.query_params.from_dict(query)
    context = get_script_run_ctx()
    if context is not None:
        context.session_state._state.query_params.set_initial_query_params_from_current()


def release() -> None:
    """Takes the query from the widgets of the page before; drawn anew, they hold it again.

    Without this, Streamlit turns to no other page from one whose address has the value of a widget.
    """
    context = get_script_run_ctx()
    if context is None:
        return
    query = context.session_state._state.query_params
    for widget in list(query._bindings_by_widget):
        query.unbind_widget(widget)
