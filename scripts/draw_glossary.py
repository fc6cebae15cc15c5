"""Draw the pictures of the glossary: phcore/figures/glossary/pictures/*.svg.

python scripts/draw_glossary.py       # a test fails when the pictures are not up to date
"""

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from phcore.analysis.dynamics import concentration, early, null_shares, orders, upper_tail  # noqa: E402
from phcore.analysis.effect_sizes import hedges_g  # noqa: E402
from phcore.analysis.objectives import paths_means, split_half_floor, standardise  # noqa: E402
from phcore.figures.charts.theme import objective_colours  # noqa: E402
from phcore.figures.glossary import PICTURES  # noqa: E402
from phcore.topology.clouds import median_distance, subsamples  # noqa: E402
from phcore.topology.complexes import betti  # noqa: E402
from phcore.topology.distances import matching, wasserstein  # noqa: E402
from phcore.topology.gaussian_null import gaussian  # noqa: E402
from phcore.topology.summaries import FEATURE_WORDS, FEATURES, summary  # noqa: E402
from scripts import glossary_example as example  # noqa: E402
from scripts import glossary_svg as svg  # noqa: E402

_SHOWN_NUMBERS = ("h0_death_mean", "h0_entropy", "h1_count", "h1_persistence_max")
_SHOWN_STEPS = (1, 9)
_COMPARED = "h1_persistence_mean"


def pictures() -> dict[str, str]:
    """Name -> SVG, all drawn from the clouds of `glossary_example`, measured as any study is."""
    shape = example.Shape(example.ring_and_cluster())
    points, distances, (h0, h1) = shape.points, shape.distances, shape.diagrams
    birth = shape.longest[0]
    between = round((birth + h0[-1, 1]) / 2, 1)  # two components and one loop are alive

    def mesh(distance: float, own: np.ndarray = distances) -> tuple[np.ndarray, np.ndarray]:
        return example.edges(own, distance), example.triangles(own, distance)

    around = example.longest_loop(shape)
    ring = example.Shape(points[: example.RING])
    stages = [(at, *mesh(at, ring.distances)) for at in (0.7 * ring.longest[0], between, ring.longest[1])]

    series = {name: example.series(name) for name in example.DRIFTS}
    colours = objective_colours(series)
    named = {name: f"objective {name}" for name in series}
    change = example.drift(series["A"])
    before, after = (example.Shape(cloud).diagrams[1] for cloud in example.series("A", denser=1)[:2])
    first, share = early(np.array(example.STEPS)), concentration(change.velocity)
    shuffled = null_shares(change.velocity[orders(len(change.velocity), 1_000, 0)], first)
    table = example.summaries(series)
    standard = standardise(table, 0)
    plane = paths_means(standard, split_half_floor(standard)).points
    end = table[table["step"] == example.STEPS[-1]]
    at_the_end = {name: end.loc[end["series"] == name, _COMPARED].to_numpy() for name in list(series)[:2]}
    values = dict(zip(FEATURES, summary(shape.diagrams), strict=True))

    return {
        "cloud": svg.cloud(points),
        "checkpoints": svg.checkpoints(
            series["A"][0],
            [(named[name], colours[name], [clouds[step] for step in _SHOWN_STEPS]) for name, clouds in series.items()],
            _SHOWN_STEPS,
        ),
        "subsample": svg.subsample(points, subsamples(len(points), count=1, size=len(points) // 2)[0]),
        "scale": svg.scale(points, shape.longest, median_distance(distances)),
        "complex_at": svg.complex_at(points, *mesh(between), between),
        "components": svg.components(
            points, example.edges(distances, between), example.components(distances, between), between
        ),
        "loop": svg.loop(points, *mesh(between), around, between),
        "betti": svg.betti(h0, h1, between, betti(shape.diagrams, between)),
        "bar": svg.bar(ring.points, stages, ring.longest),
        "barcode": svg.barcode(h0, h1),
        "diagram": svg.diagram(h0, h1),
        "representative": svg.representative(points, example.edges(distances, birth), around, birth),
        "summary": svg.summary([(FEATURE_WORDS[name], values[name]) for name in _SHOWN_NUMBERS], len(FEATURES)),
        "path": svg.path(
            [
                (named[name], colours[name], plane.loc[plane["series"] == name, ["pc1", "pc2"]].to_numpy())
                for name in series
            ]
        ),
        "matched": svg.matched(before, after, matching(before, after), wasserstein(before, after)),
        "velocity": svg.velocity(example.STEPS[1:], change.velocity),
        "floor": svg.floor(example.STEPS[1:], change.velocity, change.low, change.high),
        "concentration": svg.concentration(example.STEPS[1:], change.velocity, first, share),
        "null": svg.null(shuffled, share, upper_tail(share, shuffled)),
        "gaussian": svg.gaussian(points, gaussian(points, "covariance", len(points), replicate=0)),
        "effect": svg.effect(
            [(named[name], colours[name], values) for name, values in at_the_end.items()],
            FEATURE_WORDS[_COMPARED],
            abs(float(hedges_g(*(values[:, None] for values in at_the_end.values()))[0])),
        ),
    }


if __name__ == "__main__":
    for name, picture in pictures().items():
        (PICTURES / f"{name}.svg").write_text(picture, encoding="utf-8", newline="\n")
        print(f"phcore/figures/glossary/pictures/{name}.svg")
