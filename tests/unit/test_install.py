"""What would be installed, read from the metadata. tests/app/test_installed.py installs it."""

import importlib
import runpy
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest

from phcore.archive.installed import PACKAGE

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def asked():
    """What setup.py asks for, of a stand-in: setuptools itself cannot be imported after some other packages."""
    seen = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "setuptools", types.SimpleNamespace(setup=seen.update))
        runpy.run_path(str(ROOT / "setup.py"))
    return seen


def tracked(folder):
    """Files of the project below a folder; in a checkout those that Git knows, or would."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", folder]
    asked = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=False)
    if asked.returncode == 0:
        return {name for name in asked.stdout.splitlines() if (ROOT / name).exists()}
    found = (one for one in (ROOT / folder).rglob("*") if one.is_file() and "__pycache__" not in one.parts)
    return {str(one.relative_to(ROOT)) for one in found}


def test_the_console_command_is_there():
    module, name = PROJECT["project"]["scripts"]["toposcope"].split(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_there_is_one_list_of_dependencies():
    assert PROJECT["project"]["dynamic"] == ["dependencies", "optional-dependencies"]
    assert PROJECT["tool"]["setuptools"]["dynamic"] == {
        "dependencies": {"file": ["requirements.txt"]},
        "optional-dependencies": {
            "dask": {"file": ["requirements-dask.txt"]},
            "s3": {"file": ["requirements-s3.txt"]},
        },
    }


def test_every_file_of_the_library_is_installed(asked):
    rooms = {name.replace(".", "/") for name in asked["packages"]}
    data = {f"phcore/{one}" for one in asked["package_data"]["phcore"]}
    code = {one for one in tracked("phcore") if one.endswith(".py") and str(Path(one).parent) in rooms}
    assert code | data == tracked("phcore")
    assert {"phcore/study/data/probes.jsonl", "phcore/export/report/report.html.j2"} <= data
    assert {"phcore/export/report/report.css", "phcore/export/report/report.js"} <= data


def test_every_file_of_the_app_is_installed_inside_one_package(asked):
    assert {name.split(".")[0] for name in asked["packages"]} == {"phcore", PACKAGE}
    assert asked["package_dir"] == {PACKAGE: "."}
    data = set(asked["package_data"][PACKAGE])
    assert tracked("pages") <= data
    assert any(one.endswith(".svg") for one in data)
    assert ".streamlit/config.toml" in data


def test_of_the_archive_only_what_ships_is_installed(asked):
    """Whatever else has been computed in a checkout is its owner's."""
    data = {one for one in asked["package_data"][PACKAGE] if one.startswith("cache/")}
    names = (ROOT / "cache" / "shipped.txt").read_text().split()
    assert data == {"cache/shipped.txt", *(f"cache/{name}" for name in names)}
