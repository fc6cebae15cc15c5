"""Which prompts moved the topology most: what a distance loses when one prompt is left out of both clouds."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from phcore.errors import Fault
from phcore.topology.distances import wasserstein
from phcore.topology.persistence import subset_diagrams


def left_out(
    before: np.ndarray,
    after: np.ndarray,
    indices: np.ndarray,
    *,
    degree: int = 1,
    order: float = 2.0,
    norm: float = 2.0,
) -> Iterator[tuple[int, np.ndarray]]:
    """What leaving out each prompt takes from the distance between two checkpoints, subsample by subsample.

    The loss of prompt x is W(D, D') - W(D without x, D' without x), with both diagrams computed again and nothing
    approximated. It is negative for a prompt that held the two diagrams together. Losses need not add up to W.

    Parameters
    ----------
    before, after : (n, n) distances of the same prompts at two checkpoints, at the scale to compare.
    indices : (count, m) subsamples, as from `phcore.topology.clouds.subsamples`.
    degree : 0 or 1.
    order, norm : as in `phcore.topology.distances.wasserstein`.

    Yields
    ------
    Number of the subsample and (m,) losses in units of the distances, in the order of its row. Matrices and
    subsamples are checked at the call, before the first of them.

    Raises
    ------
    Fault : matrices of different prompts or not of distances, another degree, a subsample of fewer than two prompts.
    """
    before, after, indices = np.asarray(before), np.asarray(after), np.asarray(indices)
    if before.shape != after.shape:
        raise Fault(
            f"distances of the shapes {before.shape} and {after.shape} are not of the same prompts",
            "compare two checkpoints of one study",
        )
    if degree not in (0, 1):
        raise Fault(f"there is no H{degree} here", "use degree 0 or 1")
    if indices.ndim != 2 or indices.shape[1] < 2:
        raise Fault(
            f"subsamples of the shape {indices.shape} leave nothing when a prompt is left out",
            "give (count, m) indices with at least two prompts in each row",
        )
    diagrams = subset_diagrams(before), subset_diagrams(after)

    def distance(row: np.ndarray) -> float:
        a, b = (of(row)[degree] for of in diagrams)
        return wasserstein(a, b, order=order, norm=norm)

    def losses(row: np.ndarray) -> np.ndarray:
        whole = distance(row)
        return np.array([whole - distance(np.delete(row, place)) for place in range(len(row))])

    return ((number, losses(row)) for number, row in enumerate(indices))


def influence(
    losses: Iterable[tuple[int, np.ndarray]], indices: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Losses by prompt, over the subsamples that hold it.

    Parameters
    ----------
    losses : number of a subsample and (m,) losses, as from `left_out`; not necessarily of all subsamples.
    indices : (count, m) the subsamples.

    Returns
    -------
    prompts : (k,) int, all prompts of ``indices``, rising.
    mean : (k,) mean loss, NaN for a prompt without any.
    deviation : (k,) standard deviation over the subsamples (ddof 1), NaN for fewer than two.
    counts : (k,) int number of subsamples.
    """
    indices = np.asarray(indices)
    each = [pd.DataFrame({"prompt": indices[number], "loss": loss}) for number, loss in losses]
    prompts = np.unique(indices)
    found = pd.concat(each or [pd.DataFrame({"prompt": [], "loss": []})]).groupby("prompt")["loss"]
    table = found.agg(["mean", "std", "count"]).reindex(prompts)
    return prompts, table["mean"].to_numpy(), table["std"].to_numpy(), table["count"].fillna(0).to_numpy(np.intp)
