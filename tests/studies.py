"""A small real study, computed once per test session: a tiny model, three series, one bad checkpoint."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from phcore import Series, Study
from phcore.archive.store import Store
from phcore.pipeline.run import Run
from phcore.stages.registry import assembly
from phcore.study.record import Record
from phcore.study.resolve import resolve
from tests import models

PARAMETERS = {"subsamples": 6, "subsample_size": 20, "layers": (0, 1, 2)}


def write_probes(path: Path, count: int = 40) -> Path:
    things = ["a river", "the moon", "old bread", "a red kite", "seven boxes", "my aunt", "the night train", "salt"]
    verbs = ["Describe", "Draw", "Explain", "Sell", "Hide"]
    rows = [
        {"prompt": f"{verbs[k % 5]} {things[k % 8]} number {k}" + " please" * (k % 3), "category": "ab"[k % 2]}
        for k in range(count)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def build_runs(folder: Path, base: Path) -> Path:
    """helpful: three adapters; harmless: two adapters and a truncated one; full: one whole checkpoint."""
    for series, steps in (("helpful", (1, 2, 4)), ("harmless", (1, 2, 4))):
        for step in steps:
            models.build_adapter(folder / series / f"checkpoint-{step}", base, seed=step + 10 * len(series))
    models.nudge(base, folder / "full" / "checkpoint-2", seed=5)
    broken = folder / "harmless" / "checkpoint-4" / "adapter_model.safetensors"
    broken.write_bytes(broken.read_bytes()[:-100])
    return folder


def build_study(folder: Path, base: Path, **changes) -> Study:
    """The study of `build_runs`, not computed."""
    runs = folder / "runs"
    if not runs.exists():
        build_runs(runs, base)
    return Study(
        **{
            "name": "tiny",
            "model": base,
            "probes": str(write_probes(folder / "probes.jsonl")),
            "series": tuple(Series(name, runs / name) for name in ("helpful", "harmless", "full")),
            **PARAMETERS,
            **changes,
        }
    )


def compute(study: Study, store: Store, **options) -> tuple[Record, Run]:
    """Run a study in this process."""
    with ThreadPoolExecutor(1) as executor:
        run = Run(resolve(study, store), store, executor, **options)
        return run.run(), run


def copy_archive(source: Path, target: Path) -> Store:
    shutil.copytree(source, target)
    return Store(target)


def without_evidence(source: Path, target: Path, clouds: bool = True) -> Store:
    """A copy of a finished archive without the evidence; without `clouds` also without all it is made from, as a
    version that knew none would have left it."""
    store = copy_archive(source, target)
    judged = ("geometry", "moves", "nulls", "null_diagrams", "controls", "sensitivity", "divergences")
    read = ("clouds", "scores", "numerics")
    for stage in (*judged, *(() if clouds else read)):
        for path in (store.root / "v1" / stage).iterdir():
            path.unlink()
    for name in assembly.published(evidence=True):
        for path in (store.root / "v1" / "tables").glob(f"*-{name}-*.parquet"):
            path.unlink()
    return store
