"""Studies that travel: what a pack holds, what opening one leaves behind, and what is refused."""

import hashlib
import io
import json
import os
import re
import shutil
import stat
import threading
import time
import tomllib
import zipfile
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from phcore.archive.permissions import Permissions
from phcore.archive.store import SCHEMA, Store
from phcore.cli.main import main
from phcore.errors import Fault
from phcore.export import pack
from phcore.export.pack import Manifest, manifest, opening, packing, settling, unpack
from phcore.export.results import Results
from phcore.pipeline.run import publish_missing
from phcore.stages.registry import assembly, results, tables
from phcore.study import Study, kept, measures
from phcore.study.record import Record
from phcore.study.redaction import redact
from tests import studies

DATE = "2026-01-31T12:00:00+00:00"
OWN = "series,step,name,value\nhelpful,1,accuracy,0.5\nhelpful,4,accuracy,0.75\n"


@pytest.fixture(scope="module")
def packed(computed, tmp_path_factory):
    """The small study, packed with all there is."""
    target = tmp_path_factory.mktemp("packed") / "tiny.zip"
    pack.pack(Results.open("tiny", computed[1]), target, clouds=True, date=DATE)
    return target


@pytest.fixture(scope="module")
def lean(computed, tmp_path_factory):
    """A pack of the tables and prompts alone: small enough to open hundreds of times."""
    folder = tmp_path_factory.mktemp("lean")
    store = studies.copy_archive(computed[1], folder / "cache")
    for stage in (store.root / SCHEMA).iterdir():
        if stage.name not in ("tables", "probes"):
            shutil.rmtree(stage)
    pack.pack(Results.open("tiny", store), folder / "lean.zip", date=DATE)
    return folder / "lean.zip"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "archive")


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }


