"""Charts: tables in, Altair charts out. They know neither the screen nor files.

Every chart takes its question and answer (title and subtitle), computes the answer where it is not given,
and names its selections: `bar` in barcodes, `pair` between two, `point` and `area` on the map, `step` wherever
training steps appear.
"""

from phcore.figures.charts.barcode import barcode_and_diagram
from phcore.figures.charts.bars import bars_domain, cap_bars, shape_answer
from phcore.figures.charts.cloud_map import cloud_map
from phcore.figures.charts.curves import objective_distance_chart, velocity_chart
from phcore.figures.charts.growth import betti_chart, dendrogram_chart
from phcore.figures.charts.heatmap import heatmap
from phcore.figures.charts.matching import matching_chart
from phcore.figures.charts.paths import path_chart
from phcore.figures.charts.steps import StepAxis
from phcore.figures.charts.theme import export_config, objective_colours, objective_scale
from phcore.figures.charts.vectors import landscape_chart, persistence_image_chart
from phcore.formatting import three, unit_words, wasserstein_words

__all__ = [
    "StepAxis",
    "barcode_and_diagram",
    "bars_domain",
    "betti_chart",
    "cap_bars",
    "cloud_map",
    "dendrogram_chart",
    "export_config",
    "heatmap",
    "landscape_chart",
    "matching_chart",
    "objective_colours",
    "objective_distance_chart",
    "objective_scale",
    "path_chart",
    "persistence_image_chart",
    "shape_answer",
    "three",
    "unit_words",
    "velocity_chart",
    "wasserstein_words",
]
