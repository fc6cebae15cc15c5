"""Every figure of the registry: what it reads, draws and says, and its numbers against the tables of the study."""

import dataclasses
import re
from contextlib import suppress
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phcore import Fault
from phcore.analysis import against_null, objectives
from phcore.archive.store import Store
from phcore.export.results import Results
from phcore.figures import barcode, separation
from phcore.figures.charts.standing import plain
from phcore.figures.figure import Choice, Control, Figure, sentence, title
from phcore.figures.registry import FIGURES, PRINTED, SECTIONS
from phcore.formatting import three

# Figures that the small study has no numbers for: one run per objective, and three checkpoints at most.
ONE_RUN = {"replicates", "windows", "halfway"}
FEW_RUNS = {"early_final"}  # and one that says that its runs are too few


@pytest.fixture(scope="module")
def results(computed):
    study, cache = computed
    return Results.open(study.name, Store(cache))


@pytest.fixture(scope="module")
def bare(results):
    """A study of which nothing is computed."""
    return Results(dataclasses.replace(results.record, study=results.study.with_(seed=99, chat=False)), results.store)


def data_of(results, name, **choice):
    return FIGURES[name].data(results, Choice.of(results, **choice))


# --- every figure -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(FIGURES) - ONE_RUN))
def test_a_figure_reads_draws_and_says_what_it_shows(results, name):
    figure = FIGURES[name]
    data = data_of(results, name)
    assert len(figure.table(data))
    said = figure.caption(data) + figure.sentence(data)
    assert not said or said.endswith(".")
    assert "nan" not in said.lower().split()
    if figure.chart:
        chart = plain(lambda: figure.chart(data, figure.look(results)))
        assert chart.tables
        question, answer = title(chart.spec)
        assert "?" in question
        assert re.search(r"\d", answer) or name in FEW_RUNS, answer
        assert len(figure.caption(data)) > 20
    if figure.numbers:
        table = figure.numbers(data)
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.header)}
        assert any(re.search(r"\d", words) for row in table.rows for words in row)


@pytest.mark.parametrize("name", FIGURES)
def test_a_study_without_numbers_says_what_is_missing_and_how_to_get_it(bare, name):
    with pytest.raises(Fault) as fault:
        data_of(bare, name)
    words = sentence(fault.value)
    assert words[0].isupper()
    assert words.endswith(".")
    assert fault.value.hint


@pytest.mark.parametrize("name", FIGURES)
def test_what_a_figure_does_not_use_changes_nothing_of_it(results, name):
    if name in ONE_RUN:
        return
    figure, whole = FIGURES[name], Choice.of(results, layer=2)
    fields = {one.name for one in dataclasses.fields(Choice)}
    assert set(figure.uses) <= fields
    one, other = (figure.data(results, choice) for choice in (whole, whole.only(figure.uses)))
    pd.testing.assert_frame_equal(figure.table(one), figure.table(other))
    assert figure.caption(one) == figure.caption(other)
    if figure.chart:
        specs = [plain(lambda data=data: figure.chart(data, figure.look(results))).spec for data in (one, other)]
        assert specs[0] == specs[1]


def chosen(choice: Choice, control: Control, value) -> Choice:
    several = isinstance(control.field, tuple)
    return dataclasses.replace(
        choice, **(dict(zip(control.field, value, strict=True)) if several else {control.field: value})
    )


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_controls_offer_what_can_be_drawn(results, figure: Figure):
    choice, drawn = Choice.of(results, layer=2), 0
    for control in figure.controls:
        options = list(control.options(results, choice))
        if control.kind in ("switch", "several") or not options:
            continue
        assert len({control.words(one) for one in options}) == len(options)
        for one in options[:4]:
            with suppress(Fault):  # nothing there is said, and nothing else is raised
                drawn += len(figure.table(figure.data(results, chosen(choice, control, one))))
        default = control.default(results, choice, options)
        assert default in options
        choice = chosen(choice, control, default)
    assert drawn or not figure.controls or figure.name in ONE_RUN


def test_names_sections_and_links_are_unique():
    assert list(FIGURES) == [one.name for one in FIGURES.values()]
    assert {one.section for one in FIGURES.values()} - {""} == set(SECTIONS)
    keys = [control.key for one in FIGURES.values() for control in one.controls]
    assert len(keys) == len(set(keys))
    assert set(PRINTED) == {name for name, one in FIGURES.items() if one.chart and one.numbers}