def files_of(source: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(source) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(target: Path, files: dict[str, bytes], **attributes) -> Path:
    """A zip file with names as they are given; `attributes` are set on every entry but the manifest."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo("x")
            info.filename, info.external_attr = name, 0o644 << 16  # past the constructor, which mends names
            for key, value in attributes.items() if name != "manifest.json" else ():
                setattr(info, key, value)
            archive.writestr(info, data)
    return target


def forged(source: Path, target: Path, change=None, head=None, **attributes) -> Path:
    """A pack whose manifest fits its files, after `change(files)`; `head` are values put into the manifest."""
    files = files_of(source)
    plain = json.loads(files.pop("manifest.json"))
    if change:
        change(files)
    entries = [{"path": n, "bytes": len(d), "sha256": hashlib.sha256(d).hexdigest()} for n, d in files.items()]
    plain |= {"files": entries} | (head or {})
    return zipped(target, {"manifest.json": json.dumps(plain).encode(), **files}, **attributes)


def refuse(source, store, match):
    """Opening raises a Fault that says `match`, and leaves the archive as it was."""
    before = tree(store.root) if store.root.exists() else None
    with pytest.raises(Fault) as caught:
        unpack(source, store)
    # Not the whole message: it begins with a path, and pytest's folders have the names of tests.
    assert re.search(match, caught.value.fault), caught.value
    assert (tree(store.root) if store.root.exists() else None) == before
    assert caught.value.hint
    return caught.value


def any_result(files: dict[str, bytes], stage: str = "tables") -> str:
    return next(name for name in files if name.startswith(f"{SCHEMA}/{stage}/"))


# --- there and back -----------------------------------------------------------------------------


def test_everything_arrives_to_the_bit(computed, packed, store):
    done = unpack(packed, store)
    here, there = Results.open("tiny", computed[1]), Results.open("tiny", store)
    assert there.finished
    assert (done.name, done.present, done.kept, done.unread) == ("tiny", 0, (), ())
    assert done.new == len(list((store.root / SCHEMA).rglob("*.parquet")))
    assert tree(store.root / SCHEMA) == tree(computed[1] / SCHEMA)
    for name in tables():
        pd.testing.assert_frame_equal(here.table(name), there.table(name), check_exact=True)
    pd.testing.assert_frame_equal(here.prompts, there.prompts)
    assert np.array_equal(here.clouds("helpful", 2), there.clouds("helpful", 2))
    assert there.record.digest == here.record.digest


def test_a_study_file_and_record_as_the_archive_writes_them(packed, store):
    unpack(packed, store)
    folder = store.root / "studies" / "tiny"
    assert sorted(path.name for path in folder.iterdir()) == ["record.json", "study.toml"]
    written = Study.from_dict(tomllib.loads((folder / "study.toml").read_text()))
    assert written == kept.read(store, "tiny").study
    assert sorted(path.name for path in store.root.iterdir()) == ["studies", SCHEMA]


def test_large_stages_stay_behind_unless_asked_for(computed, tmp_path, store):
    study = Results.open("tiny", computed[1])
    done = pack.pack(study, tmp_path / "x.zip")
    large = {one.name for one in results().values() if one.intermediate}
    assert set(done.left) == large
    assert large == {"clouds", "second_clouds", "next_tokens", "token_clouds", "greedy_answers", "variant_loops"}
    assert done.left["clouds"] == sum(path.stat().st_size for path in (computed[1] / SCHEMA / "clouds").iterdir())
    assert not large & set(done.sizes)
    assert (done.files, done.bytes) == (len(files_of(done.path)) - 1, done.path.stat().st_size)
    unpack(tmp_path / "x.zip", store)
    assert Results.open("tiny", store).finished
    with pytest.raises(Fault, match="are not in this archive"):
        Results.open("tiny", store).clouds("helpful", 2)


def test_named_is_all_there_is_and_each_once(computed):
    record = Results.open("tiny", computed[1]).record
    found = assembly.named(record)
    assert len(set(found)) == len(found)
    there = {(path.parent.name, path.stem) for path in (computed[1] / SCHEMA).rglob("*.parquet")}
    assert there <= set(found)
    allowed = manifest.file_names(manifest.FORMAT)
    assert all(allowed.fullmatch(f"{SCHEMA}/{stage}/{key}.parquet") for stage, key in found)


def test_the_same_study_gives_the_same_bytes_wherever_it_lies(computed, packed, tmp_path):
    store = studies.copy_archive(computed[1], tmp_path / "elsewhere")
    folder = store.root / "studies" / "tiny"
    moved = (folder / "record.json").read_text().replace(str(computed[1].parent), "/home/somebody else/models")
    (folder / "record.json").write_text(moved)
    again = pack.pack(Results.open("tiny", store), tmp_path / "again.zip", clouds=True, date=DATE)
    assert again.path.read_bytes() == packed.read_bytes()
    with zipfile.ZipFile(packed) as archive:
        listed = archive.namelist()
        assert listed == ["manifest.json", *sorted(listed[1:])]
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_manifest_says_what_is_inside(packed):
    files = files_of(packed)
    told = Manifest.from_json(files.pop("manifest.json"))
    assert {entry.path: entry.bytes for entry in told.files} == {name: len(data) for name, data in files.items()}
    assert (told.format, told.date, told.study) == (manifest.FORMAT, DATE, "tiny")
    assert (told.prompts, told.clouds) == (True, True)
    assert told.packages["redzed-tda"] == metadata.version("redzed-tda")
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", told.phcore)


def test_a_pack_of_a_pack_is_the_same(packed, tmp_path, store):
    unpack(packed, store)
    again = pack.pack(Results.open("tiny", store), tmp_path / "again.zip", clouds=True, date=DATE)
    assert again.path.read_bytes() == packed.read_bytes()


def test_own_measures_and_logs_travel(computed, tmp_path, store):
    home = studies.copy_archive(computed[1], tmp_path / "home")
    study = Results.open("tiny", home)
    publish_missing(measures.attach(OWN.encode(), study.record, home), home)
    study = Results.open("tiny", home)
    pack.pack(study, tmp_path / "x.zip")
    unpack(tmp_path / "x.zip", store, name="theirs")
    there = Results.open("theirs", store)
    assert there.finished
    assert measures.own_file("theirs", store).read_text() == OWN
    assert there.record.scalars == study.record.scalars != ""
    pd.testing.assert_frame_equal(there.table("lags"), study.table("lags"), check_exact=True)


def test_what_the_logs_said_stays_where_the_logs_are_not(computed, tmp_path, store):
    record = Results.open("tiny", computed[1]).record
    state = tmp_path / "helpful" / "checkpoint-4" / "trainer_state.json"
    state.parent.mkdir(parents=True)
    state.write_text(json.dumps({"log_history": [{"step": 1, "loss": 2.5}, {"step": 2, "loss": 1.5}]}))
    here = [replace(one, path=str(state.parent)) if one.label == "helpful" else one for one in record.nodes]
    record = replace(record, nodes=tuple(here))
    record = replace(record, scalars=measures.keep(record, store))
    there = redact(record)
    assert measures.keep(there, store) == record.scalars
    both = store.read("scalars", measures.attach(OWN.encode(), there, store).scalars).to_pandas()
    assert both[["name", "source"]].value_counts().to_dict() == {("loss", "trainer"): 2, ("accuracy", "file"): 2}


def test_an_unfinished_study_travels_as_far_as_it_got(computed, tmp_path, store):
    home = studies.without_evidence(computed[1], tmp_path / "home", clouds=False)
    pack.pack(Results.open("tiny", home), tmp_path / "x.zip")
    unpack(tmp_path / "x.zip", store)
    study = Results.open("tiny", store)
    assert study.complete
    assert not study.finished


# --- without paths ------------------------------------------------------------------------------


def test_no_path_of_this_machine_is_inside(computed, packed):
    data = packed.read_bytes()
    for path in (computed[1].parent, Path.home(), Path.cwd()):
        assert str(path).encode() not in data
    record = Record.from_json(files_of(packed)["record.json"])
    paths = [record.study.model, record.study.probes, *(one.path for one in record.study.series)]
    assert not any(os.path.isabs(path) for path in (*paths, *(node.path for node in record.nodes)))


def test_findings_lose_their_paths_and_the_tables_are_found_all_the_same(computed, tmp_path, store):
    home = studies.copy_archive(computed[1], tmp_path / "home")
    old = Results.open("tiny", home).record
    place = "/home/some body/runs/harmless/checkpoint-4"
    bad = replace(old.nodes[-2], path=place, status="refused")
    bad = replace(bad, finding=f"PEFT cannot load it ([Errno 2] '{place}/x.bin', not in /opt/hub). Copy it again.")
    record = replace(old, nodes=(*old.nodes[:-2], bad, old.nodes[-1]))
    kept.keep(record, home)
    pack.pack(Results.open("tiny", home), tmp_path / "x.zip")
    unpack(tmp_path / "x.zip", store)
    there = Results.open("tiny", store)
    assert there.record.nodes[-2].finding == ("PEFT cannot load it ([Errno 2] 'x.bin', not in hub). Copy it again.")
    assert there.record.digest == record.digest
    assert there.finished


# --- without prompts ----------------------------------------------------------------------------


def test_without_prompts_no_text_is_inside(computed, tmp_path, store):
    study = Results.open("tiny", computed[1])
    texts = study.prompts["text"].tolist()
    pack.pack(study, tmp_path / "x.zip", prompts=False, clouds=True)
    held = set()
    for name, data in files_of(tmp_path / "x.zip").items():
        assert not any(text.encode() in data for text in texts)
        if name.endswith(".parquet"):
            table = pq.read_table(io.BytesIO(data))
            for column, kind in zip(table.columns, table.schema.types, strict=True):
                held |= set(column.to_pylist()) if pa.types.is_string(kind) or pa.types.is_large_string(kind) else set()
    assert "raw" in held  # texts were looked at
    assert not held & set(texts)
    unpack(tmp_path / "x.zip", store)
    there = Results.open("tiny", store)
    assert there.finished
    assert there.record.prompts_withheld
    assert set(there.prompts["text"]) == {""}
    assert there.prompts["reference"].isna().all()
    for column in ("prompt", "category"):
        assert there.prompts[column].tolist() == study.prompts[column].tolist()
    assert there.record.digest == study.record.digest


def test_texts_come_back_with_a_pack_that_has_them(computed, packed, tmp_path, store):
    study = Results.open("tiny", computed[1])
    pack.pack(study, tmp_path / "x.zip", prompts=False)
    unpack(tmp_path / "x.zip", store)
    unpack(packed, store)
    there = Results.open("tiny", store)
    assert not there.record.prompts_withheld
    assert there.prompts["text"].tolist() == study.prompts["text"].tolist()


def test_texts_that_are_there_stay(computed, packed, tmp_path, store):
    unpack(packed, store)
    pack.pack(Results.open("tiny", computed[1]), tmp_path / "x.zip", prompts=False)
    done = unpack(tmp_path / "x.zip", store, name="again")
    there = Results.open("again", store)
    assert [Path(name).parent.name for name in done.kept] == ["probes"]
    assert not there.record.prompts_withheld
    assert all(there.prompts["text"])


@pytest.mark.parametrize("how", ["as it is packed", "forged", "marked in the study file alone"])
def test_a_pack_without_texts_does_not_show_those_that_are_private_here(computed, packed, tmp_path, store, how):
    unpack(packed, store)
    record = kept.read(store, "tiny")
    pack.pack(Results.open("tiny", computed[1]), tmp_path / "x.zip", prompts=False)
    if how == "marked in the study file alone":
        record.study.with_(private=("prompts",)).write(store.root / "studies" / "tiny" / "study.toml")
    else:
        kept.hide(record, ["prompts"], store)
    source = tmp_path / "x.zip"
    if how == "forged":  # it claims to have the texts

        def change(files: dict[str, bytes]) -> None:
            del files[f"{SCHEMA}/probes/{record.probes_key}.parquet"]
            plain = json.loads(files["record.json"])
            files["record.json"] = json.dumps(plain | {"prompts_withheld": False}).encode()

        source = forged(source, tmp_path / "y.zip", change, {"prompts": True})
    unpack(source, store, name="again")
    assert all(Results.open("again", store).prompts["text"])  # the owner sees them
    stranger = Results.open("again", Store(store.root, Permissions(read_only=True)))
    assert stranger.study.private == ("prompts",)
    assert not set(stranger.prompts["text"]) & set(Results.open("tiny", store).prompts["text"])


def test_what_came_without_prompts_goes_on_without(computed, tmp_path, store):
    pack.pack(Results.open("tiny", computed[1]), tmp_path / "x.zip", prompts=False, date=DATE)
    unpack(tmp_path / "x.zip", store)
    pack.pack(Results.open("tiny", store), tmp_path / "y.zip", date=DATE)
    assert (tmp_path / "y.zip").read_bytes() == (tmp_path / "x.zip").read_bytes()


def test_other_prompts_are_refused(lean, tmp_path, store):
    def change(files):
        name = any_result(files, "probes")
        table = pq.read_table(io.BytesIO(files[name])).to_pandas()
        table.loc[3, "text"] = "Another prompt"
        files[name] = table.to_parquet(index=False)

    refuse(forged(lean, tmp_path / "x.zip", change), store, "prompts are not those")


def test_other_categories_are_refused(lean, tmp_path, store):
    def change(files):
        name = any_result(files, "probes")
        table = pq.read_table(io.BytesIO(files[name])).to_pandas()
        table.loc[3, "category"] = "a" if table.loc[3, "category"] == "b" else "b"
        files[name] = table.to_parquet(index=False)

    refuse(forged(lean, tmp_path / "x.zip", change), store, "prompts are not those")


# --- an archive that is not empty ---------------------------------------------------------------


def test_opening_twice_changes_nothing(packed, store):
    first = unpack(packed, store)
    before = tree(store.root)
    second = unpack(packed, store)
    assert (second.new, second.present) == (0, first.new)
    assert tree(store.root) == before


def test_at_home_the_study_keeps_its_paths(computed, packed, tmp_path):
    home = studies.copy_archive(computed[1], tmp_path / "home")
    before = tree(home.root)
    unpack(packed, home)
    assert tree(home.root) == before


def test_a_file_with_other_content_is_kept_and_reported(lean, store):
    name = any_result(files_of(lean))
    other = pd.DataFrame({"value": [1.0]})
    store.write("tables", Path(name).stem, other)
    done = unpack(lean, store)
    assert done.kept == (name,)
    assert store.read("tables", Path(name).stem).to_pandas().equals(other)


def test_a_damaged_file_gives_way(lean, store):
    files = files_of(lean)
    name = any_result(files)
    target = store.root / name
    target.parent.mkdir(parents=True)
    target.write_bytes(files[name][:50])
    assert unpack(lean, store).kept == ()
    assert target.read_bytes() == files[name]


def test_another_study_of_that_name_is_not_touched(computed, lean, store):
    record = Results.open("tiny", computed[1]).record
    other = replace(record, study=record.study.with_(seed=7))
    kept.keep(other, store)
    fault = refuse(lean, store, "another study in the archive is called tiny")
    assert "--name" in fault.hint
    assert unpack(lean, store, name="tiny-2").name == "tiny-2"
    assert Results.open("tiny-2", store).finished
    assert Results.open("tiny", store).study.seed == 7


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "x" * 200, "/etc", "a\0b"])
def test_a_name_that_leads_out_is_refused(lean, store, name):
    with pytest.raises(Fault, match="cannot be used"):
        unpack(lean, store, name=name)
    assert not store.root.exists()


def test_files_of_another_version_are_left_out_and_reported(lean, tmp_path, store):
    old = f"{SCHEMA}/tables/lags-{'a' * 32}.parquet"

    def change(files):
        files[old] = files[any_result(files)]

    done = unpack(forged(lean, tmp_path / "x.zip", change), store)
    assert done.unread == (old,)
    assert not (store.root / old).exists()
    assert Results.open("tiny", store).finished


# --- what is refused ----------------------------------------------------------------------------


def test_a_forged_pack_without_a_change_is_opened(lean, tmp_path, store):
    """The forger of the tests below works: what they refuse is refused for what they changed."""
    assert unpack(forged(lean, tmp_path / "x.zip"), store).name == "tiny"


def test_a_tampered_byte(lean, tmp_path, store):
    files = files_of(lean)
    name = any_result(files)
    files[name] = files[name][:40] + bytes([files[name][40] ^ 1]) + files[name][41:]
    refuse(zipped(tmp_path / "x.zip", files), store, re.escape(name) + " is damaged")


def test_a_wrong_digest_of_the_record(lean, tmp_path, store):
    refuse(forged(lean, tmp_path / "x.zip", head={"record": "0" * 32}), store, "not the one it was packed with")


def test_a_record_with_another_fingerprint(lean, tmp_path, store):
    def change(files):
        files["record.json"] = files["record.json"].replace(b'"fingerprint": "', b'"fingerprint": "0')

    refuse(forged(lean, tmp_path / "x.zip", change), store, "not the one it was packed with")


def test_a_missing_and_an_extra_file(lean, tmp_path, store):
    files = files_of(lean)
    name = any_result(files)
    refuse(zipped(tmp_path / "a.zip", {k: v for k, v in files.items() if k != name}), store, "is missing")
    extra = f"{SCHEMA}/tables/cells-{'b' * 32}.parquet"
    refuse(zipped(tmp_path / "b.zip", {**files, extra: files[name]}), store, "is not in its manifest")
    refuse(zipped(tmp_path / "c.zip", {k: v for k, v in files.items() if k != "manifest.json"}), store, "manifest")


@pytest.mark.parametrize("name", ["record.json", "study.toml"])
def test_the_record_and_the_study_file_must_be_there(lean, tmp_path, store, name):
    refuse(forged(lean, tmp_path / "x.zip", lambda files: files.pop(name)), store, f"names no {name}")


HEX = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    "name",
    [
        "../evil.parquet",
        "/etc/evil",
        f"/v2/cells/{HEX}.parquet",
        f"v2/../../{HEX}.parquet",
        f"v2/tables/../../../cells-{HEX}.parquet",
        f"v2\\diagrams\\{HEX}.parquet",
        f"..\\diagrams\\{HEX}.parquet",
        f"C:/v2/diagrams/{HEX}.parquet",
        f"C:v2/diagrams/{HEX}.parquet",
        f"//host/v2/diagrams/{HEX}.parquet",
        f"./v2/diagrams/{HEX}.parquet",
        f"v2//diagrams/{HEX}.parquet",
        f"v2/diagrams/{HEX}.parquet/",
        f"v2/diagrams/{HEX}.parquet\n",
        f"v2/diagrams/{HEX}.parquet\0.txt",
        f"v2/diagrams/{HEX}\0.parquet",
        f"v2/diagrams/{HEX.upper()}.parquet",
        f"V2/diagrams/{HEX}.parquet",
        f"v3/diagrams/{HEX}.parquet",
        f"v1/diagrams/{HEX}.parquet",
        f"v2/diagrams/{HEX[:-1]}٣.parquet",
        f"v2/diagrams/{HEX[:-1]}.parquet",
        f"v2/unheard_of/{HEX}.parquet",
        f"v2/diagrams/.{HEX}.parquet",
        f"v2/tables/cells-{HEX}/../x.parquet",
        f"v2/tables/{HEX}-cells.parquet",
        f"v2/tables/Cells-{HEX}.parquet",
        f"v2/tables/cells-{HEX}.parquet:stream",
        "studies/other/record.json",
        "fingerprints.json",
        "v2/diagrams/evil.pkl",
        "inner.zip",
        "~/.bashrc",
        "",
    ],
)
@pytest.mark.parametrize("place", ["before", "instead"])
def test_names_that_no_result_has(lean, tmp_path, store, name, place):
    def change(files):
        if place == "before":
            files[name] = b"evil"
        else:
            files[name] = files.pop(any_result(files))

    refuse(forged(lean, tmp_path / "x.zip", change), store, "not the name of a result|is missing|damaged")
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize(
    "mode", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK], ids=hex
)
def test_what_is_no_plain_file(lean, tmp_path, store, mode):
    source = forged(lean, tmp_path / "x.zip", external_attr=(mode | 0o777) << 16, create_system=3)
    refuse(source, store, "not a plain file")


def test_a_dos_folder_is_no_plain_file(lean, tmp_path, store):
    refuse(forged(lean, tmp_path / "x.zip", external_attr=0x10), store, "not a plain file")


def test_twice_the_same_name(lean, tmp_path, store):
    source = forged(lean, tmp_path / "x.zip")
    with zipfile.ZipFile(source, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("record.json", b"{}")
    refuse(source, store, "'record.json', twice")

    files = files_of(lean)
    plain = json.loads(files["manifest.json"])
    plain["files"].append(plain["files"][0])
    files["manifest.json"] = json.dumps(plain).encode()
    refuse(zipped(tmp_path / "y.zip", files), store, "names a file twice")


def patched(source: Path, target: Path, offset: int, value: bytes, name: bytes = b"record.json") -> Path:
    """Bytes of one entry in the zip's central directory changed: 8 flags, 10 method, 20 packed size, 24 size."""
    data = bytearray(source.read_bytes())
    start = data.rindex(b"PK\x01\x02", 0, data.rindex(name))
    data[start + offset : start + offset + len(value)] = value
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("flag", [0x01, 0x40, 0x41])
def test_an_encrypted_entry(lean, tmp_path, store, flag):
    source = patched(lean, tmp_path / "x.zip", 8, flag.to_bytes(2, "little"))
    refuse(source, store, "encrypted")


def test_a_bomb_is_not_even_read(lean, tmp_path, store):
    def change(files):
        files[any_result(files)] = bytes(200_000_000)

    source = forged(lean, tmp_path / "x.zip", change, compress_type=zipfile.ZIP_DEFLATED)
    assert source.stat().st_size < 1_000_000
    refuse(source, store, "which is compressed")
    for method in (12, 14, 93, 99):  # bzip2, lzma, zstd, none that is known
        patched(lean, tmp_path / "y.zip", 10, method.to_bytes(2, "little"))
        refuse(tmp_path / "y.zip", store, "which is compressed|damaged")


def test_headers_that_lie_about_a_bomb(lean, tmp_path, store):
    files = files_of(lean)
    name = any_result(files).encode()
    size = len(files[name.decode()])
    bigger = (size + 1000).to_bytes(4, "little")
    refuse(patched(lean, tmp_path / "a.zip", 24, bigger, name), store, "contradicts itself")
    refuse(patched(lean, tmp_path / "b.zip", 20, bigger, name), store, "contradicts itself")
    refuse(patched(lean, tmp_path / "c.zip", 20, bigger + bigger, name), store, "another size")
    smaller = (size - 10).to_bytes(4, "little")
    refuse(patched(lean, tmp_path / "d.zip", 20, smaller + smaller, name), store, "another size")
    huge = lean.stat().st_size.to_bytes(4, "little")
    refuse(patched(lean, tmp_path / "e.zip", 20, huge + huge, name), store, "larger than itself")


def test_entries_that_share_their_bytes(lean, tmp_path, store):
    """Every entry as long as the file: 27 files in the bytes of one."""
    source = tmp_path / "x.zip"
    shutil.copy(lean, source)
    size = lean.stat().st_size.to_bytes(4, "little")
    for name in files_of(lean):
        patched(source, source, 20, size + size, name.encode())
    refuse(source, store, "larger than itself")


def test_sizes_are_limited(lean, tmp_path, store, monkeypatch):
    for limit, match in (
        ({"LARGEST_FILE": 1000}, "a pack takes 0 MB"),
        ({"LARGEST_PACK": 1000}, "a pack takes 200,000 files"),
        ({"MOST_FILES": 3}, "a pack takes 3 files"),
        ({"LARGEST_TEXT": 100}, "its manifest.json has"),
    ):
        with monkeypatch.context() as patch:
            for name, value in limit.items():
                for module in (manifest, opening):
                    patch.setattr(module, name, value, raising=False)
            refuse(lean, store, match)


def test_parquet_that_swells_is_refused(lean, tmp_path, store, monkeypatch):
    def change(files):
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"x": np.zeros(4_000_000)}), sink, compression="zstd", use_dictionary=False)
        files[any_result(files)] = sink.getvalue().to_pybytes()

    source = forged(lean, tmp_path / "x.zip", change)
    assert source.stat().st_size < 2_000_000
    monkeypatch.setattr(opening, "LARGEST_FILE", 20_000_000)
    refuse(source, store, "would take 32 MB of memory")


