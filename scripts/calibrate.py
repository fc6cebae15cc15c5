"""What the p-values and intervals of this project say where the answer is known.

    python scripts/calibrate.py --runs 1000 --processes 2
    python scripts/calibrate.py --runs 40 --kinds fresh jump --keep calibration

Studies of `scripts/simulate.py` go through the project's own tables. Printed, in Markdown: how often each
p-value is below 0.05 in studies without change (calibrated: within the exact binomial 95 % interval of 5 %), how
often the interval of the concentration holds its expectation, and what each statistic answers where something changes.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: the processes are the parallelism
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from scipy.stats import binom

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from phcore.analysis import objectives, permanova
from phcore.analysis.early_change import NULLS, READING, concentration_table
from scripts import simulate

LEVEL = 0.05
# As studies save their checkpoints: an even grid by index, a very uneven one by step.
STEPS = np.array([0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
P_VALUES = {"p": "one layer", "p_max": "any of two layers, max-statistic", "p_bh": "any of two layers, FDR"}
LAYERS = 2
# Three runs of three objectives: 280 ways to label them, so that p < 0.05 in 13 of 280 without a difference.
OBJECTIVES, RUNS_EACH = 3, 3
STILL = ("shift", "scaling")  # have no noise, and so no source of it


# --- one study ------------------------------------------------------------------------------------


def concentration_run(kind: str, source: str, seed: int, *, permutations: int) -> pd.DataFrame:
    """The concentration table of one study, with the velocity of the middle transition and the mean of the others."""
    # Both scales see the same noise where nothing grows, so one is enough.
    scales = ("median",) if kind in simulate.NULL_KINDS else ("raw", "median")
    study = simulate.simulate(
        kind, seed=seed, steps=STEPS, checkpoints=len(STEPS), layers=LAYERS, source=source, degrees=(1,),
        scales=scales, summarise=False,
    )  # fmt: skip
    table = concentration_table(study.velocities, study.distances, study.prompts, study.size, n=permutations, seed=seed)
    v = study.velocities.groupby(["layer", "scale", "step"])["value"].mean().unstack()
    middle = STEPS[1 + simulate.event(len(STEPS) - 1)]
    speed = pd.DataFrame({"at_event": v[middle], "elsewhere": v.drop(columns=middle).mean(axis=1)})
    return table.merge(speed, left_on=["layer", "scale"], right_index=True).assign(kind=kind, source=source, seed=seed)


def permanova_run(kind: str, source: str, seed: int) -> pd.DataFrame:
    """PERMANOVA of whole runs at one layer, the row of all steps."""
    study = simulate.simulate(
        kind, seed=seed, series=OBJECTIVES * RUNS_EACH, objectives=OBJECTIVES, checkpoints=5, source=source, degrees=(),
    )  # fmt: skip
    table = permanova.runs(objectives.standardise(study.summaries, 0), study.objectives)
    return table[table["step"] == permanova.WHOLE].assign(kind=kind, source=source, seed=seed)


# --- many -----------------------------------------------------------------------------------------


def every(
    pool: Executor, one: Callable[[str, str, int], pd.DataFrame], kinds: Iterable[str], runs: int, keep: Path | None
) -> pd.DataFrame:
    """Rows of all runs of the kinds under both sources of noise, run k from the seed k."""
    return pd.concat(list(_each(pool, one, kinds, runs, keep)), ignore_index=True)


def _each(pool: Executor, one: Callable, kinds: Iterable[str], runs: int, keep: Path | None) -> Iterator[pd.DataFrame]:
    name = getattr(one, "func", one).__name__
    for kind in kinds:
        for source in list(simulate.SOURCES)[: 1 if kind in STILL else None]:
            started = time.perf_counter()
            table = pd.concat(pool.map(partial(one, kind, source), range(runs), chunksize=5), ignore_index=True)
            print(f"{name}, {kind}, {source}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
            if keep:
                keep.mkdir(parents=True, exist_ok=True)
                table.to_parquet(keep / f"{name}-{kind}-{source}.parquet")
            yield table


def rejections(table: pd.DataFrame) -> pd.DataFrame:
    """Share of the runs with a p-value below 0.05, by kind, source, reading and p-value.

    The first layer for p; any layer of the run for p_max and p_bh.
    """
    by = ["kind", "source", *READING]
    first = table[table["layer"] == 0]
    found = {"p": (first["p"] < LEVEL).groupby([first[name] for name in by], sort=False).mean()}
    for name in ("p_max", "p_bh"):
        smallest = table.groupby([*by, "seed"], sort=False)[name].min()
        found[name] = (smallest < LEVEL).groupby(level=by, sort=False).mean()
    return pd.DataFrame(found)


def coverage(table: pd.DataFrame) -> pd.Series:
    """Share of the runs whose interval holds the mean concentration of all runs, first layer."""
    by = ["kind", "source", *[name for name in READING if name != "null"]]
    first = table[(table["layer"] == 0) & (table["null"] == NULLS[0])]
    truth = first.groupby(by)["concentration"].transform("mean")
    held = (first["lo"] <= truth) & (truth <= first["hi"])
    return held.groupby([first[name] for name in by], sort=False).mean()


def binomial_interval(runs: int) -> tuple[float, float]:
    """Shares of the runs between which a calibrated test stays in 95 % of all calibrations."""
    lo, hi = binom.interval(0.95, runs, LEVEL)
    return lo / runs, hi / runs


# --- words ----------------------------------------------------------------------------------------


def markdown(frame: pd.DataFrame) -> str:
    """The index and the columns as one table."""
    flat = frame.reset_index()
    rows = [[str(name) for name in flat.columns], ["---"] * flat.shape[1], *flat.astype(str).to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def judged(runs: int) -> Callable[[float], str]:
    """In bold above the binomial interval, in italics below it."""
    lo, hi = binomial_interval(runs)
    return lambda share: (
        f"**{percent(share)}**" if share > hi else f"*{percent(share)}*" if share < lo else percent(share)
    )


def by_reading(found: pd.Series, words: Callable[[float], str]) -> pd.DataFrame:
    """Readings x kinds."""
    flat = found.rename("share").reset_index()
    flat["reading"] = [
        f"per {per}, third by {by}, {'with' if base else 'without'} base"
        for per, by, base in zip(flat["per"], flat["by"], flat["with_base"], strict=True)
    ]
    index = [name for name in ("scale", "null") if name in flat and flat[name].nunique() > 1] + ["reading"]
    columns = flat["kind"] + ", " + flat["source"]
    flat = flat.assign(share=flat["share"].map(words), kind=columns)
    order = {name: flat[name].unique() for name in [*index, "kind"]}
    wide = flat.set_index([*index, "kind"])["share"].unstack("kind")[order["kind"]].reset_index()
    for name in index:  # as they came, not in the order of the alphabet
        wide[name] = pd.Categorical(wide[name], order[name])
    return wide.sort_values(index).set_index(index)


def report_nulls(table: pd.DataFrame, runs: int) -> None:
    lo, hi = binomial_interval(runs)
    print(f"\n## Nothing changes: {runs} runs of each kind\n")
    print(f"Runs with p < 0.05, in %. A calibrated test lies between {percent(lo)} and {percent(hi)}.")
    found = rejections(table)
    for name, words in P_VALUES.items():
        print(f"\n**{name}** ({words})\n\n{markdown(by_reading(found[name], judged(runs)))}")
    print("\n**Coverage** of the interval of the concentration, in %; it promises 95\n")
    print(markdown(by_reading(coverage(table), percent)))


def report_changes(table: pd.DataFrame, runs: int) -> None:
    print(f"\n## Something changes: {runs} runs of each kind\n\nRuns with p < 0.05, in % (one layer)\n")
    print(markdown(by_reading(rejections(table)["p"], percent)))
    first = table[table["layer"] == 0]
    speeds = first.groupby(["kind", "source", "scale"], sort=False)[["concentration", "at_event", "elsewhere"]].median()
    print("\n**Velocity** of the middle transition and mean of the others, medians over runs\n")
    print(markdown(speeds[["at_event", "elsewhere"]].map("{:.2g}".format)))


def report_permanova(table: pd.DataFrame, runs: int) -> None:
    print(f"\n## PERMANOVA of {OBJECTIVES} objectives of {RUNS_EACH} runs each: {runs} studies\n")
    print(f"Studies with p < 0.05, in %; without a difference {percent(13 / 280)} are expected.\n")
    below = (table["p"] < LEVEL).groupby([table["kind"], table["source"]], sort=False).mean()
    print(markdown(below.map(percent).rename("p < 0.05").to_frame()))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=1000, help="studies of each kind without change")
    options.add_argument("--change-runs", type=int, default=100, help="studies of each kind with change")
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--permutations", type=int, default=999)
    options.add_argument("--kinds", nargs="*", choices=simulate.KINDS, default=list(simulate.KINDS))
    options.add_argument("--keep", type=Path, help="a folder for the tables of all runs, one file per kind")
    o = options.parse_args()
    concentration = partial(concentration_run, permutations=o.permutations)
    nulls, changes = (
        [kind for kind in o.kinds if kind in family] for family in (simulate.NULL_KINDS, simulate.CHANGE_KINDS)
    )
    with ProcessPoolExecutor(o.processes) as pool:
        if nulls:
            report_nulls(every(pool, concentration, nulls, o.runs, o.keep), o.runs)
        if changes:
            report_changes(every(pool, concentration, changes, o.change_runs, o.keep), o.change_runs)
        told = [kind for kind in ("walk", "objective shape") if kind in o.kinds]
        if told:
            report_permanova(every(pool, permanova_run, told, o.runs, o.keep), o.runs)


if __name__ == "__main__":
    main()
