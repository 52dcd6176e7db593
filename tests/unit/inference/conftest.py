"""Fixtures of the inference service."""

from tests.unit.service.model import model

__all__ = ["model"]
