"""The glossary's pictures: arrays in, small SVG strings out.

Ink is `currentColor`, so a picture in a page follows its theme; violet and grey can be read on white and on black.
H0 is grey and round, H1 is ink and triangular, as in every other chart; violet is what the picture is about.
"""

from collections.abc import Sequence
from html import escape

import numpy as np

from phcore.formatting import count, three

WIDTH, HEIGHT = 220, 130
INK, VIOLET, GREY = "currentColor", "#8b5cf6", "#868e9c"
_CLOUD = (8, 6, 212, 104)  # left, top, right, bottom: above the line of words
_WORDS = 122  # the baseline of that line
_PLOT = (34, 10, 208, 104)


# --- clouds and complexes -----------------------------------------------------------------------------


def cloud(points: np.ndarray) -> str:
    places = fit(points, _CLOUD)
    return picture("A cloud of points", dots(places, INK, 3), words(8, _WORDS, f"{len(points)} points"))


def subsample(points: np.ndarray, chosen: np.ndarray) -> str:
    """The points of one subsample, and those left out as rings."""
    places = fit(points, _CLOUD)
    left = np.setdiff1d(np.arange(len(points)), chosen)
    return picture(
        "A part of the points is chosen",
        dots(places[left], "none", 2.5, stroke=GREY),
        dots(places[chosen], VIOLET, 3.5),
        words(8, _WORDS, f"{len(chosen)} of {len(points)} points", VIOLET),
    )


def complex_at(points: np.ndarray, edges: np.ndarray, triangles: np.ndarray, distance: float) -> str:
    """Edges and filled triangles at a distance, with that distance as a ruler."""
    places = fit(points, _CLOUD)
    return picture(
        "Points within the distance are joined, and triangles are filled",
        *_mesh(places, edges, triangles),
        *_ruler(points, distance),
    )


def components(points: np.ndarray, edges: np.ndarray, labels: np.ndarray, distance: float) -> str:
    """Each component with a colour of its own: the larger grey, the others violet."""
    places = fit(points, _CLOUD)
    largest = np.bincount(labels).argmax()
    parts = []
    for inside, colour in ((labels == largest, GREY), (labels != largest, VIOLET)):
        parts += [lines(places, edges[inside[edges[:, 0]]], colour, 1), dots(places[inside], colour, 3.5)]
    number = count(len(np.unique(labels)), "component")
    return picture(number, *parts, *_ruler(points, distance), words(212, _WORDS, number, side=-1))


def loop(points: np.ndarray, edges: np.ndarray, triangles: np.ndarray, around: np.ndarray, distance: float) -> str:
    """The hole inside a loop, in the complex at a distance."""
    places = fit(points, _CLOUD)
    x, y = places[around].mean(axis=0)
    return picture(
        "A loop around a hole",
        polygons(places, around[None, :], VIOLET, 0.28),
        *_mesh(places, edges, triangles),
        words(x, y + 4, "hole", VIOLET, side=0),
        *_ruler(points, distance),
        words(212, _WORDS, "1 loop", side=-1),
    )


def representative(points: np.ndarray, edges: np.ndarray, around: np.ndarray, birth: float) -> str:
    """One loop at the birth of its bar; the edge that closes it comes first and last in `around`."""
    places = fit(points, _CLOUD)
    steps = np.column_stack([around, np.roll(around, -1)])
    return picture(
        "A closed chain of edges around the hole",
        lines(places, edges, INK, 1, opacity=0.35),
        lines(places, steps, VIOLET, 3),
        dots(places, INK, 2.5),
        dots(places[around], VIOLET, 4),
        words(8, _WORDS, f"a loop born at {three(birth)}", VIOLET),
    )


# --- bars -----------------------------------------------------------------------------------------------


