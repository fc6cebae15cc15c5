"""A small real study, computed once per run of the tests: a tiny model, three series, one bad checkpoint."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from phcore import Series, Study
from phcore.archive.store import SCHEMA, Store
from phcore.pipeline.run import Run, publish_missing
from phcore.stages.registry import results, tables
from phcore.study import measures
from phcore.study.kept import keep, read
from phcore.study.record import ALL, Record
from phcore.study.resolve import resolve
from tests import models

PARAMETERS = {"subsamples": 6, "subsample_size": 20, "layers": (0, 1, 2), "tokens": (0, 7), "answers": (1, 7)}
# Where a test is not about the numbers.
FEW = {"subsamples": 4, "subsample_size": 12, "layers": (1,), "tokens": (), "answers": ()}


def write_probes(path: Path, count: int = 40) -> Path:
    things = ["a river", "the moon", "old bread", "a red kite", "seven boxes", "my aunt", "the night train", "salt"]
    verbs = ["Describe", "Draw", "Explain", "Sell", "Hide"]
    rows = [
        {"prompt": f"{verbs[k % 5]} {things[k % 8]} number {k}" + " please" * (k % 3), "category": "ab"[k % 2]}
        for k in range(count)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def build_runs(folder: Path, base: Path, *series: str) -> Path:
    """helpful: three adapters; harmless: two adapters and a truncated one; full: one whole checkpoint.

    `series` : those that are wanted; all of them where none is named.
    """
    for name in series or ("helpful", "harmless", "full"):
        shutil.copytree(_trained(base, name), folder / name)
    return folder


_KEPT: dict[tuple[Path, str], tempfile.TemporaryDirectory] = {}


def _trained(base: Path, name: str) -> Path:
    """A series of `build_runs`, made once for each model of this process. Nobody changes it, nor the model."""
    if (base, name) not in _KEPT:
        _KEPT[base, name] = tempfile.TemporaryDirectory()
        folder = Path(_KEPT[base, name].name)
        if name == "full":
            models.nudge(base, folder / "checkpoint-2", seed=5)
        else:
            for step in (1, 2, 4):
                models.build_adapter(folder / f"checkpoint-{step}", base, seed=step + 10 * len(name))
        if name == "harmless":
            broken = folder / "checkpoint-4" / "adapter_model.safetensors"
            broken.write_bytes(broken.read_bytes()[:-100])
    return Path(_KEPT[base, name].name)


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


def build_few(folder: Path, base: Path, *series: str, **changes) -> Study:
    """Some series of the small study, with as little to measure as there can be."""
    study = build_study(folder, base, **{**FEW, **changes})
    return study.with_(series=tuple(one for one in study.series if one.name in series))


# What a stranger may call a thing: a picture, links, HTML, a formula, colours, control of a terminal and of the reading
# order, a formula of a spreadsheet, an address.
HOSTILE = (
    "![m](https://evil.example/a.png) [l](https://evil.example) <img src=x onerror=alert(1)> $E=mc^2$ :red[x] **b** "
    ":smile: \x1b[31m \u202eabc =1+1 https://evil.example/x www.evil.example e@evil.example"
)
AS_SEEN = HOSTILE.replace("\x1b", "␛").replace("\u202e", "⟨U+202E⟩")


def build_hostile(folder: Path, base: Path) -> Store:
    """Two small studies, "hostile" and "second", in which everything that others name is called `HOSTILE`.

    Series, objectives, model, folders, prompts, categories, measures, findings, saved views, and the words of a job
    that has failed.
    """
    store, name = Store(folder / "cache"), HOSTILE.replace("/", "")
    probes = write_probes(folder / f"{name[:80]}.jsonl")
    rows = [json.loads(line) for line in probes.read_text().splitlines()]
    prompt = f"{HOSTILE[:33]} <b>b</b> $E=mc^2$ :red[x]"  # the small model reads no more
    rows = [{"prompt": f"{prompt} {k}", "category": f"{HOSTILE} {row['category']}"} for k, row in enumerate(rows)]
    probes.write_text("\n".join(json.dumps(row) for row in rows))
    model = folder / name
    shutil.copytree(base, model)
    study = build_few(folder, base, "helpful", "harmless", name="hostile", probes=str(probes), model=model)
    names = [(one, f"{HOSTILE} {one.name}") for one in study.series]
    series = tuple(replace(one, name=name, objective=name) for one, name in names)
    record, _ = compute(study.with_(series=series, beside=("second",)), store)
    lines = [f'"{node.label}",{node.step},"{HOSTILE}",{k}' for k, node in enumerate(record.ready)]
    record = measures.attach("\n".join(["series,step,name,value", *lines[1:]]).encode(), record, store)
    publish_missing(record, store)
    place = store.root / "studies"
    plain = json.loads((place / "hostile" / "record.json").read_text())
    plain["nodes"] = [node | {"finding": node["finding"] and HOSTILE} for node in plain["nodes"]]
    (place / "hostile" / "record.json").write_text(json.dumps(plain))
    shutil.copytree(place / "hostile", place / "second")
    shown = "".join(letter for letter in HOSTILE if letter.isprintable())[:80]
    view = {"name": shown, "page": "study", "query": "study=hostile", "note": HOSTILE, "saved": "2026-01-01T00:00:00"}
    (place / "hostile" / "views.json").write_text(json.dumps([view]))
    job = {"name": "hostile", "state": "failed", "stage": HOSTILE, "label": HOSTILE, "message": HOSTILE}
    (store.root / "jobs" / "hostile").mkdir(parents=True)
    (store.root / "jobs" / "hostile" / "status.json").write_text(json.dumps(job | {"warnings": [HOSTILE]}))
    return store


def compute(study: Study, store: Store, **options) -> tuple[Record, Run]:
    """Run a study in this process."""
    with ThreadPoolExecutor(1) as executor:
        run = Run(resolve(study, store), store, executor, **options)
        return run.run(), run


def compare_all(source: Path, target: Path) -> Store:
    """A copy of the small study's archive in which all pairs of checkpoints are asked for, and computed."""
    store = copy_archive(source, target)
    with ThreadPoolExecutor(1) as executor:
        keep(Run(replace(read(store, "tiny"), pairs=ALL), store, executor).run(), store)
    return store


