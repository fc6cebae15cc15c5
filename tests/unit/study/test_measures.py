import json

import numpy as np
import pytest

from phcore.errors import Fault
from phcore.study import measures

KNOWN = {"helpful": [0, 1, 2], "harmless": [0, 4]}


def state(folder, log, **more):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trainer_state.json").write_text(json.dumps({"log_history": log, **more}))
    return folder


def rows(frame):
    return list(frame.itertuples(index=False, name=None))


# --- trainer_state.json -------------------------------------------------------------------------


def test_the_last_log_holds_all(tmp_path):
    first = state(tmp_path / "checkpoint-2", [{"step": 1, "loss": 9.0}])
    log = [
        {"step": 1, "loss": 2.5, "epoch": 0.1},
        {"step": 3, "loss": 2, "grad_norm": 0.5},
        {"step": 4, "eval_loss": 3},
    ]
    last = state(tmp_path / "checkpoint-10", log)
    found = measures.trainer_scalars([(10, last), (2, first)])
    assert rows(found) == [(4, "eval_loss", 3.0), (3, "grad_norm", 0.5), (1, "loss", 2.5), (3, "loss", 2.0)]
    assert found.dtypes["step"] == np.int64
    assert found.dtypes["value"] == np.float64


def test_entries_that_are_no_measures(tmp_path):
    log = [
        {"step": 1, "loss": float("nan"), "a": float("inf"), "b": "NaN", "c": "0.5", "d": True, "e": None, "f": [1]},
        {"loss": 1.0},
        {"step": "two", "loss": 1.0},
        {"step": 1.5, "loss": 1.0},
        {"step": -1, "loss": 1.0},
        {"step": True, "loss": 1.0},
        {"step": 10**18, "loss": 1.0},
        "not an entry",
        None,
        {"step": 5, "huge": 10**400, "": 1.0, "js": 0.25, "loss": 7},
        {"step": 5, "loss": 8},  # the run was resumed
    ]
    found = measures.trainer_scalars([(5, state(tmp_path / "c", log))])
    assert rows(found) == [(5, "logged js", 0.25), (5, "loss", 8.0)]


@pytest.mark.parametrize(
    "content",
    [b"", b'{"log_history": [', b"\xff\xfe\xfa", b"[" * 100_000, b"[]", b'{"log_history": {"step": 1}}', b"{}"],
)
def test_a_broken_log_gives_way_to_the_one_before(tmp_path, content):
    before = state(tmp_path / "1", [{"step": 1, "loss": 2.0}])
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "trainer_state.json").write_bytes(content)
    found = measures.trainer_scalars([(1, before), (2, tmp_path / "2"), (3, tmp_path / "gone")])
    assert rows(found) == [(1, "loss", 2.0)]


def test_no_log_at_all(tmp_path):
    for paths in ([], [(1, tmp_path)], [(1, state(tmp_path / "empty", []))]):
        found = measures.trainer_scalars(paths)
        assert list(found) == ["step", "name", "value"]
        assert found.empty


def test_a_huge_log_is_refused_unread(tmp_path):
    folder = tmp_path / "1"
    folder.mkdir()
    with (folder / "trainer_state.json").open("wb") as file:
        file.truncate(measures.LARGEST + 1)
    assert measures.trainer_scalars([(1, folder)]).empty


# --- a user's table -----------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table(tmp_path, encoding, end, delimiter):
    lines = ["value,Series ,note,step,name", '0.5,helpful,"a b",0,accuracy', "", "-1e-3,harmless,,4,  größe "]
    content = end.join(lines).replace(",", delimiter).encode(encoding)
    wanted = [("helpful", 0, "accuracy", 0.5), ("harmless", 4, "größe", -0.001)]
    assert rows(measures.read_csv(content, KNOWN)) == wanted
    (tmp_path / "own.csv").write_bytes(content)
    assert rows(measures.read_csv(tmp_path / "own.csv", KNOWN)) == wanted


def test_steps_between_checkpoints_and_as_tables_write_them():
    content = b"series,step,name,value\nhelpful,3,a,1\nhelpful,4.0,a,2\n"
    assert rows(measures.read_csv(content, KNOWN)) == [("helpful", 3, "a", 1.0), ("helpful", 4, "a", 2.0)]


HEAD = "series,step,name,value\n"


