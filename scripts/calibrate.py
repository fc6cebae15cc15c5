"""What the p-values and intervals of this project say where the answer is known.

    python scripts/calibrate.py --runs 1000 --processes 2
    python scripts/calibrate.py --runs 40 --kinds fresh jump

Studies of `phcore.simulate` go through the project's own tables. Printed, in Markdown: how often each p-value is below
0.05 in studies without change (calibrated: within the exact binomial 95 % interval of 5 %), how often the
interval of the concentration holds its expectation, and what each statistic answers where something changes.
"""

import argparse
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binom

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from phcore import simulate
from phcore.analysis.concentration import NULLS, READING, concentration_table

LEVEL = 0.05
# Checkpoints as studies save them: by index an even grid, by step a very uneven one.
STEPS = np.array([0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
P_VALUES = {"p": "one layer", "p_max": "any of the layers, max-statistic", "p_bh": "any of the layers, FDR"}


def run(kind: str, source: str, layers: int, permutations: int, seed: int) -> pd.DataFrame:
    """The concentration table of one study, with the velocity of the middle transition and the mean of the others."""
    null = kind in simulate.NULL_KINDS
    study = simulate.simulate(
        kind, seed=seed, steps=STEPS, checkpoints=len(STEPS), layers=layers, source=source, degrees=(1,),
        scales=("median",) if null else ("raw", "median"),
    )  # fmt: skip
    table = concentration_table(study.velocities, study.distances, study.prompts, study.size, n=permutations, seed=seed)
    v = study.velocities.groupby(["layer", "scale", "step"])["value"].mean().unstack()
    middle = STEPS[1 + simulate.event(len(STEPS) - 1)]
    speed = pd.DataFrame({"at_event": v[middle], "elsewhere": v.drop(columns=middle).mean(axis=1)})
    return table.merge(speed, left_on=["layer", "scale"], right_index=True).assign(kind=kind, source=source, seed=seed)


def studies(kinds: Iterable[str], sources: Iterable[str], runs: int, processes: int, **how: int) -> pd.DataFrame:
    """Tables of all runs, run k of every kind from the seed k."""
    parts = []
    with ProcessPoolExecutor(processes) as pool:
        for kind in kinds:
            for source in sources if kind not in ("shift", "scaling") else ("prompts",):
                started = time.perf_counter()
                parts += pool.map(partial(run, kind, source, *how.values()), range(runs), chunksize=5)
                print(f"{kind}, {source}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    return pd.concat(parts, ignore_index=True)


def rejections(table: pd.DataFrame) -> pd.DataFrame:
    """Share of the runs with a p-value below 0.05, by kind, source, reading and p-value.

    One layer, the first, for p; any layer of the run for p_max and p_bh.
    """
    by = ["kind", "source", *READING]
    first = table[table["layer"] == table["layer"].min()].assign(below=lambda t: t["p"] < LEVEL)
    found = {"p": first.groupby(by)["below"].mean()}
    for name in ("p_max", "p_bh"):
        smallest = table.groupby([*by, "seed"])[name].min()
        found[name] = (smallest < LEVEL).groupby(level=by).mean()
    return pd.DataFrame(found)


def coverage(table: pd.DataFrame) -> pd.Series:
    """Share of the runs whose interval holds the mean concentration of all runs, one layer."""
    by = ["kind", "source", *[name for name in READING if name != "null"]]
    first = table[(table["layer"] == table["layer"].min()) & (table["null"] == NULLS[0])]
    truth = first.groupby(by)["concentration"].transform("mean")
    return ((first["lo"] <= truth) & (truth <= first["hi"])).groupby([first[name] for name in by]).mean()


def binomial_interval(runs: int, level: float = LEVEL) -> tuple[float, float]:
    """Shares of the runs that a calibrated test stays within in 95 % of all calibrations."""
    lo, hi = binom.interval(0.95, runs, level)
    return lo / runs, hi / runs


def markdown(frame: pd.DataFrame) -> str:
    """The index and the columns as one table."""
    flat = frame.reset_index()
    rows = [[str(name) for name in flat.columns], ["---"] * flat.shape[1], *flat.astype(str).to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def reading(row: pd.Series) -> str:
    return f"per {row['per']}, third by {row['by']}, {'with' if row['with_base'] else 'without'} base"


def shares(found: pd.Series, runs: int) -> pd.DataFrame:
    """Readings x kinds; bold where the share is above the binomial interval, in italics where it is below."""
    lo, hi = binomial_interval(runs)

    def marked(share: float) -> str:
        words = f"{100 * share:.1f}"
        return f"**{words}**" if share > hi else f"*{words}*" if share < lo else words

    flat = found.reset_index(name="share")
    flat["reading"] = flat.apply(reading, axis=1)
    flat["kind"] = flat["kind"] + ", " + flat["source"]
    index = ["scale", "reading"] if flat["scale"].nunique() > 1 else ["reading"]
    if "null" in flat:
        index.append("null")
    return flat.assign(share=flat["share"].map(marked)).pivot_table(
        index=index, columns="kind", values="share", aggfunc="first", sort=False
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=400, help="studies of each kind without change")
    options.add_argument("--change-runs", type=int, default=100, help="studies of each kind with change")
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--layers", type=int, default=3)
    options.add_argument("--permutations", type=int, default=999)
    options.add_argument("--kinds", nargs="*", choices=simulate.KINDS, default=list(simulate.KINDS))
    options.add_argument("--keep", type=Path, help="a Parquet file for the tables of all runs")
    o = options.parse_args()
    for family, runs in ((simulate.NULL_KINDS, o.runs), (simulate.CHANGE_KINDS, o.change_runs)):
        kinds = [kind for kind in o.kinds if kind in family]
        if not kinds:
            continue
        table = studies(kinds, simulate.SOURCES, runs, o.processes, layers=o.layers, permutations=o.permutations)
        if o.keep:
            table.to_parquet(o.keep.with_stem(f"{o.keep.stem}-{'null' if family is simulate.NULL_KINDS else 'change'}"))
        report(table, runs, family is simulate.NULL_KINDS)


def report(table: pd.DataFrame, runs: int, null: bool) -> None:
    found = rejections(table)
    lo, hi = binomial_interval(runs)
    title = "Nothing changes" if null else "Something changes"
    print(f"\n## {title}: {runs} runs of each kind\n")
    print(f"Runs with p < 0.05, in %. A calibrated test lies between {100 * lo:.1f} and {100 * hi:.1f}.")
    for name, words in P_VALUES.items():
        print(f"\n**{name}** ({words})\n\n{markdown(shares(found[name], runs))}")
    if null:
        print("\n**Coverage** of the interval of the concentration, in % (it promises 95)\n")
        print(markdown(shares(coverage(table), runs).replace(r"\*", "", regex=True)))
    else:
        first = table[table["layer"] == table["layer"].min()]
        speeds = first.groupby(["kind", "source", "scale"], sort=False)[["at_event", "elsewhere"]].median()
        print("\n**Velocity** of the middle transition and mean of the others, medians over runs\n")
        print(markdown(speeds.map("{:.3g}".format)))


if __name__ == "__main__":
    main()