def test_the_projection_is_a_behaviour_at_the_layer_that_is_shown(results):
    figure = FIGURES["behaviour"]
    found = {}
    for layer in (1, 2):
        data = figure.data(results, Choice.of(results, layer=layer, behaviour="projection", category="b"))
        places = results.table("directions", layer=layer, series="helpful").sort_values("step")["second_at"]
        own = data.moves[data.moves["series"] == "helpful"].sort_values("step")
        assert own["value"].tolist() == pytest.approx(places.diff().abs().dropna().tolist())
        found[layer] = figure.caption(data)
        assert "from a to b" in found[layer]
        assert "no independent measure" in found[layer]
    assert found[1] != found[2]
    name, category, _ = figure.controls
    assert "projection" in name.options(results, Choice.of(results, layer=2))
    assert category.options(results, Choice.of(results, layer=2, behaviour="projection")) == ["", "a", "b"]
    with pytest.raises(Fault, match="hidden states that topology is measured on"):
        FIGURES["lags"].data(results, Choice.of(results, layer=2, behaviour="projection"))


# --- in a notebook ------------------------------------------------------------------------------------


def test_a_notebook_gets_a_chart_with_its_caption_and_alternative_text(results):
    chart = results.figure("velocity", layer=2, single=True)
    figure, data = FIGURES["velocity"], data_of(results, "velocity", layer=2, single=True)
    assert chart.usermeta["caption"] == figure.how(data)
    assert chart.description.startswith("How far does each checkpoint move? ")
    assert "_repr_mimebundle_" in dir(chart)


@pytest.mark.parametrize(
    ("name", "choice", "mend"),
    [
        ("nothing", {}, "velocity"),
        ("loops", {}, "velocity"),  # words and a table, no chart
        ("velocity", {"layer": 9}, "Choose one of: 0, 1, 2"),
        ("velocity", {"degree": 2}, "Choose one of: 0, 1"),
        ("velocity", {"scale": "mean"}, "raw, median"),
        ("velocity", {"colour": "red"}, "degree"),
    ],
)
def test_what_can_not_be_chosen_is_said_with_its_mend(results, name, choice, mend):
    with pytest.raises(Fault) as fault:
        results.figure(name, **choice)
    assert mend in fault.value.hint


# --- numbers against tables ---------------------------------------------------------------------------


def test_the_table_of_velocities_holds_those_of_the_study(results):
    table = PRINTED["velocity"].numbers(data_of(results, "velocity"))
    study = results.study
    velocities = results.table("velocities", degree=1, order=study.order, scale=study.scale)
    means = velocities.groupby(["series", "layer", "step"])["value"].mean()
    assert {name for name, *_ in table.rows} == {"helpful", "harmless", "full"}
    steps = [int(name) for name in table.header[2:]]
    for series, layer, *values in table.rows:
        for step, words in zip(steps, values, strict=True):
            known = (series, int(layer), step) in means.index
            assert words == (three(means[series, int(layer), step]) if known else "–")


@pytest.mark.parametrize("per", ["transition", "step"])
def test_the_floor_of_velocity_is_that_of_the_cells_divided_like_the_velocity(results, per):
    data = data_of(results, "velocity", per=per)
    own = results.table("floors", degree=1, order=results.study.order, scale=results.study.scale)
    gaps = {1: 1, 2: 1, 4: 2} if per == "step" else {}  # between the steps of the series, the latest begun first
    for row in data.floor.itertuples():
        cells = own[(own["layer"] == row.layer) & (own["step"] == row.step)]["value"] / gaps.get(row.step, 1)
        assert (row.lo, row.hi) == (pytest.approx(cells.quantile(0.1)), pytest.approx(cells.quantile(0.9)))
    assert (data.floor["step"] > 0).all() or per == "transition"


def test_one_layer_alone_is_that_layer_of_all(results):
    whole, one = data_of(results, "velocity"), data_of(results, "velocity", layer=2, single=True)
    pd.testing.assert_frame_equal(one.curve, whole.curve[whole.curve["layer"] == 2])


