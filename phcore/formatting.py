"""Numbers and units in words, the same on every chart."""

from math import isfinite


def three(value: float) -> str:
    """A number with three significant digits: 0.0123, 12.3, 1,230."""
    if not isfinite(value):
        return "∞" if value > 0 else "–"
    if value == 0:
        return "0"
    scientific = f"{value:.2e}"  # rounds first, so that 0.9996 is 1.00
    magnitude = int(scientific.partition("e")[2])
    if not -4 <= magnitude < 6:
        return scientific
    return f"{float(scientific):,.{max(0, 2 - magnitude)}f}"


def count(number: int, noun: str) -> str:
    """1 loop, 61 loops."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def unit_words(scale: str = "raw", metric: str = "euclidean") -> str:
    """Unit of births, deaths and Wasserstein distances."""
    distance = "distance" if metric == "euclidean" else f"{metric} distance"
    return distance if scale == "raw" else f"{distance} / median distance"


def wasserstein_words(order: float, norm: float) -> str:
    """Name of a distance between diagrams, with its parameters: W2, ground norm 2."""
    if order == float("inf"):
        return f"bottleneck distance, ground norm {_norm(norm)}"
    return f"W{order:g}, ground norm {_norm(norm)}"


def _norm(norm: float) -> str:
    return "∞" if norm == float("inf") else f"{norm:g}"
