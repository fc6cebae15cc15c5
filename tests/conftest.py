"""Fixtures shared by all tests."""

import os

# Tiny models: a second thread costs more than it brings. Before numpy and torch are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest

from tests import models


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Folder of a tiny model by architecture; each is built once, when first asked for. Read only."""
    root, built = tmp_path_factory.mktemp("tiny"), {}

    def of(architecture):
        if architecture not in built:
            built[architecture] = models.build_model(root / architecture, architecture)
        return built[architecture]

    return of


@pytest.fixture(scope="session")
def llama(tiny):
    return tiny("llama")


@pytest.fixture(scope="session")
def lora(tmp_path_factory, tiny):
    """Folder of a LoRA adapter on a tiny model, by architecture. Read only."""
    root, built = tmp_path_factory.mktemp("lora"), {}

    def of(architecture):
        if architecture not in built:
            built[architecture] = models.build_adapter(root / architecture, tiny(architecture))
        return built[architecture]

    return of


@pytest.fixture(scope="session")
def computed(tmp_path_factory, llama):
    """(study, cache folder) of the small study, computed. Read only: copy the cache to change it."""
    from phcore.store import Store
    from tests import studies

    folder = tmp_path_factory.mktemp("study")
    study = studies.build_study(folder, llama)
    studies.compute(study, Store(folder / "cache"))
    return study, folder / "cache"