def bar(points: np.ndarray, stages: Sequence[tuple[float, np.ndarray, np.ndarray]], bar: np.ndarray) -> str:
    """A bar under the complex before its birth, while it is alive, and at its death.

    Parameters
    ----------
    stages : three of (distance, edges, triangles).
    bar : birth and death.
    """
    at = _along((0, 1.12 * stages[-1][0]), 12, 208)
    parts = []
    for (_, edges, triangles), name, left in zip(stages, ("not yet", "a loop", "filled"), (10, 82, 154), strict=True):
        places = fit(points, (left, 4, left + 56, 56))
        parts += [*_mesh(places, edges, triangles, size=1.6), words(left + 28, 70, name, side=0)]
    birth, death = at(bar)
    parts += [
        segment(birth, 88, death, 88, VIOLET, 6),
        segment(12, 98, 208, 98, INK, 1, opacity=0.4),
        *(segment(x, 84, x, 101, VIOLET, 1.2) for x in (birth, death)),
        words(birth, 112, "birth", side=0),
        words(birth, 125, three(bar[0]), side=0),
        words(death, 112, "death", side=0),
        words(death, 125, three(bar[1]), side=0),
        words((birth + death) / 2, 112, "persistence", VIOLET, side=0),
        words((birth + death) / 2, 125, three(bar[1] - bar[0]), VIOLET, side=0),
    ]
    return picture("A bar from birth to death", *parts)


def barcode(h0: np.ndarray, h1: np.ndarray) -> str:
    """All bars, the component that never ends included."""
    rows, at = _bars(h0, h1)
    return picture(
        "A barcode",
        *rows,
        dots(np.array([[144.0, 15.0]]), GREY, 3.5),
        words(152, 19, count(len(h0) + 1, "H0 bar")),
        peaks(np.array([[144.0, 33.0]]), INK, 4),
        words(152, 37, count(len(h1), "H1 bar")),
        *_axis(at, "distance"),
    )


def betti(h0: np.ndarray, h1: np.ndarray, distance: float, numbers: tuple[int, int]) -> str:
    """The bars alive at a distance, counted."""
    rows, at = _bars(h0, h1, distance)
    x = at(distance)
    return picture(
        "Bars counted at one distance",
        *rows,
        segment(x, 4, x, 112, VIOLET, 1.5, dash="4 3"),
        words(x + 8, 24, count(numbers[0], "component"), VIOLET),
        words(x + 8, 42, count(numbers[1], "loop"), VIOLET),
        words(x, 125, f"{distance:g}", VIOLET, side=0),
        *_axis(at, "distance"),
    )


def diagram(h0: np.ndarray, h1: np.ndarray) -> str:
    """Birth against death, with the longest loop's persistence as its height above the diagonal."""
    end = _end(h0, h1)
    parts, at = _plane(end, "birth", "death")
    longest = h1[np.argmax(h1[:, 1] - h1[:, 0])]
    birth, death = at(longest)
    below = at(longest[[0, 0]])[1]
    x, y = at(np.full(2, longest.mean()))
    return picture(
        "A persistence diagram",
        *parts,
        segment(birth, death + 6, birth, below, VIOLET, 1.5, dash="4 3"),
        words(x + 8, y + 4, "persistence", VIOLET),
        dots(at(h0), GREY, 3, opacity=0.8),
        peaks(at(h1), INK, 4.5),
        dots(np.array([[158.0, 78.0]]), GREY, 3.5),
        words(166, 82, "H0"),
        peaks(np.array([[158.0, 94.0]]), INK, 4),
        words(166, 98, "H1"),
    )


def matched(before: np.ndarray, after: np.ndarray, pairs: np.ndarray, distance: float) -> str:
    """Two diagrams on one plane and how the points of one move to those of the other, or to the diagonal."""
    parts, at = _plane(_end(before, after), "birth", "death")
    moves = [segment(*at(before[i]), *at(after[j]), VIOLET, 1.5) for i, j in pairs]
    for pairs_of, used in ((before, pairs[:, 0]), (after, pairs[:, 1])):
        alone = np.delete(pairs_of, used, axis=0)
        moves += [segment(*at(one), *at(np.full(2, one.mean())), VIOLET, 1.5) for one in alone]
    return picture(
        "Two diagrams matched",
        *parts,
        *moves,
        peaks(at(before), "none", 4, stroke=INK),
        peaks(at(after), INK, 4),
        peaks(np.array([[158.0, 62.0]]), "none", 4, stroke=INK),
        words(166, 66, "before"),
        peaks(np.array([[158.0, 78.0]]), INK, 4),
        words(166, 82, "after"),
        words(154, 98, f"W = {three(distance)}", VIOLET),
    )


