"""The report itself: one page that asks the network for nothing."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
import pandas as pd
import vl_convert
from markupsafe import Markup

from phcore.analysis.findings import FAILS, HOLDS, UNKNOWN
from phcore.analysis.headline import Headline
from phcore.errors import Fault
from phcore.export.report import methods
from phcore.export.report.packing import Tables, difference, script_json
from phcore.export.report.sources import bibtex
from phcore.export.results import Results
from phcore.figures import glossary
from phcore.figures.charts.standing import Moving, Plain, at_step, plain
from phcore.figures.charts.theme import FAINT, INK, SOFT, export_config
from phcore.figures.figure import Choice, Data, Figure, Numbers, sentence, title
from phcore.figures.registry import FIGURES, PRINTED
from phcore.formatting import seen

_FOLDER = Path(__file__).parent
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"
_FIRST = ("maps", "net_change")  # figures that stand below the headline, as on the first page
_BADGES = {HOLDS: ("✓", "holds"), FAILS: ("✕", "fails"), UNKNOWN: ("?", "unknown")}


@dataclass(frozen=True)
class Options:
    """What the user decides about a report.

    Attributes
    ----------
    title : default: the name of the study.
    authors, date : lines below the title; "" for none.
    charts : names of figures in `PRINTED`, in the order of the report.
    notes : key of a chart -> words of the user below it.
    prompts : whether the prompts are in the report.
    layer : of the charts that show one layer; None: the middle one.
    """

    title: str = ""
    authors: str = ""
    date: str = ""
    charts: tuple[str, ...] = tuple(PRINTED)
    notes: Mapping[str, str] = field(default_factory=dict)
    prompts: bool = True
    layer: int | None = None


def render(results: Results, options: Options = Options()) -> str:
    """The HTML of a report. Everything the user or the study wrote stands in it as text.

    Raises
    ------
    Fault
        for a chart that does not exist, a note on a chart that is not in the report, or an unknown layer.
    """
    results = results.for_strangers()
    choice = _checked(results, options)
    drawn = {key: draw(results, PRINTED[key], choice) for key in options.charts}
    steps = sorted({0, *(node.step for node in results.record.ready)})
    tables = Tables()
    bundle, page_script = _bundle(), (_FOLDER / "report.js").read_text(encoding="utf-8")
    payload = {
        "steps": steps,
        "config": _config(),
        "charts": {key: _payload(one, tables) for key, one in drawn.items() if isinstance(one, Drawn)},
    }
    present = [name for name in methods.described() if not results.table(name).empty]
    record = results.record
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined, finalize=seen,
    )  # fmt: skip
    return environment.get_template("report.html.j2").render(
        title=options.title or record.study.name,
        options=options,
        record=record,
        findings=[(one, *_BADGES.get(one.verdict, _BADGES[UNKNOWN])) for one in results.findings()],
        headline=_headline(results, choice),
        first=[key for key in _FIRST if key in drawn],
        figures=_figures(drawn, options.notes),
        steps=steps,
        slides=any(isinstance(one, Drawn) and (one.moves or one.cells) for one in drawn.values()),
        unfinished=not results.finished,
        methods=methods.methods_paragraph(record, present),
        sources=methods.cited(record, present),
        bibtex=bibtex(methods.cited(record, present)),
        parameters=methods.parameters(record),
        versions=methods.versions(),
        glossary=glossary.GROUPS,
        pictures={name: Markup(picture) for name, picture in glossary.pictures().items()},
        prompts=results.prompts.to_dict("records") if options.prompts else [],
        style=Markup((_FOLDER / "report.css").read_text(encoding="utf-8")),
        policy=_policy(bundle, page_script),
        bundle=Markup(bundle),
        script=Markup(page_script),
        # Tables last: the charts put theirs there while they are packed.
        data=Markup(script_json(payload | {"tables": tables.all})),
    )


def _headline(results: Results, choice: Choice) -> Headline | None:
    """What the first page says; None where there is nothing to compare."""
    try:
        return FIGURES["net_change"].data(results, choice).headline
    except Fault:
        return None


def _checked(results: Results, options: Options) -> Choice:
    """The layer in view and the defaults of the study, after all options were looked at."""
    for key in options.charts:
        if key not in PRINTED:
            raise Fault(f"there is no chart {key!r}", f"Choose from: {', '.join(PRINTED)}")
    for key in options.notes:
        if key not in options.charts:
            charts = ", ".join(options.charts)
            raise Fault(f"there is a note on {key!r}, which is not in this report", f"Its charts: {charts}")
    return Choice.of(results, layer=options.layer)


# --- a figure: its chart at every step, how to read it, and its numbers -------------------------------


@dataclass(frozen=True)
class Drawn:
    """A figure of the report.

    Attributes
    ----------
    chart : as it stands first: at the last step.
    note : how to read it.
    numbers : the same as a table.
    moves : step -> tables that differ from those of `chart`, by name; empty where no step is shown.
    cells : series -> step -> chart, where each step is another chart; empty otherwise.
    """

    chart: Plain
    note: str
    numbers: Numbers
    moves: dict[int, dict[str, pd.DataFrame]] = field(default_factory=dict)
    cells: dict[str, dict[int, Plain]] = field(default_factory=dict)


def draw(results: Results, figure: Figure, choice: Choice) -> Drawn | str:
    """A figure of a study; where that has no numbers for it, the words that say so."""
    look = figure.look(results)
    try:
        data = figure.data(results, choice)
    except Fault as fault:
        return sentence(fault)

    def chart(data: Data) -> Plain:
        return plain(lambda: figure.chart(data, look))

    whole, caption, numbers = chart(data), figure.how(data), figure.numbers(data)
    if figure.cells is None:
        return Drawn(whole, caption, numbers, moves=_moves(whole, look.steps))
    cells = {
        series: {step: chart(figure.at(data, series, step)) for step in steps}
        for series, steps in figure.cells(data).items()
    }
    return Drawn(whole, caption, numbers, cells=cells)


def _moves(chart: Plain, steps: tuple[int, ...]) -> dict[int, dict[str, pd.DataFrame]]:
    """What each selected step changes in a chart over training steps."""
    moving = {name: table for name, table in chart.tables.items() if isinstance(table, Moving)}
    return {step: at_step(moving, step) for step in steps} if moving else {}


# --- what the page's script draws ---------------------------------------------------------------------


def _payload(drawn: Drawn, tables: Tables) -> dict:
    """A chart for the page's script: its spec without title, its tables, and what a step changes."""
    spec = _untitled(drawn.chart.spec)
    one = {"spec": spec, "tables": tables.keep_all(drawn.chart.tables)}
    if drawn.moves:
        one["moves"] = {step: tables.keep_all(changed) for step, changed in drawn.moves.items()}
    if drawn.cells:
        one["cells"] = {}
        for series, steps in drawn.cells.items():
            one["cells"][series] = {}
            for step, chart in steps.items():
                question, answer = title(chart.spec)
                one["cells"][series][step] = {
                    "patch": difference(spec, _untitled(chart.spec)), "tables": tables.keep_all(chart.tables),
                    "question": question, "answer": answer,
                }  # fmt: skip
    return one