@pytest.mark.parametrize(
    ("content", "fault", "mend"),
    [
        ("", "it is empty", "header series,step,name,value"),
        ("\n \n", "it is empty", "header"),
        (HEAD, "no values", "helpful,64"),
        ("series,step,name\nhelpful,1,a\n", "no column `value`", "header"),
        ("series,step,name,value,value\n", "two columns `value`", "header"),
        (HEAD + "helpful,1,a,1\nhelfpul,1,a,1\n", "line 3 is about the series 'helfpul'", "helpful, harmless"),
        (HEAD + "helpful,1.5,a,1\n", "the step in line 2 is '1.5'", "whole number"),
        (HEAD + "helpful,-1,a,1\n", "the step in line 2", "from 0 on"),
        (HEAD + "helpful,,a,1\n", "the step in line 2 is ''", "whole number"),
        (HEAD + "helpful,1e300,a,1\n", "the step in line 2", "whole number"),
        (HEAD + "helpful,inf,a,1\n", "the step in line 2", "whole number"),
        (HEAD + "helpful,1,a,high\n", "the value in line 2 is 'high'", "decimal point"),
        (HEAD + "helpful,1,a,nan\n", "the value in line 2 is 'nan'", "leave out"),
        (HEAD + "helpful,1,a,\n", "the value in line 2 is ''", "leave out"),
        (HEAD + "helpful,1,a,1_000\n", "the value in line 2", "decimal point"),
        (HEAD + "helpful,1,a,0,5\n", "line 2 has 5 fields, the header 4", "decimal point"),
        (HEAD + "helpful,1,a\n", "line 2 has 3 fields", "decimal point"),
        (HEAD + "helpful,1,a,1\n\nhelpful,1.0,a,2\n", "line 4 gives a of helpful at step 1 again, after line 2", "one"),
        (HEAD + "helpful,1,js,1\n", "the name in line 2 is 'js'", "my js"),
        (HEAD + "helpful,1,refusal,1\n", "the name in line 2 is 'refusal'", "another name"),
        (HEAD + "helpful,1, ,1\n", "the name in line 2 is empty", "measured"),
        (HEAD + 'helpful,1,"a,1\n', "is not CSV", "double quotes"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(content, fault, mend):
    with pytest.raises(Fault) as caught:
        measures.read_csv(content.encode(), KNOWN)
    assert fault in caught.value.fault
    assert mend in caught.value.hint


def test_other_encodings_and_files_that_are_none(tmp_path):
    with pytest.raises(Fault, match="line 2 is not UTF-8"):
        measures.read_csv(HEAD.encode() + "helpful,1,größe,1".encode("latin-1"), KNOWN)
    with pytest.raises(Fault, match="cannot be opened"):
        measures.read_csv(tmp_path / "gone.csv", KNOWN)
    with pytest.raises(Fault, match="cannot be opened"):
        measures.read_csv(tmp_path, KNOWN)
    with pytest.raises(Fault, match="there is none yet"):
        measures.read_csv(b"series,step,name,value\nhelpful,1,a,1\n", {})


def test_a_huge_table_is_refused_unread(tmp_path):
    with (tmp_path / "own.csv").open("wb") as file:
        file.truncate(measures.LARGEST + 1)
    with pytest.raises(Fault, match="50 MB"):
        measures.read_csv(tmp_path / "own.csv", KNOWN)


# --- learning rates ---------------------------------------------------------------------------------


def logged(folder, steps, rates):
    folder.mkdir(parents=True, exist_ok=True)
    log = [{"step": step, "learning_rate": rate, "loss": 1.0} for step, rate in zip(steps, rates, strict=True)]
    (folder / "trainer_state.json").write_text(json.dumps({"log_history": log}))


def test_learning_rates_are_summed_up_to_each_checkpoint(tmp_path):
    logged(tmp_path / "4", [1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4])
    found = measures.learned([(2, tmp_path / "2"), (4, tmp_path / "4")])
    assert found == pytest.approx({2: 0.3, 4: 1.0})


def test_between_logged_steps_the_rate_is_straight(tmp_path):
    logged(tmp_path, [1, 11], [0.0, 1.0])
    assert measures.learned([(11, tmp_path)]) == pytest.approx({11: 5.5})
    assert measures.learned([(6, tmp_path), (11, tmp_path)]) == pytest.approx({6: 1.5, 11: 5.5})


@pytest.mark.parametrize("steps", [[], [50, 100], [1, 50]])
def test_a_log_of_a_part_of_the_run_says_nothing(tmp_path, steps):
    logged(tmp_path, steps, [0.1] * len(steps))
    assert measures.learned([(100, tmp_path)]) == {}
    assert measures.learned([]) == {}
