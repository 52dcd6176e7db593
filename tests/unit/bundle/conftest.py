"""The sample bundle, as its makers signed it; each test gets a copy to spoil."""

import shutil
from pathlib import Path

import pytest

from tests.unit.bundle.sample import Keys, make_bundle, make_keys


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys") / "keys")


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Path:
    folder = tmp_path_factory.mktemp("original")
    make_bundle(folder, keys)
    return folder


@pytest.fixture
def bundle(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "bundle")