def test_the_gaussian_figure_holds_null_floor_and_noise_of_its_layer(results):
    figure, data = FIGURES["gaussian"], data_of(results, "gaussian", layer=2)
    own = {"degree": 1, "order": results.study.order, "scale": results.study.scale, "layer": 2}
    drawn = plain(lambda: figure.chart(data, figure.look(results))).tables["table0"]
    null = results.table("gaussian_velocities", kind="covariance", **own).groupby(["series", "step"])["value"]
    floors = results.table("floors", **own).groupby("step")["value"]
    numerics = results.table("numerical_noise", **own)
    for number, name in data.panels.items():
        panel = drawn[drawn["layer"] == number]
        for kind, known in (("null", lambda step, name=name: null.get_group((name, step))),
                            ("floor", lambda step: floors.get_group(step))):  # fmt: skip
            band = panel[
                (panel["kind"] == kind) & panel["step"].isin(data.here.loc[data.here["series"] == name, "step"])
            ]
            assert len(band)
            for row in band.itertuples():
                values = known(row.step)
                assert (row.lo, row.hi) == (pytest.approx(values.quantile(0.1)), pytest.approx(values.quantile(0.9)))
        line = panel.loc[panel["kind"] == "numerics", "mean"]
        assert line.tolist() == [pytest.approx(against_null.numerical_floor(numerics)["largest"].max())]
    words = figure.numbers(data)
    for series, *values in words.rows:
        own_rows = data.every[(data.every["series"] == series) & (data.every["layer"] == 2)]
        for step, said in zip(words.header[1:], values, strict=True):
            row = own_rows[own_rows["step"] == int(step)]
            assert said == ("–" if row.empty else f"{three(row['mean'].item())} ({row['place'].item()})")


def test_distances_between_series_have_one_source(results):
    """The table, the figure of all pairs, that of two, and what stands where the table is not there yet."""
    table = results.table("separation", layer=2, scale="raw", series_a="helpful", series_b="harmless")
    rows = data_of(results, "separation", layer=2).rows
    pair = rows[(rows["series_a"] == "helpful") & (rows["series_b"] == "harmless")]
    two = data_of(results, "apart", layer=2, first="harmless", second="helpful").rows
    one = objectives.standardise(results.table("summaries"), 2)
    live = objectives.objective_distance(one, objectives.split_half_floor(one), "helpful", "harmless")
    for found in (pair["value"], two["value"], live["value"]):
        assert found.tolist() == pytest.approx(table["distance"].tolist())
    assert two["lo"].tolist() == pytest.approx(table["distance_floor"].tolist())
    assert two["hi"].tolist() == pytest.approx(table["distance_floor_hi"].tolist())
    energy = data_of(results, "separation", layer=2, distance=separation.ENERGY).rows
    own = energy[(energy["series_a"] == "helpful") & (energy["series_b"] == "harmless")]
    assert own["value"].tolist() == pytest.approx(table["energy"].dropna().tolist())


def test_until_the_distances_are_published_they_are_those_of_the_summaries(results, monkeypatch):
    wanted = data_of(results, "separation", layer=2).rows
    read = Results.table
    monkeypatch.setattr(
        Results, "table",
        lambda self, name, /, **where: read(self, name, **where).head(0 if name == "separation" else None),
    )  # fmt: skip
    found = data_of(results, "separation", layer=2).rows
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


def test_paired_distances_are_those_of_the_table(results):
    rows = data_of(results, "separation", layer=2, distance=separation.PAIRED).rows
    own = {"layer": 2, "degree": 1, "order": results.study.order, "scale": "raw"}
    table = results.table("distances", **own)
    table = table[table["step_a"] == table["step_b"]]
    for row in rows.itertuples():
        pair = {row.series_a, row.series_b}
        known = table[(table["step_a"] == row.step) & table["series_a"].isin(pair) & table["series_b"].isin(pair)]
        assert row.value == pytest.approx(known["value"].item())


def test_the_concentrations_are_those_of_the_table_and_p_is_corrected_as_chosen(results):
    for words, column in (("max-statistic over layers", "p_max"), ("none", "p")):
        rows = data_of(results, "concentration", correction=words).rows
        own = {
            "degree": 1,
            "scale": "raw",
            "by": "index",
            "per": "transition",
            "null": "studentised",
            "with_base": True,
        }
        table = results.table("concentration", **own).set_index(["series", "layer"])
        for row in rows.itertuples():
            known = table.loc[(row.series, row.layer)]
            assert row.concentration == known["concentration"]
            assert row.p == pytest.approx(known[column], nan_ok=True)


def test_loops_are_counted_and_the_longest_is_the_one_that_lives_longest(results):
    data = data_of(results, "barcode", layer=1)
    found = barcode.loops(data.bars).set_index(["series", "step"])
    for series, step in found.index:
        bars = results.bars(series, step, 1)
        own = bars[(bars["subsample"] == 0) & (bars["degree"] == 1)]
        assert found.loc[(series, step), "loops"] == len(own)
        assert found.loc[(series, step), "longest"] == pytest.approx(max([0.0, *(own["death"] - own["birth"])]))
    words = PRINTED["barcode"].numbers(data)
    for series, *values in words.rows:
        for step, said in zip(map(int, words.header[1:]), values, strict=True):
            if (series, step) in found.index:
                cell = found.loc[(series, step)]
                assert said == f"{cell['loops']:.0f} ({three(cell['longest'])})"


