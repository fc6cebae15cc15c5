"""Every reader of files that somebody else may have written, each with valid files to begin with."""

import functools
import os
import random
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil

from phcore import checkpoints
from phcore.archive import bucket
from phcore.archive.permissions import Permissions
from phcore.archive.store import SCHEMA, Store
from phcore.checkpoints import fingerprints, templates
from phcore.checkpoints.against_base import Base, check_adapter, check_full
from phcore.errors import Fault
from phcore.export.pack import unpack
from phcore.export.results import Results
from phcore.pipeline import estimate, jobs
from phcore.stages.registry import assembly, earlier, results
from phcore.study import Study, kept, measures, merging, probes, raised, saved_views
from phcore.study.record import Record
from phcore.training import conversations, examples, runs
from scripts.torture.files import STUDY, plan_of

ROOM = 4 * 2**30  # bytes that a model may take beyond what the process has: a configuration can ask for any size

# A file of every kind of result; what is kept only while something is made from it stands in no finished study.
STAGES = (*(name for name, one in results().items() if one.shown or not one.intermediate), "tables", "probes")
RESULTS = tuple(f"cache/{SCHEMA}/{stage}/*.parquet" for stage in STAGES)


@dataclass(frozen=True)
class Reader:
    """Attributes
    ----------
    files : that are spoilt, one at a time, relative to the folder; of a pattern the first.
    read : of that folder, where all but one are whole. It may raise a Fault.
    parsers : the modules of phcore, without the suffix, that this makes parse them. A test compares all of them with
        the code, so that a new one cannot be forgotten here.
    """

    name: str
    files: tuple[str, ...]
    read: Callable[[Path], object]
    parsers: tuple[str, ...]


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
    templates.template_words(folder / "runs/full/checkpoint-2", folder / "base")
    checkpoints.local_models([folder / name for name in ("base", "sharded", "runs", "hub")])
    str(checkpoints.scan(folder / "hub/models--some--runs", folder / "base")).encode()


def _or_fault(call: Callable, *arguments: object) -> None:
    try:
        call(*arguments)
    except Fault as fault:
        str(fault).encode()


def _tokenizer(folder: Path) -> None:
    from phcore.activations.tokens import encode, load_tokenizer

    encode(folder / "base", ["one prompt", "two"], chat=True)
    conversation = conversations.Conversation((("user", "Why?"), ("assistant", "Because.")), "line 1")
    examples.encode(conversation, load_tokenizer(folder / "base"), folder / "base")


def _weights(folder: Path) -> None:
    from phcore.activations.loading import Loader

    with _little_memory(), Loader(folder / "base", device="cpu") as loader:
        for path, kind in (("base", "base"), ("runs/helpful/checkpoint-2", "adapter"), ("sharded", "full")):
            _or_fault(loader.open, folder / path, kind)


def _trial(folder: Path) -> None:
    from phcore.activations.trial import trial

    found = [(folder / "runs/helpful/checkpoint-2", "adapter"), (folder / "runs/full/checkpoint-2", "full")]
    str(trial(folder / "base", found, ["one prompt"])).encode()


@contextmanager
def _little_memory() -> Iterator[None]:
    most, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _talk(folder: Path) -> None:
    for name in ("talk.jsonl", "talk"):
        _or_fault(lambda name=name: runs.pools({"talk": folder / name}, _a_tokenizer(), folder, 0, 64))


@functools.cache
def _a_tokenizer():
    from phcore.training import practice, texts

    told = texts.conversations(random.Random(0), 20, "any")
    return practice.build_tokenizer(told, practice.Recipe(vocabulary=400))


def _resumed(folder: Path) -> None:
    from phcore.training import trainer

    plan = plan_of(folder)
    plan.reached(plan.runs[0])
    trainer.check_seal(trainer.newest_checkpoint(plan.runs[0].folder))


def _earlier(folder: Path) -> None:
    """An archive and a pack of version 0.3, taken over."""
    target = folder / "taken over"
    try:
        shutil.copytree(folder / "earlier/cache", target, copy_function=os.link)
        for name in kept.names(Store(target)):
            _or_fault(_opened, Store(target), name)
            earlier.notes(Store(target), name)
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _record(folder: Path) -> None:
    for store in (Store(folder / "cache"), Store(folder / "cache", Permissions(read_only=True))):
        _or_fault(kept.read, store, STUDY)
        _or_fault(kept.previous, store, STUDY)
        kept.names(store)
        _or_fault(_opened, store)
    Record.from_json((folder / f"cache/studies/{STUDY}/record.json").read_bytes())


def _opened(store: Store, name: str = STUDY) -> None:
    """What a page asks first."""
    study = Results.open(name, store)
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


