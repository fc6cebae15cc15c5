"""A study of many checkpoints: whether the work of computing it grows in proportion, and whether pages stay quick.

    python -m scripts.many FOLDER                       three series of 100 checkpoints, five layers
    python -m scripts.many FOLDER --checkpoints 20 --subsamples 16

The model is small and its adapters are made, not trained: each series walks from the base towards an adapter of its
own, with noise. What is left in FOLDER is gone on with. Prints what each part of the checkpoints added, and then what
the server takes for the first visit of a page and for a selection, with its memory.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
from safetensors.numpy import load_file, save_file

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from phcore import Series, Study  # noqa: E402
from phcore.archive.store import SCHEMA, Store  # noqa: E402
from scripts.side_by_side.whole import compute  # noqa: E402
from tests import models  # noqa: E402
from tests.browser.conftest import Server  # noqa: E402
from tests.protocol import Client  # noqa: E402

NAMES = ("helpful", "harmless", "mixed", "plain", "terse", "fluent")
PARTS = 4  # the checkpoints come in as many parts, each computed before the next is there
VISITS = (
    ("", ""), ("trajectories", ""), ("trajectories", "t_step=1"), ("trajectories", "t_layer=2"),
    ("trajectories", "t_degree=0"), ("barcodes", ""), ("barcodes", "b_layer=2"), ("evidence", ""), ("compare", ""),
)  # fmt: skip
FIRST, SELECTION, MEMORY = 2.0, 0.4, 1e9  # seconds, seconds, bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--series", type=int, default=3)
    parser.add_argument("--checkpoints", type=int, default=100, help="of each series")
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--subsamples", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    base = options.folder / "base"
    if not base.exists():
        models.build_chat_model(base, num_hidden_layers=options.layers)
    names, before = NAMES[: options.series], 0.0
    for part in range(1, PARTS + 1):
        upto = options.checkpoints * part // PARTS
        for number, name in enumerate(names):
            walk(base, options.folder / "runs" / name, upto, seed=number)
        series = tuple(Series(name, options.folder / "runs" / name) for name in names)
        layers = tuple(range(1, options.layers + 1))
        study = Study(name="many", model=base, series=series, layers=layers, subsamples=options.subsamples)
        spent = compute(study, options.folder / "cache", options.workers)
        each = spent.cpu / max(1, upto * len(names) - before)
        most = sorted(spent.stages.items(), key=lambda one: -one[1])[:8]
        print(
            f"{upto * len(names)} checkpoints: {spent.wall:.0f} s, processor {spent.cpu:.0f} s, {each:.2f} s for each "
            f"new one; most: {', '.join(f'{name} {seconds:.0f}' for name, seconds in most)}",
            flush=True,
        )
        before = upto * len(names)
    visit(options.folder)


def walk(base: Path, run: Path, upto: int, seed: int) -> None:
    """Checkpoints 1 to `upto` of a run that walks towards an adapter, quickly first."""
    target = run.parent / f".{run.name}-target"
    if not target.exists():
        models.build_adapter(target, base, seed=100 + seed)
    whole = load_file(target / "adapter_model.safetensors")
    rng = np.random.default_rng(seed)
    noise = [
        {name: rng.normal(0, 0.01, one.shape).astype(one.dtype) for name, one in whole.items()} for _ in range(upto)
    ]
    for step in range(1, upto + 1):
        place = run / f"checkpoint-{step}"
        if place.exists():
            continue
        share = 1 - np.exp(-step / 25)
        shutil.copytree(target, place)
        moved = {
            name: one * (share if "lora_B" in name else 1) + noise[step - 1][name] * ("lora_B" in name)
            for name, one in whole.items()
        }
        save_file({name: one.astype(np.float32) for name, one in moved.items()}, place / "adapter_model.safetensors")


def visit(folder: Path) -> None:
    """What the server takes for pages of this study: a first visit of each, and the same again."""
    store = Store(folder / "cache")
    bytes_ = sum(one.stat().st_size for one in store.root.rglob("*") if one.is_file())
    bars = sum(pq.read_metadata(one).num_rows for one in (store.root / SCHEMA / "diagrams").glob("*.parquet"))
    print(f"archive: {bytes_ / 1e6:.0f} MB, {bars / 1e6:.1f} million bars")
    server = Server(store.root, folder)
    try:
        process = psutil.Process(server.process.pid)
        with Client(server.port) as client:
            client.run("", "study=tiny")  # imports
            for page, query in VISITS:
                times = []
                for _ in range(3):
                    start = time.perf_counter()
                    client.run(page, f"study=many&{query}")
                    times.append(time.perf_counter() - start)
                print(f"  /{page}?{query}: first {times[0]:.2f} s, again {min(times[1:]):.2f} s")
        print(f"  the server's memory: {process.memory_info().rss / 1e6:.0f} MB")
    finally:
        server.stop()


if __name__ == "__main__":
    main()
