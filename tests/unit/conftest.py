"""What every unit test begins with."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Laws are about results; how long one example takes belongs to the machine. The gate tries the same examples each time,
# so that a change is refused for what it does alone; `make slow` looks for new ones.
settings.register_profile("gate", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


@pytest.fixture(autouse=True)
def _own_mask() -> Iterator[None]:
    """Commands run in the tests' own process here, and some set the mask of new files for theirs."""
    before = os.umask(0o022)
    yield
    os.umask(before)
