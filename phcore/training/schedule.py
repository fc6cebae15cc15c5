"""The steps at which checkpoints are saved, said in a few words."""

import re

from phcore.errors import Fault

GRAMMAR = 'Say steps such as "1, 2, 4", "2..16/2, 24..128/8", "every 8" or "log 20"'
MOST = 10_000  # checkpoints of one run
_PART = re.compile(
    r"(?:(?P<word>every|log) ?(?P<count>\d{1,9})|(?P<low>\d{1,9})(?:\.\.(?P<high>\d{1,9})(?:/(?P<by>\d{1,9}))?)?)"
)


def steps_of(text: str, last: int) -> tuple[int, ...]:
    """The steps that a schedule names, in order; the last step is always among them, and 0, the base model, never.

    Parameters
    ----------
    text : parts with commas between them, each of them
        `8` that step; `2..16` or `2..16/2` from a step to another, each one or in strides;
        `every 8` all multiples of 8; `log 20` at most 20 steps from the first to the last, evenly on a log scale.
    last : the number of training steps.

    Raises
    ------
    Fault : where a part is none of these, or names a step after the last.

    >>> steps_of("0..4/2, every 8", 20)
    (2, 4, 8, 16, 20)
    >>> steps_of("log 6", 64)
    (1, 2, 5, 12, 28, 64)
    """
    if last < 1:
        raise Fault(f"{last} training steps are none", "Train for one step at least")
    found = {last}
    for part in text.split(","):
        found |= _part(" ".join(part.split()), last)
    _refuse_more(len(found - {0}), text)
    return tuple(sorted(found - {0}))


def steps_within(text: str, last: int) -> tuple[int, ...]:
    """The same for a run that may be shorter than the steps that are named: those after its last are left out.

    Raises
    ------
    Fault : where a part is none.
    """
    found = {last}
    for part in text.split(","):
        named = [int(one) for one in re.findall(r"\d{1,9}", part)] if ".." in part or part.strip().isdecimal() else []
        found |= {step for step in steps_of(part, max([last, *named])) if step <= last}
    return tuple(sorted(found))


def _part(text: str, last: int) -> set[int]:
    read = _PART.fullmatch(text)
    if read is None:
        raise Fault(f"{text!r} is no part of a schedule", GRAMMAR)
    if read["word"]:
        count = int(read["count"])
        if not count:
            raise Fault(f"{text!r} asks for no step", GRAMMAR)
        _refuse_more(last // count if read["word"] == "every" else count, text)
        return set(range(count, last + 1, count)) if read["word"] == "every" else _log(count, last)
    low, high, by = int(read["low"]), int(read["high"] or read["low"]), int(read["by"] or 1)
    if high > last:
        raise Fault(f"step {high} of the schedule is after the last, {last}", "Train longer, or leave the step out")
    if low > high or not by:
        raise Fault(f"{text!r} leads nowhere", GRAMMAR)
    _refuse_more((high - low) // by, text)
    return set(range(low, high + 1, by))


def _refuse_more(number: int, text: str) -> None:
    """Before so many steps are made."""
    if number > MOST:
        raise Fault(f"the schedule {text!r} asks for more than {MOST:,} checkpoints", "Save fewer")


def _log(count: int, last: int) -> set[int]:
    if count == 1:
        return {last}
    # Small steps fall together when they are rounded, so there may be fewer than asked for.
    return {round(last ** (k / (count - 1))) for k in range(count)}
