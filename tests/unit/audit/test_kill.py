"""What was acknowledged is there after SIGKILL at any moment."""

from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from tests.bench.hammer import hammer


def test_sixty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    result = hammer(tmp_path / "hammered", rounds=60, writers=32)
    assert (result.rounds, result.lost, result.findings) == (60, 0, [])
    assert result.records >= result.acknowledged > 60


def test_the_hammer_does_not_touch_a_folder_that_exists(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="exists"):
        hammer(tmp_path, rounds=1, writers=1)
    assert not list(tmp_path.iterdir())