def test_what_is_not_parquet(lean, tmp_path, store):
    def change(files):
        files[any_result(files)] = b"PAR1" + bytes(100) + b"PAR1"

    refuse(forged(lean, tmp_path / "x.zip", change), store, "is not Parquet")


def test_a_disk_that_is_too_full(lean, store, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000))
    refuse(lean, store, "the disk has 0 MB free")


@pytest.mark.parametrize("number", [manifest.FORMAT + 1, 99])
def test_a_newer_format(lean, tmp_path, store, number):
    fault = refuse(
        forged(lean, tmp_path / "x.zip", head={"format": number, "new": 1}),
        store,
        f"opens formats up to {manifest.FORMAT}",
    )
    assert "later" in fault.hint


@pytest.mark.parametrize(
    "head",
    [
        {"format": 0},
        {"format": True},
        {"format": "1"},
        {"date": 5},
        {"prompts": 1},
        {"packages": {"numpy": 2}},
        {"packages": []},
        {"unknown": 1},
        {"files": [{"path": "record.json"}]},
        {"files": "record.json"},
        {"files": [["record.json", 1, ""]]},
    ],
)
def test_a_manifest_that_is_none(lean, tmp_path, store, head):
    refuse(forged(lean, tmp_path / "x.zip", head=head), store, "not a packed study, or it is damaged")


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"format": 1e999}'])
@pytest.mark.parametrize("name", ["manifest.json", "record.json", "study.toml"])
def test_texts_that_are_none(lean, tmp_path, store, text, name):
    if name == "manifest.json":
        source = zipped(tmp_path / "x.zip", {**files_of(lean), name: text})
    else:
        source = forged(lean, tmp_path / "x.zip", lambda files: files.update({name: text}))
    refuse(
        source,
        store,
        "not a packed study, or it is damaged|not the record of a study|is unknown|unknown key|is not named",
    )