def test_all_barcodes_stand_on_axes_that_hold_all_of_them(results):
    figure, data = FIGURES["barcode"], data_of(results, "barcode", layer=1)
    longest = max(results.bars(name, step, 1).query("subsample == 0")["death"].max()
                  for name, steps in barcode.cells(data.bars).items() for step in steps)  # fmt: skip
    low, high = data.domain
    assert low == 0
    assert longest < high < 1.1 * longest
    for series, steps in figure.cells(data).items():
        for step in steps:
            spec = plain(lambda: figure.chart(figure.at(data, series, step), figure.look(results))).spec  # noqa: B023
            assert f"[0.0, {high}]" in str(spec)


@given(st.sets(st.integers(0, 10**6), min_size=1), st.integers(2, 50))
def test_of_very_many_steps_some_are_drawn_from_the_first_to_the_last(steps, most):
    steps = sorted(steps)
    some = barcode.spread(steps, most)
    assert len(some) == len(set(some)) == min(len(steps), most)
    assert set(some) <= set(steps)
    assert (some[0], some[-1]) == (steps[0], steps[-1])
    gaps = [steps.index(b) - steps.index(a) for a, b in pairwise(some)]
    assert max(gaps, default=0) - min(gaps, default=0) <= 1


def test_few_barcodes_say_that_a_step_shows_an_earlier_one(results, monkeypatch):
    monkeypatch.setattr(barcode, "MOST", 6)
    data = data_of(results, "barcode")
    assert barcode.cells(data.bars) == {"helpful": [0, 4], "harmless": [0, 2], "full": [0, 2]}
    assert "shows that of the last step before it" in FIGURES["barcode"].caption(data)
    one = data_of(results, "barcode", series="helpful", step=2)
    assert barcode.cells(one.bars) == {"helpful": [2]}
    assert "last step before" not in FIGURES["barcode"].caption(one)


def test_at_scale_median_bars_are_divided_by_their_clouds_unit(results):
    raw, scaled = (data_of(results, "barcode", series="helpful", step=2, scale=one).bars for one in ("raw", "median"))
    unit = results.table("cells", series="helpful", step=2, layer=1)["median_distance"].item()
    assert scaled["death"].to_numpy() * unit == pytest.approx(raw["death"].to_numpy())


@pytest.mark.parametrize("layout", ["mean landscapes", "all distances", "two features"])
def test_every_layout_of_the_paths_has_a_place_for_each_usable_cell(compared, layout):
    results = Results.open("tiny", compared)
    data = data_of(results, "paths", layer=2, layout=layout)
    cells = {(one.name, node.step) for one in results.record.series for node in results.record.path_of(one.name)}
    assert set(zip(data.points["series"], data.points["step"], strict=True)) == cells
    assert (data.floor is None) == (layout == "two features")


def test_two_features_are_their_means(results):
    data = data_of(results, "paths", layer=2, layout="two features", across="h0_count", up="h1_count", scale="median")
    means = results.table("summaries", layer=2).groupby(["series", "step"])[["h0_count", "h1_count"]].mean()
    for row in data.points.itertuples():
        assert (row.x, row.y) == tuple(means.loc[(row.series, row.step)])


def test_the_effects_shown_are_of_the_pair_that_ends_farthest_apart(results):
    data = data_of(results, "effects", layer=2)
    table = results.table("effects", layer=2, scale="raw")
    last = table[table["step"] == table["step"].max()]
    means = last.assign(g=last["g"].abs()).groupby(["series_a", "series_b"])["g"].mean()
    assert (data.first, data.second) == means.idxmax()
    first = PRINTED["effects"].numbers(data).rows
    sizes = [abs(float(row[1])) for row in first]
    assert sizes == sorted(sizes, reverse=True)


def test_bars_beside_those_of_gaussian_clouds_are_counted(results):
    data = data_of(results, "loops")
    shared = (data.counts["step"] == 0) & data.counts.duplicated(["step", "layer", "bars", "covariance"])
    once = data.counts[~shared]
    above = int((once["bars"] > once["covariance_hi"]).sum())
    below = int((once["bars"] < once["covariance_lo"]).sum())
    most = max(above, below)
    assert FIGURES["loops"].sentence(data).startswith(f"{most:,} of {len(once):,} cells have ")
