"""Numbers, units and places in words, the same everywhere; and words of others, made harmless."""

import os
import re
import unicodedata
from collections.abc import Sequence
from math import isfinite
from pathlib import Path


def three(value: float) -> str:
    """A number with three significant digits: 0.0123, 12.3, 1,230."""
    if not isfinite(value):
        return "∞" if value > 0 else "–"
    if value == 0:
        return "0"
    scientific = f"{value:.2e}"  # rounds first, so that 0.9996 is 1.00
    magnitude = int(scientific.partition("e")[2])
    if not -4 <= magnitude < 6:
        return scientific
    return f"{float(scientific):,.{max(0, 2 - magnitude)}f}"


def percent(share: float, digits: int = 0) -> str:
    """A share in hundredths: 54 %; with a digit after the point, 0.3 %."""
    return f"{share:.{digits}%}".replace("%", " %")


def count(number: int, noun: str) -> str:
    """1 loop, 61 loops."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def part(number: int, whole: int, noun: str, one: str = "is", several: str = "are") -> str:
    """How many of them, with the verb: 67 of 207 moves are, All 207 moves are, None of 207 moves is."""
    if 0 < number == whole:
        return f"The only {noun} {one}" if whole == 1 else f"All {count(whole, noun)} {several}"
    return f"{f'{number:,}' if number else 'None'} of {count(whole, noun)} {several if number > 1 else one}"


def enumerated(names: Sequence[str]) -> str:
    """a, b and c."""
    return ", ".join([*names[:-2], " and ".join(names[-2:])])


def sampling_words(n: int, m: int) -> str:
    """For how many prompts a floor or an interval is: n = 320 prompts, m = 160 in a subsample."""
    return f"n = {n:,} prompts, m = {m:,} in a subsample"


def unit_words(scale: str = "raw", metric: str = "euclidean") -> str:
    """Unit of births, deaths and Wasserstein distances."""
    distance = "distance" if metric == "euclidean" else f"{metric} distance"
    return distance if scale == "raw" else f"{distance} / median distance"


def wasserstein_words(order: float, norm: float) -> str:
    """Name of a distance between diagrams, with its parameters: W2, ground norm 2."""
    if order == float("inf"):
        return f"bottleneck distance, ground norm {_norm(norm)}"
    return f"W{order:g}, ground norm {_norm(norm)}"


def _norm(norm: float) -> str:
    return "∞" if norm == float("inf") else f"{norm:g}"


def bytes_words(size: float) -> str:
    """Bytes as one buys them: 0.3 MB, 14 MB, 1.2 GB."""
    for unit, of in (("TB", 1e12), ("GB", 1e9)):
        if size >= of:
            return f"{size / of:,.1f} {unit}"
    return f"{size / 1e6:,.{0 if size >= 1e7 else 1}f} MB"


# --- places -----------------------------------------------------------------------------------------

PROTOCOLS = ("s3", "gs", "gcs", "az", "abfs", "abfss")  # of places that are mirrored: see `archive.addresses`
MIRRORED = ("checkpoints", "archives")  # apart, because what lies in the one is replaced, and in the other sent up


def at_home(path: str | Path) -> Path:
    """A path with a user's home in place of ~, as it is where nobody is called so.

    `Path.expanduser` raises a RuntimeError there.
    """
    return Path(os.path.expanduser(path))


def real_path(path: str | Path) -> Path:
    """A path without links, absolute; one whose links lead round in a circle as far as they can be followed.

    `Path.resolve` raises a RuntimeError for those, which no reader of files expects: they are merely not there.
    """
    return Path(os.path.realpath(path))


def mirror() -> Path:
    """Where copies of what lies in buckets are kept: `PHCORE_MIRROR`, or the user's folder of caches."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return real_path(at_home(Path(os.environ.get("PHCORE_MIRROR") or Path(home, "toposcope", "mirror"))))


def named(words: str) -> str:
    """Words in which what lies in the mirror is called by the address it is a copy of.

    >>> named(f"{mirror()}/checkpoints/s3/bucket/runs: there is no such folder")
    's3://bucket/runs: there is no such folder'
    """
    root = str(mirror())
    if root not in words:
        return words
    for kind in MIRRORED:
        for protocol in PROTOCOLS:
            words = words.replace(f"{root}/{kind}/{protocol}/", f"{protocol}://")
    return words


# --- words of others --------------------------------------------------------------------------------

_KEPT = "\u200c\u200d"  # joiners, which Persian, Hindi and emoji need


def visible(words: str, lines: bool = False) -> str:
    """Words of others in which nothing works unseen: what controls a terminal or turns the reading order is a mark.

    Parameters
    ----------
    words : such as a name that was found in somebody's file.
    lines : whether line breaks and tabs stay; else they are spaces.

    >>> visible("a\\x1b[31m\\u202eb\\nc")
    'a␛[31m⟨U+202E⟩b c'
    """
    if words.isascii() and words.isprintable():
        return words
    unlike = words.replace("\r\n", "\n")
    return "".join(letter if letter.isprintable() else _mark(letter, lines) for letter in unlike)


def encodable(words: str) -> str:
    """Words that a file or terminal takes: half of a character, as JSON or the name of a file may hold one, is a mark.

    >>> encodable("a\\ud83d b")
    'a⟨U+D83D⟩ b'
    """
    return words if words.isascii() else re.sub("[\ud800-\udfff]", lambda half: _mark(half[0], True), words)


def _mark(letter: str, lines: bool) -> str:
    kind = unicodedata.category(letter)
    if letter in "\n\t":
        return letter if lines else " "
    if kind in ("Zl", "Zp"):
        return "\n" if lines else " "
    if kind == "Cc" and letter < " ":
        return chr(0x2400 + ord(letter))  # Unicode has a picture of each
    return f"⟨U+{ord(letter):04X}⟩" if kind in ("Cc", "Cf", "Cs") and letter not in _KEPT else letter


def seen(value: object) -> object:
    """What a template inserts: words as `visible` ones; numbers, and markup of our own, as they are."""
    return visible(value, lines=True) if type(value) is str else value