def rewritten(lean: Path, target: Path, change) -> Path:
    """A pack with a changed record, and manifest and study file that fit it."""
    plain = json.loads(files_of(lean)["record.json"])
    change(plain)
    data = json.dumps(plain).encode()
    head = {}
    try:
        record = Record.from_json(data)
        head = {"record": record.digest, "study": record.study.name}
        toml = tomli_w.dumps(record.study.to_dict()).encode()
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RuntimeError):
        toml = files_of(lean)["study.toml"]
    return forged(lean, target, lambda files: files.update({"record.json": data, "study.toml": toml}), head=head)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda r: r.update(probe_digest="../../../etc/passwd"), "not the record of a study"),
        (lambda r: r.update(probe_digest="0" * 63 + "\n"), "not the record of a study"),
        (lambda r: r.update(scalars="../x"), "not the record of a study"),
        (lambda r: r.update(category_digest="../x"), "not the record of a study"),
        (lambda r: r.update(nodes=[]), "not the record of a study"),
        (lambda r: r["nodes"].pop(0), "not the record of a study"),
        (lambda r: r["nodes"][1].update(step="1"), "not the record of a study"),
        (lambda r: r["nodes"][1].update(step=True), "not the record of a study"),
        (lambda r: r.update(hidden_size=None), "not the record of a study"),
        (lambda r: r.update(layers=["0"]), "not the record of a study"),
        (lambda r: r["study"]["series"][0].update(objective=5), "not the record of a study"),
        (lambda r: r["nodes"][1].update(path="/etc"), "paths of another machine"),
        (lambda r: r["nodes"][1].update(path="../../secret"), "paths of another machine"),
        (lambda r: r["nodes"][1].update(finding="See /home/me/x."), "paths of another machine"),
        (lambda r: r["study"].update(model="/etc"), "paths of another machine"),
        (lambda r: r["study"].update(model="../base"), "paths of another machine"),
        (lambda r: r["study"].update(probes="/etc/passwd"), "paths of another machine"),
        (lambda r: r["study"]["series"][0].update(path="a/b"), "paths of another machine"),
        (lambda r: r["study"].update(model="~nobody-at-all/x"), "damaged|paths of another machine"),
        (lambda r: r["study"].update(name="../evil"), "cannot be used"),
        (lambda r: r["study"].update(name=7), "damaged|wrong type"),
        (lambda r: r.update(prompts_withheld=True), "contradict each other"),
        (lambda r: r.update(nodes=[r["nodes"][0], *r["nodes"][1:2] * 10_000]), "more than a study can"),
        (lambda r: r.update(n_prompts=7), "prompts are not those"),
        (lambda r: r.update(extra=1), "not the record of a study: it has an unknown key"),
    ],
)
def test_a_record_that_would_lead_astray(lean, tmp_path, store, change, match):
    refuse(rewritten(lean, tmp_path / "x.zip", change), store, match)


