"""What all pages share: cached reads, the controls that links carry, the names of state, and the list of pages."""

import re
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import streamlit as st

from pages.parts import cell, controls, data
from pages.parts.navigation import PAGES
from phcore.figures.registry import FIGURES
from phcore.topology.explore import Lens
from tests.app.conftest import ROOT, run


@dataclass
class Asked:
    """As much of a study as `data.cached` looks at."""

    name: str = "one"
    state: int = 0

    @property
    def study(self):
        return SimpleNamespace(name=self.name)


@pytest.fixture
def doubled():
    """A cached function, and the calls that reached it."""
    st.cache_resource.clear()
    calls = []

    @data.cached(8, by=lambda study: study.state)
    def double(study, *arguments):
        calls.append((study.name, *arguments))
        return [study.name, *arguments]

    return double, calls


def test_a_value_is_computed_once_per_study_state_and_arguments(doubled):
    double, calls = doubled
    first = double(Asked(), "raw", Lens(points=40))
    assert double(Asked(), "raw", Lens(points=40)) is first
    for study, arguments in (
        (Asked("two"), ("raw", Lens(points=40))),
        (Asked(state=1), ("raw", Lens(points=40))),
        (Asked(), ("raw", Lens(points=60))),
        (Asked(), ("median", Lens(points=40))),
        (Asked(), (1,)),
        (Asked(), ("1",)),
    ):
        assert double(study, *arguments) == [study.name, *arguments]
    assert len(calls) == 7


def test_functions_of_one_name_and_source_keep_their_values_apart():
    def made(word):
        @data.cached(8, by=lambda study: study.state)
        def value(study):
            return word

        value.__qualname__ = word
        return value

    @data.cached(8, by=lambda study: study.state)
    def other(study):
        return "other"

    assert made("first")(Asked()) == "first"
    assert other(Asked()) == "other"


def test_clearing_streamlits_cache_forgets_everything(doubled):
    double, calls = doubled
    double(Asked(), 1)
    st.cache_resource.clear()
    double(Asked(), 1)
    assert len(calls) == 2


# --- controls -----------------------------------------------------------------------------------------


def test_every_control_that_links_carry_says_what_it_is_called():
    known = controls.parameters()
    assert known["b_points"] == "number of prompts"
    assert known["b2_held"] == "selected bar of the second cell"
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", key) for key in known)


def test_a_control_without_a_name_of_its_own_is_refused():
    with pytest.raises(KeyError, match="b_nothing"):
        controls.control(st.toggle, "b_nothing")


def test_every_name_in_the_list_is_that_of_a_control():
    source = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "pages").rglob("*.py"))
    cells = {f"{prefix}_{what}" for prefix in cell.PREFIX.values() for what in ("series", "step", "layer", "held")}
    figures = {control.key for figure in FIGURES.values() for control in figure.controls}
    listed = set(controls.parameters()) - figures
    assert cells <= listed
    assert not [key for key in listed - cells if f'"{key}"' not in source]


def test_nothing_is_bound_to_the_address_without_a_name():
    unnamed = {
        key
        for file in (ROOT / "pages").rglob("*.py")
        for key in re.findall(r'key="(\w+)",\s*bind=', file.read_text(encoding="utf-8"))
    }
    assert not unnamed


def test_every_control_of_a_figure_has_a_name_in_links():
    own = {control.key for figure in FIGURES.values() for control in figure.controls}
    assert own <= set(controls.parameters())
    assert all(words[0].islower() for words in controls.parameters().values() if words != "Wasserstein order")


# --- state --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "query"),
    [("barcodes", {}), ("barcodes", {"b_view": "What changed"}), ("barcodes", {"b_two": "true"}), ("share", {})],
)
def test_what_a_module_keeps_is_named_after_it(start, page, query):
    app = start(ROOT / "cache", page, **query)
    if page == "barcodes" and not query:
        app.button(key="tour-start").click()
        run(app)
    state = app.session_state._state._state
    own = [key for key in app.session_state if key not in state._key_id_mapper and key not in controls.parameters()]
    assert {"links.said", "toolbar.page"} <= set(own)
    for key in own:
        module, dot, _ = key.partition(".")
        assert dot, key
        assert any((ROOT / "pages" / folder / f"{module}.py").exists() for folder in ("parts", ""))


# --- pages --------------------------------------------------------------------------------------------


def test_the_list_of_pages_is_what_lies_in_the_folder():
    assert {one.name for one in PAGES} == {file.stem for file in (ROOT / "pages").glob("*.py")} - {"shell", "__init__"}
    assert len({one.name for one in PAGES}) == len(PAGES)
