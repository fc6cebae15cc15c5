"""What the five verdicts say where the answer is known: error rates, and the size of study that they need.

    python scripts/calibrate_verdicts.py --studies 400 --processes 2

Studies of `scripts/simulate_courses.py` go through the project's own rules. Printed, in Markdown: how often each claim
holds, does not hold and cannot be told, by kind of course and grid, and by the number of runs.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: the processes are the parallelism
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from scipy.stats import binomtest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from phcore.analysis.claims import FAILS, HOLDS, UNKNOWN
from phcore.analysis.displacements import courses
from scripts import simulate as clouds
from scripts.simulate_courses import ERROR, GRIDS, KINDS, of_courses, simulate, verdict

RUNS = 3
SIZES = (1, 2, 3, 4, 6, 8, 12)
WALK = "walk"
# Claims that grids are asked of: whether a kind of course makes them true (None: neither).
TRUTHS = {
    1: {"walk": FAILS, "drift": FAILS, "jitter": None, "saturation": FAILS, "early burst": HOLDS, "late burst": FAILS,
        "transient": HOLDS, "relaxation": HOLDS},
    2: {"walk": FAILS, "drift": FAILS, "jitter": None, "saturation": FAILS, "late burst": FAILS, "transient": HOLDS,
        "relaxation": HOLDS},
}  # fmt: skip
GROUPS = {
    "seeds alone": (FAILS, {"effect": 0.0}),
    "apart before the peak": (FAILS, {"effect": 400.0, "grown": (0.0, 1 / 12)}),
    "apart after the peak": (HOLDS, {"effect": 400.0, "grown": (0.5, 1.0)}),
}
"""Of claim 3: two objectives whose courses are transients with a course of the objective's own."""
PAIRS = (
    ("even", "even"), ("log", "log"), ("dense early", "dense early"), ("dense late", "dense late"),
    ("even", "dense early"), ("dense early", "dense late"), ("even", "log"),
)  # fmt: skip
"""Of claim 4: the grids of both models."""
NOISY = 3.0
"""Times the error of the other model's study."""
MODELS = {
    "walk": (FAILS, "walk", "walk", 1.0), "drift": (FAILS, "drift", "drift", 1.0),
    "saturation": (FAILS, "saturation", "saturation", 1.0), "jitter": (None, "jitter", "jitter", 1.0),
    "relaxation": (FAILS, "relaxation", "relaxation", 1.0), "early burst": (FAILS, "early burst", "early burst", 1.0),
    "walk, one noisier": (FAILS, "walk", "walk", NOISY),
    "early burst, one noisier": (FAILS, "early burst", "early burst", NOISY),
    "walk against early burst": (HOLDS, "walk", "early burst", 1.0),
    "drift against relaxation": (HOLDS, "drift", "relaxation", 1.0),
    "late burst against early burst, noisier": (HOLDS, "late burst", "early burst", NOISY),
}  # fmt: skip
"""Of claim 4: whether the paths differ, the course of each model, and how much larger the second's error is."""


def curves(claim: int, kind: str, grid: str, runs: int, seed: int) -> str:
    return verdict(claim, simulate(kind, grid, runs, seed))


def of_clouds(claim: int, kind: str, source: str, grid: str, seed: int) -> str:
    """The same from clouds, through persistence: 60 points in 8 dimensions, 8 subsamples of 30."""
    steps = np.array(GRIDS[grid])
    study = clouds.simulate(
        kind, seed=seed, series=RUNS, layers=2, steps=steps, checkpoints=len(steps), source=source, size=30,
        degrees=(), move=0.15, by_step=True,
    )  # fmt: skip
    cells = study.summaries[["series", "step", "layer"]].drop_duplicates().assign(median_distance=1.0)
    found = courses(study.summaries, cells, "raw", study.prompts, study.size)
    return verdict(claim, of_courses([one for one in found if one.scale == "raw"], study.objectives))


def lags(behaviour: str, kind: str, grid: str, runs: int, seed: int) -> str:
    return verdict(5, simulate(kind, grid, runs, seed, behaviour=behaviour))


def objectives(how: dict, grid: str, runs: int, seed: int) -> str:
    return verdict(3, simulate("transient", grid, runs, seed, objectives=2, **how))


def models(name: str, grids: tuple[str, str], runs: int, seed: int) -> str:
    """Claim 4 of two studies, of courses of `MODELS` on these grids."""
    _, first, second, noise = MODELS[name]
    one = simulate(first, grids[0], runs, seed, base="a")
    return verdict(4, one, simulate(second, grids[1], runs, seed + 10**6, base="b", error=ERROR * noise))


def counted(pool: ProcessPoolExecutor, one: Callable[[int], str], studies: int) -> Counter:
    return Counter(pool.map(one, range(studies), chunksize=5))


def words(found: Counter) -> str:
    """holds / does not hold / cannot be told, in %."""
    studies = found.total()
    return " / ".join(f"{100 * found[one] / studies:.0f}" for one in (HOLDS, FAILS, UNKNOWN))


def interval(wrong: int, studies: int) -> str:
    """A share in %, with its exact binomial 95 % interval."""
    found = binomtest(wrong, studies).proportion_ci()
    return f"{100 * wrong / studies:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def mistakes(found: Counter, truth: str | None) -> int:
    """Verdicts that are not the truth; where there is none, any verdict."""
    return sum(number for verdict, number in found.items() if verdict not in (UNKNOWN, truth))


