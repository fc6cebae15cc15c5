"""A small study computed for real: noisy circles that drift away from a shared base, three objectives."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import vl_convert
from altair.utils import schemapi

from phcore.figures.charts.theme import export_config
from phcore.topology import clouds, persistence
from phcore.topology.distances import wasserstein

schemapi.disable_debug_mode()  # as on the pages: a chart is checked as a whole, when it is written

STEPS = (0, 1, 2, 4, 8)
LAYERS = (6, 12)
OBJECTIVES = ("helpful", "harmless", "mixed")


def cloud(objective: str, step: int, layer: int) -> np.ndarray:
    """(48, 6): a noisy circle that is squeezed, a different way for each objective, as training goes on."""
    rng = np.random.default_rng(layer)
    turn = rng.uniform(0, 2 * np.pi, 48)
    points = rng.normal(0, 0.15, (48, 6)) * layer
    points[:, 0] += layer * np.cos(turn)
    points[:, 1] += layer * np.sin(turn) * (1 - 0.08 * step * (objective != "harmless"))
    points[:, 2] += layer * 0.05 * step * np.cos(3 * turn) * (objective != "helpful")
    return points.astype(np.float32)


@pytest.fixture(scope="session")
def steps() -> tuple[int, ...]:
    return STEPS


@pytest.fixture(scope="session")
def diagrams():
    """(objective, step, layer) -> the diagrams of 6 subsamples of 32 and of their partners."""
    sets = clouds.subsamples(48, count=6, size=32, seed=0)
    partners = clouds.partners(sets, 48, seed=0)
    result = {}
    for objective in OBJECTIVES:
        for step in STEPS:
            for layer in LAYERS:
                matrix = clouds.distance_matrix(cloud(objective, step, layer).astype(np.float64))
                result[objective, step, layer] = (
                    persistence.cell_diagrams(matrix, sets),
                    persistence.cell_diagrams(matrix, partners),
                )
    return result


@pytest.fixture(scope="session")
def bars(diagrams) -> pd.DataFrame:
    """Bars of all subsamples of one cell."""
    rows = [
        (subsample, degree, birth, death)
        for subsample, pair in enumerate(diagrams["harmless", 4, 12][0])
        for degree in (0, 1)
        for birth, death in pair[degree]
    ]
    return pd.DataFrame(rows, columns=["subsample", "degree", "birth", "death"])


@pytest.fixture(scope="session")
def curve(diagrams) -> pd.DataFrame:
    rows = []
    for objective in OBJECTIVES:
        for layer in LAYERS:
            for before, step in pairwise(STEPS):
                pairs = zip(diagrams[objective, before, layer][0], diagrams[objective, step, layer][0], strict=True)
                values = [wasserstein(a[1], b[1], order=2, norm=2) for a, b in pairs]
                spread = (np.mean(values), min(values), max(values))
                rows.append((objective, objective, layer, before, step, *spread))
    return pd.DataFrame(rows, columns=["series", "objective", "layer", "step_from", "step", "mean", "lo", "hi"])


@pytest.fixture(scope="session")
def floor(diagrams) -> pd.DataFrame:
    rows = []
    for layer in LAYERS:
        for step in STEPS[1:]:
            own, partners = diagrams["mixed", step, layer]
            values = [wasserstein(a[1], b[1], order=2, norm=2) for a, b in zip(own, partners, strict=True)]
            rows.append((layer, step, min(values), max(values)))
    return pd.DataFrame(rows, columns=["layer", "step", "lo", "hi"])


@pytest.fixture(scope="session")
def paths(diagrams) -> pd.DataFrame:
    """Each objective through the plane of two features: mean H0 death and number of loops."""
    rows = []
    for objective in OBJECTIVES:
        for step in STEPS:
            pairs = diagrams[objective, step, 12][0]
            deaths = np.mean([pair[0][:, 1].mean() for pair in pairs])
            loops = np.mean([len(pair[1]) for pair in pairs])
            rows.append((objective, objective, step, deaths, loops))
    return pd.DataFrame(rows, columns=["series", "objective", "step", "x", "y"])


@pytest.fixture(scope="session")
def render():
    """Render a chart as it is exported; returns the SVG."""

    def rendered(chart, dark: bool = False) -> str:
        spec = chart.to_dict()  # validates against the Vega-Lite schema
        return vl_convert.vegalite_to_svg(spec | {"config": export_config(dark)})

    return rendered


@pytest.fixture
def shape():
    """A spec without its data: what must not change for a chart to be updated instead of redrawn."""

    def of(chart) -> str:
        spec = chart.to_dict()
        names = {name: f"data{place}" for place, name in enumerate(spec.pop("datasets", {}))}
        text = json.dumps(spec)
        for name, plain in names.items():
            text = text.replace(name, plain)
        return text

    return of
