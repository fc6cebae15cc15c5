"""The five claims of Malhotra et al. (arXiv:2606.19542) as verdicts on a study's own checkpoints.

The rules are those of `claims`, what they are given is in `readings`; here they are put into the words of
`findings.toml`. The verdict is that of mean summaries at the study's own scale. Where another scale or a distance
between diagrams says something else, the sentence says so.
"""

import math
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from phcore.analysis import readings
from phcore.analysis.claims import ALIKE, FAILS, HOLDS, SETTLED, UNKNOWN, Judged
from phcore.analysis.equal_windows import LEARNED_QUARTERS, LEARNED_RATES, QUARTERS, RATES, TRANSITIONS
from phcore.analysis.readings import MEANS, Subject
from phcore.analysis.windows import quarters, rates
from phcore.formatting import count, enumerated, percent, three
from phcore.study import SCALES

__all__ = ["FAILS", "HOLDS", "TITLES", "UNKNOWN", "Finding", "findings", "verdicts"]

_TOLD = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
WORDS: dict[int, dict[str, str]] = {int(claim): words for claim, words in _TOLD.items()}
TITLES = {claim: words["title"] for claim, words in WORDS.items()}
_WANTED = {2: ("needed_two", 4), 3: ("needed_three", 3)}  # objectives -> runs of each that can reach p < 0.05
Readings = dict[tuple[int, str, float], Judged]


@dataclass(frozen=True)
class Finding:
    """A claim, its verdict, and what the verdict rests on. No verdict without n, the null and the interval."""

    claim: int
    title: str
    verdict: str
    sentence: str
    n: str
    null: str
    interval: str
    needed: str = ""


def findings(subject: Subject, beside: Sequence[Subject], scale: str, order: float) -> list[Finding]:
    """All five.

    Parameters
    ----------
    beside : studies of other base models.
    scale, order : the study's own; its verdicts are those of mean summaries, which have no order.
    """
    found = readings.everywhere(subject, beside, (order,))
    told = []
    for claim, say in {1: _early, 2: _peak, 3: _apart, 4: _models, 5: _lag}.items():
        judged = found[claim, scale, MEANS]
        told.append(say(subject, (subject, *beside), judged, scale, order, _elsewhere(found, claim, scale)))
    return told


def of_models(subjects: Sequence[Subject], scale: str, order: float) -> Finding:
    """Claim 4 alone, of these studies."""
    found = {(4, at, one): readings.models(subjects, at, one) for at in SCALES for one in (MEANS, order)}
    return _models(subjects[0], subjects, found[4, scale, MEANS], scale, order, _elsewhere(found, 4, scale))


def verdicts(subject: Subject, beside: Sequence[Subject], orders: Sequence[float]) -> pd.DataFrame:
    """claim, scale, order (0: mean summaries), verdict, statistic, p: each claim at both scales in every distance."""
    found = readings.everywhere(subject, beside, orders)
    rows = [(*key, one.verdict, one.statistic, one.p) for key, one in sorted(found.items())]
    return pd.DataFrame(rows, columns=["claim", "scale", "order", "verdict", "statistic", "p"])


def _elsewhere(found: Readings, claim: int, scale: str) -> str:
    """What the other readings of a claim say, where that is something else."""
    own = found[claim, scale, MEANS].verdict
    said = [
        f"{'in mean summaries' if order == MEANS else f'in W{order:g} between diagrams'} at scale {at}: {one.verdict}"
        for (which, at, order), one in found.items()
        if which == claim and math.isfinite(one.statistic) and one.verdict != own
    ]
    return f" Otherwise {'; '.join(said)}." if said else ""


# --- the five -------------------------------------------------------------------------------------


def _early(subject, studies, judged: Judged, scale: str, order: float, elsewhere: str) -> Finding:
    values = _common(subject, judged)
    grid = _missing(subject, quarters)
    if not judged.values:
        return _lacking(1, values, grid)
    values |= _paper(subject, scale, order) | {
        "share": _percent(values["share"]), "flat": _percent(values["flat"]), "hi": _percent(min(1, values["hi"])),
        "range": _range(values["least"], values["most"]), "limit": _percent(values["limit"]),
        "smallest": _p(values["smallest"]), "missing": grid,
        "length": _length(subject, readings.by_clock(subject, QUARTERS)),
    }  # fmt: skip
    needed = ["needed_runs"] if values["runs"] < values["wanted"] else ["needed_more"]
    sentence, n = _clock(subject, QUARTERS, grid)
    elsewhere += _by_learning(subject, judged, readings.early(subject, scale, MEANS, LEARNED_QUARTERS), 1 / 4)
    return _finding(
        1, judged, values, elsewhere, n=n,
        sentence=[*sentence, *(["paper"] if values["third"] else []), *(["floored"] if values["floored"] else [])],
        interval="interval" if values["runs"] > 1 else "no_interval", needed=needed,
    )  # fmt: skip


