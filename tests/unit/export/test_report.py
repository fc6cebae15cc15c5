"""The report: what it says, what it holds, and what it can never do."""

import base64
import dataclasses
import hashlib
import html.parser
import json
import math
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phcore import Fault
from phcore.archive.store import Store
from phcore.cli.main import main
from phcore.export.report import Options, bibtex, described, methods_paragraph, render
from phcore.export.report.html import Drawn, draw
from phcore.export.report.methods import cited, parameters
from phcore.export.report.packing import DIGITS, Tables, difference, packed, script_json
from phcore.export.report.sources import SOURCES
from phcore.export.results import Results
from phcore.figures.charts.standing import at_step
from phcore.figures.registry import PRINTED
from phcore.stages.registry.assembly import published
from phcore.study import PARAMETERS
from tests import studies
from tests.browser.conftest import ROOT

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)> {{ 7 * 7 }} & \"'`"


class Page(html.parser.HTMLParser):
    """A page as a browser would read it: its elements, its text, its scripts."""

    def __init__(self, page: str):
        super().__init__()
        self.whole = page
        self.elements, self.scripts, self._words, self._open = [], [], [], []
        self.feed(page)
        self.words = re.sub(r"\s+", " ", "".join(self._words))

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style", "title"):
            self._open.append(tag)
            if tag == "script":
                self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag):
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data):
        if not self._open:
            self._words.append(data)
        elif self._open[-1] == "script":
            attrs, before = self.scripts[-1]
            self.scripts[-1] = (attrs, before + data)

    @property
    def payload(self) -> dict:
        return next(json.loads(words) for attrs, words in self.scripts if attrs.get("id") == "data")


@pytest.fixture(scope="module")
def results(computed):
    study, cache = computed
    return Results.open(study.name, Store(cache))


@pytest.fixture(scope="module")
def whole(results):
    """(the report, what was drawn for it by name of its figure)."""
    drawn = {}

    def keep(results, figure, choice):
        return drawn.setdefault(figure.name, draw(results, figure, choice))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("phcore.export.report.html.draw", keep)
        page = Page(render(results, Options(title="A title", authors="A. Author", date="2026-01-02")))
    return page, drawn


@pytest.fixture(scope="module")
def page(whole):
    return whole[0]


@pytest.fixture(scope="module")
def drawn(whole):
    return whole[1]


# --- packing ------------------------------------------------------------------------------------------


def unpacked(one: dict) -> list[dict]:
    """As the page's script does it."""

    def at(column, row):
        if isinstance(column, list):
            return column[row]
        return column["all"] if "all" in column else column["of"][column["at"][row]]

    return [{name: at(column, row) for name, column in one["columns"].items()} for row in range(one["n"])]


numbers = st.floats(allow_nan=True, allow_infinity=True, width=64)
COLUMN = st.one_of(
    st.lists(numbers, min_size=4, max_size=4), st.lists(st.sampled_from(["a", "<b>", ""]), min_size=4, max_size=4),
    st.lists(st.integers(-(2**40), 2**40), min_size=4, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4),
)  # fmt: skip


@given(st.dictionaries(st.text(min_size=1), COLUMN, min_size=1, max_size=4))
def test_a_packed_table_holds_its_rows(columns):
    table = pd.DataFrame(columns)
    rows = unpacked(json.loads(script_json(packed(table))))
    assert len(rows) == 4
    for name, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            found = row[name]
            if not isinstance(value, float):
                assert found == value
                assert type(found) is type(value)
            elif math.isfinite(value):
                assert found == pytest.approx(value, rel=10.0 ** (1 - DIGITS), abs=0)
            else:
                assert found is None


def test_steps_keep_all_their_digits_beside_missing_ones():
    table = pd.DataFrame({"step": [1_234_567.0, float("nan")]})
    assert packed(table)["columns"]["step"] == [1234567, None]


@given(st.text())
def test_json_in_a_page_can_not_end_its_script(words):
    written = script_json({"words": words})
    assert not set(written) & {"<", ">", "&", "\u2028", "\u2029"}
    assert json.loads(written) == {"words": words}


plain_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=8,
)


@given(plain_json, plain_json)
def test_a_difference_turns_one_into_the_other(one, other):
    root = {"root": json.loads(json.dumps(one))}
    for path, value in difference({"root": one}, {"root": other}):
        part = root
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value
    assert json.dumps(root, sort_keys=True) == json.dumps({"root": other}, sort_keys=True)


def test_equal_tables_are_kept_once():
    tables = Tables()
    places = [tables.keep(pd.DataFrame({"a": values})) for values in ([1, 2], [1, 3], [1, 2])]
    assert places == [0, 1, 0]
    assert len(tables.all) == 2


# --- the page -----------------------------------------------------------------------------------------