# --- numbers and change ---------------------------------------------------------------------------------


def scale(points: np.ndarray, bar: np.ndarray, median: float, factor: float = 2) -> str:
    """A cloud and the same one enlarged: its longest bar at both scales."""
    small = fit(points, (0, 0, 36, 36))
    middle = (small.min(axis=0) + small.max(axis=0)) / 2
    persistence = bar[1] - bar[0]
    parts = [words(38, 14, "cloud", side=0), words(96, 14, "bar, raw"), words(156, 14, "median")]
    for size, y in ((1, 42), (factor, 92)):
        places = (small - middle) * size + [40, y]
        raw, divided = size * persistence, persistence / median
        parts += [
            dots(places, INK, 1.6),
            segment(96, y, 96 + raw * 15, y, INK, 7),
            words(96, y + 20, three(raw)),
            segment(156, y, 156 + divided * 60, y, VIOLET, 7),
            words(156, y + 20, three(divided), VIOLET),
        ]
    return picture("The same shape at two sizes", *parts)


def summary(rows: Sequence[tuple[str, float]], total: int) -> str:
    """A few of the numbers, and how many there are."""
    parts = []
    for place, (name, value) in enumerate(rows):
        y = 18 + 22 * place
        number = f"{value:.0f}" if value == round(value) else three(value)
        parts += [
            words(8, y, name),
            words(212, y, number, VIOLET, side=-1),
            segment(8, y + 6, 212, y + 6, INK, 1, opacity=0.2),
        ]
    return picture("Numbers of a summary", *parts, words(8, _WORDS, f"… and {total - len(rows)} more"))


def checkpoints(base: np.ndarray, series: Sequence[tuple[str, str, Sequence[np.ndarray]]], steps: Sequence[int]) -> str:
    """Clouds of several series side by side, all from one base.

    Parameters
    ----------
    series : (name, colour, clouds after the base).
    steps : of those clouds.
    """
    everything = np.concatenate([base, *(one for *_, clouds in series for one in clouds)])
    span = float(np.ptp(everything[:, 0])) / 54
    middle = (everything.max(axis=0) + everything.min(axis=0)) / 2

    def place(points: np.ndarray, x: float, y: float) -> np.ndarray:
        return (points - middle) / span * [1, -1] + [x, y]

    parts = [dots(place(base, 32, 61), INK, 1.1, opacity=0.8), words(32, _WORDS, "step 0", side=0)]
    for (name, colour, clouds), y in zip(series, (35, 87), strict=True):
        parts += [segment(64, 61 + (y - 61) * 0.25, 78, 61 + (y - 61) * 0.6, colour, 2), words(84, y - 22, name)]
        parts += [dots(place(one, x, y), colour, 1.1) for one, x in zip(clouds, (112, 184), strict=True)]
    parts += [words(x, _WORDS, f"step {step}", side=0) for step, x in zip(steps, (112, 184), strict=True)]
    return picture("Clouds of two series, from one base", *parts)


def velocity(steps: Sequence[int], values: np.ndarray) -> str:
    """The curve of velocities over the steps."""
    parts, at = _curve(steps, values)
    return picture("Velocity by step", *parts, *_points(at, values, VIOLET))


