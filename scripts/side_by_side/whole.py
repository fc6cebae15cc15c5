"""Whole studies: ours from a cold archive, the plain way, one more checkpoint, and how either grows."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from phcore import Series, Study
from phcore.archive.store import Store
from phcore.pipeline.run import Run
from phcore.pipeline.workers import pool
from phcore.stages.registry import results
from phcore.study.resolve import resolve
from phcore.topology.clouds import subsamples
from scripts.side_by_side import plain

ROOT = Path(__file__).resolve().parents[2]
READING = "hidden states"
SAME = ("diagrams", "velocities")  # results that the plain way makes, too: beside these it has readings only


@dataclass(frozen=True)
class Spent:
    """What a computation took. stages : seconds of work by result, added over all workers; all readings are one."""

    wall: float
    cpu: float
    stages: dict[str, float]


def compute(study: Study, root: Path, workers: int) -> Spent:
    """Everything that a study lacks, tables and evidence too."""
    store = Store(root)
    before, start = _cpu(), time.perf_counter()
    record = resolve(study, store)
    with pool(workers) as executor:
        run = Run(record, store, executor, parallel=workers)
        run.run()
        wall = time.perf_counter() - start
        executor.shutdown(wait=True)  # the seconds of children count once they have ended
    stages: dict[str, float] = {}
    for name, seconds in run.spent.items():
        known = results().get(name)
        label = "tables" if known is None else READING if known.reads_a_model else name
        stages[label] = stages.get(label, 0.0) + seconds
    return Spent(wall, _cpu() - before, stages)


def _cpu() -> float:
    """Processor seconds of this process and of its children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def plainly(study: Study) -> Spent:
    """Hidden states, diagrams, W1 at raw scale between consecutive checkpoints; none of the evidence."""
    from phcore.activations import Loader, encode
    from phcore.study import probes

    with tempfile.TemporaryDirectory() as folder:
        record = resolve(study, Store(Path(folder)))
    tokens = encode(study.model, probes.load(study.probes).prompts, chat=study.chat)
    indices = subsamples(len(tokens), count=study.subsamples, size=record.subsample_size)
    spent = dict.fromkeys((READING, *SAME), 0.0)
    before, start = _cpu(), time.perf_counter()
    last: dict = {}

    def timed(label: str, call):
        begun = time.perf_counter()
        value = call()
        spent[label] += time.perf_counter() - begun
        return value

    for node in record.ready:
        with Loader(study.model, study.dtype) as loader:  # loaded anew each time, as a loop over folders does
            model = timed(READING, lambda node=node, loader=loader: loader.open(node.path, node.kind))
            clouds = timed(READING, lambda model=model: plain.states(model, tokens, list(record.layers)))
        with threadpool_limits(1):
            for layer, cloud in clouds.items():
                found = timed(SAME[0], lambda cloud=cloud: plain.diagrams(cloud, indices))
                # The first checkpoint of a series moves away from the base.
                of = layer if node.path == record.base.path else (layer, node.label)
                earlier = last.get((layer, node.label), last.get(layer))
                if earlier is not None:
                    for degree in (0, 1):
                        timed(SAME[1], lambda e=earlier, f=found, d=degree: plain.distances(e, f, d))
                last[of] = found
    return Spent(time.perf_counter() - start, _cpu() - before, spent)


def of(name: str, model: Path, run: Path, probes: Path, **parameters) -> Study:
    """The study of one series."""
    return Study(name=name, model=model, probes=str(probes), series=(Series("run", run),), **parameters)


def with_checkpoints(run: Path, folder: Path, count: int) -> Path:
    """A folder with the first `count` checkpoints of a run."""
    found = sorted(run.glob("checkpoint-*"), key=lambda one: int(one.name.rpartition("-")[2]))
    folder.mkdir(parents=True, exist_ok=True)
    for one in found[:count]:
        if not (folder / one.name).exists():
            shutil.copytree(one, folder / one.name)
    return folder


def peak_memory(model: Path, probes: Path, layers: list[int]) -> tuple[float, float]:
    """Bytes of the weights as they are computed with, and the most that reading took beside what imports take."""
    code = (
        "import re, sys\n"
        "from phcore.activations import encode, extract, load_model\n"
        "from phcore.study import probes\n"
        "tokens = encode(sys.argv[1], probes.load(sys.argv[2]).prompts, chat='auto')\n"
        "def peak(): return 1024 * int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        "before = peak()\n"
        "model = load_model(sys.argv[1])\n"
        "extract(model, tokens, [int(one) for one in sys.argv[3].split(',')])\n"
        "weights = sum(one.numel() * one.element_size() for one in model.parameters())\n"
        "print(weights, peak() - before)\n"
    )
    asked = [sys.executable, "-c", code, str(model), str(probes), ",".join(map(str, layers))]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=ROOT, env=os.environ)
    weights, most = map(float, done.stdout.split()[-2:])
    return weights, most


def grown(study: Study, folder: Path, change: str, sizes: list[int], workers: int) -> list[Spent]:
    """What the study takes where one thing about it is more: processor seconds of everything, from cold."""
    found = []
    for size in sizes:
        if change == "checkpoints":
            run = with_checkpoints(study.series[0].path, folder / f"run{size}", size)
            one = study.with_(series=(replace(study.series[0], path=run),))
        elif change == "layers":
            one = study.with_(layers=tuple(range(size)))
        elif change == "workers":
            one = study
        else:
            one = study.with_(**{change: size})
        place = folder / f"{change}-{size}"
        found.append(compute(one, place, size if change == "workers" else workers))
    return found


def clouds(n: int, d: int, seed: int = 0) -> np.ndarray:
    """(n, d): clusters over decaying axes with noise, about as many loops as hidden states have."""
    rng = np.random.default_rng(seed)
    rank = min(24, d)
    axes = rng.normal(size=(rank, d)) * np.arange(1, rank + 1)[:, None] ** -0.8
    rows = rng.normal(size=(n, rank)) + 2.5 * rng.normal(size=(12, rank))[rng.integers(12, size=n)]
    return (rows @ axes + 0.05 * rng.normal(size=(n, d))).astype(np.float32)
