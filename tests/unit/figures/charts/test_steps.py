from itertools import pairwise

import altair as alt
import pytest

from phcore.figures.charts.steps import StepAxis, named_step, step_rule

STEPS = (0, 1, 2, 4, 8, 12, 16, 24, 32, 48, 64)


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("steps", [STEPS, (0, 100, 200, 10_000), (500, 1000), range(0, 100_000, 500)])
@pytest.mark.parametrize("width", [120, 200, 1000])
def test_labels_have_room_and_keep_both_ends(steps, width, log):
    axis = StepAxis(steps, log=log, width=width)
    ticks = axis.ticks()
    assert ticks[0] == min(steps)
    assert ticks[-1] == max(steps)
    assert set(ticks) <= set(steps)
    for a, b in pairwise(ticks):
        room = width * (axis.fraction(b) - axis.fraction(a))
        assert room > 3 * (len(f"{a:,}") + len(f"{b:,}"))


def test_all_steps_are_labelled_where_there_is_room():
    assert StepAxis(STEPS, width=1000).ticks() == list(STEPS)


def test_the_base_has_a_place_on_the_log_axis():
    axis = StepAxis(STEPS)
    places = [axis.fraction(step) for step in STEPS]
    assert places[0] == 0
    assert places[-1] == 1
    assert min(b - a for a, b in pairwise(places)) > 0.05
    assert axis.x().to_dict()["scale"]["type"] == "symlog"
    assert "type" not in StepAxis(STEPS, log=False).x().to_dict()["scale"]


def test_the_log_axis_starts_at_the_schedule_s_own_first_step():
    assert StepAxis((0, 500, 1000)).x().to_dict()["scale"]["constant"] == 500


@pytest.mark.parametrize("log", [True, False])
def test_between_is_half_way_on_the_axis(log):
    axis = StepAxis(STEPS, log=log)
    middle = axis.fraction(axis.between(4, 48))
    assert middle == pytest.approx((axis.fraction(4) + axis.fraction(48)) / 2)


def test_one_step_or_none_still_makes_an_axis():
    for steps in ((), (0,), (7,)):
        low, high = StepAxis(steps).domain
        assert low < high
        assert len(StepAxis(steps).ticks()) == 1


def test_the_selected_step_is_one_row_that_without_a_selection_shows_nothing(render):
    axis = StepAxis(STEPS)
    assert step_rule(8, axis)[1].data["words"].tolist() == ["step 8"]
    width = {"width": 200, "height": 100}
    drawn = [render(alt.layer(*step_rule(step, axis), **width)).count("mark-rule") for step in (8, None)]
    lines = [render(alt.layer(*step_rule(step, axis), **width)).count("<line") for step in (8, None)]
    assert drawn[0] == drawn[1]
    assert lines[0] == lines[1] + 1


def test_words_grow_inwards_at_the_ends():
    axis = StepAxis(STEPS)
    assert [named_step(step, axis)["align"] for step in (0, 8, 64)] == ["left", "center", "right"]
