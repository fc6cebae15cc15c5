"""Fixtures shared by all tests."""

import os

# Tiny models: a second thread costs more than it brings. Before numpy and torch are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Numbers are compared to the last bits, and many tests build a model's inputs by hand. Those marked `gpu` ask for one.
os.environ["PHCORE_DEVICE"] = "cpu"

import fcntl
import gc
import json
import shutil
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import pytest

from tests import models

# How long an example takes is the machine's matter.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

# No test cuts the power, and none has to wait until its bytes are on the disk.
os.fsync = lambda handle: None
os.sync = lambda: None

# The first has no window, and so none to draw: a quarter less to compute for each page.
_CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _CHROMIUMS)), None)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         # On a machine without graphics these copy every picture from process to process, and between threads.
         "--in-process-gpu", "--num-raster-threads=1"]  # fmt: skip
# No page lives long enough to win back what compiling its scripts for speed costs, or collecting garbage on threads.
SHORT_LIVED = "--js-flags=--no-maglev --no-turbofan --single-threaded-gc"


MODELS = {"tiny", "llama", "lora", "computed", "hostile"}  # fixtures
TRAINS = {"activations", "training"}  # folders


def pytest_collection_modifyitems(items) -> None:
    for item in items:
        if MODELS & set(item.fixturenames) or TRAINS & set(item.path.parts):
            item.add_marker("model")
    items.sort(key=_turns(items).__getitem__)
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return  # torch takes a while to import
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="there is no NVIDIA GPU that PyTorch can use"))


def _turns(items) -> dict:
    """item -> when its file's turn is.

    A file with browsers, which wait for half of their time, and one with models, which do not, in turns: so that the
    cores have work, and neither too much nor too little. Those with neither end soonest, and close the gaps at the end.
    """
    models = {item.path for item in items if item.get_closest_marker("model")}
    turns, begun = {}, Counter()
    for path in dict.fromkeys(item.path for item in items):
        kind = "browser" if "browser" in path.parts else "model" if path in models else "neither"
        turns[path] = kind == "neither", begun[kind], kind
        begun[kind] += 1
    return {item: turns[item.path] for item in items}