def test_a_study_file_that_says_something_else(lean, tmp_path, store):
    def change(files):
        files["study.toml"] = files["study.toml"].replace(b"seed = 0", b"seed = 1", 1)

    refuse(forged(lean, tmp_path / "x.zip", change), store, "contradict each other")


def test_measures_that_do_not_fit(lean, tmp_path, store):
    def change(files):
        files["measures.csv"] = b"series,step,name,value\nnobody,1,x,1\n"

    refuse(forged(lean, tmp_path / "x.zip", change), store, "'nobody', which the study does not have")


def test_a_file_that_is_no_zip(tmp_path, store, lean):
    for data in (b"", b"PK", b"not a zip at all" * 100, b"PK\x05\x06" + bytes(18)):
        (tmp_path / "x.zip").write_bytes(data)
        refuse(tmp_path / "x.zip", store, "not a packed study")
    refuse(tmp_path / "gone.zip", store, "no such file")
    refuse(tmp_path, store, "cannot be read")


def test_the_fault_names_the_file_and_never_the_room_it_was_unpacked_in(lean, tmp_path, store):
    source = forged(lean, tmp_path / "x.zip", lambda files: files.update({any_result(files): b"no"}))
    fault = refuse(source, store, "is not Parquet")
    assert fault.path == source
    assert ".opening-" not in str(fault)