def markdown(frame: pd.DataFrame) -> str:
    rows = [[str(name) for name in frame.columns], ["---"] * frame.shape[1], *frame.astype(str).to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def by_grid(pool: ProcessPoolExecutor, studies: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """A table per claim: a row per kind, a column per grid, three runs each; wrong verdicts of all grids together."""
    for claim, truths in TRUTHS.items():
        rows = [_row(pool, partial(curves, claim, kind), kind, truth, studies) for kind, truth in truths.items()]
        yield f"claim {claim}, {RUNS} runs", pd.DataFrame(rows)
    rows = []
    for kind in ("walk", "drift", "jitter"):
        for behaviour, truth in {"together": HOLDS, "later": HOLDS, "earlier": FAILS}.items():
            truth = None if kind == "jitter" else truth
            rows.append(_row(pool, partial(lags, behaviour, kind), f"{kind}, behaviour {behaviour}", truth, studies))
    yield f"claim 5, {RUNS} runs", pd.DataFrame(rows)


def of_models(pool: ProcessPoolExecutor, studies: int, runs: int = 6) -> pd.DataFrame:
    """A row per pair of courses, a column per pair of grids; wrong verdicts of those together that have quarters."""
    rows = []
    for name, (truth, *_) in MODELS.items():
        found = {grids: counted(pool, partial(models, name, grids, runs), studies) for grids in PAIRS}
        wrong = sum(mistakes(each, truth) for each in found.values())
        said = {" + ".join(dict.fromkeys(grids)): words(each) for grids, each in found.items()}
        told = sum("log" not in grids for grids in PAIRS)  # no log grid has quarters: nothing is said there
        rows.append({"courses": name, "truth": truth or "none"} | said | {"wrong, %": interval(wrong, studies * told)})
    return pd.DataFrame(rows)


def _row(pool, one: Callable, kind: str, truth: str | None, studies: int) -> dict:
    found = {grid: counted(pool, partial(one, grid, RUNS), studies) for grid in GRIDS}
    wrong = sum(mistakes(each, truth) for each in found.values())
    said = {grid: words(each) for grid, each in found.items()}
    return {"course": kind, "truth": truth or "none"} | said | {"wrong, %": interval(wrong, studies * len(GRIDS))}


def through_persistence(pool: ProcessPoolExecutor, studies: int) -> pd.DataFrame:
    """A row per kind of cloud and noise, a column per claim and grid."""
    rows = []
    for kind in ("walk", "fresh", "early burst", "late burst"):
        for source in clouds.SOURCES:
            found = {f"{claim}, {grid}": counted(pool, partial(of_clouds, claim, kind, source, grid), studies)
                     for claim, grid in ((1, "even"), (1, "dense early"), (1, "dense late"), (2, "even"))}  # fmt: skip
            rows.append({"clouds": f"{kind}, {source}"} | {name: words(each) for name, each in found.items()})
    return pd.DataFrame(rows)


def by_size(pool: ProcessPoolExecutor, studies: int, claim: str = "") -> pd.DataFrame:
    """A row per question (of one claim, or of all), a column per number of runs, on the even grid."""
    asked = {(f"1, {kind}", TRUTHS[1][kind]): partial(curves, 1, kind, "even") for kind in ("early burst", WALK)}
    asked |= {(f"2, {kind}", TRUTHS[2][kind]): partial(curves, 2, kind, "even") for kind in ("transient", WALK)}
    asked |= {(f"3, {name}", truth): partial(objectives, how, "even") for name, (truth, how) in GROUPS.items()}
    asked |= {
        ("4, walk against early burst", HOLDS): partial(models, "walk against early burst", ("even", "dense early")),
        ("4, drift against relaxation", HOLDS): partial(models, "drift against relaxation", ("even", "dense early")),
        ("4, walk", FAILS): partial(models, WALK, ("even", "dense early")),
        ("4, drift", FAILS): partial(models, "drift", ("even", "dense early")),
        ("5, behaviour later", HOLDS): partial(lags, "later", "drift", "even"),
        ("5, behaviour earlier", FAILS): partial(lags, "earlier", "drift", "even"),
    }
    rows = []
    for (question, truth), one in asked.items():
        if not question.startswith(claim):
            continue
        found = {size: counted(pool, partial(one, size), studies) for size in SIZES}
        enough = [size for size, each in found.items() if each[truth] >= 0.8 * studies]
        said = {f"{size} runs": words(each) for size, each in found.items()}
        worst = max(mistakes(each, truth) for each in found.values())
        rows.append({"claim, course": question, "truth": truth} | said | {
            "80 % from": min(enough, default="more"), "most wrong, %": interval(worst, studies)})  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--studies", type=int, default=400, help="of each kind, grid and size")
    options.add_argument("--clouds", type=int, default=40, help="studies of each kind that go through persistence")
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--models", action="store_true", help="only what is asked of claim 4")
    o = options.parse_args()
    print(f"Holds / does not hold / cannot be told, in % of {o.studies} studies.\n")
    for grid, steps in GRIDS.items():
        print(f"- {grid}: {', '.join(map(str, steps))}")
    print("\n" + "\n".join(f"- {kind}: {words}" for kind, words in KINDS.items()))
    with ProcessPoolExecutor(o.processes) as pool:
        for title, table in () if o.models else by_grid(pool, o.studies):
            print(f"\n**{title}**\n\n{markdown(table)}", flush=True)
        print(f"\n**claim 4, 6 runs of each model**\n\n{markdown(of_models(pool, o.studies))}", flush=True)
        if not o.models:
            through = through_persistence(pool, o.clouds)
            print(f"\n**through persistence**, {o.clouds} studies each\n\n{markdown(through)}", flush=True)
        sizes = by_size(pool, o.studies, "4" if o.models else "")
        print(f"\n**by size of study**, runs per objective or model, even grid\n\n{markdown(sizes)}")


if __name__ == "__main__":
    main()
