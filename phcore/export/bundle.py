"""All figures and tables of a study in one zip: what a paper's supplement holds."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from phcore.archive.store import write_atomically
from phcore.errors import Fault
from phcore.export import images
from phcore.export.encoding import encode
from phcore.export.report.methods import cited, described, methods_paragraph, parameters, versions
from phcore.export.report.sources import bibtex
from phcore.export.results import Results
from phcore.figures.charts.standing import plain
from phcore.figures.figure import Choice, sentence
from phcore.figures.registry import PRINTED
from phcore.stages.registry import tables

_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every entry: the same content gives the same bytes
_NOT_HERE = ("bars", "subsamples")  # one follows from the seed, the other is most of an archive: `phcore tables`


@dataclass(frozen=True)
class Print:
    """How figures are drawn.

    Attributes
    ----------
    layer : of the charts that show one; None: the middle one.
    width, points : in mm, and of the letters.
    """

    layer: int | None = None
    width: float = images.WIDTHS["two columns"]
    points: float = images.POINTS


def bundle(results: Results, how: Print = Print(), progress: Callable[[float], None] = lambda share: None) -> bytes:
    """The zip.

    Parameters
    ----------
    progress : called with the share done, from 0 to 1.

    Returns
    -------
    figures/NAME.svg, .png, .pdf; tables/NAME.csv, .parquet; study.toml without paths; methods.txt and references.bib;
    manifest.json with digest, parameters, versions, date, what is missing and why, and the SHA-256 of every other file.
    """
    results = results.for_strangers()
    found: dict[str, bytes] = {}
    missing: dict[str, str] = {}
    names = [name for name in tables() if name not in _NOT_HERE]
    choice = Choice.of(results, layer=how.layer)
    count = len(PRINTED) + len(names)
    for done, (name, figure) in enumerate(PRINTED.items()):
        try:
            data = figure.data(results, choice)
        except Fault as fault:
            missing[f"figures/{name}"] = sentence(fault)
        else:
            chart = plain(lambda: figure.chart(data, figure.look(results)))  # noqa: B023 -- called at once
            drawn = images.exports(*chart, tuple(images.KINDS), width=how.width, points=how.points)
            found |= {f"figures/{name}.{kind}": content for kind, content in drawn.items()}
        progress((done + 1) / count)
    for done, name in enumerate(names, start=len(PRINTED)):
        frame = results.table(name)
        if frame.empty:
            missing[f"tables/{name}"] = "This study has no rows for it."
        else:
            for kind in ("csv", "parquet"):
                found[f"tables/{name}.{kind}"] = encode(frame, kind)
        progress((done + 1) / count)
    there = [name for name in described() if not results.table(name).empty]
    found["methods.txt"] = (methods_paragraph(results.record, there) + "\n").encode()
    found["references.bib"] = bibtex(cited(results.record, there)).encode()
    found["study.toml"] = results.study.to_toml().encode()
    return _zip(found, _manifest(results, how, choice.layer, found, missing))


def write(results: Results, target: str | Path, how: Print = Print()) -> int:
    """Write the zip to a file; returns its bytes.

    Raises
    ------
    Fault
        where it cannot be written.
    """
    content = bundle(results, how)
    write_atomically(Path(target), content)
    return len(content)


def _manifest(results: Results, how: Print, layer: int, found: dict[str, bytes], missing: dict[str, str]) -> dict:
    return {
        "study": results.study.name,
        "digest": results.record.digest,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "written_with": versions(),
        "figures": asdict(how) | {"layer": layer},
        "parameters": {name: value for name, value, _ in parameters(results.record)},
        "missing": missing,
        "files": {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in sorted(found.items())
        },
    }


def _zip(found: dict[str, bytes], manifest: dict) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        everything = {"manifest.json": json.dumps(manifest, indent=1, ensure_ascii=False).encode()} | found
        for name, content in everything.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return sink.getvalue()
