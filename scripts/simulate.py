"""Studies whose answer is known: clouds that move by a rule, measured by the project's own functions.

A statistic is calibrated where it says "something is there" in 5 % of the studies in which nothing is. What
"nothing" means is a choice, and here are four (`NULL_KINDS`): checkpoints have nothing in common but their
distribution; they are one cloud under fresh noise; the noise is stationary and remembers; the points walk at
random from the base, equally far at every checkpoint. In the others (`CHANGE_KINDS`) something happens, and what
each statistic should answer follows from theory.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from phcore.errors import Fault
from phcore.topology import clouds, persistence, summaries
from phcore.topology.distances import wasserstein

NULL_KINDS = {
    "redrawn": "another cloud of the same distribution at every checkpoint",
    "fresh": "one cloud under noise drawn afresh at every checkpoint, the base included",
    "drift": "one cloud under stationary noise that correlates by 0.95 from checkpoint to checkpoint",
    "walk": "a random walk from the base, steps of the same size at every checkpoint",
}
CHANGE_KINDS = {
    "early burst": "a random walk, its steps in the first third of the transitions three times the others",
    "late burst": "a random walk, its steps in the last third of the transitions three times the others",
    "jump": "a Gaussian cloud that becomes a circle with noise at the middle transition, over a random walk",
    "shift": "the base cloud translated, by as much at every checkpoint: no distance changes",
    "scaling": "the base cloud grown by a tenth at every checkpoint: no shape changes",
    "objective shape": "a random walk; the clouds of the first objective turn into a circle while it lasts",
}
KINDS = NULL_KINDS | CHANGE_KINDS
SOURCES = {
    "prompts": "every prompt moves on its own",
    "weights": "all prompts move by one random linear map, as a change of weights moves them",
}
MEMORY = 0.95
BURST = 3.0
GROWTH = 1.1
_RADIUS, _THICKNESS = 2.0, 0.2  # of the circle, where a coordinate of the Gaussian cloud has deviation 1
_LAYERS = 0.8  # correlation between the same draw at two layers
_ORDER, _NORM = 2.0, 2.0
_BASE = "base"


@dataclass(frozen=True)
class Simulated:
    """A study as the project's functions measure it.

    Attributes
    ----------
    velocities, distances, summaries : the tables of those names, at both scales, order 2 and norm 2 (summaries
        raw). Distances are those between checkpoints of one series and the base.
    objectives : series -> objective.
    prompts, size : n and m of the subsamples.
    """

    velocities: pd.DataFrame
    distances: pd.DataFrame
    summaries: pd.DataFrame
    objectives: dict[str, str]
    prompts: int
    size: int


def simulate(
    kind: str,
    *,
    seed: int,
    series: int = 1,
    objectives: int = 1,
    prompts: int = 60,
    dimension: int = 8,
    checkpoints: int = 11,
    steps: np.ndarray | None = None,
    subsamples: int = 8,
    size: int = 40,
    layers: int = 1,
    move: float = 0.05,
    source: str = "prompts",
    degrees: tuple[int, ...] = (0, 1),
    scales: tuple[str, ...] = ("raw", "median"),
    summarise: bool = True,
    by_step: bool = False,
) -> Simulated:
    """One study of a kind, measured.

    Parameters
    ----------
    kind : of `KINDS`.
    seed : of everything random; other seeds are other, independent studies.
    series, objectives : runs, all from one base; run k has the objective k modulo ``objectives``.
    prompts, dimension : n and d of each cloud; its coordinates start out standard normal.
    checkpoints : of one run, its base included.
    steps : (checkpoints,) ascending from 0; without it 0, 1, 2 and so on. Clouds do not depend on it.
    subsamples, size : B and m.
    layers : their clouds and noises correlate by 0.8.
    move : standard deviation of a coordinate's move from one checkpoint to the next, where nothing happens;
        "redrawn" does not use it.
    source : of `SOURCES`.
    degrees, scales : of the distances, which take most of the time.
    summarise : whether the table of summaries is wanted; it takes most of the rest.
    by_step : whether walks move as far in every training step, and bursts are counted in steps (their first or last
        quarter), not in checkpoints.

    Raises
    ------
    Fault : an unknown kind or source, steps that do not fit, fewer than four checkpoints or two dimensions.
    """
    steps = np.arange(checkpoints) if steps is None else np.asarray(steps)
    _check(kind, source, checkpoints, dimension, steps)
    names = [f"run {k}" for k in range(series)]
    labels = {name: f"objective {k % objectives}" for k, name in enumerate(names)}
    rng = np.random.default_rng(seed)
    base = _correlated(rng, layers, (prompts, dimension))
    angles = rng.uniform(0, 2 * np.pi, prompts)
    # One first draw for all runs: they leave from one base.
    first = _innovations(rng, base, 1, source)
    sets = clouds.subsamples(prompts, count=subsamples, size=size, seed=seed)
    velocities, distances, about = [], [], []
    for k, name in enumerate(names):
        draws = np.concatenate([first, _innovations(rng, base, checkpoints - 1, source)])
        how = {"move": move, "chosen": k % objectives == 0, "steps": steps if by_step else None}
        moved = path(kind, base, draws, angles, **how)
        for layer in range(layers):
            measured = [_measure(cloud, sets) for cloud in moved[:, layer]]
            apart = {
                (i, j): _apart(measured[i], measured[j], degrees, scales) for j in range(len(steps)) for i in range(j)
            }
            velocities += _velocities(name, layer, steps, apart)
            distances += _distances(name, layer, steps, apart)
            about += _summaries(name, layer, steps, measured) if summarise else []

    return Simulated(
        pd.DataFrame(velocities, columns=_VELOCITIES),
        pd.DataFrame(distances, columns=_DISTANCES),
        pd.DataFrame(about, columns=["series", "step", "layer", "subsample", *summaries.FEATURES]),
        labels,
        prompts,
        sets.shape[1],
    )


def path(
    kind: str,
    base: np.ndarray,
    draws: np.ndarray,
    angles: np.ndarray,
    *,
    move: float = 0.05,
    chosen: bool = True,
    steps: np.ndarray | None = None,
) -> np.ndarray:
    """(T + 1, L, n, d) clouds of one run.

    Parameters
    ----------
    base : (L, n, d) the cloud without noise.
    draws : (T + 1, L, n, d) independent noise of deviation 1, the first of it for the base.
    angles : (n,) where each prompt will be on the circle, if there is one.
    move : as in `simulate`.
    chosen : whether this is a run of the objective that "objective shape" is about.
    steps : (T + 1,) of the checkpoints, where walks know of them.
    """
    transitions = len(draws) - 1
    time = np.arange(transitions + 1)
    if kind == "redrawn":
        return draws
    if kind == "fresh":
        return base + move / np.sqrt(2) * draws
    if kind == "drift":
        return base + move / np.sqrt(2 * (1 - MEMORY)) * _remembering(draws, MEMORY)
    if kind == "shift":
        direction = np.ones(base.shape[-1]) / np.sqrt(base.shape[-1])
        return base + time[:, None, None, None] * direction
    if kind == "scaling":
        return base * GROWTH ** time[:, None, None, None]
    third = round(transitions / 3)
    factor = np.ones(transitions)
    first, last = time[1:] <= third, time[1:] > transitions - third
    if steps is not None:
        gaps = np.diff(steps)
        factor = np.sqrt(gaps / gaps.mean())
        first, last = 4 * steps[1:] <= steps[-1], 4 * steps[:-1] >= 3 * steps[-1]
    if kind == "early burst":
        factor[first] *= BURST
    if kind == "late burst":
        factor[last] *= BURST
    walk = move * factor[:, None, None, None] * draws[1:]
    walked = np.concatenate([np.zeros_like(draws[:1]), walk.cumsum(axis=0)])
    circle = _circle(angles, base)
    if kind == "jump":
        late = time > event(transitions)
        return np.where(late[:, None, None, None], circle, base) + walked
    if kind == "objective shape" and chosen:
        share = (time / transitions)[:, None, None, None]
        return (1 - share) * base + share * circle + walked
    return base + walked


def event(transitions: int) -> int:
    """Number, from 0, of the transition in which a "jump" happens."""
    return transitions // 2


# --- clouds ---------------------------------------------------------------------------------------


def _correlated(rng: np.random.Generator, layers: int, shape: tuple[int, ...]) -> np.ndarray:
    """(layers, *shape) standard normal, the same entry at two layers correlated."""
    common, own = rng.normal(size=shape), rng.normal(size=(layers, *shape))
    return np.sqrt(_LAYERS) * common + np.sqrt(1 - _LAYERS) * own


def _innovations(rng: np.random.Generator, base: np.ndarray, count: int, source: str) -> np.ndarray:
    """(count, L, n, d) independent noise, every coordinate of deviation 1 over draws (and prompts)."""
    layers, prompts, dimension = base.shape
    if source == "prompts":
        return np.stack([_correlated(rng, layers, (prompts, dimension)) for _ in range(count)])
    maps = np.stack([_correlated(rng, layers, (dimension, dimension)) for _ in range(count)])
    return base @ maps / np.sqrt(dimension)


def _remembering(draws: np.ndarray, memory: float) -> np.ndarray:
    """Stationary first-order autoregression of deviation 1 along the first axis."""
    noise = [draws[0]]
    for draw in draws[1:]:
        noise.append(memory * noise[-1] + np.sqrt(1 - memory**2) * draw)
    return np.stack(noise)


def _circle(angles: np.ndarray, base: np.ndarray) -> np.ndarray:
    """(L, n, d) a circle in the first two dimensions, the base cloud shrunk as noise around it."""
    circle = _THICKNESS * base
    circle[..., 0] += _RADIUS * np.cos(angles)
    circle[..., 1] += _RADIUS * np.sin(angles)
    return circle


# --- what the project measures --------------------------------------------------------------------

_VELOCITIES = ["series", "step_from", "step", "layer", "subsample", "degree", "order", "norm", "scale", "value"]
_DISTANCES = ["series_a", "step_a", "series_b", "step_b", "layer", "degree", "order", "norm", "scale", "value"]
Measured = tuple[list[persistence.Diagrams], float]  # diagrams by subsample, and the median distance of the cloud


def _measure(cloud: np.ndarray, sets: np.ndarray) -> Measured:
    matrix = clouds.distance_matrix(cloud)
    return persistence.cell_diagrams(matrix, sets), clouds.median_distance(matrix)


def _apart(a: Measured, b: Measured, degrees: tuple, scales: tuple) -> dict[tuple, np.ndarray]:
    """(degree, order, norm, scale) -> (B,) distances between the subsamples' diagrams of two clouds."""
    divisors = {"raw": (1.0, 1.0), "median": (a[1], b[1])}
    return {
        (degree, _ORDER, _NORM, scale): np.array(
            [
                wasserstein(x[degree] / divisors[scale][0], y[degree] / divisors[scale][1], order=_ORDER, norm=_NORM)
                for x, y in zip(a[0], b[0], strict=True)
            ]
        )
        for scale in scales
        for degree in degrees
    }


