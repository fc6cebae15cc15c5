"""Checkpoints as people have them: the quick part of `make wild`."""

from pathlib import Path

import pytest

from scripts.wild.cases import chosen
from scripts.wild.document import row
from scripts.wild.judge import judge

DOCUMENT = (Path(__file__).parents[2] / "docs" / "checkpoints.md").read_text(encoding="utf-8")
CASES = [one for one in chosen() if one.quick]


@pytest.fixture(scope="module")
def workshop(tiny, lora):
    return tiny("llama"), lora("llama")


@pytest.mark.model
@pytest.mark.parametrize("case", CASES, ids=[f"{one.group}: {one.title}" for one in CASES])
def test_is_read_or_refused_with_its_cause(workshop, case):
    verdict, why = judge(case, *workshop)
    assert verdict in ("right", "refused", "not built"), f"{verdict}: {why}"
    assert row(case, verdict, why) in DOCUMENT, (
        "docs/checkpoints.md says something else: python -m scripts.wild --write"
    )


def test_the_judge_is_no_friend(workshop, tmp_path):
    """Wrong steps, other causes, silence and crashes are told."""
    from scripts.wild.case import Case, Expected

    def told(build):
        return judge(Case("", "", build, True), *workshop)[0]

    def run(made, *names):
        for name in names:
            made.adapter(f"run/{name}")

    def wrong_step(made):
        run(made, "checkpoint-1", "checkpoint-2")
        return Expected({("run", 0): [1, 3]})

    def wrong_cause(made):
        run(made, "checkpoint-1", "best")
        return Expected({("run", 0): [1]}, {"run/best": "too large"})

    def silent(made):
        run(made, "checkpoint-1")
        return Expected({("run", 0): [1]}, said=("the moon",))

    def crash(made):
        raise ZeroDivisionError

    assert [told(one) for one in (wrong_step, wrong_cause, silent, crash)] == ["wrong", "wrong", "silent", "crash"]
