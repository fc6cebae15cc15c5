"""What is installed is what is asked for: locked by version and digest, with a licence that is known."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def pinned(name: str) -> dict[str, str]:
    """Package -> version of a list of requirements."""
    text = (ROOT / name).read_text()
    return {
        found[1].lower().replace("_", "-"): found[2]
        for found in re.finditer(r"^([\w.-]+)(?:\[\w+\])?==([^\s;]+)", text, re.M)
    }


LOCKED = pinned("requirements.lock")
SOURCES = ("requirements.txt", "requirements-dask.txt", "requirements-s3.txt", "requirements-dev.txt")


def test_every_requirement_has_one_version():
    for name in SOURCES:
        lines = [one for one in (ROOT / name).read_text().splitlines() if one and not one.startswith("#")]
        assert len(pinned(name)) == len(lines), f"a line of {name} pins no version"


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-dask.txt", "requirements-s3.txt", "requirements-dev.txt"]
)
def test_the_lock_is_that_of_the_requirements(name):
    """After a requirement changed: make lock."""
    known = LOCKED | pinned("requirements-dev.lock")
    wanted = {one: version for one, version in pinned(name).items() if one != "torch"}
    assert wanted == {one: known.get(one) for one in wanted}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_file_has_a_digest(name):
    entries = re.findall(r"^\S.*(?:\n[ \t]+.*)*", (ROOT / name).read_text(), re.M)
    for entry in (one for one in entries if not one.startswith("#")):
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_every_licence_is_listed():
    listed = dict(re.findall(r"^\| ([\w.-]+) \| ([^ ]+) \|", (ROOT / "docs" / "licences.md").read_text(), re.M))
    for name in pinned("requirements.txt"):
        assert name in {one.lower().replace("_", "-") for one in listed}, name
