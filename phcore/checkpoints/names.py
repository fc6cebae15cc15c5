"""What the names of folders tell: a training step, a seed, a learning rate, and words that are none of these."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

# Units in which a name can say how far training was, and the words for them. An earlier unit wins over a later one:
# step100_epoch1 is step 100, stage1-step150-tokens1B step 150.
UNITS: Mapping[str, tuple[str, ...]] = {
    "step": (
        "globalstep", "step", "steps", "iter", "iters", "iteration", "iterations", "update", "updates", "ba",
        "schritt", "schritte", "paso", "pasos", "passo", "étape", "etape", "шаг", "步", "步骤", "步数", "ステップ",
    ),
    "checkpoint": ("checkpoint", "ckpt", "chkpt", "chkpnt", "checkpt", "cp"),
    "tokens": ("token", "tokens", "tok", "t"),
    "percent": ("pct", "percent"),
    "epoch": ("epoch", "epochs", "ep", "epoche", "epochen", "époque", "эпоха", "轮", "エポック"),
    "number": (
        "model", "weights", "save", "saved", "snapshot", "batch", "round", "rounds", "sample", "samples", "example",
        "examples", "episode", "episodes",
    ),
    "": ("",),  # a bare number
}  # fmt: skip
# Units that a folder's name may have for other reasons: they count where nothing on the way says a step otherwise.
WEAK = {"number", ""}
_UNIT = {word: unit for unit, words in UNITS.items() for word in words if word}
_SCALE = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}
# Figures that a name gives beside the step and that differ from checkpoint to checkpoint: step100-loss0.53.
_FIGURES = {"loss", "acc", "accuracy", "reward", "score", "kl", "ppl", "perplexity", "val", "eval", "metric"}

_RATE = re.compile(r"(?<![A-Za-z])(?:lr|learning[-_ ]?rate)[-_= ]?(\d+(?:\.\d+)?(?:e[-+]?\d+)?)(?![A-Za-z0-9])", re.I)
_SEED = re.compile(
    r"(?<![A-Za-z])(?:(?:seed|rng|saat|graine|semilla|种子)[-_= ]?|(?<![^\W_])s(?=\d{1,4}(?!\d)))(\d+)(?![A-Za-z0-9])",
    re.I,
)
_JOINED_SEED = re.compile(r"(?:seed|rng)[-_= ]?(\d+)$", re.I)
_DATE = re.compile(
    r"(?:[A-Za-z]+[-_])?(?:19|20)\d\d[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:0[1-9]|[12]\d|3[01])(?!\d)"
    r"(?:[-_T. ]*\d{2}[-_.:h]?\d{2}.*)?"
)
_TIME = re.compile(r"(?:[01]\d|2[0-3])[-_.:h][0-5]\d[-_.:m][0-5]\d")  # Hydra: 2026-05-01/12-00-00
_BEHIND_A_DATE = re.compile(r"\d[-_. ]+(?:[A-Za-z]+[-_ ])*(?:step|checkpoint|ckpt|epoch|iter)[-_= ]?\d+$", re.I)
_TIMESTAMP = re.compile(r"1\d{9}(?:\d{3})?")  # seconds or milliseconds since 1970
_THOUSANDS = r"\d{1,3}(?:,\d{3})+|[1-9]\d{0,2}(?:_\d{3})+(?!\d)"  # 1,000 and 1_000
_PIECE = re.compile(
    rf"(?P<word>[^\W\d_]+)|(?P<number>{_THOUSANDS}|\d+(?:\.\d+)?(?:e\d+(?![a-z\d]))?)|(?P<percent>%)", re.I
)
_OF_ALL = re.compile(r"(?<=\d)[-_ ]?of[-_ ]?\d+(?![A-Za-z\d])", re.I)  # step100of1000
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
    if is_date(name) and not _BEHIND_A_DATE.search(name):
        return None
    if (bare := re.fullmatch(r"(\d+(?:\.\d+)?)([kKmM]?)", name)) and not _is_too_large(bare[1]):
        return Told({"": Fraction(bare[1]) * _SCALE[bare[2].lower()]}, "*", "")
    if thousands := re.fullmatch(_THOUSANDS, name):
        return Told({"": _number(thousands[0])}, "*", "")
    pieces = list(_PIECE.finditer(_OF_ALL.sub(_blank, _SEED.sub(_blank, _RATE.sub(_blank, name)))))
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
            numbers.setdefault(unit, _number(piece["number"]) * scale)
        pattern += name[end : piece.start()] + "*"
        end = stop
        units.add(unit)
    if not numbers or units <= {"", "figure"}:
        return None
    pattern += name[end:]
    rest = [one for one in re.split(r"[-_=. *]+", pattern) if one and one.lower() not in _SAYS_NOTHING]
    return Told(numbers, pattern, "-".join(rest))


_SAYS_NOTHING = {"global", "第", *_UNIT, *_FIGURES} - {"t"}


def _is_too_large(text: str) -> bool:
    """Whether a number is one that no training counts up to, such as a hash."""
    digits, _, power = text.lower().partition("e")
    return len(digits) > 15 or len(power) > 2 or int(power or 0) > 15


def _number(text: str) -> Fraction:
    return Fraction(re.sub("[,_]", "", text))


def _blank(found: re.Match) -> str:
    return "." * len(found[0])


def _read(pieces: list[re.Match], at: int) -> tuple[str, int, int] | None:
    """Unit, factor and end of a number among the pieces of a name, or None where it counts nothing of training."""
    number = pieces[at]
    if _is_too_large(number[0]):
        return None
    following = pieces[at + 1 :]
    scale, unit, stop = 1, "", number.end()
    if following and following[0].start() == number.end():
        read = _suffix(following[0][0].lower())
        if read is None:
            return None  # gpt2-xl, 8bit, 7b-chat
        (scale, unit), stop = read, following[0].end()
        following = following[1:]
    apart = not at or pieces[at - 1].end() < number.start()  # not stage1-tokens
    if apart and not unit and following and not (following[1:] and following[1]["number"]):  # 10B-tokens, 100_steps
        unit = _UNIT.get(following[0][0].lower(), "")
    before = [piece[0].lower() for piece in pieces[max(at - 2, 0) : at] if piece["word"]]
    if before[-1:] and pieces[at - 1]["word"]:
        for word in ("".join(before), before[-1]):
            if word in _FIGURES:
                return "figure", 1, stop
            if word in _UNIT and word != "t":
                told = unit if unit and _UNIT[word] in WEAK else _UNIT[word]  # save_100steps
                return (told, scale, stop) if _counts(told, scale) else None
        return (unit, scale, stop) if unit else None  # a word that is no unit: gpt2, stage1, run3
    return unit, scale, stop


def _suffix(text: str) -> tuple[int, str] | None:
    """Factor and unit of what is glued to a number (10k, 1000steps, 2BT, 1.5T), or None where it tells neither."""
    if text == "t":
        return _SCALE["t"], "tokens"
    for scale in ("", *(one for one in _SCALE if one and text.startswith(one))):
        unit = text.removeprefix(scale)
        if unit in ("", *_UNIT):
            return _SCALE[scale], _UNIT.get(unit, "")
    return (1, "percent") if text == "%" else None


def _counts(unit: str, scale: int) -> bool:
    """Whether a number of this unit can be how far training was, and no size: model-7b."""
    return unit != "number" or scale < _SCALE["b"]


def is_final(name: str) -> bool:
    """Whether a name says that it is the end of training: final, last, sft-final, main."""
    return bool(FINAL & set(re.split(r"[^a-z]+", name.lower())))


def is_date(name: str) -> bool:
    """Whether a folder is named by when it was made."""
    return any(one.fullmatch(name) for one in (_TIMESTAMP, _DATE, _TIME))


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
    return re.sub(r"[-_., ]{2,}", "-", left).strip("-_.=, ")
