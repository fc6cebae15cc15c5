"""All figures and tables of a study in one zip: what a paper's supplement holds."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from phcore.archive.writing import write_atomically
from phcore.errors import Fault
from phcore.export import images
from phcore.export.drawing import drawn
from phcore.export.encoding import encode
from phcore.export.helpers import helpers
from phcore.export.report.methods import cited, described, methods_paragraph, parameters, versions
from phcore.export.report.sources import bibtex
from phcore.export.results import Results
from phcore.figures.charts.standing import plain
from phcore.figures.figure import Choice, sentence
from phcore.figures.registry import PRINTED
from phcore.stages.registry import tables

_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every entry: the same content gives the same bytes
# `phcore tables` has them: what is most of an archive, what follows from the seed, and where maps draw what.
_NOT_HERE = ("bars", "subsamples", "coordinates", "edges")
_COMPRESSED = (".png", ".pdf", ".parquet")  # in themselves
_LEVEL = 1  # the best takes five times as long, and saves a tenth


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
    missing: dict[str, str] = {}
    names = [name for name in tables() if name not in _NOT_HERE]
    choice = Choice.of(results, layer=how.layer)
    written = _Written()
    # Tables are written here, by a library that leaves Python alone meanwhile; processes that draw need not load it.
    with helpers() as submit, ThreadPoolExecutor(1) as write:
        asked, parts = {}, count(1)
        whole = 2 * (len(PRINTED) + len(names))  # reading takes about as long as drawing and writing
        for name in names:
            progress(next(parts) / whole)
            frame = results.table(name)
            if frame.empty:
                missing[f"tables/{name}"] = "This study has no rows for it."
            else:
                asked |= {f"tables/{name}.{kind}": write.submit(encode, frame, kind) for kind in ("csv", "parquet")}
        for name, figure in PRINTED.items():
            progress(next(parts) / whole)
            try:
                data = figure.data(results, choice)
            except Fault as fault:
                missing[f"figures/{name}"] = sentence(fault)
            else:
                chart = plain(lambda: figure.chart(data, figure.look(results)))  # noqa: B023 -- called at once
                wanted = images.asked(*chart, width=how.width, points=how.points)
                asked[name] = submit(drawn, wanted, tuple(images.KINDS))
        for done, (name, future) in enumerate(asked.items(), 1):  # what is done is compressed while the rest is drawn
            made = future.result()
            files = {f"figures/{name}.{kind}": made[kind] for kind in made} if name in PRINTED else {name: made}
            for file, content in files.items():
                written.add(file, content)
            progress(0.5 + 0.5 * done / len(asked))
    there = [name for name in described() if not results.table(name).empty]
    written.add("methods.txt", (methods_paragraph(results.record, there) + "\n").encode())
    written.add("references.bib", bibtex(cited(results.record, there)).encode())
    written.add("study.toml", results.study.to_toml().encode())
    manifest = _manifest(results, how, choice.layer, written.files, missing)
    return written.closed(json.dumps(manifest, indent=1, ensure_ascii=False).encode())


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


def _manifest(results: Results, how: Print, layer: int, files: dict[str, dict], missing: dict[str, str]) -> dict:
    return {
        "study": results.study.name,
        "digest": results.record.digest,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "written_with": versions(),
        "figures": asdict(how) | {"layer": layer},
        "parameters": {name: value for name, value, _ in parameters(results.record)},
        "missing": missing,
        "files": dict(sorted(files.items())),
    }


class _Written:
    """A zip that is being written.

    Attributes
    ----------
    files : what is in it: name -> bytes and sha256.
    """

    def __init__(self) -> None:
        self.files: dict[str, dict] = {}
        self._sink = io.BytesIO()
        self._archive = zipfile.ZipFile(self._sink, "w")

    def add(self, name: str, content: bytes) -> None:
        self._put(name, content)
        self.files[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    def closed(self, manifest: bytes) -> bytes:
        """The whole of it, with the manifest, which cannot hold its own digest."""
        self._put("manifest.json", manifest)
        self._archive.close()
        return self._sink.getvalue()

    def _put(self, name: str, content: bytes) -> None:
        way = zipfile.ZIP_STORED if name.endswith(_COMPRESSED) else zipfile.ZIP_DEFLATED
        self._archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, way, _LEVEL)
