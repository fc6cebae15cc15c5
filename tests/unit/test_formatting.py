import pytest

from phcore.formatting import count, three, unit_words, visible, wasserstein_words


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
        (float("inf"), "∞"),
        (float("nan"), "–"),
    ],
)
def test_three_significant_digits(value, words):
    assert three(value) == words


def test_counts_and_units():
    assert (count(1, "loop"), count(1200, "loop")) == ("1 loop", "1,200 loops")
    assert unit_words() == "distance"
    assert unit_words("median") == "distance / median distance"
    assert unit_words("raw", "cosine") == "cosine distance"


def test_wasserstein_is_named_with_its_parameters():
    assert wasserstein_words(2, 2) == "W2, ground norm 2"
    assert wasserstein_words(1, float("inf")) == "W1, ground norm ∞"
    assert wasserstein_words(float("inf"), 2) == "bottleneck distance, ground norm 2"


@pytest.mark.parametrize(
    ("words", "seen"),
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
def test_what_works_unseen_is_a_mark(words, seen):
    assert visible(words) == seen
    assert visible(seen) == seen
    assert visible("a\r\nb\tc", lines=True) == "a\nb\tc"
