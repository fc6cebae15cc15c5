"""What strangers may see of a study: names in place of paths, and no word of what is private or not served.

The read-only server, packed studies and reports all show a record as it leaves these functions.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath

from phcore.archive.permissions import KINDS, Permissions
from phcore.errors import Fault
from phcore.study.definition import Study
from phcore.study.record import Record

# Where an absolute path can begin: not inside a word, so that "1/2 of the shards", "and/or" and "H1/H0" stay.
_BEFORE = r"(?<![\w.)\]/\\~])"
_START = r"(?:(?:s3|gcs|gs|az|abfss|abfs):/+|~(?:[A-Za-z_][\w.-]*)?/|\.{1,2}[/\\]|/|[A-Za-z]:[/\\]|\\\\)"
_END = r"\s'\"`<>"
_REST = rf"(?:[^{_END},;:]|[,;:](?![/\\~]|[A-Za-z]:[/\\]))"  # a list of paths is not one
_QUOTED = rf"(?P<quote>['\"`])(?P<quoted>{_START}[^\n]*?)(?P=quote)"
_LINK = r"(?P<link>https?://\S+)"
_PLAIN = rf"{_BEFORE}{_START}{_REST}+"
_ABSOLUTE = re.compile(r"/|(?P<windows>[A-Za-z]:[/\\]|\\\\)")


def public(record: Record, permissions: Permissions, folder: Path) -> Record:
    """The record as strangers know it; every result is found as before.

    Parameters
    ----------
    permissions : of strangers.
    folder : of the study in its archive. Its study file may call more private than the record does: owners edit it
        without computing anything anew.
    """
    study = record.study
    private = {*study.private, *declared_private(folder)}
    bare = redact(record)
    shown = bare.study.with_(
        beside=tuple(name for name in study.beside if permissions.serves(name)),
        private=tuple(kind for kind in KINDS if permissions.hides(kind, private)),
    )
    return replace(bare, study=shown)


def redact(record: Record) -> Record:
    """The record without a path of this machine: of each model, folder and file the last part of its name.

    Keys and the digest depend neither on where checkpoints lay nor on findings, so the results are found as before.
    """
    study, places = record.study, places_of(record)
    shown = study.with_(
        model=last_part(study.model),
        probes=last_part(study.probes),
        series=tuple(replace(one, path=Path(last_part(one.path))) for one in study.series),
    )
    nodes = tuple(
        replace(
            node, path=f"{last_part(node.label)}/{last_part(node.path)}", finding=without_paths(node.finding, places)
        )
        for node in record.nodes
    )
    return replace(record, study=shown, nodes=nodes)


def places_of(record: Record) -> set[str]:
    """Every absolute path that a record names, but for those in its findings."""
    study = record.study
    named = {str(study.model), study.probes, *(str(one.path) for one in study.series), *(n.path for n in record.nodes)}
    return {place for place in named if _ABSOLUTE.match(place)}


def redact_fault(fault: Fault, known: Iterable[str | Path]) -> Fault:
    """A fault that names no place."""
    known = [*known, *([] if fault.path is None else [fault.path])]
    return Fault(without_paths(fault.fault, known), without_paths(fault.hint, known))


def without_paths(sentence: str, known: Iterable[str | Path] = ()) -> str:
    """A sentence in which each absolute path is replaced by its last part.

    Parameters
    ----------
    known : places that may occur in it. They and the folders above them are taken out whole, even where they hold
        spaces. Any other path ends at a space, or with the quotation marks around it.
    """
    if not sentence:
        return sentence
    whole = [rf"(?:{place})(?![\w-]|\.\w)(?:[/\\]{_REST}*)?" for place in _patterns(sentence, known)]
    pattern = re.compile("|".join([_QUOTED, _LINK, *whole, _PLAIN]))
    while (bare := pattern.sub(_shorter, sentence)) != sentence:  # what is left of one may make another whole
        sentence = bare
    return sentence


def _shorter(found: re.Match) -> str:
    if found["link"]:
        return found[0]
    if quote := found["quote"]:
        return f"{quote}{last_part(found['quoted'])}{quote}"
    # What follows the last name, such as a comma or a bracket, is the sentence's own.
    last = re.split(r"[/\\]", found[0])[-1]
    after = last[len(re.split("[,;:()]", last, maxsplit=1)[0]) :]
    return last_part(found[0].removesuffix(after)) + after


def _patterns(sentence: str, known: Iterable[str | Path]) -> list[str]:
    """Patterns of the known places that may occur in a sentence, and of the folders above them; whole ones first."""
    places: set[tuple[str, ...]] = set()
    for one in map(str, known):
        if kind := _ABSOLUTE.match(one):
            place = PureWindowsPath(one) if kind["windows"] else PurePosixPath(one)
            places |= {at.parts for at in (place, *place.parents) if at.name and at.name in sentence}
    return [_pattern(parts) for parts in sorted(places, key=lambda parts: (-len(parts), parts))]


def _pattern(parts: tuple[str, ...]) -> str:
    """Separators may be doubled: error messages quote Windows paths that way."""
    names = [re.escape(one.strip("/\\")) for one in parts if one.strip("/\\")]
    start = r"[/\\]+" if parts[0][0] in "/\\" else ""
    # Whatever stands before it, unless it could be part of two words: "train/data" where there is a folder /data.
    return ("" if len(names) > 1 else _BEFORE) + start + r"[/\\]+".join(names)


def last_part(path: str | Path) -> str:
    """The last part of a path of any system; of a snapshot in the hub cache the model's name. Never empty, no dots."""
    text = "".join(letter for letter in str(path) if letter.isprintable())
    parts = [part for part in re.split(r"[/\\]+", text) if part not in ("", ".", "..")]
    if len(parts) > 2 and parts[-2] == "snapshots" and parts[-3].startswith("models--"):
        parts = parts[-3].split("--")
    last = parts[-1].strip("~:") if parts else ""  # a study file would expand ~ to somebody's home
    return "-" if last in ("", ".", "..") else last


def declared_private(folder: Path) -> tuple[str, ...]:
    """What the study file in a study's folder calls private; everything where nobody can tell."""
    file = folder / "study.toml"
    try:
        if file.exists() and not file.is_file():  # a pipe would be waited for
            return KINDS
        return Study.read(file).private if file.exists() else ()
    except (Fault, OSError):
        return KINDS  # nobody can tell what it was meant to hide
