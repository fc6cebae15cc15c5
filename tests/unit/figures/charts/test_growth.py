import numpy as np
import pandas as pd
import pytest

from phcore.figures.charts.growth import (
    MIXED,
    brackets,
    dendrogram_chart,
    dendrogram_tables,
    distance_rule,
    held_branch,
)
from phcore.figures.charts.plane import NOTHING
from phcore.figures.charts.standing import with_tables
from phcore.topology import generators
from phcore.topology.clouds import distance_matrix
from tests.unit.figures.charts.test_moving import taken_apart

DOMAIN = (0.0, 4.0)


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 13)[:-1]
    return np.vstack([np.column_stack([np.cos(turn), np.sin(turn)]), [[3.0, 0.0], [3.2, 0.1], [3.1, -0.2]]])


@pytest.fixture(scope="module")
def prompts() -> pd.DataFrame:
    return pd.DataFrame({"prompt": range(15), "text": ["t"] * 15, "category": ["ring"] * 12 + ["cluster"] * 3})


def tree(points) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Brackets, order and linkage."""
    edges, lengths = generators.spanning_tree(distance_matrix(points))
    linkage = generators.linkage(edges, lengths)
    order, places = generators.dendrogram(linkage)
    return brackets(lengths, places), order, linkage


def tree_tables(points, prompts):
    return dendrogram_tables(*tree(points), prompts, [f"H0--1-{k}" for k in range(len(points) - 1)], DOMAIN)


# --- the tree ---------------------------------------------------------------------------------------


def test_every_merge_is_a_bracket_in_the_colour_of_its_prompts(points, prompts):
    branches = tree_tables(points, prompts)["branches"].set_index("category")["path"]
    assert branches["ring"].count("M") == 11
    assert branches["cluster"].count("M") == 2
    assert branches[MIXED].count("M") == 1  # the last merge joins the two


def test_merges_lie_at_their_heights_and_carry_the_names_of_their_bars(points, prompts):
    merges = tree_tables(points, prompts)["merges"]
    _, lengths = generators.spanning_tree(distance_matrix(points))
    np.testing.assert_array_equal(merges["distance"], lengths)
    assert merges["bar"].tolist() == [f"H0--1-{k}" for k in range(14)]


def test_merges_of_equal_points_answer_no_click(prompts):
    points = np.vstack([np.eye(3), np.eye(3)[:1]])
    tables = dendrogram_tables(*tree(points), prompts.head(4), ["", "a", "b"], DOMAIN)
    assert tables["merges"]["bar"].tolist() == ["a", "b"]
    assert len(tables["leaves"]) == 4


def test_the_selected_bar_changes_tables_only(points, prompts, render):
    corners, *_ = tree(points)
    plain, held = held_branch(corners, None, DOMAIN), held_branch(corners, 13, DOMAIN)
    assert plain["held"].tolist() == [NOTHING]
    assert held["held"].iloc[0].count("L") == 3

    def chart(branch, at):
        parts = tree_tables(points, prompts)
        return dendrogram_chart(parts, branch, distance_rule(at), categories=["ring", "cluster"], domain=DOMAIN)

    spec, standing = taken_apart(chart(plain, 1.0))
    wanted_spec, wanted = taken_apart(chart(held, 2.0))
    assert spec == wanted_spec
    for name, table in with_tables(standing, [distance_rule(2.0), held]).items():
        pd.testing.assert_frame_equal(table, wanted[name])
    assert "Which prompts merge with which?" in render(chart(held, 1.0))
