"""Length removed: H1 velocities of a series with the length of the prompts regressed out of its clouds."""

import numpy as np
import pyarrow as pa

from phcore.stages import sensitivity
from phcore.stages.registry.arrow import from_rows
from phcore.stages.registry.result import SERIES_LAYER, Result, Table
from phcore.stages.sensitivity import FEW_SUBSAMPLES, NAMES, loops_of, mean_distance
from phcore.study import SCALES
from phcore.topology import clouds as points_of
from phcore.topology.explained import without

VARIED = "prompt length"
SETTINGS = ("as it is", "regressed out")


def compute(
    clouds: tuple[np.ndarray, ...], prompt_lengths: tuple[np.ndarray, ...], steps: tuple[int, ...], metric: str,
    engine: str, subsamples: int, subsample_size: int, seed: int, order: float, norm: float, few: int,
) -> pa.Table:  # fmt: skip
    """Mean H1 velocity over at most `few` subsamples of the clouds as they are, and without what ln(length) explains.

    Parameters
    ----------
    clouds : the (n, d) clouds of a series at one layer, in order of step.
    prompt_lengths : the same for each of them.
    """
    n, lengths = len(clouds[0]), np.log(np.maximum(1, prompt_lengths[0]))
    size = points_of.subsample_size(n, subsample_size) if subsamples else int(0.8 * n)
    sets = points_of.subsamples(n, count=min(few, subsamples or few), size=size, seed=seed)
    rows = []
    for setting in SETTINGS:
        found = [loops_of(cloud if setting == SETTINGS[0] else _freed(cloud, lengths), sets, metric, engine)
                 for cloud in clouds]  # fmt: skip
        rows += [
            (step_from, step, VARIED, setting, scale, mean_distance(*pair, scale, order, norm))
            for step_from, step, *pair in zip(steps, steps[1:], found, found[1:], strict=False)
            for scale in SCALES
        ]
    return from_rows(rows, NAMES)


def _freed(cloud: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    return without(cloud, lengths) if np.isfinite(cloud).all() else cloud


RESULT = Result(
    name="length_removed",
    label="Sensitivity",
    per=SERIES_LAYER,
    needs=("clouds", "prompt_lengths"),
    parameters=("steps", "metric", "engine", "subsamples", "subsample_size", "seed", "order", "norm"),
    settings={"few": FEW_SUBSAMPLES},
    compute=compute,
)
TABLE = Table(
    name="length_removed",
    gathers="length_removed",
    order=sensitivity.TABLE.order,
    evidence=True,
    later=True,
    columns=sensitivity.TABLE.columns
    | {"varied": "prompt length", "setting": "as it is, or regressed out of every cloud (by its logarithm)"},
)