def _clock(subject: Subject, use: str, grid: str) -> tuple[list[str], str]:
    """Names of the words of a claim's sentence and n, by what its windows are of equal length in."""
    if readings.by_clock(subject, use) == use:
        return ["sentence"], "n"
    return ["learned", *(["steps_lack"] if grid else [])], "n_learned"


def _by_learning(subject: Subject, judged: Judged, other: Judged, part: float) -> str:
    """What windows of equal learning rate say where they say something else, and why they do.

    part : of the steps that is called early.
    """
    if not other.values or other.verdict == judged.verdict:
        return ""
    shares = []
    for own in (subject.learned[series] for series in subject.runs if series in subject.learned):
        steps = sorted(own)
        sums = [own[step] for step in steps]
        shares.append(np.interp(part * steps[-1], steps, sums) / sums[-1])
    early = {1 / 4: "quarter", 1 / 3: "third"}[part]
    return (
        f" In windows of equal learning rate instead of equal steps: {other.verdict} "
        f"({count(other.values['runs'], 'run')}); the first {early} of the steps has "
        f"{_range(min(shares), max(shares))} of all learning rate."
    )


def _paper(subject: Subject, scale: str, order: float) -> dict:
    """What the first third of the transitions holds of the velocity, and how many velocities are at their floors."""
    found = readings.moves(subject, TRANSITIONS, scale, order)
    shares = [value[:, : round(value.shape[1] / 3)].sum() / value.sum() for value, _ in found.values()]
    known = [shares for shares, (value, _) in zip(shares, found.values(), strict=True) if value.shape[1] >= 3]
    return {
        "third": _range(min(known), max(known)) if known else "", "all": sum(value.size for value, _ in found.values()),
        "floored": sum(int((value <= floor).sum()) for value, floor in found.values()) if known else 0,
    }  # fmt: skip


def _peak(subject, studies, judged: Judged, scale: str, order: float, elsewhere: str) -> Finding:
    values = _common(subject, judged)
    grid = _missing(subject, rates)
    if not judged.values:
        return _lacking(2, values, grid)
    values |= {
        "missing": grid,
        "ratio": _percent(values["ratio"]), "lo": _percent(max(0, values["lo"])), "hi": _percent(values["hi"]),
        "late": _p(values["late"]), "settled": _percent(SETTLED),
    }  # fmt: skip
    needed = ["needed_runs"] if values["runs"] < values["wanted"] else ["needed_more"]
    interval = "interval" if values["runs"] > 1 else "no_interval"
    sentence, n = _clock(subject, RATES, grid)
    elsewhere += _by_learning(subject, judged, readings.peak_in(subject, scale, MEANS, LEARNED_RATES), 1 / 3)
    return _finding(2, judged, values, elsewhere, sentence=sentence, n=n, interval=interval, needed=needed)


def _apart(subject, studies, judged: Judged, scale: str, order: float, elsewhere: str) -> Finding:
    values = _common(subject, judged)
    if "between" not in values:
        return _lacking(3, values, "")
    alone, dated = math.isnan(judged.p), math.isfinite(values["parted_share"])
    sentence = ["sentence", "alone" if alone else "within"]
    sentence += ["parted"] if dated else ["no_peak"] if values["first"] == HOLDS else []
    name, wanted = _WANTED.get(values["groups"], ("needed_three", 3))
    needed = [name, "needed_file"]
    if values["fewest"] >= wanted:
        needed = ["needed_peak" if values["first"] == HOLDS else "needed_more"]
    values |= _groups(values) | {
        "share": _percent(values["parted_share"]), "parted_lo": _percent(values["parted_lo"]),
        "parted_hi": _percent(values["parted_hi"]),
        "objective": next(iter(subject.objectives.values())),
    }  # fmt: skip
    interval = "interval" if values["hi"] != "–" else "no_interval"
    return _finding(
        3, judged, values, elsewhere, sentence=sentence, null="no_null" if alone else "null", needed=needed,
        interval=interval, more=["parted_interval"] if dated else [],
    )  # fmt: skip


def _models(subject, studies, judged: Judged, scale: str, order: float, elsewhere: str) -> Finding:
    values = _common(subject, judged)
    if judged.values.get("groups", 1) < 2:
        values |= {"name": subject.name}
        sentence = ["alone", *(["same"] if len(studies) > 1 else [])]
        return _finding(
            4, judged, values, "", sentence=sentence, n="n_alone", null="no_null", interval="interval_alone",
            needed=["needed_alone"],
        )  # fmt: skip
    if "between" not in values:
        return _incomparable(studies, judged, values)
    alone = math.isnan(judged.p)
    values |= _groups(values) | {"depths": count(values["depths"], "relative depth")}
    return _finding(
        4, judged, values, elsewhere, sentence=["sentence", *([] if alone else ["within"])],
        null="no_null" if alone else "null", interval="interval" if values["hi"] != "–" else "no_interval",
        needed=["needed_runs"] if values["fewest"] < 4 else ["needed_more"],
    )  # fmt: skip


