"""Every page, headless: on the study that ships, on a small computed study, and on nothing at all."""

import json
import re
import subprocess
import sys

import pytest
from markupsafe import escape
from streamlit.testing.v1 import AppTest

from pages.parts import data, navigation
from phcore.analysis.findings import FAILS, HOLDS, TITLES, UNKNOWN
from phcore.export.results import Results
from phcore.figures.glossary import TERMS
from phcore.pipeline import estimate, jobs
from phcore.study import kept
from tests import studies
from tests.app.conftest import ROOT, charts, findings, run, words
from tests.protocol import as_shown

PAGES = [one.name for one in navigation.PAGES]


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_archive_says_what_to_do(start, tmp_path, page):
    app = start(tmp_path / "cache", page)
    assert "No study has been computed yet" in words(app)
    assert charts(app) == 0


@pytest.mark.parametrize(
    ("page", "count"),
    [("overview", 1), ("study", 0), ("barcodes", 0), ("trajectories", 6), ("evidence", 1), ("compare", 6)],
)
def test_each_page_shows_the_study_that_ships(start, page, count):
    app = start(ROOT / "cache", page)
    assert app.selectbox(key="study").value == "smollm2-135m-instruct"
    assert charts(app) == count
    assert not app.warning


def test_the_study_page_says_what_there_is_and_what_the_open_one_is(start):
    app = start(ROOT / "cache")
    told = words(app)
    assert "320 prompts" in told
    assert "a point is the last token of each prompt" in told
    assert "Every table of this study is finished" in told
    every, objectives, *_ = (one.value for one in app.dataframe)
    assert set(every["study"]) == {"smollm2-135m-instruct", "tiny-instruct", "tiny-pretrained"}
    assert set(every["state"]) == {"finished"}
    assert (every["size"] > 1e6).all()
    assert list(objectives["objective"]) == ["helpful", "harmless", "mixed"]
    assert list(objectives["ready"]) == [69, 69, 69]


def test_a_study_that_cannot_be_read_stands_in_the_list_beside_the_others(start, computed, tmp_path):
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    (store.root / "studies" / "broken").mkdir()
    (store.root / "studies" / "broken" / "record.json").write_text("{")
    every = start(store.root, study="tiny").dataframe[0].value.set_index("study")
    assert every.loc["tiny", "state"] == "finished"
    assert every.loc["broken", "state"] == "cannot be read"


def test_nothing_is_judged_before_there_are_results(start, computed, tmp_path):
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    for name in ("tables", "cells", "diagrams"):
        studies.remove(studies.files(store, name))
    app = start(store.root, study="tiny")
    assert "not computed" in set(app.dataframe[0].value["state"])
    assert "cannot be told" not in words(app)
    assert "Verdicts in full" not in [one.label for one in app.expander]
    assert app.button(key="continue").label == "Continue"


def test_each_reason_to_leave_checkpoints_out_is_said_once(start, computed):
    app = start(computed[1], study="tiny")
    assert sum("left out" in one.value for one in app.warning) == 1
    assert "harmless, step 4" in words(app)


def test_several_reasons_stand_in_one_fold():
    def page():
        import pandas as pd

        from pages.parts.opened_study import left_out

        rows = [("a", 1, "torn"), ("a", 2, "torn"), ("b", 4, "of another model"), ("b", 8, "")]
        table = pd.DataFrame(rows, columns=["series", "step", "finding"])
        left_out(table.assign(status=["unreadable"] * 3 + ["ready"]))

    app = AppTest.from_function(page).run(timeout=60)
    assert not app.warning
    (fold,) = app.expander
    assert fold.label == "3 checkpoints left out, for 2 reasons"
    assert [as_shown(one.value) for one in fold.markdown] == [
        "**a, step 1, 2** are left out: torn", "**b, step 4** is left out: of another model",
    ]  # fmt: skip


def test_the_study_page_gives_five_verdicts_with_what_they_rest_on(start):
    told = words(start(ROOT / "cache"))
    for number, title in TITLES.items():
        assert f"**{number}. {title}**" in told
    for name in ("**n**", "**Null**", "**Interval**"):
        assert told.count(name) == 5 - told.count("This study lacks")  # there is nothing it could rest on
    verdicts = (HOLDS, FAILS, UNKNOWN)
    assert sum(told.count(f": {one}]") for one in verdicts) == 5
    assert told.count("**To tell**") == told.count(f": {UNKNOWN}]")


