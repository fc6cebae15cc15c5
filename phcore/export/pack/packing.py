"""A study written as a pack."""

import os
import stat
import tempfile
import tomllib
import zipfile
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from phcore.archive import installed
from phcore.archive.store import SCHEMA, Store
from phcore.errors import Fault
from phcore.export.pack.manifest import (
    FORMAT,
    MANIFEST,
    MEASURES,
    RECORD,
    STUDY,
    Entry,
    Manifest,
    check_sizes,
    copy,
    stage_of,
)
from phcore.export.packages import version
from phcore.export.results import Results
from phcore.stages.registry import assembly, results
from phcore.study import measures
from phcore.study.kept import folder_of, keep
from phcore.study.record import Record
from phcore.study.redaction import redact

PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "redzed-tda", "ripser", "persim", "torch", "transformers", "peft",
            "safetensors", "tokenizers")  # fmt: skip

TEXTS = {"greedy_answers"}  # results that hold words of a model, which repeat prompts


@dataclass(frozen=True)
class Packed:
    """A pack that was written. `sizes` and `left` are bytes by stage: inside, and left behind for their size."""

    path: Path
    files: int
    bytes: int
    sizes: dict[str, int]
    left: dict[str, int]


def pack(
    study: Results, target: str | Path, *, prompts: bool = True, clouds: bool = False, date: str | None = None
) -> Packed:
    """Write a study with all its results into one file; an earlier file of that name is replaced as one step.

    Parameters
    ----------
    prompts : False leaves the texts of prompts and reference answers behind; their numbers and categories stay. Bars
        can then not be led back to texts.
    clouds : take the hidden states and next-token probabilities along, from which texts can be guessed.
    date : ISO 8601; now, where none is given. The same study and date give the same bytes.

    Raises
    ------
    Fault
        where nothing is computed yet, a result was damaged, or the file cannot be written.
    """
    study.store.refuse_writing("pack a study")  # a pack holds more than is shown then
    target = Path(target)
    if target.is_dir() or not target.absolute().parent.is_dir():
        wrong = "this is a folder" if target.is_dir() else "its folder does not exist"
        raise Fault(wrong, "Give the name of a file in a folder that exists, such as study.zip", target)
    bare = redact(study.record)
    prompts = prompts and not bare.prompts_withheld
    bare = replace(bare, prompts_withheld=not prompts)
    left: Counter[str] = Counter()
    try:
        with tempfile.TemporaryDirectory(prefix=".packing-", dir=target.absolute().parent) as place:
            sources = _results(study, clouds, prompts, left) | _about(study, bare, Store(place), prompts)
            entries = tuple(Entry.of(name, path) for name, path in sorted(sources.items()))
            check_sizes(entries)
            manifest = Manifest(
                format=FORMAT, phcore=_own_version(), packages={name: version(name) for name in PACKAGES},
                date=date or datetime.now(UTC).isoformat(timespec="seconds"), study=bare.study.name,
                record=bare.digest, prompts=prompts, clouds=clouds, files=entries,
            )  # fmt: skip
            written = Path(place) / "pack.zip"
            _write(written, manifest, sources)
            size = written.stat().st_size
            os.replace(written, target)
    except OSError as error:
        wrong = f"it cannot be written ({error.strerror or error})"
        raise Fault(wrong, "Check the disk and who may write there", target) from error
    sizes: Counter[str] = Counter()
    for entry in entries:
        sizes[stage_of(entry.path)] += entry.bytes
    return Packed(target, len(entries), size, dict(sizes), dict(left))


def _results(study: Results, clouds: bool, prompts: bool, left: Counter[str]) -> dict[str, Path]:
    """Name in the pack -> file of every result that is there. What stays behind is counted in `left`, in bytes."""
    store, found, damaged = study.store, {}, len(study.store.damaged)
    large = {one.name for one in results().values() if one.intermediate}
    named = list(assembly.named(study.record))
    store.bring(file for file in named if file[0] not in large or clouds)
    for stage, key in named:
        path = store.path(stage, key)
        if not path.exists():
            continue
        if (stage in large and not clouds) or (stage in TEXTS and not prompts):
            left[stage] += path.stat().st_size
        elif store.read(stage, key) is not None:  # every page against its checksum: damage shall not travel
            found[f"{SCHEMA}/{stage}/{key}.parquet"] = path
    if len(store.damaged) > damaged:
        wrong = f"{len(store.damaged) - damaged} results of {study.study.name} were damaged and have been set aside"
        raise Fault(wrong, "Compute the study again, then pack it")
    if not any(name.startswith((f"{SCHEMA}/tables/", f"{SCHEMA}/summaries/")) for name in found):
        raise Fault(f"nothing of {study.study.name} is computed yet", "Compute it first")
    return found


def _about(study: Results, bare: Record, desk: Store, prompts: bool) -> dict[str, Path]:
    """Name in the pack -> file of what is not a copy of a result: the record, the study file, the user's measures.

    Parameters
    ----------
    desk : where what is written for the pack alone lies.
    """
    keep(bare, desk)
    found = {name: folder_of(bare.study, desk) / name for name in (RECORD, STUDY)}
    own = measures.own_file(study.study.name, study.store)
    if own.exists():
        found[MEASURES] = own
    if not prompts:
        blank = assembly.prompts(study.record, study.store).assign(text="", reference=None)
        desk.write("probes", bare.probes_key, blank)
        found[f"{SCHEMA}/probes/{bare.probes_key}.parquet"] = desk.path("probes", bare.probes_key)
    return found


def _write(target: Path, manifest: Manifest, sources: dict[str, Path]) -> None:
    """Raises Fault where a file changed since the manifest was made."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_header(MANIFEST), manifest.to_json())
        for entry in manifest.files:
            with sources[entry.path].open("rb") as source, archive.open(_header(entry.path, entry.bytes), "w") as into:
                if copy(source, into, entry.bytes) != (entry.bytes, entry.sha256):
                    raise Fault("a result changed while it was packed", "Pack the study again", sources[entry.path])


def _header(name: str, size: int = 0) -> zipfile.ZipInfo:
    """The same for every machine and day: a plain file that everybody may read."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.create_system, info.external_attr, info.file_size = 3, (stat.S_IFREG | 0o644) << 16, size
    return info


def _own_version() -> str:
    if installed.INSTALLED:
        return version("toposcope")
    try:
        return tomllib.loads((installed.APP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    except (OSError, ValueError, KeyError):
        return version("toposcope")
