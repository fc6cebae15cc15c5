"""The Evidence page, a section at a time."""

import re
import sys
from dataclasses import replace

import pytest

from pages.parts.data import SHIPPED
from phcore.export.results import Results
from phcore.figures.concentration import CORRECTIONS
from phcore.stages.registry import assembly
from tests import studies
from tests.app.conftest import ROOT, charts, forget, opened, run, unfold, words

# Charts of each section on the study that ships, and on a small one (two of whose three series share no transition).
SECTIONS = {
    "More than noise?": 1,
    "Early?": 2,
    "Apart?": 3,
    "More than geometry?": 4,
    "Before behaviour?": 5,
    "Robust?": 2,
    "Other models?": 1,
}


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section_shows_the_study_that_ships(start, section):
    app = start(ROOT / "cache", "evidence", e_section=section)
    assert charts(app) == SECTIONS[section]


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("query", [{}, {"e_scale": "median"}, {"e_degree": "H0 components"}, {"e_layer": 0}], ids=str)
def test_each_section_of_a_small_study(start, computed, section, query):
    app = start(computed[1], "evidence", study="tiny", e_section=section, **query)
    for key, value in query.items():
        assert app.selectbox(key=key).value == value
    assert words(app)


def test_noise_says_its_numbers_in_words(start):
    told = words(unfold(start(ROOT / "cache", "evidence")))
    record = Results.open(SHIPPED, ROOT / "cache").record
    assert f"All {len(record.ready) * len(record.layers):,} cells have fewer loops" in told
    assert "no p-value" in told
    assert re.search(r"Numerical floor \(dotted\): reading \d+ checkpoints again in other batches", told)


@pytest.mark.parametrize(
    ("key", "value"),
    [("e_by", "step"), ("e_per", "step"), ("e_null", "checkpoints"), *(("e_correction", one) for one in CORRECTIONS)],
)
def test_every_reading_of_concentration_draws(start, key, value):
    app = start(ROOT / "cache", "evidence", e_section="Early?", **{key: value})
    assert app.selectbox(key=key).value == value
    assert charts(app) == 2  # equal windows, too
    if key == "e_correction":
        assert f"p below 0.05 ({'no correction' if value == 'none' else value})" in words(unfold(app))


@pytest.mark.parametrize("way", ["mean summaries", "energy distance", "Wasserstein"])
def test_every_distance_between_objectives_draws(start, computed, way):
    app = start(computed[1], "evidence", study="tiny", e_section="Apart?", e_way=way, e_layer=2)
    assert charts(app) == 3
    assert "One run per objective (3 objectives): no p-value" in words(app)


def test_any_series_may_be_the_mixture(start, computed):
    app = start(computed[1], "evidence", study="tiny", e_section="Apart?", e_layer=2)
    for name in ("helpful", "harmless", "full"):
        app.selectbox(key="e_mixture").set_value(name)
        assert name not in app.selectbox(key="e_parts").value or charts(run(app)) == 3


def test_few_transitions_are_warned_of(start, computed):
    assert "Only 6 transitions" in words(start(computed[1], "evidence", study="tiny", e_section="More than geometry?"))


def test_one_transition_has_no_first_third_and_says_so(start, computed, tmp_path):
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    studies.compute(study.with_(name="other", series=study.series[2:], **studies.FEW), store)
    for section in SECTIONS:
        told = words(start(store.root, "evidence", study="other", e_section=section))
        if section == "Early?":
            assert "there is no first third" in told
        if section == "Apart?":
            assert "from two series on" in told


@pytest.fixture(scope="module")
def two(computed, tmp_path_factory):
    """An archive with a second study, `other`, two of whose runs have the same objective. Read only."""
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path_factory.mktemp("two") / "cache")
    same = tuple(replace(one, objective="full" if one.name == "full" else "same", seed=k)
                 for k, one in enumerate(study.series))  # fmt: skip
    studies.compute(study.with_(name="other", series=same, **studies.FEW), store)
    return store


def test_runs_of_one_objective_are_told_within_from_between(start, two):
    app = start(two.root, "evidence", study="other", e_section="Apart?", e_layer=1)
    told = words(unfold(app))
    assert "PERMANOVA pseudo-F" in told
    assert "orders of 3 runs" in told
    assert "no p-value. These runs differ" not in told
    runs = Results.open("other", two).table("runs", step=-1, layer=1, scale="raw")
    assert runs["p"].tolist() == [pytest.approx(1 / 3)] or runs["p"].iloc[0] in (pytest.approx(2 / 3), 1.0)


