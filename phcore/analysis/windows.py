"""Windows of equal length in training steps: what no grid of checkpoints can make early or late.

Distances between consecutive checkpoints follow the gaps between them. Under any process of constant rate with
stationary increments, displacements over windows of one length are exchangeable, wherever the checkpoints lie.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

QUARTERS = 4
FEWEST_RATES = 6
MOST_RATES = 48  # of more windows, each is a checkpoint's noise
_NEARLY, _EQUAL = 0.1, 1e-6  # of a window: how much longer than the first another may be, and how much shorter
COVERED = 0.75  # of a run, at least: its last step is seldom a multiple of anything


@dataclass(frozen=True)
class Windows:
    """Windows from step 0 on, of equal length.

    Attributes
    ----------
    ends : (K + 1,) ascending steps, the first 0; empty where the grid has none such.
    missing : steps at which a checkpoint is missing, as few as can be; empty where none is.
    length : steps of a window, as it is, or as it would be with those that are missing; 0 for other windows.
    """

    ends: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    length: int = 0

    def __bool__(self) -> bool:
        return bool(self.ends)


def quarters(steps: Sequence[int], count: int = QUARTERS) -> Windows:
    """A run in `count` windows.

    The last end is the latest step up to which the windows lie on the grid, three quarters of the run or more. Where
    there is none, `missing` names the fewest steps that would do, of equally few those that reach farthest.

    Parameters
    ----------
    steps : of the checkpoints, the base (0) included.
    """
    return _chosen(steps, (count,))


def rates(steps: Sequence[int], fewest: int = FEWEST_RATES) -> Windows:
    """A run in as many windows as its grid has, `fewest` or more; the rest as for `quarters`."""
    return _chosen(steps, range(MOST_RATES, fewest - 1, -1))


def by_learning(steps: Sequence[int], learned: Sequence[float], counts: Sequence[int]) -> Windows:
    """A run in windows of equal sums of learning rates, as nearly as its checkpoints have them.

    No window's sum is farther from the first than a tenth, and none is smaller: under a constant rate per learning
    rate the first goes no farther than the others. Where there are none, nothing is named as missing.

    Parameters
    ----------
    steps, learned : of the checkpoints, the base (0, 0) included; the sums may not fall.
    counts : of windows, the first that the grid has.
    """
    sums = np.asarray(learned, np.float64)
    for count in counts:
        for first in sums[(sums > 0) & (sums * count <= sums[-1] * (1 + _EQUAL))][::-1]:
            places = [0]
            for _ in range(count):
                end = np.searchsorted(sums, sums[places[-1]] + first * (1 - _EQUAL))
                places.append(min(int(end), len(sums) - 1))
            lengths = np.diff(sums[places])
            alike = (lengths >= first * (1 - _EQUAL)) & (lengths <= first * (1 + _NEARLY))
            if alike.all() and sums[places[-1]] >= COVERED * sums[-1]:
                return Windows(tuple(int(steps[place]) for place in places))
    return Windows()


def _chosen(steps: Sequence[int], counts: Sequence[int]) -> Windows:
    """The first count for which the grid has windows; else the one that lacks the fewest steps."""
    grid, fewest = set(steps), Windows()
    if 0 not in grid or len(grid) < 2:
        return fewest
    last = max(grid)
    for count in counts:
        for length in _lengths(grid, last, count):
            ends = tuple(range(0, length * count + 1, length))
            missing = tuple(step for step in ends if step not in grid)
            if not missing:
                return Windows(ends, length=length)
            if not fewest.missing or len(missing) < len(fewest.missing):
                fewest = Windows(missing=missing, length=length)
    return fewest


def _lengths(grid: set[int], last: int, count: int) -> list[int]:
    """Of which so many windows cover enough of the run and end at a checkpoint once at least; the longest first."""
    some = {step // part for step in grid for part in range(1, count + 1) if step % part == 0} | {last // count}
    return sorted((one for one in some if COVERED * last <= one * count <= last), reverse=True)
