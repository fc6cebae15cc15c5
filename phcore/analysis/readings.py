"""What each claim reads from a study's tables, at one scale and in one kind of distance, and what it is judged to
say."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from phcore.analysis import claims
from phcore.analysis.claims import Judged, Moves
from phcore.analysis.courses import DEPTHS
from phcore.analysis.displacements import ALL, LOOPS
from phcore.analysis.equal_windows import DIAGRAMS, LEARNED_QUARTERS, LEARNED_RATES, QUARTERS, RATES
from phcore.study import SCALES

MEANS = 0.0
"""The order that stands for mean summaries, which have none."""
_SAME_PROGRESS = 0.01  # of a run: windows that end farther apart than that are no windows of the same training
_SAME_DEPTH = 0.05  # of the layers


@dataclass(frozen=True)
class Subject:
    """A study as verdicts see it.

    Attributes
    ----------
    name, base, n_layers : of its base model: its name, the fingerprint of its weights, and its layers.
    steps : series -> those of its checkpoints, the base included.
    objectives : series -> objective.
    run_of : series -> the run it belongs to: see `copies.distinct`. One that a study before it has is none of its own.
    read : a table of the study by its name.
    learned : series -> step -> sum of the learning rates up to there, of runs whose logs say it.
    """

    name: str
    base: str
    n_layers: int
    steps: Mapping[str, Sequence[int]]
    objectives: Mapping[str, str]
    run_of: Mapping[str, str]
    read: Callable[[str], pd.DataFrame]
    learned: Mapping[str, Mapping[int, float]] = field(default_factory=dict)

    @property
    def runs(self) -> list[str]:
        """One series of each run."""
        return [series for series, run in self.run_of.items() if series == run]

    @cached_property
    def peaks(self) -> dict[tuple[str, float], Judged]:
        """(scale, order) -> claim 2 where it has been judged: the third asks for it again."""
        return {}

    @cached_property
    def ends(self) -> dict[tuple[str, str], list[int]]:
        """(use, series) -> where its windows end, from 0 on."""
        table = self.read("windows")[["use", "series", "step"]].drop_duplicates()
        return {key: [0, *sorted(map(int, rows))] for key, rows in table.groupby(["use", "series"])["step"]}

    @cached_property
    def layers(self) -> list[int]:
        return sorted(map(int, self.read("windows")["layer"].unique()))

    @cached_property
    def windows(self) -> dict[tuple, dict[str, Moves]]:
        """(use, scale, order, measure) -> series -> displacements and floors (L, K), where all of them are known."""
        table = self.read("windows").sort_values(["layer", "window"], kind="stable", ignore_index=True)
        values = table[["value", "floor"]].to_numpy(np.float64)
        found: dict[tuple, dict[str, Moves]] = {}
        for (*key, series), rows in table.groupby(["use", "scale", "order", "measure", "series"]).indices.items():
            shape = (len(self.layers), len(self.ends[key[0], series]) - 1)
            if len(rows) == shape[0] * shape[1]:
                moved, floor = (values[rows, column].reshape(shape) for column in (0, 1))
                if np.isfinite(moved).all() and (moved.sum(axis=1) > 0).all():
                    found.setdefault(tuple(key), {})[series] = (moved, floor)
        return found


def moves(subject: Subject, use: str, scale: str, order: float, of: str = ALL) -> dict[str, Moves]:
    """Displacements and floors (L, K) of each run in its windows; runs that lack a layer or window are left out.

    Parameters
    ----------
    of : which summaries; distances between diagrams are always those of H1.
    """
    found = subject.windows.get((use, scale, order, of if order == MEANS else DIAGRAMS), {})
    return {series: found[series] for series in subject.runs if series in found}


def ends(subject: Subject, use: str, series: str) -> list[int]:
    """Where the windows of a run end, from 0 on; empty where it has none."""
    return subject.ends.get((use, series), [])


def by_clock(subject: Subject, use: str) -> str:
    """Quarters or rates, of equal steps; of equal learning rate where no run has any of steps, and some has those."""
    learned = {QUARTERS: LEARNED_QUARTERS, RATES: LEARNED_RATES}[use]
    has = {one for one, series in subject.ends if series in subject.runs}
    return learned if use not in has and learned in has else use


# --- the five -------------------------------------------------------------------------------------


def early(subject: Subject, scale: str, order: float, use: str = "") -> Judged:
    """Claim 1: see `claims.early`. In the windows that `by_clock` gives, or in those of some use."""
    found = moves(subject, use or by_clock(subject, QUARTERS), scale, order)
    return claims.early(list(found.values())) if found else Judged()


def peak(subject: Subject, scale: str, order: float) -> Judged:
    """Claim 2: see `claims.peak`; in the windows that `by_clock` gives. Of runs cut into different numbers of windows,
    those of the most common one."""
    if (scale, order) not in subject.peaks:
        subject.peaks[scale, order] = peak_in(subject, scale, order, by_clock(subject, RATES))
    return subject.peaks[scale, order]


def peak_in(subject: Subject, scale: str, order: float, use: str) -> Judged:
    """Claim 2 in windows of some use."""
    found = moves(subject, use, scale, order, LOOPS)
    if not found:
        return Judged()
    counts = [value.shape[1] for value, _ in found.values()]
    most = max(set(counts), key=lambda count: (counts.count(count), count))
    alike = {series: one for series, one in found.items() if one[0].shape[1] == most}
    judged = claims.peak(list(alike.values()))
    at = ends(subject, use, next(iter(alike)))
    told = judged.p < claims.LEVEL or judged.values["late"] < claims.LEVEL
    peaks = {"told": told, "from": at[judged.values["peak"]], "to": at[judged.values["peak"] + 1], "length": at[1]}
    return Judged(judged.verdict, judged.statistic, judged.p, judged.values | peaks)


def apart(subject: Subject, scale: str, order: float) -> Judged:
    """Claim 3: `claims.groups` of whole runs by objective (root mean square over steps of the mean over layers of their
    distances), and where that holds `claims.parted` at the end of the fastest window of claim 2, where there is one.

    Holds where both do; does not hold where either does not.
    """
    apart = _between_runs(subject, scale, order)
    labels = [subject.objectives[series] for series in subject.runs]
    if not apart or len(set(labels)) < 2:
        return Judged(values={"runs": len(labels), "groups": len(set(labels))})
    whole = np.sqrt(np.mean([square**2 for square in apart.values()], axis=0))
    told = claims.groups(whole, labels)
    fastest = peak(subject, scale, order).values
    when = fastest.get("to", math.nan) if fastest.get("told") else math.nan
    parted = Judged(values={"share": math.nan, "lo": math.nan, "hi": math.nan})
    if when in apart:
        parted = claims.parted(apart[when], apart[max(apart)], labels)
    second = {"peak_at": when, **{f"parted_{name}": value for name, value in parted.values.items()}}
    sizes = [labels.count(name) for name in dict.fromkeys(labels)]
    values = (
        told.values
        | second
        | {"fewest": min(sizes), "last": max(apart), "first": told.verdict, "second": parted.verdict}
    )
    verdict = told.verdict if told.verdict != claims.HOLDS else parted.verdict
    return Judged(verdict, told.statistic, told.p, values)


def _between_runs(subject: Subject, scale: str, order: float) -> dict[int, np.ndarray]:
    """Step after the base -> distances (R, R) between runs, mean over layers; only steps that all of them have."""
    if order == MEANS:
        table = subject.read("separation").rename(columns={"distance": "apart"})
    else:
        table = subject.read("distances").rename(columns={"step_a": "step", "value": "apart"})
        table = table[(table["step"] == table["step_b"]) & (table["degree"] == 1) & (table["order"] == order)]
    place = {series: number for number, series in enumerate(subject.runs)}
    table = table[(table["scale"] == scale) & (table["step"] > 0)]
    table = table[table["series_a"].isin(place) & table["series_b"].isin(place)].dropna(subset="apart")
    pairs = table.groupby(["step", "series_a", "series_b"])["apart"].mean().reset_index()
    a, b = (pairs[f"series_{side}"].map(place).to_numpy(int) for side in "ab")
    found = {}
    for step, rows in pairs.groupby("step", sort=True).indices.items():
        if len(rows) == len(place) * (len(place) - 1) / 2:
            square = np.zeros((len(place), len(place)))
            square[a[rows], b[rows]] = square[b[rows], a[rows]] = pairs["apart"].to_numpy()[rows]
            found[int(step)] = square
    return found


def models(subjects: Sequence[Subject], scale: str, order: float) -> Judged:
    """Claim 4: `claims.models` of all runs whose quarters are those of the same part of their training, at the relative
    depths that all studies have. Base models are told apart by their weights; one without a fingerprint is left out."""
    known = [one for one in subjects if one.base]
    counted = {"groups": len({one.base for one in known}), "studies": len(subjects)}
    depths = [depth for depth in DEPTHS if all(_layer(one, depth) is not None for one in known)]
    found = _same_training([
        (one.base, ends(one, QUARTERS, series)[-1] / max(one.steps[series]), one, moved)
        for one in known for series, moved in moves(one, QUARTERS, scale, order).items()
    ])  # fmt: skip
    labels = [base for base, *_ in found]
    if len(set(labels)) < 2 or not depths:
        return Judged(values={"runs": len(labels)} | counted)
    places = {id(one): [_layer(one, depth) for depth in depths] for one in known}
    judged = claims.models([tuple(each[places[id(one)]] for each in moved) for *_, one, moved in found], labels)
    fewest = min(labels.count(name) for name in set(labels))
    return Judged(judged.verdict, judged.statistic, judged.p, judged.values | counted | {"fewest": fewest})


def _layer(subject: Subject, depth: float) -> int | None:
    """The place of the layer at a relative depth; None where none is near: half a block of a small model is."""
    apart = [abs(layer / subject.n_layers - depth) for layer in subject.layers]
    near = min(apart, default=math.inf)
    return apart.index(near) if near <= max(_SAME_DEPTH, 0.5 / subject.n_layers) else None


def _same_training(runs: list[tuple]) -> list[tuple]:
    """(base model, share of the run that its windows cover, ...) of those that cover the same: of the share that most
    base models have, and then most runs."""
    alike = [[one for one in runs if start <= one[1] <= start + _SAME_PROGRESS] for _, start, *_ in runs]
    return max(alike, key=lambda some: (len({base for base, *_ in some}), len(some)), default=[])


def lag(subject: Subject, scale: str, order: float) -> Judged:
    """Claim 5: see `claims.lag`. Of mean summaries alone."""
    table = subject.read("halfway")
    own = table[(table["scale"] == scale) & table["series"].isin(subject.runs)]
    own = own.dropna() if order == MEANS else own.head(0)
    if own.empty:
        return Judged()
    columns = ("topology", "behaviour", "error", "slack", "resolution", "last", "moved")
    judged = claims.lag(*(own[name].to_numpy() for name in columns))
    return Judged(judged.verdict, judged.statistic, judged.p, judged.values | {"checkpoints": own["checkpoints"].min()})


def everywhere(
    subject: Subject, beside: Sequence[Subject], orders: Sequence[float]
) -> dict[tuple[int, str, float], Judged]:
    """(claim, scale, order) -> what it is judged to say: at both scales, in mean summaries and each order of
    distance."""
    one = {1: early, 2: peak, 3: apart, 5: lag}
    found = {
        (claim, scale, order): judge(subject, scale, order)
        for claim, judge in one.items() for scale in SCALES for order in (MEANS, *orders)
    }  # fmt: skip
    together = (subject, *beside)
    return found | {(4, scale, order): models(together, scale, order) for scale in SCALES for order in (MEANS, *orders)}