@pytest.mark.parametrize("page", PAGES)
def test_a_small_study_of_ones_own(start, computed, page):
    start(computed[1], page, study="tiny")


@pytest.mark.parametrize("page", PAGES)
def test_the_glossary_opens_on_every_page(start, tmp_path, page):
    app = start(tmp_path / "cache", page)
    assert "Vietoris-Rips" not in words(app)
    app.button(key="glossary").click()
    told = words(run(app))
    for term in TERMS:
        assert escape(term.words) in told
    assert told.count("<svg") == len(TERMS)
    assert "Vietoris-Rips" in words(run(app))  # a rerun of the page does not close it


# --- trajectories -------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["mean summaries", "two features", "mean landscapes", "all distances"])
def test_every_way_to_lay_out_the_paths(start, compared, way):
    assert charts(start(compared, "trajectories", study="tiny", t_way=way)) == 6


def test_distances_that_nobody_asked_for_are_offered_with_what_they_take(start, computed, tmp_path, monkeypatch):
    """Seven of 21 pairs at three layers are missing: the button starts a job that computes them, and no more."""
    began = []
    monkeypatch.setattr(jobs, "start", lambda store, name, arguments: began.append((name, arguments)))
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    estimate.remember(kept.read(store, "tiny"), store, {"distances": 1.0})
    app = start(store.root, "trajectories", study="tiny", t_way="all distances")
    assert charts(app) == 4
    assert words(app).count("needs 7 more at each layer") == 1  # of two charts that lack them
    assert "needs 7 more at each layer, which nobody has asked for" in words(app)
    label = as_shown(app.button(key="all-pairs").label)
    assert label.startswith("Compute the 21 missing distances (about ")
    app.button(key="all-pairs").click().run()
    assert began[0][0] == "tiny"
    assert began[0][1][:4] == ["compute", "tiny", "--pairs", "all"]


def test_distances_that_cannot_be_computed_here_are_not_offered(start, computed, tmp_path, monkeypatch):
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    for name in ("diagrams", "clouds"):
        studies.remove(studies.files(store, name))
    app = start(store.root, "trajectories", study="tiny", t_way="all distances")
    assert "the bars of this study are not on this machine" in words(app)
    assert not [one for one in app.button if one.key == "all-pairs"]
    monkeypatch.setenv("PHCORE_READ_ONLY", "1")
    told = words(app := start(computed[1], "trajectories", study="tiny", t_way="all distances"))
    assert "Its owner computes them with: python -m phcore compute tiny --pairs all" in told
    assert not [one for one in app.button if one.key == "all-pairs"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("t_per", "step"), ("t_scale", "median"), ("t_degree", "H0 components")],
)
def test_every_choice_draws(start, computed, key, value):
    app = start(computed[1], "trajectories", study="tiny", **{key: value})
    assert app.selectbox(key=key).value == value
    assert charts(app) == 6


def test_objectives_that_are_switched_off_are_off_on_every_page(start):
    app = start(ROOT / "cache", "trajectories", objectives=("helpful", "mixed"))
    assert app.get("button_group")
    told = "\n".join(findings(app))
    assert "harmless" not in told
    assert "Not shown: harmless" in words(app)
    app.switch_page(str(ROOT / "pages" / "evidence.py"))
    assert "Not shown: harmless" in words(run(app))
    assert "67 of 207" not in words(app)


def test_an_answer_stands_above_its_chart_and_not_in_it(start):
    app = start(ROOT / "cache", "trajectories")
    said = findings(app)
    assert any(re.search(r"Harmless ends [\d.]+ times the resampling noise away", one, re.IGNORECASE) for one in said)
    for one in app.get("vega_lite_chart"):
        assert "title" not in json.loads(one.proto.spec)
        assert one.proto.alt  # what is asked and found, for those who cannot see it
    bodies = [one.proto.body for one in app.get("html") if "hgroup" in one.proto.body]
    assert all(body.count("<h2>") == 1 for body in bodies)
    assert sum("<p>" in body for body in bodies) == len(said) == 6