def test_nothing_can_be_requested(page):
    for tag, attrs in page.elements:
        assert tag not in ("link", "iframe", "img", "base", "object", "embed", "video", "audio")
        assert "src" not in attrs
        assert not any(name.startswith("on") for name in attrs)
        if tag == "a":
            assert attrs["href"].startswith(("#", "https://doi.org/", "https://arxiv.org/abs/"))
    policy = next(a["content"] for tag, a in page.elements if tag == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'; ")
    assert not re.search(r"https?:|unsafe-eval|\*", policy)


def test_the_policy_allows_the_scripts_of_the_page_and_no_other(page):
    policy = next(a["content"] for tag, a in page.elements if tag == "meta" and "http-equiv" in a)
    allowed = re.search(r"script-src ([^;]*)", policy)[1].split()
    code = [words for attrs, words in page.scripts if attrs.get("type") != "application/json"]
    hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in code]
    assert allowed == [f"'sha256-{one}'" for one in hashes]
    assert len(code) == 2


def test_every_chart_stands_with_its_question_note_and_numbers(page, drawn):
    # The small study has all of the evidence, but three checkpoints at most, which end no equal windows.
    shown = {key: figure for key, figure in PRINTED.items() if key not in ("windows", "halfway")}
    assert list(page.payload["charts"]) == list(shown)
    for key in shown:
        one = drawn[key]
        assert isinstance(one, Drawn), one
        assert " ".join(one.note.split()) in page.words
        assert {"id": f"{key}-chart"}.items() <= next(
            a for tag, a in page.elements if a.get("id") == f"{key}-chart"
        ).items()
        assert "title" not in page.payload["charts"][key]["spec"]  # it stands in the page, where it can be read aloud
        assert all(words in page.words for words in one.numbers.rows[0])


def test_findings_stand_as_sentences_with_what_they_rest_on(results, page):
    for one in results.findings():
        for words in (one.title, one.verdict, one.sentence, one.needed):
            assert words.replace("`", "") in page.words


def test_each_step_moves_the_tables_that_show_it(page, drawn):
    steps = [0, 1, 2, 4]
    assert page.payload["steps"] == steps
    for key in ("velocity", "heatmap", "gaussian", "paths", "separation", "behaviour"):
        one = drawn[key]
        assert list(one.moves) == steps
        for step, tables in one.moves.items():
            assert tables  # every step shows somewhere
            wanted = at_step(one.chart.tables, step)
            for name, table in tables.items():
                pd.testing.assert_frame_equal(table, wanted[name])
        assert page.payload["charts"][key]["moves"].keys() == {str(step) for step in steps}


def test_each_cell_of_the_barcode_is_the_chart_of_its_bars(results, page, drawn):
    barcode, sent = drawn["barcode"], page.payload["charts"]["barcode"]
    assert {name: list(cells) for name, cells in barcode.cells.items()} == {
        one.name: [node.step for node in results.record.path_of(one.name)] for one in results.record.series
    }
    for series, cells in barcode.cells.items():
        for step, chart in cells.items():
            one = sent["cells"][series][str(step)]
            spec = json.loads(json.dumps(sent["spec"]))
            for path, value in one["patch"]:
                part = spec
                for key in path[:-1]:
                    part = part[key]
                part[path[-1]] = value
            assert spec == {k: v for k, v in chart.spec.items() if k not in ("title", "config", "usermeta")}
            assert f"({series}, step {step}, layer 1)" in one["question"]
            rows = next(
                rows for rows in map(unpacked, (page.payload["tables"][k] for k in one["tables"].values()))
                if "death_words" in rows[0]
            )  # fmt: skip
            bars = results.bars(series, step, 1)
            bars = bars[bars["subsample"] == 0]
            deaths = sorted(row["death"] for row in rows if not row["endless"] for _ in range(row["multiplicity"]))
            assert deaths == pytest.approx(sorted(bars["death"]), rel=1e-5)


# --- whatever the words are ---------------------------------------------------------------------------


def test_words_of_others_are_only_text(tmp_path, computed, page):
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    results = Results.open(computed[0].name, store)
    probes = results.prompts.assign(text=EVIL, category="<b>")
    store.write("probes", results.record.probes_key, probes)
    series = tuple(dataclasses.replace(one, objective=f"<i>{one.objective}") for one in results.study.series)
    record = dataclasses.replace(results.record, study=results.study.with_(series=series))
    evil = Results(record, store)
    one = Page(render(evil, Options(title=EVIL, authors=EVIL, date=EVIL, notes={"heatmap": EVIL})))
    assert len(one.scripts) == len(page.scripts) == 3
    tags = {tag for tag, _ in one.elements}
    assert not {"img", "b", "i"} & tags
    # Title, authors, date, note and each prompt: six and forty times as it was written.
    assert one.words.count(EVIL) == 4 + len(probes)
    assert one.payload["steps"] == page.payload["steps"]


