"""A tour in five steps, for somebody who has never heard of persistent homology: on real prompts, few at a time."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from pages.parts import data, live, web
from pages.parts.cell import ALL_POINTS, AS_ARCHIVED, BARS, KIND, WHOLE_WORD
from pages.parts.controls import control, lead
from phcore.export.results import Results
from phcore.topology.explore import WHOLE, Lens

_POINTS = 40  # few enough to follow single prompts by eye
_KEY, _CARD = "tour.step", "tour.card"  # the step that is shown, and the one whose card is on the page
_BEFORE = "tour.before"

_STEPS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["step"]


def invite(study: Results) -> None:
    """The way in. Only where a cloud is at hand to show it on."""
    if st.session_state.get(_KEY) != st.session_state.get(_CARD):
        st.rerun()  # the tour began in a part of the page: its card and the controls stand above that part
    start = _place(study)
    if start is not None and st.session_state.get(_KEY) is None:
        control(st.button, "tour-start", on_click=_go, args=(study, start, 0))


def button(study: Results, then: Callable[[], None]) -> None:
    """The same on another page; `then` leads to the Barcodes page."""
    if (start := _place(study)) is not None:
        control(st.button, "tour", on_click=_begin, args=(study, start, then))


def _begin(study: Results, start: data.Cell, then: Callable[[], None]) -> None:
    _go(study, start, 0)
    then()


def card(study: Results) -> bool:
    """The step that is shown, while the tour is on; says whether it is."""
    here, start = st.session_state.get(_KEY), _place(study)
    st.session_state[_CARD] = here
    if here is None or start is None:
        return False
    st.html(web.style("tour.css"))
    with st.container(border=True, key="tour"):
        said, back, forth, close = st.columns([6, 1, 1, 1], vertical_alignment="center")
        said.markdown(f"**{here + 1} of {len(_STEPS)}: {_STEPS[here]['title']}**  \n{_STEPS[here]['words']}")
        control(back.button, "tour-back", disabled=not here, on_click=_go, args=(study, start, here - 1))
        if here + 1 < len(_STEPS):
            control(forth.button, "tour-next", on_click=_go, args=(study, start, here + 1))
        control(close.button, "tour-close", on_click=_close, args=(study,))
    return True


def ring() -> str:
    """What the step that is shown speaks of: what is ringed in the picture."""
    here = st.session_state.get(_CARD)
    return "" if here is None else _STEPS[here]["ring"]


def _place(study: Results) -> data.Cell | None:
    """The base model at the first layer whose clouds are in the archive, or the first cloud there is."""
    for layer in sorted(study.record.layers, key=lambda layer: abs(layer - study.record.n_layers / 2)):
        if cells := live.cells_with_clouds(study, layer):
            return min(cells, key=lambda cell: cell[1])
    return None


def _go(study: Results, start: data.Cell, step: int) -> None:
    """Sets the page to what the step speaks of."""
    lens = Lens(subsample=WHOLE, points=_POINTS, metric=study.study.metric, scale=study.study.scale)
    bars = live.look(study, start, lens).explored.table
    merges = bars[bars["degree"] == 0].sort_values("death", ignore_index=True)
    loop = bars[(bars["degree"] == 1) & (bars["rank"] == 1)]
    birth, death = loop.iloc[0][["birth", "death"]] if len(loop) else (0.0, 0.0)
    middle = merges.iloc[len(merges) // 2]  # half of the components have merged
    bar, at = (
        ("H0 endless", 0.0),
        (f"H0 merge {middle['rank']:.0f}", float(middle["death"])),
        ("H1 loop 1", float(birth)),
        ("H1 loop 1", float(death)),
        ("H1 loop 1", float(birth)),
    )[step]
    series, number, layer = start
    state = AS_ARCHIVED | {
        "b_view": BARS, "b_two": False, "b_series": series, "b_step": number, "b_layer": layer,
        "b_sub": WHOLE_WORD, "b_scale": lens.scale, "b_points": _POINTS, "b_metric": lens.metric, "b_map": "PCA",
        "b_fixed": True, "b_bar": bar, "b_at": at,
    }  # fmt: skip
    if step == len(_STEPS) - 1:
        last = max(live.cells_with_clouds(study, layer), key=lambda cell: cell[1])
        subsample = "0" if study.study.subsamples else WHOLE_WORD
        state |= {"b_series": last[0], "b_step": last[1], "b_points": ALL_POINTS, "b_sub": subsample}
    if st.session_state.get(_KEY) is None:  # what the tour sets, it gives back when it is closed
        st.session_state[_BEFORE] = {key: st.session_state[key] for key in state if key in st.session_state}
    st.session_state.pop(KIND, None)  # the distance is the tour's, whatever was looked at before
    lead(state | {_KEY: step})


def _close(study: Results) -> None:
    st.session_state[_KEY] = None
    st.session_state.pop(KIND, None)
    st.session_state.update(AS_ARCHIVED | {"b_metric": study.study.metric} | st.session_state.pop(_BEFORE, {}))