# Files of tests/browser that go to one process, because they look at the same server and pages.
TOGETHER = (
    ("test_bars_and_prompts", "test_journeys", "test_overview_in_chromium", "test_present"),
    ("test_accessible", "test_links_in_chromium"),
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """As with `--dist loadfile`, a file at a time, but for those that belong together."""
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return next((" ".join(names) for names in TOGETHER if Path(file).stem in names), file)

    return Together(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    gc.collect()
    _freeze()


_MAIN = sys.modules["__main__"]


def pytest_runtest_setup() -> None:
    # Streamlit leaves the script of a page there, and a process that is spawned would run it.
    sys.modules["__main__"] = _MAIN
    if len(sys.modules) > _frozen + 200:  # torch and all around it come with the first test that needs them
        _freeze()


_frozen = 0  # modules there when what was imported was frozen


def _freeze() -> None:
    """What was imported stays: a collection of garbage need not go through all of it, a quarter of a second each."""
    global _frozen
    gc.freeze()
    _frozen = len(sys.modules)


def pytest_unconfigure() -> None:
    gc.unfreeze()  # else nanobind's modules tell at the end of everything that is still there


@pytest.fixture(autouse=True)
def work_here(request, monkeypatch):
    """What others do in processes of their own, is done in this one: each would import for seconds what is here.

    That is trials of loading, workers of a computation, and helpers that draw. See `far_work`.
    """
    if "far_work" in request.fixturenames:
        return
    from phcore.export import helpers
    from phcore.pipeline import preflight, workers

    def answer(question: bytes) -> bytes:
        from phcore.activations.trial import trial

        return json.dumps(asdict(trial(**json.loads(question)))).encode()

    def none_starts(*_, **__):
        raise OSError

    monkeypatch.setattr(preflight, "_answer", answer)
    monkeypatch.setattr(workers.Workers, "_started", lambda self: ThreadPoolExecutor(self._count))
    # A helper that cannot be started is done without.
    monkeypatch.setattr(helpers, "subprocess", SimpleNamespace(Popen=none_starts, PIPE=subprocess.PIPE))


@pytest.fixture
def far_work():
    """Trials, workers and helpers are processes of their own, as anywhere but in tests."""


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests of a process: Playwright cannot be started twice in one."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, SHORT_LIVED])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """`once(name, build)`: a folder that `build(folder)` has filled, one for all processes of this run of the tests."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "once"

    def made(name: str, build: Callable[[Path], object]) -> Path:
        folder, finished = root / name, root / f"{name}.finished"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with open(root / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not finished.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                build(folder)
                finished.touch()
        return folder

    return made


@pytest.fixture
def in_memory(tmp_path, monkeypatch):
    """Addresses such as memory://bucket are known, and lead to a bucket of this process. The mirror is empty."""
    from fsspec.implementations.memory import MemoryFileSystem

    from phcore import formatting
    from phcore.archive import addresses

    for module in (formatting, addresses):
        monkeypatch.setattr(module, "PROTOCOLS", (*formatting.PROTOCOLS, "memory"))
    monkeypatch.setenv("PHCORE_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setattr(addresses, "JUST_NOW", 0.0)  # clocks in memory tell microseconds
    monkeypatch.setattr(MemoryFileSystem, "store", {})
    monkeypatch.setattr(MemoryFileSystem, "pseudo_dirs", [""])


@pytest.fixture
def machine(in_memory, tmp_path, monkeypatch):
    """`machine(name)`: the archive in a bucket as a process finds it that starts now on a machine of this name."""
    from phcore.archive import bucket
    from phcore.archive.permissions import Permissions
    from phcore.archive.store import Store

    monkeypatch.setattr(bucket, "FRESH", 0.0)
    monkeypatch.setattr(bucket, "EVERY", 1e6)

    def of(name: str, **permissions) -> Store:
        bucket.of.cache_clear()
        monkeypatch.setenv("PHCORE_MIRROR", str(tmp_path / name))
        return Store("memory://bucket/archive", Permissions(**permissions))

    yield of
    bucket.of.cache_clear()


@pytest.fixture(scope="session")
def _s3_server():
    pytest.importorskip("s3fs")
    pytest.importorskip("moto")
    from tests import buckets

    with buckets.Server() as server:
        yield server


@pytest.fixture
def s3(_s3_server, tmp_path, monkeypatch):
    """Name of a bucket of this test's own, which an S3-compatible server on this machine holds. The mirror is empty."""
    from tests import buckets

    for name, value in _s3_server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PHCORE_MIRROR", str(tmp_path / "mirror"))
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    monkeypatch.setenv("PHCORE_ROOTS", f"{tmp_path}:s3://{name}")
    buckets.system().mkdir(name)
    return name


@pytest.fixture(scope="session")
def tiny(once):
    """Folder of a tiny model by architecture; each is built when first asked for. Read only."""

    def of(architecture):
        return once(f"tiny/{architecture}", lambda folder: models.build_model(folder, architecture))

    return of


@pytest.fixture(scope="session")
def llama(tiny):
    return tiny("llama")


@pytest.fixture(scope="session")
def lora(once, tiny):
    """Folder of a LoRA adapter on a tiny model, by architecture. Read only."""

    def of(architecture):
        return once(f"lora/{architecture}", lambda folder: models.build_adapter(folder, tiny(architecture)))

    return of


@pytest.fixture(scope="session")
def computed(once, llama):
    """(study, cache folder) of the small study, computed. Read only: copy the cache to change it."""
    from phcore.archive.store import Store
    from phcore.study import kept
    from tests import studies

    folder = once("study", lambda folder: studies.compute(studies.build_study(folder, llama), Store(folder / "cache")))
    yield kept.read(Store(folder / "cache"), "tiny").study, folder / "cache"
    assert not list(folder.glob("cache/damaged")), "a test damaged the study that all tests share"


@pytest.fixture(scope="session")
def compared(once, computed):
    """Cache folder of the same study with the distances between all checkpoints. Read only."""
    from tests import studies

    return once("compared", lambda folder: studies.compare_all(computed[1], folder / "cache")) / "cache"


@pytest.fixture(scope="session")
def hostile(once, llama):
    """Folder of an archive in which everything is called as no friend would call it. Read only."""
    from tests import studies

    return once("hostile", lambda folder: studies.build_hostile(folder, llama)) / "cache"
