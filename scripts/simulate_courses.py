"""Studies whose answer is known, at the level of summaries: runs that move by a rule of training steps, on any grid.

A summary of a subsample is where the run is, plus an error that all subsamples share, because another choice of prompts
would have another one, plus an error of its own. So thousands of studies are cheap; `scripts/simulate.py` makes clouds.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phcore.analysis import equal_windows, halfway, readings
from phcore.analysis.displacements import Course
from phcore.analysis.readings import Subject

LENGTH = 480
GRIDS = {
    "even": tuple(range(0, LENGTH + 1, 40)),
    "log": (0, *(2**k for k in range(9)), LENGTH),
    "dense early": (0, 10, 20, 30, 40, 80, *range(120, LENGTH + 1, 40)),
    "dense late": (0, 80, 120, 160, 240, 320, 360, 400, *range(440, LENGTH + 1, 10)),
    "irregular": (0, 20, 60, 70, 120, 200, 240, 250, 330, 360, 420, LENGTH),
}
KINDS = {
    "walk": "a random walk, its variance grows with every training step",
    "drift": "a straight line at one speed, with a little of a walk",
    "jitter": "nothing but the error of these prompts, drawn afresh at every checkpoint",
    "saturation": "a stationary process that forgets within a twentieth of the run",
    "early burst": "a walk whose displacement is five times as fast in the first quarter of the steps",
    "index burst": "a walk whose displacement is five times as fast in the first third of the checkpoints",
    "late burst": "a walk whose displacement is five times as fast in the last quarter of the steps",
    "transient": "a walk whose displacement is twenty times as fast in the first sixth of the steps",
    "relaxation": "a straight line that slows down: 1 - exp(-8 t)",
}
FEATURES, SUBSAMPLES, PROMPTS = 20, 16, 40
FACTOR = 1 + 1 / SUBSAMPLES  # of n = 2 m prompts
SPEED, ERROR = 12.0, 0.3  # length of a whole walk, and the error of a checkpoint, in resampling standard deviations
LAYERS = 2
BEHAVIOURS = {
    "together": lambda time: time,
    "later": lambda time: time**2,  # what topology has done by 1/4 of the run, behaviour has by 1/2
    "earlier": lambda time: np.sqrt(time),
}
_JUDGED = (equal_windows.QUARTERS, equal_windows.RATES)
_TAILS = 5  # degrees of freedom of the moves: heavier tails than the normal's


@dataclass(frozen=True)
class Runs:
    """Runs of one study, each with its course at every layer, and the subject that verdicts see."""

    courses: list[Course]
    subject: Subject


Process = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""Steps (S,) -> (S, F) where a run is at them."""


