"""Files of conversations: the forms that are read, and what is said of those that cannot be."""

import json

import pyarrow as pa
import pytest

from phcore.errors import Fault
from phcore.training.conversations import read

ASK, ANSWER = ("user", "Why?"), ("assistant", "Because.")


def message(role, content):
    return {"role": role, "content": content}


def lines(path, *rows):
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in rows), encoding="utf-8")
    return path


def saved_to_disk(folder, rows, parts=2):
    """What `datasets` writes: Arrow streams, and state.json that names them."""
    folder.mkdir()
    names = [f"data-{k:05}-of-{parts:05}.arrow" for k in range(parts)]
    for k, name in enumerate(names):
        table = pa.Table.from_pylist(rows[k::parts])
        with pa.ipc.new_stream(str(folder / name), table.schema) as stream:
            stream.write_table(table)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    return folder


def test_every_form(tmp_path):
    both = [message(*ASK), message(*ANSWER)]
    file = lines(
        tmp_path / "a.jsonl",
        {"messages": both, "source": 3},
        "",
        {"chosen": both, "rejected": both},
        {"chosen": "\n\nHuman: Why?\n\nAssistant: Because.", "rejected": "\n\nHuman: Why?"},
        {"chosen": "\n\nHuman: Why?\n\nWhy at all?\n\nAssistant: \n\nHuman: Say.\n\nAssistant: No: Human: you."},
    )
    found = read(file)
    assert [one.messages for one in found[:3]] == [(ASK, ANSWER)] * 3
    assert found[3].messages == (
        ("user", "Why?\n\nWhy at all?"), ("assistant", ""), ("user", "Say."), ("assistant", "No: Human: you.")
    )  # fmt: skip
    assert [one.place for one in found] == ["line 1", "line 3", "line 4", "line 5"]
    assert [one.answered for one in found] == [True, True, True, False]


def test_a_folder_of_datasets(tmp_path):
    both = [message(*ASK), message(*ANSWER)]
    folder = saved_to_disk(tmp_path / "set", [{"n": k, "messages": both} for k in range(5)])
    found = read(folder)
    assert [one.place for one in found] == [f"row {k}" for k in range(1, 6)]
    assert {one.messages for one in found} == {(ASK, ANSWER)}
    text = saved_to_disk(tmp_path / "hh", [{"chosen": "\n\nHuman: Why?\n\nAssistant: Because."}], parts=1)
    assert read(text)[0].messages == (ASK, ANSWER)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("{", "line 2 is not JSON"),
        ("[" * 100_000, "line 2 is not JSON"),
        ("[]", "line 2 is not a JSON object"),
        ({"prompt": "Why?"}, "line 2 has neither `messages` nor `chosen`"),
        ({"messages": 3}, "line 2 holds no list of messages"),
        ({"messages": []}, "line 2 holds no answer"),
        ({"messages": [message(*ASK)]}, "line 2 holds no answer"),
        ({"messages": ["Why?"]}, "message 1 of line 2 is not an object"),
        ({"messages": [message(*ASK), message("bot", "Because.")]}, "message 2 of line 2 has the role 'bot'"),
        ({"messages": [message(*ASK), message("assistant", None)]}, "message 2 of line 2 has no text"),
        ({"chosen": "Why?"}, "line 2 does not begin with a turn"),
        ({"chosen": "Hm\n\nHuman: Why?\n\nAssistant: So."}, "line 2 does not begin with a turn"),
        ({"chosen": "\n\nHuman: Why?"}, "line 2 holds no answer"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(tmp_path, row, fault):
    file = lines(tmp_path / "a.jsonl", {"messages": [message(*ASK), message(*ANSWER)]}, row)
    with pytest.raises(Fault, match=fault) as raised:
        read(file)
    assert raised.value.path == file
    assert raised.value.hint


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(Fault, match="no such file"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(Fault, match="holds no conversations"):
        read(lines(tmp_path / "empty.jsonl", "", " "))
    (tmp_path / "latin.jsonl").write_bytes(b'{"messages": []}\n"\xe9"')
    with pytest.raises(Fault, match="line 1 holds no answer"):
        read(tmp_path / "latin.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b'"\xe9"')
    with pytest.raises(Fault, match="line 1 is not UTF-8"):
        read(tmp_path / "latin.jsonl")


def test_folders_that_cannot_be_read(tmp_path):
    with pytest.raises(Fault, match=r"state\.json is missing"):
        read(tmp_path)
    (tmp_path / "state.json").write_text('{"_data_files": [{"filename": "../a.arrow"}]}')
    with pytest.raises(Fault, match="names no Arrow files of this folder"):
        read(tmp_path)
    (tmp_path / "state.json").write_text('{"_data_files": [{"filename": "a.arrow"}]}')
    with pytest.raises(Fault, match="cannot be read"):
        read(tmp_path)
    (tmp_path / "a.arrow").write_bytes(b"nothing of the kind")
    with pytest.raises(Fault, match="no whole Arrow file"):
        read(tmp_path)
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    with pytest.raises(Fault, match="several splits") as raised:
        read(tmp_path)
    assert str(tmp_path / "train") in raised.value.hint


def test_an_arrow_file_that_asks_for_too_much(tmp_path, monkeypatch):
    """As one with a flipped bit in a length does."""

    def endless(*_):
        raise MemoryError

    (tmp_path / "state.json").write_text('{"_data_files": [{"filename": "a.arrow"}]}')
    (tmp_path / "a.arrow").write_bytes(b"a length")
    monkeypatch.setattr(pa.ipc, "open_stream", endless)
    with pytest.raises(Fault, match="more memory than there is"):
        read(tmp_path)


def test_an_arrow_file_that_leads_out_of_itself(tmp_path):
    folder = saved_to_disk(tmp_path / "set", [{"messages": [message(*ASK), message(*ANSWER)]}] * 3, parts=1)
    (file,) = folder.glob("*.arrow")
    whole = file.read_bytes()
    offsets = whole.index((0).to_bytes(4, "little") + (2).to_bytes(4, "little") + (4).to_bytes(4, "little"))
    file.write_bytes(whole[: offsets + 4] + (2**30).to_bytes(4, "little") + whole[offsets + 8 :])
    with pytest.raises(Fault, match="no whole Arrow file"):
        read(folder)


@pytest.mark.parametrize(
    "named", ["5", "[5]", '[{"filename": "../a"}]', '[{"filename": "\\ud83d"}]', '[{"filename": "\\u0000"}]']
)
def test_a_data_set_that_names_no_files(tmp_path, named):
    folder = saved_to_disk(tmp_path / "set", [{"messages": [message(*ASK), message(*ANSWER)]}])
    (folder / "state.json").write_text(f'{{"_data_files": {named}}}')
    with pytest.raises(Fault, match="Save the data set again") as raised:
        read(folder)
    str(raised.value).encode()
