"""Token bars: the bars of each chosen prompt's own cloud, at raw scale."""

from contextlib import suppress

import numpy as np
import pyarrow as pa

from phcore.errors import Fault
from phcore.stages.registry.arrow import from_rows
from phcore.stages.registry.result import CELL_WORDS, DISTANCE_WORDS, TOKEN_CELL, Result, Table
from phcore.topology.clouds import distance_matrix
from phcore.topology.persistence import diagrams

NAMES = ("prompt", "degree", "birth", "death")


def compute(token_clouds: dict[int, np.ndarray], metric: str, engine: str) -> pa.Table:
    """Nothing for a cloud that is not finite, or in which the metric does not say how far two tokens are apart."""
    rows = []
    for number, cloud in token_clouds.items():
        with suppress(Fault):
            bars = diagrams(distance_matrix(cloud, metric=metric), engine=engine)
            rows += [(number, degree, *bar) for degree, some in enumerate(bars) for bar in some.tolist()]
    return from_rows(rows, NAMES)


def decode(table: pa.Table) -> dict[int, list[np.ndarray]]:
    """prompt -> bars of degree 0 and 1, each (k, 2); a prompt without any has no entry."""
    number, degree, birth, death = (table[name].to_numpy() for name in NAMES)
    bars = np.column_stack([birth, death])
    return {int(one): [bars[(number == one) & (degree == k)] for k in (0, 1)] for one in np.unique(number)}


RESULT = Result(
    name="token_bars",
    label="Barcodes",
    per=TOKEN_CELL,
    needs=("token_clouds",),
    parameters=("metric", "engine"),
    compute=compute,
    decode=decode,
    size=lambda record: 4_000 + 1_000 * len(record.study.tokens),
)
TABLE = Table(
    name="token_bars",
    gathers="token_bars",
    order=("step", "layer", *NAMES),
    published=False,
    columns={
        **CELL_WORDS,
        "prompt": "number of the prompt in the probe set, from 0",
        "degree": DISTANCE_WORDS["degree"],
        "birth": "distance at which the bar begins, at raw scale",
        "death": "distance at which it ends; the one endless bar of degree 0 is left out",
    },
)
