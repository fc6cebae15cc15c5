"""A diagram as a picture and as functions: persistence image and landscape."""

import altair as alt
import numpy as np
import pandas as pd

from phcore.figures.charts.channels import UNRULED, measure, told
from phcore.figures.charts.theme import GREYS, HALF_WIDTH, LEGEND, SEQUENTIAL, Y_AXIS, framed
from phcore.formatting import three


def persistence_image_chart(
    image: np.ndarray,
    birth_range: tuple[float, float],
    persistence_range: tuple[float, float],
    *,
    unit: str = "distance",
    question: str | None = "Where do the loops lie?",
    width: int = HALF_WIDTH,
) -> alt.Chart:
    """Density of bars over birth and persistence.

    Parameters
    ----------
    image : (birth pixels, persistence pixels), at most 5,000 in all.
    birth_range, persistence_range : from the first to the last edge of the pixels.
    unit : of births and persistences.
    """
    births = np.linspace(*birth_range, image.shape[0] + 1)
    persistences = np.linspace(*persistence_range, image.shape[1] + 1)
    column, row = (index.ravel() for index in np.indices(image.shape))
    pixels = pd.DataFrame(
        {
            "birth": births[column],
            "birth_end": births[column + 1],
            "persistence": persistences[row],
            "persistence_end": persistences[row + 1],
            # Drawn a little under the next pixels: otherwise the background shines through the seams.
            "right": births[column + 1] + 0.25 * (births[1] - births[0]),
            "top": persistences[row + 1] + 0.25 * (persistences[1] - persistences[0]),
            "value": image.ravel(),
        }
    )
    pixels["words"] = [three(value) for value in pixels["value"]]
    for name in ("birth", "persistence"):
        pixels[f"{name}_words"] = [three(value) for value in (pixels[name] + pixels[f"{name}_end"]) / 2]
    top = float(image.max())
    colours = alt.Scale(scheme=SEQUENTIAL, domain=[0.0, top if top > 0 else 1.0])
    tooltip = {"birth_words": "birth about", "persistence_words": "persistence about", "words": "weight"}
    return (
        alt.Chart(pixels, **_whole(question, _image_answer(pixels, unit), width))
        .mark_rect(clip=True)
        .encode(
            x=_edge(alt.X, "birth", birth_range, f"birth ({unit})"),
            x2=alt.X2(field="right"),
            y=_edge(alt.Y, "persistence", persistence_range, f"persistence ({unit})"),
            y2=alt.Y2(field="top"),
            color=alt.Color(
                field="value",
                type="quantitative",
                scale=colours,
                legend=alt.Legend(title="weight", gradientLength=200),
            ),
            tooltip=told(tooltip),
        )
    )


def landscape_chart(
    landscape: np.ndarray,
    grid: np.ndarray,
    *,
    unit: str = "distance",
    question: str | None = "At which distances are there long-lived loops?",
    width: int = HALF_WIDTH,
) -> alt.Chart:
    """The first landscape functions over the filtration, the first strongest.

    Parameters
    ----------
    landscape : (depth, len(grid)).
    grid : filtration values.
    """
    landscape, grid = np.asarray(landscape, dtype=np.float64), np.asarray(grid, dtype=np.float64)
    depth = len(landscape)
    table = pd.DataFrame(  # the first function last, on top of the others
        {
            "at": np.tile(grid, depth),
            "height": landscape[::-1].ravel(),
            "k": np.repeat(np.arange(depth, 0, -1), len(grid)),
        }
    )
    highest = float(landscape.max()) if landscape.size else 0.0
    tones = [GREYS[min(k, len(GREYS) - 1)] for k in range(depth)]
    end = 1.08 * highest if highest > 0 else 1.0
    return (
        alt.Chart(table, **_whole(question, _landscape_answer(landscape, grid, unit), width))
        .mark_line(strokeWidth=1.8)
        .encode(
            x=_edge(alt.X, "at", (float(grid.min()), float(grid.max())) if len(grid) else (0.0, 1.0), unit),
            y=measure(alt.Y, "height", f"landscape ({unit})", (0, end), {"tickCount": 5}),
            color=alt.Color(
                field="k",
                type="ordinal",
                scale=alt.Scale(domain=list(range(1, depth + 1)), range=tones),
                legend=alt.Legend(title="function", symbolType="stroke", symbolStrokeWidth=2.5),
            ),
            detail=alt.Detail(field="k", type="ordinal"),
        )
    )


def _whole(question: str | None, answer: str, width: int) -> dict:
    return {"width": width - Y_AXIS - LEGEND, "height": 360} | framed(question, answer, width)


def _edge(channel: type, field: str, domain: tuple[float, float], title: str):
    return measure(channel, field, title, map(float, domain), UNRULED | {"tickCount": 6}, zero=False)


def _image_answer(pixels: pd.DataFrame, unit: str) -> str:
    if pixels["value"].max() <= 0 or pixels.empty:
        return "No bars in this range."
    most = pixels.loc[pixels["value"].idxmax()]
    return f"Densest at birth {most['birth_words']}, persistence {most['persistence_words']} ({unit})."


def _landscape_answer(landscape: np.ndarray, grid: np.ndarray, unit: str) -> str:
    if not landscape.size or landscape.max() <= 0:
        return "No bars, so the landscape is flat."
    at = grid[int(landscape[0].argmax())]
    return f"Highest at {three(float(at))}: {three(float(landscape[0].max()))} ({unit})."
