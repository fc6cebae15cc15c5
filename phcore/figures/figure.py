"""What a figure is: tables of a study, a chart of them, a caption that says how to read it, and its numbers.

Each figure is one file beside this one; `registry` lists them all. Pages, the report, the figures as files and
notebooks take a figure as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import SimpleNamespace
from typing import Any

import altair as alt
import pandas as pd

from phcore.analysis.displacements import ALL
from phcore.analysis.early_change import TRUSTED
from phcore.errors import Fault
from phcore.figures.charts.theme import AXIS_SIZE, FULL_WIDTH, LABEL_SIZE, finding, framed, lettered
from phcore.figures.shown import Source, shown
from phcore.formatting import sampling_words
from phcore.topology.clouds import subsample_size

PAPER = 900  # pixels: fits the page of a report, and on paper labels stay above 6 points
DEGREES = {"H1 loops": 1, "H0 components": 0}
SCALES = ("raw", "median")
PER = ("transition", "step")


@dataclass(frozen=True)
class Choice:
    """What a reader may choose. What is None is left to the figure, which takes the first or the most telling.

    Attributes
    ----------
    single : one layer alone, where a figure shows all of them otherwise.
    per, by, with_base, null : as in the tables `dynamics` and `concentration`.
    correction : of p for the many layers, in words: a key of `concentration.CORRECTIONS`.
    distance : between two series, one of those that `separation` knows.
    layout, across, up : of the paths: a key of `paths.LAYOUTS`, and the features of the layout of two.
    series, step : the one that is shown, alone or between two others.
    first, second : two series that are compared.
    size : of the effects: a key of `effects.SIZES`.
    behaviour, category : as in the table `behaviour_moves`.
    predictor, final : as in the table `early_final`.
    confound, spectrum, tokens : keys of `MEASURES` in `confounds`, `spectra` and `token_clouds`.
    prompt : number of the one whose tokens are looked at.
    between : two categories of prompts, in the order of the table `directions`.
    windows : what moves in equal windows: a measure of the table `windows`.
    course, beside : of several studies: a key of `models.COURSES`, and the names of the other ones.
    without : objectives that are not shown, whatever the figure.
    """

    degree: int
    order: float
    scale: str
    layer: int
    single: bool = False
    per: str = "transition"
    by: str = "index"
    with_base: bool = True
    null: str = TRUSTED
    correction: str = "max-statistic over layers"
    distance: str = "mean summaries"
    layout: str = "mean summaries"
    across: str = "h1_count"
    up: str = "h1_persistence_mean"
    series: str | None = None
    step: int | None = None
    first: str | None = None
    second: str | None = None
    size: str = "g"
    behaviour: str | None = None
    category: str | None = None
    predictor: str = "concentration"
    final: str | None = None
    confound: str = "length_share"
    spectrum: str = "effective_rank"
    prompt: int | None = None
    tokens: str = "two_nn"
    between: tuple[str, str] | None = None
    windows: str = ALL
    course: str = "velocity"
    beside: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @classmethod
    def of(cls, results: Source, **asked: object) -> Choice:
        """The defaults of a study (H1, its own order and scale, the layer in the middle) but for what is asked.

        Raises
        ------
        Fault
            for a choice that does not exist, or a layer, degree or scale that the study does not have.
        """
        layers = results.record.layers
        known = {one.name for one in fields(cls)}
        if strange := sorted(set(asked) - known):
            raise Fault(f"there is nothing called {strange[0]!r} to choose", f"Choose from: {', '.join(sorted(known))}")
        if asked.get("layer") is None:
            asked["layer"] = layers[len(layers) // 2]
        if asked["layer"] not in layers:
            raise Fault(f"layer {asked['layer']} is not in this study", f"Choose one of: {', '.join(map(str, layers))}")
        choice = cls(**{"degree": 1, "order": results.study.order, "scale": results.study.scale} | asked)
        for name, options in (("degree", (0, 1)), ("scale", SCALES)):
            if getattr(choice, name) not in options:
                raise Fault(
                    f"there is no {name} {getattr(choice, name)!r}", f"Choose one of: {', '.join(map(str, options))}"
                )
        return choice

    def only(self, names: Sequence[str]) -> Choice:
        """The same choice for everything that depends on these fields alone: others are as if never chosen."""
        never = Choice(degree=1, order=2.0, scale="raw", layer=0)
        return replace(never, **{name: getattr(self, name) for name in (*names, "without")})


@dataclass(frozen=True)
class Look:
    """How a chart is drawn: what several charts share, so that they can be compared.

    Attributes
    ----------
    steps, objectives : of the axis and of the colours: all of the study, or of the studies that stand side by side.
    width, height : pixels; None: as high as the chart is by itself.
    log : whether the axis of steps is logarithmic.
    step : the selected one.
    top : the upper end of the y axis, where it is that of another chart, too.
    held : what both axes have to hold, where they are those of another chart, too: ends of x, ends of y.
    question, answer : title and subtitle in place of the chart's own.
    """

    steps: tuple[int, ...]
    objectives: tuple[str, ...]
    width: int = FULL_WIDTH
    height: int | None = None
    log: bool = True
    step: int | None = None
    top: float | None = None
    held: tuple[float, float, float, float] | None = None
    question: str | None = None
    answer: str | None = None

    @classmethod
    def of(cls, *studies: Source, **changes: object) -> Look:
        """On the axis of steps and in the colours of these studies."""
        steps = sorted({0, *(node.step for one in studies for node in one.record.ready)})
        objectives = dict.fromkeys(one.objective for study in studies for one in study.record.series)
        return cls(tuple(steps), tuple(objectives), **changes)

    def said(self, question: str, answer: str) -> tuple[str, str]:
        """Title and subtitle: a chart's own, unless the look has others."""
        return tuple(
            own if given is None else given for own, given in ((question, self.question), (answer, self.answer))
        )

    def framed(self, question: str, answer: str, small: bool = False) -> dict:
        """Arguments of a whole chart: its sizing, its title (see `said`) and its letters, smaller in many panels."""
        title = finding(*self.said(question, answer), self.width)
        letters = lettered(LABEL_SIZE if small else AXIS_SIZE)
        padding = {"left": 0, "top": 4, "right": 12, "bottom": 4}  # the last label of an axis reaches beyond it
        return framed(None, None, self.width) | {"title": title, "config": letters, "padding": padding}

    def columns(self, panels: int, most: int, least: int = 150) -> int:
        """How many panels stand in a row: at most so many, each at least so many pixels wide with its axis."""
        return max(1, min(most, panels, self.width // least))


@dataclass(frozen=True)
class Numbers:
    """A table as words."""

    caption: str
    header: list[str]
    rows: list[list[str]]


def listed(caption: str, table: pd.DataFrame, columns: Mapping[str, Callable[[Any], str]]) -> Numbers:
    """A row of words per row of a table; `columns`: name on screen -> the words of a row (a named tuple)."""
    return Numbers(caption, list(columns), [[words(one) for words in columns.values()] for one in table.itertuples()])


def by_step(caption: str, table: pd.DataFrame, index: list[str], words: Sequence[str]) -> Numbers:
    """Steps across; rows by the columns `index`, in the order of the table."""
    table = table.assign(words=list(words), **{name: table[name].astype(str) for name in index})
    wide = table.pivot(index=index, columns="step", values="words").fillna("–")
    wide = wide.loc[table.set_index(index).index.unique()]
    keys = [list(key) if isinstance(key, tuple) else [key] for key in wide.index]
    rows = [key + [str(value) for value in row] for key, row in zip(keys, wide.to_numpy().tolist(), strict=True)]
    return Numbers(caption, [*index, *(f"{step:,}" for step in wide.columns)], rows)


@dataclass(frozen=True)
class Control:
    """One thing to choose on a page.

    Attributes
    ----------
    key : its name in a link.
    field : of `Choice`, or several that a tuple of values is for.
    options : of a study and what was chosen before -> values; none: it is not shown.
    link : what it is called in a sentence about a link; by default its label.
    words : value -> the words by which it is chosen, and which stand in a link.
    default : of a study, what was chosen before and the options -> value; by default the first, of a switch True.
    kind : "list", "row" (of buttons), "several" or "switch".
    steps : whether it is a step, which the keys of a presentation move.
    """

    key: str
    field: str | tuple[str, ...]
    label: str
    options: Callable[[Source, Choice], Sequence] = lambda results, choice: ()
    words: Callable[[Any], str] = str
    default: Callable[[Source, Choice, Sequence], Any] = lambda results, choice, options: options[0]
    link: str = ""
    help: str | None = None
    kind: str = "list"
    steps: bool = False


def fixed(*values: Any) -> Callable[[Source, Choice], Sequence]:
    """Options that are the same whatever the study."""
    return lambda results, choice: values


class Data(SimpleNamespace):
    """What a figure has read: the `choice`, the `study` as asked, its number of `prompts`, the `sampling` in words (how
    many prompts, and how many in a subsample), and what `read` returns."""


@dataclass(frozen=True)
class Figure:
    """One kind of figure.

    Attributes
    ----------
    title : what it is, in a few words.
    place : among the figures of a report and of a section: the lowest first; the last, where none is given.
    uses : the fields of `Choice` that `read` looks at.
    read : of a study and a choice -> what stands in `Data`, by name. Raises `Fault` where the study has no numbers for
        it: what is missing, and how to get it.
    table : its numbers, for a file.
    chart : Data, look -> chart; None: words and a table alone.
    caption : how to read it. May be empty.
    more : what else it finds, beside its answer. May be empty.
    numbers : the same as words. A figure without them is on a page only: neither report nor zip holds it.
    paper : the fields of `Look` that are others in a report.
    cells : series -> steps, where each step is another chart; `at` is Data as of one of them.
    section : of the Evidence page, where it stands on that page.
    heading, sentence : of one without a chart: its question, and what it finds; with a chart the sentence stands below
        it. Words are no Markdown, here and elsewhere.
    half : whether it stands beside another one on a page, at half of its width.
    controls : what can be chosen there.
    follows : the figure whose choice it shares; it has no controls of its own.
    warning : what to beware of. May be empty.
    below : words of the box with its table.
    """

    name: str
    title: str
    uses: tuple[str, ...]
    read: Callable[[Source, Choice], dict[str, Any]]
    table: Callable[[Data], pd.DataFrame]
    chart: Callable[[Data, Look], alt.TopLevelMixin] | None = None
    caption: Callable[[Data], str] = lambda data: ""
    more: Callable[[Data], str] = lambda data: ""
    numbers: Callable[[Data], Numbers] | None = None
    paper: Mapping[str, object] = field(default_factory=dict)
    cells: Callable[[Data], dict[str, list[int]]] | None = None
    at: Callable[[Data, str, int], Data] | None = None
    section: str = ""
    heading: str = ""
    half: bool = False
    sentence: Callable[[Data], str] = lambda data: ""
    controls: tuple[Control, ...] = ()
    follows: str = ""
    warning: Callable[[Data], str] = lambda data: ""
    below: str = ""
    place: int = 1_000

    def data(self, results: Source, choice: Choice) -> Data:
        """What it reads. Raises `Fault`, as `read` does."""
        results = shown(results, choice.without)
        record = results.record
        n, m = record.n_prompts, subsample_size(record.n_prompts, record.subsample_size)
        about = {"choice": choice, "study": results.study, "prompts": n, "sampling": sampling_words(n, m)}
        return Data(**about, **self.read(results, choice))

    def how(self, data: Data) -> str:
        """How to read it, after what else it finds."""
        return " ".join(filter(None, (self.more(data), self.caption(data))))

    def look(self, results: Source) -> Look:
        """As a report draws it: at the last step of the study."""
        look = Look.of(results, width=PAPER)
        return replace(look, step=look.steps[-1], **self.paper)


def title(spec: Mapping) -> tuple[str, str]:
    """The question a chart asks and the answer it gives; together, its alternative text.

    Parameters
    ----------
    spec : of the chart, as plain Vega-Lite.
    """
    said = spec.get("title", {})
    said = said if isinstance(said, Mapping) else {"text": said}
    question, answer = (said.get(part) or "" for part in ("text", "subtitle"))
    return tuple(" ".join(part) if isinstance(part, list) else part for part in (question, answer))


def sentence(fault: Fault) -> str:
    """What is missing and how to get it, as two sentences."""
    return " ".join(f"{words[0].upper()}{words[1:]}." for words in (fault.fault, fault.hint) if words)
