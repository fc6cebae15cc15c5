"""Which bars last longer than noise: longer than any bar of Gaussian clouds that match their cell.

A Gaussian cloud has no shape but its covariance, and yet it has bars, in high dimension many (arXiv:2311.03087). A bar
is longer than noise where it outlasts the longest bar of its degree in every one of k such clouds of as many points.
Were the cell a Gaussian cloud itself, its longest bar would do so with a probability of 1 / (k + 1): all k + 1 are
drawn alike, and each is as likely as the others to hold the longest (a Monte Carlo test, Barnard 1963; a band around
the diagonal of a diagram as in Fasy et al., Annals of Statistics 2014).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phcore.formatting import count
from phcore.topology.persistence import Diagrams

NOUNS = ("component", "loop")


@dataclass(frozen=True)
class Noise:
    """What Gaussian clouds of a cell reach.

    Attributes
    ----------
    longest : (2,) persistence of the longest bar of each degree in any of the clouds, in units of the distances; 0 of a
        degree in which none has a bar.
    clouds : how many.
    """

    longest: tuple[float, float]
    clouds: int


def noise(drawn: Sequence[Diagrams]) -> Noise | None:
    """Of the diagrams of Gaussian clouds; None without any."""
    if not drawn:
        return None
    longest = (max(float(np.ptp(one[degree], axis=1).max(initial=0)) for one in drawn) for degree in (0, 1))
    return Noise(tuple(longest), len(drawn))


def outlasting(diagram: np.ndarray, degree: int, band: Noise) -> int:
    """How many bars of an (n, 2) diagram are longer than noise."""
    return int((diagram[:, 1] - diagram[:, 0] > band.longest[degree]).sum())


def answer(diagrams: Diagrams, band: Noise) -> str:
    """How many bars are longer than noise, in a title."""
    loops, components = (
        f"{outlasting(diagrams[degree], degree, band):,} of {count(len(diagrams[degree]), NOUNS[degree])}"
        for degree in (1, 0)
    )
    return f"{loops} and {components} last longer than noise."


def sentence(diagrams: Diagrams, band: Noise) -> str:
    """The answer with its rule."""
    parts = [
        f"{outlasting(diagram, degree, band):,} of {count(len(diagram), NOUNS[degree])}"
        for degree, diagram in reversed(list(enumerate(diagrams)))
    ]
    return (
        f"Longer than noise: {' and '.join(parts)} last longer than the longest in any of {band.clouds} Gaussian "
        "clouds of the same covariance."
    )