def test_without_prompts_no_prompt_is_in_the_file(results, page):
    texts = results.prompts["text"]
    without = render(results, Options(prompts=False))
    assert all(text in page.whole for text in texts)
    assert not any(text in without for text in texts)


def test_the_user_chooses_charts_their_order_and_notes(results):
    one = Page(render(results, Options(charts=("paths", "velocity"), notes={"paths": "look\nhere"}, layer=2)))
    assert list(one.payload["charts"]) == ["paths", "velocity"]
    assert "look here" in one.words
    assert "(layer 2" in one.words
    assert [a["id"] for _, a in one.elements if str(a.get("id")).endswith("-chart")] == [
        "paths-chart",
        "velocity-chart",
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(charts=("velocities",)), "velocity"),
        (Options(charts=("velocity",), notes={"paths": "x"}), "velocity"),
        (Options(layer=7), "Choose one of: 0, 1, 2"),
    ],
)
def test_what_can_not_be_is_said_with_its_mend(results, options, words):
    with pytest.raises(Fault) as fault:
        render(results, options)
    assert words in fault.value.hint


def test_a_report_of_no_chart_has_no_slider(results):
    one = Page(render(results, Options(charts=())))
    assert one.payload["charts"] == {}
    assert not any(a.get("id") == "step" for _, a in one.elements)


# --- what is not there --------------------------------------------------------------------------------


def test_a_study_without_evidence_says_what_it_lacks(tmp_path, computed):
    store = studies.without_evidence(computed[1], tmp_path / "cache", clouds=False)
    results = Results.open(computed[0].name, store)
    one = Page(render(results))
    assert list(one.payload["charts"]) == [
        "net_change",
        "maps",
        "velocity",
        "heatmap",
        "paths",
        "separation",
        "barcode",
    ]
    assert "what the model would say has not been measured" in one.words.lower()
    assert "Compute the study where its checkpoints are" in one.words
    assert "Not every table of this study has been computed" in one.words
    methods = methods_paragraph(results.record, [name for name in described() if not results.table(name).empty])
    assert " ".join(methods.split()) in one.words
    assert not re.search("Gaussian|Concentration|Jensen|PERMANOVA|Hedges", methods)


def test_a_study_that_was_not_computed_has_a_report(results):
    record = dataclasses.replace(results.record, study=results.study.with_(seed=99))
    one = Page(render(Results(record, results.store), Options()))
    assert not {"velocity", "heatmap", "paths", "separation", "barcode"} & one.payload["charts"].keys()
    assert "No two consecutive checkpoints are finished yet" in one.words


def test_left_out_checkpoints_are_named(results, page):
    broken = next(node for node in results.record.nodes if not node.ready)
    assert f"{broken.label}, step {broken.step}: {broken.status}." in page.words


# --- methods ------------------------------------------------------------------------------------------


def with_(results, **changes):
    return dataclasses.replace(results.record, study=results.study.with_(**changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"subsamples": 17}, "17 subsamples of 20 prompts each"),
        ({"subsamples": 0}, "the whole cloud, without subsampling"),
        ({"subsample_size": 13}, "6 subsamples of 13 prompts each"),
        ({"subsample_size": 90}, "32 prompts each (90 asked for"),
        ({"seed": 4321}, "from seed 4321"),
        ({"scale": "median"}, "(scale median)"),
        ({"metric": "cosine"}, "by cosine distance"),
        ({"order": 1.0}, "order p = 1 "),
        ({"order": float("inf")}, "order p = inf "),
        ({"norm": float("inf")}, "norm q = inf "),
        ({"engine": "ripser"}, "ripser.py (Tralie et al. 2018; Bauer 2021)"),
        ({"chat": False}, "as raw text"),
        ({"dtype": "bfloat16"}, "in bfloat16."),
        ({"second_dtype": "float16"}, "and in float16."),
        ({"beside": ("another",)}, "shown beside it: another"),
        ({"pooling": "mean"}, "at the tokens of its own text (Reimers and Gurevych 2019)"),
        ({"pooling": "answer", "answer_tokens": 3}, "the first 3 tokens of its reference answer, read behind it"),
        ({"tokens": (3,)}, "The tokens of the text of prompt 3 (counted from 0)"),
        ({"tokens": (3, 9)}, "The tokens of the text of prompts 3, 9 (counted from 0)"),
        ({"subsamples": 300}, "on the same 16 subsamples"),
    ],
)
def test_the_methods_state_every_parameter(results, changes, words):
    plain, changed = (
        methods_paragraph(record).replace("\u00a0", " ") for record in (results.record, with_(results, **changes))
    )
    assert words in changed
    assert words not in plain