def floor(steps: Sequence[int], values: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    """The curve, and the band in which it cannot be told from resampling."""
    parts, at = _curve(steps, values)
    upper = [at(place, value) for place, value in enumerate(high)]
    lower = [at(place, value) for place, value in enumerate(low)]
    band = polygons(np.array(upper + lower[::-1]), np.arange(2 * len(low))[None, :], GREY, 0.4)
    x, y = upper[len(upper) // 2]
    return picture(
        "Velocity and its floor", band, *parts, *_points(at, values, VIOLET), words(x, y - 8, "floor", side=0)
    )


def concentration(steps: Sequence[int], values: np.ndarray, early: np.ndarray, share: float) -> str:
    """Velocities as bars; those of the first third are counted."""
    parts, at = _curve(steps, values)
    zero = at(0, 0)[1]
    for place, value in enumerate(values):
        x, y = at(place, value)
        parts.append(segment(x, zero, x, y, VIOLET if early[place] else GREY, 11))
    x, y = at(int(early.sum()), values.max())
    return picture(
        "The share of the first third",
        *parts,
        words(x - 6, y + 22, "first third:", VIOLET),
        words(x - 6, y + 37, f"{share:.0%} of all velocity", VIOLET),
    )


def path(series: Sequence[tuple[str, str, np.ndarray]]) -> str:
    """Paths of several series on a plane; the base is their common start.

    Parameters
    ----------
    series : (name, colour, coordinates of the checkpoints).
    """
    everything = np.concatenate([coordinates for *_, coordinates in series])
    places = np.split(fit(everything, (16, 22, 204, 100), stretch=True), len(series))
    parts = []
    for (name, colour, _), own in zip(series, places, strict=True):
        follow = np.column_stack([np.arange(len(own) - 1), np.arange(1, len(own))])
        x, y = own[-1]
        inward = 1 if x < WIDTH / 2 else -1
        parts += [
            lines(own, follow, colour, 1.5),
            dots(own[1:], colour, 3),
            words(x + 12 * inward, y + 4, name, side=inward),
        ]
    x, y = places[0][0]
    return picture("Paths from one base", *parts, dots(places[0][:1], INK, 4.5), words(x, y + 20, "base", side=0))


# --- evidence -------------------------------------------------------------------------------------------


def null(shares: np.ndarray, observed: float, p: float) -> str:
    """How often each value comes up under a null, and the observed one with its p-value."""
    counts, edges = np.histogram(shares, bins=16, range=(0, 1))
    at, up = _along((0, 1), 12, 204), _along((0, counts.max()), 104, 28)
    columns = [
        segment((at(low) + at(high)) / 2, 104, (at(low) + at(high)) / 2, up(count), GREY, 10, kind="null")
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
        if count
    ]
    x, side = at(observed), -1 if observed > 0.5 else 1
    return picture(
        "A number among those of a null",
        *columns,
        segment(12, 104, 204, 104, INK, 1, opacity=0.4),
        segment(x, 104, x, 8, VIOLET, 2),
        words(x + 4 * side, 18, f"observed, p = {p:.2g}", VIOLET, side=side),
        words(12, _WORDS, "0"),
        words(108, _WORDS, "in random order", GREY, side=0),
        words(204, _WORDS, "1", side=-1),
    )


def gaussian(points: np.ndarray, drawn: np.ndarray) -> str:
    """A cloud, and noise with its mean and covariance, at one scale."""
    both = fit(np.concatenate([points, drawn]), (4, 6, 106, 104))
    own, noise = both[: len(points)], both[len(points) :] + np.array([110, 0])
    return picture(
        "A cloud and a Gaussian cloud of the same covariance",
        dots(own, INK, 2.5),
        dots(noise, GREY, 2.5),
        words(55, _WORDS, "cloud", side=0),
        words(165, _WORDS, "its Gaussian", GREY, side=0),
    )


def effect(groups: Sequence[tuple[str, str, np.ndarray]], feature: str, size: float) -> str:
    """Values of two groups in two rows, with their means, and how far these are apart in standard deviations."""
    values = np.concatenate([own for *_, own in groups])
    at = _along((values.min(), values.max()), 16, 204)
    parts = []
    for (name, colour, own), y in zip(groups, (34, 74), strict=True):
        parts += [
            words(12, y - 14, name, colour),
            dots(np.column_stack([at(own), np.full(len(own), y)]), colour, 3, opacity=0.45),
            segment(at(own.mean()), y - 9, at(own.mean()), y + 9, colour, 3, kind="mean"),
        ]
    return picture(
        "Two objectives differ in a number",
        *parts,
        words(108, 104, f"g = {three(size)}", side=0),
        words(108, _WORDS, feature, GREY, side=0),
    )


# --- shared parts ---------------------------------------------------------------------------------------


def _mesh(places: np.ndarray, edges: np.ndarray, triangles: np.ndarray, size: float = 3) -> list[str]:
    return [
        polygons(places, triangles, GREY, 0.45),
        lines(places, edges, INK, 1, opacity=0.45),
        dots(places, INK, size),
    ]


def _ruler(points: np.ndarray, distance: float) -> list[str]:
    """The distance itself, at the scale of the cloud above it."""
    length = distance * _per_unit(points, _CLOUD)
    y = _WORDS - 4
    ends = (segment(x, y - 4, x, y + 4, VIOLET, 1.5) for x in (8, 8 + length))
    return [
        segment(8, y, 8 + length, y, VIOLET, 1.5),
        *ends,
        words(14 + length, _WORDS, f"distance {distance:g}", VIOLET),
    ]


def _bars(h0: np.ndarray, h1: np.ndarray, distance: float | None = None):
    """Rows of both degrees, and places along the axis; at a distance, only the bars that hold it stand out."""
    end = _end(h0, h1)
    at = _along((0, end), 12, 204)
    endless = np.append(h0, [[0, end]], axis=0)
    pitch = 76 / len(endless)
    parts = []
    for pairs, top, step, colour, kind in ((endless, 8, pitch, GREY, "h0"), (h1, 92, 8, INK, "h1")):
        for row, (birth, death) in enumerate(pairs):
            held = distance is None or birth <= distance < death
            parts.append(
                segment(
                    *(at(birth), top + row * step, at(death), top + row * step),
                    *(colour, 2 if kind == "h0" else 4),
                    opacity=1 if held else 0.3,
                    kind=kind,
                )
            )
    parts.append(words(at(end) + 2, 8 + (len(endless) - 1) * pitch + 4, "∞"))
    return parts, at


def _end(*diagrams: np.ndarray) -> float:
    """The end of an axis that holds all deaths."""
    return 1.08 * max(float(pairs[:, 1].max()) for pairs in diagrams if len(pairs))


def _axis(at, name: str) -> list[str]:
    return [
        segment(12, 112, 204, 112, INK, 1, opacity=0.4),
        words(12, 125, "0"),
        words(208, 125, f"{name} →", side=-1),
    ]


def _plane(end: float, x_name: str, y_name: str):
    """The plane of a diagram with its diagonal, and places on it."""
    left, top, side = 30, 6, 104
    across, up = _along((0, end), left, left + side), _along((0, end), top + side, top)

    def at(pairs: np.ndarray) -> np.ndarray:
        pairs = np.asarray(pairs)
        return np.stack([across(pairs[..., 0]), up(pairs[..., 1])], axis=-1)

    parts = [
        segment(left, top, left, top + side, INK, 1, opacity=0.4),
        segment(left, top + side, left + side, top + side, INK, 1, opacity=0.4),
        segment(left, top + side, left + side, top, INK, 1, opacity=0.4),
        words(left + side, 124, f"{x_name} →", side=-1),
        words(18, top + side / 2, f"{y_name} →", side=0, turned=True),
    ]
    return parts, at


def _curve(steps: Sequence[int], values: np.ndarray):
    """Axes of a curve over steps, and the place of a value at the n-th of them."""
    left, top, right, bottom = _PLOT
    across = _along((0, len(steps) - 1), left + 10, right - 8)
    up = _along((0, 1.1 * float(np.max(values))), bottom, top)
    parts = [
        segment(left, bottom, right, bottom, INK, 1, opacity=0.4),
        segment(left, top, left, bottom, INK, 1, opacity=0.4),
        *(words(across(n), 120, str(step), side=0) for n, step in enumerate(steps) if n in (0, len(steps) - 1)),
        words((left + right) / 2, 120, "step →", side=0),
        words(20, (top + bottom) / 2, "velocity →", side=0, turned=True),
    ]
    return parts, lambda place, value: (across(place), up(value))


def _points(at, values: np.ndarray, colour: str) -> list[str]:
    places = np.array([at(place, value) for place, value in enumerate(values)])
    follow = np.column_stack([np.arange(len(places) - 1), np.arange(1, len(places))])
    return [lines(places, follow, colour, 1.5), dots(places, colour, 3)]


# --- svg ------------------------------------------------------------------------------------------------


def picture(name: str, *parts: str) -> str:
    """A whole SVG without a blank line, so that Markdown takes it as it is."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(name)}" fill="none">{"".join(parts)}</svg>'
    )


def fit(points: np.ndarray, box: tuple[float, float, float, float], stretch: bool = False) -> np.ndarray:
    """Points in pixels, in the middle of a box (left, top, right, bottom); up is up."""
    left, top, right, bottom = box
    low, high = points.min(axis=0), points.max(axis=0)
    per = np.array([right - left, bottom - top]) / (high - low) if stretch else _per_unit(points, box)
    middle = np.array([left + right, top + bottom]) / 2
    return (points - (low + high) / 2) * per * [1, -1] + middle


def _per_unit(points: np.ndarray, box: tuple[float, float, float, float]) -> float:
    left, top, right, bottom = box
    return float(np.min(np.array([right - left - 8, bottom - top - 8]) / np.ptp(points, axis=0)))


def _along(domain: tuple[float, float], start: float, end: float):
    """Linear scale."""
    return lambda value: start + (np.asarray(value) - domain[0]) / (domain[1] - domain[0]) * (end - start)


def dots(places: np.ndarray, fill: str, radius: float, stroke: str = "none", opacity: float = 1) -> str:
    circles = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>' for x, y in places)
    return f'<g fill="{fill}" stroke="{stroke}" opacity="{opacity:g}">{circles}</g>'


def peaks(places: np.ndarray, fill: str, size: float, stroke: str = "none") -> str:
    """Triangles with the point up."""
    return "".join(
        f'<path d="M{x:.1f} {y - size:.1f}L{x + size:.1f} {y + 0.8 * size:.1f}L{x - size:.1f} {y + 0.8 * size:.1f}Z" '
        f'fill="{fill}" stroke="{stroke}" stroke-width="1.2"/>'
        for x, y in places
    )


def lines(places: np.ndarray, pairs: np.ndarray, stroke: str, width: float, opacity: float = 1) -> str:
    """Straight lines between places, as one path."""
    way = "".join(f"M{places[i][0]:.1f} {places[i][1]:.1f}L{places[j][0]:.1f} {places[j][1]:.1f}" for i, j in pairs)
    return f'<path d="{way}" stroke="{stroke}" stroke-width="{width:g}" opacity="{opacity:g}"/>' if way else ""


def polygons(places: np.ndarray, corners: np.ndarray, fill: str, opacity: float) -> str:
    """Filled polygons as one path: where they overlap they are not darker."""
    way = []
    for row in corners:
        x, y = places[row].T
        turn = x @ np.roll(y, -1) - y @ np.roll(x, -1)
        # All the same way round, or overlaps of opposite ones would be holes.
        ordered = places[row if turn > 0 else row[::-1]]
        way.append("M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in ordered) + "Z")
    return f'<path d="{"".join(way)}" fill="{fill}" opacity="{opacity:g}"/>' if way else ""


def segment(
    x1: float, y1: float, x2: float, y2: float, stroke: str, width: float,
    opacity: float = 1, dash: str = "", kind: str = "",
) -> str:  # fmt: skip
    extra = (f' stroke-dasharray="{dash}"' if dash else "") + (f' data-kind="{kind}"' if kind else "")
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" '
        f'stroke-width="{width:g}" opacity="{opacity:g}"{extra}/>'
    )


def words(x: float, y: float, text: str, fill: str = INK, side: int = 1, turned: bool = False) -> str:
    """Text that starts (side 1), ends (-1) or is centred (0) at a place."""
    anchor = {1: "start", 0: "middle", -1: "end"}[side]
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" font-size="12" text-anchor="{anchor}"{turn}>{escape(text)}</text>'
    )
