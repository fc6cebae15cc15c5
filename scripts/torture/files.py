"""All files that are read, whole, before one of them is spoilt."""

import json
import shutil
import zipfile
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pyarrow as pa

from phcore.archive.store import Store
from phcore.export.pack import pack
from phcore.export.results import Results
from phcore.pipeline import estimate, jobs
from phcore.study import raised, saved_views
from phcore.training.finetune import MARK, Plan
from phcore.training.recipe import Recipe
from phcore.training.runs import Run

STUDY = "tiny"
EARLIER = Path(__file__).resolve().parents[2] / "tests/data/archive-0.3.zip"


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
    raised.add([raised.Raised("helpful", 2, "jump", "The loops moved far.")], STUDY, store)
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
    (folder / "synced.json").write_text(json.dumps({"studies/a/record.json": ["the version", "the digest"]}))
    (folder / "practice/practice.json").write_text(json.dumps({"seed": 0, "recipe": {"a": 1}, "finished": True}))
    memory = {str(folder / "base/model.safetensors"): [1, 2, 3, 4, "0" * 64]}
    (cache / "fingerprints.json").write_text(json.dumps(memory))
    _shards(folder / "base", folder / "sharded")
    _hub(folder)
    _conversations(folder)
    _run(folder)
    with zipfile.ZipFile(EARLIER) as archive:
        archive.extractall(folder / "earlier")
    return folder


def _hub(folder: Path) -> None:
    """The runs as a revision of a repository in a hub cache."""
    repository = folder / "hub/models--some--runs"
    shutil.copytree(folder / "runs/helpful", repository / "snapshots/0abc")
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text("0abc")


def _conversations(folder: Path) -> None:
    messages = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]
    rows = [{"messages": messages}, {"chosen": messages}, {"chosen": "\n\nHuman: Why?\n\nAssistant: So it is."}] * 2
    (folder / "talk.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "talk").mkdir()
    table = pa.Table.from_pylist([{"messages": messages}] * 3)
    with pa.ipc.new_stream(str(folder / "talk/data.arrow"), table.schema) as stream:
        stream.write_table(table)
    (folder / "talk/state.json").write_text(json.dumps({"_data_files": [{"filename": "data.arrow"}]}))


def _run(folder: Path) -> None:
    """A fine-tuning that was stopped at its second step."""
    from phcore.training import trainer

    plan = plan_of(folder)
    newest = plan.runs[0].folder / "checkpoint-2"
    shutil.copytree(folder / "runs/helpful/checkpoint-2", newest)
    for name in trainer.SEALED:
        (newest / name).write_bytes(b"0123456789" * 20)
    trainer.seal(newest)
    (plan.runs[0].folder / MARK).write_text(json.dumps(plan.mark(plan.runs[0])))


def plan_of(folder: Path) -> Plan:
    """Of a fine-tuning of one run; `tuned/helpful-seed0` is its folder."""
    run = Run("helpful", 0, {"helpful": 1.0}, folder / "tuned/helpful-seed0")
    marks = {"base": "0" * 32, "conversations": {"helpful": "1" * 32}, "recipe": asdict(Recipe(steps=4))}
    return Plan(folder / "base", Recipe(steps=4), (2, 4), [run], {}, 0, None, marks)


def _shards(base: Path, target: Path) -> None:
    """The base as if it had been saved in several files."""
    shutil.copytree(base, target)
    (target / "model.safetensors").rename(target / "model-00001-of-00001.safetensors")
    from phcore.checkpoints.safetensors_header import read_header

    names = read_header(target / "model-00001-of-00001.safetensors")
    index = {"metadata": {}, "weight_map": dict.fromkeys(names, "model-00001-of-00001.safetensors")}
    (target / "model.safetensors.index.json").write_text(json.dumps(index))
