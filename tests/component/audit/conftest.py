"""The log of the unit tests."""

from tests.unit.audit.conftest import place

__all__ = ["place"]