def test_the_methods_state_layers_and_prompts(results):
    record = dataclasses.replace(results.record, layers=(3, 5), n_prompts=41, probe_digest="f00dfeed" * 8)
    words = methods_paragraph(record)
    assert "layers 3, 5 were" in words
    assert "41 prompts (probe set probes.jsonl, digest f00dfeedf00d)" in words


def test_the_table_of_parameters_has_all_of_them_and_no_folder(results, page):
    rows = parameters(results.record)
    assert [name for name, _, _ in rows] == list(PARAMETERS)
    assert {name: value for name, value, _ in rows}["layers"] == "0, 1, 2"
    assert str(results.study.model.parent) not in page.words


def test_every_citation_is_a_source_and_has_bibtex(results):
    words, found = methods_paragraph(results.record), cited(results.record)
    assert not re.search(r"\[@|@[a-z]", words)
    assert {"malhotra2026tracking", "fay2026shape", "kapulkin2026redzed"} <= found.keys()
    for key, source in found.items():
        names, year = source.short.rsplit(" ", 1)
        assert f"{names} {year}" in words or f"{names} ({year})" in words
        assert f"{{{key}," in bibtex(found)


def test_what_is_described_grows_with_what_was_computed(results):
    paragraphs = {name: methods_paragraph(results.record, [name]) for name in published(evidence=True)}
    none = methods_paragraph(results.record, [])
    for name in ("concentration", "separation", "effects", "runs", "gaussian_velocities", "geometry_velocity"):
        assert len(paragraphs[name]) > len(none) + 80
    assert len(paragraphs["divergence"]) > len(none) + 80
    assert "were read again" in paragraphs["numerical_noise"]
    assert "quarters of each run" in paragraphs["windows"]
    # What was measured since 0.4, each with its source.
    for name, words in {
        "spectra": "RankMe (Garrido et al. 2023) and the exponent alpha",
        "confounds": "explain by linear regression (redundancy, van den Wollenberg (1977))",
        "length_removed": "(Frisch and Waugh 1933) stands beside that of the clouds as they are, on the same 6",
        "directions": "the refusal direction of Arditi et al. (2024).",
        "halfway": "by the jackknife over prompts and subsamples (Miller 1974)",
        "token_shapes": "prompts 0, 7 (counted from 0) form a cloud each, too",
    }.items():
        assert words in methods_paragraph(results.record, [name]), name
        assert words not in none, name
    assert "attention sink" not in methods_paragraph(with_(results, tokens=()))


def test_every_source_is_cited_by_some_study(results):
    studies = (results.record, with_(results, engine="ripser", pooling="mean"))
    assert set().union(*map(cited, studies)) == set(SOURCES)


def test_a_study_without_numbers_says_nothing_of_them(results, page):
    """What stands in the report is what there is: the small study has no half-way steps."""
    there = [name for name in described() if not results.table(name).empty]
    assert "halfway" not in there
    assert {"confounds", "spectra", "directions", "token_shapes"} <= set(there)
    words = " ".join(methods_paragraph(results.record, there).split())
    assert words in page.words
    assert "jackknife" not in words


@pytest.mark.parametrize("key", SOURCES)
def test_bibtex_is_well_formed(key):
    entry = bibtex([key])
    assert re.fullmatch(rf"@[a-z]+{{{key},\n(  [A-Za-z]+ = {{.+}},\n)+}}", entry)
    assert entry.count("{") == entry.count("}")
    assert {"author", "title", "year"} <= SOURCES[key].fields.keys()
    assert SOURCES[key].short.endswith(SOURCES[key].fields["year"])
    assert not re.search(r"[{}\\]|--|:\.|\. \.", SOURCES[key].words)


# --- the shell, and the study that ships --------------------------------------------------------------


def test_the_shell_writes_a_report(computed, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PHCORE_CACHE", str(computed[1]))
    target = tmp_path / "new" / "report.html"
    study = computed[0].name
    line = ["report", study, "-o", str(target), "--title", "T <1>", "--charts", "velocity,heatmap"]
    assert main([*line, "--note", "heatmap=a = b", "--without-prompts"]) == 0
    assert f"{target}: " in capsys.readouterr().out
    one = Page(target.read_text(encoding="utf-8"))
    assert "T <1>" in one.words
    assert "a = b" in one.words
    assert list(one.payload["charts"]) == ["velocity", "heatmap"]
    assert main(["report", study, "-o", str(target), "--charts", "nothing"]) == 1
    assert "there is no chart 'nothing'" in capsys.readouterr().err
    assert main(["report", study, "-o", str(tmp_path)]) == 1
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.long
def test_three_runs_of_eleven_checkpoints_stay_small():
    """A barcode for each checkpoint: tests/app/test_share.py does it without them."""
    results = Results.open("smollm2-135m-instruct", Store(ROOT / "cache"))
    page = render(results)
    assert {len(results.record.path_of(one.name)) for one in results.record.series} == {24}
    assert len(page.encode()) < 8e6
