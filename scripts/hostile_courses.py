"""Grids and processes that no rule was made for: what the verdicts say of them, where the answer is known.

    python scripts/hostile_courses.py --studies 100

Printed, in Markdown: how often claims 1, 2, 3 and 5 hold, do not hold and cannot be told.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: the processes are the parallelism
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from phcore.analysis import readings
from phcore.analysis.claims import FAILS, HOLDS, UNKNOWN
from scripts.calibrate_verdicts import RUNS, counted, interval, markdown, mistakes, words
from scripts.simulate_courses import BEHAVIOURS, FEATURES, LENGTH, SPEED, Process, simulate, verdict

RIGHT, WRONG = "right", "wrong"
_EVERY = np.arange(LENGTH + 1)


def grid(name: str, seed: int) -> tuple[int, ...]:
    """The steps of a study's checkpoints; some differ from study to study."""
    rng = np.random.default_rng(seed)
    match name:
        case "every 20":
            return tuple(range(0, LENGTH + 1, 20))
        case "Fibonacci":
            return (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 480)
        case "subset":  # of the tens: some have equal windows
            return (0, *sorted(10 * rng.choice(np.arange(1, 49), 24, replace=False)))
        case "quarters, late":
            return (0, 120, 240, 360, *range(440, LENGTH + 1, 4))
    raise KeyError(name)


GRIDS = ("every 20", "Fibonacci", "subset", "quarters, late")


