"""Every reader of files that somebody else may have written, each with valid files to begin with."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from phcore import checkpoints
from phcore.archive.permissions import Permissions
from phcore.archive.store import SCHEMA, Store
from phcore.checkpoints import fingerprints
from phcore.checkpoints.against_base import Base, check_adapter, check_full
from phcore.errors import Fault
from phcore.export.pack import pack, unpack
from phcore.export.results import Results
from phcore.pipeline import estimate, jobs
from phcore.stages.registry import assembly
from phcore.study import Study, kept, measures, probes, saved_views
from phcore.study.record import Record

STUDY = "tiny"


# Files of an archive.
RESULTS = tuple(
    f"cache/{SCHEMA}/{stage}/*.parquet" for stage in ("clouds", "diagrams", "summaries", "tables", "scores", "probes")
)


@dataclass(frozen=True)
class Reader:
    """Attributes
    ----------
    files : that are spoilt, one at a time, relative to the folder; of a pattern the first.
    read : of that folder, where all but one are whole. It may raise a Fault.
    """

    name: str
    files: tuple[str, ...]
    read: Callable[[Path], object]


def prepare(folder: Path, finished: Path) -> Path:
    """A folder with all files that are read, from that of a finished study (`cache`, `base`, `runs`, ...)."""
    shutil.copytree(finished, folder)
    cache = folder / "cache"
    store = Store(cache)
    study = Results.open(STUDY, store)
    pack(study, folder / "study.zip", clouds=True)
    estimate.remember(study.record, store, {"clouds": 0.1, "table cells": 0.5})
    view = saved_views.View("a view", "barcodes", "b_step=1&b_layer=1", "a note")
    saved_views.save(view, STUDY, store)
    (cache / "jobs" / STUDY).mkdir(parents=True)
    jobs.Reporter(store, STUDY).update(state="done", message="Finished.", warnings=("one",))
    frame = pd.DataFrame([json.loads(line) for line in (folder / "probes.jsonl").read_text().splitlines()])
    frame = frame.assign(reference="yes")
    frame.to_csv(folder / "probes.csv", index=False)
    frame.to_parquet(folder / "probes.parquet")
    frame.to_json(folder / "more.jsonl", orient="records", lines=True)
    (folder / "own.csv").write_text("series,step,name,value\nhelpful,1,accuracy,0.5\nhelpful,2,accuracy,0.7\n")
    log = [{"step": step, "loss": 1 / step, "epoch": 0.1, "learning_rate": 1e-4} for step in (1, 2, 3)]
    state = json.dumps({"global_step": 2, "log_history": log})
    (folder / "runs/helpful/checkpoint-2/trainer_state.json").write_text(state)
    (folder / "practice").mkdir()
    (folder / "practice/practice.json").write_text(json.dumps({"seed": 0, "recipe": {"a": 1}, "finished": True}))
    memory = {str(folder / "base/model.safetensors"): [1, 2, 3, 4, "0" * 64]}
    (cache / "fingerprints.json").write_text(json.dumps(memory))
    _shards(folder / "base", folder / "sharded")
    return folder


def _shards(base: Path, target: Path) -> None:
    """The base as if it had been saved in several files."""
    shutil.copytree(base, target)
    (target / "model.safetensors").rename(target / "model-00001-of-00001.safetensors")
    from phcore.checkpoints.safetensors_header import read_header

    names = read_header(target / "model-00001-of-00001.safetensors")
    index = {"metadata": {}, "weight_map": dict.fromkeys(names, "model-00001-of-00001.safetensors")}
    (target / "model.safetensors.index.json").write_text(json.dumps(index))


def first(folder: Path, pattern: str) -> Path:
    return min(folder.glob(pattern))


# --- what reads -----------------------------------------------------------------------------------------


def _checkpoints(folder: Path) -> None:
    for name in ("base", "sharded", "runs/helpful/checkpoint-2", "runs/full/checkpoint-2"):
        str(checkpoints.describe_model(folder / name)).encode()
        for call in (fingerprints.state, lambda one: fingerprints.fingerprint(one, folder / "base")):
            _or_fault(call, folder / name)
    _or_fault(checkpoints.tokenizer_digest, folder / "base")
    for base in ("base", "sharded"):
        _or_fault(lambda base=base: str(checkpoints.scan(folder / "runs", folder / base)).encode())
        _or_fault(lambda base=base: check_full(folder / "runs/full/checkpoint-2", Base(folder / base)))
        _or_fault(lambda base=base: check_adapter(folder / "runs/helpful/checkpoint-2", Base(folder / base)))
    str(checkpoints.scan(folder / "runs")).encode()
    checkpoints.local_models([folder])


def _or_fault(call: Callable, *arguments: object) -> None:
    try:
        call(*arguments)
    except Fault as fault:
        str(fault).encode()


def _tokenizer(folder: Path) -> None:
    from phcore.activations.tokens import encode

    encode(folder / "base", ["one prompt", "two"], chat=True)


def _record(folder: Path) -> None:
    for store in (Store(folder / "cache"), Store(folder / "cache", Permissions(read_only=True))):
        _or_fault(kept.read, store, STUDY)
        _or_fault(kept.previous, store, STUDY)
        kept.names(store)
        _or_fault(_opened, store)
    Record.from_json((folder / f"cache/studies/{STUDY}/record.json").read_bytes())


def _opened(store: Store) -> None:
    """What a page asks first."""
    study = Results.open(STUDY, store)
    assert study.finished in (True, False)
    assembly.named(study.record)
    assembly.missing(study.record, store)
    study.table("cells")
    study.table("velocities")
    study.for_strangers()


def _fingerprints(folder: Path) -> None:
    memory = folder / "cache/fingerprints.json"
    kept_bytes = memory.read_bytes()
    fingerprints.fingerprint(folder / "base", None, memory)
    memory.write_bytes(kept_bytes)


def _jobs(folder: Path) -> None:
    for store in (Store(folder / "cache"), Store(folder / "cache", Permissions(read_only=True))):
        jobs.status(store, STUDY)
        jobs.all_jobs(store)
        if not store.permissions.read_only:
            jobs.enforce(store, STUDY)


def _views(folder: Path) -> None:
    for store in (Store(folder / "cache"), Store(folder / "cache", Permissions(read_only=True))):
        saved_views.views(STUDY, store)


def _speeds(folder: Path) -> None:
    store = Store(folder / "cache")
    record = kept.read(store, STUDY)
    estimate.speeds(record, store)
    estimate.in_words(estimate.estimate(record, store, 2))


def _pack(folder: Path) -> None:
    target = folder / "opened"
    try:
        unpack(folder / "study.zip", Store(target))
        _opened(Store(target))
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _results(folder: Path) -> None:
    store = Store(folder / "cache")
    for path in (first(folder, one) for one in RESULTS):
        stage, key = path.parent.name, path.stem
        for call in (store.read, store.select, store.rows):
            content, there = path.read_bytes() if path.exists() else b"", path.exists()
            call(stage, key)
            if there and not path.exists():
                path.write_bytes(content)  # set aside; the next one has to see it too
        store.scan(stage, pd.DataFrame({"key": [key], "series": ["a"]}))


def _measures(folder: Path) -> None:
    measures.trainer_scalars([(2, folder / "runs/helpful/checkpoint-2")])
    measures.read_csv(folder / "own.csv", {"helpful": [0, 1, 2, 4]})


def _practice(folder: Path) -> None:
    from phcore.training import practice

    practice._mark(folder / "practice")
    practice._finished(folder / "practice", {"seed": 0, "recipe": {}}, practice.Recipe())


_BASE = tuple(f"base/{name}" for name in ("config.json", "model.safetensors", "tokenizer_config.json"))
_ADAPTER = tuple(f"runs/helpful/checkpoint-2/{name}" for name in ("adapter_config.json", "adapter_model.safetensors"))
_OTHERS = (
    "sharded/model.safetensors.index.json", "runs/full/checkpoint-2/config.json",
    "runs/full/checkpoint-2/model.safetensors", "runs/helpful/checkpoint-2/trainer_state.json",
)  # fmt: skip
_IN_THE_ARCHIVE = f"cache/studies/{STUDY}"
READERS = (
    Reader("study file", ("study.toml",), lambda at: Study.read(at / "study.toml")),
    Reader("record", (f"{_IN_THE_ARCHIVE}/record.json", f"{_IN_THE_ARCHIVE}/study.toml"), _record),
    Reader("jobs", (f"cache/jobs/{STUDY}/status.json",), _jobs),
    Reader("saved views", (f"{_IN_THE_ARCHIVE}/views.json",), _views),
    Reader("speeds", ("cache/speeds.json",), _speeds),
    Reader("fingerprints", ("cache/fingerprints.json",), _fingerprints),
    Reader("probes jsonl", ("more.jsonl",), lambda at: probes.load(at / "more.jsonl")),
    Reader("probes csv", ("probes.csv",), lambda at: probes.load(at / "probes.csv")),
    Reader("probes parquet", ("probes.parquet",), lambda at: probes.load(at / "probes.parquet")),
    Reader("measures", ("own.csv", "runs/helpful/checkpoint-2/trainer_state.json"), _measures),
    Reader("checkpoints", (*_BASE, *_ADAPTER, *_OTHERS), _checkpoints),
    Reader("tokenizer", ("base/tokenizer.json", "base/tokenizer_config.json", "base/config.json"), _tokenizer),
    Reader("packs", ("study.zip",), _pack),
    Reader("practice mark", ("practice/practice.json",), _practice),
    Reader("results", RESULTS, _results),
)
