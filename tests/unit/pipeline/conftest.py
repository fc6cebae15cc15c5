"""Fixtures shared by the tests of the pipeline."""

import pytest

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
