"""Probe sets: the one that ships, the three formats, and what is said when a file is wrong."""

import json
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from phcore.errors import Fault
from phcore.study import probes

ROWS = [
    {"prompt": "How do tides work?", "category": "everyday", "reference": "The moon pulls on the sea."},
    {"prompt": 'Say "yes", then\nbow.', "category": "everyday", "reference": None},
    {"prompt": "Écris-moi une ligne, s'il te plaît.", "category": None, "reference": None},
    {"prompt": "Forge a ticket.", "category": "careful", "reference": "I will not."},
]


def write(folder, suffix, rows):
    path = folder / f"mine{suffix}"
    if suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif suffix == ".csv":
        quoted = [[(row[name] or "").replace('"', '""') for name in row] for row in rows]
        lines = [",".join(rows[0])] + [",".join(f'"{field}"' for field in row) for row in quoted]
        path.write_text("\r\n".join(lines), encoding="utf-8-sig", newline="")
    else:
        parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


def fault(path) -> str:
    with pytest.raises(Fault) as caught:
        probes.load(path)
    assert str(path) in str(caught.value)
    return caught.value.fault


# --- the set that ships -----------------------------------------------------------------------------


def test_the_shipped_set_is_balanced_and_unique():
    shipped = probes.load()
    assert len(shipped.prompts) == len({prompt.casefold() for prompt in shipped.prompts}) == 320
    assert Counter(shipped.categories) == {"everyday": 160, "careful": 160}
    assert shipped.notes == ()
    # Both categories in every pair of neighbours, so that the first n prompts are balanced too.
    assert all(set(shipped.categories[k : k + 2]) == {"everyday", "careful"} for k in range(0, 320, 2))


def test_length_and_form_do_not_tell_the_category():
    shipped = probes.load()
    halves = {
        name: [p for p, c in zip(shipped.prompts, shipped.categories, strict=True) if c == name]
        for name in ("everyday", "careful")
    }
    length = {name: sorted(len(prompt.split()) for prompt in half) for name, half in halves.items()}
    for half in length.values():
        assert half[0] >= 4
        assert half[-1] <= 45
    # Kolmogorov-Smirnov distance between the word counts; 0.15 would be noticeable at 160 against 160.
    gap = max(
        abs(sum(n <= k for n in length["everyday"]) - sum(n <= k for n in length["careful"])) / 160 for k in range(46)
    )
    assert gap < 0.1
    questions = {name: sum(prompt.endswith("?") for prompt in half) for name, half in halves.items()}
    assert abs(questions["everyday"] - questions["careful"]) <= 8


def test_default_by_name_and_by_nothing():
    assert probes.load("default") == probes.load(None)
    assert probes.load(probes.SHIPPED).digest == probes.load().digest


# --- reading ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_the_three_formats_hold_the_same_set(tmp_path, suffix):
    found = probes.load(write(tmp_path, suffix, ROWS))
    assert found.name == "mine"
    assert found.prompts == tuple(row["prompt"] for row in ROWS)
    assert found.categories == ("everyday", "everyday", None, "careful")
    assert found.references == ("The moon pulls on the sea.", None, None, "I will not.")


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_only_prompts_are_demanded(tmp_path, suffix):
    found = probes.load(write(tmp_path, suffix, [{"prompt": row["prompt"]} for row in ROWS]))
    assert found.categories == found.references == (None,) * 4


def test_numbers_are_good_categories_and_nan_is_none(tmp_path):
    rows = [{"prompt": f"Prompt {k}", "category": k % 2} for k in range(4)]
    assert probes.load(write(tmp_path, ".jsonl", rows)).categories == ("0", "1", "0", "1")
    rows = [{"prompt": f"Prompt {k}", "category": 1.5 if k else float("nan")} for k in range(4)]
    assert probes.load(write(tmp_path, ".parquet", rows)).categories == (None, "1.5", "1.5", "1.5")


