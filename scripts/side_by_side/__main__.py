"""This project beside the plain way and beside other libraries, in one run; and how its cost grows.

    make bench-full MODEL=path/to/base RUN=path/to/run PROBES=prompts.jsonl
    python -m scripts.side_by_side --only diagrams,distances

Without a model, a small one is made: its times say little about extraction, which a large matrix product decides.
Ways take turns in one process; results are compared before times. docs/performance.md explains the figures.
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits
from transformers.utils.logging import disable_progress_bar

from phcore.activations import Loader, encode, extract
from phcore.study import probes as probe_sets
from phcore.topology.clouds import distance_matrix, subsamples
from phcore.topology.distances import wasserstein
from phcore.topology.persistence import cell_diagrams
from scripts.side_by_side import plain, rivals, whole
from scripts.side_by_side.turns import Report, exponent, in_turns, in_units

PARTS = ("reading", "diagrams", "distances", "study", "growth")
AGREE = 1e-4  # largest relative difference of results that count as the same
SUBSAMPLES = 64
SIZE = 160


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="folder of the base model (default: a small one is made)")
    parser.add_argument("--run", type=Path, help="folder of its checkpoints, checkpoint-N")
    parser.add_argument("--probes", default="default", help="prompts in JSONL (default: the set that ships)")
    parser.add_argument("--layers", default="", help="such as 6,18 (default: a third and two thirds of the depth)")
    parser.add_argument("--checkpoints", type=int, default=3, help="of the whole study (default: 3)")
    parser.add_argument("--repeats", type=int, default=3, help="turns of each way (default: 3)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--todacomm", default=".venv-todacomm/bin/python", help="python of an environment that has it")
    parser.add_argument("--out", type=Path, default=Path("build/bench-full.json"))
    options = parser.parse_args()
    report = Report()
    warnings.simplefilter("ignore")
    disable_progress_bar()
    with tempfile.TemporaryDirectory() as scratch:
        if options.model is None:
            options.model, options.run = _small(Path(scratch))
        bench = Bench(options, report, Path(scratch))
        for part in options.only.split(","):
            getattr(bench, part)()
    report.write(options.out)


def _small(folder: Path) -> tuple[Path, Path]:
    from tests import models

    base = models.build_chat_model(folder / "base")
    for step in (1, 2, 4, 8, 12, 16, 24, 32):
        models.build_adapter(folder / "run" / f"checkpoint-{step}", base, seed=step)
    return base, folder / "run"


class Bench:
    def __init__(self, options: argparse.Namespace, report: Report, scratch: Path):
        self.options, self.report, self.scratch = options, report, scratch
        self.prompts = probe_sets.load(options.probes).prompts
        self.tokens = encode(options.model, self.prompts, chat="auto")
        found = sorted(options.run.glob("checkpoint-*"), key=lambda one: int(one.name.rpartition("-")[2]))
        self.checkpoint = found[-1]
        with Loader(options.model, "float32") as loader:
            depth = loader.open(options.model, "base").config.num_hidden_layers
        chosen = [int(one) for one in options.layers.split(",") if one] or [max(1, depth // 3), max(1, 2 * depth // 3)]
        self.layers = sorted(set(chosen))
        self.indices = subsamples(len(self.prompts), count=SUBSAMPLES, size=SIZE)
        self._clouds: dict[str, dict[int, np.ndarray]] = {}

    def clouds(self, which: str) -> dict[int, np.ndarray]:
        """Of the "base" or of the "last" checkpoint, read once."""
        if which not in self._clouds:
            with Loader(self.options.model, "float32") as loader:
                last = which == "last"
                model = loader.open(self.checkpoint if last else self.options.model, "adapter" if last else "base")
                self._clouds[which] = extract(model, self.tokens, self.layers).clouds
        return self._clouds[which]

    def reading(self) -> None:
        """Hidden states of one checkpoint."""
        options, report = self.options, self.report
        report.title(f"Hidden states: {len(self.tokens)} prompts, {sum(map(len, self.tokens)):,} tokens, {self.layers}")
        with Loader(options.model, "float32") as loader:
            model = loader.open(self.checkpoint, "adapter")
            ours, theirs = (
                extract(model, self.tokens, self.layers).clouds,
                plain.states(model, self.tokens, self.layers),
            )
            off = max(_off(ours[layer], theirs[layer]) for layer in self.layers)
            report.say("largest relative difference of a row", off, f"{off:.1e}")
            times = in_turns(
                {
                    "this project": lambda: extract(model, self.tokens, self.layers),
                    "the plain way, batches of 8": lambda: plain.states(model, self.tokens, self.layers),
                },
                options.repeats,
            )
        report.compare("one checkpoint, loaded", times, {"the plain way, batches of 8": 3.3})
        weights, most = whole.peak_memory(options.model, options.probes, self.layers)
        report.say("memory", most / weights, f"{most / 1e6:.0f} MB at most, {most / weights:.2f} x the weights")
        some = self.clouds("last")[self.layers[0]][self.indices[:16]]
        found = rivals.todacomm(options.todacomm, options.model, self.tokens, self.layers[0], some)
        if found is None:
            print("  ToDACoMM: not measured, there is no environment that has it")
            return
        off = _off(self.clouds("base")[self.layers[0]], found["states"])
        words = f"reads in {in_units(found['reading'])}, rows differ by {off:.1e}; {in_units(found['each'])} a diagram"
        report.say("ToDACoMM, base", found["reading"], words)

    def diagrams(self) -> None:
        report = self.report
        for layer, cloud in self.clouds("last").items():
            report.title(f"Diagrams, layer {layer}: H0 and H1 of {SIZE} points, on one core")
            with threadpool_limits(1):
                ways = rivals.of_diagrams(cloud, self.indices)
                ours = ways["this project"]()
                for name, way in ways.items():
                    if name not in ("this project", rivals.BARE):
                        off = rivals.largest_difference(ours, [one[:2] for one in way()])
                        print(f"    {name}: bars differ by {off:.1e}")
                per = dict.fromkeys(ways, len(self.indices)) | rivals.SLOWEST
                times = in_turns(ways, self.options.repeats, per, time.process_time)
            report.compare(f"one diagram, layer {layer}", times, {"ripser.py": 6, rivals.BARE: 0.8})

    def distances(self) -> None:
        report = self.report
        for layer in self.layers:
            with threadpool_limits(1):
                both = [
                    cell_diagrams(distance_matrix(self.clouds(which)[layer]), self.indices[:16])
                    for which in ("base", "last")
                ]
                for degree in (0, 1):
                    bars = np.mean([len(one[degree]) for one in both[0]])
                    report.title(f"W1, H{degree}, layer {layer}: {bars:.0f} bars, on one core")
                    ways = rivals.of_distances(*both, degree)
                    ours = ways["this project"]()
                    for name, way in list(ways.items())[1:]:
                        print(f"    {name}: differs by {np.abs(way() / ours - 1).max():.1e}")
                    times = in_turns(ways, self.options.repeats, len(both[0]), time.process_time)
                    report.compare(f"W1 of H{degree}, layer {layer}", times, {"persim": 3 if degree else 10})

    def study(self) -> None:
        """From a cold archive: base and some checkpoints."""
        options, report = self.options, self.report
        run = whole.with_checkpoints(options.run, self.scratch / "cut", options.checkpoints)
        study = whole.of("cut", options.model, run, options.probes, layers=tuple(self.layers), subsamples=SUBSAMPLES)
        report.title(
            f"Whole study: base and {options.checkpoints} checkpoints, {len(self.prompts)} prompts, {self.layers}"
        )
        self.clouds("base")  # imports, and the model's file into memory
        theirs = whole.plainly(study)
        ours = whole.compute(study, self.scratch / "cold", options.workers)
        _tell(report, "this project, everything", ours)
        _tell(report, "the plain way: hidden states, diagrams, distances", theirs)
        topology = [sum(some.stages[name] for name in whole.SAME) for some in (ours, theirs)]
        ratio = topology[1] / topology[0]
        report.say("topology and distances, per core", ratio, f"{ratio:.1f} x (wanted 12)")
        report.say("the whole, wall clock", theirs.wall / ours.wall, f"{theirs.wall / ours.wall:.1f} x (wanted 3.5)")
        whole.with_checkpoints(options.run, self.scratch / "cut", options.checkpoints + 1)
        more = whole.compute(study, self.scratch / "cold", options.workers)
        _tell(report, "one more checkpoint", more)

    def growth(self) -> None:
        report = self.report
        with threadpool_limits(1):
            report.title("Growth of the parts, on one core, synthetic clouds of 576 dimensions")
            cloud = whole.clouds(1280, 1152)
            matrix, moved = (distance_matrix(one[:320]) for one in (cloud, cloud + 0.02 * whole.clouds(1280, 1152, 1)))

            def cells(m: int, count: int = 16, of: np.ndarray = matrix) -> list:
                return cell_diagrams(of, subsamples(320, count=count, size=m))

            for what, sizes, call in (
                ("distances of a cloud, by prompts", [160, 320, 640, 1280], lambda n: distance_matrix(cloud[:n, :576])),
                ("distances of a cloud, by hidden size", [144, 288, 576, 1152],
                 lambda d: distance_matrix(cloud[:320, :d])),
                ("diagrams, by m", [40, 80, 160, 319], cells),
                ("diagrams, by B", [8, 16, 32, 64], lambda count: cells(160, count)),
            ):  # fmt: skip
                self._grown(what, sizes, [_median(lambda size=size, call=call: call(size)) for size in sizes])
            for degree in (0, 1):
                sizes, seconds = [40, 80, 160, 319], []
                for m in sizes:
                    pairs = [(a[degree], b[degree]) for a, b in zip(cells(m), cells(m, of=moved), strict=True)]
                    each = _median(lambda pairs=pairs: [wasserstein(a, b, order=1) for a, b in pairs]) / len(pairs)
                    seconds.append(each)
                self._grown(f"W1 of H{degree}, by m", sizes, seconds)
        report.title("Growth of a whole study of a small model, processor seconds; workers: wall clock")
        base, run = _small(self.scratch / "small")
        study = whole.of("small", base, run, "default", layers=(1,), subsamples=16)
        whole.compute(study, self.scratch / "warm", 1)  # imports, and what is tried once
        for change, sizes in (("checkpoints", [2, 4, 8]), ("layers", [1, 2, 3]), ("subsamples", [8, 16, 32, 64])):
            found = whole.grown(study, self.scratch / change, change, sizes, 1)
            self._grown(f"study, by {change}", sizes, [one.cpu for one in found])
        found = whole.grown(study.with_(subsamples=64), self.scratch / "workers", "workers", [1, 2], 1)
        self._grown("study, by workers", [1, 2], [one.wall for one in found])

    def _grown(self, what: str, sizes: list[int], seconds: list[float]) -> None:
        slope = exponent(sizes, seconds)
        told = ", ".join(f"{size}: {in_units(one)}" for size, one in zip(sizes, seconds, strict=True))
        self.report.say(what, slope, f"{told}; exponent {slope:.2f}")


def _median(call, repeats: int = 5) -> float:
    return in_turns({"": call}, repeats, clock=time.process_time)[""].median


def _off(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float((np.linalg.norm(ours - theirs, axis=1) / np.linalg.norm(theirs, axis=1)).max())


def _tell(report: Report, what: str, spent: whole.Spent) -> None:
    stages = ", ".join(f"{label} {seconds:.1f}" for label, seconds in spent.stages.items())
    report.say(what, spent.wall, f"{spent.wall:.1f} s, processor {spent.cpu:.1f} s; seconds of work: {stages}")


if __name__ == "__main__":
    main()
