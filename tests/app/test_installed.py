"""The project as others get it: built, installed, and used from a folder that knows nothing of it."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from phcore.cli.browser import answers
from tests.browser.conftest import free_port
from tests.protocol import Client

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("phcore", "pages", ".streamlit", "app.py", "setup.py", "pyproject.toml", "requirements.txt",
         "requirements-dask.txt", "README.md")  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """(folder of the environment's commands, what to run them with). Other packages are those of this process."""
    for name in ("pip", "setuptools"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    place = tmp_path_factory.mktemp("installed")
    tree, wheels, env = place / "tree", place / "wheels", place / "env"
    tree.mkdir()
    for one in PARTS:  # building leaves things behind
        copy = shutil.copytree if (ROOT / one).is_dir() else shutil.copy
        copy(ROOT / one, tree / one)
    for name in ("shipped.txt", *(ROOT / "cache" / "shipped.txt").read_text().split()):
        (tree / "cache" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "cache" / name, tree / "cache" / name)
    (tree / "cache" / "studies" / "mine").mkdir()
    (tree / "cache" / "studies" / "mine" / "record.json").write_text("not for others")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    options = ["-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, "wheel", *options, "--no-build-isolation", "-w", str(wheels), str(tree)], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(env)], check=True)
    paths = sysconfig.get_paths("venv", {"base": str(env), "platbase": str(env)})
    Path(paths["purelib"], "others.pth").write_text(sysconfig.get_path("purelib"))
    (wheel,) = wheels.iterdir()
    python = str(Path(paths["scripts"], "python"))
    subprocess.run([*pip, "--python", python, "install", *options, str(wheel)], check=True)
    left_out = ("PHCORE_", "PYTHONPATH", "STREAMLIT_")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return Path(paths["scripts"]), plain | {"XDG_DATA_HOME": str(place / "data"), "HOME": str(place)}, place


def run(installed, *words):
    scripts, environment, place = installed
    (place / "empty").mkdir(exist_ok=True)
    done = subprocess.run(
        [str(scripts / words[0]), *words[1:]], cwd=place / "empty", env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_shows_the_study_that_ships(installed):
    assert run(installed, "toposcope", "studies").startswith("smollm2-135m-instruct  complete")
    archive = installed[2] / "data" / "toposcope"
    shipped = {"smollm2-135m-instruct", "tiny-instruct", "tiny-pretrained"}
    assert {one.name for one in (archive / "studies").iterdir()} == shipped
    assert run(installed, "toposcope", "findings", "tiny-instruct").startswith("1. ")


def test_a_script_imports_it_and_no_pages_are_among_its_packages(installed):
    code = (
        "import phcore, importlib.util as u, importlib.metadata as m\n"
        "from phcore.export.pack.packing import _own_version\n"
        "assert phcore.Study.open('smollm2-135m-instruct').table('cells').shape[0];"
        "assert u.find_spec('pages') is None and u.find_spec('app') is None;"
        "assert any(one.startswith('torch==') for one in m.requires('toposcope'));"
        "print(phcore.__file__, _own_version(), m.version('toposcope'))"
    )
    place, *versions = run(installed, "python", "-c", code).split()
    assert place.startswith(str(installed[2] / "env"))
    assert len(set(versions)) == 1


def test_a_job_runs_without_the_project(installed):
    """Jobs are processes of their own, which have to find the library again."""
    code = (
        "import time; from phcore.archive.store import Store; from phcore.pipeline import jobs; s = Store();"
        "jobs.start(s, 'x', ['compute', 'tiny-instruct']);\n"
        "while jobs.status(s, 'x').active: time.sleep(0.1)\n"
        "print(jobs.status(s, 'x').state, jobs.status(s, 'x').message)"
    )
    assert run(installed, "python", "-c", code) == "done Nothing was missing: study tiny-instruct.\n"


def test_the_app_opens_from_anywhere(installed):
    scripts, environment, place = installed
    (place / "empty").mkdir(exist_ok=True)
    port = free_port()
    process = subprocess.Popen(
        [str(scripts / "toposcope"), "app", "--port", str(port)], cwd=place / "empty", env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        while not answers(f"http://127.0.0.1:{port}"):
            assert process.poll() is None
        with pytest.raises(InvalidStatus):
            Client(port)  # who does not know the token
        token = (place / "data" / "toposcope" / "token").read_text()
        with Client(port, Cookie=f"toposcope-{port}={token}") as client:
            said = client.run().words()
            assert "harmless pulled the prompts" in said
            (session,) = [one.new_session for one in client.messages if one.WhichOneof("type") == "new_session"]
            assert session.custom_theme.base_font_size == 16  # .streamlit/config.toml
            assert not session.config.gather_usage_stats
    finally:
        process.terminate()
        told = process.communicate()[0]
    assert told.startswith(f"http://127.0.0.1:{port}/?token={token}\n")
    assert not list((place / "empty").iterdir())