def test_an_open_file_can_be_opened(lean, store):
    """As the app gets it from an upload."""
    assert unpack(io.BytesIO(lean.read_bytes()), store).name == "tiny"
    fault = refuse(io.BytesIO(b"nothing"), store, "not a packed study")
    assert fault.path is None


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 10**9))
def test_a_truncated_pack(lean, tmp_path_factory, cut):
    store = Store(tmp_path_factory.getbasetemp() / "truncated")
    data = lean.read_bytes()
    refuse(io.BytesIO(data[: cut % len(data)]), store, "not a packed study|damaged|cannot be read")


@pytest.fixture(scope="module")
def whole(lean, tmp_path_factory):
    """(bytes of the lean pack, offsets of all that is not a result's content, what opening it gives)."""
    data = lean.read_bytes()
    with zipfile.ZipFile(lean) as archive:
        ends = [archive.start_dir]
        frame = [*range(archive.start_dir, len(data))]
        for info in archive.infolist():
            frame += range(info.header_offset, info.header_offset + 30 + len(info.filename))
            if info.filename in ("manifest.json", "record.json", "study.toml"):
                ends.append(info.header_offset)
                frame += range(info.header_offset, info.header_offset + 30 + info.file_size)
    store = Store(tmp_path_factory.mktemp("whole") / "archive")
    unpack(lean, store)
    return data, sorted(set(frame)), tree(store.root)


