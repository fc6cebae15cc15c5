"""Confounds: how much of a cloud's variance follows from how long its prompts are, what kind, and how far out."""

from collections import Counter

import numpy as np
import pyarrow as pa

from phcore.errors import Fault
from phcore.stages.registry.arrow import one_row
from phcore.stages.registry.result import CELL, CELL_WORDS, ROWS, Result, Table
from phcore.topology import explained
from phcore.topology.words import WORDS

MEASURES = WORDS["confound"]
COUNTS = {
    "prompts": "points of the cloud",
    "categories": "categories that the probe set names",
    "fewest": "prompts of the smallest of them",
    "most": "prompts of the largest",
}


def compute(clouds: np.ndarray, prompt_lengths: np.ndarray, categories: dict[int, str]) -> pa.Table:
    """One row. Lengths count by their logarithm: from 10 to 20 tokens is as far as from 20 to 40."""
    labels = [categories.get(number, "") for number in range(len(clouds))]
    kinds = Counter(one for one in labels if one)
    counts = [len(clouds), len(kinds), min(kinds.values(), default=0), max(kinds.values(), default=0)]
    try:
        found = _measured(clouds, np.log(np.maximum(1, prompt_lengths)), labels)
    except Fault:
        found = dict.fromkeys(MEASURES, float("nan"))
    return one_row(found | dict(zip(COUNTS, counts, strict=True)))


def _measured(cloud: np.ndarray, lengths: np.ndarray, labels: list[str]) -> dict[str, float]:
    norms = np.linalg.norm(np.asarray(cloud, np.float64), axis=1)
    return {
        "length_share": explained.share_explained(cloud, lengths),
        "category_share": explained.share_between(cloud, labels),
        "norm_share": explained.share_explained(cloud, norms),
        "first_component": explained.along_first_component(cloud, lengths),
    }


RESULT = Result(
    name="confounds",
    label="Geometry",
    per=CELL,
    needs=("clouds", "prompt_lengths"),
    parameters=("categories",),
    compute=compute,
)
TABLE = Table(
    name="confounds",
    gathers="confounds",
    order=ROWS,
    evidence=True,
    later=True,
    columns={**CELL_WORDS, **MEASURES, **COUNTS},
)
