"""Fixtures shared by the tests of the pipeline."""

import pytest

from phcore.stages.registry import tables
from tests import studies


@pytest.fixture(scope="module")
def without_judges():
    """No table judges others: a run puts all tables together alike, and those take most of its time."""
    with pytest.MonkeyPatch.context() as patch:
        for name in studies.evidence():
            patch.delitem(tables(), name)
        yield
