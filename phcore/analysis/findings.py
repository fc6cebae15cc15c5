"""The five claims of Malhotra et al. (arXiv:2606.19542) as verdicts on a study's own checkpoints.

Each verdict follows from the tables by the rule in the docstring of its function, and is put into the words of
`findings.toml`. A claim holds, does not hold, or cannot be told; absence of evidence is never read as evidence of
absence. All of it is about H1 at the study's own scale and order of the distance.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from phcore.analysis import dynamics
from phcore.analysis.courses import DEPTHS, Model, course_distances, courses
from phcore.analysis.early_change import TRUSTED
from phcore.analysis.multiplicity import benjamini_hochberg
from phcore.analysis.permanova import WHOLE, permanova
from phcore.formatting import three

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot be told"
LEVEL = 0.05
FEWEST_TRANSITIONS = 7  # below, no order of the velocities is rarer than 1 in 20: (6 choose 2) = 15

_TOLD = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
WORDS: dict[int, dict[str, str]] = {int(claim): words for claim, words in _TOLD.items()}
TITLES = {claim: words["title"] for claim, words in WORDS.items()}


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


def findings(
    read: Callable[[str], pd.DataFrame],
    objectives: dict[str, str],
    *,
    scale: str,
    order: float,
    model: Model,
    beside: Sequence[Model] = (),
) -> list[Finding]:
    """All five.

    Parameters
    ----------
    read : a table of the study by its name.
    objectives : series -> objective.
    model, beside : this study and those of other base models; their velocities are filtered here.
    """

    def own(table: pd.DataFrame) -> pd.DataFrame:
        return table[(table["degree"] == 1) & (table["scale"] == scale) & (table["order"] == order)]

    velocities = own(read("velocities"))
    return [
        early(own(read("concentration"))),
        peak(velocities),
        apart(read("separation"), read("runs"), velocities, objectives, scale),
        models([replace(one, velocities=own(one.velocities)) for one in (model, *beside)]),
        lag(read("lags"), scale),
    ]


def early(concentration: pd.DataFrame) -> Finding:
    """Claim 1. Velocity per transition, first third of the checkpoints by index, base included.

    A series counts as early where its concentration beats the studentised null, the one that keeps its level, at one
    layer or more, adjusted over its layers (max-statistic). Holds: more than half of the series are early.
    Does not hold: in more than half of the series the interval of the middle layer (by its upper end) lies below what
    random order gives. Otherwise, or with fewer than 7 transitions, it cannot be told.
    """
    own = concentration[(concentration["per"] == "transition") & (concentration["null"] == TRUSTED)]
    own = own.dropna(subset="concentration")
    # A series that does not start at the base has no rows that include it.
    own = own[own["with_base"] == own.groupby("series")["with_base"].transform("max")]
    cells, by_step = (own[own["by"] == by] for by in ("index", "step"))
    if cells.empty:
        return _missing(1)
    by_series = cells.groupby("series", sort=False)
    n, transitions = len(by_series), int(cells["transitions"].min())
    ahead = int((by_series["p_max"].min() < LEVEL).sum())
    late = int((by_series["hi"].median() < by_series["null_mean"].median()).sum())
    middle = by_series[["lo", "hi"]].median()
    lo, hi = middle["lo"].min(), middle["hi"].max()
    few = transitions < FEWEST_TRANSITIONS
    return _finding(
        1, UNKNOWN if few else _majority(n, ahead, late),
        {
            "ahead": ahead, "n": n, "cells": len(cells), "transitions": transitions, "fewest": FEWEST_TRANSITIONS,
            "share": _range(cells["concentration"], ".0%"), "chance": _percent(cells["null_mean"].median()),
            "share_by_step": _range(by_step["concentration"], ".0%"),
            "chance_by_step": _percent(by_step["null_mean"].median()),
            "p": _range(cells["p_max"], ".2g"), "lo": _percent(lo), "hi": _percent(hi),
        },
        more="by_step" if len(by_step) else "",
        interval="interval" if np.isfinite(lo + hi) else "no_interval",
        needed="few" if few else "needed",
    )  # fmt: skip


def peak(velocities: pd.DataFrame) -> Finding:
    """Claim 2. Velocity per transition.

    A series at a layer peaks and settles where its peak, and that of 90 % of its subsamples, falls into the first
    third of its transitions, and afterwards velocity stays under a quarter of it. It does not where 90 % of the
    subsamples peak later, or velocity never falls under a quarter. Holds or does not hold: more than half of them do.
    """
    curves = pd.DataFrame(_peaks(velocities).values())
    if curves.empty:
        return _missing(2)
    n, few = len(curves), curves["transitions"].min() < 3
    counts = curves[["early", "stable", "settles", "does_not", "by_rate", "by_grid"]].sum()
    return _finding(
        2, UNKNOWN if few else _majority(n, counts["settles"], counts["does_not"]),
        {
            **counts, "n": n, "transitions": curves["transitions"].min(), "third": _percent(curves["third"].mean()),
            "lo": curves["lo"].min(), "hi": curves["hi"].max(),
        },
        more="by_grid" if counts["by_rate"] else "",
        needed="few" if few else "needed",
    )  # fmt: skip


def _peaks(velocities: pd.DataFrame) -> dict[tuple[str, int], dict]:
    """(series, layer) -> whether it peaks early, and whether it settles; curves in which nothing moves are left out."""
    curves = dynamics.curves(velocities, whole_only=True)
    return {(one.label["series"], one.label["layer"]): _peak_of(one) for one in curves if one.v.max() > 0}


def _peak_of(curve: dynamics.Curve) -> dict:
    v, gaps, steps, ends = curve.v, curve.gaps, curve.steps, curve.steps[1:]
    first, top = dynamics.early(steps), v.argmax()
    own = np.nan_to_num(curve.own, nan=-np.inf).argmax(axis=0)
    low, high = np.quantile(own, [0.1, 0.9], method="inverted_cdf")
    # The base is the start of the last third nowhere: a curve that peaks in its last transition never settles.
    stable, by_rate, by_grid = (np.isfinite(dynamics.stable_step(speed, steps)) for speed in (v, v / gaps, 1 / gaps))
    return {
        "transitions": len(v), "third": first.mean(), "early": first[top], "stable": stable,
        "settles": first[top] and first[high] and stable, "does_not": not first[low:].any() or not stable,
        "by_rate": by_rate, "by_grid": by_grid, "lo": ends[low], "hi": ends[high], "when": ends[top],
    }  # fmt: skip


def apart(
    separation: pd.DataFrame, runs: pd.DataFrame, velocities: pd.DataFrame, objectives: dict[str, str], scale: str
) -> Finding:
    """Claim 3. Mean summaries of two series of different objectives at their last common step.

    With one run per objective it cannot be told: two runs of one objective may differ as much. With more, PERMANOVA
    over whole runs decides, adjusted over layers (Benjamini and Hochberg). Holds: below 0.05 at more than half of the
    layers, and most pairs part at or after the peak. Does not hold: at more than half of the layers, runs of one
    objective are as far apart as runs of different ones; or most pairs part before the peak.
    """
    own = separation[separation["scale"] == scale]
    own = own[own["series_a"].map(objectives) != own["series_b"].map(objectives)].dropna(subset="distance")
    if own.empty:
        return _missing(3)
    peaks = _peaks(velocities)
    each = own.groupby(["series_a", "series_b", "layer"], sort=False)
    pairs = pd.DataFrame([_parted(rows, peaks) for _, rows in each])
    dated = pairs["after"].dropna()
    values = {
        "told": pairs["told"].sum(), "n": len(pairs), "ratio": _range(pairs["ratio"], ".1f"),
        "after": int(dated.sum()), "dated": len(dated),
    }  # fmt: skip
    whole = runs[(runs["scale"] == scale) & (runs["step"] == WHOLE)].dropna(subset="p")
    if whole.empty:
        return _finding(3, UNKNOWN, values, n="n_alone", null="null_alone", needed="needed_alone")
    p = benjamini_hochberg(whole["p"].to_numpy(np.float64))
    beats, equal, layers = (p < LEVEL).sum(), (whole["between"] <= whole["within"]).sum(), len(whole)
    late = dated.empty or 2 * dated.sum() > len(dated)
    values |= {
        "beats": beats, "layers": layers, "runs": int(whole["runs"].max()), "p": _range(p, ".2g"),
        "objectives": int(whole["objectives"].max()), "smallest": 1 / int(whole["permutations"].max()),
    }  # fmt: skip
    verdict = _majority(layers, beats if late else 0, equal if late else max(equal, beats))
    return _finding(3, verdict, values, more="replicates")


def _parted(rows: pd.DataFrame, peaks: dict[tuple[str, int], dict]) -> dict:
    """One pair at one layer: told apart at the end, how far in floors, and whether after the later peak of both."""
    rows = rows[rows["step"] > 0].sort_values("step")
    beyond = (rows["distance"] > rows["distance_floor_hi"]).to_numpy()
    since = rows["step"][np.logical_and.accumulate(beyond[::-1])[::-1]].min()  # NaN where not told apart at the end
    last = rows.iloc[-1]
    top = max(peaks.get((last[one], last["layer"]), {"when": np.nan})["when"] for one in ("series_a", "series_b"))
    after = float(since >= top) if np.isfinite(since + top) else np.nan
    return {"told": beyond[-1], "after": after, "ratio": last["distance"] / last["distance_floor_hi"]}


def models(studies: Sequence[Model]) -> Finding:
    """Claim 4. The share of its velocity that a run has behind it, by share of training and relative depth.

    Holds: PERMANOVA over whole runs, grouped by base model, gives a p-value below 0.05. Does not hold: runs of one
    model are as far apart as runs of different models. Otherwise, or with one base model, it cannot be told.
    """
    runs, distances = course_distances(pd.concat([courses(one, DEPTHS) for one in studies], ignore_index=True))
    labels = [model for model, _ in runs]
    values = {"runs": len(runs), "models": len(set(labels))}
    if len(set(labels)) < 2:
        return _finding(
            4, UNKNOWN, values | {"name": studies[0].name}, sentence="alone", n="n_alone", null="null_alone",
            interval="interval_alone", needed="needed_alone",
        )  # fmt: skip
    test, each = permanova(distances, labels), distances[np.triu_indices(len(runs), 1)]
    values |= {
        "between": three(test.between), "within": three(test.within), "p": test.p, "permutations": test.permutations,
        "least": three(each.min()), "most": three(each.max()),
    }  # fmt: skip
    return _finding(
        4, HOLDS if test.p < LEVEL else FAILS if test.between <= test.within else UNKNOWN, values,
        more="within" if np.isfinite(test.within) else "",
        null="null" if np.isfinite(test.p) else "no_p",
    )  # fmt: skip


def lag(lags: pd.DataFrame, scale: str) -> Finding:
    """Claim 5. Velocity per transition against the Jensen-Shannon velocity of next-token distributions.

    Holds: at no series and layer does the topological peak come later. Does not hold: at one or more, it comes later
    in 90 % of the subsamples. Otherwise it cannot be told.
    """
    own = lags[(lags["scale"] == scale) & (lags["degree"] == 1) & (lags["per"] == "transition")]
    own = own[own["name"] == "js"].dropna(subset=["peak_topology", "peak_behaviour"])
    if own.empty:
        return _missing(5)
    later, surely = ((own[name] > own["peak_behaviour"]).sum() for name in ("peak_topology", "peak_lo"))
    values = {
        "first": len(own) - later, "n": len(own), "later": later, "surely": surely,
        "lag": _range(own["lag_checkpoints"], ".0f"), "transitions": int(own["transitions"].min()),
        "lo": own["peak_lo"].min(), "hi": own["peak_hi"].max(), "resolution": own["resolution_steps"].min(),
    }  # fmt: skip
    return _finding(5, HOLDS if not later else FAILS if surely else UNKNOWN, values)


# --- words --------------------------------------------------------------------------------------


def _finding(claim: int, verdict: str, values: dict, *, more: str = "", **names: str) -> Finding:
    """A finding in the words of its claim, each field in those of its own name unless another one is given.

    Parameters
    ----------
    values : what stands for the words in braces.
    more : name of what the sentence ends with.
    """
    words = WORDS[claim]

    def said(field: str) -> str:
        return words[names.get(field, field)].format(**values)

    sentence = said("sentence") + (said(more) if more else "") + "."
    needed = said("needed") if verdict == UNKNOWN else ""
    return Finding(claim, words["title"], verdict, sentence, said("n"), said("null"), said("interval"), needed)


def _missing(claim: int) -> Finding:
    words = WORDS[claim]
    lacks = f"This study lacks {words['lacks']}."
    return Finding(claim, words["title"], UNKNOWN, lacks, n="0", null="none", interval="none", needed=words["remedy"])


def _majority(of: int, yes: int, no: int) -> str:
    """The verdict where more than half decide."""
    return HOLDS if 2 * yes > of else FAILS if 2 * no > of else UNKNOWN


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def _range(values, form: str) -> str:
    """ "21 % to 30 %", or one value where both ends read the same."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return "unknown"
    low, high = (format(float(end) + 0.0, form).replace("%", " %") for end in (known.min(), known.max()))
    return low if low == high else f"{low} to {high}"