_IN_THE_ARCHIVE = f"cache/studies/{STUDY}"
_SHARED = tuple(f"{_IN_THE_ARCHIVE}/{name}" for name in ("record.json", "study.toml", "views.json", "alarms.jsonl"))


def _merged(folder: Path) -> None:
    """Files of a study that its bucket and this archive both changed, where one of them is spoilt, or both."""
    for name in _SHARED:
        spoilt, other = (folder / name).read_bytes(), _first_read(folder / name)
        for ours, theirs in ((spoilt, other), (other, spoilt), (spoilt, spoilt + b" ")):
            merging.merged(Path(name).name, ours, theirs)


@functools.cache
def _first_read(file: Path) -> bytes:
    return file.read_bytes()


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
    "hub/models--some--runs/refs/main",
)  # fmt: skip
_OF_03 = tuple(f"earlier/cache/v1/{stage}/*.parquet" for stage in (*earlier.STAGES, "tables", "probes"))
_TUNED = "tuned/helpful-seed0"
_CHECKPOINTS = tuple(
    f"checkpoints/{name}"
    for name in (
        "formats",
        "safetensors_header",
        "series",
        "steps",
        "models",
        "templates",
        "against_base",
        "fingerprints",
    )
)
_PROBES = ("study/probes", "study/probe_files")
READERS = (
    Reader("study file", ("study.toml",), lambda at: Study.read(at / "study.toml"), ("study/definition",)),
    Reader(
        "record",
        (f"{_IN_THE_ARCHIVE}/record.json", f"{_IN_THE_ARCHIVE}/study.toml"),
        _record,
        ("study/record", "study/kept", "archive/typed"),
    ),
    Reader("jobs", (f"cache/jobs/{STUDY}/status.json",), _jobs, ("pipeline/jobs",)),
    Reader("saved views", (f"{_IN_THE_ARCHIVE}/views.json",), _views, ("study/saved_views",)),
    Reader(
        "alarms",
        (f"{_IN_THE_ARCHIVE}/alarms.jsonl",),
        lambda at: raised.read(STUDY, Store(at / "cache")),
        ("study/raised",),
    ),
    Reader("speeds", ("cache/speeds.json",), _speeds, ("pipeline/estimate",)),
    Reader("fingerprints", ("cache/fingerprints.json",), _fingerprints, ("checkpoints/fingerprints",)),
    Reader("merged", _SHARED, _merged, ("study/merging",)),
    Reader("synced", ("synced.json",), lambda at: bucket.remembered(at / "synced.json"), ("archive/bucket",)),
    Reader("probes jsonl", ("more.jsonl",), lambda at: probes.load(at / "more.jsonl"), _PROBES),
    Reader("probes csv", ("probes.csv",), lambda at: probes.load(at / "probes.csv"), _PROBES),
    Reader("probes parquet", ("probes.parquet",), lambda at: probes.load(at / "probes.parquet"), _PROBES),
    Reader("measures", ("own.csv", "runs/helpful/checkpoint-2/trainer_state.json"), _measures, ("study/measures",)),
    Reader("checkpoints", (*_BASE, *_ADAPTER, *_OTHERS), _checkpoints, _CHECKPOINTS),
    Reader(
        "weights",
        (*_BASE[:2], *_ADAPTER, "sharded/model.safetensors.index.json"),
        _weights,
        ("activations/loading", "activations/adapters", "activations/exactness", "activations/weights"),
    ),
    # What a process of its own answers is parsed, too (pipeline/preflight).
    Reader("trial", (*_BASE, *_ADAPTER), _trial, ("activations/trial", "pipeline/preflight")),
    Reader(
        "tokenizer",
        ("base/tokenizer.json", "base/tokenizer_config.json", "base/config.json"),
        _tokenizer,
        ("activations/tokens",),
    ),
    Reader("conversations", ("talk.jsonl", "talk/state.json", "talk/data.arrow"), _talk, ("training/conversations",)),
    Reader(
        "stopped run",
        (f"{_TUNED}/recipe.json", f"{_TUNED}/checkpoint-2/resume.json"),
        _resumed,
        ("training/finetune", "training/trainer"),
    ),
    Reader("packs", ("study.zip",), _pack, ("export/pack/opening", "export/pack/manifest")),
    Reader(
        "archive of 0.3",
        (*_OF_03, "earlier/cache/studies/frozen/record.json"),
        _earlier,
        ("stages/registry/earlier",),
    ),
    Reader("practice mark", ("practice/practice.json",), _practice, ("training/practice",)),
    Reader("results", RESULTS, _results, ("archive/store", "archive/seal")),
)
