import json
import os
import re
from pathlib import Path

import pytest

from phcore.errors import Fault
from phcore.formatting import (
    at_home,
    count,
    encodable,
    enumerated,
    part,
    percent,
    real_path,
    sampling_words,
    seen,
    three,
    unit_words,
    visible,
    wasserstein_words,
)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (0.012345, "0.0123"),
        (0.15, "0.150"),
        (12.345, "12.3"),
        (-12.345, "-12.3"),
        (999.6, "1,000"),
        (1234.5, "1,230"),
        (0.9996, "1.00"),
        (1e-7, "1.00e-07"),
        (2.5e8, "2.50e+08"),
        (0.0001, "0.000100"),
        (0.000099, "9.90e-05"),
        (999_499, "999,000"),
        (999_600, "1.00e+06"),
        (99.96, "100"),
        (float("-inf"), "–"),
        (float("inf"), "∞"),
        (float("nan"), "–"),
    ],
)
def test_three_significant_digits(value, words):
    assert three(value) == words


def test_counts_and_units():
    assert (count(1, "loop"), count(1200, "loop")) == ("1 loop", "1,200 loops")
    assert count(0, "loop") == "0 loops"
    assert sampling_words(1320, 1160) == "n = 1,320 prompts, m = 1,160 in a subsample"
    assert unit_words() == "distance"
    assert unit_words("median") == "distance / median distance"
    assert unit_words("raw", "cosine") == "cosine distance"


@pytest.mark.parametrize(
    ("number", "whole", "words"),
    [
        (67, 1207, "67 of 1,207 cells have"),
        (1, 4, "1 of 4 cells has"),
        (0, 4, "None of 4 cells has"),
        (4, 4, "All 4 cells have"),
        (1, 1, "The only cell has"),
        (0, 1, "None of 1 cell has"),
    ],
)
def test_a_part_of_them_in_words(number, whole, words):
    assert part(number, whole, "cell", "has", "have") == words


def test_names_one_after_the_other():
    said = [enumerated(list(names)) for names in ("", "a", "ab", "abc", "abcde")]
    assert said == ["", "a", "a and b", "a, b and c", "a, b, c, d and e"]


def test_shares_in_hundredths():
    assert (percent(0.544), percent(0.003, 1), percent(1)) == ("54 %", "0.3 %", "100 %")


def test_wasserstein_is_named_with_its_parameters():
    assert wasserstein_words(2, 2) == "W2, ground norm 2"
    assert wasserstein_words(1, float("inf")) == "W1, ground norm ∞"
    assert wasserstein_words(float("inf"), 2) == "bottleneck distance, ground norm 2"


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        ("a name, 1.5 – “so” ≥ 日本", "a name, 1.5 – “so” ≥ 日本"),
        ("\x1b[31mred", "␛[31mred"),
        ("\x9b31m", "⟨U+009B⟩31m"),
        ("a\u202eb\u2066c\u200ed", "a⟨U+202E⟩b⟨U+2066⟩c⟨U+200E⟩d"),
        ("one\ntwo\tthree", "one two three"),
        ("one\r\ntwo", "one two"),
        ("می\u200cخواهم 👩\u200d🔬", "می\u200cخواهم 👩\u200d🔬"),
        ("\udcff", "⟨U+DCFF⟩"),
        ("", ""),
    ],
)
def test_what_works_unseen_is_a_mark(words, plain):
    assert visible(words) == plain
    assert visible(plain) == plain
    assert visible("a\r\nb\tc", lines=True) == "a\nb\tc"


def test_separators_are_spaces_or_lines():
    for separator in "\u2028\u2029":
        assert visible(f"a{separator}b") == "a b"
        assert visible(f"a{separator}b", lines=True) == "a\nb"
    assert visible("a\x7fb") == "a⟨U+007F⟩b"
    assert (
        visible("a\u00a0b\ue000") == "a\u00a0b\ue000"
    )  # a space that does not break and letters of one's own do nothing


def test_templates_insert_words_as_visible_ones_and_all_else_as_it_is():
    class Markup(str):
        pass

    assert seen("a\u202eb\nc") == "a⟨U+202E⟩b\nc"
    assert seen(3) == 3
    assert seen(Markup("a\u202e")) == "a\u202e"


def test_a_fault_can_be_printed_whatever_it_quotes():
    """JSON may hold half of a character, and so may the name of a file; no encoding writes it."""
    half = json.loads('"torch.\\ud83d"')
    fault = Fault(f"there is no {half}", f"Choose another than {half}", Path(os.fsdecode(b"model\xff")))
    assert str(fault).encode().decode() == (
        "model⟨U+DCFF⟩: there is no torch.⟨U+D83D⟩. Choose another than torch.⟨U+D83D⟩."
    )
    assert (fault.fault + fault.hint).encode()
    assert encodable("Zürich 😀") == "Zürich 😀"


def test_links_in_a_circle_and_unknown_homes_are_paths_of_nothing(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for path in (real_path(tmp_path / "a"), real_path(tmp_path / "a" / "deeper"), at_home("~nobody-is-called-so/x")):
        assert not path.exists()
    assert at_home("~nobody-is-called-so/x") == Path("~nobody-is-called-so/x")
    assert at_home("~") == Path.home()
    (tmp_path / "c").symlink_to(tmp_path)
    assert real_path(tmp_path / "c" / "x") == tmp_path.resolve() / "x"


def test_shares_on_screen_are_said_by_percent():
    """With a space before the sign. Depths in links stay as they were, and a change has a sign of its own."""
    root = Path(__file__).resolve().parents[2]
    own = {"pages/compare.py", "pages/parts/next_words.py", "phcore/figures/prompt_maps.py"}
    files = [one for folder in ("pages", "phcore/figures") for one in (root / folder).rglob("*.py")]
    found = [str(one.relative_to(root)) for one in files if re.search(r":\+?\.\d%\}", one.read_text("utf-8"))]
    assert set(found) == own