def _untitled(spec: dict) -> dict:
    """A chart's spec without title, which stands in the page, and without config and options of the app."""
    return {name: value for name, value in spec.items() if name not in ("title", "config", "usermeta")}


def _config() -> dict:
    """The look of exported figures, with inks that follow the background: printing changes it without a redraw."""
    config = export_config(font=_FONT)
    ink, soft, faint = ({"expr": one.expr} for one in (INK, SOFT, FAINT))
    for part in ("axis", "legend", "header"):
        config[part] |= {"labelColor": soft, "titleColor": soft}
    config["axis"]["gridColor"] = faint
    config["mark"] = {"aria": False}  # a chart has its question and answer as its name, and its numbers as a table
    config["title"]["color"] = ink
    return config


def _bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script.

    Raises
    ------
    Fault
        where the script could end the element it stands in, which no known version does.
    """
    bundle = vl_convert.javascript_bundle()
    if "</script" in bundle.lower() or "<!--" in bundle or "\r" in bundle:
        raise Fault("this version of vl-convert cannot be put into a page", "Install the version of requirements.txt")
    return bundle


def _policy(*scripts: str) -> str:
    """Content security policy: these scripts and no other, and no request of any kind."""
    hashes = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    rest = "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; script-src {allowed}; {rest}"


# --- what the page says -------------------------------------------------------------------------------


def _figures(drawn: Mapping[str, Drawn | str], notes: Mapping[str, str]) -> list[dict]:
    """The charts in words. Where two show the same numbers, the table stands under the first alone."""
    figures: list[dict] = []
    for key, one in drawn.items():
        figure = _figure(key, one, notes.get(key, ""))
        same = (other for other in figures if figure["numbers"] and other["numbers"] == figure["numbers"])
        figures.append(figure | {"same_as": next(same, None)})
    return figures


def _figure(key: str, drawn: Drawn | str, own_note: str) -> dict:
    about = {"key": key, "kind": PRINTED[key].title, "own_note": own_note}
    if isinstance(drawn, str):
        return about | {"missing": drawn, "numbers": None}
    question, answer = title(drawn.chart.spec)
    return about | {
        "missing": "", "question": question, "answer": answer, "note": drawn.note, "numbers": drawn.numbers,
        "series": list(drawn.cells),
    }  # fmt: skip
