"""The Share page, and what can be saved below a chart."""

import pytest

from pages.parts import draw
from phcore.export.pack import pack
from phcore.export.results import Results
from phcore.figures.registry import PRINTED
from tests.app.conftest import ROOT, run, unfold, words


def test_the_report_is_shown_and_offered(start):
    app = start(ROOT / "cache", "share")
    assert "asks the network for nothing" in words(app)
    assert not app.get("iframe")
    # One for each of 217 checkpoints: they take longer than all other charts together, and tests/unit has them.
    app.multiselect(key="s_charts").set_value([one for one in PRINTED if one != "barcode"])
    run(app).button(key="s_write").click()
    run(app)
    assert len(app.get("iframe")) == 1
    (label,) = (one.label for one in app.get("download_button") if one.label.startswith("Download the report ("))
    assert 1 < float(label.split("(")[1].split(" MB")[0]) < 10  # what a mail takes


def test_title_notes_and_charts_are_the_users(start, computed):
    app = start(computed[1], "share", study="tiny")
    app.multiselect(key="s_charts").set_value(["velocity"])
    app.text_input(key="s_title").set_value("A <b>title</b>")
    run(app).text_area(key="s_note_velocity").set_value("Mind the scale.")
    run(app).button(key="s_write").click()
    page = run(app).get("iframe")[0].proto.srcdoc
    assert "A &lt;b&gt;title" in page
    assert "Mind the scale." in page
    assert 'id="heatmap"' not in page
    app.text_input(key="s_title").set_value("Another")
    assert "The choices have changed" in words(run(app))
    assert app.get("iframe")[0].proto.srcdoc == page


@pytest.mark.parametrize("part", ["Figures and tables", "The study", "Methods"])
def test_every_part_of_a_small_study(start, computed, part):
    app = start(computed[1], "share", study="tiny", s_part=part)
    assert words(app)


def test_the_zip_and_the_pack_are_made_on_demand(start, computed):
    app = start(computed[1], "share", study="tiny", s_part="The study")
    app.button(key="s_pack").click()
    assert any(one.label.startswith("Download (") for one in run(app).get("download_button"))


def test_a_study_that_was_sent_is_opened(start, computed, tmp_path):
    sent = pack(Results.open("tiny", computed[1]), tmp_path / "sent.zip").path.read_bytes()
    app = start(tmp_path / "cache", "share")
    app.file_uploader(key="s_open").upload("sent.zip", sent, "application/zip")
    run(app).button(key="s_unpack").click()
    assert "tiny is in the archive" in words(run(app))
    assert Results.open("tiny", tmp_path / "cache").finished


def test_a_file_that_is_no_pack_is_refused(start, tmp_path):
    app = start(tmp_path / "cache", "share")
    app.file_uploader(key="s_open").upload("sent.zip", b"PK not really", "application/zip")
    run(app).button(key="s_unpack").click()
    assert app.error or run(app).error


def test_each_chart_can_be_saved_below_it(start, computed):
    app = unfold(start(computed[1], "evidence", study="tiny", e_layer=2))
    labels = [one.label for one in app.get("download_button")]
    assert labels[:5] == ["CSV", "Parquet", "SVG", "PNG", "PDF"]
    assert labels[5:] == ["CSV", "Parquet"]  # a table without a chart of its own


def test_what_is_saved_is_the_chart_drawn_last(start, computed, monkeypatch):
    seen = []
    whole = draw.take_last
    monkeypatch.setattr(draw, "take_last", lambda: seen.append(whole()) or seen[-1])
    start(computed[1], "evidence", study="tiny", e_layer=2)
    name, save = seen[0]
    assert name == "chart-gaussian"
    assert b"174mm" in save("svg")
