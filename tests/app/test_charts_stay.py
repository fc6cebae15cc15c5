"""A chart keeps its place among the elements of a page: a browser draws anew what stands in another one, which takes
several times as long as to give it other tables."""

import pytest

from tests.app.conftest import ROOT, run


def places(app) -> list[tuple[int, ...]]:
    """Of each chart which child of which child of the page it is."""
    found = []

    def look(block, path: tuple[int, ...]) -> None:
        for number, one in block.children.items():
            if getattr(one, "type", "") == "vega_lite_chart":
                found.append((*path, number))
            if hasattr(one, "children"):
                look(one, (*path, number))

    look(app._tree, ())
    return found


@pytest.mark.parametrize(
    ("page", "key", "value"),
    [
        ("trajectories", "objectives", ["harmless", "mixed"]),
        ("trajectories", "t_layer", 12),
        ("trajectories", "t_degree", "H0 components"),
        ("trajectories", "t_scale", "median"),
        ("trajectories", "t_step", 8),
        ("compare", "objectives", ["harmless", "mixed"]),
        ("compare", "p_depth", "20%"),
        ("overview", "o_layer", 12),
    ],
)
def test_what_is_chosen_moves_no_chart(start, page, key, value):
    app = start(ROOT / "cache", page, study="smollm2-135m-instruct")
    before = places(app)
    assert before
    app.session_state[key] = value
    assert places(run(app)) == before
