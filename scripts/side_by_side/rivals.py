"""Other libraries for diagrams and distances. What is not installed is left out, and said so."""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import persim
import redzed_tda
from ripser import ripser

from phcore.topology.clouds import distance_matrix
from phcore.topology.distances import wasserstein
from phcore.topology.persistence import cell_diagrams

HERE = Path(__file__).resolve().parent


BARE = "the bare engine (redzed-tda)"
SLOWEST = {"GUDHI": 4}  # subsamples of a way that takes as long for one as others for hundreds


def of_diagrams(cloud: np.ndarray, indices: np.ndarray) -> dict[str, Callable[[], list]]:
    """Ways to H0 and H1 of each subsample: name -> call, ours first.

    The bare engine is handed matrices of ranks that are made beforehand: what is left is the engine alone.
    """
    distances = distance_matrix(cloud)
    order = np.unique(distances, return_inverse=True)[1].reshape(distances.shape).astype(float)
    ranks = [order[np.ix_(row, row)] for row in indices]
    ways = {
        "this project": lambda: cell_diagrams(distances, indices),
        BARE: lambda: [redzed_tda.rips(one) for one in ranks],
        "ripser.py": lambda: [ripser(cloud[row])["dgms"] for row in indices],
    }
    if importlib.util.find_spec("gph"):
        from gph import ripser_parallel

        ways["giotto-ph, one thread"] = lambda: [
            ripser_parallel(cloud[row], maxdim=1, n_threads=1)["dgms"] for row in indices
        ]
    if importlib.util.find_spec("gudhi"):
        ways["GUDHI"] = lambda: [_gudhi(cloud[row]) for row in indices[: SLOWEST["GUDHI"]]]
    return ways


def _gudhi(points: np.ndarray) -> list[np.ndarray]:
    import gudhi

    tree = gudhi.RipsComplex(points=points).create_simplex_tree(max_dimension=2)
    tree.compute_persistence()
    return [tree.persistence_intervals_in_dimension(degree) for degree in (0, 1)]


def finite(diagram: np.ndarray) -> np.ndarray:
    """Its finite bars of nonzero length, sorted: what all libraries agree on."""
    kept = diagram[np.isfinite(diagram[:, 1]) & (diagram[:, 1] > diagram[:, 0])]
    return kept[np.lexsort((kept[:, 1], kept[:, 0]))]


def largest_difference(ours: list, theirs: list) -> float:
    """Between bars of the same place, relative to the longest death; infinite where their numbers differ."""
    worst = 0.0
    for mine, other in zip(ours, theirs, strict=False):  # the slowest does the first few only
        for a, b in zip(mine, other, strict=True):
            a, b = finite(np.asarray(a, float)), finite(np.asarray(b, float))
            a, b = (one[one[:, 1] - one[:, 0] > 1e-5 * one[:, 1].max(initial=0)] for one in (a, b))
            if a.shape != b.shape:
                return float("inf")
            worst = max(worst, float(np.abs(np.sort(a[:, 1]) - np.sort(b[:, 1])).max(initial=0) / a.max(initial=1e-9)))
    return worst


def of_distances(earlier: list, later: list, degree: int) -> dict[str, Callable[[], np.ndarray]]:
    """Ways to W1 between diagrams of the same subsample, Euclidean ground metric."""
    pairs = [(a[degree], b[degree]) for a, b in zip(earlier, later, strict=True)]
    ways = {
        "this project": lambda: np.array([wasserstein(a, b, order=1) for a, b in pairs]),
        "persim": lambda: np.array([persim.wasserstein(a, b) for a, b in pairs]),
    }
    if importlib.util.find_spec("gudhi"):
        from gudhi.hera import wasserstein_distance as hera
        from gudhi.wasserstein import wasserstein_distance as pot

        ways["hera (1 %)"] = lambda: np.array([hera(a, b, order=1, internal_p=2) for a, b in pairs])
        if importlib.util.find_spec("ot"):
            ways["POT, through GUDHI"] = lambda: np.array([pot(a, b, order=1, internal_p=2) for a, b in pairs])
    return ways


def todacomm(python: str, model: Path, token_ids: list[list[int]], layer: int, clouds: np.ndarray) -> dict | None:
    """What ToDACoMM takes for the same prompts and subsamples, in an environment of its own.

    Parameters
    ----------
    clouds : (count, m, d), a subsample each.

    Returns
    -------
    seconds of reading and of each diagram, and the results; None where that environment is not there.
    """
    if not Path(python).exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder, "asked.npz"), clouds=clouds)
        Path(folder, "asked.json").write_text(json.dumps({"model": str(model), "tokens": token_ids, "layer": layer}))
        done = subprocess.run([python, str(HERE / "with_todacomm.py"), folder], capture_output=True, text=True)
        if done.returncode:
            print(done.stderr[-2000:], file=sys.stderr)
            return None
        found = json.loads(Path(folder, "found.json").read_text())
        with np.load(Path(folder, "found.npz")) as arrays:
            return found | {name: arrays[name] for name in arrays}
