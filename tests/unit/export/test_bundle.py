"""All figures and tables of a study in one zip."""

import hashlib
import io
import json
import tomllib
import zipfile

import pandas as pd
import pytest

from phcore.cli.main import main
from phcore.errors import Fault
from phcore.export.bundle import Print, bundle
from phcore.export.results import Results
from phcore.figures.registry import PRINTED


@pytest.fixture(scope="module")
def results(computed):
    return Results.open("tiny", computed[1])


# One that this small study has no numbers for, and some that it has. That each figure can be drawn, tests/unit/figures
# shows; drawing all of them in three formats takes longer than all else here.
SOME = ("velocity", "barcode", "windows")


@pytest.fixture(
    scope="module", params=[SOME, pytest.param(tuple(PRINTED), marks=pytest.mark.long)], ids=["some", "all"]
)
def archive(results, request):
    shares = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("phcore.export.bundle.PRINTED", {key: PRINTED[key] for key in request.param})
        content = bundle(results, Print(layer=2, width=85.0), shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    return zipfile.ZipFile(io.BytesIO(content))


def test_the_manifest_names_every_file_with_its_digest(archive, results):
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["digest"] == results.record.digest
    assert set(manifest["files"]) == set(archive.namelist()) - {"manifest.json"}
    for name, about in manifest["files"].items():
        content = archive.read(name)
        assert about == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert manifest["parameters"]["subsamples"] == "6"
    assert {"layer": 2, "width": 85.0}.items() <= manifest["figures"].items()


def test_every_figure_is_there_or_said_to_be_missing(archive, request):
    missing = json.loads(archive.read("manifest.json"))["missing"]
    assert "figures/windows" in missing
    for key in request.node.callspec.params["archive"]:
        kinds = {f"figures/{key}.{kind}" for kind in ("svg", "png", "pdf")}
        assert kinds <= set(archive.namelist()) or missing[f"figures/{key}"].endswith(".")
    assert b"85mm" in archive.read("figures/velocity.svg")


def test_tables_are_those_of_the_study(archive, results):
    for name in ("velocities", "findings", "concentration"):
        own = results.table(name)
        parquet = pd.read_parquet(io.BytesIO(archive.read(f"tables/{name}.parquet")))
        pd.testing.assert_frame_equal(parquet, own, check_dtype=False)
        assert len(pd.read_csv(io.BytesIO(archive.read(f"tables/{name}.csv")))) == len(own)
    assert "tables/runs.csv" not in archive.namelist()
    assert "tables/runs" in json.loads(archive.read("manifest.json"))["missing"]


def test_no_path_of_this_machine_is_in_it(archive, computed):
    study, cache = computed
    folders = {str(study.model.parent), str(study.series[0].path.parent), str(cache.parent)}
    for name in archive.namelist():
        if not name.endswith((".png", ".pdf", ".parquet")):
            text = archive.read(name).decode()
            assert not any(folder in text for folder in folders), name
    assert tomllib.loads(archive.read("study.toml").decode())["name"] == "tiny"


def test_methods_and_sources_stand_beside(archive):
    assert "6 subsamples of 20 prompts" in archive.read("methods.txt").decode()
    assert archive.read("references.bib").decode().count("@") > 3


def test_from_the_shell(results, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PHCORE_CACHE", str(results.store.root))
    monkeypatch.setattr("phcore.export.bundle.PRINTED", {"velocity": PRINTED["velocity"]})
    assert main(["figures", "tiny", "-o", str(tmp_path / "x.zip")]) == 0
    assert "MB" in capsys.readouterr().out
    assert zipfile.is_zipfile(tmp_path / "x.zip")
    assert main(["figures", "tiny", "-o", str(tmp_path / "y.zip"), "--layer", "9"]) == 1
    assert "Choose one of: 0, 1, 2" in capsys.readouterr().err
    assert not (tmp_path / "y.zip").exists()


def test_a_place_that_cannot_be_written_is_named(results, tmp_path, monkeypatch):
    from phcore.export.bundle import write

    monkeypatch.setattr("phcore.export.bundle.PRINTED", {})
    (tmp_path / "file").write_text("")
    with pytest.raises(Fault, match="cannot be written"):
        write(results, tmp_path / "file" / "x.zip")
