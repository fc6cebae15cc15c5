"""Addresses of places in buckets and the folders that mirror them; what cannot be reached, in sentences."""

from pathlib import Path

import pytest

from phcore.archive.addresses import ARCHIVES, address_of, filesystem, local, reached
from phcore.cli.main import main
from phcore.errors import Fault
from phcore.formatting import mirror, named
from phcore.study import Series, Study
from phcore.study.record import Node
from phcore.study.redaction import without_paths


@pytest.mark.parametrize("address", ["s3://bucket", "s3://bucket/a b/ü.c", "gs://b/k", "abfs://c@account.example/x"])
def test_a_folder_says_its_address(address):
    for kind in ("checkpoints", ARCHIVES):
        folder = local(address, kind)
        assert address_of(folder, kind) == address
        assert named(f"in {folder}: gone") == f"in {address}: gone"
        assert local(folder) == folder
    assert address_of(local(address, ARCHIVES)) == ""  # what is brought there would replace results
    assert local(Path(address)) == local(address + "/")  # pathlib leaves one slash of two


def test_other_paths_stay_as_they_are(tmp_path):
    for place in (str(tmp_path), "runs", "~/runs", "C:/runs", "a:b"):
        assert local(place) == Path(place)
        assert named(place) == place
    assert address_of(tmp_path) == address_of(mirror()) == address_of(mirror() / "checkpoints" / "s3") == ""


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://host/x", "lists no folders"),
        ("https://host/x", "lists no folders"),
        ("file:///etc", "not known here"),
        ("hf://org/model", "not known here"),
        ("memory://x", "not known here"),
        ("s3://", "names no place"),
        ("s3://bucket/../../etc", "names no place"),
        ("s3://bucket//x", "names no place"),
        ("s3://bucket/a\\b", "names no place"),
        ("s3://bucket/a\0", "names no place"),
    ],
)
def test_what_is_no_place_is_refused(address, words):
    with pytest.raises(Fault, match=words):
        local(address)
    with pytest.raises(Fault, match=words):
        Study(name="a", model=address)


def test_study_and_record_say_the_address(tmp_path):
    study = Study(name="a", model="s3://bucket/base", series=[Series("x", "s3://bucket/runs/x")])
    assert study.model == local("s3://bucket/base")
    plain = study.to_dict()
    assert (plain["model"], plain["series"][0]["path"]) == ("s3://bucket/base", "s3://bucket/runs/x")
    assert Study.read(study.write(tmp_path / "a.toml")) == study
    assert Node("x", 1, "full", "s3://bucket/runs/x/1", 1, "ready").path == str(local("s3://bucket/runs/x/1"))


def test_strangers_see_no_address():
    said = "s3://bucket/runs/x: there is no such folder, and gs:/other/place/y neither"
    assert without_paths(said) == "x: there is no such folder, and y neither"


class NoCredentialsError(Exception):
    pass


class ConnectTimeoutError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError("The specified bucket does not exist"), "there is no such bucket"),
        (FileNotFoundError("The specified key does not exist."), "it is not there"),
        (PermissionError("Access Denied"), "access is denied"),
        (NoCredentialsError("Unable to locate credentials"), "AWS_PROFILE"),
        (ConnectTimeoutError("timeout on http://host/b?X-Amz-Signature=abc"), "cannot be reached"),
        (OSError(28, "No space left on device"), "Make room"),
        (ValueError("Invalid endpoint: x\nmore"), "Invalid endpoint: x"),
    ],
)
def test_what_goes_wrong_is_a_sentence(error, words):
    with pytest.raises(Fault) as caught, reached("s3://bucket/x"):
        raise error
    said = str(caught.value)
    assert said.startswith("s3://bucket/x: ")
    assert words in said
    assert "Signature" not in said


def test_a_package_that_is_missing_is_named(monkeypatch):
    def missing(*_, **__):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.filesystem", missing)
    with pytest.raises(Fault, match=r"pip install 'toposcope\[s3\]'"):
        filesystem("s3://bucket")


def test_a_wrong_root_is_an_error_of_the_command(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("PHCORE_CACHE", str(tmp_path))
    for variable, value in (("PHCORE_ROOTS", "ftp://host/x"), ("PHCORE_CACHE", "https://host/archive")):
        with monkeypatch.context() as wrong:
            wrong.setenv(variable, value)
            assert main(["studies"]) == 1
            assert f"error: {value}: " in capsys.readouterr().err