def _incomparable(studies: Sequence[Subject], judged: Judged, values: dict) -> Finding:
    """Claim 4 of runs that cannot be compared, and why not: they stand still, or lack windows, layers or a grid."""
    if judged.values.get("depths") == 0:
        return _lacking(4, values | {"remedy": "still"}, "")
    missing = "; ".join(dict.fromkeys(filter(None, (_missing(one, quarters) for one in studies))))
    return _lacking(4, values, missing)


def _lag(subject, studies, judged: Judged, scale: str, order: float, elsewhere: str) -> Finding:
    values = _common(subject, judged)
    if not judged.values:
        return _lacking(5, values, "")
    values["still"] = values["n"] - values["moved"]
    reasons = {"needed_moved": values["still"], "needed_grid": values["coarse"], "needed_slack": values["open"]}
    needed = [name for name, number in reasons.items() if number] or ["needed_more"]
    values |= {name: _steps(values[name]) for name in ("least", "most", "lo", "hi", "resolution")}
    return _finding(5, judged, values, elsewhere, sentence=["sentence"], needed=needed)


# --- words --------------------------------------------------------------------------------------


def _finding(
    claim: int, judged: Judged, values: dict, elsewhere: str, *, sentence: Sequence[str], needed: Sequence[str],
    n: str = "n", null: str = "null", interval: str = "interval", more: Sequence[str] = (),
) -> Finding:  # fmt: skip
    """A finding in the words of its claim.

    Parameters
    ----------
    values : what stands for the words in braces.
    elsewhere : what other readings say: further sentences.
    sentence, needed, n, null, interval, more : names of the words; `more` follow the interval.
    """
    words = WORDS[claim]

    def said(*names: str, between: str = "") -> str:
        return between.join(words[name].format(**values) for name in names)

    return Finding(
        claim, words["title"], judged.verdict, f"{said(*sentence)}.{elsewhere}", said(n), said(null),
        said(interval, *more), said(*needed, between="; ") if judged.verdict == UNKNOWN else "",
    )  # fmt: skip


def _lacking(claim: int, values: dict, missing: str) -> Finding:
    """A finding of nothing: what is missing, and how to get it."""
    words = WORDS[claim]
    needed = [words[values.get("remedy", "remedy")]]
    if missing:
        needed = [words["needed_windows"].format(missing=missing)]
        wanted = {1: 3, 2: 3, 4: 4}[claim]
        if values["runs"] < wanted:
            needed.append(f"{wanted} runs; you have {values['runs']}")
    lacks = f"This study lacks {words['lacks']}."
    return Finding(claim, words["title"], UNKNOWN, lacks, n="", null="", interval="", needed="; ".join(needed))


def _common(subject: Subject, judged: Judged) -> dict:
    """What every claim says: how many runs, how many copies."""
    runs = judged.values.get("runs", len(subject.runs))
    copies = len(subject.run_of) - len(subject.runs)
    kept = f"; {copies:,} series with the weights of another" if copies else ""
    return {"runs": runs} | judged.values | {"runs_words": count(runs, "run"), "copies": kept, "p": _p(judged.p)}


def _groups(values: dict) -> dict:
    return {
        "between": three(values["between"]), "within": three(values["within"]), "alike": f"{ALIKE:g}",
        "ratio": three(values["ratio"]) if math.isfinite(values["ratio"]) else "–",
        "hi": three(values["hi"]) if math.isfinite(values["hi"]) else "–",
    }  # fmt: skip


def _missing(subject: Subject, cut: Callable) -> str:
    """The checkpoints that some run lacks for its windows: "steps 40 and 56 (one every 8 steps)"."""
    lacking = [windows for series in subject.runs if (windows := cut(subject.steps[series])).missing]
    if not lacking:
        return ""
    steps, lengths = ([f"{one:,}" for one in sorted(set(some))] for some in (
        (step for one in lacking for step in one.missing), (one.length for one in lacking)
    ))  # fmt: skip
    named = f"step {steps[0]}" if len(steps) == 1 else f"steps {enumerated(steps)}"
    return f"{named} (one every {' or '.join(lengths)} steps)"


def _length(subject: Subject, use: str) -> str:
    """Of the windows, in steps: one number, or the smallest and the largest of all runs."""
    lengths = sorted({readings.ends(subject, use, series)[1] for series in subject.runs
                      if len(readings.ends(subject, use, series)) > 1})  # fmt: skip
    return " to ".join(f"{one:,}" for one in dict.fromkeys((lengths[0], lengths[-1])))


def _p(value: float) -> str:
    return f"{value:.2g}" if math.isfinite(value) else "none"


def _percent(share: float) -> str:
    return percent(share) if math.isfinite(share) else "any share"


def _range(low: float, high: float) -> str:
    """ "21 % to 30 %", or one value where both ends read the same."""
    return " to ".join(dict.fromkeys((_percent(low), _percent(high))))


def _steps(value: float) -> str:
    """-3.1, 0, 12.4: steps, to one digit behind the point."""
    return f"{round(value, 1) + 0.0:,g}"
