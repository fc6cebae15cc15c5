"""The tables of what was found: what somebody changed in them reaches the study."""

import pandas as pd

from pages.parts.found_series import _changes, _said
from phcore import checkpoints
from tests import paper


def test_steps_and_checkpoints_that_somebody_changed(tmp_path):
    base = paper.model(tmp_path / "base")
    for folder in ("checkpoint-1", "checkpoint-2", "best"):
        paper.lora(tmp_path / "run" / folder)
    [found] = checkpoints.scan(tmp_path / "run", base)
    rows = pd.DataFrame(
        {"series": "run", "folder": one.folder, "step": one.step, "include": one.ready} for one in found.checkpoints
    )
    assert _changes(found, rows) == ({}, ())
    rows.loc[rows["folder"] == "best", "step"] = 30
    rows.loc[rows["folder"] == "checkpoint-1", "include"] = False
    assert _changes(found, rows) == ({"best": 30}, ("checkpoint-1",))
    again = checkpoints.scan(tmp_path / "run", base, None, *_changes(found, rows))[0].checkpoints
    assert [(one.folder, one.step, one.status) for one in again] == [
        ("checkpoint-1", 1, "left out"), ("checkpoint-2", 2, "ready"), ("best", 30, "ready"),
    ]  # fmt: skip


def test_a_column_without_entries_is_not_shown():
    rows = pd.DataFrame({"include": [False, False], "series": ["a", "b"], "folders": ["", ""]})
    assert _said(rows) == ["include", "series"]
    assert _said(rows.assign(folders=["", "a-*"])) == ["include", "series", "folders"]
