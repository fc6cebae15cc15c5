"""What is worth an alarm while a model is trained: rules over the looks at one run, stated plainly.

docs/training.md has how often each is false on quiet runs, and how late it comes on planted faults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

RECENT = 8  # looks that a velocity is compared with
FEWEST = 5  # of them, before anything is called unusual
UNUSUAL = 6.0  # spreads above the median of recent velocities, on a log scale
LEAST_SPREAD = 0.1  # of the logarithms: about a tenth
SHRUNK = 0.5  # of what the first look found: effective rank, distinct points
FEW_LOOPS, MANY_LOOPS = 0.25, 8  # share of the first look's loops, where it had at least so many
STABLE = 0.25  # of the peak velocity, as `dynamics.stable_step`
STABLE_LOOKS = 4  # looks in a row below it


@dataclass(frozen=True)
class Measured:
    """One look at one layer.

    Attributes
    ----------
    finite : whether every hidden state is.
    distinct : points of the cloud that differ; rank : its effective rank; loops : mean number of H1 bars.
    velocity : distance of the loops to those of the look before, in the units of hidden states; NaN at the first look.
    """

    finite: bool
    distinct: int = 0
    rank: float = float("nan")
    loops: float = float("nan")
    velocity: float = float("nan")


@dataclass(frozen=True)
class Look:
    """One look at a run: what was measured of each layer, and the digest of its weights."""

    step: int
    layers: Mapping[int, Measured]
    weights: str = ""


@dataclass(frozen=True)
class Alarm:
    """`kind` is one of KINDS."""

    kind: str
    step: int
    words: str


KINDS = ("not finite", "collapse", "jump", "frozen", "stable")
BAD = frozenset(KINDS[:-1])  # that something goes wrong; "stable" says that nothing moves much any more


def alarms(looks: Sequence[Look]) -> list[Alarm]:
    """What the last of the looks gives reason for; the looks before it gave theirs.

    A kind that the look before already gave is not given again.
    """
    now, before = _raised(looks), {kind for kind, _ in _raised(looks[:-1])}
    return [Alarm(kind, looks[-1].step, words) for kind, words in now if kind not in before]


def _raised(looks: Sequence[Look]) -> list[tuple[str, str]]:
    if not looks:
        return []
    rules = (_not_finite, _collapse, _jump, _frozen, _stable)
    return [(kind, words) for kind, rule in zip(KINDS, rules, strict=True) if (words := rule(looks))]


def _not_finite(looks: Sequence[Look]) -> str:
    bad = [layer for layer, one in looks[-1].layers.items() if not one.finite]
    return f"Hidden states are not finite at {_named(bad)}." if bad else ""


def _collapse(looks: Sequence[Look]) -> str:
    """At most half of the first look's effective rank or distinct points, or a quarter of its loops, at any layer."""
    first, last = looks[0].layers, looks[-1].layers
    found = []
    for layer in first.keys() & last.keys():
        then, now = first[layer], last[layer]
        if not (then.finite and now.finite):
            continue
        for what, a, b, share in (
            ("effective rank", then.rank, now.rank, SHRUNK),
            ("distinct points", then.distinct, now.distinct, SHRUNK),
            ("loops", then.loops if then.loops >= MANY_LOOPS else 0.0, now.loops, FEW_LOOPS),
        ):
            if a > 0 and b <= share * a:
                found.append((layer, f"{what} {a:,.3g} -> {b:,.3g}"))
    if not found:
        return ""
    layer, words = min(found)
    return f"The cloud collapses at {_named(sorted({layer for layer, _ in found}))} ({words} at layer {layer})."


def _jump(looks: Sequence[Look]) -> str:
    """A velocity above the median of recent ones by `UNUSUAL` of their spreads, at half of the layers or more."""
    far = {}
    layers = looks[-1].layers
    for layer, one in layers.items():
        recent = [look.layers[layer].velocity for look in looks[-RECENT - 1 : -1] if layer in look.layers]
        logs = np.log([value for value in recent if value > 0])
        if len(logs) < FEWEST or not one.velocity > 0:
            continue
        middle = float(np.median(logs))
        spread = max(1.4826 * float(np.median(np.abs(logs - middle))), LEAST_SPREAD)
        if np.log(one.velocity) > middle + UNUSUAL * spread:
            far[layer] = one.velocity / np.exp(middle)
    if not far or len(far) * 2 < len(layers):
        return ""
    return f"The loops moved {median(far.values()):.1f} times as far as in the last looks, at {_named(sorted(far))}."


def _frozen(looks: Sequence[Look]) -> str:
    """The weights are those of the look before, to the last bit."""
    if len(looks) < 2 or not looks[-1].weights or looks[-1].weights != looks[-2].weights:
        return ""
    return f"No weight has changed since step {looks[-2].step:,}."


def _stable(looks: Sequence[Look]) -> str:
    """The last looks moved less than a quarter of the peak, at every layer."""
    series: dict[int, list[float]] = {}
    for look in looks:
        for layer, one in look.layers.items():
            series.setdefault(layer, []).append(one.velocity)
    for values in series.values():
        known = [value for value in values if np.isfinite(value)]
        if len(known) <= STABLE_LOOKS or not all(value < STABLE * max(known) for value in known[-STABLE_LOOKS:]):
            return ""
    step = looks[-STABLE_LOOKS - 1].step
    return f"Since step {step:,} every look moved less than a quarter of the most. Training may have settled."


def _named(layers: Sequence[int]) -> str:
    words = ", ".join(map(str, layers))
    return f"layer {words}" if len(layers) == 1 else f"layers {words}"
