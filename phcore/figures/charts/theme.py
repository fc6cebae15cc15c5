"""One look for every chart: colours, inks, titles and the config that exported figures carry.

In the app Streamlit's own theme sets fonts, axes and background, so charts carry no config. Where a mark
needs a neutral ink it is an expression of the chart's background, which serves light and dark alike.
"""

import textwrap
from collections.abc import Iterable, Sequence
from zlib import crc32

import altair as alt

BASE = "base"

# Okabe-Ito. The three objectives of the method keep their colour whatever else a study holds.
OBJECTIVES = {"helpful": "#0072B2", "harmless": "#D55E00", "mixed": "#009E73"}
OTHER_OBJECTIVES = (
    "#CC79A7", "#E69F00", "#56B4E9", "#A6761D", "#66A61E", "#B24745", "#8C8C00",
    "#882255", "#44AA99", "#004D73", "#7A4B2A", "#F08070", "#5E5E00",  # of sweeps: a name for each learning rate
)  # fmt: skip
_PREFERRED = 3  # a new name starts at one of the last three of Okabe-Ito; the rest only when those are taken
BASE_COLOUR = "#8a919c"
DARK, READABLE = "#0f1319", 4.5  # the app's dark background, and the contrast that letters need

_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 6], [1, 4])

TITLE_SIZE, SUBTITLE_SIZE, LABEL_SIZE = 16, 13, 12
QUESTION_SIZE, ANSWER_SIZE, HALF_ANSWER_SIZE = 13, 22, 17  # above a figure: what it asks, and what it finds
AXIS_SIZE = 14  # letters of the axes of a figure; many small panels have `LABEL_SIZE`
FULL_WIDTH, HALF_WIDTH = 1120, 540  # pixels: one chart in a row, or two
Y_AXIS, LEGEND = 76, 84  # pixels beside a plot


def _ink(light: str, dark: str) -> alt.ExprRef:
    """A colour that follows the background (0.2 parts dark from light backgrounds)."""
    return alt.ExprRef(f"luminance(background) < 0.2 ? '{dark}' : '{light}'")


INK = _ink("#2f3440", "#e3e7ee")  # words, H1, the selected step
SOFT = _ink("#596170", "#a9b1be")  # subtitles, secondary words
TONE = _ink("#868e9c", "#727b8a")  # H0
FAINT = _ink("#cdd2da", "#3d4450")  # diagonals, guides
FLOOR = _ink("#9aa1ad", "#868e9c")  # floors and nulls: bands behind what they judge
ACCENT = _ink("#7c3aed", "#b79cff")  # the selected bar; no objective is violet
MARK = _ink("#c2185b", "#ff86b3")  # prompts chosen on the map, and the bars that begin or end at them

GREYS = tuple(
    _ink(light, dark)
    for light, dark in (
        ("#2f3440", "#e3e7ee"),
        ("#646c7b", "#b0b7c3"),
        ("#8e96a4", "#858d9b"),
        ("#b1b7c2", "#646c7a"),
        ("#cdd2da", "#4a515e"),
    )
)  # from the strongest to the faintest
HALO = alt.ExprRef("background || 'white'")  # around words that stand among marks

SEQUENTIAL = "viridis"

# Categories of prompts: none of the objectives' colours, and told apart by shape as well. Triangles are loops.
_CATEGORIES = (
    ("#B7860B", "circle"),
    ("#2A93A8", "square"),
    ("#A34A5E", "diamond"),
    ("#6F8F2F", "cross"),
    ("#7C8DB5", "M-1,-1L1,1M-1,1L1,-1"),
)
_OTHER_CATEGORY = ("#8a919c", "circle")


def objective_colours(objectives: Iterable[str]) -> dict[str, str]:
    """Colour of every objective of a study.

    Give all objectives of the study, not only those shown, and a colour never changes as the choice does.
    A name outside `OBJECTIVES` starts at a slot that depends on the name alone and takes the next free one,
    so that it keeps its colour in a subset, too, unless two names want the same slot.
    """
    names = set(objectives)
    colours = {name: colour for name, colour in OBJECTIVES.items() if name in names}
    if BASE in names:
        colours[BASE] = BASE_COLOUR
    taken: set[int] = set()
    for name in sorted(names - set(colours)):
        slot = crc32(name.encode()) % _PREFERRED
        while slot in taken and len(taken) < len(OTHER_OBJECTIVES):
            slot = (slot + 1) % len(OTHER_OBJECTIVES)
        taken.add(slot)
        colours[name] = OTHER_OBJECTIVES[slot]
    return colours


def objective_scale(objectives: Iterable[str], study: Iterable[str] | None = None) -> alt.Scale:
    """Colour scale of the objectives shown, in the order of the legend.

    Parameters
    ----------
    objectives : the objectives in this chart.
    study : all objectives of the study (default: those shown); see `objective_colours`.
    """
    shown = set(objectives)
    colours = objective_colours(shown | set(study or ()))
    order = [name for name in colours if name in shown]
    return alt.Scale(domain=order, range=[colours[name] for name in order])


def on_dark(colour: str) -> str:
    """A colour as it is on the app's dark background: mixed with white as far as letters in it need to be readable.

    Parameters
    ----------
    colour : as #rrggbb; one that can be read as it is stays.
    """
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    for share in range(0, 100, 5):
        lit = "#" + "".join(f"{round(part + (255 - part) * share / 100):02x}" for part in parts)
        if contrast(lit, DARK) >= READABLE:
            break
    return lit if share else colour


