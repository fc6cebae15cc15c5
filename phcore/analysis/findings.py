"""The five claims of Malhotra et al. (arXiv:2606.19542) as verdicts on a study's own checkpoints.

Each verdict follows from the tables by the rule in the docstring of its function. A claim holds, does not hold, or
cannot be told; absence of evidence is never read as evidence of absence. All of it is about H1 at the study's own
scale and order of the distance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phcore.analysis import dynamics
from phcore.analysis.courses import DEPTHS, Model, course_distances, courses
from phcore.analysis.early_change import TRUSTED
from phcore.analysis.multiplicity import benjamini_hochberg
from phcore.analysis.permanova import permanova
from phcore.formatting import three

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot be told"
LEVEL = 0.05
FEWEST_TRANSITIONS = 7  # below, no order of the velocities is rarer than 1 in 20: (6 choose 2) = 15

TITLES = {
    1: "Most topological change comes early",
    2: "H1 activity peaks early and then settles",
    3: "Objectives take distinguishable paths, and part after the peak",
    4: "Different base models evolve in different ways",
    5: "Topological peaks never lag behavioural peaks",
}


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
    velocities = _own(read("velocities"), scale, order)
    return [
        early(_own(read("concentration"), scale, order)),
        peak(velocities),
        apart(read("separation"), read("runs"), velocities, objectives, scale),
        models([_filtered(one, scale, order) for one in (model, *beside)]),
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
    table = own[own["by"] == "index"]
    if table.empty:
        return _missing(1, "the concentration of velocity", "Compute the study")
    cells = table.groupby(["series", "layer"], sort=False).agg(
        concentration=("concentration", "first"), lo=("lo", "first"), hi=("hi", "first"), p=("p_max", "first"),
        null_mean=("null_mean", "first"), transitions=("transitions", "first"),
    )  # fmt: skip
    by_series = cells.groupby("series", sort=False)
    n, transitions = len(by_series), int(cells["transitions"].min())
    ahead = int((by_series["p"].min() < LEVEL).sum())
    late = int((by_series["hi"].median() < by_series["null_mean"].median()).sum())
    middle = by_series[["concentration", "lo", "hi"]].median()
    verdict = HOLDS if 2 * ahead > n else FAILS if 2 * late > n else UNKNOWN
    needed = ""
    if transitions < FEWEST_TRANSITIONS:
        verdict, needed = UNKNOWN, f"at least {FEWEST_TRANSITIONS} transitions; there are {transitions}"
    elif verdict == UNKNOWN:
        needed = "more checkpoints or prompts: neither chance nor a flat course is ruled out"
    flat = cells["null_mean"].median()
    words = (
        f"{ahead} of {n} series put more of their velocity into the first third of the checkpoints than chance "
        f"would; that third holds {_range(cells['concentration'], '.0%')} of it, where a random order gives "
        f"{_percent(flat)}."
    )
    by_step = own[own["by"] == "step"]
    if len(by_step):
        share, chance = by_step["concentration"], by_step["null_mean"].median()
        words += (
            f" Counted by training step, the first third holds {_range(share, '.0%')}, but has so many of the "
            f"checkpoints that a random order gives {_percent(chance)}: the grid decides."
        )
    return Finding(
        1, TITLES[1], verdict, words,
        n=f"{n} series, {len(cells)} series at layers, {transitions} transitions each",
        null="moves in random order, neighbours may correlate (studentised); p adjusted over the layers of a series "
        f"(max-statistic): {_range(cells['p'], '.2g')}",
        interval=_whole(middle["lo"].min(), middle["hi"].max(), "middle layer, for another choice of prompts"),
        needed=needed,
    )  # fmt: skip


def peak(velocities: pd.DataFrame) -> Finding:
    """Claim 2. Velocity per transition.

    A series at a layer peaks and settles where its peak, and that of 90 % of its subsamples, falls into the first
    third of its transitions, and afterwards velocity stays under a quarter of it. It does not where 90 % of the
    subsamples peak later, or velocity never falls under a quarter. Holds or does not hold: more than half of them do.
    """
    curves = [_Peak.of(rows) for _, rows in velocities.groupby(["series", "layer"], sort=False)]
    curves = [one for one in curves if one is not None]
    if not curves:
        return _missing(2, "velocities", "Compute the study")
    n, transitions = len(curves), min(one.transitions for one in curves)
    yes, no = sum(one.settles for one in curves), sum(one.does_not for one in curves)
    verdict = HOLDS if 2 * yes > n else FAILS if 2 * no > n else UNKNOWN
    needed = "more prompts or checkpoints: the subsamples disagree on the peak" if verdict == UNKNOWN else ""
    if transitions < 3:
        verdict, needed = UNKNOWN, f"at least 3 transitions; there are {transitions}"
    first = np.mean([one.third for one in curves])
    stable, by_grid = sum(one.stable for one in curves), sum(one.grid_settles for one in curves)
    rate = sum(one.rate_settles for one in curves)
    words = (
        f"{sum(one.early for one in curves)} of {n} series at layers have their largest move in the first third of "
        f"their checkpoints, and in {stable} velocity then stays under a quarter of it. Per training step, velocity "
        f"peaks and falls under a quarter in {rate} of {n}"
    )
    words += f"; equal moves on this grid would do so in {by_grid}." if rate else "."
    low, high = min(one.lo for one in curves), max(one.hi for one in curves)
    return Finding(
        2, TITLES[2], verdict, words,
        n=f"{n} series at layers, {transitions} transitions each",
        null=f"a peak anywhere is as likely: {_percent(first)} of them would fall into the first third",
        interval=f"peaks end at steps {low:,.0f} to {high:,.0f} (10 to 90 % of the subsamples, all series and layers)",
        needed=needed,
    )  # fmt: skip


@dataclass(frozen=True)
class _Peak:
    """One curve: whether it peaks early, and whether it settles."""

    transitions: int
    third: float
    early: bool
    stable: bool
    settles: bool
    does_not: bool
    rate_settles: bool
    grid_settles: bool
    lo: float
    hi: float
    when: float

    @classmethod
    def of(cls, rows: pd.DataFrame) -> _Peak | None:
        """rows : the velocities of one series at one layer. None where nothing moves."""
        each = rows.pivot_table(index="step", columns="subsample", values="value").sort_index()
        starts = rows.groupby("step")["step_from"].first().sort_index().to_numpy(np.float64)
        ends = each.index.to_numpy(np.float64)
        v, steps, gaps = each.mean(axis=1).to_numpy(), np.append(starts[0], ends), ends - starts
        if not np.nanmax(v, initial=0.0) > 0:
            return None
        first = dynamics.early(steps)
        own = np.nanargmax(np.nan_to_num(each.to_numpy(), nan=-np.inf), axis=0)
        low, high = np.quantile(own, [0.1, 0.9], method="inverted_cdf")
        early = bool(first[np.nanargmax(v)])
        # The base is the start of the last third nowhere: a curve that peaks in its last transition never settles.
        stable, rate_settles, grid_settles = (
            bool(np.isfinite(dynamics.stable_step(speed, steps))) for speed in (v, v / gaps, 1 / gaps)
        )
        return cls(
            transitions=len(v),
            third=float(first.mean()),
            early=early,
            stable=stable,
            settles=early and bool(first[int(high)]) and stable,
            does_not=not first[int(low) :].any() or not stable,
            rate_settles=rate_settles,
            grid_settles=grid_settles,
            lo=float(ends[int(low)]),
            hi=float(ends[int(high)]),
            when=float(ends[np.nanargmax(v)]),
        )


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
        return _missing(3, "two objectives to compare", "Compute a study of two or more objectives, with subsamples")
    peaks = {key: one.when for key, rows in velocities.groupby(["series", "layer"]) if (one := _Peak.of(rows))}
    pairs = [_parted(rows, peaks) for _, rows in own.groupby(["series_a", "series_b", "layer"], sort=False)]
    n, told = len(pairs), sum(one["told"] for one in pairs)
    dated = [one["after"] for one in pairs if one["after"] is not None]
    after = sum(dated)
    ratio = [one["ratio"] for one in pairs]
    words = (
        f"At their last common step {told} of {n} pairs of runs at layers are farther apart than resampling "
        f"explains, {_range(ratio, '.1f')} times the floor; {after} of {len(dated)} part at or after the peak of their "
        "velocity."
    )
    whole = runs[(runs["scale"] == scale) & (runs["step"] == -1)].dropna(subset="p")
    null = "95 % of the distances between two random halves of one cell's subsamples"
    interval = f"{_range(ratio, '.1f')} times that floor; resampling of these prompts only"
    if whole.empty:
        return Finding(
            3, TITLES[3], UNKNOWN, words, n=f"{n} pairs of runs at layers, one run per objective", null=null,
            interval=interval, needed="two or more runs per objective: these runs differ, their objectives may not",
        )  # fmt: skip
    p = benjamini_hochberg(whole["p"].to_numpy(np.float64))
    beats, equal = int((p < LEVEL).sum()), int((whole["between"] <= whole["within"]).sum())
    layers = len(whole)
    words += f" Whole runs of different objectives are told apart at {beats} of {layers} layers."
    late = not dated or 2 * after > len(dated)
    verdict, needed = UNKNOWN, "more runs per objective"
    if 2 * beats > layers and late:
        verdict, needed = HOLDS, ""
    elif 2 * equal > layers or (2 * beats > layers and not late):
        verdict, needed = FAILS, ""
    smallest = 1 / int(whole["permutations"].max())
    return Finding(
        3, TITLES[3], verdict, words,
        n=f"{n} pairs at layers; {int(whole['runs'].max())} runs of {int(whole['objectives'].max())} objectives",
        null=f"PERMANOVA over whole runs, adjusted over layers (Benjamini-Hochberg): p {_range(p, '.2g')} "
        f"(no smaller p than {smallest:.2g} is possible)",
        interval=interval, needed=needed,
    )  # fmt: skip


def _parted(rows: pd.DataFrame, peaks: dict[tuple[str, int], float]) -> dict:
    """One pair at one layer: told apart at the end, how far in floors, and whether after the later peak of both."""
    rows = rows[rows["step"] > 0].sort_values("step")
    beyond = (rows["distance"] > rows["distance_floor_hi"]).to_numpy()
    told = bool(beyond[-1])
    since = rows["step"].to_numpy()[len(beyond) - np.argmin(beyond[::-1])] if told and not beyond.all() else None
    since = rows["step"].iloc[0] if told and beyond.all() else since
    a, b, layer = rows[["series_a", "series_b", "layer"]].iloc[0]
    top = max(peaks.get((one, layer), np.nan) for one in (a, b))
    after = None if since is None or np.isnan(top) else bool(since >= top)
    last = rows.iloc[-1]
    return {"told": told, "after": after, "ratio": float(last["distance"] / last["distance_floor_hi"])}


def models(studies: Sequence[Model]) -> Finding:
    """Claim 4. The share of its velocity that a run has behind it, by share of training and relative depth.

    Holds: PERMANOVA over whole runs, grouped by base model, gives a p-value below 0.05. Does not hold: runs of one
    model are as far apart as runs of different models. Otherwise, or with one base model, it cannot be told.
    """
    names = list(dict.fromkeys(one.name for one in studies))
    null = "PERMANOVA over whole runs, grouped by base model"
    table = pd.concat([courses(one, DEPTHS) for one in studies], ignore_index=True)
    runs, distances = course_distances(table) if len(table) else ([], np.empty((0, 0)))
    labels = [model for model, _ in runs]
    if len(set(labels)) < 2:
        return Finding(
            4, TITLES[4], UNKNOWN, f"This study has one base model, {names[0]}." if names else "There is no model.",
            n=f"{len(runs)} runs of {len(set(labels))} base model", null=null, interval="none with one base model",
            needed="a study of another base model, named under `beside`",
        )  # fmt: skip
    test = permanova(distances, labels)
    same = np.equal.outer(np.array(labels), np.array(labels))
    upper = np.triu(np.ones_like(same), 1).astype(bool)
    within, between = distances[same & upper], distances[~same & upper]
    words = f"Courses of runs of different base models differ by {three(between.mean())} of all velocity"
    words += f", those of one model by {three(within.mean())}." if len(within) else "."
    p = test.p
    verdict, needed = UNKNOWN, "more runs per base model"
    if p < LEVEL:
        verdict, needed = HOLDS, ""
    elif len(within) and between.mean() <= within.mean():
        verdict, needed = FAILS, ""
    told = f"p = {p:.2g} of {test.permutations} orders" if np.isfinite(p) else "no p-value: one run per model"
    return Finding(
        4, TITLES[4], verdict, words, n=f"{len(runs)} runs of {len(set(labels))} base models", null=f"{null}: {told}",
        interval=f"from {three(distances[upper].min())} to {three(distances[upper].max())} over all pairs of runs",
        needed=needed,
    )  # fmt: skip


def lag(lags: pd.DataFrame, scale: str) -> Finding:
    """Claim 5. Velocity per transition against the Jensen-Shannon velocity of next-token distributions.

    Holds: at no series and layer does the topological peak come later. Does not hold: at one or more, it comes later
    in 90 % of the subsamples. Otherwise it cannot be told.
    """
    own = lags[(lags["scale"] == scale) & (lags["degree"] == 1) & (lags["per"] == "transition")]
    own = own[own["name"] == "js"].dropna(subset=["peak_topology", "peak_behaviour"])
    if own.empty:
        return _missing(5, "the behaviour of the checkpoints", "Compute the study where its checkpoints are")
    later = int((own["peak_topology"] > own["peak_behaviour"]).sum())
    surely = int((own["peak_lo"] > own["peak_behaviour"]).sum())
    verdict = HOLDS if not later else FAILS if surely else UNKNOWN
    n = len(own)
    words = (
        f"The topological peak comes first or together in {n - later} of {n} series at layers, and later in {later} "
        f"({surely} of them in 90 % of the subsamples); the lag of behaviour is "
        f"{_range(own['lag_checkpoints'], '.0f')} checkpoints."
    )
    return Finding(
        5, TITLES[5], verdict, words,
        n=f"{n} series at layers, {int(own['transitions'].min())} transitions each",
        null="the peak of the Jensen-Shannon velocity of next-token distributions, same grid; no p-value is made of it",
        interval=f"peaks at steps {own['peak_lo'].min():,.0f} to {own['peak_hi'].max():,.0f} (10 to 90 % of "
        f"the subsamples); the grid resolves no less than {own['resolution_steps'].min():,.0f} steps",
        needed="" if verdict != UNKNOWN else "denser checkpoints around the peaks, or more prompts",
    )  # fmt: skip


# --- words --------------------------------------------------------------------------------------


def _missing(claim: int, what: str, needed: str) -> Finding:
    return Finding(
        claim, TITLES[claim], UNKNOWN, f"This study lacks {what}.", n="0", null="none", interval="none", needed=needed
    )


def _own(table: pd.DataFrame, scale: str, order: float) -> pd.DataFrame:
    return table[(table["degree"] == 1) & (table["scale"] == scale) & (table["order"] == order)]


def _filtered(model: Model, scale: str, order: float) -> Model:
    return Model(model.name, model.n_layers, _own(model.velocities, scale, order))


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


def _whole(low: float, high: float, words: str) -> str:
    if not np.isfinite(low + high):
        return "none: it takes two subsamples or more"
    return f"95 %: {_percent(low)} to {_percent(high)} ({words})"