def _process(moves) -> Process:
    """A run whose move at every single step is drawn by `moves`: rng -> (480, F), scaled to a walk's length."""

    def path(steps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        each = moves(rng)
        each = SPEED * each / np.sqrt(LENGTH * FEATURES)
        walked = np.vstack([np.zeros(FEATURES), each.cumsum(axis=0)])
        below = np.floor(steps).astype(int)
        after = np.minimum(below + 1, LENGTH)
        return walked[below] + (steps - below)[:, None] * (walked[after] - walked[below])

    return path


def _normal(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(LENGTH, FEATURES))


def _correlated(rng: np.random.Generator, kept: float) -> np.ndarray:
    moves = _normal(rng) * np.sqrt(1 - kept**2)
    moves[0] /= np.sqrt(1 - kept**2)
    for step in range(1, LENGTH):
        moves[step] += kept * moves[step - 1]
    return moves * np.sqrt((1 - kept) / (1 + kept))


def _jumps(rng: np.random.Generator, heavy: float) -> np.ndarray:
    """One length for all features of a step: a few steps are most of a run."""
    return _normal(rng) * np.abs(rng.standard_t(heavy, size=LENGTH))[:, None]


def _rate(rng: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    return _normal(rng) * rate[:, None]


_TIME = np.arange(1, LENGTH + 1) / LENGTH
PROCESSES: dict[str, tuple[Process, str, str | None]] = {
    "AR(1) moves, 0.9": (_process(partial(_correlated, kept=0.9)), FAILS, FAILS),
    "AR(1) moves, 0.99": (_process(partial(_correlated, kept=0.99)), FAILS, FAILS),
    "jumps, t of 2": (_process(partial(_jumps, heavy=2.0)), FAILS, FAILS),
    "jumps, Cauchy": (_process(partial(_jumps, heavy=1.0)), FAILS, FAILS),
    # As fast at the end of training as at its beginning: it never settles.
    "rate 1 + 0.9 sin, 8 periods": (_process(partial(_rate, rate=1 + 0.9 * np.sin(16 * np.pi * _TIME))), FAILS, FAILS),
    "rate 1 - 0.9 cos, 8 periods": (_process(partial(_rate, rate=1 - 0.9 * np.cos(16 * np.pi * _TIME))), FAILS, FAILS),
    "rate rising": (_process(partial(_rate, rate=3 * _TIME)), FAILS, FAILS),
    "rate 1 / t": (_process(partial(_rate, rate=20 / (_TIME * LENGTH + 5))), HOLDS, HOLDS),
    "rate 1 / sqrt t, of the variance 1 / t": (_process(partial(_rate, rate=(_TIME + 0.01) ** -0.5 / 2)), HOLDS, None),
    "one run of an early burst": ("outlier", None, None),
}  # fmt: skip
"""Process, and whether claims 1 and 2 are true of it (None: neither is)."""


def process(name: str) -> Process:
    found = PROCESSES[name][0]
    return _outlier() if found == "outlier" else found


def _outlier() -> Process:
    """Of the runs of a study, the first only goes fast in the first quarter."""
    seen: set[int] = set()

    def path(steps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        rate = np.where((_TIME <= 1 / 4) & (id(rng) not in seen), 5.0, 1.0)
        seen.add(id(rng))
        return _process(partial(_rate, rate=rate))(steps, rng)

    return path


def early(claim: int, name: str, where: str, runs: int, seed: int) -> str:
    return verdict(claim, simulate(process(name), grid(where, seed), runs, seed))


def apart(name: str, how: dict, runs: int, seed: int) -> str:
    """Whether claim 3 is right, wrong or open. Where the peak falls is chance in most of these processes, so the truth
    is that of each study: of what parts the objectives, less than half must have grown at its own fastest window."""
    study = simulate(process(name), grid("every 20", seed), runs, seed, objectives=2, **how)
    judged = readings.apart(study.subject, "raw", readings.MEANS)
    if judged.verdict == UNKNOWN:
        return UNKNOWN
    begun, done = how.get("grown", (0.0, 1.0))
    grown = (judged.values["peak_at"] / LENGTH - begun) / (done - begun)
    truth = HOLDS if how["effect"] and grown < 1 / 2 else FAILS
    return RIGHT if judged.verdict == truth else WRONG


def lags(behaviour: str, name: str, where: str, runs: int, seed: int) -> str:
    return verdict(5, simulate(process(name), grid(where, seed), runs, seed, behaviour=behaviour))


def tables(pool: ProcessPoolExecutor, studies: int, claims: tuple[int, ...]) -> Iterator[tuple[str, pd.DataFrame]]:
    for claim in {1, 2} & {*claims}:
        rows = [
            _row(pool, partial(early, claim, name), name, truths[claim - 1], studies)
            for name, (_, *truths) in PROCESSES.items()
        ]
        yield f"claim {claim}, {RUNS} runs", pd.DataFrame(rows)
    rows = []
    for name in ("AR(1) moves, 0.99", "jumps, t of 2", "jumps, Cauchy", "rate 1 / t") if 3 in claims else ():
        for said, how in (("seeds alone", {"effect": 0.0}),
                          ("parting at once", {"effect": 60.0, "grown": (0.0, 1 / 24)}),
                          ("parting at the end", {"effect": 60.0, "grown": (0.6, 1.0)})):  # fmt: skip
            found = {f"{runs} runs": counted(pool, partial(apart, name, how, runs), studies) for runs in (4, 6)}
            wrong = max(each[WRONG] for each in found.values())
            shares = {
                runs: " / ".join(f"{100 * each[word] / studies:.0f}" for word in (RIGHT, WRONG, UNKNOWN))
                for runs, each in found.items()
            }
            rows.append({"course": f"{name}, {said}"} | shares | {"most wrong, %": interval(wrong, studies)})
    if rows:
        yield "claim 3: right / wrong / cannot be told, %", pd.DataFrame(rows)
    rows = []
    for name in ("AR(1) moves, 0.99", "jumps, t of 2", "jumps, Cauchy", "rate rising") if 5 in claims else ():
        for behaviour in BEHAVIOURS:
            truth = FAILS if behaviour == "earlier" else HOLDS
            rows.append(_row(pool, partial(lags, behaviour, name), f"{name}, behaviour {behaviour}", truth, studies))
    if rows:
        yield f"claim 5, {RUNS} runs", pd.DataFrame(rows)


def _row(pool, one: Callable, course: str, truth: str | None, studies: int) -> dict:
    """Of all grids; wrong verdicts of those together on which any is reached."""
    found = {where: counted(pool, partial(one, where, RUNS), studies) for where in GRIDS}
    told = [each for each in found.values() if each[UNKNOWN] < studies]
    wrong = interval(sum(mistakes(each, truth) for each in told), max(1, len(told)) * studies)
    said = {where: words(each) for where, each in found.items()}
    return {"course": course, "truth": truth or "none"} | said | {"wrong, %": wrong}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--studies", type=int, default=100)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--claim", type=int, help="this one alone")
    o = options.parse_args()
    with ProcessPoolExecutor(o.processes) as pool:
        for title, table in tables(pool, o.studies, (o.claim,) if o.claim else (1, 2, 3, 5)):
            print(f"\n**{title}**\n\n{markdown(table)}", flush=True)


if __name__ == "__main__":
    main()
