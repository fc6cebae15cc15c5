"""The study file: a round trip, defaults, and errors that say what is allowed."""

from pathlib import Path

import pytest

from phcore import Fault, Series, Study
from phcore.study import PRESETS


def study(**changes):
    values = {"name": "s", "model": "/models/base", "series": (Series("helpful", "/runs/helpful"),)}
    return Study(**values | changes)


def test_round_trip(tmp_path):
    asked = study(layers=(6, 3), order=float("inf"), subsamples=0, series=(Series("a", "/r/a", "helpful", 3, False),))
    assert Study.read(asked.write(tmp_path / "study.toml")) == asked
    assert asked.layers == (3, 6)


def test_relative_paths_are_relative_to_the_file(tmp_path):
    (tmp_path / "s.toml").write_text('model = "base"\nprobes = "p.jsonl"\n[[series]]\npath = "runs/helpful"\n')
    asked = Study.read(tmp_path / "s.toml")
    assert asked.name == "s"
    assert asked.model == tmp_path / "base"
    assert asked.probes == str(tmp_path / "p.jsonl")
    assert asked.series[0].path == tmp_path / "runs" / "helpful"
    assert (asked.series[0].name, asked.series[0].objective) == ("helpful", "helpful")


def test_defaults_are_those_of_the_method():
    asked = study()
    assert (asked.subsamples, asked.subsample_size, asked.scale, asked.metric) == (64, 0, "raw", "euclidean")
    assert (asked.order, asked.norm, asked.engine, asked.dtype, asked.chat) == (2, 2, "redzed", "float32", True)
    assert asked.orders == (1.0, 2.0)
    assert study(order=float("inf")).orders == (1.0, 2.0, float("inf"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scale": "big"}, "raw, median"),
        ({"metric": "manhattan"}, "euclidean, cosine"),
        ({"order": 3}, "1.0, 2.0, inf"),
        ({"subsamples": -1}, "whole number"),
        ({"subsample_size": 3}, "4 or more"),
        ({"layers": (-1,)}, "layers"),
        ({"name": "../escape"}, "letters, digits"),
        ({"name": ""}, "letters, digits"),
        ({"series": (Series("a", "x"), Series("a", "y"))}, "two series"),
        ({"series": (Series("base", "x"),)}, "base model"),
        ({"dtype": "int16"}, "float32"),
        ({"pooling": "max"}, "last, mean, answer"),
        ({"tokens": (0, -1)}, "whole numbers of 0 or more"),
        ({"tokens": (True,)}, "whole numbers of 0 or more"),
        ({"tokens": tuple(range(33))}, "tokens names 33 prompts"),
        ({"answer_tokens": 0}, "at least one token"),
        ({"answer_tokens": 129}, "from 0 to 128"),
    ],
)
def test_a_wrong_value_says_what_is_allowed(changes, words):
    with pytest.raises(Fault, match=words):
        study(**changes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model = ", "not a TOML"),
        ('name = "x"', "base model is not named"),
        ('model = "m"\ncolour = 3', "unknown key 'colour'"),
        ('model = "m"\n[[series]]\nname = "a"', "series 1 has no path"),
        ('model = "m"\n[[series]]\npath = "a"\nstepz = 3', "unknown key 'stepz'"),
        ('model = "m"\norder = "two"', "wrong type"),
        ('model = "m"\nprobes = "a\\u0000b"', "can be no path"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, text, words):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(Fault, match=words) as caught:
        Study.read(path)
    assert "wrong.toml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Fault, match="no such study file"):
        Study.read(tmp_path / "none.toml")


def test_only_included_series_count():
    asked = study(series=(Series("a", "x"), Series("b", "y", include=False)))
    assert [one.name for one in asked.included] == ["a"]


def test_a_preset_is_a_study_and_names_what_can_change_a_number():
    for preset in PRESETS.values():
        Study(name="s", model="m", **preset)
        assert preset.keys() == PRESETS["paper"].keys()
    assert (PRESETS["default"]["order"], PRESETS["paper"]["order"]) == (2.0, 1.0)
    assert Study(name="s", model="m", **PRESETS["default"]) == Study(name="s", model="m")
    written = (Path(__file__).parents[3] / "docs" / "method.md").read_text()
    table = written[written.index("## The paper's choices") :]
    assert all(f"`{name}`" in table for name in PRESETS["paper"])  # each is said to be known, or ours