@settings(max_examples=150, deadline=None)
@given(where=st.integers(0, 10**9), flip=st.integers(1, 255), anywhere=st.booleans())
def test_any_changed_byte_is_refused_or_harmless(whole, tmp_path_factory, where, flip, anywhere):
    data, frame, good = whole
    place = where % len(data) if anywhere else frame[where % len(frame)]
    changed = bytearray(data)
    changed[place] ^= flip
    root = tmp_path_factory.mktemp("flip")
    try:
        unpack(io.BytesIO(bytes(changed)), Store(root / "archive"))
    except Fault:
        assert tree(root) == {}
    else:
        assert tree(root / "archive") == good
    shutil.rmtree(root)


# --- interrupted, and side by side --------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")], ids=["ctrl-c", "full"])
@pytest.mark.parametrize("stage", ["rename 0", "rename 1", "rename 12", "rename -1", "copy 0", "copy 9", "keep"])
@pytest.mark.parametrize("used", [False, True], ids=["fresh", "used"])
def test_an_interrupted_open_leaves_nothing(lean, tmp_path, store, monkeypatch, error, stage, used):
    if used:  # another study that shares a file
        name = any_result(files_of(lean))
        store.write("tables", "other", pd.DataFrame({"x": [1]}))
        (store.root / name).write_bytes(files_of(lean)[name])
    before = tree(store.root) if used else None
    what, _, number = stage.partition(" ")
    count = len(files_of(lean)) - 3 - used  # renames: every result, and the study's folder
    left = [int(number or 0) % count]

    def breaking(function, after):
        def call(*arguments, **options):
            left[0] -= 1
            if left[0] >= 0:
                return function(*arguments, **options)
            if after:  # Ctrl-C comes between the call and the next line
                function(*arguments, **options)
            raise error

        return call

    with monkeypatch.context() as patch:
        if what == "rename":
            patch.setattr(os, "rename", breaking(os.rename, after=isinstance(error, KeyboardInterrupt)))
        elif what == "copy":
            patch.setattr(opening, "copy", breaking(manifest.copy, after=True))
        else:
            patch.setattr(settling, "keep", breaking(kept.keep, after=True))
        with pytest.raises((KeyboardInterrupt, Fault)):
            unpack(lean, store)
    assert left[0] == -1
    assert (tree(store.root) if store.root.exists() else None) == before
    unpack(lean, store)
    assert Results.open("tiny", store).finished


