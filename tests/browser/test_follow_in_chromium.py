"""A training that is followed: pages grow while checkpoints come, without a reload."""

import os
import re
import time

import pytest

from phcore.pipeline import jobs
from tests import studies
from tests.browser.conftest import Server
from tests.browser.test_journeys import DRAWN
from tests.unit.pipeline.test_follow import arrive

pytestmark = pytest.mark.browser
LOOKED = re.compile("Last looked at")


@pytest.mark.long
def test_pages_grow_with_the_run_without_a_reload(visit, llama, tmp_path):
    study = studies.build_few(tmp_path, llama, "helpful")
    run, kept = study.series[0].path, tmp_path / "kept"
    run.rename(kept)
    run.mkdir()
    for file in (one for one in tmp_path.rglob("*") if one.is_file()):
        os.utime(file, (time.time() - 100, time.time() - 100))
    for step in (1, 2):
        arrive(run, kept, step)
    store = studies.Store(tmp_path / "archive" / "cache")
    studies.compute(study, store)
    server = Server(store.root, tmp_path, PHCORE_ROOTS=f"{tmp_path}:{llama.parent}")
    try:
        visitor = visit()
        page = visitor.open(f"{server.url}/study?study={study.name}")
        page.get_by_role("button", name="Follow the training").click()
        page.get_by_text(LOOKED).first.wait_for()
        page = visitor.open(f"{server.url}/trajectories?study={study.name}")
        page.wait_for_selector(DRAWN)
        page.evaluate("window.here = true")
        arrive(run, kept, 4)
        page.get_by_text(re.compile(r"up to step 4 \(helpful\). Last looked at")).wait_for()
        page.wait_for_function("document.querySelector('[data-testid=stSlider]').innerText.trim().endsWith('4')")
        assert page.evaluate("window.here")  # it is the page that was opened
        visitor.assert_clean()
    finally:
        jobs.cancel(store, study.name)  # it would go on without the server
        server.stop()
