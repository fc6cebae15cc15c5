"""Overview: the headline, the maps, the curve and the verdicts of a study, headless."""

from urllib.parse import parse_qs

import pytest

from pages.parts import data, moving_maps
from phcore.export.results import Results
from phcore.figures.figure import Choice
from phcore.figures.registry import FIGURES, SECTIONS
from tests.app.conftest import ROOT, charts, words

SHIPPED = "smollm2-135m-instruct"


def headline(app) -> str:
    (found,) = (one.value for one in app.markdown if one.value.startswith("# "))
    return found


def test_the_study_that_ships_opens_with_its_plain_result(start):
    app = start(ROOT / "cache", "overview")
    cells = Results.open(SHIPPED, ROOT / "cache").table("cells", layer=18)
    last = cells[(cells["series"] == "harmless") & (cells["step"] == cells["step"].max())]
    base = cells[cells["step"] == 0]["median_distance"].iloc[0]
    assert last["median_distance"].iloc[0] < base
    assert "harmless pulled the prompts" in headline(app)
    assert "times the noise is left" in words(app)
    assert charts(app) == 1
    assert len(app.get("page_link")) == 6  # Share, and five verdicts
    assert not [*app.warning, *app.error, *app.info]


def test_every_claim_leads_to_what_judges_it(start, computed):
    app = start(computed[1], "overview")
    asked = [parse_qs(one.proto.query_string) for one in app.get("page_link") if one.proto.page == "evidence"]
    assert len(asked) == 5
    assert all(one["e_section"][0] in SECTIONS for one in asked)


def test_another_layer_is_another_result(start):
    study = data.View.open(SHIPPED, ROOT / "cache")
    first, last = study.record.layers[0], study.record.layers[-1]
    found = {layer: headline(start(ROOT / "cache", "overview", o_layer=layer)) for layer in (first, last)}
    assert found[first] != found[last]


@pytest.fixture(scope="module")
def sent():
    study = data.View.open(SHIPPED, ROOT / "cache")
    choice = Choice.of(study).only(FIGURES["maps"].uses)
    return study, moving_maps.sent(study, Choice.of(study).layer, choice)


def test_the_browser_is_sent_every_step_of_every_map_once(sent):
    study, told = sent
    assert [one["name"] for one in told["panels"]] == ["base", "helpful", "harmless", "mixed"]
    for panel in told["panels"][1:]:
        steps = [node.step for node in study.record.path_of(panel["series"])]
        assert panel["steps"] == steps
        assert len(panel["points"]) == len(panel["edges"]) == len(panel["medians"]) == len(steps)
        assert max(panel["raw"]) <= 1_200
    assert max(max(one["raw"]) for one in told["panels"]) == 1_200
    assert max(max(one["relative"]) for one in told["panels"]) == 1_200
    assert len(told["kinds"]) == study.record.n_prompts


def test_closer_prompts_have_more_pairs_within_a_distance(sent):
    """Where the median distance fell, more are joined; with size divided out, about as many as before."""
    _, told = sent
    harmless = next(one for one in told["panels"] if one["name"] == "harmless")
    assert harmless["medians"][-1] < harmless["medians"][0]
    assert harmless["raw"][-1] > 2 * harmless["raw"][0]
    assert harmless["relative"][-1] < 3 * harmless["relative"][0]
