"""A study with its results: what cannot be read says what could."""

import pytest

from phcore.errors import Fault
from phcore.export.results import Results


@pytest.fixture
def results(computed):
    return Results.open("tiny", computed[1])


def test_a_filter_by_a_column_that_is_not_there_names_the_nearest(results):
    with pytest.raises(Fault) as fault:
        results.table("velocities", degre=1)
    assert "table 'velocities' has no column 'degre'. Did you mean 'degree'? It has: series, " in str(fault.value)
    with pytest.raises(Fault, match=r"has no column 'x'\. It has: series, "):
        results.table("velocities", x=1)
    assert set(results.table("velocities", degree=1)["degree"]) == {1}


def test_another_device_is_no_other_study(computed):
    """Opening its file looks at no checkpoint again."""
    study, cache = computed
    here = Results.open("tiny", cache)
    file = study.with_(device="mps").write(cache.parent / "moved.toml")
    opened = Results.open(file, cache)
    assert opened.record.digest == here.record.digest
    assert opened.study.device == "mps"
