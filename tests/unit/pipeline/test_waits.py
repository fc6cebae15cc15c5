"""What a run waited for, told in a sentence."""

from types import SimpleNamespace

import pytest

from phcore.pipeline.waits import Waits
from tests import studies

RESULT, TABLE = SimpleNamespace(place="a cell"), SimpleNamespace(place=None)


@pytest.fixture
def clock():
    """A clock that stands still until it is set."""
    return SimpleNamespace(now=100.0)


def told(clock, *course) -> str:
    """course : (seconds since the beginning, whether models are read, what the workers have to do)."""
    waits = Waits(lambda: clock.now)
    for seconds, reads, pending in course:
        clock.now = 100.0 + seconds
        waits.reading(reads, pending)
    return waits.words


@pytest.mark.parametrize(
    ("course", "words"),
    [
        ([(0, True, ()), (12, True, [RESULT]), (40, False, [RESULT, TABLE]), (70, False, [TABLE]), (74, False, ())],
         "Time went to: reading models 40 s, 12 s of it with idle workers; results 30 s after the last model; "
         "tables 4 s."),
        ([(0, True, [RESULT]), (5, False, ()), (90, False, ())], "Time went to: reading models 5 s."),
        ([(0, False, [RESULT]), (8, False, [TABLE]), (8.1, False, ())], "Time went to: results 8 s."),
        ([(0, False, ()), (60, False, ())], ""),
        ([], ""),
    ],
    ids=["all", "reading alone", "nothing to read", "nothing to do", "nothing"],
)  # fmt: skip
def test_seconds_go_to_what_the_run_waited_for(clock, course, words):
    assert told(clock, *course) == words


def test_a_run_adds_its_time_up(study_of_one, monkeypatch):
    """To what passes between its first unit and its last."""
    study, store = study_of_one
    _, run = studies.compute(study, store)
    spent = dict(run.waits._spent)
    assert spent["reading"] + spent["idle"] > 0
    assert spent["results"] + spent["tables"] > 0
    assert run.waits._state == ""


@pytest.fixture
def study_of_one(llama, tmp_path):
    from phcore.archive.store import Store

    return studies.build_few(tmp_path, llama, "full"), Store(tmp_path / "cache")
