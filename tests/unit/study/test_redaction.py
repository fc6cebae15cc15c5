"""What strangers may see: sentences with planted paths, and records."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from phcore.archive.permissions import KINDS, Permissions
from phcore.archive.store import Store
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.pipeline.plan import all_units
from phcore.study.redaction import last_part, public, redact, redact_fault, without_paths

SPACED = "/home/some body/my runs/checkpoint-4"
WINDOWS = r"C:\Users\Some Body\my runs\checkpoint-4"
SHARE = r"\\nas\team share\runs"
UNICODE = "/home/jürgen/ma thèse/模型 一"


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("there is nothing in /home/me/runs/a.", "there is nothing in a."),
        ("read ~/models/base and ../b/c (see ./d/e)", "read base and c (see e)"),
        ("'/home/me/x.safetensors' is cut off", "'x.safetensors' is cut off"),
        ("'/home/some body/x y.bin' is cut off", "'x y.bin' is cut off"),
        ('"/srv/a b/x.bin", line 3', '"x.bin", line 3'),
        ("`/srv/a b/x.bin`: gone", "`x.bin`: gone"),
        ("([Errno 2] '/opt/hub/x.bin', not in /opt/hub)", "([Errno 2] 'x.bin', not in hub)"),
        ("is it /home/me/a? No, /home/me/b! [/home/me/c]; </home/me/d>", "is it a? No, b! [c]; <d>"),
        ("path=/home/me/a:/home/me/b", "path=a:b"),
        ("/data/run,1/(old)/x.bin is gone", "x.bin is gone"),
        ("/home/me/runs/ is empty", "runs is empty"),
        ("//home//me//x is gone", "x is gone"),
        ("file:///home/me/x.bin", "file:x.bin"),
        ("~other/models/x is not yours", "x is not yours"),
        (r"C:\Users\me\run is gone", "run is gone"),
        (r"'C:\\Users\\me\\x.bin' is gone", "'x.bin' is gone"),
        ("D:/models/base.", "base."),
        (r"look into \\nas\team\runs, please", "look into runs, please"),
        ("/home/jürgen/thèse/模型.bin is cut off", "模型.bin is cut off"),
        ("/x/models--org--name/snapshots/0123abc is gone", "name is gone"),
        ("\x1b[31m'/home/me/x'\x1b[0m", "\x1b[31m'x'\x1b[0m"),
        # ordinary words
        ("1/2 of the shards and/or 3 / 4", "1/2 of the shards and/or 3 / 4"),
        ("~5/10 of H1/H0, f(x)/2, [a]/b", "~5/10 of H1/H0, f(x)/2, [a]/b"),
        ("pick org/name from https://huggingface.co/org/name.", "pick org/name from https://huggingface.co/org/name."),
        (r"a\b and 1,000 tensors at 10:30", r"a\b and 1,000 tensors at 10:30"),
        ("", ""),
    ],
)
def test_paths_in_sentences(sentence, expected):
    assert without_paths(sentence) == expected
    assert without_paths(sentence, [SPACED, WINDOWS, SHARE, UNICODE]) == expected


@pytest.mark.parametrize(
    ("sentence", "known", "expected"),
    [
        (f"{SPACED} is empty.", SPACED, "checkpoint-4 is empty."),
        (f"{SPACED}/x.bin is cut off.", SPACED, "x.bin is cut off."),
        (f"'{SPACED}/x y.bin' is cut off.", SPACED, "'x y.bin' is cut off."),
        (f"{SPACED}: gone", SPACED, "checkpoint-4: gone"),
        (f"{SPACED}. Look into {SPACED}.", SPACED, "checkpoint-4. Look into checkpoint-4."),
        ("/home/some body/my runs is empty", SPACED, "my runs is empty"),
        ("not in /home/some body", SPACED, "not in some body"),
        ("see /home/some body/other/x.bin", SPACED, "see x.bin"),
        (f"{SPACED}2/x and {SPACED}.json", SPACED, "x and checkpoint-4.json"),
        (f"\x1b[31m{SPACED}\x1b[0m", SPACED, "\x1b[31mcheckpoint-4\x1b[0m"),
        (f"{WINDOWS}\\x.bin is gone", WINDOWS, "x.bin is gone"),
        ("'" + WINDOWS.replace("\\", "\\\\") + "' is gone", WINDOWS, "'checkpoint-4' is gone"),
        (WINDOWS.replace("\\", "/") + " is gone", WINDOWS, "checkpoint-4 is gone"),
        (f"{SHARE}\\x.bin is gone", SHARE, "x.bin is gone"),
        (f"{UNICODE} is empty", UNICODE, "模型 一 is empty"),
        (f"“{UNICODE}/x.bin” is cut off", UNICODE, "“x.bin” is cut off"),
        ("train/data and /data/x", "/data", "train/data and x"),
        ("default and helpful stay", "default", "default and helpful stay"),
    ],
)
def test_known_places_are_taken_out_whole(sentence, known, expected):
    assert without_paths(sentence, [known]) == expected


@pytest.mark.parametrize(
    ("path", "last"),
    [
        ("/home/me/runs/helpful", "helpful"),
        ("/", "-"),
        (".", "-"),
        ("../..", "-"),
        ("a/../..", "a"),
        ("~", "-"),
        ("/home/~me", "me"),
        (r"C:\Users\me\runs", "runs"),
        ("C:", "C"),
        ("/x/models--org--name/snapshots/0123abc", "name"),
        ("/x/a\0b", "ab"),
    ],
)
def test_of_a_path_only_the_last_part_stays(path, last):
    assert last_part(path) == last


words = st.text(st.sampled_from("ab./\\~: '(-,\n"), max_size=30)


@settings(max_examples=300, deadline=None)
@given(words, words)
@example("/a b", "'/a b'/a b/c")
def test_redacting_twice_is_redacting_once(path, sentence):
    last = last_part(path)
    assert last_part(last) == last
    assert not os.path.isabs(last)
    assert ".." not in Path(last).parts
    bare = without_paths(sentence, [path])
    assert without_paths(bare, [last]) == bare


@given(st.lists(st.text(st.sampled_from("ab é,(-"), max_size=6), min_size=2))
def test_no_folder_above_a_known_place_is_told(names):
    names = [f"{k}{name}." for k, name in enumerate(names, start=10)]  # each can be told from the others
    said = without_paths(f"it is '/{'/'.join(names)}', so look into /{'/'.join(names[:-1])}.", ["/" + "/".join(names)])
    assert said == f"it is '{names[-1]}', so look into {names[-2]}."


def test_a_fault_keeps_its_place_until_strangers_see_it():
    fault = Fault("it is damaged, see /home/me/log", "Mend /home/me/x y", "/home/me/x y")
    assert str(fault) == "/home/me/x y: it is damaged, see /home/me/log. Mend /home/me/x y."
    bare = redact_fault(fault, [])
    assert bare.path is None
    assert str(bare) == "it is damaged, see log. Mend x y."


# --- records ------------------------------------------------------------------------------------


@pytest.fixture
def record(computed):
    return Results.open("tiny", computed[1]).record


def test_redacting_keeps_every_key(record):
    bare = redact(record)
    assert bare.digest == record.digest
    assert [one.file for one in all_units(bare)] == [one.file for one in all_units(record)]
    assert redact(bare) == bare


def test_the_server_and_the_pack_show_the_same_names(record, tmp_path):
    finding = f"'{record.base.path}/x.bin' is cut off"
    record = replace(record, nodes=(*record.nodes[:-1], replace(record.nodes[-1], finding=finding)))
    bare, shown = redact(record), public(record, Permissions(read_only=True), tmp_path)
    assert shown == bare
    assert bare.nodes[-1].finding == "'x.bin' is cut off"
    assert bare.digest == record.digest


def test_what_is_private_or_not_served_is_left_out(record, tmp_path):
    record = replace(record, study=record.study.with_(beside=("a", "b"), private=("paths",)))
    shown = public(record, Permissions(True, ("a",), frozenset({"prompts"})), tmp_path)
    assert shown.study.beside == ("a",)
    assert shown.study.private == ("prompts", "paths")
    (tmp_path / "study.toml").write_text("private = 7")
    assert public(record, Permissions(True), tmp_path).study.private == KINDS


def test_private_prompts_do_not_leave_as_a_report(computed):
    study = Results.open("tiny", computed[1])
    texts = study.prompts["text"].tolist()
    private = Results(replace(study.record, study=study.study.with_(private=("prompts",))), Store(computed[1]))
    assert private.prompts["text"].tolist() == texts  # to their owner
    assert study.for_strangers().prompts["text"].tolist() == texts
    assert private.for_strangers().prompts["text"].iloc[3] == "prompt 3 (private)"
    assert private.for_strangers().finished
