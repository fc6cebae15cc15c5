"""What the names of folders tell: a training step, a seed, a learning rate, and words that are none of these."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

# Units in which a name can say how far training was, and the words for them. An earlier unit wins over a later one:
# step100_epoch1 is step 100, stage1-step150-tokens1B step 150.
UNITS: Mapping[str, tuple[str, ...]] = {
    "step": ("globalstep", "step", "steps", "iter", "iters", "iteration", "iterations", "update", "updates", "ba"),
    "checkpoint": ("checkpoint", "ckpt", "chkpt", "cp"),
    "tokens": ("token", "tokens", "tok", "t"),
    "percent": ("pct", "percent"),
    "epoch": ("epoch", "epochs", "ep"),
    "": ("",),  # a bare number
}
_UNIT = {word: unit for unit, words in UNITS.items() for word in words if word}
_SCALE = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
# Figures that a name gives beside the step and that differ from checkpoint to checkpoint: step100-loss0.53.
_FIGURES = {"loss", "acc", "accuracy", "reward", "score", "kl", "ppl", "perplexity", "val", "eval", "metric"}

_RATE = re.compile(r"(?<![A-Za-z])(?:lr|learning[-_ ]?rate)[-_= ]?(\d+(?:\.\d+)?(?:e[-+]?\d+)?)(?![A-Za-z0-9])", re.I)
_SEED = re.compile(r"(?<![A-Za-z])(?:seed|rng)[-_= ]?(\d+)(?![A-Za-z0-9])", re.I)
_JOINED_SEED = re.compile(r"(?:seed|rng)[-_= ]?(\d+)$", re.I)
_DATE = re.compile(
    r"(?:[A-Za-z]+[-_])?(?:19|20)\d\d[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:0[1-9]|[12]\d|3[01])(?!\d)"
    r"(?:[-_T. ]*\d{2}[-_.:h]?\d{2}.*)?"
)
_TIMESTAMP = re.compile(r"1\d{9}(?:\d{3})?")  # seconds or milliseconds since 1970
_PIECE = re.compile(
    r"(?P<word>[A-Za-z]+)|(?P<number>\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?(?:e\d+(?![a-z\d]))?)|(?P<percent>%)", re.I
)
_SUFFIX = re.compile(r"([kmb]?)([a-z]*|%)")  # 10k, 1000steps, 2BT, 10B tokens
FINAL = {"final", "last", "latest", "main", "end", "finished"}


@dataclass(frozen=True)
class Told:
    """What one name tells.

    Attributes
    ----------
    numbers : how far training was, by unit; "" is that of a bare number.
    pattern : the name with `*` in place of what differs from checkpoint to checkpoint.
    rest : the words that are no step, joined by dashes; "" where there are none.
    """

    numbers: Mapping[str, Fraction] = field(default_factory=dict)
    pattern: str = ""
    rest: str = ""


def step_of(name: str) -> Told | None:
    """What a folder's or revision's name tells of the training step, or None where it tells none.

    Examples
    --------
    >>> step_of("global_step_10").numbers
    {'step': Fraction(10, 1)}
    >>> step_of("checkpoint-1.5").pattern, step_of("stage2-step1.5k").rest
    ('checkpoint-*', 'stage2')
    """
    if is_date(name):
        return None
    if bare := re.fullmatch(r"(\d+(?:\.\d+)?)([kKmM]?)", name):
        return Told({"": Fraction(bare[1]) * _SCALE[bare[2].lower()]}, "*", "")
    pieces = list(_PIECE.finditer(_SEED.sub(_blank, _RATE.sub(_blank, name))))
    numbers: dict[str, Fraction] = {}
    pattern, end, units = "", 0, set()
    for at, piece in enumerate(pieces):
        if not piece["number"]:
            continue
        read = _read(pieces, at)
        if read is None:
            continue
        unit, scale, stop = read
        if unit in UNITS:
            numbers.setdefault(unit, Fraction(piece["number"].replace(",", "")) * scale)
        pattern += name[end : piece.start()] + "*"
        end = stop
        units.add(unit)
    if not numbers or units <= {"", "figure"}:
        return None
    pattern += name[end:]
    rest = [one for one in re.split(r"[-_=. *]+", pattern) if one and one.lower() not in _SAYS_NOTHING]
    return Told(numbers, pattern, "-".join(rest))


_SAYS_NOTHING = {"global", *_UNIT, *_FIGURES} - {"t"}


def _blank(found: re.Match) -> str:
    return "." * len(found[0])


def _read(pieces: list[re.Match], at: int) -> tuple[str, int, int] | None:
    """Unit, factor and end of a number among the pieces of a name, or None where it counts nothing of training."""
    number = pieces[at]
    after = pieces[at + 1] if at + 1 < len(pieces) and pieces[at + 1].start() == number.end() else None
    scale, unit, stop = "", "", number.end()
    if after is not None:
        suffix = _SUFFIX.fullmatch(after[0].lower())
        if suffix is None or suffix[2] not in ("", "%", *_UNIT):
            return None  # gpt2-xl, 8bit, 7b-chat
        scale, unit, stop = suffix[1], {"": "", "%": "percent"}.get(suffix[2], _UNIT.get(suffix[2], "")), after.end()
    if at + 2 < len(pieces) and not unit and scale and pieces[at + 2]["word"]:  # 10B-tokens
        unit = _UNIT.get(pieces[at + 2][0].lower(), "")
    before = [piece[0].lower() for piece in pieces[max(at - 2, 0) : at] if piece["word"]]
    if before[-1:] and pieces[at - 1]["word"]:
        for word in ("".join(before), before[-1]):
            if word in _FIGURES:
                return "figure", 1, stop
            if word in _UNIT and word != "t":
                return _UNIT[word], _SCALE[scale], stop
        return (unit, _SCALE[scale], stop) if unit else None  # a word that is no unit: gpt2, stage1, run3
    return unit, _SCALE[scale], stop


def is_final(name: str) -> bool:
    """Whether a name says that it is the end of training: final, last, sft-final, main."""
    return bool(FINAL & set(re.split(r"[^a-z]+", name.lower())))


def is_date(name: str) -> bool:
    """Whether a folder is named by when it was made."""
    return bool(_TIMESTAMP.fullmatch(name) or _DATE.fullmatch(name))


def seed(name: str) -> int | None:
    """The random seed that a name tells, or None."""
    found = _SEED.search(name) or _JOINED_SEED.search(name)
    return int(found[1]) if found else None


def rate(name: str) -> str:
    """The learning rate that a name tells, as it is written there; "" where it tells none."""
    found = _RATE.search(name)
    return found[1] if found else ""


def words(name: str) -> str:
    """A name without its seed and learning rate."""
    left = _JOINED_SEED.sub("", _SEED.sub("", _RATE.sub("", name)))
    return re.sub(r"[-_. ]{2,}", "-", left).strip("-_.= ")
