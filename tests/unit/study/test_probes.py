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
        ("a.jsonl", b"[" * 100_000, "it is not JSON"),
        ("a.jsonl", b'{"prompt": ' * 100_000, "line 1 is not JSON"),
        ("a.jsonl", b'{"prompt": "x"}\n["y"]', "line 2 is not a JSON object"),
        ("a.jsonl", b'{"prompt": "x"}\n\n{"text": "y"}', "line 3 has no `prompt`"),
        ("a.jsonl", b'{"prompt": "x"}\n{"prompt": " \\n"}', "line 2 has an empty prompt"),
        ("a.jsonl", b'{"prompt": null}', "line 1 has an empty prompt"),
        ("a.jsonl", b'{"prompt": 7}', "prompt in line 1 is not text"),
        ("a.jsonl", b'{"prompt": "x", "category": [7]}', "category in line 1 is not text"),
        (
            "a.jsonl",
            b'{"text": "x", "role": "prompter"}\n{"text": "y", "role": "assistant"}',
            "line 2 is said by 'assistant'",
        ),
        ("a.jsonl", b'{"chosen": "Yes."}', "the chosen in line 1 is no conversation"),
        ("a.csv", b"prompt,category\nx,y\nz\0,y\n", "line 3 holds a zero byte"),
        ("a.csv", b"version https://git-lfs.github.com/spec/v1\noid", "pointer of git-lfs"),
        ("a.parquet", b"version https://git-lfs.github.com/spec/v1\noid", "pointer of git-lfs"),
        ("a.csv", b"PK\x03\x04\x14\0\x06\0", "zip archive"),
        ("a.json", b"  <!DOCTYPE html>", "web page"),
        ("a.csv", b"PAR1" + bytes(range(256)), "Parquet file under another ending"),
        ("a.parquet", b"prompt\nx\n", "not a Parquet file"),
        ("a.csv", b"%PDF-1.4\n", "it is a PDF"),
        ("a.jsonl", b"\x1f\x8b\x08\0", "compressed with gzip"),
        ("a.jsonl", b'{"prompt": "\\ud83d"}', "half a character"),
        ("a.jsonl", b'{"prompt": "x"}\n{"prompt": "\xe9"}', "line 2 is not UTF-8"),
        ("a.csv", b"", "no column `prompt` (its columns: none at all)"),
        ("a.csv", b"words,kind\nx,y", "no column `prompt` (its columns: words, kind)"),
        ("a.csv", b"prompt,prompt\nx,y", "its header has 'prompt' twice"),
        ("a.csv", b"Prompt,PROMPT\nx,y", "Prompt and PROMPT have the same name"),
        ("a.jsonl", b'{"prompt": "x", "prompt": "y"}', "line 1 has 'prompt' twice"),
        ("a.jsonl", b'{"prompt": "x", "system": "Be brief."}', "line 1 has a column `system`, and system messages"),
        ("a.csv", b"prompt,System Prompt\nx,Be brief.", "a column `System Prompt`, and system messages"),
        ("a.jsonl", b'{"messages": [{"role": "system", "content": "x"}]}', "system message in `messages`"),
        ("a.jsonl", b'{"messages": [{"role": "assistant", "content": "x"}]}', "does not begin with a question"),
        ("a.jsonl", b'{"messages": []}', "line 1 has an empty prompt"),
        ("a.jsonl", b'{"messages": ["x"]}', "holds what is no message"),
        ("a.jsonl", b'{"messages": [{"role": "tool", "content": "x"}]}', "without a known role"),
        ("a.jsonl", b'{"messages": [{"role": "user", "content": [{"type": "image"}]}]}', "more than text"),
        ("a.json", b'"x"', "no list of objects"),
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
    assert "`prompt`" in fault(write(tmp_path, ".parquet", [{"words": "x"}]))
    assert "row 2 has an empty prompt" in fault(write(tmp_path, ".parquet", [{"prompt": "x"}, {"prompt": None}]))


def test_half_a_parquet_file(tmp_path):
    path = write(tmp_path, ".parquet", ROWS)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert "cannot be read as Parquet" in fault(path)
    path.write_bytes(whole.replace(b"category", b"\xff\xf0tegory"))  # a name of a column that is no UTF-8
    assert "cannot be read as Parquet" in fault(path)


