"""Archives of the first releases open with their numbers, and say what they lack."""

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from phcore.archive.store import Store
from phcore.export.results import Results
from phcore.stages.registry import tables

DATA = Path(__file__).resolve().parents[2] / "data"
LATER = {one.name for one in tables().values() if one.evidence}  # what these versions did not know, or otherwise


@pytest.fixture(params=["0.1", "0.2"])
def released(request, tmp_path):
    with zipfile.ZipFile(DATA / f"archive-{request.param}.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["velocities", "bars", "distances", "floors"])
def test_numbers_are_those_of_the_release(released, name):
    study = Results.open("frozen", Store(released / "cache"))
    given = pd.read_csv(released / "given" / f"{name}.csv")
    shared = [column for column in given if column in study.table(name)]
    assert "layer" in shared
    assert len(shared) >= 5
    pd.testing.assert_frame_equal(study.table(name)[shared], given[shared], check_dtype=False, rtol=1e-12)


def test_what_is_missing_is_evidence_alone(released):
    study = Results.open("frozen", Store(released / "cache"))
    assert study.complete
    assert set(study.missing) <= LATER
    assert {"geometry", "gaussian_nulls", "scores"} <= set(study.missing)
    assert study.cloud("helpful", 2, 1).shape == (16, 32)