def copy_archive(source: Path, target: Path) -> Store:
    """A copy to change. Its results are links: whoever damages one uses `overwrite`, as an archive itself does."""
    shutil.copytree(source, target, copy_function=_copy)
    return Store(target)


def copy_readings(source: Path, store: Store) -> None:
    """What was taken from models, of a computed archive: with it a study needs no model, and no torch."""
    for one in results().values():
        place = SCHEMA, one.name
        if one.reads_a_model and source.joinpath(*place).exists():  # a study may want none of it
            copy_archive(source.joinpath(*place), store.root.joinpath(*place))


def _copy(source: str, target: str) -> None:
    if source.endswith(".parquet"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def overwrite(path: Path, data: bytes) -> None:
    """Other bytes in a copied archive; the file that it was a link to stays as it is."""
    path.unlink()
    path.write_bytes(data)


def files(store: Store, name: str) -> list[Path]:
    """The archive's files of one result."""
    return sorted((store.root / SCHEMA / name).glob("*.parquet"))


def contents(root: Path) -> dict[str, bytes]:
    """Every result and table of an archive."""
    return {str(one.relative_to(root)): one.read_bytes() for one in sorted((root / SCHEMA).rglob("*.parquet"))}


def table_files(store: Store, *names: str) -> list[Path]:
    """The published files of some tables, of all studies of the archive."""
    return sorted(path for name in names for path in (store.root / SCHEMA / "tables").glob(f"{name}-*.parquet"))


def remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink()


def evidence() -> list[str]:
    """Names of the tables that judge others."""
    return [one.name for one in tables().values() if one.evidence]


def resting_on(*names: str) -> set[str]:
    """Names of the results that are made from these, directly or not, and these."""
    found = set(names)
    for one in results().values():  # each after what it needs
        if found & set(one.needs):
            found.add(one.name)
    return found


def tables_resting_on(gathered: Iterable[str], *names: str) -> set[str]:
    """Names of the tables that hold rows of such results, of `names`, and of what is made from either."""
    rows, found = set(gathered), set(names)
    for one in tables().values():
        if one.gathers in rows or found & set(one.needs):
            found.add(one.name)
    return found


def without_evidence(source: Path, target: Path, clouds: bool = True, lost: Iterable[str] | None = None) -> Store:
    """A copy of a finished archive without the evidence.

    Parameters
    ----------
    clouds : False also leaves behind all it is made from, as a study that came from elsewhere may lack it.
    lost : the tables that are not there; where none are named, all that judge others.
    """
    store = copy_archive(source, target)
    judged = ("geometry", "moves", "gaussian_nulls", "gaussian_velocities", "variant_loops", "sensitivity",
              "divergences", "departures")  # fmt: skip
    later = (
        "confounds",
        "spectra",
        "category_means",
        "length_removed",
        "token_bars",
        "token_shapes",
    )  # no table that was published is made of them
    read = ("clouds", "scores", "numerical_noise", "next_tokens", "second_clouds", "token_clouds", *later)
    for name in (*judged, *(() if clouds else read)):
        remove(files(store, name))
    remove(table_files(store, *(evidence() if lost is None else lost)))
    return store
