"""Fixtures shared by the tests of the pipeline."""

import pytest

from phcore.stages.registry import tables
from tests import studies


@pytest.fixture
def without_judges(monkeypatch):
    """No table judges others: a run puts all tables together alike, and those take most of its time."""
    for name in studies.evidence():
        monkeypatch.delitem(tables(), name)
