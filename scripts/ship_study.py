"""Copy a finished study into an archive that travels: its tables, some bars, a few clouds, and no paths.

    python scripts/ship_study.py NAME --source CACHE [--target cache] [--model NAME] [--clouds 8]

A full archive of 31 checkpoints holds hundreds of megabytes of hidden states; what the pages show fits in a few.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from phcore.archive.shipped import LIST  # noqa: E402
from phcore.archive.store import Store  # noqa: E402
from phcore.archive.writing import write_atomically  # noqa: E402
from phcore.export.results import Results  # noqa: E402
from phcore.stages.registry import Place, assembly, keys_of  # noqa: E402
from phcore.stages.separation import rounds  # noqa: E402
from phcore.study.kept import folder_of, keep  # noqa: E402
from phcore.study.redaction import redact  # noqa: E402

SUBSAMPLES = 1  # of the bars, beside the whole cloud's; summaries, velocities and distances keep all


def ship(name: str, source: Path, target: Path, model: str | None = None, steps: tuple[int, ...] = ()) -> int:
    """Returns the bytes written.

    Parameters
    ----------
    model : name to show instead of the model folder's.
    steps : where hidden states come along, with the base and the last step: at the middle layer, of the first run of
        each objective. None: no hidden states. The edges of maps come along at every step.
    """
    study, to = Results.open(name, source), Store(target)
    if not study.finished:
        raise SystemExit(f"{name} is not finished")
    record, keys = study.record, keys_of(study.record)
    copied = [assembly.file_of(record, table) for table in assembly.published()]
    copied.append(("probes", record.probes_key))
    copied += [("scalars", record.scalars)] if record.scalars else []
    middle = record.layers[len(record.layers) // 2]
    paths = [record.path_of(name) for name in rounds({one.name: one.objective for one in record.series})[0]]
    drawn = dict.fromkeys(node for path in paths for node in path)
    kept = {record.base: None} if steps else {}
    kept |= {node: None for path in paths for node in path if steps and node.step in (*steps, path[-1].step)}
    copied += [("edges", keys.of("edges", Place((node,), middle))) for node in drawn]
    copied += [("clouds", keys.of("clouds", Place((node,), middle))) for node in kept]
    copied.append(("prompt_lengths", keys.of("prompt_lengths", Place((record.base,)))))
    for stage, key in copied:
        to.write(stage, key, study.store.read(stage, key))
    bars = study.table("bars")
    to.write(*assembly.file_of(record, "bars"), bars[bars["subsample"] < SUBSAMPLES])
    bare = redact(record)
    bare = replace(bare, study=bare.study.with_(model=model or bare.study.model))
    keep(bare, to)
    written = [to.path(stage, key) for stage, key in (*copied, assembly.file_of(record, "bars"))]
    enlist(to, [*written, *(folder_of(bare.study, to) / name for name in ("study.toml", "record.json"))])
    return sum(path.stat().st_size for path in written)


def enlist(to: Store, written: list[Path]) -> None:
    """Add files to the list of what ships, which an installed version brings along; drop those that are gone."""
    file = to.root / LIST
    known = file.read_text(encoding="utf-8").split() if file.exists() else []
    there = {name for name in known if (to.root / name).exists()}
    names = there | {str(path.relative_to(to.root)) for path in written}
    # Backwards: a study's record comes last, so that it shows where all it needs is there.
    write_atomically(file, "\n".join([*sorted(names, reverse=True), ""]).encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--target", type=Path, default=ROOT / "cache")
    parser.add_argument("--model", help="name of the base model to show")
    parser.add_argument("--clouds", type=int, nargs="*", default=[], metavar="STEP", help="steps with hidden states")
    options = parser.parse_args()
    written = ship(options.name, options.source, options.target, options.model, tuple(options.clouds))
    print(f"{written / 1e6:.1f} MB")