def contrast(one: str, other: str) -> float:
    """Of two colours as #rrggbb, 1 to 21, as the Web Content Accessibility Guidelines count it."""
    low, high = sorted(_luminance(colour) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def shades(colour: str, number: int) -> list[str]:
    """A colour from dark to light, for ordered variants of one thing; all can be seen on white and on black.

    Parameters
    ----------
    colour : as #rrggbb.
    """
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    found = []
    for place in range(number):
        towards = -0.2 + 0.85 * place / (number - 1) if number > 1 else 0.0  # from 20 % black to 65 % white
        end = 255 if towards > 0 else 0
        found.append("#" + "".join(f"{round(part + (end - part) * abs(towards)):02x}" for part in parts))
    return found


def category_marks(categories: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Colour and shape of each category of a probe set, in their order; those beyond the fifth share the last look."""
    names = list(dict.fromkeys(categories))
    looks = [*_CATEGORIES, *[_OTHER_CATEGORY] * len(names)]
    return dict(zip(names, looks, strict=False))


def line_dash(
    field: str, names: Sequence, dashes: Sequence[Sequence[int]] | None = None, title: str | None = None
) -> alt.StrokeDash:
    """Line style by a column whose values are `names`; with several, a legend says which is which."""
    dashes = dashes or [_DASHES[place % len(_DASHES)] for place in range(len(names))]
    return alt.StrokeDash(
        field=field,
        type="nominal",
        scale=alt.Scale(domain=list(names), range=list(dashes)),
        legend=alt.Legend(
            orient="top",
            title=title,
            titleOrient="left",
            symbolType="stroke",
            symbolSize=400,
            symbolStrokeColor=SOFT,
            symbolStrokeWidth=2,
        )
        if len(names) > 1
        else None,
    )


def _lines(words: str | None, width: int) -> list[str]:
    """Words in lines of so many letters. Of a single word, such as the name of a run, no more is shown than a line."""
    short = (one if len(one) <= width else f"{one[: width - 1]}…" for one in (words or "").split(" "))
    return textwrap.wrap(" ".join(short), width)


def heading(question: str | None, answer: str | None, width: int) -> alt.typing.Optional[alt.TitleParams]:
    """Title of a chart: the question it answers, and the answer below it, wrapped to its width."""
    if not question and not answer:
        return alt.Undefined
    return alt.TitleParams(
        text=_lines(question, max(20, width // 9)) or [""],
        subtitle=_lines(answer, max(24, int(width / 6.6))),
        subtitleColor=SOFT,
        anchor="start",
        fontSize=TITLE_SIZE,
        subtitleFontSize=SUBTITLE_SIZE,
        subtitlePadding=5,
        offset=20,
    )


def finding(question: str | None, answer: str | None, width: int) -> alt.typing.Optional[alt.TitleParams]:
    """Title of a figure: its question, small, and in bold below it what it finds, wrapped to its width."""
    if not question and not answer:
        return alt.Undefined
    size = ANSWER_SIZE if width > HALF_WIDTH + 100 else HALF_ANSWER_SIZE
    return alt.TitleParams(
        text=_lines(question, max(20, int(width / 6.6))) or [""],
        subtitle=_lines(answer, max(24, int(width / (0.53 * size)))),
        color=SOFT,
        subtitleColor=INK,
        anchor="start",
        fontSize=QUESTION_SIZE,
        fontWeight="normal",
        subtitleFontSize=size,
        subtitleFontWeight="bold",
        subtitlePadding=5,
        offset=20,
    )


def lettered(size: int) -> dict:
    """Config of a chart with letters of this size on its axes, legends and panels."""
    return {part: {"labelFontSize": size, "titleFontSize": size} for part in ("axis", "legend", "header")}


def framed(question: str | None, answer: str | None, width: int) -> dict:
    """What a whole chart needs beside its marks: title and sizing, as arguments of its constructor.

    Without a choice of its own Streamlit fits title and axes into the plot's width and height; here plots
    keep their height whatever the title and axes need. (Changing a finished chart copies it, which is slow.)
    """
    return {
        "title": heading(question, answer, width),
        "autosize": alt.AutoSizeParams(type="pad", contains="padding"),
    }


# For charts that follow a slider: hundreds of marks are redrawn in one stroke instead of element by element.
CANVAS = {"embedOptions": {"renderer": "canvas"}}


def panel_heading(text: str, colour: alt.ExprRef | str = INK) -> alt.TitleParams:
    """Name of one of several panels, with room below it for the name of the selected step."""
    return alt.TitleParams(text, fontSize=LABEL_SIZE + 1, fontWeight="normal", color=colour, anchor="start", offset=18)


def export_config(dark: bool = False, font: str = "sans-serif", size: int = LABEL_SIZE) -> dict:
    """Vega-Lite config for figures outside the app, where no theme is applied.

    Parameters
    ----------
    dark : the app's dark background instead of white.
    font, size : of labels (pixels); titles keep their size.
    """
    background, ink, soft, faint = (
        ("#0e1117", "#e3e7ee", "#a9b1be", "#2a303b") if dark else ("#ffffff", "#2f3440", "#596170", "#e6e9ee")
    )
    words = {
        "labelColor": soft,
        "titleColor": soft,
        "labelFontSize": size,
        "titleFontSize": size,
        "titleFontWeight": "normal",
    }
    return {
        "background": background,
        "font": font,
        "title": {"color": ink, "fontSize": TITLE_SIZE, "fontWeight": "bold", "anchor": "start"},
        "axis": words | {"gridColor": faint, "domain": False, "ticks": False, "labelPadding": 6},
        "legend": words,
        "header": words,
        "view": {"stroke": None},
    }