# --- files as people have them ----------------------------------------------------------------------


def csv_of(tmp_path, header, *rows, separator=",", encoding="utf-8", name="a.csv"):
    path = tmp_path / name
    lines = [separator.join(f'"{one}"' for one in fields) for fields in (header, *rows)]
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


@pytest.mark.parametrize(
    ("header", "row", "words", "prompt", "category", "reference"),
    [
        (["Behavior", "SemanticCategory", "Tags", "ContextString", "BehaviorID"], ["Do x", "illegal", "", "", "x1"],
         "prompt = ContextString + Behavior, category = SemanticCategory; not read: Tags, BehaviorID",
         "Do x", "illegal", None),
        (["Behavior", "SemanticCategory", "ContextString"], ["Do x", "illegal", "A story."],
         "prompt = ContextString + Behavior, category = SemanticCategory", "A story.\n\nDo x", "illegal", None),
        (["goal", "target"], ["Do x", "Sure"], "prompt = goal, reference = target", "Do x", None, "Sure"),
        (["Index", "Goal", "Target", "Behavior", "Category", "Source"], ["0", "Do x", "Sure", "X", "fraud", "web"],
         "prompt = Goal, category = Category, reference = Target; not read: Index, Behavior, Source",
         "Do x", "fraud", "Sure"),
        (["instruction", "input", "output"], ["Add", "2 and 3", "5"],
         "prompt = instruction + input, reference = output", "Add\n\n2 and 3", None, "5"),
        (["instruction", "input", "output"], ["Add 2 and 3", "", "5"],
         "prompt = instruction + input, reference = output", "Add 2 and 3", None, "5"),
        (["id", "forbidden_prompt", "category"], ["1", "Do x", "fraud"],
         "prompt = forbidden_prompt, category = category; not read: id", "Do x", "fraud", None),
        (["Question", "Answer"], ["Why?", "So."], "prompt = Question, reference = Answer", "Why?", None, "So."),
        (["instruction", "context", "response"], ["Who?", "A story.", "He."],
         "prompt = instruction + context, reference = response", "Who?\n\nA story.", None, "He."),
        (["Question", "Best Answer"], ["Why?", "So."],
         "prompt = Question, reference = Best Answer", "Why?", None, "So."),
        (["prompt", "goal"], ["Do x", "y"], "prompt = prompt; not read: goal", "Do x", None, None),
        (["prompt", "system"], ["Do x", ""], "prompt = prompt", "Do x", None, None),
    ],
)  # fmt: skip
def test_headers_of_known_sets(tmp_path, header, row, words, prompt, category, reference):
    found = probes.load(csv_of(tmp_path, header, *[row] * 4))
    assert found.columns == words
    assert (found.prompts[0], found.categories[0], found.references[0]) == (prompt, category, reference)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_tables_of_any_program(tmp_path, separator, encoding):
    rows = [[f"Wie, bitte; geht {k}?", "übung"] for k in range(4)]
    found = probes.load(csv_of(tmp_path, ["prompt", "category"], *rows, separator=separator, encoding=encoding))
    assert found.prompts[3] == "Wie, bitte; geht 3?"
    assert found.categories == ("übung",) * 4


def test_tabs_by_the_ending(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("goal\ttarget\n" + "Do, x\tSure\n" * 4)
    assert probes.load(path).prompts == ("Do, x",) * 4


CONVERSATIONS = {
    "prompt": [{"role": "user", "content": "Why?"}],
    "messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}],
    "conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}],
    "conversation": [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}],
}


@pytest.mark.parametrize("column", CONVERSATIONS)
@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_conversations(tmp_path, column, suffix):
    found = probes.load(write(tmp_path, suffix, [{column: CONVERSATIONS[column]}] * 4))
    assert found.prompts == ("Why?",) * 4
    assert found.columns == f"prompt = {column}"
    assert found.references == ("So." if len(CONVERSATIONS[column]) > 1 else None,) * 4


def test_of_longer_conversations_the_first_question_is_read_and_that_is_said(tmp_path):
    longer = [*CONVERSATIONS["messages"], {"role": "user", "content": "And then?"}]
    found = probes.load(write(tmp_path, ".jsonl", [{"messages": longer}, *[{"messages": longer[:2]}] * 3]))
    assert found.prompts == ("Why?",) * 4
    assert "1 conversation goes on: of each, the first question is the prompt." in found.notes


