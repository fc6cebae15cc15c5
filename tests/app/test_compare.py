"""Two studies side by side, headless."""

import json

import pytest

from phcore.figures.charts.theme import objective_colours
from phcore.study.resolve import resolve
from tests import studies
from tests.app.conftest import charts, run, specs, words


@pytest.fixture(scope="module")
def two(computed, tmp_path_factory):
    """An archive with the small study and another of it, at other seeds and one series fewer."""
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path_factory.mktemp("two") / "cache")
    studies.compute(study.with_(name="other", seed=1, series=study.series[:1]), store)
    return store


def courses(app) -> list[dict]:
    """The charts of velocity by step."""
    return [spec for spec in specs(app) if "velocity (" in json.dumps(spec)]


def scales(spec, channel) -> list:
    """Every scale of a channel in a chart, however deep."""
    if isinstance(spec, list):
        return [found for one in spec for found in scales(one, channel)]
    if not isinstance(spec, dict):
        return []
    own = [spec[channel]["scale"]] if isinstance(spec.get(channel), dict) and spec[channel].get("scale") else []
    return own + [found for value in spec.values() for found in scales(value, channel)]


def test_one_study_alone_says_what_is_missing(start, computed):
    app = start(computed[1], "compare")
    assert "only one study in the archive" in words(app)
    assert charts(app) == 0


def test_two_studies_share_their_axes_and_colours(start, two):
    app = start(two.root, "compare", study="tiny", p_with="other")
    left, right = courses(app)
    for channel in ("x", "y"):
        ours, theirs = ({json.dumps(one["domain"]) for one in scales(spec, channel) if "domain" in one}
                        for spec in (left, right))  # fmt: skip
        assert ours == theirs
        assert len(ours) == 1
    colours = [dict(zip(one["domain"], one["range"], strict=True)) for spec in (left, right)
               for one in scales(spec, "color") if "range" in one]  # fmt: skip
    assert colours
    known = objective_colours(["helpful", "harmless", "full"])
    assert all(known[name] in str(colour) for one in colours for name, colour in one.items())  # on white


def test_the_studies_come_from_the_link(start, two):
    app = start(two.root, "compare", study="other", p_with="tiny", p_depth="100%", p_degree="H0 components")
    told = words(app)
    assert told.index("(other, layer") < told.index("(tiny, layer")
    assert app.selectbox(key="p_depth").value == "100%"
    assert not [one for one in app.warning if "link" in one.value]


def test_a_study_that_is_not_there_is_said(start, two):
    app = start(two.root, "compare", study="tiny", p_with="gone")
    assert "The link asks for the second study “gone”" in app.warning[0].value
    assert charts(app) >= 2


@pytest.mark.parametrize(
    ("key", "value"), [("p_scale", "raw"), ("p_per", "step"), ("p_degree", "H0 components"), ("p_depth", "20%")]
)
def test_every_choice_draws_both(start, two, key, value):
    app = start(two.root, "compare", study="tiny", p_with="other", **{key: value})
    assert app.selectbox(key=key).value == value
    assert len(courses(app)) == 2


def test_each_claim_has_both_verdicts(start, two):
    told = words(start(two.root, "compare", study="tiny", p_with="other"))
    assert told.count("-badge[") == 10
    assert "The two studies agree on" in told


def test_a_study_that_was_not_computed_is_said(start, computed, tmp_path):
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    resolve(study.with_(name="planned", chat=not study.chat), store)
    app = start(store.root, "compare", study="tiny", p_with="planned")
    assert "Nothing has been computed for planned yet" in words(app)
    app.toggle(key="p_base").set_value(False)
    run(app)