def path(kind: str | Process, steps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(S, F) where a run is at its checkpoints; the base is the origin."""
    if callable(kind):
        return kind(steps, rng)
    time = steps / steps[-1]
    gaps = np.diff(time)
    moves = rng.standard_t(_TAILS, size=(len(gaps), FEATURES)) * np.sqrt((_TAILS - 2) / _TAILS / FEATURES)
    speed = np.ones(len(gaps))
    early = {"early burst": (1 / 4, 5.0), "transient": (1 / 6, 20.0)}
    if kind in early:
        until, factor = early[kind]
        inside = np.clip(until - time[:-1], 0, gaps) / gaps  # a gap may be partly in it
        speed = np.sqrt(1 + inside * (factor**2 - 1))
    if kind == "late burst":
        speed = np.where(time[1:] > 3 / 4, 5.0, 1.0)
    if kind == "index burst":
        speed[: round(len(gaps) / 3)] = 5.0
    walk = np.vstack([np.zeros(FEATURES), (SPEED * speed[:, None] * np.sqrt(gaps)[:, None] * moves).cumsum(axis=0)])
    direction = rng.normal(size=FEATURES) / np.sqrt(FEATURES)
    match kind:
        case "jitter":
            return np.zeros((len(steps), FEATURES))
        case "drift":
            return 2 * SPEED * time[:, None] * direction + 0.1 * walk
        case "relaxation":
            return 2 * SPEED * (1 - np.exp(-8 * time))[:, None] * direction + 0.1 * walk
        case "saturation":
            places = [rng.normal(size=FEATURES)]
            for gap in gaps:
                kept = np.exp(-20 * gap)
                places.append(kept * places[-1] + np.sqrt(1 - kept**2) * rng.normal(size=FEATURES))
            return SPEED / 3 * (np.array(places) - places[0]) / np.sqrt(FEATURES)
    return walk


def simulate(
    kind: str | Process, grid: str | Sequence[int], runs: int, seed: int, *, objectives: int = 1, effect: float = 0.0,
    grown: tuple[float, float] = (0.0, 1.0), behaviour: str = "together", base: str = "base", error: float = ERROR,
) -> Runs:  # fmt: skip
    """One study.

    Parameters
    ----------
    kind, grid : of `KINDS` and `GRIDS`, or a process and steps.
    runs : of each objective.
    objectives, effect, grown : each objective adds a course of its own, this long, which grows between these shares of
        the run.
    behaviour : of `BEHAVIOURS`: when the next tokens move as the topology does.
    error : of a checkpoint: of its prompts, and of each subsample.
    """
    rng = np.random.default_rng(seed)
    steps = np.array(GRIDS[grid] if isinstance(grid, str) else grid)
    time = steps / steps[-1]
    names = {f"o{k % objectives} {k // objectives}": f"o{k % objectives}" for k in range(runs * objectives)}
    toward = rng.normal(size=(objectives, LAYERS, FEATURES)) / np.sqrt(FEATURES)
    added = effect * np.clip((time - grown[0]) / (grown[1] - grown[0]), 0, 1)
    courses, departures = [], []
    for name, objective in names.items():
        warped = BEHAVIOURS[behaviour](time) * steps[-1]
        every, at = np.unique(np.concatenate([steps, warped.round(6)]), return_inverse=True)
        course = path(kind, every, rng)
        here, behave = course[at[: len(steps)]], course[at[len(steps) :]]
        for layer in range(LAYERS):
            place = here + added[:, None] * toward[int(objective[1:]), layer]
            shared = error * rng.normal(size=place.shape) * np.sqrt(FACTOR)
            each = (place + shared)[:, None] + error * rng.normal(size=(len(steps), SUBSAMPLES, FEATURES))
            loops = np.arange(FEATURES) < FEATURES * 3 // 4
            courses.append(Course(name, layer, "raw", steps, each, loops, FACTOR))
        departures.append(_departures(name, behave, steps, rng))
    return Runs(courses, _subject(courses, departures, names, steps, base))


def _departures(name: str, place: np.ndarray, steps: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Divergences by prompt: the squared length of its course, each prompt with a weight and an error."""
    far = 1e-4 * ((place - place[0]) ** 2).sum(axis=1)[1:, None] * rng.lognormal(sigma=0.7, size=PROMPTS)
    values = far + 1e-5 * rng.chisquare(1, size=far.shape)
    step, prompt = (one.ravel() for one in np.meshgrid(steps[1:], np.arange(PROMPTS), indexing="ij"))
    value = values.ravel()
    return pd.DataFrame({"series": name, "step": step, "prompt": prompt, "value": value, "slack": 0.02 * value})


def _subject(courses, departures, names, steps, base: str) -> Subject:
    nothing = pd.DataFrame(
        columns=["degree", "order", "layer", "norm", "scale", "series", "step_from", "step", "value"]
    )
    pairs = pd.DataFrame(columns=["series_a", "step_a", "series_b", "step_b", *nothing.columns[:5], "value"])
    tables = {  # put together when they are asked for
        "windows": lambda: equal_windows.table(courses, pairs, nothing, nothing, _JUDGED),
        "halfway": lambda: halfway.table(courses, pd.concat(departures)),
        "separation": lambda: _separation(courses, names),
    }
    own = [int(one) for one in steps]
    read = functools.cache(lambda name: tables[name]())
    return Subject(base, base, LAYERS - 1, dict.fromkeys(names, own), names, {one: one for one in names}, read)


def of_courses(courses: list[Course], objectives: dict[str, str]) -> Runs:
    """A study of courses that were measured elsewhere, without behaviour."""
    return Runs(courses, _subject(courses, [], objectives, courses[0].steps, "base"))


def _separation(courses: list[Course], names: dict[str, str]) -> pd.DataFrame:
    """Distances between the mean summaries of any two runs."""
    rows, means = [], {(one.series, one.layer): one.each.mean(axis=1) for one in courses}
    steps, series = courses[0].steps, list(names)
    for i, a in enumerate(series):
        for b in series[i + 1 :]:
            for layer in range(LAYERS):
                apart = np.linalg.norm(means[a, layer] - means[b, layer], axis=1)
                rows += [(a, b, int(step), layer, "raw", one) for step, one in zip(steps, apart, strict=True)]
    return pd.DataFrame(rows, columns=["series_a", "series_b", "step", "layer", "scale", "distance"])


def verdict(claim: int, runs: Runs, *beside: Runs) -> str:
    """What is concluded of one claim."""
    judge = {1: readings.early, 2: readings.peak, 3: readings.apart, 5: readings.lag}
    if claim == 4:
        return readings.models([runs.subject, *(one.subject for one in beside)], "raw", readings.MEANS).verdict
    return judge[claim](runs.subject, "raw", readings.MEANS).verdict