def test_two_opens_at_once(lean, store):
    done, start = [], threading.Barrier(4)

    def work(name):
        start.wait()
        done.append(unpack(lean, store, name=name))

    threads = [threading.Thread(target=work, args=(name,)) for name in ("tiny", "tiny", "a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.name for one in done) == ["a", "b", "tiny", "tiny"]
    assert sorted(one.new > 0 for one in done) == [False, False, False, True]
    assert set(kept.names(store)) == {"a", "b", "tiny"}
    assert all(Results.open(name, store).finished for name in kept.names(store))
    assert sorted(path.name for path in store.root.iterdir()) == ["studies", SCHEMA]


def test_what_one_takes_back_another_does_not_miss(lean, store, monkeypatch):
    """The first open fails after its last result is in place, while the second waits for its turn."""
    started, ended = threading.Event(), {}
    rename = os.rename

    def breaking(source, target):
        if threading.current_thread().name == "first" and Path(source).parent.name == "studies":
            started.set()
            waiting.wait(0.5)  # the second has extracted by now, and waits at the lock
            raise OSError(28, "No space left on device")
        return rename(source, target)

    waiting = threading.Event()
    monkeypatch.setattr(os, "rename", breaking)

    def work(name):
        try:
            ended[name] = unpack(lean, store, name=name)
        except Fault as fault:
            ended[name] = fault

    first = threading.Thread(target=work, args=("first",), name="first")
    first.start()
    started.wait()
    second = threading.Thread(target=work, args=("second",), name="second")
    second.start()
    first.join()
    second.join()
    assert isinstance(ended["first"], Fault)
    assert ended["second"].new > 0
    assert kept.names(store) == ["second"]
    assert Results.open("second", store).finished


def test_a_result_that_somebody_computed_meanwhile_is_not_taken_back(lean, store, monkeypatch):
    name = any_result(files_of(lean))
    other = pd.DataFrame({"x": [1.0]})

    def meanwhile(record, place):
        store.write("tables", Path(name).stem, other)
        kept.keep(record, place)
        raise KeyboardInterrupt

    monkeypatch.setattr(settling, "keep", meanwhile)
    with pytest.raises(KeyboardInterrupt):
        unpack(lean, store)
    assert [path for path in tree(store.root) if path.endswith(".parquet")] == [name]
    assert store.read("tables", Path(name).stem).to_pandas().equals(other)


def test_what_a_killed_open_left_is_cleared_away_a_day_later(lean, store):
    for name, age in (("old", 2 * opening.A_DAY), ("new", 60)):
        folder = store.root / f"{opening.ROOM}{name}"
        folder.mkdir(parents=True)
        (folder / "manifest.json").touch()
        os.utime(folder, (time.time() - age,) * 2)
    unpack(lean, store)
    assert sorted(path.name for path in store.root.iterdir()) == [f"{opening.ROOM}new", "studies", SCHEMA]


# --- packing that cannot be done ----------------------------------------------------------------


def test_damage_does_not_travel(computed, tmp_path):
    home = studies.copy_archive(computed[1], tmp_path / "home")
    path = max((home.root / SCHEMA / "diagrams").iterdir(), key=lambda one: one.stat().st_size)
    whole = path.read_bytes()
    studies.overwrite(path, whole[:4] + bytes(396) + whole[400:])  # the footer stays whole
    assert home.has("diagrams", path.stem)
    with pytest.raises(Fault, match="were damaged and have been set aside"):
        pack.pack(Results.open("tiny", home), tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


def test_nothing_computed_is_nothing_to_pack(computed, tmp_path):
    record = Results.open("tiny", computed[1]).record
    kept.keep(record, Store(tmp_path / "home"))
    with pytest.raises(Fault, match="nothing of tiny is computed yet"):
        pack.pack(Results.open("tiny", tmp_path / "home"), tmp_path / "x.zip")


def test_measures_that_are_no_file_are_named(computed, tmp_path):
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    own = store.root / "studies" / computed[0].name / "measures.csv"
    own.mkdir()
    with pytest.raises(Fault, match="cannot be read") as caught:
        pack.pack(Results.open(computed[0].name, store), tmp_path / "a.zip")
    assert caught.value.path == own
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_places_that_cannot_be_written(computed, tmp_path):
    study = Results.open("tiny", computed[1])
    with pytest.raises(Fault, match="its folder does not exist"):
        pack.pack(study, tmp_path / "gone" / "x.zip")
    with pytest.raises(Fault, match="this is a folder"):
        pack.pack(study, tmp_path)


def test_an_interrupted_pack_leaves_the_earlier_one(computed, tmp_path, monkeypatch):
    target = tmp_path / "x.zip"
    target.write_bytes(b"earlier")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(packing, "copy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pack.pack(Results.open("tiny", computed[1]), target)
    assert tree(tmp_path) == {"x.zip": b"earlier"}


def test_stripping_keeps_every_key(computed):
    record = Results.open("tiny", computed[1]).record
    bare = redact(record)
    assert bare.digest == record.digest
    assert assembly.named(bare) == assembly.named(record)
    assert redact(bare) == bare


# --- the shell ----------------------------------------------------------------------------------


def test_the_shell_packs_and_opens(computed, tmp_path, monkeypatch, capsys):
    target = tmp_path / "x.zip"
    monkeypatch.setenv("PHCORE_CACHE", str(computed[1]))
    assert main(["pack", "tiny", "-o", str(target), "--without-prompts"]) == 0
    told = capsys.readouterr().out
    assert f"{target}: tiny, finished, " in told
    assert "left behind: " in told
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path / "other"))
    assert main(["open", str(target), "--name", "theirs"]) == 0
    told = capsys.readouterr().out
    assert "Opened theirs, finished: " in told
    assert "without the texts of its prompts" in told
    assert str(computed[1]) not in told
    assert main(["compute", "theirs", "--workers", "1"]) == 0
    assert "Nothing was missing" in capsys.readouterr().out
    target.write_bytes(b"damaged")
    assert main(["open", str(target)]) == 1
    assert f"error: {target}: this is not a packed study" in capsys.readouterr().err


def test_the_shell_warns_of_hidden_states_without_prompts(computed, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PHCORE_CACHE", str(computed[1]))
    assert main(["pack", "tiny", "-o", str(tmp_path / "x.zip"), "--without-prompts", "--with-clouds"]) == 0
    assert "can be guessed" in capsys.readouterr().err


def test_a_device_or_a_pipe_is_no_pack(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/zero", tmp_path / "pipe"):
        with pytest.raises(Fault, match="it is a pipe or a device"):
            unpack(path, Store(tmp_path / "cache"))
