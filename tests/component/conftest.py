"""What every component test begins with: as unit tests."""

from tests.unit.conftest import _own_mask

__all__ = ["_own_mask"]
