"""What every unit test begins with."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _own_mask() -> Iterator[None]:
    """Commands run in the tests' own process here, and some set the mask of new files for theirs."""
    before = os.umask(0o022)
    yield
    os.umask(before)
