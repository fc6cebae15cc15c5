"""What a worker of `tests/unit/pipeline/test_cluster.py` loads first: it dies with the tests, and keeps a diary."""

import os
import pickle

from phcore.errors import Unusable
from phcore.pipeline import errands, reading
from phcore.pipeline.workers import die_with_parent
from phcore.stages.registry import tables
from tests import studies

die_with_parent(int(os.environ["TESTS"]))
for name in studies.evidence():  # as `without_judges` does for the tests
    del tables()[name]

performed, taken = errands.perform, reading.Readings._taken


def perform(errand: bytes) -> object:
    _, _, arguments = pickle.loads(errand)
    if arguments[0].__class__ is str:
        what = f"{arguments[2].words} {arguments[2].reading}"
    else:
        what = f"{arguments[2]} {arguments[3]}" if isinstance(arguments[2], str) else f"table {arguments[3]}"
    with open(os.environ["DIARY"], "a") as diary:
        print(os.getpid(), what, file=diary)
    if what.split()[0] == os.environ.get("DEADLY"):
        os._exit(1)
    return performed(errand)


def refuse(self, one, *more, **how):
    if one.node.path.endswith("checkpoint-8"):
        raise Unusable("its weights are those of another model", "Pick the base it was trained on", one.node.path)
    return taken(self, one, *more, **how)


errands.perform, reading.Readings._taken = perform, refuse