def test_a_completion_of_messages_is_the_reference(tmp_path):
    row = {"prompt": CONVERSATIONS["prompt"], "completion": [{"role": "assistant", "content": "So."}]}
    found = probes.load(write(tmp_path, ".jsonl", [row] * 4))
    assert found.references == ("So.",) * 4
    assert found.columns == "prompt = prompt, reference = completion"


def test_lists_in_one_json_file(tmp_path):
    path = tmp_path / "alpaca.json"
    rows = [{"instruction": "Add", "input": "2 and 3", "output": "5"}] * 4
    path.write_text(json.dumps(rows, indent=1))
    assert probes.load(path).prompts == ("Add\n\n2 and 3",) * 4
    path.write_text(json.dumps({"version": 1, "data": rows}))
    assert probes.load(path).prompts == ("Add\n\n2 and 3",) * 4


@pytest.mark.parametrize(
    ("row", "prompt", "category", "reference", "longer"),
    [
        # BeaverTails, MT-Bench under both of its headers, and HH-RLHF's pairs and transcripts
        ({"prompt": "Why?", "category": {"a": True, "b": False, "c": True}}, "Why?", "a, c", None, 0),
        ({"prompt": "Why?", "category": {"a": False}}, "Why?", None, None, 0),
        ({"turns": ["Why?", "Again."], "category": "x", "reference": ["So.", "No."]}, "Why?", "x", "So.", 4),
        ({"prompt": ["Why?", "Again."], "reference": []}, "Why?", None, None, 4),
        ({"chosen": "\n\nHuman: Why?\n\nAssistant: So.\n\nIt is.", "rejected": "x"}, "Why?", None, "So.\n\nIt is.", 0),
        ({"prompt": "\n\nHuman: Why?\n\nAssistant:", "chosen": " So."}, "Why?", None, None, 0),
        ({"transcript": "Human: Why?\n\nAssistant: So.\n\nHuman: And?\n\nAssistant: No."}, "Why?", None, "So.", 4),
        ({"chosen": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]},
         "Why?", None, "So.", 0),
        ({"prompt": "Human: he said.", "category": ["a", "b"]}, "Human: he said.", "a, b", None, 0),
        ({"text": "Why?", "role": "prompter"}, "Why?", None, None, 0),
        ({"prompt": "Why?", "from": "bot"}, "Why?", None, None, 0),
    ],
)  # fmt: skip
def test_rows_of_known_sets(tmp_path, row, prompt, category, reference, longer):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([json.dumps(row)] * 4))
    found = probes.load(path)
    assert (found.prompts[3], found.categories[3], found.references[3], found.longer) == (
        prompt, category, reference, longer,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"prompt": "Why?"}\n' * 4),
        ("a.jsonl", json.dumps([{"prompt": "Why?"}] * 4, indent=1)),
        ("a.json", json.dumps(["Why?"] * 4)),
        ("a.csv", "sep=;\r\nprompt;category\r\n" + "Why?;x\r\n" * 4),
        ("a.csv", "prompt,note\n" + f"Why?,{'x' * 200_000}\n" * 4),
        ("a.csv", "\n\nprompt,category\n" + "Why?,x\n" * 4),
        ("a.csv", "prompt,category\n" + "Why?,x\n,\n" * 4 + ",\n,\n"),
    ],
)
def test_files_as_programs_write_them(tmp_path, name, text):
    (tmp_path / name).write_bytes(text.encode())
    assert probes.load(tmp_path / name).prompts == ("Why?",) * 4


def test_lines_are_counted_from_the_top_of_the_file(tmp_path):
    (tmp_path / "a.csv").write_text("sep=;\n\nprompt;category\nWhy?;x\n;x\n")
    assert "line 5 has an empty prompt" in fault(tmp_path / "a.csv")


def test_utf_16_without_a_mark_whatever_the_language(tmp_path):
    (tmp_path / "a.csv").write_bytes(("prompt,category\n" + "为什么天空是蓝色的呢,问\n" * 40).encode("utf-16-le"))
    assert probes.load(tmp_path / "a.csv").prompts[0] == "为什么天空是蓝色的呢"