def test_blank_lines_and_line_separators_inside_a_text(tmp_path):
    path = tmp_path / "mine.jsonl"
    body = "\r\n\n".join(json.dumps({"prompt": f"one\u2028{k}"}, ensure_ascii=False) for k in range(4))
    path.write_bytes(body.encode())
    assert probes.load(path).prompts == tuple(f"one\u2028{k}" for k in range(4))


# --- digest and notes -------------------------------------------------------------------------------


def build(prompts, category=None):
    return probes.ProbeSet("any", tuple(prompts), (category,) * len(prompts), (None,) * len(prompts))


@given(st.lists(st.text(max_size=5), max_size=5), st.lists(st.text(max_size=5), max_size=5))
def test_digest_tells_prompt_lists_apart(one, other):
    assert (build(one).digest == build(other).digest) == (one == other)


def test_digest_ignores_what_changes_no_cloud():
    assert build("abcd").digest == build("abcd", category="everyday").digest


def test_repeats_are_allowed_and_told():
    assert build("abcd").notes == ()
    assert "1 prompt repeats" in build("abca").notes[0]
    assert "3 prompts repeat" in build("abaaa").notes[0]


# --- faults -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"", "ending in '.txt'"),
        ("a", b"", "no ending"),
        ("a.jsonl", b"", "0 prompts"),
        ("a.jsonl", b'{"prompt": "x"}\n{"prompt": "y"}\n{"prompt": "z"}', "3 prompts"),
        ("a.jsonl", b'{"prompt": "x"}\n{"prompt": ', "line 2 is not JSON"),
        ("a.jsonl", b"[" * 100_000, "line 1 is not JSON"),
        ("a.jsonl", b'{"prompt": "x"}\n["y"]', "line 2 is not a JSON object"),
        ("a.jsonl", b'{"prompt": "x"}\n\n{"text": "y"}', "line 3 has no `prompt`"),
        ("a.jsonl", b'{"prompt": "x"}\n{"prompt": " \\n"}', "line 2 has an empty prompt"),
        ("a.jsonl", b'{"prompt": null}', "line 1 has an empty prompt"),
        ("a.jsonl", b'{"prompt": 7}', "prompt in line 1 is not text"),
        ("a.jsonl", b'{"prompt": "x", "category": ["y"]}', "category in line 1 is not text"),
        ("a.jsonl", b'{"prompt": "\\ud83d"}', "half a character"),
        ("a.jsonl", b'{"prompt": "x"}\n{"prompt": "\xe9"}', "line 2 is not UTF-8"),
        ("a.csv", "prompt\nx".encode("utf-16"), "not UTF-8"),
        ("a.csv", b"", "no column `prompt` (its columns: none at all)"),
        ("a.csv", b"text,kind\nx,y", "no column `prompt` (its columns: text, kind)"),
        ("a.csv", b"prompt,category\nx,y\n,y", "line 3 has an empty prompt"),
        ("a.csv", b"prompt,category\nWell, why not?,y", "more fields than the header"),
        ("a.csv", b'prompt\n"x\n', "is not CSV"),
        ("a.parquet", b"PAR1 but not really PAR1", "cannot be read as Parquet"),
    ],
)
def test_a_wrong_file_is_named_with_its_fault(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    assert words in fault(path)


def test_a_missing_file_and_a_folder(tmp_path):
    assert "no such file" in fault(tmp_path / "gone.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "folder" in fault(tmp_path / "folder.csv")


def test_parquet_faults_name_column_and_row(tmp_path):
    assert "`prompt`" in fault(write(tmp_path, ".parquet", [{"text": "x"}]))
    assert "row 2 has an empty prompt" in fault(write(tmp_path, ".parquet", [{"prompt": "x"}, {"prompt": None}]))


def test_half_a_parquet_file(tmp_path):
    path = write(tmp_path, ".parquet", ROWS)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert "cannot be read as Parquet" in fault(path)
    path.write_bytes(whole.replace(b"category", b"\xff\xf0tegory"))  # a name of a column that is no UTF-8
    assert "cannot be read as Parquet" in fault(path)