def _velocities(name: str, layer: int, steps: np.ndarray, apart: dict) -> list[tuple]:
    return [
        (name, steps[t], steps[t + 1], layer, b, *label, value)
        for t in range(len(steps) - 1)
        for label, of_subsamples in apart[t, t + 1].items()
        for b, value in enumerate(of_subsamples)
    ]


def _distances(name: str, layer: int, steps: np.ndarray, apart: dict) -> list[tuple]:
    nodes = [(name if t else _BASE, step) for t, step in enumerate(steps)]
    return [
        (*nodes[i], *nodes[j], layer, *label, of_subsamples.mean())
        for (i, j), found in apart.items()
        for label, of_subsamples in found.items()
    ]


def _summaries(name: str, layer: int, steps: np.ndarray, measured: list[Measured]) -> list[tuple]:
    return [
        (name, step, layer, b, *summaries.summary(diagrams))
        for step, (cell, _) in zip(steps, measured, strict=True)
        for b, diagrams in enumerate(cell)
    ]


def _check(kind: str, source: str, checkpoints: int, dimension: int, steps: np.ndarray) -> None:
    if kind not in KINDS:
        raise Fault(f"unknown kind {kind!r} of a study", f"use one of {', '.join(KINDS)}")
    if source not in SOURCES:
        raise Fault(f"unknown source {source!r} of noise", f"use one of {', '.join(SOURCES)}")
    if checkpoints < 4 or dimension < 2:
        raise Fault(
            f"{checkpoints} checkpoints in {dimension} dimensions have no first third or no circle",
            "use at least 4 checkpoints and 2 dimensions",
        )
    if len(steps) != checkpoints or steps[0] != 0 or (np.diff(steps) <= 0).any():
        raise Fault("the steps do not fit the checkpoints", "give one step per checkpoint, ascending from 0")