# --- behaviour ----------------------------------------------------------------------------------------

CSV = b"series,step,name,value\n" + b"".join(
    f"{series},{step},accuracy,{value}\n".encode()
    for series, steps in {"helpful": (0, 1, 2, 4), "harmless": (0, 1, 2), "full": (0, 2)}.items()
    for value, step in enumerate(steps)
)


def test_a_file_of_ones_own_measures_joins_the_behaviours(start, computed, tmp_path):
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    app = start(store.root, "evidence", study="tiny", e_section="Before behaviour?", e_layer=2)
    assert "accuracy" not in app.selectbox(key="e_name").options
    app.file_uploader(key="e_file").upload("mine.csv", CSV, "text/csv")
    run(app).button(key="e_add").click()
    run(app)
    assert "accuracy" in app.selectbox(key="e_name").options
    lags = Results.open("tiny", store).table("lags", name="accuracy")
    assert set(lags["series"]) == {"helpful", "harmless", "full"}
    app.selectbox(key="e_name").set_value("accuracy")
    assert charts(run(app)) >= 2


def test_a_file_that_does_not_fit_is_refused_and_changes_nothing(start, computed, tmp_path):
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    app = start(store.root, "evidence", study="tiny", e_section="Before behaviour?")
    app.file_uploader(key="e_file").upload("mine.csv", CSV.replace(b"helpful,2", b"helpless,2"), "text/csv")
    run(app).button(key="e_add").click()
    told = words(run(app))
    assert "helpless" in told
    assert not (store.root / "studies" / "tiny" / "measures.csv").exists()


def test_few_runs_are_warned_of(start, computed):
    told = words(start(computed[1], "evidence", study="tiny", e_section="Before behaviour?", e_layer=2))
    assert "Below 10 runs" in told


# --- models -------------------------------------------------------------------------------------------


def test_another_study_stands_beside_this_one(start, two):
    app = start(two.root, "evidence", study="tiny", e_section="Other models?")
    assert "Choose a study of another base model" in words(app)
    app.multiselect(key="e_beside").set_value(["other"])
    assert charts(run(app)) == 1
    assert "Choose a study" not in words(app)


# --- what is not there --------------------------------------------------------------------------------


def test_evidence_that_is_not_there_is_said_in_a_sentence(start, computed, tmp_path):
    store = studies.without_evidence(computed[1], tmp_path / "cache", clouds=False)
    app = start(store.root, "evidence", study="tiny")
    assert "press Compute on the Study page" in words(app)
    assert charts(app) == 0


@pytest.fixture(scope="module")
def readers(computed):
    """Name of a table -> the sections that read it: each is opened once, on a server that knows nothing."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHCORE_CACHE", str(computed[1]))
        patch.setitem(sys.modules, "__main__", sys.modules["__main__"])
        for section in SECTIONS:
            for name in tables_read(section):
                found.setdefault(name, []).append(section)
    forget()
    return found


def tables_read(section: str) -> set[str]:
    """Names of the tables that the archive is asked for when a section is opened."""
    read, whole = set(), assembly.table

    def spy(record, store, name, *more, **options):
        read.add(name)
        return whole(record, store, name, *more, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assembly, "table", spy)
        forget()
        opened("evidence", study="tiny", e_section=section)
    return read


# One of each kind: what only one section reads, what several read, what Early? and Apart? cannot do without.
LOST = ("sensitivity", "concentration", "separation", "geometry_velocity", "lags", "confounds")


@pytest.mark.parametrize(
    "lost",
    [
        pytest.param(one, marks=() if one in LOST else pytest.mark.long)
        for one in studies.evidence()
        if one not in ("moves", "gaussian_nulls", "scores")
    ],
)
def test_a_part_of_the_evidence_is_shown_as_far_as_it_goes(start, computed, readers, tmp_path, lost):
    """As in the middle of a run: one table is missing, and so are the cells it would be put together from."""
    store = studies.without_evidence(computed[1], tmp_path / "cache", clouds=False, lost=[lost])
    first, *more = readers.get(lost, list(SECTIONS)[:1])
    app = start(store.root, "evidence", study="tiny", e_section=first)
    for section in more:
        app.segmented_control(key="e_section").set_value(section)
        run(app)
