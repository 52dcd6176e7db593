"""What every unit test begins with."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Laws are about results; how long one example takes belongs to the machine.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture(autouse=True)
def _own_mask() -> Iterator[None]:
    """Commands run in the tests' own process here, and some set the mask of new files for theirs."""
    before = os.umask(0o022)
    yield
    os.umask(before)
