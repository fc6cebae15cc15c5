"""The pages on an archive in a bucket, headless and read-only: what is shown is brought, and what changes is seen."""

import pytest

from pages.parts import data
from phcore.archive import bucket
from tests import buckets
from tests.app.conftest import run, words

ROOT = "memory://bucket/archive"


@pytest.mark.long
def test_an_archive_in_a_bucket_is_shown(start, in_memory, computed, monkeypatch, tmp_path):
    buckets.put(computed[1] / "v2", f"{ROOT}/v2")
    before = buckets.held(ROOT)
    monkeypatch.setattr(bucket, "FRESH", 0.0)
    monkeypatch.setenv("PHCORE_READ_ONLY", "1")
    app = start(ROOT, "overview")
    assert "tiny" not in data.study_names()
    buckets.put(computed[1] / "studies", f"{ROOT}/studies")
    app = run(app)
    assert data.study_names() == ["tiny"]
    app = start(ROOT, "overview", study="tiny")
    assert "read-only" in words(app)
    assert str(tmp_path / "mirror") not in words(app)
    brought = list(data.store().root.rglob("*.parquet"))
    assert brought
    assert len(brought) < len(before) / 2  # as far as the page shows it
    assert results(buckets.held(ROOT)) == before


def results(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name.startswith("v2/")}


def test_a_bucket_that_cannot_be_reached_is_a_sentence(start, in_memory, monkeypatch, tmp_path):
    import fsspec

    def gone(*_, **__):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "find", gone)
    app = start(ROOT)
    said = [str(one.value) for one in app.error]
    assert any("its server cannot be reached" in one for one in said), said
    assert str(tmp_path / "mirror") not in words(app)
