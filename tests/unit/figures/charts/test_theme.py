from itertools import combinations

import pytest

from phcore.figures.charts.barcode import barcode_and_diagram
from phcore.figures.charts.theme import (
    BASE_COLOUR,
    DARK,
    OBJECTIVES,
    OTHER_OBJECTIVES,
    contrast,
    heading,
    objective_colours,
    objective_scale,
    on_dark,
    shades,
)


def test_known_objectives_keep_their_colours_in_every_subset():
    names = ["base", "helpful", "harmless", "mixed", "poetry", "safety"]
    for size in (1, 2, 3, 6):
        for subset in combinations(names, size):
            colours = objective_colours(subset)
            assert colours.items() >= {n: c for n, c in OBJECTIVES.items() if n in subset}.items()
    assert objective_colours(["base"]) == {"base": BASE_COLOUR}


def test_new_names_keep_their_colours_when_the_study_is_given():
    study = ["helpful", "poetry", "safety", "code", "maths", "chess"]
    whole = objective_colours(study)
    assert len(set(whole.values())) == len(study)
    for name in study:
        assert objective_scale([name], study).to_dict() == {"domain": [name], "range": [whole[name]]}


def test_a_new_name_alone_has_its_preferred_colour():
    for name in ("poetry", "safety", "code"):
        assert objective_colours([name]) == objective_colours([name, "helpful", "base"][:1])
        assert objective_colours([name])[name] == objective_colours([name, "mixed"])[name]
        assert objective_colours([name])[name] in OTHER_OBJECTIVES[:3]


def test_more_names_than_colours_is_no_error():
    colours = objective_colours([f"run {i}" for i in range(30)])
    assert len(colours) == 30
    assert set(colours.values()) == set(OTHER_OBJECTIVES)


def test_order_of_the_legend_does_not_follow_the_table():
    assert (
        objective_scale(["mixed", "zeta", "helpful"])["domain"]
        == objective_scale(["zeta", "helpful", "mixed"])["domain"]
    )


def test_headings_wrap_to_the_width_of_their_chart():
    title = heading("How far?", "word " * 60, 500).to_dict()
    assert len(title["subtitle"]) > 3
    assert max(map(len, title["subtitle"])) <= 500 / 6.6
    assert not isinstance(heading("", None, 500), dict)


def test_inks_follow_the_background(bars, render):
    chart = barcode_and_diagram(bars.head(40), domain=(0, 30))
    light, dark = render(chart), render(chart, dark=True)
    for ink, paper, other in (("#2f3440", light, dark), ("#e3e7ee", dark, light)):
        assert ink in paper
        assert ink not in other


def test_objectives_can_be_read_on_the_dark_background():
    """Lighter where they have to be; the others, and all on white, stay as they are."""
    known = {*OBJECTIVES.values(), *OTHER_OBJECTIVES, *shades("#0072B2", 5)}
    assert all(contrast(on_dark(colour), DARK) >= 4.5 for colour in known)
    assert on_dark("#0072B2") != "#0072B2"
    assert on_dark(OBJECTIVES["mixed"]) == OBJECTIVES["mixed"]
    assert on_dark("#000000") > "#6f6f6f"
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
