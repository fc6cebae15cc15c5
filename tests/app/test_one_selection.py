"""What is chosen on one page holds on the next."""

from tests.app.conftest import ROOT, run


def turn(app, page: str):
    """To another page, as by the navigation."""
    app.switch_page(str(ROOT / "pages" / f"{page}.py"))
    return run(app)


def test_layer_step_degree_and_scale_travel(start):
    app = start(ROOT / "cache", "trajectories", study="smollm2-135m-instruct")
    app.selectbox(key="t_layer").set_value(24)
    app.selectbox(key="t_degree").set_value("H0 components")
    app.selectbox(key="t_scale").set_value("median")
    app.select_slider(key="t_step").set_value(8)
    app = turn(run(app), "evidence")
    assert app.selectbox(key="e_layer").value == 24
    assert app.selectbox(key="e_degree").value == "H0 components"
    assert app.selectbox(key="e_scale").value == "median"
    app.selectbox(key="e_layer").set_value(12)
    app = turn(run(app), "barcodes")
    assert app.selectbox(key="b_layer").value == 12
    assert app.select_slider(key="b_step").value == 8
    app.select_slider(key="b_step").set_value(128)
    app = turn(run(app), "trajectories")
    assert (app.selectbox(key="t_layer").value, app.select_slider(key="t_step").value) == (12, 128)
    app.selectbox(key="t_layer").set_value(6)
    assert run(run(app)).selectbox(key="t_layer").value == 6  # what came along is taken once


def test_a_link_says_what_it_shows(start):
    app = start(ROOT / "cache", "evidence", study="smollm2-135m-instruct", e_layer=6)
    assert app.selectbox(key="e_layer").value == 6
    assert turn(app, "overview").selectbox(key="o_layer").value == 6


def test_what_another_study_does_not_have_is_left(start):
    app = start(ROOT / "cache", "trajectories", t_layer=24)
    app.selectbox(key="study").set_value("tiny-instruct")
    app = turn(run(app), "evidence")
    assert app.selectbox(key="e_layer").value in (2, 4)
    assert not app.error