def test_what_was_clicked_leads_on_to_its_barcode(start):
    app = start(ROOT / "cache", "trajectories")
    assert not [one for one in app.button if one.key == "open-barcode"]
    app.session_state["trajectories.mark"] = ("heatmap", "harmless", 24.0)
    app.session_state["t_step"] = 32
    assert "harmless, step 32, layer 24" in as_shown(run(app).button(key="open-barcode").label)
    app.session_state["trajectories.mark"] = ("velocity", None, 18.0)
    label = as_shown(run(app).button(key="open-barcode").label)
    assert label.endswith("step 32, layer 18")
    app.button(key="open-barcode").click()
    run(app)
    cell = [app.session_state[key] for key in ("b_step", "b_layer")]
    assert cell == [32, 18]


def test_playing_walks_the_steps_and_stops_at_the_last(start, computed):
    app = start(computed[1], "trajectories", study="tiny", t_step=1)
    assert app.select_slider(key="t_step").value == 1
    app.toggle(key="t_play").set_value(True)
    assert app.toggle(key="t_play").value
    seen = [run(app).select_slider(key="t_step").value for _ in range(4)]
    assert seen[0] > 1
    assert seen == sorted(seen)
    assert seen[-1] == 4
    assert not app.toggle(key="t_play").value


def test_a_degenerate_layer_is_said_in_words(start, computed):
    app = start(computed[1], "trajectories", study="tiny", t_layer=0)
    assert "Layer 0 has no cell with a finite" in words(app)


def test_what_is_read_before_anybody_asks_says_nothing():
    """Whoever starts the app reads what the server writes."""
    code = "from pages.parts.data import prepare; prepare()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "ScriptRunContext" not in done.stderr


def test_a_study_without_evidence_offers_to_compute_it(start, computed, tmp_path):
    store = studies.without_evidence(computed[1], tmp_path / "cache")
    app = start(store.root, study="tiny")
    (said,) = [line for line in words(app).splitlines() if line.startswith("Missing: ")]
    assert "gaussian nulls 39" in said  # of 21 cells and 18 moves
    assert "hidden states" not in said
    assert app.button(key="continue").label == "Compute"
    assert "not complete" not in words(app)
    study = Results.open("tiny", store)
    before = data.version(study)
    studies.compute(computed[0], store)
    assert data.version(study) != before  # nothing read before is taken for the whole
    assert "Every table of this study is finished" in words(run(app))


def test_a_finished_study_can_be_looked_at_again(start, computed, tmp_path, monkeypatch):
    """Prompts are rewritten and checkpoints are added where no page looks, and what was measured before still shows."""
    began = []
    monkeypatch.setattr(jobs, "start", lambda store, name, arguments: began.append((name, arguments)))
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    app = start(store.root, study="tiny")
    assert "would compute nothing, unless checkpoints, prompts or measures have changed since" in words(app)
    app.button(key="again").click()
    run(app)
    ((name, arguments),) = began
    assert name == "tiny"
    assert arguments[:2] == ["compute", str(store.root / "studies" / "tiny" / "study.toml")]


def test_a_finished_study_says_what_a_run_would_still_compute(start, computed, tmp_path):
    """What is put together at every reading is no table of a finished study, and its parts may be missing."""
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    studies.remove(studies.files(store, "spectra"))
    app = start(store.root, study="tiny")
    assert "What a run would compute beside them: geometry 21." in words(app)
    assert "would compute nothing" not in words(app)
    assert app.button(key="continue").label == "Compute"


def test_what_a_training_gave_alarm_for_is_on_the_study_page(start, computed, tmp_path):
    from phcore.study import raised

    store = studies.copy_archive(computed[1], tmp_path / "cache")
    assert "while it trained" not in words(start(store.root, study="tiny"))
    found = [
        raised.Raised("helpful", 8, "jump", "The loops moved *far*."),
        raised.Raised("helpful", 9, "stable", "Calm."),
    ]
    raised.add(found, "tiny", store)
    app = start(store.root, study="tiny")
    [warning] = [one for one in app.warning if "helpful, step 8" in one.value]
    assert "\\*far\\*" in warning.value  # text, not Markdown
    assert "All 2 alarms while it trained" in [one.label for one in app.expander]
