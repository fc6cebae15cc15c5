"""Fixtures shared by the tests of the pipeline."""

import pytest

from phcore.archive.store import Store
from phcore.stages.registry import tables
from tests import studies


@pytest.fixture
def without_judges():
    """No table judges others: a run puts all tables together alike, and those take most of its time."""
    known = dict(tables())
    for name in studies.evidence():
        del tables()[name]
    yield
    tables().clear()
    tables().update(known)  # in their order, which the documents have


@pytest.fixture
def study(llama, tmp_path):
    return studies.build_few(tmp_path, llama, "helpful")


@pytest.fixture
def peaceful(once, llama, without_judges):
    """Archive of the same study, computed in peace. Read only."""

    def build(folder):
        studies.compute(studies.build_few(folder, llama, "helpful"), Store(folder / "cache"))

    return once("undisturbed", build) / "cache"


@pytest.fixture
def undisturbed(peaceful):
    """Its results."""
    return studies.contents(peaceful)
